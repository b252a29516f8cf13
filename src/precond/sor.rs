//! Successive over-relaxation: Gauss–Seidel at ω = 1, and its symmetric form.

use super::strict::Strict;
use super::{SYMMETRY, check_square_finite, nonzero_diagonal};
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Props};

/// Parameters of [`Sor`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SorParams {
    /// 0 < ω < 2.
    pub omega: f64,
    pub sweeps: usize,
    /// Each sweep forward, then backward.
    pub symmetric: bool,
}

/// `sweeps` SOR iterations on A z = r from z = 0, with A = L + D + U.
///
/// One forward sweep is z = ω (D + ω L)⁻¹ r; one symmetric sweep
/// z = ω (2 − ω) (D + ω U)⁻¹ D (D + ω L)⁻¹ r. With A symmetric and D > 0 that M is positive definite and the
/// eigenvalues λ of M A are at most 1, so that k sweeps, Σ_{i<k} (1 − λ)ⁱ M, are positive definite too.
/// Reference: Saad (2003), section 10.2, doi:10.1137/1.9780898718003.
#[derive(Debug, Clone)]
pub struct Sor {
    /// Rows scaled by ω / a_ii.
    lower: Strict,
    upper: Strict,
    /// ω / a_ii.
    weight: Vec<f64>,
    params: SorParams,
    props: Props,
}

impl Sor {
    /// # Errors
    /// [`Error::Argument`] unless 0 < ω < 2 and there is a sweep; [`Error::Shape`] unless A is square;
    /// [`Error::Numeric`] for a zero on its diagonal or an entry that is not finite.
    pub fn new(a: &Csr, params: SorParams) -> Result<Self> {
        params.check()?;
        check_square_finite(a)?;
        let diagonal = nonzero_diagonal("sor", a)?;
        let weight: Vec<f64> = diagonal.iter().map(|d| params.omega / d).collect();
        let (mut lower, mut upper) = (Strict::lower_of(a), Strict::upper_of(a));
        lower.scale_rows(|i| weight[i]);
        upper.scale_rows(|i| weight[i]);
        // Forward SOR is symmetric only where A is diagonal; that is not worth a promise.
        let props = if !(params.symmetric && a.is_symmetric(SYMMETRY)) {
            Props::GENERAL
        } else if diagonal.iter().all(|&d| d > 0.0) {
            Props::SPD
        } else {
            Props::SYMMETRIC
        };
        Ok(Sor {
            lower,
            upper,
            weight,
            params,
            props,
        })
    }

    /// The first forward sweep, from z = 0.
    pub(super) fn first(&self, r: &[f64], z: &mut [f64]) {
        z.copy_from_slice(r);
        self.lower.substitute(z, |i, r| self.weight[i] * r);
    }

    /// A backward sweep right after the first forward one: (L z)ᵢ follows from zᵢ and need not be summed again.
    pub(super) fn first_back(&self, z: &mut [f64]) {
        let c = 2.0 - self.params.omega;
        self.upper.substitute(z, |_, z| c * z);
    }

    pub(super) fn forward(&self, r: &[f64], z: &mut [f64]) {
        for i in 0..z.len() {
            z[i] = self.relaxed(i, r, z);
        }
    }

    pub(super) fn backward(&self, r: &[f64], z: &mut [f64]) {
        for i in (0..z.len()).rev() {
            z[i] = self.relaxed(i, r, z);
        }
    }

    /// (1 − ω) zᵢ + ω (rᵢ − Σ_{j≠i} a_ij z_j) / a_ii.
    fn relaxed(&self, i: usize, r: &[f64], z: &[f64]) -> f64 {
        (1.0 - self.params.omega) * z[i] + self.weight[i] * r[i]
            - self.lower.row_dot(i, z)
            - self.upper.row_dot(i, z)
    }
}

impl SorParams {
    /// # Errors
    /// [`Error::Argument`] unless 0 < ω < 2 and there is a sweep.
    pub fn check(&self) -> Result<()> {
        if !(self.omega > 0.0 && self.omega < 2.0) {
            return Err(Error::Argument(format!(
                "sor: omega = {} must lie between 0 and 2",
                self.omega
            )));
        }
        if self.sweeps == 0 {
            return Err(Error::Argument("sor: sweeps = 0 must be at least 1".into()));
        }
        Ok(())
    }
}

impl LinOp for Sor {
    fn shape(&self) -> (usize, usize) {
        (self.weight.len(), self.weight.len())
    }
    fn props(&self) -> Props {
        self.props
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.first(x, y);
        if self.params.symmetric {
            self.first_back(y);
        }
        for _ in 1..self.params.sweeps {
            self.forward(x, y);
            if self.params.symmetric {
                self.backward(x, y);
            }
        }
    }
    fn nnz(&self) -> usize {
        self.lower.nnz() + self.upper.nnz() + self.weight.len()
    }
}
