//! Which run a dataset, or what is begun of one, is of: version, recipe, and what the files held that it names. Where
//! these lie, and how a recipe is written, make no other run.

use toml::Value;

use super::recipe::{self, Recipe};
use super::streams;
use crate::dataset::digest::Digest;
use crate::dataset::{Header, InputFile, parts};
use crate::error::{Error, Result};
use crate::families::Family;

/// What is known of a run before a sample of it is made.
pub(super) struct Identity {
    /// Header of the whole dataset; its `origin` is 0 until the division into parts is known.
    pub header: Header,
    /// What samples are drawn from ([`streams::seed`]).
    pub streams: u64,
}

impl Identity {
    /// That of a recipe.
    ///
    /// # Errors
    /// [`Error::Recipe`] if there are not so many samples, [`Error::Io`] if a file that the family names cannot be
    /// read.
    pub fn new(recipe: &Recipe, family: &dyn Family) -> Result<Self> {
        if let Some(most) = family.samples().filter(|most| recipe.samples > *most) {
            let reason = format!("samples = {}: a file holds fields of {most} samples only", recipe.samples);
            return Err(Error::recipe(&recipe.origin, reason));
        }
        let files = family.files().iter().map(|f| InputFile::read(f)).collect::<Result<Vec<_>>>()?;
        let streams = streams::seed(recipe.seed, &recipe.family, family, &files);
        let header = Header {
            description: family.description(),
            recipe: recipe.resolved(family),
            seed: recipe.seed,
            fempipe_version: env!("CARGO_PKG_VERSION").to_string(),
            samples: recipe.samples,
            origin: 0,
            files,
            part: None,
        };
        Ok(Identity { header, streams })
    }
}

/// The `origin` of a run that is divided into parts of so many samples.
pub(super) fn origin(header: &Header, part_size: usize) -> u64 {
    let mut origin = Digest::new();
    origin.text(&by_content(header)).text(&header.fempipe_version).number(part_size as u64);
    for file in &header.files {
        origin.number(file.digest);
    }
    origin.finish()
}

/// In what two headers are of different runs; None if they are of one: same version, same recipe however it is written,
/// same content of the files that it names, wherever they lie.
pub(super) fn difference(there: &Header, wanted: &Header) -> Option<String> {
    if there.origin == wanted.origin {
        return None;
    }
    let named_so = beside(there, wanted);
    let same = |a: &Header, b: &Header| a.fempipe_version == b.fempipe_version && by_content(a) == by_content(b);
    if same(&named_so, wanted) {
        return None;
    }
    let (full, wanted) = (in_full(&named_so), in_full(wanted));
    if same(&full, &wanted) {
        return None;
    }
    let file = if full.recipe == wanted.recipe { other_file(there, &wanted) } else { None };
    // Two recipes have their own files, which are the same only if they lie at the same place.
    let full = Header { files: there.files.clone(), ..full };
    Some(file.unwrap_or_else(|| parts::difference(&full, &wanted)))
}

/// The first file, in the order of the keys, that is named otherwise and holds something else.
fn other_file(there: &Header, wanted: &Header) -> Option<String> {
    if there.fempipe_version != wanted.fempipe_version || there.files.len() != wanted.files.len() {
        return None;
    }
    let (old, new) = there.files.iter().zip(&wanted.files).find(|(old, new)| old.digest != new.digest)?;
    (old.path != new.path).then(|| {
        let (before, now) = (old.path.display(), new.path.display());
        format!(
            "{now} does not hold what {before} held there: XXH3 {:016x} there, {:016x} here",
            old.digest, new.digest
        )
    })
}

/// A header whose files have the names that those of `wanted` have, where there are as many: from another directory
/// they are named otherwise, and may not be found under the names there.
fn beside(there: &Header, wanted: &Header) -> Header {
    if there.files.len() != wanted.files.len() {
        return there.clone();
    }
    let name = |file: &InputFile| file.path.display().to_string();
    let pairs: Vec<(String, String)> = there.files.iter().map(name).zip(wanted.files.iter().map(name)).collect();
    let new = |text: &str| pairs.iter().find(|(old, _)| old == text).map(|(_, new)| new.clone());
    let files = there.files.iter().zip(&wanted.files);
    let files = files.map(|(old, new)| InputFile { path: new.path.clone(), digest: old.digest });
    Header { recipe: renamed(&there.recipe, &new), files: files.collect(), ..there.clone() }
}

/// A header's recipe with the content of the files instead of their names.
fn by_content(header: &Header) -> String {
    let content = |text: &str| {
        let file = header.files.iter().find(|file| file.path.display().to_string() == text)?;
        Some(format!("XXH3 {:016x}", file.digest))
    };
    match header.files.is_empty() {
        true => header.recipe.clone(),
        false => renamed(&header.recipe, &content),
    }
}

/// A recipe with other texts as values, where there are others for them. What is no TOML stays.
fn renamed(recipe: &str, new: &dyn Fn(&str) -> Option<String>) -> String {
    fn walk(value: &mut Value, new: &dyn Fn(&str) -> Option<String>) {
        match value {
            Value::String(text) => *text = new(text).unwrap_or_else(|| std::mem::take(text)),
            Value::Table(table) => table.iter_mut().for_each(|(_, inner)| walk(inner, new)),
            Value::Array(items) => items.iter_mut().for_each(|inner| walk(inner, new)),
            _ => {}
        }
    }
    let Ok(mut table) = recipe::parse(recipe, "") else {
        return recipe.to_string();
    };
    table.iter_mut().for_each(|(_, value)| walk(value, new));
    table.to_string()
}

/// A header with every default of its recipe written out, which older versions left to the reader.
fn in_full(header: &Header) -> Header {
    let origin = "recipe in the file";
    let resolved =
        Recipe::of_dataset(&header.recipe, origin).and_then(|recipe| Ok(recipe.resolved(&*recipe.family()?)));
    Header {
        // What is no recipe of ours is compared as it stands.
        recipe: resolved.unwrap_or_else(|_| header.recipe.clone()),
        ..header.clone()
    }
}

/// Refuses to make a dataset again whose recipe names files that have changed since: it would be another one.
///
/// # Errors
/// [`Error::File`] naming the file; [`Error::Io`] if it cannot be read, [`Error::Recipe`] if the recipe is no family's.
pub fn check_files(recorded: &[InputFile], recipe: &Recipe) -> Result<()> {
    if recorded.is_empty() {
        return Ok(());
    }
    for path in recipe.family()?.files() {
        let now = InputFile::read(&path)?;
        if let Some(then) = recorded.iter().find(|f| f.path == path && f.digest != now.digest) {
            let (there, here) = (then.digest, now.digest);
            let reason = format!(
                "has changed since the dataset was made from it: XXH3 {there:016x} there, {here:016x} here; take the \
                 file as it was, or name another one in a recipe of your own"
            );
            return Err(Error::file(path, reason));
        }
    }
    Ok(())
}
