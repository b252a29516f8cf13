//! `nsls`: a graph network that looks at A and b and says x̂ (Grementieri & Galeone 2022, "Towards Neural Sparse Linear
//! Solvers", arXiv:2203.06944).
//!
//! Nodes are unknowns, edges are the entries of A. Features of a node: b, the diagonal, and the normalised iterates of
//! a few steps of a classical method ([`features`]); the network is a linear encoder, residual blocks
//! x ← x + conv(act(conv(norm(x)))) and a decoder of two layers. What it says is a direction: both the loss (cosines)
//! and the scale μ that is put to it afterwards are blind to the units of A and b, so that A → c A, b → d b changes x̂
//! to (d/c) x̂.
//!
//! Beyond the paper: the graph of D^{-1/2} A D^{-1/2} instead of A / max|A| (`scaling = "jacobi"`: entries of different
//! units, forces and moments, become comparable), the scale that is best in the energy norm (`scale = "energy"`),
//! iterates preconditioned with IC(0) (`features = "icc"`), and a network that corrects the last iterate
//! (`skip = true`) rather than finding it again: without that it may end up worse than what it was shown.

pub mod features;
mod network;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::scaling::Scaling;
use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, Trainer, TrainingSet, network as models};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::solver::Need;
use features::Iterates;
use network::Nsls;

pub use network::scaled;

/// The model's name in recipes.
pub const NAME: &str = "nsls";

/// What the training minimises, as cosines of directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// 1 − cos(x̃, x): needs solutions.
    Solution,
    /// 1 − cos(A x̃, b): needs none.
    Residual,
    /// The sum of both (the paper's).
    #[default]
    Both,
}

/// The factor put to the network's direction x̃.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// μ = ⟨A x̃, b⟩ / ‖A x̃‖²: the least residual (the paper's).
    #[default]
    Residual,
    /// μ = ⟨x̃, b⟩ / ⟨x̃, A x̃⟩: the least error in the energy norm; needs A positive definite.
    Energy,
}

/// Settings of the model: the `[nsls]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NslsConfig {
    /// Features a node carries through the network.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// The method whose iterates are features.
    pub features: Iterates,
    /// How many iterates.
    pub iterates: usize,
    /// How entries of A become edge weights.
    pub scaling: Scaling,
    /// What training minimises.
    pub loss: LossKind,
    /// How long x̂ is made.
    pub scale: Scale,
    /// Ours: the network says what to add to the last iterate, so that it starts from there.
    pub skip: bool,
}

impl Default for NslsConfig {
    fn default() -> Self {
        NslsConfig {
            width: 32,
            blocks: 10,
            features: Iterates::Cg,
            iterates: 14,
            scaling: Scaling::Max,
            loss: LossKind::Both,
            scale: Scale::Residual,
            skip: false,
        }
    }
}

/// `nsls` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "x itself, by a graph network on A with iterates as features",
    source: "Grementieri, Galeone 2022, arXiv:2203.06944",
    needs: "A symmetric positive definite with scale = \"energy\" or features = \"icc\"",
    positional: &[],
    defaults: entry::defaults::<NslsConfig>,
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, NslsConfig::check)?)),
};

impl ModelConfig for NslsConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn needs(&self) -> Need {
        match self.scale == Scale::Energy || self.features == Iterates::Icc {
            true => Need::Spd,
            false => Need::Nothing,
        }
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        models::load(Nsls::new(self.clone()), checkpoint, file, on)
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[BuiltIn {
            family: "frame",
            path: "training/frame-nsls.toml",
            text: include_str!("../../../training/frame-nsls.toml"),
            dataset: include_str!("../../../datasets/frame.toml"),
        }]
    }
}

impl NslsConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, most) in
            [("width", self.width, 1024), ("blocks", self.blocks, 100), ("iterates", self.iterates, 200)]
        {
            if !(1..=most).contains(&value) {
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be from 1 to {most}")));
            }
        }
        if self.skip && self.features == Iterates::None {
            return Err(Error::Argument(format!(
                "{NAME}.skip: there is no iterate to start from with features = \"none\""
            )));
        }
        Ok(())
    }

    /// Columns of the node features.
    fn inputs(&self) -> usize {
        2 + match self.features {
            Iterates::None => 0,
            _ => self.iterates,
        }
    }
}
