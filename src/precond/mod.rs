//! Classical preconditioners M ≈ A⁻¹, one file each; applied they are one more [`LinOp`](crate::linalg::LinOp): z = M r.
//!
//! Names and defaults follow PETSc. [`Spec`] is what recipes and the command line say, [`Spec::build`] the setup on one
//! matrix, [`Built`] the result with its time and what is worth knowing (a shift that was needed).
//! Where A is symmetric positive definite, `none`, `jacobi`, `ssor`, `icc`, `ict`, `fsai`, `koptimal`, `cholesky`, `amg`, `sine`, `bjacobi` and unrestricted
//! `asm` with such solvers inside are, too; `sor`, `ilu`, `ilut`, `spai`, `lu` and restricted `asm` are not.

pub mod amg;
mod blocks;
mod build;
mod chains;
mod factor;
mod fast_poisson;
mod fill;
mod fsai;
mod grouped;
mod icc;
mod ict;
mod ilu;
mod ilut;
mod inner;
mod jacobi;
mod ldlt;
mod lu;
mod shift;
mod sor;
mod spai;
mod spec;
mod strict;
mod table;
mod two_level;

pub use amg::{Amg, AmgParams, rigid_body_modes};
pub use blocks::{Blocks, BlocksParams};
pub use build::{Built, Reuse};
pub use fast_poisson::FastPoisson;
pub use fsai::Fsai;
pub use icc::Icc;
pub use ict::IctParams;
pub use ilu::Ilu;
pub use ilut::IlutParams;
pub use inner::Inner;
pub use jacobi::Jacobi;
pub use ldlt::Ldlt;
pub use lu::Lu;
pub use shift::{Shift, Shifting};
pub use sor::{Sor, SorParams};
pub use spai::Spai;
pub use spec::Spec;
pub use two_level::{TwoLevel, sine_modes};

use crate::error::{Error, Result};
use crate::linalg::{Csr, vector};

/// Relative difference of a_ij and a_ji up to which a matrix counts as symmetric.
const SYMMETRY: f64 = 1e-12;

/// # Errors
/// [`Error::Shape`] unless A is square, [`Error::Numeric`] if an entry is not finite.
fn check_square_finite(a: &Csr) -> Result<()> {
    if a.nrows() != a.ncols() {
        return Err(Error::shape(
            "matrix to precondition",
            "as many columns as rows",
            format!("{}×{}", a.nrows(), a.ncols()),
        ));
    }
    if vector::all_finite(a.values()) {
        return Ok(());
    }
    match a.values().iter().position(|v| !v.is_finite()) {
        Some(k) => Err(Error::Numeric(format!(
            "matrix to precondition: stored entry {k} is {}",
            a.values()[k]
        ))),
        None => Ok(()),
    }
}

/// The diagonal of A.
///
/// # Errors
/// [`Error::Numeric`] if an entry is zero or not stored.
fn nonzero_diagonal(method: &str, a: &Csr) -> Result<Vec<f64>> {
    let diagonal = a.diagonal();
    match diagonal.iter().position(|&d| d == 0.0) {
        Some(i) => Err(Error::Numeric(format!(
            "{method} divides by the diagonal, and a_{i},{i} is 0 or not stored"
        ))),
        None => Ok(diagonal),
    }
}
