//! Constants: what training systems give once and every system then gets alike, the least that a learned method must
//! beat.
//!
//! [`ENTRIES`] lists them, one a file. A recipe's row names one in place of a classical preconditioner.

pub mod mean_fsai;
pub mod mean_inverse;

use super::PredictOptions;
use crate::entry::{Configuration, Entry, Registry};
use crate::error::Result;
use crate::notation::{self, Kind};
use crate::solve::Acceleration;
use crate::system::SampleSource;

/// The settings of a constant: what its table in a recipe becomes.
pub trait Constant: Configuration + Send + Sync {
    /// Makes the constant from the training systems of the given ids.
    ///
    /// # Errors
    /// If there are none, or they do not suit; those of [`SampleSource::load`].
    fn fit(&self, source: &dyn SampleSource, ids: &[u32], options: &PredictOptions) -> Result<Fitted>;
}

/// Puts the same beside every system.
pub type Fitted = Box<dyn Fn() -> Acceleration + Send + Sync>;

/// The constants there are.
pub static ENTRIES: Registry<dyn Constant> = Registry::new("constant", &[&mean_inverse::ENTRY, &mean_fsai::ENTRY]);

/// A constant with its settings, written `mean-inverse` or `mean-inverse(64)`.
pub type Spec = notation::Spec<dyn Constant>;

impl Kind for dyn Constant {
    fn registry() -> &'static Registry<Self> {
        &ENTRIES
    }
}

/// Whether the text begins with the name of a constant.
pub fn is_named(text: &str) -> bool {
    let name = text.split('(').next().unwrap_or("").trim();
    ENTRIES.names().contains(&name)
}

/// Adds a constant for the rest of the process.
///
/// # Errors
/// [`crate::Error::Argument`] if the name is taken.
pub fn register(constant: Entry<dyn Constant>) -> Result<()> {
    ENTRIES.register(constant)
}
