//! Krylov methods and stationary iterations: one file each, all with the same arguments and outcome.
//!
//! Names follow PETSc. Every method stops by the true residual, ‖b − A x‖₂ ≤ max(rtol ‖b‖₂, atol), recomputed before
//! convergence is reported, and says why it stopped. Not converging is an [`Outcome`], never an error. Another norm
//! can be asked for ([`Norm`]), and M on another side of A ([`Side`], [`Method::with_side`], [`split`]); the true
//! residual is reported all the same.
//!
//! | input | answer of every method |
//! |---|---|
//! | b = 0 | x = 0, [`Reason::ConvergedAtol`] after 0 iterations, whatever x was |
//! | n = 0 | [`Reason::ConvergedAtol`] after 0 iterations |
//! | the initial x is good enough | [`Reason::ConvergedRtol`] after 0 iterations, x untouched |
//! | A singular, b in its range | a solution (Krylov methods), or an honest reason |
//! | A singular, b not in its range | a diverged reason, never converged; `minres`: [`Reason::DivergedInconsistent`] |
//! | rounding lets no claim come true | [`Reason::DivergedStagnation`] and the best x seen |
//! | b of any size, 1e-300 or 1e300 | the same iterates as with b of size 1, but for the factor |
//! | NaN or ∞ in b or the initial x | [`crate::Error::Numeric`] naming the entry |
//! | NaN or ∞ in A or M | [`Reason::DivergedNan`] |
//! | A not square, other sizes that differ | [`crate::Error::Shape`] |
//! | A promises less than the method needs | [`crate::Error::Unsuitable`] naming a method that can |
//! | M promises less than the method needs | [`crate::Error::Argument`] naming a method that can |

mod bcgs;
mod cg;
mod chebyshev;
mod convergence_test;
mod deflated;
mod eisenstat;
mod fcg;
mod fgmres;
mod gcrodr;
mod gmres;
mod harmonic;
mod hessenberg;
mod history;
mod krylov_method;
mod lanczos;
mod minres;
mod orthogonal;
mod requirements;
mod richardson;
mod scaled;
mod side;
mod split;
mod stagnation;
mod stop;

pub use bcgs::{Bcgs, bcgs};
pub use cg::{Cg, cg};
pub use chebyshev::{Chebyshev, ChebyshevParams, chebyshev};
pub use convergence_test::ConvergenceTest;
pub use deflated::{DeflatedCg, deflated_cg};
pub use fcg::{Fcg, fcg};
pub use fgmres::{Fgmres, fgmres};
pub use gcrodr::{Gcrodr, GcrodrParams, gcrodr};
pub use gmres::{Gmres, GmresParams, gmres};
pub use krylov_method::{KrylovMethod, Memory, Method, Workspace};
pub use minres::{Minres, deflated_minres, minres};
pub use requirements::{Need, Requirements};
pub use richardson::{Richardson, richardson};
pub use side::Side;
pub use split::split;
pub use stop::{KnownSolution, Monitor, Norm, Outcome, Quiet, Reason, Stop, Timeline};

use crate::entry::{Entry, Registry};
use crate::error::Result;

/// Every method.
pub static ENTRIES: Registry<dyn KrylovMethod> = Registry::new(
    "solver",
    &[
        &richardson::ENTRY,
        &chebyshev::ENTRY,
        &cg::ENTRY,
        &fcg::ENTRY,
        &minres::ENTRY,
        &gmres::ENTRY,
        &fgmres::ENTRY,
        &bcgs::ENTRY,
        &gcrodr::ENTRY,
    ],
);

/// Adds a method of the library's user for the rest of the process.
///
/// # Errors
/// [`crate::Error::Argument`] if the name is taken.
pub fn register(entry: Entry<dyn KrylovMethod>) -> Result<()> {
    ENTRIES.register(entry)
}
