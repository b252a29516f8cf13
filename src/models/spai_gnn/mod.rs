//! `spai-gnn`: a graph network that writes a sparse factored approximate inverse, M = G Gᵀ + ε I (Yang et al. 2025,
//! "Learning Sparse Approximate Inverse Preconditioners for Conjugate Gradient Solvers on GPUs", NeurIPS).
//!
//! G has the whole pattern of A. Nodes are unknowns, edges the entries of A; each of a few rounds normalises features
//! by row and updates edges from their two ends, then nodes from their edges; a decoder reads G off the edges. The loss
//! is ‖(A M − I) w‖² / ‖w‖² on fresh normal w for A of unit scale: no inverse and no solution is needed, at any size.
//!
//! Ours: by default the network works on D^{-1/2} A D^{-1/2} (D the diagonal of A) where the paper divides A by the
//! mean of |a_ij|, and the decoder starts at zero, so that training starts from M = D⁻¹ (1 + ε); several unknowns a
//! node (frames, elasticity) are seen and written in blocks, which start from the inverses of the diagonal blocks.

mod features;
mod inference;
mod layers;
mod network;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, Trainer, TrainingSet, network as models};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::solver::Need;
use layers::SpaiGnn;

/// The model's name in recipes.
pub const NAME: &str = "spai-gnn";

/// How A is brought to unit scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnitScale {
    /// D^{-1/2} A D^{-1/2}, D the diagonal of A.
    #[default]
    Jacobi,
    /// A divided by the mean of |a_ij| over its entries (the paper's).
    Mean,
}

/// Settings of the model: the `[spai-gnn]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpaiGnnConfig {
    /// Features of a node and of an edge.
    pub width: usize,
    /// Rounds of message passing.
    pub rounds: usize,
    /// ε of M = G Gᵀ + ε I, for A of unit scale.
    pub shift: f64,
    /// Normal vectors w a step and system.
    pub vectors: usize,
    /// How A is brought to unit scale.
    pub scaling: UnitScale,
    /// Unknowns b of a node, one after the other (6 of a 3-D frame): entries are seen and written in blocks of b × b.
    pub block: usize,
}

impl Default for SpaiGnnConfig {
    fn default() -> Self {
        SpaiGnnConfig { width: 24, rounds: 4, shift: 3e-3, vectors: 4, scaling: UnitScale::default(), block: 1 }
    }
}

/// `spai-gnn` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "a sparse factored approximate inverse G Gᵀ + ε I on the pattern of A, by message passing",
    source: "Yang et al. 2025 (NeurIPS), Learning Sparse Approximate Inverse Preconditioners",
    needs: "A symmetric positive definite",
    positional: &[],
    defaults: entry::defaults::<SpaiGnnConfig>,
    schema: Some(entry::schema::<SpaiGnnConfig>),
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, SpaiGnnConfig::check)?)),
};

impl ModelConfig for SpaiGnnConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn needs(&self) -> Need {
        Need::Spd
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        models::load(SpaiGnn::new(self.clone()), checkpoint, file, on)
    }

    fn trivial(&self) -> Vec<String> {
        vec!["mean-fsai".into()]
    }

    fn general_recipe(&self) -> Option<(&'static str, &'static str)> {
        Some(("training/any-spai-gnn.toml", include_str!("../../../training/any-spai-gnn.toml")))
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[
            BuiltIn {
                family: "elliptic",
                path: "training/elliptic-spai-gnn.toml",
                text: include_str!("../../../training/elliptic-spai-gnn.toml"),
                dataset: include_str!("../../../datasets/elliptic-small.toml"),
            },
            BuiltIn {
                family: "biharmonic",
                path: "training/biharmonic-spai-gnn.toml",
                text: include_str!("../../../training/biharmonic-spai-gnn.toml"),
                dataset: include_str!("../../../datasets/biharmonic-small.toml"),
            },
            BuiltIn {
                family: "frame",
                path: "training/frame-spai-gnn.toml",
                text: include_str!("../../../training/frame-spai-gnn.toml"),
                dataset: include_str!("../../../datasets/frame-small.toml"),
            },
        ]
    }
}

impl SpaiGnnConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, most) in [
            ("width", self.width, 256),
            ("rounds", self.rounds, 32),
            ("vectors", self.vectors, 1024),
            ("block", self.block, 32),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be from 1 to {most}")));
            }
        }
        if !(self.shift >= 0.0 && self.shift < 1.0) {
            return Err(Error::Argument(format!("{NAME}.shift = {}: must be at least 0 and below 1", self.shift)));
        }
        Ok(())
    }
}
