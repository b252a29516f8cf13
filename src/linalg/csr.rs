//! Sparse matrices in compressed row storage, with their pattern shared.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::op::{LinOp, Props};
use super::pattern::{PARALLEL_NNZ, Pattern, in_blocks};
use crate::error::{Error, Result};
use nalgebra_sparse::CsrMatrix;

/// Largest [`Csr::asymmetry`] with which a matrix from anywhere counts as symmetric.
pub const SYMMETRY: f64 = 1e-12;

/// A sparse matrix: a shared [`Pattern`] and its values.
#[derive(Debug, Clone)]
pub struct Csr {
    pattern: Arc<Pattern>,
    values: Vec<f64>,
    /// [`Csr::asymmetry`], once it was asked for.
    asymmetry: OnceLock<f64>,
}

impl Csr {
    /// A matrix of this pattern.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one value per entry of the pattern.
    pub fn new(pattern: Arc<Pattern>, values: Vec<f64>) -> Result<Self> {
        if values.len() != pattern.nnz() {
            return Err(Error::shape("matrix values", pattern.nnz(), values.len()));
        }
        Ok(Csr { pattern, values, asymmetry: OnceLock::new() })
    }

    /// The matrix with the given (row, column, value) entries; doubles are summed in the given order.
    ///
    /// # Errors
    /// [`Error::Shape`] if an index is out of range.
    pub fn from_triplets(nrows: usize, ncols: usize, entries: &[(usize, usize, f64)]) -> Result<Self> {
        let pairs: Vec<_> = entries.iter().map(|e| (e.0 as u32, e.1 as u32)).collect();
        let pattern = Pattern::from_pairs(nrows, ncols, &pairs)?;
        let mut values = vec![0.0; pattern.nnz()];
        for &(i, j, v) in entries {
            if let Some(k) = pattern.find(i, j) {
                values[k] += v;
            }
        }
        Csr::new(Arc::new(pattern), values)
    }

    /// The matrix of these rows of (column, value), columns rising.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub fn from_rows(ncols: usize, rows: &[Vec<(u32, f64)>]) -> Result<Self> {
        let sums = rows.iter().scan(0, |sum, row| {
            *sum += row.len() as u32;
            Some(*sum)
        });
        let indptr = std::iter::once(0).chain(sums).collect();
        let indices = rows.iter().flatten().map(|e| e.0).collect();
        let pattern = Pattern::new(rows.len(), ncols, indptr, indices)?;
        Csr::new(Arc::new(pattern), rows.iter().flatten().map(|e| e.1).collect())
    }

    /// The identity (n×n).
    pub fn identity(n: usize) -> Self {
        let entries: Vec<_> = (0..n).map(|i| (i, i, 1.0)).collect();
        // Indices are below n by construction.
        Csr::from_triplets(n, n, &entries).expect("identity indices are in range")
    }

    /// Bytes of the values and of the pattern, shared or not.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.values) + size_of_val(self.pattern.indptr()) + size_of_val(self.pattern.indices())
    }

    /// Rows.
    pub fn nrows(&self) -> usize {
        self.pattern.nrows()
    }

    /// Columns.
    pub fn ncols(&self) -> usize {
        self.pattern.ncols()
    }

    /// Stored entries.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// Where the entries are.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// The stored entries (nnz), row by row, columns rising.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The stored entries, to be changed.
    pub fn values_mut(&mut self) -> &mut [f64] {
        self.asymmetry = OnceLock::new();
        &mut self.values
    }

    /// The pattern and the stored entries.
    pub fn into_parts(self) -> (Arc<Pattern>, Vec<f64>) {
        (self.pattern, self.values)
    }

    /// Columns and values of row i.
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let r = self.pattern.range(i);
        (&self.pattern.indices()[r.clone()], &self.values[r])
    }

    /// Entry (i, j); 0 where nothing is stored.
    pub fn get(&self, i: usize, j: usize) -> f64 {
        self.pattern.find(i, j).map_or(0.0, |k| self.values[k])
    }

    /// The main diagonal.
    pub fn diagonal(&self) -> Vec<f64> {
        let own = |i: usize| {
            let (cols, vals) = self.row(i);
            let k = match cols.len() > 16 {
                true => cols.binary_search(&(i as u32)).ok(),
                false => cols.iter().position(|&j| j as usize == i),
            };
            k.map_or(0.0, |k| vals[k])
        };
        (0..self.nrows().min(self.ncols())).map(own).collect()
    }

    /// max |a_ij|.
    pub fn max_abs(&self) -> f64 {
        super::vector::norm_inf(&self.values)
    }

    /// D^{-1/2} A D^{-1/2} and D^{1/2} with D the diagonal of A: free of the units of unknowns and equations.
    ///
    /// # Errors
    /// [`Error::Numeric`] if an entry of the diagonal is not positive.
    pub fn equilibrated(&self) -> Result<(Csr, Vec<f64>)> {
        let root = self.root_of_diagonal()?;
        let mut values = self.values().to_vec();
        for i in 0..self.nrows() {
            for e in self.pattern().range(i) {
                values[e] /= root[i] * root[self.pattern().indices()[e] as usize];
            }
        }
        Ok((Csr::new(self.pattern().clone(), values)?, root))
    }

    /// D^{1/2}, D the diagonal of A.
    ///
    /// # Errors
    /// [`Error::Numeric`] if an entry of D is not positive.
    pub fn root_of_diagonal(&self) -> Result<Vec<f64>> {
        let root = |i: usize| match self.get(i, i) {
            d if d > 0.0 => Ok(d.sqrt()),
            d => Err(Error::Numeric(format!("scaling by the diagonal needs it positive: diagonal entry {i} is {d}"))),
        };
        (0..self.nrows()).map(root).collect()
    }

    /// Aᵀ.
    pub fn transpose(&self) -> Csr {
        let (m, n) = (self.nrows(), self.ncols());
        let mut indptr = vec![0u32; n + 1];
        for &j in self.pattern.indices() {
            indptr[j as usize + 1] += 1;
        }
        for j in 0..n {
            indptr[j + 1] += indptr[j];
        }
        let mut next = indptr.clone();
        let mut indices = vec![0u32; self.nnz()];
        let mut values = vec![0.0; self.nnz()];
        for i in 0..m {
            let (cols, vals) = self.row(i);
            for (&j, &v) in cols.iter().zip(vals) {
                let k = next[j as usize] as usize;
                indices[k] = i as u32;
                values[k] = v;
                next[j as usize] += 1;
            }
        }
        let pattern = Pattern::new(n, m, indptr, indices).expect("a transposed pattern is valid");
        Csr { pattern: Arc::new(pattern), values, asymmetry: OnceLock::new() }
    }

    /// Whether [`Csr::asymmetry`] of a square matrix is at most `tol`.
    pub fn is_symmetric(&self, tol: f64) -> bool {
        self.nrows() == self.ncols() && self.asymmetry() <= tol
    }

    /// The largest |a_ij − a_ji| of a square matrix, each pair at its own scale; infinite if an entry is not finite.
    ///
    /// The scale of a pair is √(s_i s_j), s_i = |a_ii|, or the pair's own size where that is larger, so that no large
    /// entry elsewhere hides a difference. A diagonal entry that is small in its row (saddle points, shifted matrices)
    /// says nothing of it: there s_i is the row's largest.
    pub fn asymmetry(&self) -> f64 {
        *self.asymmetry.get_or_init(|| self.find_asymmetry())
    }

    fn find_asymmetry(&self) -> f64 {
        if !super::vector::all_finite(&self.values) {
            return f64::INFINITY;
        }
        let mut roots = Vec::new();
        let mut worst = 0.0_f64;
        self.for_each_pair(|i, j, v, w| {
            if v == w {
                return;
            }
            // Most matrices are symmetric to the last bit and need no scales.
            if roots.is_empty() {
                roots = self.roots_of_scales();
            }
            let scale = (roots[i] * roots[j]).max(v.abs()).max(w.abs());
            worst = worst.max((v - w).abs() / scale);
        });
        worst
    }

    /// √s_i of each row, see [`Csr::asymmetry`].
    fn roots_of_scales(&self) -> Vec<f64> {
        const SMALL: f64 = 1e-4;
        let diagonal = self.diagonal();
        let scale = |(i, d): (usize, &f64)| {
            let most = super::vector::norm_inf(self.row(i).1);
            if d.abs() >= SMALL * most { d.abs() } else { most }
        };
        diagonal.iter().enumerate().map(scale).map(f64::sqrt).collect()
    }

    /// (i, j, a_ij, a_ji) of every pair i > j of which an entry is stored; 0 for the one that is not.
    fn for_each_pair(&self, mut each: impl FnMut(usize, usize, f64, f64)) {
        let (indptr, indices) = (self.pattern.indptr(), self.pattern.indices());
        // Where row j's entries right of the diagonal have been matched up to; rows come in order, and so do they.
        let mut next = indptr[..self.nrows()].to_vec();
        for i in 0..self.nrows() {
            let mut k = indptr[i] as usize;
            let end = indptr[i + 1] as usize;
            while k < end && (indices[k] as usize) < i {
                let (j, v) = (indices[k] as usize, self.values[k]);
                let mut at = next[j] as usize;
                let stop = indptr[j + 1] as usize;
                while at < stop && (indices[at] as usize) < i {
                    each(indices[at] as usize, j, 0.0, self.values[at]);
                    at += 1;
                }
                if at < stop && indices[at] as usize == i {
                    each(i, j, v, self.values[at]);
                    at += 1;
                } else {
                    each(i, j, v, 0.0);
                }
                next[j] = at as u32;
                k += 1;
            }
            next[i] = (k + usize::from(k < end && indices[k] as usize == i)) as u32;
        }
        for (j, &at) in next.iter().enumerate() {
            let rest = at as usize..indptr[j + 1] as usize;
            for (&i, &v) in indices[rest.clone()].iter().zip(&self.values[rest]) {
                each(i as usize, j, 0.0, v);
            }
        }
    }

    /// r ← b − A x.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn residual(&self, b: &[f64], x: &[f64], r: &mut [f64]) {
        self.spmv(x, r);
        r.iter_mut().zip(b).for_each(|(r, b)| *r = b - *r);
    }

    /// The entries of this matrix at those that `a` stores of its lower triangle (diagonal included), row by row; 0
    /// where there are none.
    pub fn on_lower(&self, a: &Pattern) -> Vec<f64> {
        let row = |i: usize| {
            let below = a.row(i).iter().filter(move |&&j| j as usize <= i);
            below.map(move |&j| self.get(i, j as usize))
        };
        (0..a.nrows()).flat_map(row).collect()
    }

    /// C = A B (Gustavson).
    ///
    /// # Errors
    /// [`Error::Shape`] unless A has as many columns as B rows.
    pub fn matmul(&self, b: &Csr) -> Result<Csr> {
        Csr::product(self, b)
    }

    /// C = A B, A by its stored rows.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A has as many columns as B rows; [`Error::Argument`] if A does not store its rows.
    pub fn product(a: &dyn LinOp, b: &Csr) -> Result<Csr> {
        let (rows, columns) = a.shape();
        if columns != b.nrows() {
            return Err(Error::shape("rows of the right factor", columns, b.nrows()));
        }
        let stored = |i: usize| {
            let row = a.stored_row(i);
            row.ok_or_else(|| Error::Argument("a product needs a matrix with stored rows".into()))
        };
        let made = in_blocks(rows, a.nnz() >= PARALLEL_NNZ, |rows| product_rows(&stored, b, rows));
        let mut all = Rows::default();
        for rows in made {
            let rows = rows?;
            all.lengths.extend(rows.lengths);
            all.indices.extend(rows.indices);
            all.values.extend(rows.values);
        }
        let pattern = Pattern::of_lengths(b.ncols(), &all.lengths, all.indices)?;
        Csr::new(Arc::new(pattern), all.values)
    }

    /// P A Pᵀ: row and column i of the result are row and column `perm[i]` of A.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square and perm a permutation of its rows.
    pub fn permuted(&self, perm: &[u32]) -> Result<Csr> {
        let n = self.nrows();
        if self.ncols() != n || perm.len() != n {
            return Err(Error::shape("permutation length", n, perm.len()));
        }
        let mut inverse = vec![u32::MAX; n];
        for (new, &old) in perm.iter().enumerate() {
            if old as usize >= n || inverse[old as usize] != u32::MAX {
                return Err(Error::shape("permutation", "each row once", format!("row {old}")));
            }
            inverse[old as usize] = new as u32;
        }
        let mut entries = Vec::with_capacity(self.nnz());
        for i in 0..n {
            let (cols, vals) = self.row(i);
            for (&j, &v) in cols.iter().zip(vals) {
                entries.push((inverse[i] as usize, inverse[j as usize] as usize, v));
            }
        }
        Csr::from_triplets(n, n, &entries)
    }

    /// From nalgebra-sparse.
    ///
    /// # Errors
    /// [`Error::Shape`] if the matrix has more entries than 32-bit indices can address.
    pub fn from_nalgebra(m: &CsrMatrix<f64>) -> Result<Csr> {
        let narrow = |s: &[usize]| -> Result<Vec<u32>> {
            s.iter().map(|&v| u32::try_from(v).map_err(|_| Error::shape("matrix index", "below 2^32", v))).collect()
        };
        let pattern = Pattern::new(m.nrows(), m.ncols(), narrow(m.row_offsets())?, narrow(m.col_indices())?)?;
        Csr::new(Arc::new(pattern), m.values().to_vec())
    }

    /// A view that promises more than linearity, for a matrix known to be symmetric (positive definite).
    pub fn promised(&self, props: Props) -> super::op::Promised<'_> {
        super::op::Promised { op: self, props }
    }
}

impl LinOp for Csr {
    fn shape(&self) -> (usize, usize) {
        (self.nrows(), self.ncols())
    }
    fn props(&self) -> Props {
        Props::GENERAL
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.par_spmv(x, y);
    }
    fn nnz(&self) -> usize {
        self.values.len()
    }
    fn stored_row(&self, i: usize) -> Option<(&[u32], &[f64])> {
        Some(self.row(i))
    }
}

/// Some rows of a matrix, one after the other.
#[derive(Default)]
struct Rows {
    lengths: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

/// Rows of A B: each the same whatever rows are made with it.
fn product_rows<'a>(
    stored: &impl Fn(usize) -> Result<(&'a [u32], &'a [f64])>,
    b: &Csr,
    rows: Range<usize>,
) -> Result<Rows> {
    let mut out = Rows::default();
    let mut sums = vec![0.0; b.ncols()];
    let mut seen = vec![u32::MAX; b.ncols()];
    let mut cols: Vec<u32> = Vec::new();
    for i in rows {
        cols.clear();
        let (ac, av) = stored(i)?;
        for (&k, &a) in ac.iter().zip(av) {
            let (bc, bv) = b.row(k as usize);
            for (&j, &v) in bc.iter().zip(bv) {
                let ju = j as usize;
                if seen[ju] != i as u32 {
                    seen[ju] = i as u32;
                    sums[ju] = 0.0;
                    cols.push(j);
                }
                sums[ju] += a * v;
            }
        }
        cols.sort_unstable();
        out.lengths.push(cols.len() as u32);
        out.indices.extend_from_slice(&cols);
        out.values.extend(cols.iter().map(|&j| sums[j as usize]));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symmetry_is_seen_whatever_the_pattern() {
        let a = |e: &[(usize, usize, f64)]| Csr::from_triplets(3, 3, e).unwrap();
        assert!(a(&[(0, 1, 2.0), (1, 0, 2.0), (2, 2, 5.0)]).is_symmetric(0.0));
        assert!(!a(&[(0, 1, 2.0), (1, 0, 2.1)]).is_symmetric(1e-3));
        // Each pair at its own scale: neither a large entry elsewhere hides it nor units of single unknowns.
        for large in [1.0, 1e15, 1e30] {
            let with = |v: f64| a(&[(0, 0, large), (1, 1, 3.0), (2, 2, 3.0), (1, 2, -1.0), (2, 1, v), (0, 1, -1.0)]);
            assert!(!with(-0.9).is_symmetric(1e-12), "{large:e}");
            let graded = |v: f64| a(&[(0, 0, large), (1, 1, 3.0), (2, 2, 3e-9), (1, 2, -1e-5), (2, 1, v)]);
            assert!(graded(-1e-5).is_symmetric(0.0) && !graded(-1.1e-5).is_symmetric(1e-12), "{large:e}");
        }
        // Rounding of entries that cancelled, beside diagonals that did too.
        let saddle = a(&[(0, 1, 1.0), (1, 0, 1.0), (0, 2, 1e-17), (1, 1, 1e-16), (2, 1, 2.0), (1, 2, 2.0)]);
        assert!(saddle.is_symmetric(1e-12) && !saddle.is_symmetric(0.0));
        assert!(a(&[(0, 1, 2.0), (1, 0, 2.001)]).is_symmetric(1e-3));
        // Entries without a partner must be nearly zero, on either side and anywhere in the row.
        for (i, j) in [(0, 1), (0, 2), (1, 2), (1, 0), (2, 0), (2, 1)] {
            assert!(!a(&[(1, 1, 4.0), (i, j, 1.0)]).is_symmetric(1e-12), "({i}, {j})");
            assert!(a(&[(0, 0, 4.0), (1, 1, 4.0), (2, 2, 4.0), (i, j, 1e-14)]).is_symmetric(1e-12), "({i}, {j})");
        }
        assert!(!a(&[(0, 1, f64::NAN), (1, 0, 1.0)]).is_symmetric(1e-12));
        assert!(!Csr::from_triplets(2, 3, &[]).unwrap().is_symmetric(0.0));
        assert!(Csr::from_triplets(0, 0, &[]).unwrap().is_symmetric(0.0));
    }
}
