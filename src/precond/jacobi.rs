//! Diagonal scaling.

use super::{check_square_finite, nonzero_diagonal};
use crate::error::Result;
use crate::linalg::op::Halves;
use crate::linalg::{Csr, LinOp, Props};

/// M = ω D⁻¹, D the diagonal of A.
#[derive(Debug, Clone)]
pub struct Jacobi {
    inverse: Vec<f64>,
    props: Props,
}

impl Jacobi {
    /// # Errors
    /// [`crate::Error::Shape`] unless A is square, [`crate::Error::Numeric`] for a zero on its diagonal or an entry
    /// that is not finite.
    pub fn new(a: &Csr, omega: f64) -> Result<Self> {
        check_square_finite(a)?;
        let inverse: Vec<f64> = nonzero_diagonal("jacobi", a)?.iter().map(|d| omega / d).collect();
        let props = if inverse.iter().all(|&d| d > 0.0) {
            Props::SPD
        } else {
            Props::SYMMETRIC
        };
        Ok(Jacobi { inverse, props })
    }
}

impl LinOp for Jacobi {
    fn shape(&self) -> (usize, usize) {
        (self.inverse.len(), self.inverse.len())
    }
    fn props(&self) -> Props {
        self.props
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        for ((y, x), d) in y.iter_mut().zip(x).zip(&self.inverse) {
            *y = d * x;
        }
    }
    fn nnz(&self) -> usize {
        self.inverse.len()
    }
    fn halves(&self) -> Option<&dyn Halves> {
        (self.props == Props::SPD).then_some(self)
    }
}

/// F = Fᵀ = (ω D⁻¹)^½.
impl Halves for Jacobi {
    fn left(&self, x: &[f64], y: &mut [f64]) {
        for ((y, x), d) in y.iter_mut().zip(x).zip(&self.inverse) {
            *y = d.sqrt() * x;
        }
    }
    fn right(&self, x: &[f64], y: &mut [f64]) {
        self.left(x, y);
    }
}
