//! Products of a sparse matrix with a vector, on one thread or several, with the same bits.

use rayon::prelude::*;

use super::csr::Csr;
use super::pattern::PARALLEL_NNZ;

/// Rows below this length are summed in one go, longer ones in four interleaved sums.
const SHORT: usize = 8;

impl Csr {
    /// y ← A x on the calling thread.
    ///
    /// # Panics
    /// If x or y has the wrong length.
    pub fn spmv(&self, x: &[f64], y: &mut [f64]) {
        assert_eq!(x.len(), self.ncols(), "spmv: length of x");
        assert_eq!(y.len(), self.nrows(), "spmv: length of y");
        self.rows_times(0, x, y);
    }

    /// y ← (A x)[first .. first + y.len()].
    fn rows_times(&self, first: usize, x: &[f64], y: &mut [f64]) {
        match self.pattern().groups() {
            None => self.single_rows_times(first, x, y),
            Some(groups) => self.grouped_rows_times(groups, first, x, y),
        }
    }

    /// As [`Csr::rows_times`], rows with the same columns together: the same sums in the same order.
    fn grouped_rows_times(&self, groups: &[u32], first: usize, x: &[f64], y: &mut [f64]) {
        let (mut row, end) = (first, first + y.len());
        let mut g = groups.partition_point(|&r| (r as usize) < first);
        while row < end {
            let next = groups.get(g).map_or(end, |&r| r as usize);
            if row < next {
                // Part of a group, cut off by the range's ends.
                let stop = next.min(end);
                self.single_rows_times(row, x, &mut y[row - first..stop - first]);
                row = stop;
                continue;
            }
            g += 1;
            let stop = groups.get(g).map_or(end, |&r| r as usize);
            if stop > end {
                continue;
            }
            let out = &mut y[row - first..stop - first];
            match out.len() {
                2 => self.group_times::<2>(row, x, out),
                3 => self.group_times::<3>(row, x, out),
                4 => self.group_times::<4>(row, x, out),
                5 => self.group_times::<5>(row, x, out),
                6 => self.group_times::<6>(row, x, out),
                _ => self.single_rows_times(row, x, out),
            }
            row = stop;
        }
    }

    /// K rows with the columns of row `first`.
    fn group_times<const K: usize>(&self, first: usize, x: &[f64], y: &mut [f64]) {
        let cols = self.pattern().row(first);
        let len = cols.len();
        let start = self.pattern().range(first).start;
        let values: [&[f64]; K] = std::array::from_fn(|r| &self.values()[start + r * len..start + (r + 1) * len]);
        // SAFETY: every column is below ncols == x.len(), checked by Pattern::new and spmv.
        let at = |j: u32| unsafe { *x.get_unchecked(j as usize) };
        if len < SHORT {
            let mut sums = [-0.0; K];
            for (c, &j) in cols.iter().enumerate() {
                let x = at(j);
                for r in 0..K {
                    sums[r] += values[r][c] * x;
                }
            }
            y.copy_from_slice(&sums);
            return;
        }
        let mut sums = [[0.0; 4]; K];
        let (four, rest) = cols.as_chunks::<4>();
        let chunks = values.map(|v| v.as_chunks::<4>());
        for (c, j) in four.iter().enumerate() {
            let x = j.map(at);
            for r in 0..K {
                let v = &chunks[r].0[c];
                for l in 0..4 {
                    sums[r][l] += v[l] * x[l];
                }
            }
        }
        for (y, (sums, (_, last))) in y.iter_mut().zip(sums.iter().zip(&chunks)) {
            let tail: f64 = rest.iter().zip(*last).map(|(&j, v)| v * at(j)).sum();
            *y = (sums[0] + sums[1]) + (sums[2] + sums[3]) + tail;
        }
    }

    /// As [`Csr::rows_times`], row by row.
    fn single_rows_times(&self, first: usize, x: &[f64], y: &mut [f64]) {
        let indptr = self.pattern().indptr();
        let indices = self.pattern().indices();
        let mut start = indptr[first] as usize;
        for (yi, &end) in y.iter_mut().zip(&indptr[first + 1..]) {
            let end = end as usize;
            // SAFETY: every column is below ncols == x.len(), checked by Pattern::new and spmv.
            *yi = unsafe { gather_dot(&indices[start..end], &self.values()[start..end], x) };
            start = end;
        }
    }

    /// y ← A x over rayon's threads for large matrices; same bits as [`Csr::spmv`] for any thread count.
    pub fn par_spmv(&self, x: &[f64], y: &mut [f64]) {
        if self.nnz() < PARALLEL_NNZ || rayon::current_num_threads() == 1 {
            return self.spmv(x, y);
        }
        assert_eq!(x.len(), self.ncols(), "spmv: length of x");
        assert_eq!(y.len(), self.nrows(), "spmv: length of y");
        let block = self.nrows().div_ceil(4 * rayon::current_num_threads());
        y.par_chunks_mut(block).enumerate().for_each(|(c, rows)| self.rows_times(c * block, x, rows));
    }
}

/// Σ vals_k x[cols_k], long rows in four partial sums: a single one waits for each addition.
///
/// # Safety
/// Every column must be below x.len(), and cols as long as vals.
#[inline]
pub(crate) unsafe fn gather_dot(cols: &[u32], vals: &[f64], x: &[f64]) -> f64 {
    debug_assert!(cols.len() == vals.len() && cols.iter().all(|&j| (j as usize) < x.len()));
    // SAFETY: the caller's promise.
    let at = |j: u32| unsafe { *x.get_unchecked(j as usize) };
    if cols.len() < SHORT {
        // SAFETY: the caller's promise.
        return unsafe { short(cols, vals, x) };
    }
    let (cols, last_cols) = cols.as_chunks::<4>();
    let (vals, last_vals) = vals.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (c, v) in cols.iter().zip(vals) {
        for l in 0..4 {
            sums[l] += v[l] * at(c[l]);
        }
    }
    let tail: f64 = last_cols.iter().zip(last_vals).map(|(&j, v)| v * at(j)).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + tail
}

/// As [`gather_dot`] for fewer than [`SHORT`] entries: added up in order, without a loop for the lengths of grids.
///
/// # Safety
/// As [`gather_dot`].
#[inline(always)]
unsafe fn short(cols: &[u32], vals: &[f64], x: &[f64]) -> f64 {
    // SAFETY: k is below the number of columns and values, the columns below x.len().
    let term = |k: usize| unsafe { vals.get_unchecked(k) * x.get_unchecked(*cols.get_unchecked(k) as usize) };
    match cols.len() {
        5 => (((term(0) + term(1)) + term(2)) + term(3)) + term(4),
        7 => (((((term(0) + term(1)) + term(2)) + term(3)) + term(4)) + term(5)) + term(6),
        len => (0..len).fold(-0.0, |sum, k| sum + term(k)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_are_summed_whole() {
        for n in 0..20 {
            let entries: Vec<_> = (0..n).map(|j| (0, j, (j + 1) as f64)).collect();
            let a = Csr::from_triplets(1, n, &entries).unwrap();
            let mut y = [f64::NAN];
            a.spmv(&vec![2.0; n], &mut y);
            assert_eq!(y[0], (n * (n + 1)) as f64);
        }
    }

    /// Nodes of `block` unknowns on a ring, rows of a node alike; a lone row at the end.
    fn ring(nodes: usize, block: usize) -> Csr {
        let mut entries = Vec::new();
        let n = nodes * block;
        for i in 0..n {
            for node in [i / block, (i / block + 1) % nodes, (i / block + 4) % nodes] {
                for k in 0..block {
                    let j = node * block + k;
                    entries.push((i, j, ((i * 7 + j * 13) % 29) as f64 - 11.3));
                }
            }
        }
        entries.push((n, 0, 1.5));
        Csr::from_triplets(n + 1, n + 1, &entries).unwrap()
    }

    #[test]
    fn grouped_rows_have_the_bits_of_single_ones() {
        for block in 1..=7 {
            let a = ring(9, block);
            let n = a.nrows();
            assert_eq!(a.pattern().groups().is_some(), block > 1, "{block}");
            let x: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
            let mut single = vec![0.0; n];
            a.single_rows_times(0, &x, &mut single);
            for (first, end) in [(0, n), (1, n), (0, n - 1), (2, 5), (n / 2, n / 2 + 1), (3, n - 2)] {
                let mut y = vec![0.0; end - first];
                a.rows_times(first, &x, &mut y);
                assert_eq!(y, single[first..end], "{block}: {first}..{end}");
            }
        }
    }
}
