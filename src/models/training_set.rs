//! What a model is trained on.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::system::{LinearSystem, Parts, SampleSource, cache, for_each_chunk};

/// Samples to train on, out of a source that need not be in memory.
#[derive(Clone)]
pub struct TrainingSet {
    /// Where they come from; the held-out samples, too.
    pub source: Arc<dyn SampleSource>,
    /// Their ids there.
    pub ids: Vec<u32>,
    /// Bytes of what is derived from samples that may be kept; what takes more is made again. Decides no result.
    pub cache_bytes: usize,
}

impl TrainingSet {
    /// All of these samples, with the default bound of [`cache::default_bytes`].
    pub fn in_memory(samples: Vec<LinearSystem>) -> Self {
        TrainingSet {
            ids: (0..samples.len() as u32).collect(),
            source: Arc::new(samples),
            cache_bytes: cache::default_bytes(),
        }
    }

    /// Bytes of samples that are loaded and worked on together: small beside what is kept.
    pub fn chunk_bytes(&self) -> usize {
        self.cache_bytes / 8
    }

    /// The first sample.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is none; those of [`SampleSource::load`].
    pub fn first(&self, parts: &Parts) -> Result<Arc<LinearSystem>> {
        let none = || Error::Argument("training needs at least one sample".into());
        let id = *self.ids.first().ok_or_else(none)?;
        Ok(self.source.load(&[id], parts)?.remove(0))
    }

    /// (n, nnz) of the samples, the most of each.
    ///
    /// # Errors
    /// Those of [`SampleSource::size`].
    pub fn largest(&self) -> Result<(usize, usize)> {
        self.ids.iter().try_fold((0, 0), |(n, nnz), &id| {
            let size = self.source.size(id)?;
            Ok((n.max(size.0), nnz.max(size.1)))
        })
    }

    /// Goes through the samples once, chunk by chunk, in the order of their ids.
    ///
    /// # Errors
    /// Those of [`SampleSource::load`] and of `f`.
    pub fn for_each_chunk(&self, parts: &Parts, f: impl FnMut(&[Arc<LinearSystem>]) -> Result<()>) -> Result<()> {
        for_each_chunk(&*self.source, &self.ids, parts, self.chunk_bytes(), f)
    }
}
