//! What is told of a dataset beside its solves: sizes, condition numbers, what models know of it.

use super::condition::{Condition, condition_after, ratio, spectrum_before, thinned};
use super::data_info::{DataInfo, solved};
use super::journal::{Entry, Journal};
use super::measure::{self, Source};
use super::opened::OpenedData;
use super::recipe::EvalRecipe;
use super::row::Row;
use super::systems::Systems;
use crate::error::{Error, Result};
use crate::interrupt;

/// What is told of a dataset; condition numbers that the journal has not are computed and kept there.
///
/// # Errors
/// Those of reading the systems and of the journal; [`Error::Interrupted`].
pub fn describe(
    recipe: &EvalRecipe,
    opened: &OpenedData,
    systems: &Systems,
    journal: &mut Journal,
) -> Result<DataInfo> {
    let OpenedData { data, keys, .. } = opened;
    let sizes: Vec<(usize, usize)> = systems.ids().iter().map(|&i| data.size(i as usize)).collect();
    let n = sizes.iter().map(|s| s.0).max().unwrap_or(0);
    let header = data.header();
    let leaks = || opened.leaks.iter().map(Option::as_ref);
    let mut info = DataInfo {
        name: data.path().file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned()),
        family: header.description.family.clone(),
        equation: header.description.equation.clone(),
        systems: sizes.len(),
        n,
        least_n: sizes.iter().map(|s| s.0).min().unwrap_or(0),
        nnz: sizes[0].1,
        kappa: Vec::new(),
        kappa_after: vec![Vec::new(); recipe.rows.len()],
        seen_in_training: leaks().map(|leak| leak.map_or(0, |leak| leak.systems)).collect(),
        leaks: leaks().map(|leak| leak.map_or_else(String::new, |leak| leak.words(systems.len()))).collect(),
        trained: opened.trained.clone(),
        direct: vec![false; recipe.rows.len()],
        digest: solved(data, systems.ids()),
        recipe: header.recipe.clone(),
        spectrum: Vec::new(),
        first: Some(systems.get(0)?),
    };
    if let Some(Entry::Spectrum(spectrum)) = journal.get(keys.spectrum(recipe)) {
        info.spectrum.clone_from(spectrum);
    }
    let key = keys.before(recipe);
    if let Some(Entry::Before(kappa)) = journal.get(key) {
        info.kappa.clone_from(kappa);
        return Ok(info);
    }
    for i in 0..conditioned(recipe, info.n, info.systems) {
        interrupt::check("while condition numbers were computed")?;
        let system = systems.get(i)?;
        match spectrum_before(&system.matrix, system.props) {
            Ok(rising) => {
                info.kappa.extend(ratio(&rising));
                if i == 0 {
                    info.spectrum = thinned(&rising);
                }
            }
            // A is singular, not finite or not what its dataset says: the solves will show it.
            Err(Error::Numeric(_)) => {}
            Err(e) => return Err(e),
        }
    }
    journal.keep(key, Entry::Before(info.kappa.clone()))?;
    journal.keep(keys.spectrum(recipe), Entry::Spectrum(info.spectrum.clone()))?;
    Ok(info)
}

/// Of how many of so many systems of n unknowns at most condition numbers are computed.
pub fn conditioned(recipe: &EvalRecipe, n: usize, systems: usize) -> usize {
    if n <= recipe.condition_max_n { recipe.condition_samples.min(systems) } else { 0 }
}

/// The name, or the first of name-2, name-3, … that no dataset has: plots and tables go by it.
pub fn unused(name: &str, taken: &[DataInfo]) -> String {
    let free = |candidate: &str| taken.iter().all(|info| info.name != candidate);
    let mut out = name.to_string();
    let mut k = 1;
    while !free(&out) {
        k += 1;
        out = format!("{name}-{k}");
    }
    out
}

/// Condition numbers of M A for the first systems, as far as they can be computed.
///
/// # Errors
/// Those of reading the systems; [`Error::Interrupted`].
pub fn conditions(source: &Source, row: &Row, systems: &Systems, count: usize) -> Result<Vec<Condition>> {
    let mut after = Vec::new();
    for i in 0..count {
        interrupt::check("while condition numbers were computed")?;
        let system = systems.get(i)?;
        if let Ok(prepared) = measure::prepare(source, row, &system) {
            let (m, space) = (&*prepared.preconditioner, prepared.space.as_ref());
            match condition_after(&system.matrix, system.props, m, space, row.ksp.damping()) {
                Ok(Some(mut c)) => {
                    if i > 0 {
                        c.spectrum = Vec::new();
                    }
                    after.push(c);
                }
                // M A is singular or not finite: the solves will show it.
                Ok(None) | Err(Error::Numeric(_)) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(after)
}
