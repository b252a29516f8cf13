//! `stencil-mlp`: one small perceptron, shared by all nodes of a grid, that writes the stencil of a smoother.
//!
//! Where [`super::mlp`] puts out all n² entries of an inverse and knows one size, this network reads the entries of A
//! in a (2r+1)² neighbourhood of a node and puts out that node's row of a sparse W, and one scale s. They make the
//! symmetric two-level method
//!
//! I − M A = (I − Wᵀ A)(I − S B S A)(I − W A),   B = A₀⁻¹ of the unperturbed grid ([`crate::precond::FastPoisson`]),
//!
//! so that the network has only local work left: what B gets wrong is where triangles are distorted. A few thousand
//! weights serve every level, and M costs O(n) plus the fast solver. The loss is the mean convergence rate of a few
//! steps of the very iteration, ln(‖(I − M A)^s w‖ / ‖w‖) / s on random w; no A⁻¹ is ever needed.

mod network;
mod normalization;
mod training;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, Trainer, TrainingSet, network as models};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::solver::Need;
use network::StencilMlp;
use normalization::{CHANNELS, Normalization};

/// The model's name in recipes.
pub const NAME: &str = "stencil-mlp";

/// Settings of the model: the `[stencil-mlp]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StencilConfig {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// The network sees the (2r+1)² nodes around its own.
    pub input_radius: usize,
    /// W couples a node with the (2r+1)² nodes around it.
    pub output_radius: usize,
    /// Random vectors per sample and step.
    pub probes: usize,
    /// Steps of the iteration in the loss.
    pub steps: usize,
    /// Damping of the Jacobi smoother that training starts from.
    pub damping: f64,
}

impl Default for StencilConfig {
    fn default() -> Self {
        StencilConfig { hidden: vec![64; 3], input_radius: 2, output_radius: 1, probes: 4, steps: 4, damping: 0.7 }
    }
}

/// `stencil-mlp` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "the smoother of a two-level method around the fast solver of the unperturbed grid, node by node",
    source: "fempipe",
    needs: "A symmetric positive definite, on the inner nodes of a square grid row by row",
    positional: &[],
    defaults: entry::defaults::<StencilConfig>,
    schema: Some(entry::schema::<StencilConfig>),
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, StencilConfig::check)?)),
};

impl ModelConfig for StencilConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn needs(&self) -> Need {
        Need::Spd
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        cpu_only(on)?;
        let norm = Normalization::load(self, checkpoint, file)?;
        models::load_on_cpu(StencilMlp::new(norm), checkpoint, file)
    }

    /// The coarse solver of the two-level method alone; with a Jacobi smoother it is the untrained network.
    fn trivial(&self) -> Vec<String> {
        vec!["fast-poisson".into()]
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[BuiltIn {
            family: "poisson",
            path: "training/poisson-stencil-mlp.toml",
            text: include_str!("../../../training/poisson-stencil-mlp.toml"),
            dataset: include_str!("../../../datasets/poisson-level3.toml"),
        }]
    }
}

impl StencilConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, what: &str| Err(Error::Argument(format!("stencil-mlp.{key}: {what}")));
        super::check_hidden(NAME, &self.hidden)?;
        if !(1..=8).contains(&self.input_radius) {
            return bad("input_radius", "must be between 1 and 8");
        }
        if self.output_radius > 4 {
            return bad("output_radius", "must be at most 4");
        }
        for (key, value) in [("probes", self.probes), ("steps", self.steps)] {
            if !(1..=1024).contains(&value) {
                return bad(key, "must be from 1 to 1024");
            }
        }
        if !(self.damping > 0.0 && self.damping < 2.0) {
            return bad("damping", "must be between 0 and 2");
        }
        Ok(())
    }

    /// Numbers a node puts out: its row of W, then s.
    fn outputs(&self) -> usize {
        (2 * self.output_radius + 1).pow(2) + 1
    }

    /// Numbers a node sees: four entries and a mark for "inside" per node of the patch.
    fn inputs(&self) -> usize {
        (2 * self.input_radius + 1).pow(2) * (CHANNELS.len() + 1)
    }
}

/// The sparse products of this model have no CUDA kernels.
fn cpu_only(on: Device) -> Result<()> {
    match on {
        Device::Cpu => Ok(()),
        Device::Cuda => Err(Error::Argument(format!("{NAME} runs on the CPU only: use --device cpu"))),
    }
}
