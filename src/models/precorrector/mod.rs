//! `precorrector`: a graph network that corrects an incomplete Cholesky factor, L = L₀ + α · GNN(L₀) (Trifonov,
//! Rudikov, Iliev, Oseledets, Muravleva 2024, "Learning from Linear Algebra: A Graph Neural Network Approach to
//! Preconditioner Design for Conjugate Gradient Solvers", arXiv:2405.15557).
//!
//! L₀ comes from `icc` or `ict`; the network works on its graph (an edge an entry) and says what to add to each entry;
//! α starts from 0, so that training starts from L₀. The loss is ‖L Lᵀ x − b‖² with x = A⁻¹ b: unlike ‖L Lᵀ − A‖ it
//! weighs the low end of the spectrum, where incomplete factors fail.
//!
//! Ours: everything happens for D^{-1/2} A D^{-1/2} (D the diagonal of A), where entries are free of units and of the
//! jumps of coefficients, and nodes sum over the edges into and out of them; b of the loss are random vectors, and x
//! comes from one sparse Cholesky factorisation a training sample.

mod base;
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
use crate::precond::IctParams;
use crate::solver::Need;
use layers::Precorrector;

/// The model's name in recipes.
pub const NAME: &str = "precorrector";

/// The factor that is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Base {
    /// Incomplete Cholesky with `levels` of fill.
    Icc {
        /// Levels of fill.
        #[serde(default)]
        levels: usize,
    },
    /// Modified incomplete Cholesky: the fill that is dropped is subtracted from the diagonal.
    Mic {
        /// Levels of fill.
        #[serde(default)]
        levels: usize,
        /// The part of the fill that is subtracted.
        #[serde(default = "relaxation")]
        relaxation: f64,
    },
    /// By threshold, as in [`IctParams`].
    Ict {
        /// Entries below this, relative to the rest of their column, are dropped.
        droptol: f64,
        /// Entries below the diagonal kept a column at most; 0 keeps all.
        #[serde(default)]
        fill: usize,
    },
}

impl Base {
    /// As a row's `pc`.
    fn notation(self) -> String {
        match self {
            Base::Icc { levels } => format!("icc({levels})"),
            Base::Mic { levels, relaxation } => format!("mic({levels}, relaxation = {relaxation})"),
            Base::Ict { droptol, fill } => format!("ict({droptol}, fill = {fill})"),
        }
    }
}

fn relaxation() -> f64 {
    crate::precond::RELAXATION
}

impl Default for Base {
    fn default() -> Self {
        Base::Icc { levels: 0 }
    }
}

/// Settings of the model: the `[precorrector]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrecorrectorConfig {
    /// Features of a node and of an edge.
    pub width: usize,
    /// Rounds of message passing.
    pub rounds: usize,
    /// Random right-hand sides per training sample; 0 takes the sample's own b and x.
    pub pairs: usize,
    /// L₀.
    pub base: Base,
}

impl Default for PrecorrectorConfig {
    fn default() -> Self {
        PrecorrectorConfig { width: 8, rounds: 3, pairs: 4, base: Base::default() }
    }
}

/// `precorrector` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "corrections to an incomplete Cholesky factor, by message passing on its graph",
    source: "Trifonov et al. 2024, arXiv:2405.15557",
    needs: "A symmetric positive definite",
    positional: &[],
    defaults: entry::defaults::<PrecorrectorConfig>,
    schema: Some(entry::schema::<PrecorrectorConfig>),
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, PrecorrectorConfig::check)?)),
};

impl ModelConfig for PrecorrectorConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn needs(&self) -> Need {
        Need::Spd
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        models::load(Precorrector::new(self.clone()), checkpoint, file, on)
    }

    fn trivial(&self) -> Vec<String> {
        vec![self.base.notation()]
    }

    fn general_recipe(&self) -> Option<(&'static str, &'static str)> {
        Some(("training/any-precorrector.toml", include_str!("../../../training/any-precorrector.toml")))
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[BuiltIn {
            family: "darcy",
            path: "training/darcy-precorrector.toml",
            text: include_str!("../../../training/darcy-precorrector.toml"),
            dataset: include_str!("../../../datasets/darcy-contrast.toml"),
        }]
    }
}

impl PrecorrectorConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, least, most) in
            [("width", self.width, 1, 256), ("rounds", self.rounds, 1, 32), ("pairs", self.pairs, 0, 1024)]
        {
            if !(least..=most).contains(&value) {
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be from {least} to {most}")));
            }
        }
        match self.base {
            Base::Ict { droptol, fill } => IctParams { droptol, fill }.check(),
            Base::Icc { levels } | Base::Mic { levels, .. } if levels > 16 => {
                Err(Error::Argument(format!("{NAME}.base.levels = {levels}: must be from 0 to 16")))
            }
            Base::Mic { relaxation, .. } if !(0.0..=1.0).contains(&relaxation) => {
                Err(Error::Argument(format!("{NAME}.base.relaxation = {relaxation}: must be from 0 to 1")))
            }
            Base::Icc { .. } | Base::Mic { .. } => Ok(()),
        }
    }
}
