//! To and from other programs: matrices of others as datasets, samples as files that others read.

mod croissant;
mod export;
mod files;
mod import;
mod resplit;

pub use croissant::{About, croissant};
pub use export::{Format, export, files};
pub use files::{MatrixFile, matrices};
pub use import::{Event as ImportEvent, Import, Imported, Rhs, import};
pub use resplit::resplit;
