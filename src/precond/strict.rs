//! Strict triangles of sparse matrices in contiguous storage, and their substitution kernels.

use crate::linalg::Csr;

/// The entries strictly below (or strictly above) the diagonal of an n×n matrix, by rows.
#[derive(Debug, Clone)]
pub(super) struct Strict {
    indptr: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<f64>,
    lower: bool,
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
        let mut part = Strict::empty(a.nrows(), lower);
        for i in 0..a.nrows() {
            let (cols, vals) = a.row(i);
            for (&j, &v) in cols.iter().zip(vals) {
                if (lower && (j as usize) < i) || (!lower && (j as usize) > i) {
                    part.indices.push(j);
                    part.values.push(v);
                }
            }
            part.indptr.push(part.indices.len() as u32);
        }
        part
    }

    fn empty(n: usize, lower: bool) -> Self {
        let mut indptr = Vec::with_capacity(n + 1);
        indptr.push(0);
        Strict {
            indptr,
            indices: Vec::new(),
            values: Vec::new(),
            lower,
        }
    }

    /// A strict lower (or upper) triangle from its rows.
    ///
    /// # Panics
    /// Unless the arrays describe such a triangle (a mistake of the caller).
    pub(super) fn from_rows(lower: bool, indptr: Vec<u32>, indices: Vec<u32>, values: Vec<f64>) -> Self {
        assert_eq!(indptr.last().map(|&e| e as usize), Some(indices.len()));
        assert_eq!(indices.len(), values.len());
        let n = indptr.len() - 1;
        for (i, w) in indptr.windows(2).enumerate() {
            let row = &indices[w[0] as usize..w[1] as usize];
            let inside = |&j: &u32| {
                if lower {
                    (j as usize) < i
                } else {
                    (j as usize) > i && (j as usize) < n
                }
            };
            assert!(row.iter().all(inside), "strict triangle");
        }
        Strict {
            indptr,
            indices,
            values,
            lower,
        }
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
        Strict {
            indptr,
            indices,
            values,
            lower: !self.lower,
        }
    }

    pub(super) fn n(&self) -> usize {
        self.indptr.len() - 1
    }

    pub(super) fn nnz(&self) -> usize {
        self.indices.len()
    }

    /// Row i ← factor(i) · row i.
    pub(super) fn scale_rows(&mut self, factor: impl Fn(usize) -> f64) {
        for i in 0..self.n() {
            let f = factor(i);
            for v in &mut self.values[self.indptr[i] as usize..self.indptr[i + 1] as usize] {
                *v *= f;
            }
        }
    }

    /// For rows in substitution order (rising for lower, falling for upper): yᵢ ← start(i, yᵢ) − Σⱼ tᵢⱼ yⱼ.
    ///
    /// # Panics
    /// If y has the wrong length.
    pub(super) fn substitute(&self, y: &mut [f64], start: impl Fn(usize, f64) -> f64) {
        assert_eq!(y.len(), self.n(), "substitution: length of y");
        if self.lower {
            for i in 0..y.len() {
                y[i] = start(i, y[i]) - self.row_dot(i, y);
            }
        } else {
            for i in (0..y.len()).rev() {
                y[i] = start(i, y[i]) - self.row_dot(i, y);
            }
        }
    }

    /// Σⱼ tᵢⱼ yⱼ, for y of n entries.
    #[inline]
    pub(super) fn row_dot(&self, i: usize, y: &[f64]) -> f64 {
        debug_assert_eq!(y.len(), self.n());
        let row = self.indptr[i] as usize..self.indptr[i + 1] as usize;
        let mut sum = 0.0;
        for (&j, &v) in self.indices[row.clone()].iter().zip(&self.values[row]) {
            sum += v * y[j as usize];
        }
        sum
    }
}
