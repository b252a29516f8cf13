//! `neurkitt`: a Fourier neural operator that predicts a subspace of slow modes from the coefficient field (Luo et al.
//! 2024, "Neural Krylov Iteration for Accelerating Linear System Solving", NeurIPS).
//!
//! The field and two coordinates are lifted to a few channels on a regular grid, pass Fourier layers and leave as k
//! columns W, read off at the unknowns. The loss is Σ_j ‖v_j − Q Qᵀ v_j‖ over the eigenvectors v_j of smallest |λ| of
//! A, Q an orthonormal basis of span W, which is not formed. `cg` and `minres` deflate span W, `gcrodr` starts with it.
//! What the paper's ablation leaves away is a key each: the Fourier layers (`spectral = false`), the QR factorisation
//! (`loss = "projection-without-qr"`), the projection loss (`loss = "mean-square"`).
//!
//! As in the authors' code: widths, modes, norms, the order of layers. Ours: the logarithm of the field by default;
//! with `base = "sine"` the network writes what is added to the lowest sine modes of the domain, which training then
//! starts from; W may have more columns than there are vectors to reach; unknowns of other meshes than the grid are
//! interpolated to.

mod features;
mod network;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::unit_square::check_patches;
use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, Trainer, TrainingSet, network as models};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::nn::ops::SubspaceLoss;
use network::Neurkitt;

/// The model's name in recipes.
pub const NAME: &str = "neurkitt";

/// What the network sees of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// Its logarithm: positive fields.
    #[default]
    Log,
    /// Its values (the paper's).
    None,
}

/// What is added to the network's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// Nothing (the paper's).
    #[default]
    None,
    /// The lowest sine modes of the domain's bounding box; the network starts at zero.
    Sine,
}

/// Settings of the model: the `[neurkitt]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NeurkittConfig {
    /// Fields of the samples that the network sees.
    pub fields: Vec<String>,
    /// What it sees of them.
    pub transform: Transform,
    /// Points a side of the grid, where the fields are not on one.
    pub grid: usize,
    /// Channels.
    pub width: usize,
    /// Fourier layers.
    pub layers: usize,
    /// Frequencies kept in each direction.
    pub modes: usize,
    /// Whether layers convolve in Fourier space; without it no point sees another.
    pub spectral: bool,
    /// Channels of the last layer but one.
    pub head: usize,
    /// k, the network's columns.
    pub dim: usize,
    /// Eigenvectors of the labels that W is to hold, at most as many as it has columns; 0 for `dim`.
    pub vectors: usize,
    /// What is added to the network's columns.
    pub base: Base,
    /// Overlapping squares a side that the columns are cut to, each with functions that sum to one; 0 leaves them as
    /// they are.
    pub patches: usize,
    /// What training compares W and the eigenvectors by.
    pub loss: SubspaceLoss,
}

impl Default for NeurkittConfig {
    fn default() -> Self {
        NeurkittConfig {
            fields: vec!["w".into()],
            transform: Transform::default(),
            grid: 64,
            width: 10,
            layers: 4,
            modes: 8,
            spectral: true,
            head: 40,
            dim: 10,
            vectors: 0,
            base: Base::default(),
            patches: 0,
            loss: SubspaceLoss::default(),
        }
    }
}

/// `neurkitt` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "a subspace of slow modes for deflation and recycling, by a Fourier neural operator on the coefficient field",
    source: "Luo et al. 2024 (NeurIPS), Neural Krylov Iteration (NeurKItt)",
    needs: "samples with a coefficient field, a plane mesh and the label eigenvectors",
    positional: &[],
    defaults: entry::defaults::<NeurkittConfig>,
    schema: Some(entry::schema::<NeurkittConfig>),
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, NeurkittConfig::check)?)),
};

impl ModelConfig for NeurkittConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        models::load(Neurkitt::new(self.clone()), checkpoint, file, on)
    }

    fn trivial(&self) -> Vec<String> {
        let (columns, vectors) = (self.dim, self.targets());
        if self.patches > 0 {
            let cut = |name: &str, k: usize| format!("{name}({k}, patches = {})", self.patches);
            let oracle = cut("eigenvectors", columns.min(vectors));
            return vec![cut("sine-modes", columns), oracle, format!("eigenvectors({vectors})")];
        }
        vec![format!("sine-modes({columns})"), format!("mean-space({vectors})"), format!("eigenvectors({vectors})")]
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[
            BuiltIn {
                family: "darcy",
                path: "training/darcy-neurkitt.toml",
                text: include_str!("../../../training/darcy-neurkitt.toml"),
                dataset: include_str!("../../../datasets/darcy-eigen.toml"),
            },
            BuiltIn {
                family: "heat",
                path: "training/heat-neurkitt.toml",
                text: include_str!("../../../training/heat-neurkitt.toml"),
                dataset: include_str!("../../../datasets/heat-eigen.toml"),
            },
            BuiltIn {
                family: "helmholtz",
                path: "training/helmholtz-neurkitt.toml",
                text: include_str!("../../../training/helmholtz-neurkitt.toml"),
                dataset: include_str!("../../../datasets/helmholtz-eigen.toml"),
            },
        ]
    }
}

impl NeurkittConfig {
    /// Columns of W, cut or not.
    fn columns(&self) -> usize {
        self.dim * if self.patches == 0 { 1 } else { self.patches * self.patches }
    }

    /// Eigenvectors that W is to hold.
    pub fn targets(&self) -> usize {
        if self.vectors == 0 { self.dim } else { self.vectors }
    }

    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, most) in [
            ("grid", self.grid, 1024),
            ("width", self.width, 256),
            ("layers", self.layers, 32),
            ("modes", self.modes, 256),
            ("head", self.head, 1024),
            ("dim", self.dim, 256),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be from 1 to {most}")));
            }
        }
        // Before columns are counted, which are so many times as many.
        check_patches(NAME, self.patches)?;
        if self.vectors > self.columns() {
            return Err(Error::Argument(format!(
                "{NAME}.vectors = {}: a space of {} columns cannot hold more than that",
                self.vectors,
                self.columns()
            )));
        }
        if self.patches > 0 && !matches!(self.loss, SubspaceLoss::Projection | SubspaceLoss::Energy) {
            return Err(Error::Argument(format!(
                "{NAME}.patches = {}: loss must be \"projection\" or \"energy\"",
                self.patches
            )));
        }
        if self.fields.is_empty() {
            return Err(Error::Argument(format!("{NAME}.fields = []: must name at least one field")));
        }
        Ok(())
    }
}
