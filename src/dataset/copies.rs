//! Systems that are in two sets: the same A and b under another number.

use std::collections::{HashMap, HashSet};

use super::digest::Digest;
use super::reader::Dataset;
use crate::error::Result;
use crate::system::{LinearSystem, Parts, SampleSource};

/// Systems that are loaded together.
const GROUP: usize = 8;

/// How many of the systems `ids` of `tested` are systems `known` of `of` too, entry by entry. Only those are read that
/// agree in size, entries and recorded residual.
///
/// # Errors
/// Those of [`SampleSource::load`].
pub fn copies(of: &Dataset, known: &[u32], tested: &Dataset, ids: &[u32]) -> Result<usize> {
    let mut wanted: HashMap<Outside, Vec<u32>> = HashMap::new();
    for &id in ids {
        wanted.entry(outside(tested, id)).or_default().push(id);
    }
    let alike: Vec<u32> = known.iter().copied().filter(|&id| wanted.contains_key(&outside(of, id))).collect();
    let there: HashSet<Outside> = alike.iter().map(|&id| outside(of, id)).collect();
    let suspects: Vec<u32> = ids.iter().copied().filter(|&id| there.contains(&outside(tested, id))).collect();
    let known: HashSet<u64> = contents(of, &alike)?.into_iter().collect();
    Ok(contents(tested, &suspects)?.into_iter().filter(|content| known.contains(content)).count())
}

/// What tables tell of a system: n, entries, bits of the residual.
type Outside = (usize, usize, u64);

fn outside(data: &Dataset, id: u32) -> Outside {
    let (n, nnz) = data.size(id as usize);
    // Ids of splits were checked when the file was opened.
    (n, nnz, data.residuals().get(id as usize).map_or(0, |r| r.to_bits()))
}

/// Digests of A and b.
fn contents(data: &Dataset, ids: &[u32]) -> Result<Vec<u64>> {
    let parts = Parts { rhs: true, ..Parts::matrix() };
    let mut out = Vec::with_capacity(ids.len());
    for group in ids.chunks(GROUP) {
        out.extend(data.load(group, &parts)?.iter().map(|system| content(system)));
    }
    Ok(out)
}

fn content(system: &LinearSystem) -> u64 {
    let (mut digest, pattern) = (Digest::new(), system.matrix.pattern());
    digest.integers(pattern.indptr()).integers(pattern.indices()).reals(system.matrix.values()).reals(&system.rhs);
    digest.finish()
}
