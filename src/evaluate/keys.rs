//! What decides an evaluation and its cells, as digests: under these it finds again what was measured.

use super::journal::{Entry, Journal};
use super::networks::Networks;
use super::recipe::{EvalRecipe, Target};
use super::row::Row;
use crate::dataset::Dataset;
use crate::dataset::digest::Digest;
use crate::error::{Error, Result};

/// The digests of one dataset.
pub struct Keys {
    data: u64,
    /// None of a row that is not for the dataset.
    rows: Vec<Option<u64>>,
}

impl Keys {
    /// Those of dataset number `d`, of which the systems `ids` are solved.
    ///
    /// # Errors
    /// If a checkpoint cannot be read, or a row not be written as TOML.
    pub fn new(recipe: &EvalRecipe, data: &Dataset, ids: &[u32], d: usize, networks: &mut Networks) -> Result<Self> {
        let mut digest = Digest::new();
        digest.text(env!("CARGO_PKG_VERSION")).text(&data.header().recipe);
        // Seconds are those of so many threads.
        digest.number(rayon::current_num_threads() as u64);
        // Constants are fitted to the training systems; a dataset need not have any.
        for set in [ids, data.split("train").unwrap_or_default()] {
            digest.samples(set, data.digests());
        }
        let mut of = |(r, row)| recipe.place(r, d).map(|place| row_digest(row, place, networks)).transpose();
        let rows = recipe.rows.iter().enumerate().map(&mut of).collect::<Result<Vec<_>>>()?;
        Ok(Keys { data: digest.finish(), rows: told_apart(&rows) })
    }

    /// Of the condition numbers before preconditioning.
    pub fn before(&self, recipe: &EvalRecipe) -> u64 {
        conditioning(Digest::new().number(self.data).text("before"), recipe).finish()
    }

    /// Of the spectrum of the first system.
    pub fn spectrum(&self, recipe: &EvalRecipe) -> u64 {
        conditioning(Digest::new().number(self.data).text("spectrum"), recipe).finish()
    }

    /// Of those of a row.
    pub fn after(&self, recipe: &EvalRecipe, row: usize) -> u64 {
        conditioning(self.of(row, recipe).text("after"), recipe).finish()
    }

    /// Of the solves of a row to a target in a round.
    pub fn cell(&self, recipe: &EvalRecipe, row: usize, target: Target, round: usize) -> u64 {
        let mut digest = self.of(row, recipe);
        digest.text(target.measure.name()).reals(&[target.rtol]).number(recipe.max_it as u64);
        digest.number(recipe.right_hand_sides as u64);
        if round > 0 {
            digest.number(round as u64);
        }
        digest.finish()
    }

    /// Whether the journal has all there is to measure of a row.
    pub fn all_there(&self, recipe: &EvalRecipe, row: usize, journal: &Journal) -> bool {
        let cell =
            |(target, round)| matches!(journal.get(self.cell(recipe, row, target, round)), Some(Entry::Solves(_)));
        let mut cells = recipe.targets().into_iter().flat_map(|target| (0..recipe.repeats).map(move |k| (target, k)));
        journal.get(self.after(recipe, row)).is_some() && cells.all(cell)
    }

    fn of(&self, row: usize, recipe: &EvalRecipe) -> Digest {
        let mut digest = Digest::new();
        digest.number(self.data).number(self.rows[row].unwrap_or_default()).text(&recipe.device.to_string());
        digest
    }
}

/// The digests with that of a row that is there again made another: it is measured again, not copied.
fn told_apart(rows: &[Option<u64>]) -> Vec<Option<u64>> {
    let again = |(r, row): (usize, u64)| match rows[..r].iter().filter(|other| **other == Some(row)).count() {
        0 => row,
        before => Digest::new().number(row).number(before as u64).finish(),
    };
    rows.iter().enumerate().map(|(r, row)| row.map(|row| again((r, row)))).collect()
}

fn conditioning<'a>(digest: &'a mut Digest, recipe: &EvalRecipe) -> &'a mut Digest {
    digest.number(recipe.condition_samples as u64).number(recipe.condition_max_n as u64)
}

/// Of a whole evaluation, `keys` those of its datasets in their order: what it measures and how it names it, wherever
/// the files lie.
///
/// # Errors
/// If the recipe cannot be written as TOML.
pub fn identity<'a>(recipe: &EvalRecipe, keys: impl Iterator<Item = &'a Keys>) -> Result<u64> {
    let mut plain = EvalRecipe { data: Vec::new(), cache_mib: None, ..recipe.clone() };
    for row in &mut plain.rows {
        *row = Row { model: None, data: Vec::new(), ..row.resolved()? };
    }
    let text =
        toml::to_string(&plain).map_err(|e| Error::Argument(format!("recipe cannot be written as TOML: {e}")))?;
    let mut digest = Digest::new();
    digest.text(&text);
    for key in keys {
        digest.number(key.data);
        key.rows.iter().for_each(|&row| {
            digest.number(row.unwrap_or_default());
        });
    }
    Ok(digest.finish())
}

/// All keys of a row but its label and datasets; of its model what the checkpoint holds, wherever it lies.
fn row_digest(row: &Row, place: usize, networks: &mut Networks) -> Result<u64> {
    let rest = Row { label: String::new(), model: None, data: Vec::new(), ..row.resolved()? };
    let text = toml::to_string(&rest).map_err(|e| Error::Argument(format!("row cannot be written as TOML: {e}")))?;
    let mut digest = Digest::new();
    digest.text(&text);
    if let Some(network) = networks.of(row, place)? {
        digest.number(network.digest);
    }
    Ok(digest.finish())
}

#[cfg(test)]
mod tests {
    use super::told_apart;

    #[test]
    fn a_row_that_is_there_twice_has_two_keys() {
        let told = told_apart(&[Some(5), None, Some(7), Some(5), None, Some(5)]);
        assert_eq!(told[..3], [Some(5), None, Some(7)]);
        assert!(told[3] != Some(5) && told[5] != Some(5) && told[3] != told[5]);
        assert_eq!(told[4], None);
    }
}
