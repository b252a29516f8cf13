//! Krylov methods and stationary iterations: one file each, all with the same arguments and outcome.
//!
//! Names follow PETSc. Every method stops by the true residual, ‖b − A x‖₂ ≤ max(rtol ‖b‖₂, atol), recomputed at
//! the end, and reports why it stopped. Not converging is an [`Outcome`], never an error.

mod stop;

pub use stop::{Monitor, Outcome, Quiet, Reason, Stop};
