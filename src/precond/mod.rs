//! Classical preconditioners M ≈ A⁻¹, one file each; applied they are one more [`LinOp`](crate::linalg::LinOp): z = M
//! r.
//!
//! Names and defaults follow PETSc. [`ENTRIES`] lists them. [`Spec`] is what recipes and the command line say,
//! [`Spec::build`] the setup on one matrix, [`Built`] the result with its time and what is worth knowing (a shift
//! that was needed). [`Spec::props`] says which are symmetric positive definite where A is.

pub mod amg;
mod asm;
mod bjacobi;
mod blocks;
mod cholesky;
mod dic;
mod factor;
mod factored;
mod factored_inverse;
mod fast_poisson;
mod fsai;
mod icc;
mod ict;
mod ilu;
mod ilut;
mod jacobi;
mod koptimal;
mod ldlt;
mod level_of_fill;
mod lu;
mod mic;
mod mict;
mod none;
mod preconditioner;
mod shift;
mod sine;
mod sor;
mod spai;
mod ssor;
#[cfg(test)]
mod testing;
mod trial;
mod triangular;
mod two_level;

pub use amg::{Amg, AmgParams, rigid_body_modes};
pub use blocks::{Blocks, BlocksParams};
pub use dic::Dic;
pub use factored::Factored;
pub use factored_inverse::FactoredInverse;
pub use fast_poisson::FastPoisson;
pub use fsai::{check_pattern as check_fsai_pattern, pattern as fsai_pattern};
pub use icc::Icc;
pub use ict::IctParams;
pub use ilu::Ilu;
pub use ilut::IlutParams;
pub use jacobi::Jacobi;
pub use ldlt::Ldlt;
pub use lu::Lu;
pub use mic::RELAXATION;
pub use none::spec as no_preconditioner;
pub use preconditioner::{Built, Preconditioner, Reuse, Spec};
pub use shift::{Shift, Shifting};
pub use sor::{Sor, SorParams};
pub use spai::Spai;
pub use two_level::{Joined, TwoLevel, sine_modes, sine_pairs};

use crate::entry::{Entry, Registry};
use crate::error::{Error, Result};
use crate::linalg::{Csr, SYMMETRY, vector};

/// Every preconditioner.
pub static ENTRIES: Registry<dyn Preconditioner> = Registry::new(
    "preconditioner",
    &[
        &none::ENTRY,
        &jacobi::ENTRY,
        &sor::ENTRY,
        &ssor::ENTRY,
        &icc::ENTRY,
        &mic::ENTRY,
        &dic::ENTRY,
        &ict::ENTRY,
        &mict::ENTRY,
        &ilu::ENTRY,
        &ilut::ENTRY,
        &fsai::ENTRY,
        &spai::ENTRY,
        &koptimal::ENTRY,
        &bjacobi::ENTRY,
        &asm::ENTRY,
        &amg::ENTRY,
        &sine::ENTRY,
        &fast_poisson::ENTRY,
        &cholesky::ENTRY,
        &ldlt::ENTRY,
        &lu::ENTRY,
    ],
);

/// Adds a preconditioner of the library's user for the rest of the process.
///
/// # Errors
/// [`Error::Argument`] if the name is taken.
pub fn register(entry: Entry<dyn Preconditioner>) -> Result<()> {
    ENTRIES.register(entry)
}

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
        Some(k) => Err(Error::Numeric(format!("matrix to precondition: stored entry {k} is {}", a.values()[k]))),
        None => Ok(()),
    }
}

/// # Errors
/// As [`check_square_finite`], and [`Error::Numeric`] unless A is symmetric.
fn check_symmetric(method: &str, a: &Csr) -> Result<()> {
    check_square_finite(a)?;
    match a.is_symmetric(SYMMETRY) {
        true => Ok(()),
        false => Err(Error::Numeric(format!("{method} needs a symmetric matrix; this one is not"))),
    }
}

/// The diagonal of A.
///
/// # Errors
/// [`Error::Numeric`] if an entry is zero or not stored.
fn nonzero_diagonal(method: &str, a: &Csr) -> Result<Vec<f64>> {
    let diagonal = a.diagonal();
    match diagonal.iter().position(|&d| d == 0.0) {
        Some(i) => Err(Error::Numeric(format!("{method} divides by the diagonal, and a_{i},{i} is 0 or not stored"))),
        None => Ok(diagonal),
    }
}
