//! Several sources as one.

use std::sync::Arc;

use super::{LinearSystem, Parts, SampleSource};
use crate::error::{Error, Result};

/// Sources one after the other: the ids of the second begin where those of the first end.
pub struct Joined {
    sources: Vec<Arc<dyn SampleSource>>,
    /// The first id of each source, and the number of all samples.
    starts: Vec<u32>,
}

impl Joined {
    /// # Errors
    /// [`Error::Argument`] for more samples than 32-bit ids have numbers.
    pub fn new(sources: Vec<Arc<dyn SampleSource>>) -> Result<Self> {
        let mut starts = vec![0u32];
        for source in &sources {
            let end = starts.last().copied().unwrap_or_default() as usize + source.len();
            let end =
                u32::try_from(end).map_err(|_| Error::Argument(format!("{end} samples are too many together")))?;
            starts.push(end);
        }
        Ok(Joined { sources, starts })
    }

    /// The id here of a sample of one of the sources.
    pub fn id(&self, source: usize, id: u32) -> u32 {
        self.starts[source] + id
    }

    /// Source and id there.
    fn find(&self, id: u32) -> Result<(usize, u32)> {
        let source = self.starts.partition_point(|&start| start <= id);
        match source < self.starts.len() {
            true => Ok((source - 1, id - self.starts[source - 1])),
            false => Err(Error::Argument(format!("no sample {id}, there are {}", self.len()))),
        }
    }
}

impl SampleSource for Joined {
    fn len(&self) -> usize {
        self.starts.last().map_or(0, |&end| end as usize)
    }

    fn has_solutions(&self) -> bool {
        self.sources.iter().all(|source| source.has_solutions())
    }

    fn size(&self, id: u32) -> Result<(usize, usize)> {
        let (source, id) = self.find(id)?;
        self.sources[source].size(id)
    }

    fn bytes(&self, id: u32, parts: &Parts) -> Result<usize> {
        let (source, id) = self.find(id)?;
        self.sources[source].bytes(id, parts)
    }

    /// Of each source all at once.
    fn load(&self, ids: &[u32], parts: &Parts) -> Result<Vec<Arc<LinearSystem>>> {
        let places = ids.iter().map(|&id| self.find(id)).collect::<Result<Vec<_>>>()?;
        let mut out = vec![None; ids.len()];
        for (k, source) in self.sources.iter().enumerate() {
            let mine = || places.iter().enumerate().filter(|(_, place)| place.0 == k);
            let there: Vec<u32> = mine().map(|(_, place)| place.1).collect();
            if there.is_empty() {
                continue;
            }
            for ((at, _), system) in mine().zip(source.load(&there, parts)?) {
                out[at] = Some(system);
            }
        }
        Ok(out.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Csr, Props};

    #[test]
    fn ids_go_on_from_source_to_source() {
        let samples = |n: usize, count: u64| -> Arc<dyn SampleSource> {
            let plain = || LinearSystem::plain(Csr::identity(n), vec![1.0; n], Props::SPD);
            Arc::new((0..count).map(|index| LinearSystem { index, ..plain() }).collect::<Vec<_>>())
        };
        let joined = Joined::new(vec![samples(3, 2), samples(4, 0), samples(5, 3)]).unwrap();
        assert_eq!((joined.len(), joined.has_solutions(), joined.id(2, 1)), (5, false, 3));
        assert_eq!((joined.size(1).unwrap(), joined.size(2).unwrap()), ((3, 3), (5, 5)));
        let loaded = joined.load(&[4, 0, 2, 4], &Parts::all()).unwrap();
        let found: Vec<_> = loaded.iter().map(|s| (s.n(), s.index)).collect();
        assert_eq!(found, [(5, 2), (3, 0), (5, 0), (5, 2)]);
        assert_eq!(joined.bytes(4, &Parts::matrix()).unwrap(), loaded[0].matrix.bytes());
        let message = joined.load(&[5], &Parts::all()).unwrap_err().to_string();
        assert!(message.contains("no sample 5, there are 5"), "{message}");
    }
}
