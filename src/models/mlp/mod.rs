//! `mlp`: a multilayer perceptron that writes out an approximate inverse, entry by entry.
//!
//! Input: the stored diagonals of A (or all of it); three hidden layers of ReLU; output: the n² entries of
//! M ≈ A⁻¹, used in a Richardson iteration x ← x + ω M (b − A x). After Ruelmann, Geveler and Turek, "On the
//! prospects of using machine learning for the numerical simulation of PDEs: training neural networks to assemble
//! approximate inverses" (2018).
//!
//! Their loss is ‖M − A⁻¹‖² ([`LossKind::L2`]). What a preconditioner is for is a small I − M A, so two losses
//! need no A⁻¹ at all: [`LossKind::Inverse`], ‖(I − M A) w‖²/‖w‖² on random w, and [`LossKind::Rate`], the
//! logarithm of the mean convergence rate of a few Richardson steps, which weighs the slow modes as the solver does.

mod network;
mod training;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::constants::mean_inverse::WAITING;
use super::dense_arrays::{DenseArrays, INVERSE, PARAMETER};
use super::features::Input;
use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, Trainer, TrainingSet, network as models};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::solver::Need;
use network::Mlp;

/// The model's name in recipes.
pub const NAME: &str = "mlp";

/// What to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Mean squared error against A⁻¹ over its mean square: the paper's loss, made free of units.
    L2,
    /// Mean over systems of ‖(I − ω M A) W‖² / ‖W‖², W the random normal vectors of a system.
    Inverse,
    /// Mean over systems of ln(‖(I − ω M A)^s W‖ / ‖W‖) / s, W as above: the logarithm of the convergence rate over s
    /// Richardson steps.
    #[default]
    Rate,
}

/// What the network puts out before it has learned anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// The mean of A⁻¹ over training samples: the best constant in ‖M − A⁻¹‖, from which the network learns the
    /// difference.
    #[default]
    MeanInverse,
    /// Nothing known.
    Random,
}

/// Settings of the model: the `[mlp]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// What the network sees of A.
    pub input: Input,
    /// What training minimises.
    pub loss: LossKind,
    /// What an untrained network says.
    pub init: Init,
    /// Random vectors per sample and step (losses `inverse` and `rate`).
    pub probes: usize,
    /// Richardson steps s of the loss `rate`.
    pub steps: usize,
    /// Damping ω of the losses `inverse` and `rate`.
    pub omega: f64,
    /// Entries |m_ij| below this are dropped from the prediction.
    pub filter: f64,
}

impl Default for MlpConfig {
    fn default() -> Self {
        MlpConfig {
            hidden: vec![128; 3],
            input: Input::Diagonals,
            loss: LossKind::Rate,
            init: Init::MeanInverse,
            probes: 8,
            steps: 4,
            omega: 1.0,
            filter: 0.0,
        }
    }
}

/// `mlp` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "the n² entries of an approximate inverse, from the stored diagonals of A",
    source: "Ruelmann, Geveler, Turek 2018",
    needs: "A symmetric positive definite, all systems of one size",
    positional: &[],
    defaults: entry::defaults::<MlpConfig>,
    schema: Some(entry::schema::<MlpConfig>),
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, MlpConfig::check)?)),
};

impl ModelConfig for MlpConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn dense_arrays(&self, set: &TrainingSet, batch: usize) -> Result<Option<DenseArrays>> {
        let (n, nnz) = set.largest()?;
        let square = (n as f64).powi(2);
        let input = match self.input {
            Input::Full => square,
            Input::Diagonals => nnz as f64,
        };
        let widths: Vec<f64> = self.hidden.iter().map(|&w| w as f64).collect();
        let layers = [&[input][..], &widths, &[square]].concat();
        let parameters: f64 = layers.windows(2).map(|w| (w[0] + 1.0) * w[1]).sum();
        let threads = rayon::current_num_threads().min(set.ids.len()) as f64;
        Ok(Some(DenseArrays {
            n,
            parts: vec![
                ("the network and its optimiser", PARAMETER * parameters),
                // Outputs, their gradient, targets or matrices, those of the batch after, and one in between; 4 bytes.
                ("batches", 20.0 * square * batch.min(set.ids.len()) as f64),
                // At work, and eight of them waiting for their mean.
                ("inverses", square * (INVERSE * threads + WAITING)),
            ],
            instead: "narrow the last of mlp.hidden, lower batch_size, or take stencil-mlp, gcvae or spai-gnn, whose \
                      memory grows with the entries of A",
        }))
    }

    fn needs(&self) -> Need {
        Need::Spd
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        models::load(Mlp::load(self, checkpoint, file)?, checkpoint, file, on)
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[BuiltIn {
            family: "poisson",
            path: "training/poisson-mlp.toml",
            text: include_str!("../../../training/poisson-mlp.toml"),
            dataset: include_str!("../../../datasets/poisson-level3.toml"),
        }]
    }

    fn trivial(&self) -> Vec<String> {
        vec!["mean-inverse".into()]
    }
}

impl MlpConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, what: &str| Err(Error::Argument(format!("mlp.{key}: {what}")));
        super::check_hidden(NAME, &self.hidden)?;
        for (key, value) in [("probes", self.probes), ("steps", self.steps)] {
            if !(1..=1024).contains(&value) {
                return bad(key, "must be from 1 to 1024");
            }
        }
        if !(self.omega > 0.0 && self.omega.is_finite()) {
            return bad("omega", "must be positive");
        }
        if !(self.filter >= 0.0 && self.filter.is_finite()) {
            return bad("filter", "must be 0 or positive");
        }
        Ok(())
    }
}
