//! Principal submatrices, and connected parts of the graph of a matrix.

use std::sync::Arc;

use super::{Csr, Pattern};
use crate::error::Result;

/// Stands for a row that has no place.
pub const NONE: u32 = u32::MAX;

impl Csr {
    /// A with only these rows and columns, in their order, which must rise; `local` has a place per row of A and comes
    /// and goes all [`NONE`].
    ///
    /// # Errors
    /// If the rows do not rise.
    pub fn submatrix(&self, rows: &[u32], local: &mut [u32]) -> Result<Csr> {
        for (k, &row) in rows.iter().enumerate() {
            local[row as usize] = k as u32;
        }
        let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
        for &row in rows {
            let (cols, vals) = self.row(row as usize);
            for (&j, &v) in cols.iter().zip(vals) {
                if local[j as usize] != NONE {
                    indices.push(local[j as usize]);
                    values.push(v);
                }
            }
            indptr.push(indices.len() as u32);
        }
        rows.iter().for_each(|&row| local[row as usize] = NONE);
        let pattern = Pattern::new(rows.len(), rows.len(), indptr, indices)?;
        Csr::new(Arc::new(pattern), values)
    }

    /// At most so many rows, rising: those that a breadth-first search from the middle row of A meets first. A compact
    /// part of the domain where A is a discretisation.
    pub fn ball(&self, count: usize) -> Vec<u32> {
        let n = self.nrows();
        if count >= n {
            return (0..n as u32).collect();
        }
        let mut seen = vec![false; n];
        let mut rows = vec![(n / 2) as u32];
        seen[n / 2] = true;
        let mut next = 0;
        while next < rows.len() && rows.len() < count {
            for &j in self.row(rows[next] as usize).0 {
                if !seen[j as usize] && rows.len() < count {
                    seen[j as usize] = true;
                    rows.push(j);
                }
            }
            next += 1;
        }
        rows.sort_unstable();
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ball_of_a_grid_is_compact() {
        // 5-point pattern of 21 × 21 points.
        let (m, mut entries) = (21usize, Vec::new());
        for i in 0..m * m {
            entries.push((i, i, 4.0));
            for (inside, j) in [(i % m > 0, i.wrapping_sub(1)), (i % m + 1 < m, i + 1), (i >= m, i.wrapping_sub(m))] {
                if inside {
                    entries.push((i, j, -1.0));
                }
            }
            if i + m < m * m {
                entries.push((i, i + m, -1.0));
            }
        }
        let a = Csr::from_triplets(m * m, m * m, &entries).unwrap();
        // Distance 3 from the middle: 25 points.
        let ball = a.ball(25);
        assert_eq!(ball.len(), 25);
        let far = |&i: &u32| (i as usize % m).abs_diff(10) + (i as usize / m).abs_diff(10);
        assert_eq!(ball.iter().map(far).max(), Some(3));
        assert!(ball.is_sorted());
        let mut local = vec![NONE; m * m];
        let part = a.submatrix(&ball, &mut local).unwrap();
        assert_eq!((part.nrows(), part.get(12, 12), part.get(12, 13)), (25, 4.0, -1.0));
        assert!(local.iter().all(|&l| l == NONE) && part.is_symmetric(0.0));
        assert_eq!(a.ball(1000).len(), m * m);
    }
}
