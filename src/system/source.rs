//! Samples by need: chosen ones, chosen parts of them, never all at once.

use std::sync::Arc;

use super::LinearSystem;
use crate::error::{Error, Result};
use crate::interrupt;

/// Which of the named fields or labels of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Names {
    /// None of them.
    #[default]
    None,
    /// All there are.
    All,
    /// Those of these names.
    Only(Vec<String>),
}

impl Names {
    /// Those among either.
    pub fn and(self, other: Names) -> Names {
        match (self, other) {
            (Names::All, _) | (_, Names::All) => Names::All,
            (Names::None, names) | (names, Names::None) => names,
            (Names::Only(mut names), Names::Only(more)) => {
                names.extend(more);
                Names::Only(names)
            }
        }
    }

    /// Whether `name` is among them.
    pub fn contain(&self, name: &str) -> bool {
        match self {
            Names::None => false,
            Names::All => true,
            Names::Only(list) => list.iter().any(|n| n == name),
        }
    }
}

/// Which parts of a sample are wanted. Its index, its drawn parameters, what is promised of A and the shared mesh come
/// with any of them; a part that the samples do not have stays absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// A: values and pattern.
    pub matrix: bool,
    /// b.
    pub rhs: bool,
    /// x = A⁻¹ b.
    pub solution: bool,
    /// The coefficient fields.
    pub fields: Names,
    /// The labels.
    pub labels: Names,
}

impl Parts {
    /// Everything.
    pub fn all() -> Self {
        Parts { labels: Names::All, ..Parts::unlabelled() }
    }

    /// Everything but labels.
    pub fn unlabelled() -> Self {
        Parts { matrix: true, rhs: true, solution: true, fields: Names::All, labels: Names::None }
    }

    /// What is known before a system is solved: A, b and fields. Solutions and labels are learned from, never predicted
    /// from.
    pub fn given() -> Self {
        Parts { solution: false, ..Parts::unlabelled() }
    }

    /// A alone.
    pub fn matrix() -> Self {
        Parts { matrix: true, ..Parts::default() }
    }
}

/// Samples with the ids 0 .. [`SampleSource::len`], which need not be in memory.
pub trait SampleSource: Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every sample has its solution; nothing is read.
    fn has_solutions(&self) -> bool;

    /// (n, nnz) of a sample; nothing is read.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such sample.
    fn size(&self, id: u32) -> Result<(usize, usize)>;

    /// The bytes that these parts of a sample take in memory; nothing is read.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such sample.
    fn bytes(&self, id: u32, parts: &Parts) -> Result<usize>;

    /// These parts of the samples of the given ids, in that order; ids may repeat.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such sample; [`Error::File`] naming the sample if it cannot be read or was
    /// altered.
    fn load(&self, ids: &[u32], parts: &Parts) -> Result<Vec<Arc<LinearSystem>>>;
}

/// Samples in memory.
impl SampleSource for Vec<LinearSystem> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn has_solutions(&self) -> bool {
        self.iter().all(|s| s.solution.is_some())
    }

    fn size(&self, id: u32) -> Result<(usize, usize)> {
        find(self, id).map(|s| (s.n(), s.matrix.nnz()))
    }

    fn bytes(&self, id: u32, parts: &Parts) -> Result<usize> {
        let s = find(self, id)?;
        let fields = s.fields.iter().filter(|f| parts.fields.contain(&f.name));
        let labels = s.labels.iter().filter(|l| parts.labels.contain(&l.name));
        let solution = s.solution.as_ref().filter(|_| parts.solution);
        let reals = if parts.rhs { s.rhs.len() } else { 0 }
            + solution.map_or(0, Vec::len)
            + fields.chain(labels).map(|f| f.values.len()).sum::<usize>();
        Ok(size_of::<f64>() * reals + if parts.matrix { s.matrix.bytes() } else { 0 })
    }

    fn load(&self, ids: &[u32], parts: &Parts) -> Result<Vec<Arc<LinearSystem>>> {
        ids.iter().map(|&id| Ok(Arc::new(find(self, id)?.clone().only(parts)))).collect()
    }
}

fn find(samples: &[LinearSystem], id: u32) -> Result<&LinearSystem> {
    let missing = || Error::Argument(format!("no sample {id}, there are {}", samples.len()));
    samples.get(id as usize).ok_or_else(missing)
}

/// Hands the samples of `ids`, in that order, to `f` chunk by chunk; the chunk after is loaded on another thread
/// meanwhile. A chunk takes at most `bytes` of memory, or one sample if that is more; two chunks are in memory at a
/// time.
///
/// # Errors
/// Those of [`SampleSource::load`] and of `f`; [`Error::Interrupted`] after Ctrl-C.
pub fn for_each_chunk(
    source: &dyn SampleSource,
    ids: &[u32],
    parts: &Parts,
    bytes: usize,
    mut f: impl FnMut(&[Arc<LinearSystem>]) -> Result<()>,
) -> Result<()> {
    let mut chunks = chunks(source, ids, parts, bytes)?.into_iter();
    std::thread::scope(|scope| {
        let mut load = || {
            let chunk = chunks.next()?;
            Some(scope.spawn(move || source.load(chunk, parts)))
        };
        let mut ahead = load();
        while let Some(loading) = ahead {
            let loaded = loading.join().unwrap_or_else(|e| std::panic::resume_unwind(e))?;
            ahead = load();
            interrupt::check("while samples were read")?;
            f(&loaded)?;
        }
        Ok(())
    })
}

/// `ids` cut into chunks of at most `bytes`, or of one sample.
fn chunks<'a>(source: &dyn SampleSource, ids: &'a [u32], parts: &Parts, bytes: usize) -> Result<Vec<&'a [u32]>> {
    let (mut out, mut first, mut sum) = (Vec::new(), 0, 0);
    for (k, &id) in ids.iter().enumerate() {
        let next = source.bytes(id, parts)?;
        if k > first && sum + next > bytes {
            out.push(&ids[first..k]);
            (first, sum) = (k, 0);
        }
        sum += next;
    }
    if first < ids.len() {
        out.push(&ids[first..]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Csr, Props};
    use crate::system::{Field, Location};

    fn samples(count: u64) -> Vec<LinearSystem> {
        let field =
            |name: &str| Field { name: name.into(), location: Location::Sample, components: 1, values: vec![1.0] };
        let sample = |index| LinearSystem {
            solution: Some(vec![index as f64; 3]),
            fields: vec![field("w"), field("f")],
            labels: vec![field("icc")],
            index,
            ..LinearSystem::plain(Csr::identity(3), vec![1.0; 3], Props::SPD)
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn only_what_was_asked_for_is_there() {
        let source = samples(2);
        let s = source.load(&[1], &Parts::matrix()).unwrap().remove(0);
        assert_eq!((s.n(), s.matrix.nnz(), s.rhs.len(), s.index), (3, 3, 0, 1));
        assert!(s.solution.is_none() && s.fields.is_empty() && s.labels.is_empty());
        let parts =
            Parts { rhs: true, fields: Names::Only(vec!["f".into(), "there is none".into()]), ..Parts::default() };
        let s = source.load(&[0], &parts).unwrap().remove(0);
        assert_eq!((s.n(), s.matrix.nrows(), s.rhs.len(), s.fields.len()), (3, 0, 3, 1));
        assert!(s.field("f").is_some() && s.label("icc").is_none());
        assert_eq!(source.bytes(0, &parts).unwrap(), 8 * 4);
        assert_eq!(source.load(&[0], &Parts::all()).unwrap()[0].labels.len(), 1);
        assert_eq!(source.load(&[0], &Parts::unlabelled()).unwrap()[0].labels.len(), 0);
    }

    #[test]
    fn names_add_up() {
        let only = |name: &str| Names::Only(vec![name.into()]);
        assert_eq!(Names::None.and(only("f")), only("f"));
        assert_eq!(only("f").and(Names::None), only("f"));
        let both = only("f").and(only("g"));
        assert!(both.contain("f") && both.contain("g") && !both.contain("h"));
        assert_eq!(both.and(Names::All), Names::All);
    }

    #[test]
    fn ids_come_in_their_order_and_may_repeat() {
        let source = samples(5);
        let ids = [3, 0, 3, 4];
        let index = |s: &Arc<LinearSystem>| s.index as u32;
        let loaded = source.load(&ids, &Parts::all()).unwrap();
        assert_eq!(loaded.iter().map(index).collect::<Vec<_>>(), ids);
        let message = source.load(&[5], &Parts::all()).unwrap_err().to_string();
        assert!(message.contains("no sample 5, there are 5"), "{message}");
        for bytes in [0, 250, 1 << 20] {
            let mut seen = Vec::new();
            for_each_chunk(&source, &ids, &Parts::all(), bytes, |chunk| {
                seen.push(chunk.iter().map(index).collect::<Vec<_>>());
                Ok(())
            })
            .unwrap();
            assert_eq!(seen.concat(), ids);
            assert_eq!(
                seen.len(),
                if bytes == 0 {
                    4
                } else if bytes == 250 {
                    2
                } else {
                    1
                }
            );
        }
        assert!(for_each_chunk(&source, &[0, 9], &Parts::all(), 0, |_| Ok(())).is_err());
    }
}
