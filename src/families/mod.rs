//! PDE families, one folder each: `(seed, index)` → [`LinearSystem`].
//!
//! A family owns its table of a recipe, its sampler and the measurements of what it claims; [`ENTRIES`] lists them.

pub mod biharmonic;
pub mod boundary;
pub mod darcy;
pub mod discretisation;
pub mod elliptic;
pub mod frame;
pub mod given;
pub mod heat;
pub mod helmholtz;
pub mod keys;
mod manufactured;
pub mod poisson;
pub mod solution;
pub mod tridiagonal;

use std::path::PathBuf;
use std::sync::Arc;

use toml::Table;

use crate::entry::{Entry, Registry};
use crate::error::{Error, Result};
use crate::linalg::Pattern;
use crate::system::{Description, LinearSystem, MeshData};
use crate::verify::Report;

/// A family with its parameters set.
pub trait Family: Send + Sync {
    /// Its table of a recipe with every key written out that has a meaning beside the others.
    fn parameters(&self) -> Table;

    /// The family in words.
    fn description(&self) -> Description;

    /// The mesh that all samples share (each sample's own positions, where they differ, are a field).
    fn mesh(&self) -> Option<Arc<MeshData>> {
        None
    }

    /// The pattern that all samples share, if they share one.
    fn pattern(&self) -> Option<Arc<Pattern>> {
        None
    }

    /// The files that its parameters name, whose content decides samples as the parameters do.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// How many samples there can be at most, where the parameters name a file with one field a sample.
    fn samples(&self) -> Option<usize> {
        None
    }

    /// So many samples after another belong together, as the steps of a trajectory, which share A: they go to one set
    /// of the split as a whole unless a recipe says otherwise.
    fn group(&self) -> usize {
        1
    }

    /// What could be drawn, in words, if nothing is, so that one group of samples is as the other.
    fn nothing_drawn(&self) -> Option<String> {
        None
    }

    /// What the family claims, measured, whatever its parameters are; nothing unless it says so.
    ///
    /// # Errors
    /// If a system of a measurement cannot be made or solved.
    fn measure(&self) -> Result<Report> {
        Ok(Report::default())
    }

    /// A workspace that makes samples one after the other; one per thread.
    ///
    /// # Errors
    /// If the parameters allow no sample.
    fn sampler(&self) -> Result<Box<dyn Sampler + '_>>;
}

impl<F: Family + 'static> From<F> for Box<dyn Family> {
    fn from(family: F) -> Self {
        Box::new(family)
    }
}

/// Makes samples, reusing its workspace.
pub trait Sampler {
    /// Sample `index` under `seed`: the same bits whatever was sampled before.
    ///
    /// # Errors
    /// If the sample's system cannot be made or solved.
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem>;

    /// How many samples are best made at once, by [`Sampler::samples`]; 1 unless the family says otherwise.
    fn lanes(&self) -> usize {
        1
    }

    /// Several samples, in the order of `indices`: the bits and the errors of [`Sampler::sample`], whatever is made
    /// beside.
    fn samples(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        indices.iter().map(|&index| self.sample(seed, index)).collect()
    }
}

/// The families there are.
pub static ENTRIES: Registry<dyn Family> = Registry::new(
    "family",
    &[
        &biharmonic::ENTRY,
        &darcy::ENTRY,
        &elliptic::ENTRY,
        &frame::ENTRY,
        &heat::ENTRY,
        &helmholtz::ENTRY,
        &poisson::ENTRY,
        &tridiagonal::ENTRY,
    ],
);

/// Adds a family for the rest of the process.
///
/// # Errors
/// [`Error::Argument`] if the name is taken.
pub fn register(family: Entry<dyn Family>) -> Result<()> {
    ENTRIES.register(family)
}

/// The family called `name`, with the keys of its table in a recipe; `origin` is the recipe's file, for errors.
///
/// # Errors
/// [`Error::Recipe`] if there is no such family, or a key is unknown or out of range.
pub fn build(name: &str, table: &Table, origin: &str) -> Result<Box<dyn Family>> {
    let entry = ENTRIES.find(name).map_err(|e| Error::recipe(origin, e.to_string()))?;
    entry.parse(table, origin)
}

/// Measures what the family called `name` claims.
///
/// # Errors
/// [`Error::Argument`] if there is no such family; otherwise what its discretisation fails with.
pub fn measure(name: &str) -> Result<Report> {
    ENTRIES.find(name)?.default_member()?.measure()
}
