//! An imported dataset, divided anew into sets.

use std::path::Path;

use toml::{Table, Value};

use super::import::{Imported, matrix_digest, note_split, repeated};
use crate::dataset::digest::Digest;
use crate::dataset::{Dataset, Header, Sizes, Writer, parts, split};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::io::{atomic, shell, toml_file};

/// Writes the samples of an imported dataset into `output`, divided into sets of these sizes; `seed` decides which goes
/// where. Whole or not at all; `progress` is told how many samples are done.
///
/// # Errors
/// [`Error::File`] if the dataset was not imported, or is damaged; [`Error::Argument`] for sizes that it does not have;
/// [`Error::Io`] if `output` cannot be written.
pub fn resplit(data: &Dataset, sizes: &Sizes, seed: u64, output: &Path, progress: &dyn Fn(usize)) -> Result<Imported> {
    parts::check_output(output)?;
    let header = header(data, sizes, seed)?;
    let sets = split::split(sizes, data.len(), 1, seed)?;
    let compress = data.contents()?.iter().any(|entry| entry.filters);
    let mut matrices = Vec::with_capacity(data.len());
    let target = atomic::followed(output);
    atomic::sweep(&target);
    atomic::replace(&atomic::temporary(&target), &target, |temporary| {
        let mut writer = Writer::create(temporary, header, data.shape().clone(), &data.totals(), compress)?;
        let mut first = 0;
        while first < data.len() {
            if interrupt::requested() {
                return Err(Error::Interrupted(format!("{} is as it was", output.display())));
            }
            let last = (first + data.block_len()).min(data.len());
            for record in &data.records(first, last)? {
                matrices.push(matrix_digest(&record.system.matrix));
                writer.push(record)?;
            }
            first = last;
            progress(first);
        }
        writer.finish(&sets).map(drop)
    })?;
    Ok(Imported { repeated: repeated(&matrices, &sets), split: sets, failed: 0 })
}

/// The header with the new split in its recipe, under an identity of its own.
fn header(data: &Dataset, sizes: &Sizes, seed: u64) -> Result<Header> {
    let old = data.header();
    let origin = data.path().display().to_string();
    let mut recipe: Table = toml_file::parse(&old.recipe, &origin)?;
    let Some(own) = recipe.get_mut("import").and_then(Value::as_table_mut) else {
        let reason = format!(
            "was not imported: the recipe of {} decides its sets; make it again with another one, as in `fempipe \
             generate --from {} --set split.train=0.5 --set split.validation=0.25 --set split.test=0.25 -o FILE`",
            old.description.family,
            shell::word(&origin)
        );
        return Err(Error::file(data.path(), reason));
    };
    note_split(own, sizes, seed);
    let recipe = recipe.to_string();
    let mut identity = Digest::new();
    identity.text(&recipe);
    for digest in data.digests() {
        identity.number(*digest);
    }
    Ok(Header { recipe, seed, origin: identity.finish(), ..old.clone() })
}
