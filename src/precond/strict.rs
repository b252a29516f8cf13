//! Strict triangles of sparse matrices in contiguous storage, and their substitution kernels.

use crate::linalg::Csr;
use crate::linalg::csr::gather_dot;

/// The entries strictly below (or strictly above) the diagonal of an n×n matrix, by rows.
///
/// The entry next to the diagonal, t_{i,i∓1}, is stored apart: substitution must wait for y_{i∓1} and for nothing else, so that
/// the rest of the row can be summed while the row before is still under way.
#[derive(Debug, Clone)]
pub(super) struct Strict {
    indptr: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<f64>,
    /// t_{i,i−1} (lower) or t_{i,i+1} (upper), 0 where there is none.
    near: Vec<f64>,
    lower: bool,
    nnz: usize,
}

impl Strict {
    /// The strict lower triangle of A.
    pub(super) fn lower_of(a: &Csr) -> Self {
        Self::part(a, true)
    }

    /// The strict upper triangle of A.
    pub(super) fn upper_of(a: &Csr) -> Self {
        Self::part(a, false)
    }

    fn part(a: &Csr, lower: bool) -> Self {
        let mut part = Strict::empty(a.nrows(), a.nnz() / 2, lower);
        for i in 0..a.nrows() {
            let (cols, vals) = a.row(i);
            let split = cols.partition_point(|&j| (j as usize) < i);
            let (cols, vals) = if lower {
                (&cols[..split], &vals[..split])
            } else {
                let own = usize::from(cols.get(split).is_some_and(|&j| j as usize == i));
                (&cols[split + own..], &vals[split + own..])
            };
            part.push_row(cols, vals);
        }
        part
    }

    fn empty(n: usize, room: usize, lower: bool) -> Self {
        let mut indptr = Vec::with_capacity(n + 1);
        indptr.push(0);
        Strict {
            indptr,
            indices: Vec::with_capacity(room),
            values: Vec::with_capacity(room),
            near: Vec::with_capacity(n),
            lower,
            nnz: 0,
        }
    }

    /// Adds the next row, columns rising.
    fn push_row(&mut self, cols: &[u32], vals: &[f64]) {
        let i = self.near.len();
        let neighbour = if self.lower { i.wrapping_sub(1) } else { i + 1 };
        self.nnz += cols.len();
        let place = if self.lower { cols.len().wrapping_sub(1) } else { 0 };
        let near = cols.get(place).is_some_and(|&j| j as usize == neighbour);
        let far = match (near, self.lower) {
            (false, _) => 0..cols.len(),
            (true, true) => 0..cols.len() - 1,
            (true, false) => 1..cols.len(),
        };
        self.near.push(if near { vals[place] } else { 0.0 });
        self.indices.extend_from_slice(&cols[far.clone()]);
        self.values.extend_from_slice(&vals[far]);
        self.indptr.push(self.indices.len() as u32);
    }

    /// A strict lower (or upper) triangle from its rows, columns rising.
    ///
    /// # Panics
    /// Unless the arrays describe such a triangle (a mistake of the caller).
    pub(super) fn from_rows(lower: bool, indptr: &[u32], indices: &[u32], values: &[f64]) -> Self {
        assert_eq!(indptr.last().map(|&e| e as usize), Some(indices.len()));
        assert_eq!(indices.len(), values.len());
        let n = indptr.len() - 1;
        let mut out = Strict::empty(n, indices.len(), lower);
        for (i, w) in indptr.windows(2).enumerate() {
            let row = w[0] as usize..w[1] as usize;
            let inside = |&j: &u32| {
                if lower {
                    (j as usize) < i
                } else {
                    (j as usize) > i && (j as usize) < n
                }
            };
            assert!(indices[row.clone()].iter().all(inside), "strict triangle");
            out.push_row(&indices[row.clone()], &values[row]);
        }
        out
    }

    /// The transposed triangle.
    pub(super) fn transposed(&self) -> Self {
        let n = self.n();
        let mut indptr = vec![0u32; n + 1];
        for &j in &self.indices {
            indptr[j as usize + 1] += 1;
        }
        for j in 0..n {
            indptr[j + 1] += indptr[j];
        }
        let mut next = indptr.clone();
        let mut indices = vec![0u32; self.indices.len()];
        let mut values = vec![0.0; self.indices.len()];
        for i in 0..n {
            for k in self.indptr[i] as usize..self.indptr[i + 1] as usize {
                let slot = &mut next[self.indices[k] as usize];
                indices[*slot as usize] = i as u32;
                values[*slot as usize] = self.values[k];
                *slot += 1;
            }
        }
        let mut near = self.near.clone();
        if self.lower && n > 0 {
            near.rotate_left(1);
        } else if n > 0 {
            near.rotate_right(1);
        }
        Strict {
            indptr,
            indices,
            values,
            near,
            lower: !self.lower,
            nnz: self.nnz,
        }
    }

    pub(super) fn n(&self) -> usize {
        self.near.len()
    }

    pub(super) fn nnz(&self) -> usize {
        self.nnz
    }

    /// Row i, columns rising.
    pub(super) fn row(&self, i: usize) -> impl Iterator<Item = (u32, f64)> {
        let range = self.indptr[i] as usize..self.indptr[i + 1] as usize;
        let far = self.indices[range.clone()]
            .iter()
            .copied()
            .zip(self.values[range].iter().copied());
        let column = if self.lower { i.wrapping_sub(1) } else { i + 1 } as u32;
        let near = (self.near[i] != 0.0).then_some((column, self.near[i]));
        let (before, after) = if self.lower { (None, near) } else { (near, None) };
        before.into_iter().chain(far).chain(after)
    }

    /// Row i ← factor(i) · row i.
    pub(super) fn scale_rows(&mut self, factor: impl Fn(usize) -> f64) {
        for i in 0..self.n() {
            let f = factor(i);
            self.near[i] *= f;
            for v in &mut self.values[self.indptr[i] as usize..self.indptr[i + 1] as usize] {
                *v *= f;
            }
        }
    }

    /// For rows in substitution order (rising for lower, falling for upper): yᵢ ← start(i, yᵢ) − Σⱼ tᵢⱼ yⱼ.
    ///
    /// # Panics
    /// If y has the wrong length.
    #[inline]
    pub(super) fn substitute(&self, y: &mut [f64], start: impl Fn(usize, f64) -> f64) {
        assert_eq!(y.len(), self.n(), "substitution: length of y");
        let mut before = 0.0;
        if self.lower {
            for i in 0..y.len() {
                before = (start(i, y[i]) - self.far_dot(i, y)) - self.near[i] * before;
                y[i] = before;
            }
        } else {
            for i in (0..y.len()).rev() {
                before = (start(i, y[i]) - self.far_dot(i, y)) - self.near[i] * before;
                y[i] = before;
            }
        }
    }

    /// Σⱼ tᵢⱼ yⱼ, for y of n entries.
    #[inline]
    pub(super) fn row_dot(&self, i: usize, y: &[f64]) -> f64 {
        let neighbour = if self.lower { i.wrapping_sub(1) } else { i + 1 };
        let near = y.get(neighbour).map_or(0.0, |y| self.near[i] * y);
        self.far_dot(i, y) + near
    }

    /// Row i but for its neighbour.
    #[inline]
    fn far_dot(&self, i: usize, y: &[f64]) -> f64 {
        assert!(y.len() == self.near.len());
        let row = self.indptr[i] as usize..self.indptr[i + 1] as usize;
        // SAFETY: every column is a row's number (constructors), below n == y.len().
        unsafe { gather_dot(&self.indices[row.clone()], &self.values[row], y) }
    }
}
