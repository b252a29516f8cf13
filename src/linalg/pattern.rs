//! The sparsity pattern of a CSR matrix, checked once and shared by all matrices that have it.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::error::{Error, Result};

/// Row pointers and sorted column indices of a sparse nrows×ncols matrix.
///
/// Indices are 32-bit: half the memory traffic of nalgebra-sparse's `usize`, what PETSc and the file format use.
#[derive(Debug, Clone)]
pub struct Pattern {
    nrows: usize,
    ncols: usize,
    indptr: Vec<u32>,
    indices: Vec<u32>,
    groups: OnceLock<Option<Box<[u32]>>>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.ncols == other.ncols && self.indptr == other.indptr && self.indices == other.indices
    }
}

impl Eq for Pattern {}

/// Below this many stored entries a product runs on the calling thread: waking others costs more.
pub(super) const PARALLEL_NNZ: usize = 200_000;

/// Patterns of fewer rows are made by one thread.
const PARALLEL_ROWS: usize = 20_000;

/// Rows in a group at most: the unknowns of a frame's node.
const GROUP: usize = 6;

impl Pattern {
    /// Checks and takes a pattern.
    ///
    /// # Errors
    /// [`Error::Shape`] unless `indptr` has nrows + 1 entries, starts at 0, never falls, ends at
    /// `indices.len()`, and the columns of each row rise strictly and are below ncols.
    pub fn new(nrows: usize, ncols: usize, indptr: Vec<u32>, indices: Vec<u32>) -> Result<Self> {
        if indptr.len().checked_sub(1) != Some(nrows) {
            return Err(Error::shape("row pointers", format!("{nrows} + 1"), indptr.len()));
        }
        if indptr[0] != 0 || indptr[nrows] as usize != indices.len() {
            return Err(Error::shape(
                "row pointers",
                format!("to run from 0 to {}", indices.len()),
                format!("{} to {}", indptr[0], indptr[nrows]),
            ));
        }
        for i in 0..nrows {
            let (a, b) = (indptr[i] as usize, indptr[i + 1] as usize);
            if b < a || b > indices.len() {
                return Err(Error::shape("row pointers", "rising", format!("a fall after row {i}")));
            }
            let row = &indices[a..b];
            if !row.is_sorted_by(|p, q| p < q) {
                return Err(Error::shape(
                    "column indices",
                    "strictly rising in each row",
                    format!("row {i} out of order or doubled"),
                ));
            }
            if row.last().is_some_and(|&j| j as usize >= ncols) {
                return Err(Error::shape(
                    "column indices",
                    format!("below {ncols}"),
                    format!("{} in row {i}", row[row.len() - 1]),
                ));
            }
        }
        Ok(Pattern { nrows, ncols, indptr, indices, groups: OnceLock::new() })
    }

    /// The pattern of the given (row, column) pairs, in any order, doubles allowed.
    ///
    /// # Errors
    /// [`Error::Shape`] if an index is out of range.
    pub fn from_pairs(nrows: usize, ncols: usize, pairs: &[(u32, u32)]) -> Result<Self> {
        let mut sorted = pairs.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if let Some(&(i, _)) = sorted.last()
            && i as usize >= nrows
        {
            return Err(Error::shape("row index", format!("below {nrows}"), i));
        }
        let mut indptr = vec![0u32; nrows + 1];
        for &(i, _) in &sorted {
            indptr[i as usize + 1] += 1;
        }
        for i in 0..nrows {
            indptr[i + 1] += indptr[i];
        }
        Self::new(nrows, ncols, indptr, sorted.into_iter().map(|p| p.1).collect())
    }

    /// The pattern of rows that have so many columns each, one row after the other.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub(super) fn of_lengths(ncols: usize, lengths: &[u32], indices: Vec<u32>) -> Result<Self> {
        let mut end = 0u32;
        let ends = lengths.iter().map(|len| {
            // More entries than can be counted end somewhere else than the columns, which is seen.
            end = end.wrapping_add(*len);
            end
        });
        Self::new(lengths.len(), ncols, std::iter::once(0).chain(ends).collect(), indices)
    }

    /// The pattern of a symmetric relation among n indices: `row` pushes those that i is related to, in any order,
    /// doubles allowed. Threads share the rows.
    ///
    /// # Errors
    /// [`Error::Shape`] if an index is out of range.
    pub fn from_rows(n: usize, row: impl Fn(usize, &mut Vec<u32>) + Sync) -> Result<Self> {
        let made = in_blocks(n, n >= PARALLEL_ROWS, |rows| {
            let (mut lengths, mut indices, mut own) = (Vec::with_capacity(rows.len()), Vec::new(), Vec::new());
            for i in rows {
                own.clear();
                row(i, &mut own);
                own.sort_unstable();
                own.dedup();
                lengths.push(own.len() as u32);
                indices.extend_from_slice(&own);
            }
            (lengths, indices)
        });
        let (mut lengths, mut indices) = (Vec::with_capacity(n), Vec::new());
        indices.reserve_exact(made.iter().map(|(_, indices)| indices.len()).sum());
        for (of_block, own) in made {
            lengths.extend(of_block);
            indices.extend(own);
        }
        Self::of_lengths(n, &lengths, indices)
    }

    /// Rows.
    pub fn nrows(&self) -> usize {
        self.nrows
    }

    /// Columns.
    pub fn ncols(&self) -> usize {
        self.ncols
    }

    /// Entries.
    pub fn nnz(&self) -> usize {
        self.indices.len()
    }

    /// Where each row begins in the indices, and their number at the end (nrows + 1).
    pub fn indptr(&self) -> &[u32] {
        &self.indptr
    }

    /// Columns (nnz), row by row, rising.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// First rows of groups of at most six successive rows with the same columns, and nrows at the end; none where most
    /// rows stand alone. A matrix with several unknowns a node has them: its products read the columns once a group.
    pub(super) fn groups(&self) -> Option<&[u32]> {
        self.groups.get_or_init(|| self.find_groups()).as_deref()
    }

    fn find_groups(&self) -> Option<Box<[u32]>> {
        let mut firsts = Vec::new();
        let mut row = 0;
        while row < self.nrows {
            firsts.push(row as u32);
            let own = self.row(row);
            let mut end = row + 1;
            while end < self.nrows && end - row < GROUP && self.row(end) == own {
                end += 1;
            }
            row = end;
            // A look at the beginning tells most matrices apart.
            if row > 1000 && 3 * firsts.len() > 2 * row {
                return None;
            }
        }
        if 3 * firsts.len() > 2 * self.nrows {
            return None;
        }
        firsts.push(self.nrows as u32);
        Some(firsts.into())
    }

    /// Where row i lies in the indices and in the values.
    pub fn range(&self, i: usize) -> std::ops::Range<usize> {
        self.indptr[i] as usize..self.indptr[i + 1] as usize
    }

    /// Columns of row i.
    pub fn row(&self, i: usize) -> &[u32] {
        &self.indices[self.range(i)]
    }

    /// The position of entry (i, j) in the values, if it is stored.
    pub fn find(&self, i: usize, j: usize) -> Option<usize> {
        let r = self.range(i);
        self.indices[r.clone()].binary_search(&(j as u32)).ok().map(|k| r.start + k)
    }
}

/// What `work` makes of all rows, block by block in order: one block, or several that threads share. Rows are not to
/// depend on what else is in their block.
pub(super) fn in_blocks<T: Send>(rows: usize, shared: bool, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let threads = rayon::current_num_threads();
    if !shared || threads == 1 {
        return vec![work(0..rows)];
    }
    let block = rows.div_ceil(4 * threads).max(1);
    let blocks = (0..rows.div_ceil(block)).into_par_iter();
    blocks.map(|b| work(b * block..((b + 1) * block).min(rows))).collect()
}

/// The places of equal keys, all below `count`, one key after the other and rising: those of key k are
/// `places[starts[k]..starts[k + 1]]` of (starts, places).
///
/// # Panics
/// If a key is not below `count`.
pub fn places_by_key(keys: &[u32], count: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; count + 1];
    for &key in keys {
        starts[key as usize + 1] += 1;
    }
    for key in 0..count {
        starts[key + 1] += starts[key];
    }
    let mut next = starts.clone();
    let mut places = vec![0; keys.len()];
    for (place, &key) in keys.iter().enumerate() {
        let to = &mut next[key as usize];
        places[*to as usize] = place as u32;
        *to += 1;
    }
    (starts, places)
}
