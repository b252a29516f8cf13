//! Constants: what training systems give once and every system then gets alike, or a classical method or formula gives
//! without any, the least that a learned method must beat; and, where labels are stored, the best that can be reached.
//!
//! [`ENTRIES`] lists them, one a file. A recipe's row names one in place of a classical preconditioner (`pc`), or, if
//! it is a space or a guess, beside one (`space`, `guess`).

pub mod eigenvectors;
mod factor_targets;
pub mod iterates;
pub mod mean_factor;
pub mod mean_fsai;
pub mod mean_inverse;
pub mod mean_space;
pub mod simple_factor;
pub mod sine_modes;

use super::PredictOptions;
use crate::entry::{Configuration, Entry, Registry};
use crate::error::{Error, Result};
use crate::linalg::{Space, dense};
use crate::models::eigenvector_labels::{LABEL, eigenvectors};
use crate::notation::{self, Kind};
use crate::solve::Acceleration;
use crate::solver::Need;
use crate::system::{LinearSystem, Names, SampleSource};

/// The settings of a constant: what its table in a recipe becomes.
pub trait Constant: Configuration + Send + Sync {
    /// Makes the constant from the training systems of the given ids.
    ///
    /// # Errors
    /// If there are none, or they do not suit; those of [`SampleSource::load`].
    fn fit(&self, source: &dyn SampleSource, ids: &[u32], options: &PredictOptions) -> Result<Fitted>;

    /// What A of the training systems has to be promised; the entry's `needs` says it in words.
    fn needs(&self) -> Need {
        Need::Nothing
    }

    /// Whether training systems have a part in it; else a dataset need have none.
    fn is_fitted(&self) -> bool {
        true
    }

    /// What it gives.
    fn part(&self) -> Part {
        Part::Preconditioner
    }

    /// Labels of the system itself that it looks at: it is then no constant but what no method can know, an oracle.
    fn labels(&self) -> Names {
        Names::None
    }

    /// Labels that what it gives is compared with ([`Fit::agreement`]), and that it is made of.
    fn compared_with(&self) -> Names {
        Names::None
    }
}

/// What a constant gives: the key of a row that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// M.
    Preconditioner,
    /// A space to deflate or recycle, which goes with any preconditioner.
    Space,
    /// Where x starts, which goes with any preconditioner.
    Guess,
}

impl Part {
    /// The key of a row.
    pub fn key(self) -> &'static str {
        match self {
            Part::Preconditioner => "pc",
            Part::Space => "space",
            Part::Guess => "guess",
        }
    }
}

/// What is put beside a system: the same beside each, or beside those of a size; of an oracle what its labels say. A
/// function of the system is one.
pub trait Fit: Send + Sync {
    /// What is put beside a system.
    ///
    /// # Errors
    /// If there is nothing for this system.
    fn make(&self, system: &LinearSystem) -> Result<Acceleration>;

    /// How near that comes to a label of the system ([`super::Model::agreement`]); None where there is nothing to
    /// compare.
    ///
    /// # Errors
    /// As [`Fit::make`], and where the label is of the wrong kind.
    fn agreement(&self, system: &LinearSystem) -> Result<Option<f64>> {
        match self.make(system)?.space {
            Some(space) => agreement(&space, system),
            None => Ok(None),
        }
    }
}

impl<F: Fn(&LinearSystem) -> Result<Acceleration> + Send + Sync> Fit for F {
    fn make(&self, system: &LinearSystem) -> Result<Acceleration> {
        self(system)
    }
}

/// What a constant has made of its training systems.
pub type Fitted = Box<dyn Fit>;

/// The constants there are.
pub static ENTRIES: Registry<dyn Constant> = Registry::new(
    "constant",
    &[
        &mean_inverse::ENTRY,
        &mean_fsai::ENTRY,
        &mean_factor::ENTRY,
        &simple_factor::ENTRY,
        &sine_modes::ENTRY,
        &mean_space::ENTRY,
        &eigenvectors::ENTRY,
        &iterates::ENTRY,
    ],
);

/// A constant with its settings, written `mean-inverse` or `mean-inverse(64)`.
pub type Spec = notation::Spec<dyn Constant>;

impl Kind for dyn Constant {
    fn registry() -> &'static Registry<Self> {
        &ENTRIES
    }
}

/// Refuses a space without columns, and more of them than anyone means.
fn check_columns(name: &str, k: usize) -> Result<()> {
    match k {
        1..=256 => Ok(()),
        _ => Err(Error::Argument(format!("{name}: k = {k} must be from 1 to 256"))),
    }
}

/// n of the systems of these ids; refuses none and several sizes.
fn one_size(name: &str, source: &dyn SampleSource, ids: &[u32]) -> Result<usize> {
    let sizes = ids.iter().map(|&id| Ok(source.size(id)?.0)).collect::<Result<Vec<_>>>()?;
    match sizes.first() {
        Some(&n) if sizes.iter().all(|&other| other == n) => Ok(n),
        _ => Err(Error::Argument(format!("{name} needs training systems of one size"))),
    }
}

/// The label that [`agreement`] compares with, where a dataset has it.
pub fn labels_of_spaces() -> Names {
    Names::Only(vec![LABEL.into()])
}

/// The cosine of the largest principal angle between a constant space (n×k) and the stored eigenvectors of a system, k
/// of them or as many as there are; None where it has none.
///
/// # Errors
/// [`Error::Numeric`] if the space is not finite.
pub fn agreement(space: &Space, system: &LinearSystem) -> Result<Option<f64>> {
    let Some(label) = system.label(LABEL) else {
        return Ok(None);
    };
    let vectors = eigenvectors(system, space.ncols().min(label.components))?;
    dense::largest_angle(&space.to_dense(), &vectors).map(Some)
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
