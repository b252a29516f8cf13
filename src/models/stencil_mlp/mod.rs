//! `stencil-mlp`: one small perceptron, shared by all nodes of a grid, that writes the stencil of a smoother.
//!
//! Where [`super::mlp`] puts out all n² entries of an inverse and knows one size, this network reads the entries of A
//! in a (2r+1)² neighbourhood of a node and puts out that node's row of a sparse W, and one scale s. They make the
//! symmetric two-level method
//!
//! I − M A = (I − Wᵀ A)(I − S B S A)(I − W A),   B = A₀⁻¹ of the unperturbed grid ([`FastPoisson`]),
//!
//! so that the network has only local work left: what B gets wrong is where triangles are distorted. A few thousand
//! weights serve every level, and M costs O(n) plus the fast solver. The loss is the mean convergence rate of a few
//! steps of the very iteration, ln(‖(I − M A)^s w‖ / ‖w‖) / s on random w; no A⁻¹ is ever needed.

mod frame;
mod training;

use std::path::Path;
use std::sync::Arc;

use dfdx::prelude::{Cpu, TensorFromVec};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::two_level::TwoLevel;
use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, PredictOptions, Trainer};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Pattern};
use crate::nn::{Params, layers};
use crate::precond::FastPoisson;
use crate::solve::Acceleration;
use crate::system::LinearSystem;
use frame::{CHANNELS, Frame, Grid, window};

pub use training::trainer;

/// The model's name in recipes.
pub const NAME: &str = "stencil-mlp";

/// Settings of the model: the `[stencil-mlp]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
        StencilConfig {
            hidden: vec![64; 3],
            input_radius: 2,
            output_radius: 1,
            probes: 4,
            steps: 4,
            damping: 0.7,
        }
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
    parse: |table, origin| {
        Ok(Box::new(super::config(
            NAME,
            table,
            origin,
            StencilConfig::check,
        )?))
    },
};

impl ModelConfig for StencilConfig {
    fn table(&self) -> Table {
        entry::to_table(self)
    }

    fn trainer(&self, train: &[LinearSystem], seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, train, seed, device)
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path) -> Result<Box<dyn Model>> {
        Ok(Box::new(StencilMlp::from_checkpoint(checkpoint, file)?))
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[BuiltIn {
            family: "poisson",
            path: "training/poisson-stencil-mlp.toml",
            text: include_str!("../../../training/poisson-stencil-mlp.toml"),
        }]
    }
}

impl StencilConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, what: &str| Err(Error::Argument(format!("stencil-mlp.{key}: {what}")));
        if self.hidden.contains(&0) {
            return bad("hidden", "layer widths must be at least 1");
        }
        if !(1..=8).contains(&self.input_radius) {
            return bad("input_radius", "must be between 1 and 8");
        }
        if self.output_radius > 4 {
            return bad("output_radius", "must be at most 4");
        }
        if self.probes == 0 || self.steps == 0 {
            return bad("probes", "probes and steps must be at least 1");
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

/// The pattern of W, and for each entry its place among the network's n × outputs numbers.
fn smoother_pattern(grid: Grid, config: &StencilConfig) -> Result<(Arc<Pattern>, Vec<u32>)> {
    let n = grid.m * grid.m;
    let outputs = config.outputs();
    let (mut indptr, mut indices, mut slots) = (vec![0u32], Vec::new(), Vec::new());
    let steps = window(config.output_radius);
    for i in 0..n {
        // Row-wise windows come in rising node order.
        for (o, &step) in steps.iter().enumerate() {
            if let Some(j) = grid.at(i, step) {
                indices.push(j as u32);
                slots.push((i * outputs + o) as u32);
            }
        }
        indptr.push(indices.len() as u32);
    }
    Ok((Arc::new(Pattern::new(n, n, indptr, indices)?), slots))
}

/// The trained network.
pub struct StencilMlp {
    frame: Frame,
    params: Params<f32, Cpu>,
}

impl StencilMlp {
    /// The network of a checkpoint read from `file`.
    ///
    /// # Errors
    /// [`Error::File`] if the checkpoint is not one of this model.
    pub fn from_checkpoint(checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let config: StencilConfig = toml::from_str(&checkpoint.config)
            .map_err(|e| Error::file(file, format!("settings of the model: {}", e.message())))?;
        let frame = Frame {
            config,
            mean: checkpoint.buffer("channel.mean", file)?.data.clone(),
            scale: checkpoint.buffer("channel.scale", file)?.data.clone(),
        };
        let params = Params::from_arrays(&Cpu::default(), &checkpoint.weights);
        frame
            .config
            .check()
            .map_err(|e| Error::file(file, e.to_string()))?;
        if frame.mean.len() != CHANNELS.len() || frame.scale.len() != CHANNELS.len() {
            return Err(Error::file(file, "channel scales do not fit the model"));
        }
        let (inputs, outputs) = (frame.config.inputs(), frame.config.outputs());
        layers::check_mlp(&params, NAME, inputs, &frame.config.hidden, outputs)
            .map_err(|e| Error::file(file, e.to_string()))?;
        Ok(StencilMlp { frame, params })
    }

    /// W and the diagonal of S for one matrix.
    ///
    /// # Errors
    /// [`Error::Argument`] unless A lives on a square grid in row-wise order.
    pub fn smoother(&self, a: &Csr) -> Result<(Csr, Vec<f64>)> {
        let grid = Grid::of(a)?;
        let config = &self.frame.config;
        let x = self.frame.features(a, grid);
        let x = Cpu::default().tensor_from_vec(x, (a.nrows(), config.inputs()));
        let out = layers::mlp(&self.params, NAME, config.hidden.len(), x)?.as_vec();
        let (factor, base) = self.frame.units(a, grid);
        let value = |k: usize| f64::from(out[k] * factor[k] + base[k]);
        let (pattern, slots) = smoother_pattern(grid, config)?;
        let w = Csr::new(pattern, slots.iter().map(|&k| value(k as usize)).collect())?;
        let outputs = config.outputs();
        let s = (0..a.nrows()).map(|i| value(i * outputs + outputs - 1)).collect();
        Ok((w, s))
    }
}

impl Model for StencilMlp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }

    /// Symmetric as it is; there are no entries to filter.
    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        if options.filter > 0.0 {
            return Err(Error::Argument(format!(
                "{NAME} makes no explicit inverse: filter = {} has nothing to drop",
                options.filter
            )));
        }
        let (w, s) = self.smoother(&system.matrix)?;
        let coarse = FastPoisson::new(system.n())?;
        let two = TwoLevel::new(system.matrix.clone(), w, s, coarse);
        Ok(Acceleration::preconditioner(two))
    }
}
