//! Diagonal scaling.

use serde::{Deserialize, Serialize};

use super::{Built, Preconditioner, Reuse, check_square_finite, nonzero_diagonal};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::op::Halves;
use crate::linalg::{Csr, LinOp, Props};

/// `jacobi`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "jacobi",
    help: "diagonal scaling, M = ω D⁻¹",
    source: "Saad (2003), section 4.1, doi:10.1137/1.9780898718003",
    needs: "no zero on the diagonal of A",
    positional: &["omega"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    omega: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { omega: 1.0 }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        if self.omega > 0.0 && self.omega.is_finite() {
            return Ok(());
        }
        Err(Error::Argument(format!("jacobi: omega = {} must be positive and finite", self.omega)))
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        Ok(Built::new(Jacobi::new(a, self.omega)?))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn arguments(&self) -> Option<String> {
        (self.omega == 1.0).then(String::new)
    }
}

/// M = ω D⁻¹, D the diagonal of A.
#[derive(Debug, Clone)]
pub struct Jacobi {
    inverse: Vec<f64>,
    props: Props,
}

impl Jacobi {
    /// ω times the inverse diagonal of A.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] unless A is square, [`crate::Error::Numeric`] for a zero on its diagonal or an entry
    /// that is not finite.
    pub fn new(a: &Csr, omega: f64) -> Result<Self> {
        check_square_finite(a)?;
        let inverse: Vec<f64> = nonzero_diagonal("jacobi", a)?.iter().map(|d| omega / d).collect();
        let props = if inverse.iter().all(|&d| d > 0.0) { Props::SPD } else { Props::SYMMETRIC };
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
