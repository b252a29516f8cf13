//! An evaluation whose datasets are open: what it is, before anything is measured.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::data_info::solved;
use super::keys::{self, Keys};
use super::leaks::{self, Leak};
use super::networks::Networks;
use super::recipe::EvalRecipe;
use super::trained::{Trained, trained};
use super::training_sets::TrainingSets;
use super::trivial;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::shard::Shard;

/// A recipe with its datasets, the systems of each that are solved, and its identity.
pub struct Opened {
    pub(super) recipe: EvalRecipe,
    pub(super) datasets: Vec<OpenedData>,
    identity: u64,
    notes: Vec<String>,
    /// The cells that are measured; all where there is none.
    pub(super) shard: Option<Shard>,
}

/// A dataset, the ids of its systems that are solved, the keys of their cells, and by row what its model was trained on
/// and what it knows of the systems.
pub(super) struct OpenedData {
    pub data: Arc<Dataset>,
    pub ids: Vec<u32>,
    pub keys: Keys,
    pub trained: Vec<Option<Trained>>,
    pub leaks: Vec<Option<Leak>>,
}

impl Opened {
    /// Opens the datasets, reads the checkpoints as far as their identity goes, and puts beside learned rows those that
    /// they have to beat.
    ///
    /// # Errors
    /// If a dataset or checkpoint cannot be read, there is nothing to solve in one, or a row learned from the systems
    /// that it is to be tested on.
    pub fn new(recipe: &EvalRecipe) -> Result<Self> {
        let open = |path| {
            let data = Dataset::open(path)?;
            let mut ids = data.split(&recipe.split)?.to_vec();
            if recipe.samples > 0 {
                ids.truncate(recipe.samples);
            }
            match ids.is_empty() {
                true => Err(Error::file(path, format!("its {} split is empty", recipe.split))),
                false => Ok((Arc::new(data), ids)),
            }
        };
        one_name_each(&recipe.data)?;
        let opened = recipe.data.iter().map(open).collect::<Result<Vec<_>>>()?;
        let mut recipe = recipe.clone();
        let mut networks = Networks::default();
        let mut notes = copies(&opened);
        if recipe.trivial {
            let first: Vec<(&Dataset, u32)> = opened.iter().map(|(data, ids)| (&**data, ids[0])).collect();
            let added = trivial::lacking(&recipe, &first, &mut networks)?;
            notes.extend(added.notes);
            recipe.rows.extend(added.rows);
            while let Some((_, second)) = recipe.namesakes() {
                // A row of the recipe has the name of another method.
                let row = &mut recipe.rows[second];
                row.label = format!("{} (added)", row.name());
            }
        }
        let mut sets = TrainingSets::with(opened.iter().map(|(data, _)| data));
        let mut datasets = Vec::new();
        for (d, (data, ids)) in opened.into_iter().enumerate() {
            let keys = Keys::new(&recipe, &data, &ids, d, &mut networks)?;
            let places: Vec<Option<usize>> = (0..recipe.rows.len()).map(|r| recipe.place(r, d)).collect();
            let one = |(row, place): (_, &Option<usize>)| match place {
                Some(place) => trained(row, *place, &data, &mut networks, &mut sets),
                None => Ok(None),
            };
            let trained = recipe.rows.iter().zip(&places).map(one).collect::<Result<Vec<_>>>()?;
            let here: Vec<_> = recipe.rows.iter().zip(&places).map(|(row, place)| place.map(|_| row)).collect();
            let leaks = leaks::leaks(&data, &ids, &here, &trained, &mut sets)?;
            if !recipe.allow_leaks {
                leaks::refuse(&data, &ids, &recipe.rows, &leaks)?;
            }
            datasets.push(OpenedData { data, ids, keys, trained, leaks });
        }
        let identity = keys::identity(&recipe, datasets.iter().map(|d| &d.keys))?;
        Ok(Opened { recipe, datasets, identity, notes, shard: None })
    }

    /// What there is to know of the rows before anything is measured: those that could not be added.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The same evaluation, of which only this share of the cells is measured.
    #[must_use]
    pub fn only(self, shard: Shard) -> Self {
        Opened { shard: Some(shard), ..self }
    }

    /// Whether a row is measured on a dataset in a round here: not if it is not for it, or another share does it.
    pub(super) fn measures(&self, d: usize, r: usize, round: usize) -> bool {
        let number = (round * self.datasets.len() + d) * self.recipe.rows.len() + r;
        self.recipe.place(r, d).is_some() && self.shard.is_none_or(|shard| shard.has(number))
    }

    /// The rows and rounds of a dataset that are measured here.
    pub(super) fn cells(&self, d: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let all = (0..self.recipe.repeats).flat_map(|k| (0..self.recipe.rows.len()).map(move |r| (r, k)));
        all.filter(move |&(r, k)| self.measures(d, r, k))
    }

    /// What is asked for.
    pub fn recipe(&self) -> &EvalRecipe {
        &self.recipe
    }

    /// A digest of all that decides what is measured: systems, rows, checkpoints, tolerances, threads, versions.
    pub fn identity(&self) -> u64 {
        self.identity
    }
}

/// Refuses a dataset that stands in a recipe under two names.
fn one_name_each(data: &[PathBuf]) -> Result<()> {
    let mut known: HashMap<PathBuf, &PathBuf> = HashMap::new();
    for path in data {
        // What is not there is for whoever opens it to refuse.
        let Ok(place) = path.canonicalize() else { continue };
        if let Some(first) = known.insert(place, path) {
            return Err(Error::file(path, format!("data: is the same file as {}: leave one out", first.display())));
        }
    }
    Ok(())
}

/// What there is to say of datasets of which the same systems are solved.
fn copies(opened: &[(Arc<Dataset>, Vec<u32>)]) -> Vec<String> {
    let mut known: HashMap<String, &Dataset> = HashMap::new();
    let mut notes = Vec::new();
    for (data, ids) in opened {
        if let Some(first) = known.insert(solved(data, ids), data) {
            let [here, there] = [data.path(), first.path()].map(|path| path.display());
            notes.push(format!("data: the systems of {here} that are solved are those of {there}"));
        }
    }
    notes
}
