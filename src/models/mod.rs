//! Learned systems, one file each: a model looks at a linear system and returns a [`Prediction`].

mod cache;
pub mod checkpoint;
pub mod factor_gnn;
pub mod features;
pub mod fit;
pub mod mlp;
pub mod nsls;
pub mod operator;
pub mod precorrector;
pub mod stencil_mlp;
mod two_level;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::LinOp;
use crate::linalg::dense::Dense;
use crate::system::LinearSystem;

pub use checkpoint::Checkpoint;
pub use fit::{Device, StepReport, Trainer};

/// What a trained model gives the solver for one system.
pub enum Prediction {
    /// x̂ ≈ A⁻¹ b: the answer itself, or the initial vector.
    Guess(Vec<f64>),
    /// z ≈ A⁻¹ r.
    Preconditioner(Box<dyn LinOp + Send>),
    /// Columns span the slow modes (n×k): deflation or recycling space.
    Subspace(Dense),
}

/// How a prediction is to be shaped; what a model cannot honour it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictOptions {
    /// Return (M + Mᵀ)/2 and promise symmetric positive definiteness, for CG (which reports if it was not).
    pub symmetrize: bool,
    /// Drop entries |m_ij| < filter of an explicit inverse.
    pub filter: f64,
}

impl PredictOptions {
    /// For models whose prediction is no explicit inverse.
    ///
    /// # Errors
    /// [`Error::Argument`] if entries are to be dropped.
    fn nothing_to_filter(&self, model: &str) -> Result<()> {
        if self.filter > 0.0 {
            return Err(Error::Argument(format!(
                "{model} makes no explicit inverse: filter = {} has nothing to drop",
                self.filter
            )));
        }
        Ok(())
    }
}

/// A trained model: the one thing the evaluator knows of any of them.
pub trait Model: Send + Sync {
    /// The model's name as recipes have it.
    fn name(&self) -> &'static str;

    /// How many numbers were trained.
    fn parameters(&self) -> usize;

    /// The prediction for one system.
    ///
    /// # Errors
    /// If the system is not of a size or shape the model was trained for, naming both.
    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Prediction>;

    /// The cosine between what the network says and the label it was trained on; None for models without one.
    ///
    /// # Errors
    /// As [`Model::predict`], or if the label is not there.
    fn agreement(&self, _system: &LinearSystem) -> Result<Option<f64>> {
        Ok(None)
    }
}

/// Loads the model of a run directory (its `best.safetensors`) or of a checkpoint file.
///
/// # Errors
/// If there is no checkpoint, or it is not one of fempipe's, or of a newer format.
pub fn load(path: &Path) -> Result<Box<dyn Model>> {
    let file = checkpoint::locate(path)?;
    let checkpoint = Checkpoint::read(&file)?;
    match checkpoint.model.as_str() {
        mlp::NAME => Ok(Box::new(mlp::Mlp::from_checkpoint(&checkpoint, &file)?)),
        stencil_mlp::NAME => Ok(Box::new(stencil_mlp::StencilMlp::from_checkpoint(
            &checkpoint,
            &file,
        )?)),
        nsls::NAME => Ok(Box::new(nsls::Nsls::from_checkpoint(&checkpoint, &file)?)),
        precorrector::NAME => Ok(Box::new(precorrector::Precorrector::from_checkpoint(
            &checkpoint,
            &file,
        )?)),
        factor_gnn::NAME => Ok(Box::new(factor_gnn::FactorGnn::from_checkpoint(
            &checkpoint,
            &file,
        )?)),
        other => Err(Error::file(
            &file,
            format!(
                "holds a model called {other:?}, which this version does not know; known: {}",
                NAMES.join(", ")
            ),
        )),
    }
}

/// The models there are.
pub const NAMES: [&str; 5] = [
    mlp::NAME,
    stencil_mlp::NAME,
    nsls::NAME,
    precorrector::NAME,
    factor_gnn::NAME,
];

/// A model and its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Settings {
    Mlp(mlp::MlpConfig),
    StencilMlp(stencil_mlp::StencilConfig),
    Nsls(nsls::NslsConfig),
    Precorrector(precorrector::PrecorrectorConfig),
    FactorGnn(factor_gnn::FactorConfig),
}

impl Settings {
    /// The default settings of the model called `name`.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the models there are.
    pub fn default_of(name: &str) -> Result<Self> {
        match name {
            mlp::NAME => Ok(Settings::Mlp(Default::default())),
            stencil_mlp::NAME => Ok(Settings::StencilMlp(Default::default())),
            nsls::NAME => Ok(Settings::Nsls(Default::default())),
            precorrector::NAME => Ok(Settings::Precorrector(Default::default())),
            factor_gnn::NAME => Ok(Settings::FactorGnn(Default::default())),
            other => Err(Error::Argument(format!(
                "model = {other:?}: unknown; known models: {}",
                NAMES.join(", ")
            ))),
        }
    }

    /// The model's name.
    pub fn name(&self) -> &'static str {
        match self {
            Settings::Mlp(_) => mlp::NAME,
            Settings::StencilMlp(_) => stencil_mlp::NAME,
            Settings::Nsls(_) => nsls::NAME,
            Settings::Precorrector(_) => precorrector::NAME,
            Settings::FactorGnn(_) => factor_gnn::NAME,
        }
    }

    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        match self {
            Settings::Mlp(c) => c.check(),
            Settings::StencilMlp(c) => c.check(),
            Settings::Nsls(c) => c.check(),
            Settings::Precorrector(c) => c.check(),
            Settings::FactorGnn(c) => c.check(),
        }
    }

    /// A trainer with fresh weights for systems like `train`.
    ///
    /// # Errors
    /// If the settings do not fit the samples, or the device is not at hand.
    pub fn trainer(&self, train: &[LinearSystem], seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        match self {
            Settings::Mlp(c) => mlp::trainer(c, train, seed, device),
            Settings::StencilMlp(c) => stencil_mlp::trainer(c, train, seed, device),
            Settings::Nsls(c) => nsls::trainer(c, train, seed, device),
            Settings::Precorrector(c) => precorrector::trainer(c, train, seed, device),
            Settings::FactorGnn(c) => factor_gnn::trainer(c, train, seed, device),
        }
    }
}
