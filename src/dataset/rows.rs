//! Rows of a dataset as they lie in the file: one per sample, of one length or cut by offsets.

use std::sync::Arc;

use hdf5::H5Type;

use super::h5::H5;
use super::places::Column;
use crate::error::Result;
use crate::linalg::Pattern;

/// A row per sample: 2-D with one width, or 1-D cut by offsets.
pub(super) struct Rows<T> {
    name: String,
    data: hdf5::Dataset,
    cut: Cut,
    kind: std::marker::PhantomData<T>,
}

pub(super) enum Cut {
    Width(usize),
    Offsets(Vec<u64>),
}

impl<T: H5Type + Copy> Rows<T> {
    pub(super) fn open(h5: &H5, name: &str, samples: usize, cut: Cut) -> Result<Self> {
        let name = format!("systems/{name}");
        let shape = match &cut {
            Cut::Width(w) => vec![samples, *w],
            Cut::Offsets(o) => vec![o[samples] as usize],
        };
        Ok(Rows { data: h5.dataset(&name, &shape)?, name, cut, kind: std::marker::PhantomData })
    }

    /// Rows first .. last.
    pub(super) fn read(&self, h5: &H5, first: usize, last: usize) -> Result<std::vec::IntoIter<Vec<T>>> {
        let read = match &self.cut {
            Cut::Width(_) => self.data.read_slice_2d((first..last, ..)).map(|a| a.into_raw_vec_and_offset().0),
            Cut::Offsets(o) => {
                self.data.read_slice_1d(o[first] as usize..o[last] as usize).map(|a| a.into_raw_vec_and_offset().0)
            }
        };
        let mut rest = read.map_err(|e| h5.unreadable(&self.name, &e))?;
        let mut rows = Vec::with_capacity(last - first);
        // From the back, so that a single row is not copied.
        for s in (first + 1..last).rev() {
            rows.push(rest.split_off(rest.len() - self.len(s)));
        }
        rows.push(rest);
        rows.reverse();
        Ok(rows.into_iter())
    }

    /// Where they lie, if in one piece and all of one length.
    pub(super) fn column(&self) -> Option<Column> {
        match self.cut {
            Cut::Width(width) => Column::of(&self.data, width),
            Cut::Offsets(_) => None,
        }
    }

    pub(super) fn len(&self, s: usize) -> usize {
        match &self.cut {
            Cut::Width(w) => *w,
            Cut::Offsets(o) => (o[s + 1] - o[s]) as usize,
        }
    }

    pub(super) fn total(&self, samples: usize) -> usize {
        match &self.cut {
            Cut::Width(w) => w * samples,
            Cut::Offsets(o) => o[samples] as usize,
        }
    }
}

/// Offsets that start at 0 and never fall.
pub(super) fn offsets(h5: &H5, name: &str, samples: usize) -> Result<Vec<u64>> {
    let name = format!("systems/{name}");
    let o: Vec<u64> = h5.all(&name)?;
    if o.len() != samples + 1 || o[0] != 0 || !o.is_sorted() {
        return Err(h5.damaged(&name, &format!("is not {} rising offsets from 0", samples + 1)));
    }
    Ok(o)
}

/// A column of the table, one entry a sample.
pub(super) fn column<T: H5Type>(h5: &H5, name: &str, samples: usize) -> Result<Vec<T>> {
    let c: Vec<T> = h5.all(name)?;
    if c.len() != samples {
        return Err(h5.damaged(name, &format!("has {} entries, expected {samples}", c.len())));
    }
    Ok(c)
}

/// The patterns of samples that each have their own.
pub(super) struct OwnPatterns {
    ncols: Vec<u32>,
    indices: Rows<u32>,
    indptr: Rows<u32>,
}

impl OwnPatterns {
    pub(super) fn open(h5: &H5, samples: usize) -> Result<Self> {
        let rows = offsets(h5, "row_offsets", samples)?;
        let nnz = offsets(h5, "nnz_offsets", samples)?;
        // Each sample has one row pointer more than rows.
        let pointers = rows.iter().zip(0u64..).map(|(r, s)| r + s).collect();
        Ok(OwnPatterns {
            ncols: column(h5, "systems/table/n", samples)?,
            indices: Rows::open(h5, "indices", samples, Cut::Offsets(nnz))?,
            indptr: Rows::open(h5, "indptr", samples, Cut::Offsets(pointers))?,
        })
    }

    /// The patterns of samples first .. last; one that is none is an error of its own.
    pub(super) fn read(&self, h5: &H5, first: usize, last: usize) -> Result<Vec<Result<Arc<Pattern>>>> {
        let indptr = self.indptr.read(h5, first, last)?;
        let indices = self.indices.read(h5, first, last)?;
        let pattern = |((n, indptr), indices)| Pattern::new(n as usize, n as usize, indptr, indices);
        let all = self.ncols[first..last].iter().copied().zip(indptr).zip(indices);
        Ok(all.map(|rows| pattern(rows).map(Arc::new)).collect())
    }
}
