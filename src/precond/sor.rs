//! Successive over-relaxation: Gauss–Seidel at ω = 1, and its symmetric form.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::triangular::{StrictTriangle, TriangularSolve};
use super::{Built, Preconditioner, Reuse, SYMMETRY, check_square_finite, nonzero_diagonal};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Props};

/// `sor`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "sor",
    help: "successive over-relaxation, forward sweeps: Gauss–Seidel at omega = 1",
    source: "Saad (2003), section 4.1, doi:10.1137/1.9780898718003",
    needs: "no zero on the diagonal of A",
    positional: &["omega", "sweeps"],
    defaults: defaults::<SorParams>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, SorParams::check)?)),
};

/// More than any iteration is worth within another one.
const MOST_SWEEPS: usize = 1000;

/// Parameters of [`Sor`], and those of `sor` and `ssor`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SorParams {
    /// 0 < ω < 2.
    pub omega: f64,
    /// Sweeps an application, 1 to 1000.
    pub sweeps: usize,
    /// Each sweep forward, then backward.
    #[serde(skip)]
    pub symmetric: bool,
}

impl Default for SorParams {
    fn default() -> Self {
        SorParams { omega: 1.0, sweeps: 1, symmetric: false }
    }
}

impl Preconditioner for SorParams {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        Ok(Built::new(Sor::new(a, *self)?))
    }
    fn props(&self) -> Props {
        match self.symmetric {
            true => Props::SPD,
            false => Props::GENERAL,
        }
    }
}

/// `sweeps` SOR iterations on A z = r from z = 0, with A = L + D + U.
///
/// One forward sweep is z = ω (D + ω L)⁻¹ r; one symmetric sweep
/// z = ω (2 − ω) (D + ω U)⁻¹ D (D + ω L)⁻¹ r. With A symmetric and D > 0 that M is positive definite and the
/// eigenvalues λ of M A are at most 1, so that k sweeps, Σ_{i<k} (1 − λ)ⁱ M, are positive definite too.
/// Reference: Saad (2003), section 10.2, doi:10.1137/1.9780898718003.
#[derive(Debug)]
pub struct Sor {
    /// Rows scaled by ω / a_ii.
    lower: TriangularSolve,
    upper: TriangularSolve,
    /// ω / a_ii.
    weight: Vec<f64>,
    params: SorParams,
    props: Props,
    /// Scratch of further sweeps, empty until the first.
    scratch: Mutex<Vec<f64>>,
}

impl Sor {
    /// Splits A into its triangles.
    ///
    /// # Errors
    /// [`Error::Argument`] unless 0 < ω < 2 and there is a sweep; [`Error::Shape`] unless A is square;
    /// [`Error::Numeric`] for a zero on its diagonal or an entry that is not finite.
    pub fn new(a: &Csr, params: SorParams) -> Result<Self> {
        params.check()?;
        check_square_finite(a)?;
        let diagonal = nonzero_diagonal("sor", a)?;
        let weight: Vec<f64> = diagonal.iter().map(|d| params.omega / d).collect();
        let (lower, upper) = StrictTriangle::split(a, |i| weight[i]);
        // Forward SOR is symmetric only where A is diagonal; that is not worth a promise.
        let props = if !(params.symmetric && a.is_symmetric(SYMMETRY)) {
            Props::GENERAL
        } else if diagonal.iter().all(|&d| d > 0.0) {
            Props::SPD
        } else {
            Props::SYMMETRIC
        };
        Ok(Sor {
            lower: TriangularSolve::new(lower),
            upper: TriangularSolve::new(upper),
            weight,
            params,
            props,
            scratch: Mutex::default(),
        })
    }

    /// The first forward sweep, from z = 0.
    pub(super) fn first(&self, r: &[f64], z: &mut [f64]) {
        self.lower.substitute(z, |i, _| self.weight[i] * r[i]);
    }

    /// A backward sweep right after the first forward one: (L z)ᵢ follows from zᵢ and need not be summed again.
    pub(super) fn first_back(&self, z: &mut [f64]) {
        let c = 2.0 - self.params.omega;
        self.upper.substitute(z, |_, z| c * z);
    }

    /// One more sweep on the given z, forward and, where the sweeps are symmetric, back; `s` is a scratch of n numbers.
    ///
    /// zᵢ ← (1 − ω) zᵢ + ω (rᵢ − Σ_{j<i} a_ij zⱼ new − Σ_{j>i} a_ij zⱼ old) / a_ii. What does not wait for new values
    /// is summed first; on the way back L z is what the way forth has subtracted.
    pub(super) fn relax(&self, r: &[f64], z: &mut [f64], s: &mut [f64]) {
        let omega = self.params.omega;
        for (i, s) in s.iter_mut().enumerate() {
            *s = self.weight[i] * r[i] + (1.0 - omega) * z[i] - self.upper.triangle().row_dot(i, z);
        }
        self.lower.substitute(z, |i, _| s[i]);
        if self.params.symmetric {
            self.upper.substitute(z, |i, z| self.weight[i] * r[i] + (2.0 - omega) * z - s[i]);
        }
    }

    /// One sweep back on the given z; `s` is a scratch of n numbers.
    pub(super) fn relax_back(&self, r: &[f64], z: &mut [f64], s: &mut [f64]) {
        for (i, s) in s.iter_mut().enumerate() {
            *s = self.weight[i] * r[i] + (1.0 - self.params.omega) * z[i] - self.lower.triangle().row_dot(i, z);
        }
        self.upper.substitute(z, |i, _| s[i]);
    }
}

impl SorParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] unless 0 < ω < 2 and there is a sweep.
    pub fn check(&self) -> Result<()> {
        if !(self.omega > 0.0 && self.omega < 2.0) {
            return Err(Error::Argument(format!("sor: omega = {} must lie between 0 and 2", self.omega)));
        }
        if !(1..=MOST_SWEEPS).contains(&self.sweeps) {
            return Err(Error::Argument(format!("sor: sweeps = {} must be from 1 to {MOST_SWEEPS}", self.sweeps)));
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
        if self.params.sweeps == 1 {
            return;
        }
        // The scratch holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        scratch.resize(y.len(), 0.0);
        for _ in 1..self.params.sweeps {
            self.relax(x, y, &mut scratch);
        }
    }
    fn nnz(&self) -> usize {
        self.lower.triangle().nnz() + self.upper.triangle().nnz() + self.weight.len()
    }
}
