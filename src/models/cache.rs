//! What a network needs of each sample, made once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::Result;
use crate::system::LinearSystem;

/// Items by the samples' indices. Several threads may ask; an item asked for twice at once is made twice, equal.
pub struct Cache<T>(Mutex<HashMap<u64, Arc<T>>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Cache(Mutex::default())
    }
}

impl<T: Send + Sync> Cache<T> {
    /// The items of these samples, in order; missing ones are made on all cores.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get(
        &self,
        samples: &[&LinearSystem],
        make: impl Fn(&LinearSystem) -> Result<T> + Sync,
    ) -> Result<Vec<Arc<T>>> {
        let known: Vec<Option<Arc<T>>> = {
            let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            samples.iter().map(|s| items.get(&s.index).cloned()).collect()
        };
        let all = samples
            .par_iter()
            .zip(known)
            .map(|(s, item)| item.map_or_else(|| make(s).map(Arc::new), Ok))
            .collect::<Result<Vec<_>>>()?;
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (s, item) in samples.iter().zip(&all) {
            items.entry(s.index).or_insert_with(|| item.clone());
        }
        Ok(all)
    }
}
