//! Sparse L D Lᵀ: M = A⁻¹ for a symmetric A, definite or not.

use serde::{Deserialize, Serialize};

use super::{Built, Preconditioner, Reuse, SYMMETRY, check_square_finite};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Props, SymbolicLdlt, ldlt};

/// `ldlt`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "El Kazdadi, faer (github.com/sarah-quinones/faer-rs)",
    needs: "A symmetric and regular",
    ..Entry::of::<Config>("ldlt", "sparse L D Lᵀ factorisation with refinement, M = A⁻¹")
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        Ok(Built::new(Ldlt::new(a)?))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn is_direct(&self) -> bool {
        true
    }
}

/// The factorisation with what it says of A.
#[derive(Debug, Clone)]
pub struct Ldlt {
    factor: ldlt::Ldlt,
    n: usize,
    nnz: usize,
}

impl Ldlt {
    /// Factorises A.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Numeric`] unless it is symmetric, finite and regular.
    pub fn new(a: &Csr) -> Result<Self> {
        check_square_finite(a)?;
        if !a.is_symmetric(SYMMETRY) {
            return Err(Error::Numeric("ldlt needs a symmetric matrix; this one is not: take lu".into()));
        }
        let factor = SymbolicLdlt::new(a.pattern())?.factorize(a)?;
        // A probe: a factor that refinement cannot save is told now, not in the middle of a solve.
        factor.solve_in_place(&mut vec![1.0; a.nrows()])?;
        Ok(Ldlt { factor, n: a.nrows(), nnz: a.nnz() })
    }

    /// Signs of A's eigenvalues.
    pub fn inertia(&self) -> ldlt::Inertia {
        self.factor.inertia()
    }
}

impl LinOp for Ldlt {
    fn shape(&self) -> (usize, usize) {
        (self.n, self.n)
    }
    /// Definite where the inertia says so.
    fn props(&self) -> Props {
        let i = self.inertia();
        if i.negative == 0 && i.zero == 0 { Props::SPD } else { Props::SYMMETRIC }
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
        // What refinement reached stays in y; the solver's true residual judges it.
        let _ = self.factor.solve_in_place(y);
    }
    /// Entries of A: those of the factor are not told.
    fn nnz(&self) -> usize {
        self.nnz
    }
}
