//! The pseudo-inverse of a dense matrix.

use faer::Mat;

use super::dense::Dense;
use super::eigen::decompose;
use super::{LinOp, Props};
use crate::error::{Error, Result};

/// A⁺ (Moore and Penrose) of a square matrix, as an operator.
#[derive(Debug, Clone)]
pub struct PseudoInverse {
    inverse: Dense,
    rank: usize,
    props: Props,
}

impl PseudoInverse {
    /// Of a symmetric matrix (lower triangle read); eigenvalues up to `tolerance` times the largest are taken for 0.
    /// Without a negative one beyond that it is promised definite, which it is on the range of A.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the iteration fails.
    pub fn of_symmetric(a: &Dense, tolerance: f64) -> Result<Self> {
        let (values, vectors) = decompose(a)?;
        let (made, smallest) = inverted(vectors.as_ref(), &values, vectors.as_ref(), tolerance);
        let props = if smallest > 0.0 { Props::SPD } else { Props::SYMMETRIC };
        Ok(PseudoInverse { props, ..made })
    }

    /// Of any matrix; singular values up to `tolerance` times the largest are taken for 0.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the iteration fails.
    pub fn new(a: &Dense, tolerance: f64) -> Result<Self> {
        let all = a.svd().map_err(|_| Error::Numeric("singular value iteration failed".into()))?;
        let values: Vec<f64> = all.S().column_vector().iter().copied().collect();
        Ok(inverted(all.V(), &values, all.U(), tolerance).0)
    }

    /// Eigenvalues or singular values that are not taken for 0.
    pub fn rank(&self) -> usize {
        self.rank
    }
}

/// L diag(v)⁺ Rᵀ, and the smallest v that is kept (0 where none is).
fn inverted(left: faer::MatRef<f64>, values: &[f64], right: faer::MatRef<f64>, tolerance: f64) -> (PseudoInverse, f64) {
    let bound = tolerance * values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let kept: Vec<usize> = (0..values.len()).filter(|&k| values[k].abs() > bound).collect();
    let scaled = Mat::from_fn(left.nrows(), kept.len(), |i, k| left[(i, kept[k])] / values[kept[k]]);
    let other = Mat::from_fn(right.nrows(), kept.len(), |i, k| right[(i, kept[k])]);
    let smallest = kept.iter().map(|&k| values[k]).reduce(f64::min).unwrap_or(0.0);
    let inverse = scaled * other.transpose();
    (PseudoInverse { inverse, rank: kept.len(), props: Props::GENERAL }, smallest)
}

impl LinOp for PseudoInverse {
    fn shape(&self) -> (usize, usize) {
        (self.inverse.nrows(), self.inverse.ncols())
    }
    fn props(&self) -> Props {
        self.props
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        y.fill(0.0);
        for (j, &x) in x.iter().enumerate() {
            for (y, v) in y.iter_mut().zip(self.inverse.col(j).iter()) {
                *y += v * x;
            }
        }
    }
    fn nnz(&self) -> usize {
        self.inverse.nrows() * self.inverse.ncols()
    }
}
