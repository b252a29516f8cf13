//! A dataset as a source of samples.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::reader::Dataset;
use crate::error::Result;
use crate::system::{LinearSystem, Parts, SampleSource};

/// Samples off the disk, of which only the parts asked for are read. A digest covers a whole sample: it is checked
/// where all parts that the file holds are asked for; of single parts, lengths and patterns are (see [`Checked`]).
impl SampleSource for Dataset {
    fn len(&self) -> usize {
        Dataset::len(self)
    }

    fn has_solutions(&self) -> bool {
        self.shape().solution
    }

    fn size(&self, id: u32) -> Result<(usize, usize)> {
        self.check_id(id as usize)?;
        Ok(Dataset::size(self, id as usize))
    }

    fn bytes(&self, id: u32, parts: &Parts) -> Result<usize> {
        self.check_id(id as usize)?;
        Ok(self.bytes_of(id as usize, parts))
    }

    fn load(&self, ids: &[u32], parts: &Parts) -> Result<Vec<Arc<LinearSystem>>> {
        let mut rising: Vec<usize> = ids.iter().map(|&id| id as usize).collect();
        rising.sort_unstable();
        rising.dedup();
        rising.last().map_or(Ok(()), |&last| self.check_id(last))?;
        let mut systems = HashMap::with_capacity(rising.len());
        // Samples beside each other in the file are read together.
        for run in rising.chunk_by(|a, b| a + 1 == *b) {
            for block in run.chunks(self.block_len()) {
                let (first, last) = (block[0], block[0] + block.len());
                let loaded = self.checked(first, last, parts)?.into_iter().map(Arc::new);
                systems.extend((first as u32..).zip(loaded));
            }
        }
        Ok(ids.iter().map(|id| systems[id].clone()).collect())
    }
}

/// A dataset of which every sample is read whole, and checked by its digest, the first time that any part of it is
/// asked for; after that, only what is asked for is read.
pub struct Checked {
    data: Arc<Dataset>,
    known: Vec<AtomicBool>,
}

impl Checked {
    /// Nothing checked yet.
    pub fn new(data: Arc<Dataset>) -> Self {
        Checked { known: (0..data.len()).map(|_| AtomicBool::new(false)).collect(), data }
    }

    /// Whether the sample was checked; true of one that there is not, for the dataset to refuse.
    fn is_known(&self, id: u32) -> bool {
        let known = self.known.get(id as usize);
        known.is_none_or(|k| k.load(Ordering::Relaxed))
    }
}

impl SampleSource for Checked {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn has_solutions(&self) -> bool {
        self.data.has_solutions()
    }

    fn size(&self, id: u32) -> Result<(usize, usize)> {
        SampleSource::size(&*self.data, id)
    }

    /// Of all parts where loading any of them reads the whole sample.
    fn bytes(&self, id: u32, parts: &Parts) -> Result<usize> {
        match self.is_known(id) {
            true => self.data.bytes(id, parts),
            false => self.data.bytes(id, &Parts::all()),
        }
    }

    fn load(&self, ids: &[u32], parts: &Parts) -> Result<Vec<Arc<LinearSystem>>> {
        let (known, mut new): (Vec<u32>, Vec<u32>) = ids.iter().partition(|&&id| self.is_known(id));
        new.sort_unstable();
        new.dedup();
        let loaded = self.data.load(&known, parts)?;
        let mut systems: HashMap<u32, Arc<LinearSystem>> = known.into_iter().zip(loaded).collect();
        for block in new.chunks(self.data.block_len()) {
            for (&id, whole) in block.iter().zip(self.data.load(block, &Parts::all())?) {
                self.known[id as usize].store(true, Ordering::Relaxed);
                systems.insert(id, Arc::new(Arc::unwrap_or_clone(whole).only(parts)));
            }
        }
        Ok(ids.iter().map(|id| systems[id].clone()).collect())
    }
}
