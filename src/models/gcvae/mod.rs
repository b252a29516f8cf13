//! `gcvae`: a variational autoencoder that writes factored approximate inverses, M = R Rᵀ ≈ A⁻¹ (Li, Wang, Jimack 2024,
//! "Generative modeling of Sparse Approximate Inverse Preconditioners").
//!
//! Attention layers (GATv2) encode the graph of A; together with what A⁻¹ does they give mean and variance of a latent
//! vector z; a decoder writes the entries of R on a mask, the pattern of A and a share of further entries. The loss is
//! ‖I − Rᵀ A R‖_F² / n plus 0.1 times the divergence of z from N(0, I). A prediction needs A alone: z = 0, or draws.
//!
//! Ours, on the limits that the authors name: A⁻¹ is seen through A⁻¹ w for a few random w as node features, and the
//! norm is estimated without bias on random vectors, so that memory grows with the entries of A and not with n²; the
//! decoder writes each entry from its two ends, so that one set of weights serves any mesh and size; the mask beyond A
//! holds the largest entries of A² there. All of it happens for D^{-1/2} A D^{-1/2}, D the diagonal of A, and training
//! starts from R = I, which is Jacobi. Not stated in the paper and chosen here: the latent size, widths, optimiser, the
//! further entries, z = 0 for predictions.

mod features;
mod network;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, Trainer, TrainingSet, network as models};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use network::Gcvae;

/// The model's name in recipes.
pub const NAME: &str = "gcvae";

/// How ‖I − Rᵀ A R‖_F² is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Estimated on random vectors, without bias.
    #[default]
    Probes,
    /// Column by column: n sparse products a system and step.
    Exact,
}

/// Settings of the model: the `[gcvae]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GcvaeConfig {
    /// Features of a node and of an entry.
    pub width: usize,
    /// Attention layers of the encoder.
    pub layers: usize,
    /// Entries of z.
    pub latent: usize,
    /// Entries of the mask beyond those of A, as a share of the entries of A.
    pub extra: f64,
    /// Random w whose A⁻¹ w the encoder sees in training.
    pub inverse_probes: usize,
    /// How the reconstruction loss is computed.
    pub norm: Norm,
    /// Random vectors a step and system, with norm = "probes".
    pub vectors: usize,
    /// Weight of the divergence.
    pub kl: f64,
    /// ε of M = R Rᵀ + ε I, for A of unit diagonal.
    pub shift: f64,
}

impl Default for GcvaeConfig {
    fn default() -> Self {
        GcvaeConfig {
            width: 16,
            layers: 3,
            latent: 8,
            extra: 0.2,
            inverse_probes: 4,
            norm: Norm::default(),
            vectors: 4,
            kl: 0.1,
            shift: 1e-6,
        }
    }
}

/// `gcvae` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "a factored approximate inverse R Rᵀ on the pattern of A and more, by a variational autoencoder on its graph",
    source: "Li, Wang, Jimack 2024, Generative modeling of Sparse Approximate Inverse Preconditioners",
    needs: "A symmetric positive definite",
    positional: &[],
    defaults: entry::defaults::<GcvaeConfig>,
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, GcvaeConfig::check)?)),
};

impl ModelConfig for GcvaeConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        models::load(Gcvae::new(self.clone()), checkpoint, file, on)
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[
            BuiltIn {
                family: "biharmonic",
                path: "training/biharmonic-gcvae.toml",
                text: include_str!("../../../training/biharmonic-gcvae.toml"),
                dataset: include_str!("../../../datasets/biharmonic-small.toml"),
            },
            BuiltIn {
                family: "elliptic",
                path: "training/elliptic-gcvae.toml",
                text: include_str!("../../../training/elliptic-gcvae.toml"),
                dataset: include_str!("../../../datasets/elliptic-small.toml"),
            },
        ]
    }

    fn constants(&self) -> &'static [&'static str] {
        &["mean-fsai"]
    }
}

impl GcvaeConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, most) in [
            ("width", self.width, 256),
            ("layers", self.layers, 16),
            ("latent", self.latent, 256),
            ("inverse_probes", self.inverse_probes, 64),
            ("vectors", self.vectors, 1024),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be from 1 to {most}")));
            }
        }
        for (key, value, below) in [("extra", self.extra, 10.0), ("kl", self.kl, 1e6), ("shift", self.shift, 1.0)] {
            if !(0.0..below).contains(&value) {
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be at least 0 and below {below}")));
            }
        }
        Ok(())
    }
}
