//! To and from other programs: matrices of others as datasets, samples as files that others read.

mod export;
mod import;

pub use export::{Format, export, files};
pub use import::{Import, Rhs, import, matrices};
