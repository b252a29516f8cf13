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

mod training;

use std::path::Path;

use dfdx::prelude::{Cpu, TensorFromVec};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::features::{self, Input};
use super::operator::ExplicitInverse;
use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, PredictOptions, Trainer};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::nn::{NamedArray, Params, layers};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

pub(super) use training::inverse_norms;
pub use training::{mean_inverse, trainer};

/// The model's name in recipes.
pub const NAME: &str = "mlp";

/// What to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Mean squared error against A⁻¹ over its mean square: the paper's loss, made free of units.
    L2,
    /// Mean over systems of ‖(I − ω M A) W‖² / ‖W‖², W the random normal vectors of a system.
    Inverse,
    /// Mean over systems of ln(‖(I − ω M A)^s W‖ / ‖W‖) / s, W as above: the logarithm of the convergence rate over s Richardson steps.
    #[default]
    Rate,
}

/// What the network puts out before it has learned anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// The mean of A⁻¹ over training samples: the best constant in ‖M − A⁻¹‖, from which the network learns the difference.
    #[default]
    MeanInverse,
    /// Nothing known.
    Random,
}

/// Settings of the model: the `[mlp]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    pub input: Input,
    pub loss: LossKind,
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
    help: "the n^2 entries of an approximate inverse, from the stored diagonals of A",
    source: "Ruelmann, Geveler, Turek 2018",
    needs: "A symmetric positive definite, all systems of one size",
    positional: &[],
    defaults: entry::defaults::<MlpConfig>,
    parse: |table, origin| Ok(Box::new(super::config(NAME, table, origin, MlpConfig::check)?)),
};

impl ModelConfig for MlpConfig {
    fn table(&self) -> Table {
        entry::to_table(self)
    }

    fn trainer(&self, train: &[LinearSystem], seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, train, seed, device)
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path) -> Result<Box<dyn Model>> {
        Ok(Box::new(Mlp::from_checkpoint(checkpoint, file)?))
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[BuiltIn {
            family: "poisson",
            path: "training/poisson-mlp.toml",
            text: include_str!("../../../training/poisson-mlp.toml"),
        }]
    }
}

impl MlpConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, what: &str| Err(Error::Argument(format!("mlp.{key}: {what}")));
        if self.hidden.contains(&0) {
            return bad("hidden", "layer widths must be at least 1");
        }
        if self.probes == 0 {
            return bad("probes", "must be at least 1");
        }
        if self.steps == 0 {
            return bad("steps", "must be at least 1");
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

/// What the network knows besides its weights: sizes and feature scales.
#[derive(Debug, Clone)]
struct Frame {
    config: MlpConfig,
    n: usize,
    offsets: Vec<usize>,
    /// Per feature: mean, and 1/deviation (0 where a feature never varies).
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl Frame {
    fn from_samples(config: &MlpConfig, train: &[LinearSystem]) -> Result<Self> {
        let first = train
            .first()
            .ok_or_else(|| Error::Argument("mlp needs at least one training sample".into()))?;
        let n = first.n();
        if let Some(other) = train.iter().find(|s| s.n() != n) {
            return Err(Error::shape(
                "unknowns of a training sample for mlp",
                n,
                other.n(),
            ));
        }
        let offsets = features::upper_offsets(&first.matrix);
        let rows = train
            .par_iter()
            .map(|s| features::read(config.input, &s.matrix, &offsets))
            .collect::<Result<Vec<_>>>()?;
        let width = rows[0].len();
        let count = rows.len() as f64;
        let (mut mean, mut scale) = (vec![0.0f32; width], vec![0.0f32; width]);
        for f in 0..width {
            let m = rows.iter().map(|r| f64::from(r[f])).sum::<f64>() / count;
            let var = rows.iter().map(|r| (f64::from(r[f]) - m).powi(2)).sum::<f64>() / count;
            mean[f] = m as f32;
            scale[f] = if var > 1e-12 {
                (1.0 / var.sqrt()) as f32
            } else {
                0.0
            };
        }
        Ok(Frame {
            config: config.clone(),
            n,
            offsets,
            mean,
            scale,
        })
    }

    /// Standardised features of one matrix.
    fn features(&self, a: &Csr) -> Result<Vec<f32>> {
        if a.nrows() != self.n {
            return Err(Error::shape(
                "unknowns of the system (the network was trained for one size)",
                self.n,
                a.nrows(),
            ));
        }
        let mut x = features::read(self.config.input, a, &self.offsets)?;
        for ((x, m), s) in x.iter_mut().zip(&self.mean).zip(&self.scale) {
            *x = (*x - m) * s;
        }
        Ok(x)
    }

    fn buffers(&self) -> Vec<NamedArray> {
        let row = |name: &str, data: Vec<f32>| NamedArray {
            name: name.into(),
            shape: (1, data.len()),
            data,
        };
        vec![
            row("input.mean", self.mean.clone()),
            row("input.offsets", self.offsets.iter().map(|&d| d as f32).collect()),
            row("input.scale", self.scale.clone()),
            row("n", vec![self.n as f32]),
        ]
    }
}

/// The trained network.
pub struct Mlp {
    frame: Frame,
    params: Params<f32, Cpu>,
}

impl Mlp {
    /// The network of a checkpoint read from `file`.
    ///
    /// # Errors
    /// [`Error::File`] if the checkpoint is not one of this model.
    pub fn from_checkpoint(checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let config: MlpConfig = toml::from_str(&checkpoint.config)
            .map_err(|e| Error::file(file, format!("settings of the model: {}", e.message())))?;
        let integers = |name: &str| -> Result<Vec<usize>> {
            Ok(checkpoint
                .buffer(name, file)?
                .data
                .iter()
                .map(|&v| v as usize)
                .collect())
        };
        let n = integers("n")?.first().copied().unwrap_or(0);
        let frame = Frame {
            config,
            n,
            offsets: integers("input.offsets")?,
            mean: checkpoint.buffer("input.mean", file)?.data.clone(),
            scale: checkpoint.buffer("input.scale", file)?.data.clone(),
        };
        let params = Params::from_arrays(&Cpu::default(), &checkpoint.weights);
        let width = features::width(frame.config.input, n, &frame.offsets);
        if n == 0 || frame.mean.len() != width || frame.scale.len() != width {
            return Err(Error::file(
                file,
                format!("feature scales do not fit a network for n = {n}"),
            ));
        }
        layers::check_mlp(&params, NAME, width, &frame.config.hidden, n * n)
            .map_err(|e| Error::file(file, e.to_string()))?;
        Ok(Mlp { frame, params })
    }

    /// The n² entries of M, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] for a system of another size.
    pub fn inverse(&self, a: &Csr) -> Result<Vec<f32>> {
        let device = Cpu::default();
        let x = self.frame.features(a)?;
        let width = x.len();
        let x = device.tensor_from_vec(x, (1, width));
        let y = layers::mlp(&self.params, NAME, self.frame.config.hidden.len(), x)?;
        Ok(y.as_vec())
    }
}

impl Model for Mlp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }

    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        let filter = if options.filter > 0.0 {
            options.filter
        } else {
            self.frame.config.filter
        };
        let entries = self.inverse(&system.matrix)?;
        let op = ExplicitInverse::new(self.frame.n, entries, filter, options.symmetrize)?;
        Ok(Acceleration::preconditioner(op))
    }
}
