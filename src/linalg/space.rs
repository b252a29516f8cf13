//! [`Space`]: columns whose span is deflated, recycled or solved on, everywhere or of local support; [`Partition`] of
//! unity makes the second of the first.

use super::Csr;
use super::dense::{self, Dense};
use super::vector;
use crate::error::{Error, Result};

/// W (n×k) as it is given, not yet set up for a matrix.
#[derive(Debug, Clone)]
pub enum Space {
    /// Columns that live everywhere.
    Global(Dense),
    /// Columns of local support, stored by rows.
    Local(Csr),
}

impl From<Dense> for Space {
    fn from(columns: Dense) -> Self {
        Space::Global(columns)
    }
}

impl Space {
    /// n.
    pub fn nrows(&self) -> usize {
        match self {
            Space::Global(w) => w.nrows(),
            Space::Local(w) => w.nrows(),
        }
    }

    /// k.
    pub fn ncols(&self) -> usize {
        match self {
            Space::Global(w) => w.ncols(),
            Space::Local(w) => w.ncols(),
        }
    }

    /// W with every zero written out.
    pub fn to_dense(&self) -> Dense {
        match self {
            Space::Global(w) => w.clone(),
            Space::Local(w) => dense::from_csr(w),
        }
    }
}

/// Functions χ_p ≥ 0 that sum to one at every unknown, each zero away from its patch.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Unknowns × functions: their values where they are not zero.
    pub shares: Csr,
}

/// A column of a patch that has a smaller part than this outside the span of those before it is dropped: it would
/// only spoil the condition of Wᵀ A W.
const NEW: f64 = 1e-2;

impl Partition {
    /// The functions on an m×m grid of squares that are 1 in the middle half of their square, 0 beyond the middle
    /// halves of its neighbours and bilinear between, at places of the unit square. Since each is 1 somewhere, its
    /// products with independent functions are independent of those of its neighbours, which hat functions, whose
    /// sums hold x and y too, do not give (Schweitzer 2008, Meshfree and Generalized Finite Element Methods, Bonn, on
    /// flat-top functions).
    ///
    /// # Errors
    /// [`Error::Shape`] beyond 2³² entries.
    pub fn flat_top(at: &[[f64; 2]], m: usize) -> Result<Self> {
        let along = |x: f64| -> [(usize, f64); 2] {
            let x = (x * m as f64 - 0.5).clamp(0.0, (m - 1) as f64);
            let first = (x as usize).min(m.saturating_sub(2));
            let part = (2.0 * (x - first as f64) - 0.5).clamp(0.0, 1.0);
            [(first, 1.0 - part), ((first + 1).min(m - 1), part)]
        };
        let shares = |&[x, y]: &[f64; 2]| {
            let pairs = along(y).into_iter().flat_map(|(q, b)| along(x).map(|(p, a)| ((q * m + p) as u32, a * b)));
            pairs.filter(|&(_, share)| share > 0.0).collect()
        };
        Ok(Partition { shares: Csr::from_rows(m * m, &at.iter().map(shares).collect::<Vec<_>>())? })
    }

    /// All products χ_p w_j with the columns of W, those of a patch orthonormal, side by side patch by patch.
    ///
    /// # Errors
    /// [`Error::Shape`] unless W has a row per unknown; [`Error::Numeric`] if a column is not finite.
    pub fn times(&self, w: &Dense) -> Result<Space> {
        let n = self.shares.nrows();
        if w.nrows() != n {
            return Err(Error::shape("rows of the space", n, w.nrows()));
        }
        let patches = self.shares.transpose();
        let mut entries: Vec<Vec<(u32, f64)>> = vec![Vec::new(); n];
        let mut column = 0u32;
        for p in 0..patches.nrows() {
            let (rows, shares) = patches.row(p);
            let cut = |j: usize| rows.iter().zip(shares).map(|(&i, s)| s * w[(i as usize, j)]).collect();
            for v in orthonormal((0..w.ncols()).map(cut), NEW)? {
                rows.iter().zip(v).for_each(|(&i, v)| entries[i as usize].push((column, v)));
                column += 1;
            }
        }
        Csr::from_rows(column as usize, &entries).map(Space::Local)
    }
}

/// An orthonormal basis by Gram–Schmidt, applied twice; columns of which less than a share `least` is new are dropped.
///
/// # Errors
/// [`Error::Numeric`] naming the column that is not finite.
pub(super) fn orthonormal(columns: impl Iterator<Item = Vec<f64>>, least: f64) -> Result<Vec<Vec<f64>>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for (j, mut v) in columns.enumerate() {
        let size = vector::norm2(&v);
        if !size.is_finite() {
            return Err(Error::Numeric(format!("column {j} of the given space is not finite")));
        }
        for _ in 0..2 {
            for u in &basis {
                let along = vector::dot(u, &v);
                vector::axpy(-along, u, &mut v);
            }
        }
        let left = vector::norm2(&v);
        if left > least * size {
            vector::scale(1.0 / left, &mut v);
            basis.push(v);
        }
    }
    Ok(basis)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inner nodes of a grid.
    fn places(side: usize) -> Vec<[f64; 2]> {
        let at = |i: usize| (i + 1) as f64 / (side + 1) as f64;
        (0..side * side).map(|k| [at(k % side), at(k / side)]).collect()
    }

    #[test]
    fn shares_sum_to_one_and_the_space_holds_what_was_cut() {
        let at = places(9);
        for m in 1..=4 {
            let partition = Partition::flat_top(&at, m).unwrap();
            for (_, shares) in (0..81).map(|i| partition.shares.row(i)) {
                assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-15 && shares.len() <= 4);
            }
            let w = Dense::from_fn(81, 2, |i, j| [1.0, at[i][0].sin() * at[i][1]][j]);
            let local = partition.times(&w).unwrap();
            assert!(local.ncols() <= 2 * m * m && (m == 1 || local.ncols() > 2));
            // Each column of W is a sum of columns of local support: nothing of it is outside their span.
            let cosine = dense::largest_angle(&local.to_dense(), &w).unwrap();
            assert!(cosine > 1.0 - 1e-12, "{m}: {cosine}");
        }
    }

    #[test]
    fn equal_columns_are_cut_once_and_what_is_not_finite_is_refused() {
        let partition = Partition::flat_top(&places(6), 3).unwrap();
        let twice = Dense::from_fn(36, 2, |i, _| 1.0 + i as f64);
        assert_eq!(partition.times(&twice).unwrap().ncols(), 9);
        assert!(matches!(partition.times(&Dense::from_fn(36, 1, |_, _| f64::NAN)), Err(Error::Numeric(_))));
        assert!(matches!(partition.times(&Dense::zeros(35, 1)), Err(Error::Shape { .. })));
    }
}
