//! StrictTriangle triangles of sparse matrices in contiguous storage.

use crate::linalg::Csr;

/// The entries strictly below (or strictly above) the diagonal of an n×n matrix, by rows.
///
/// The entry next to the diagonal, t_{i,i∓1}, is stored apart: substitution must wait for y_{i∓1} and for little
/// else, so that the rest of the row can be summed while the row before is still under way. For the same reason the
/// others stand in the order in which substitution makes them: columns rising in a lower triangle, falling in an
/// upper one. `T` is how entries are stored; they are made, and used, in double precision.
#[derive(Debug, Clone)]
pub struct StrictTriangle<T = f64> {
    /// Where each row begins among the entries that are not beside the diagonal, and where the last ends (n + 1).
    pub indptr: Vec<u32>,
    /// Columns of these entries.
    pub indices: Vec<u32>,
    /// Their values.
    pub values: Vec<T>,
    /// t_{i,i−1} (lower) or t_{i,i+1} (upper), 0 where there is none.
    pub near: Vec<T>,
    /// Whether the pattern has it.
    pub adjacent: Vec<bool>,
    /// Lower, or upper.
    pub lower: bool,
    nnz: usize,
}

impl StrictTriangle {
    /// The strict lower and upper triangle of A, row i times `factor(i)`.
    pub fn split(a: &Csr, factor: impl Fn(usize) -> f64) -> (Self, Self) {
        let capacity = a.nnz() / 2;
        let mut lower = StrictTriangle::empty(a.nrows(), capacity, true);
        let mut upper = StrictTriangle::empty(a.nrows(), capacity, false);
        let mut scaled: Vec<f64> = Vec::new();
        for i in 0..a.nrows() {
            let (cols, vals) = a.row(i);
            let f = factor(i);
            scaled.clear();
            scaled.extend(vals.iter().map(|v| f * v));
            let below = below(cols, i);
            let own = usize::from(cols.get(below).is_some_and(|&j| j as usize == i));
            lower.push_row(&cols[..below], &scaled[..below]);
            upper.push_row(&cols[below + own..], &scaled[below + own..]);
        }
        (lower, upper)
    }

    /// The strict lower triangle of A.
    pub fn lower_of(a: &Csr) -> Self {
        let mut lower = StrictTriangle::empty(a.nrows(), a.nnz() / 2, true);
        for i in 0..a.nrows() {
            let (cols, vals) = a.row(i);
            let below = below(cols, i);
            lower.push_row(&cols[..below], &vals[..below]);
        }
        lower
    }

    fn empty(n: usize, capacity: usize, lower: bool) -> Self {
        let mut indptr = Vec::with_capacity(n + 1);
        indptr.push(0);
        StrictTriangle {
            indptr,
            indices: Vec::with_capacity(capacity),
            values: Vec::with_capacity(capacity),
            near: Vec::with_capacity(n),
            adjacent: Vec::with_capacity(n),
            lower,
            nnz: 0,
        }
    }

    /// Adds the next row, columns rising.
    fn push_row(&mut self, cols: &[u32], vals: &[f64]) {
        let i = self.near.len();
        self.nnz += cols.len();
        let near = match self.lower {
            true => cols.last().is_some_and(|&j| j as usize + 1 == i),
            false => cols.first().is_some_and(|&j| j as usize == i + 1),
        };
        self.adjacent.push(near);
        if self.lower {
            let far = cols.len() - usize::from(near);
            self.near.push(if near { vals[far] } else { 0.0 });
            self.indices.extend_from_slice(&cols[..far]);
            self.values.extend_from_slice(&vals[..far]);
        } else {
            let far = usize::from(near);
            self.near.push(if near { vals[0] } else { 0.0 });
            self.indices.extend(cols[far..].iter().rev());
            self.values.extend(vals[far..].iter().rev());
        }
        self.indptr.push(self.indices.len() as u32);
    }

    /// A strict lower (or upper) triangle from its rows, columns rising.
    ///
    /// # Panics
    /// Unless the arrays describe such a triangle (a mistake of the caller).
    pub fn from_rows(lower: bool, indptr: &[u32], indices: &[u32], values: &[f64]) -> Self {
        assert_eq!(indptr.last().map(|&e| e as usize), Some(indices.len()));
        assert_eq!(indices.len(), values.len());
        let n = indptr.len() - 1;
        let mut out = StrictTriangle::empty(n, indices.len(), lower);
        for (i, w) in indptr.windows(2).enumerate() {
            let row = w[0] as usize..w[1] as usize;
            let inside = |&j: &u32| {
                if lower { (j as usize) < i } else { (j as usize) > i && (j as usize) < n }
            };
            assert!(indices[row.clone()].iter().all(inside), "strict triangle");
            out.push_row(&indices[row.clone()], &values[row]);
        }
        out
    }

    /// Such a triangle of zeros, to be filled in.
    pub fn zeros(lower: bool, indptr: &[u32], indices: &[u32]) -> Self {
        StrictTriangle::from_rows(lower, indptr, indices, &vec![0.0; indices.len()])
    }

    /// The transposed triangle.
    pub fn transposed(&self) -> Self {
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
        let mut row = |i: usize| {
            for k in self.far(i) {
                let slot = &mut next[self.indices[k] as usize];
                indices[*slot as usize] = i as u32;
                values[*slot as usize] = self.values[k];
                *slot += 1;
            }
        };
        // Columns of the result falling (upper) or rising (lower).
        if self.lower {
            (0..n).rev().for_each(&mut row);
        } else {
            (0..n).for_each(&mut row);
        }
        let (mut near, mut adjacent) = (self.near.clone(), self.adjacent.clone());
        if self.lower && n > 0 {
            near.rotate_left(1);
            adjacent.rotate_left(1);
        } else if n > 0 {
            near.rotate_right(1);
            adjacent.rotate_right(1);
        }
        StrictTriangle { indptr, indices, values, near, adjacent, lower: !self.lower, nnz: self.nnz }
    }

    /// Row i in the order of substitution: columns rising in a lower triangle, falling in an upper one.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (u32, f64)> {
        let far = self.far(i);
        let columns = self.indices[far.clone()].iter().copied();
        let column = if self.lower { i.wrapping_sub(1) } else { i + 1 } as u32;
        let near = self.adjacent[i].then_some((column, self.near[i]));
        columns.zip(self.values[far].iter().copied()).chain(near)
    }

    /// The same with entries in single precision; none where one is too large for that.
    pub fn rounded(self) -> Option<StrictTriangle<f32>> {
        let round = |values: Vec<f64>| {
            let single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            single.iter().all(|v| v.is_finite()).then_some(single)
        };
        let StrictTriangle { indptr, indices, values, near, adjacent, lower, nnz } = self;
        Some(StrictTriangle { indptr, indices, values: round(values)?, near: round(near)?, adjacent, lower, nnz })
    }

    /// Row i ← factor(i) · row i.
    pub fn scale_rows(&mut self, factor: impl Fn(usize) -> f64) {
        for i in 0..self.n() {
            let f = factor(i);
            self.near[i] *= f;
            let far = self.far(i);
            self.values[far].iter_mut().for_each(|v| *v *= f);
        }
    }

    /// Σⱼ tᵢⱼ yⱼ, for y of n entries.
    #[inline]
    pub fn row_dot(&self, i: usize, y: &[f64]) -> f64 {
        let beside = if self.lower { i.wrapping_sub(1) } else { i + 1 };
        let near = y.get(beside).map_or(0.0, |y| self.near[i] * y);
        assert!(y.len() == self.near.len());
        // SAFETY: every column is a row's number (constructors), below n == y.len().
        let far = unsafe {
            let far = self.far(i);
            crate::linalg::gather_dot(&self.indices[far.clone()], &self.values[far], y)
        };
        far + near
    }
}

impl<T> StrictTriangle<T> {
    /// Rows.
    pub fn n(&self) -> usize {
        self.near.len()
    }

    /// Entries, those beside the diagonal included.
    pub fn nnz(&self) -> usize {
        self.nnz
    }

    /// Where row i lies, but for the entry next to the diagonal.
    pub fn far(&self, i: usize) -> std::ops::Range<usize> {
        self.indptr[i] as usize..self.indptr[i + 1] as usize
    }
}

/// How many columns of a row lie left of the diagonal.
fn below(cols: &[u32], i: usize) -> usize {
    if cols.len() > 16 {
        return cols.partition_point(|&j| (j as usize) < i);
    }
    cols.iter().take_while(|&&j| (j as usize) < i).count()
}
