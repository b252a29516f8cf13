//! PDE families, one file each: `(seed, index)` → [`LinearSystem`].

pub mod biharmonic;
pub mod darcy;
pub mod elliptic;
pub mod frame;
pub mod grid;
pub mod heat;
pub mod helmholtz;
pub mod keys;
pub mod poisson;
pub mod tridiagonal;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::linalg::Pattern;
use crate::system::{Description, LinearSystem, MeshData};

/// A family with its parameters set.
pub trait Family: Send + Sync {
    /// The family in words.
    fn description(&self) -> Description;

    /// The mesh that all samples share (each sample's own positions, where they differ, are a field).
    fn mesh(&self) -> Option<Arc<MeshData>>;

    /// The pattern that all samples share, if they share one.
    fn pattern(&self) -> Option<Arc<Pattern>>;

    /// A workspace that makes samples one after the other; one per thread.
    ///
    /// # Errors
    /// If the parameters allow no sample.
    fn sampler(&self) -> Result<Box<dyn Sampler + '_>>;
}

/// Makes samples, reusing its workspace.
pub trait Sampler {
    /// Sample `index` under `seed`: the same bits whatever was sampled before.
    ///
    /// # Errors
    /// If the sample's system cannot be made or solved.
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem>;
}

/// The family called `name`, with the keys of its table in a recipe; `origin` is the recipe's file, for errors.
///
/// # Errors
/// [`Error::Recipe`] if there is no such family, or a key is unknown or out of range.
pub fn build(name: &str, table: &toml::Table, origin: &str) -> Result<Box<dyn Family>> {
    match name {
        biharmonic::NAME => Ok(Box::new(biharmonic::Biharmonic::from_table(table, origin)?)),
        darcy::NAME => Ok(Box::new(darcy::Darcy::from_table(table, origin)?)),
        heat::NAME => Ok(Box::new(heat::Heat::from_table(table, origin)?)),
        helmholtz::NAME => Ok(Box::new(helmholtz::Helmholtz::from_table(table, origin)?)),
        poisson::NAME => Ok(Box::new(poisson::Poisson::from_table(table, origin)?)),
        elliptic::NAME => elliptic::build(table, origin),
        frame::NAME => frame::build(table, origin),
        tridiagonal::NAME => tridiagonal::build(table, origin),
        _ => Err(Error::recipe(
            origin,
            format!("unknown family '{name}' (known families: {})", NAMES.join(", ")),
        )),
    }
}

/// The families there are.
pub const NAMES: &[&str] = &[
    biharmonic::NAME,
    darcy::NAME,
    elliptic::NAME,
    frame::NAME,
    heat::NAME,
    helmholtz::NAME,
    poisson::NAME,
    tridiagonal::NAME,
];
