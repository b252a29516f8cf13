//! What a run that goes on must find as it was: the recipe, key by key, and the data.

use std::path::Path;

use toml::{Table, Value};

use super::recipe::TrainRecipe;
use crate::dataset::Dataset;
use crate::dataset::digest::Digest;
use crate::error::{Error, Result};
use crate::io::shell;
use crate::models::Checkpoint;

/// Keys that differ which a message names.
const NAMED: usize = 4;

/// Refuses to go on with another recipe: half a run under each would be neither. `file` is that of the recipe. Where
/// the checkpoint knows its data, that may have moved.
///
/// # Errors
/// [`Error::File`] naming the keys that differ with both values, and what to do.
pub fn same_recipe(checkpoint: &Checkpoint, recipe: &TrainRecipe, file: &Path) -> Result<()> {
    // An older version may have written the same recipe otherwise.
    let there = TrainRecipe::parse(&checkpoint.recipe, "the recipe in last.safetensors").and_then(|r| r.decisive())?;
    let mut tables = [there, recipe.decisive()?].map(|text| text.parse::<Table>().unwrap_or_default());
    if !checkpoint.data.is_empty() {
        for table in &mut tables {
            table.remove("data");
        }
    }
    let [before, now] = tables;
    let found = differences(&before, &now);
    if found.is_empty() {
        return Ok(());
    }
    let mut shown = found.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if found.len() > NAMED {
        shown += &format!(", and {} more", found.len() - NAMED);
    }
    Err(Error::file(
        file,
        format!(
            "is not the recipe that the run was started with: {shown}. Change it back to go on with the run, or start \
             another one with `fempipe train {} -o DIR`",
            shell::path(file)
        ),
    ))
}

/// Where two tables differ, in words, key by key.
pub fn differences(before: &Table, now: &Table) -> Vec<String> {
    let mut out = Vec::new();
    compare("", before, now, &mut out);
    out
}

fn compare(path: &str, before: &Table, now: &Table, out: &mut Vec<String>) {
    let keys = before.keys().chain(now.keys().filter(|key| !before.contains_key(*key)));
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (before.get(key), now.get(key)) {
            (Some(Value::Table(before)), Some(Value::Table(now))) => compare(&path, before, now, out),
            (Some(before), Some(now)) if before == now => {}
            (Some(before), Some(now)) => out.push(format!("{path} was {before} and is now {now}")),
            (Some(before), None) => out.push(format!("{path} was {before} and is gone")),
            (None, Some(now)) => out.push(format!("{path} is {now} and was not there")),
            (None, None) => {}
        }
    }
}

/// What the data is to a run: digests of the ids and the samples that it trains on and is judged by.
pub fn identity(data: &Dataset, train: &[u32], validation: &[u32]) -> String {
    let digest = |ids: &[u32]| Digest::new().samples(ids, data.digests()).finish();
    format!("train {:016x}, validation {:016x}", digest(train), digest(validation))
}

/// Refuses to go on with other data; checkpoints of older versions know nothing of theirs.
///
/// # Errors
/// [`Error::File`] naming both.
pub fn same_data(checkpoint: &Checkpoint, identity: &str, data: &Path, file: &Path) -> Result<()> {
    if checkpoint.data.is_empty() || checkpoint.data == identity {
        return Ok(());
    }
    Err(Error::file(
        file,
        format!(
            "the run was started with other data (digests: {}) than {} now holds (digests: {identity}): put the \
             dataset back, or start another run",
            checkpoint.data,
            data.display()
        ),
    ))
}
