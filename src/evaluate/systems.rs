//! The systems of a dataset that are solved.

use std::sync::Arc;

use super::recipe::EvalRecipe;
use crate::dataset::{Checked, Dataset};
use crate::error::Result;
use crate::system::{Cached, LinearSystem, Names, Parts, SampleSource, cache, for_each_chunk};

/// The systems of one dataset, checked all, kept as far as memory goes; the others are loaded between the solves.
pub struct Systems<'a> {
    source: Cached,
    ids: &'a [u32],
}

impl<'a> Systems<'a> {
    /// Checks them all.
    ///
    /// # Errors
    /// If one is altered or cannot be read.
    pub fn new(recipe: &EvalRecipe, data: &Arc<Dataset>, ids: &'a [u32], labels: Names) -> Result<Self> {
        let parts = Parts { labels, ..Parts::unlabelled() };
        let most = recipe.cache_mib.map_or_else(cache::default_bytes, |m| m << 20);
        let source = Cached::new(Arc::new(Checked::new(data.clone())), parts, most);
        // An altered system is told before hours of solves, not after.
        for_each_chunk(&source, ids, source.parts(), most / 8, |_| Ok(()))?;
        Ok(Systems { source, ids })
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Their ids in the dataset.
    pub fn ids(&self) -> &'a [u32] {
        self.ids
    }

    /// The i-th of them.
    ///
    /// # Errors
    /// Those of [`SampleSource::load`].
    pub fn get(&self, i: usize) -> Result<Arc<LinearSystem>> {
        Ok(self.source.load(&self.ids[i..=i], self.source.parts())?.remove(0))
    }
}
