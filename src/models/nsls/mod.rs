//! `nsls`: a graph network that looks at A and b and says x̂ (Grementieri & Galeone 2022, "Towards Neural Sparse Linear
//! Solvers", arXiv:2203.06944).
//!
//! Nodes are unknowns, edges are the entries of A. Features of a node: b, the diagonal, and the normalised iterates of
//! a few steps of a classical method ([`iterates`]); the network is a linear encoder, residual blocks
//! x ← x + conv(act(conv(norm(x)))) and a decoder of two layers. What it says is a direction: both the loss (cosines)
//! and the scale μ that is put to it afterwards are blind to the units of A and b, so that A → c A, b → d b changes x̂
//! to (d/c) x̂.
//!
//! Beyond the paper: the graph of D^{-1/2} A D^{-1/2} instead of A / max|A| (`scaling = "jacobi"`: entries of different
//! units, forces and moments, become comparable), the scale that is best in the energy norm (`scale = "energy"`),
//! iterates preconditioned with IC(0) (`features = "icc"`), a network that adds to the last iterate (`skip = true`)
//! rather than finding it again, and one that says `directions` instead of x: x̂ is then the last iterate and the
//! combination of these and of the search directions of conjugate gradients that is nearest to x in the energy norm, so
//! that it cannot be worse there than the iterate. Training minimises what is left of the error in that norm
//! (`loss = "energy"`).
//!
//! The iterates are iterations, and each product with A that the guess takes beyond them counts as one more:
//! [`crate::solve::Acceleration::setup_iterations`].

pub mod features;
mod inference;
pub mod iterates;
mod layers;
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
use iterates::{DAMPING, Iterates};
use layers::Nsls;

pub use network::scaled;

/// The model's name in recipes.
pub const NAME: &str = "nsls";

/// Most directions of a system.
const MOST_DIRECTIONS: usize = 64;

/// What the training minimises, as cosines of directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// 1 − cos(x̃, x): needs solutions.
    Solution,
    /// 1 − cos(A x̃, b): needs none.
    Residual,
    /// The sum of both (the paper's).
    #[default]
    Both,
    /// ‖x − x̂‖_A/‖x − x_k‖_A, x_k being the last iterate: what is left of the error, for `directions`. Needs
    /// solutions.
    Energy,
}

/// The factor put to the network's direction x̃.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// μ = ⟨A x̃, b⟩ / ‖A x̃‖²: the least residual (the paper's).
    #[default]
    Residual,
    /// μ = ⟨x̃, b⟩ / ⟨x̃, A x̃⟩: the least error in the energy norm; needs A positive definite.
    Energy,
}

/// Settings of the model: the `[nsls]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Ours: the network says so many directions, and x̂ is the best that these add to the last iterate, in the energy
    /// norm; 0 for a network that says x. Each takes a product with A, which counts as an iteration.
    pub directions: usize,
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
            directions: 0,
        }
    }
}

/// `nsls` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "x itself, by a graph network on A with iterates as features",
    source: "Grementieri, Galeone 2022, arXiv:2203.06944",
    needs: "A symmetric positive definite with scale = \"energy\", features = \"icc\" or directions",
    positional: &[],
    defaults: entry::defaults::<NslsConfig>,
    schema: Some(entry::schema::<NslsConfig>),
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, NslsConfig::check)?)),
};

impl ModelConfig for NslsConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn needs(&self) -> Need {
        match self.scale == Scale::Energy || self.features == Iterates::Icc || self.directions > 0 {
            true => Need::Spd,
            false => Need::Nothing,
        }
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        models::load(Nsls::new(self.clone()), checkpoint, file, on)
    }

    fn trivial(&self) -> Vec<String> {
        let pc = match (self.features, self.scaling) {
            (Iterates::None, _) => return Vec::new(),
            (Iterates::Icc, _) => "icc",
            (_, Scaling::Jacobi) => "jacobi",
            (_, Scaling::Max) => "none",
        };
        let ksp = match self.features {
            Iterates::Jacobi => format!("ksp = richardson({DAMPING}), pc = jacobi"),
            // An orthonormal basis of the space in which conjugate gradients have theirs.
            _ => format!("pc = {pc}"),
        };
        vec![format!("iterates({}, {ksp})", self.iterates)]
    }

    fn general_recipe(&self) -> Option<(&'static str, &'static str)> {
        Some(("training/any-nsls.toml", include_str!("../../../training/any-nsls.toml")))
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
        if self.directions > MOST_DIRECTIONS {
            return Err(Error::Argument(format!(
                "{NAME}.directions = {}: must be at most {MOST_DIRECTIONS}",
                self.directions
            )));
        }
        if (self.directions > 0) != (self.loss == LossKind::Energy) {
            return Err(Error::Argument(format!(
                "{NAME}.directions = {} with loss = {:?}: directions are trained by loss = \"energy\", which trains \
                 nothing else",
                self.directions, self.loss
            )));
        }
        if self.skip && self.directions > 0 {
            return Err(Error::Argument(format!(
                "{NAME}.skip: directions are added to the last iterate in any case: leave it away"
            )));
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
        let of_correction = if self.directions > 0 { 2 } else { 0 };
        2 + of_correction
            + match self.features {
                Iterates::None => 0,
                _ => self.iterates,
            }
    }

    /// Numbers that the network says of a node.
    fn outputs(&self) -> usize {
        self.directions.max(1)
    }
}
