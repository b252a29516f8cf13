//! An evaluation whose datasets are open: what it is, before anything is measured.

use std::sync::Arc;

use super::keys::{self, Keys};
use super::recipe::EvalRecipe;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::shard::Shard;

/// A recipe with its datasets, the systems of each that are solved, and its identity.
pub struct Opened {
    pub(super) recipe: EvalRecipe,
    pub(super) datasets: Vec<OpenedData>,
    identity: u64,
    /// The cells that are measured; all where there is none.
    pub(super) shard: Option<Shard>,
}

/// A dataset, the ids of its systems that are solved, and the keys of their cells.
pub(super) struct OpenedData {
    pub data: Arc<Dataset>,
    pub ids: Vec<u32>,
    pub keys: Keys,
}

impl Opened {
    /// Opens the datasets, and reads the checkpoints as far as their identity goes.
    ///
    /// # Errors
    /// If a dataset or checkpoint cannot be read, or there is nothing to solve in one.
    pub fn new(recipe: &EvalRecipe) -> Result<Self> {
        let open = |(d, path)| {
            let data = Dataset::open(path)?;
            let mut ids = data.split(&recipe.split)?.to_vec();
            if recipe.samples > 0 {
                ids.truncate(recipe.samples);
            }
            if ids.is_empty() {
                return Err(Error::file(path, format!("its {} split is empty", recipe.split)));
            }
            let keys = Keys::new(recipe, &data, &ids, d)?;
            Ok(OpenedData { data: Arc::new(data), ids, keys })
        };
        let datasets = recipe.data.iter().enumerate().map(open).collect::<Result<Vec<_>>>()?;
        let identity = keys::identity(recipe, datasets.iter().map(|d| &d.keys))?;
        Ok(Opened { recipe: recipe.clone(), datasets, identity, shard: None })
    }

    /// The same evaluation, of which only this share of the cells is measured.
    #[must_use]
    pub fn only(self, shard: Shard) -> Self {
        Opened { shard: Some(shard), ..self }
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
