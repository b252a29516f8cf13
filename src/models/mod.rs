//! Learned systems, one folder each: a model looks at a linear system and returns an [`Acceleration`]; [`ENTRIES`]
//! lists them.

pub mod checkpoint;
pub mod constants;
mod dense_arrays;
mod eigenvector_labels;
pub mod explicit_inverse;
pub mod factor_gnn;
pub mod features;
pub mod fit;
pub mod gcvae;
mod graph;
mod guard;
pub mod mlp;
pub mod network;
pub mod neurkitt;
mod noted;
pub mod nsls;
pub mod precorrector;
mod rowwise;
pub mod scaling;
pub mod spai_gnn;
pub mod stencil_mlp;
#[cfg(test)]
pub mod testing;
mod training_set;
mod two_level;
mod unit_square;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::entry::{self, Configuration, Entry, Registry};
use crate::error::{Error, Result};
use crate::io::toml_file;
use crate::solve::Acceleration;
use crate::solver::Need;
use crate::system::{LinearSystem, Names};

pub use checkpoint::Checkpoint;
pub use dense_arrays::DenseArrays;
use noted::Noted;

pub use fit::{Device, StepReport, Trainer};
pub use rowwise::{Output, Rowwise};
pub use training_set::TrainingSet;

/// How a prediction is to be shaped; what a model cannot honour it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictOptions {
    /// Return (M + Mᵀ)/2 and promise symmetric positive definiteness, for CG (which reports if it was not).
    pub symmetrize: bool,
    /// Drop entries |m_ij| < filter of an explicit inverse.
    pub filter: f64,
    /// Of a generative model: 0 takes the mean of the latent distribution, 1 a draw, more the best of so many draws.
    pub draws: usize,
    /// Take what the network says even where it is worse than what it started from.
    pub unguarded: bool,
}

/// Most draws of a generative model for one system.
pub const MOST_DRAWS: usize = 1000;

impl PredictOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the option.
    pub fn check(&self) -> Result<()> {
        if !(self.filter >= 0.0 && self.filter.is_finite()) {
            return Err(Error::Argument(format!("filter = {}: must be 0 or positive", self.filter)));
        }
        if self.draws > MOST_DRAWS {
            return Err(Error::Argument(format!("draws = {}: must be at most {MOST_DRAWS}", self.draws)));
        }
        Ok(())
    }

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

    /// What it predicts for one system; the seconds are the caller's to measure ([`Acceleration::predicted`]).
    ///
    /// # Errors
    /// If the system is not of a size or shape the model was trained for, naming both; [`Error::Unsuitable`] if A is
    /// not promised what the model needs ([`ModelConfig::needs`]).
    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration>;

    /// Whether it predicts a subspace, which stationary iterations have no use for.
    fn predicts_space(&self) -> bool {
        false
    }

    /// The labels that [`Model::agreement`] compares with, where a dataset has them.
    fn labels(&self) -> Names {
        Names::None
    }

    /// The cosine between what the network says and the label it was trained on; None for models without one.
    ///
    /// # Errors
    /// As [`Model::predict`], or if the label is not there.
    fn agreement(&self, _system: &LinearSystem) -> Result<Option<f64>> {
        Ok(None)
    }
}

/// The settings of a model: what makes a trainer, or reads the network of a checkpoint.
pub trait ModelConfig: Configuration + Send + Sync {
    /// A trainer with fresh weights for systems like those of `set`.
    ///
    /// # Errors
    /// If the settings do not fit the samples, or the device is not at hand.
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>>;

    /// The arrays of n × n numbers that training on these systems, so many a batch, will hold; nothing is read but
    /// sizes and labels.
    ///
    /// # Errors
    /// Those of [`crate::system::SampleSource::load`].
    fn dense_arrays(&self, _set: &TrainingSet, _batch: usize) -> Result<Option<DenseArrays>> {
        Ok(None)
    }

    /// What A has to be promised, in training and for predictions; the entry's `needs` says it in words.
    fn needs(&self) -> Need {
        Need::Nothing
    }

    /// The network of a checkpoint that was read from `file`, on a device.
    ///
    /// # Errors
    /// [`Error::File`] if the arrays of the checkpoint are not those of these settings, [`Error::Argument`] if the
    /// device is not at hand.
    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>>;

    /// Training recipes that come with the model.
    fn recipes(&self) -> &'static [BuiltIn] {
        &[]
    }

    /// A training recipe for systems that none of [`ModelConfig::recipes`] is for: its path in the source tree and its
    /// text. For models of symmetric positive definite systems of any kind.
    fn general_recipe(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// What needs no network, and what one of this kind therefore has to beat, as rows name it: constants of the
    /// training systems ([`constants`]), preconditioners that it starts from. Its untrained start is in every run
    /// directory and not named here.
    fn trivial(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<C: ModelConfig + 'static> From<C> for Box<dyn ModelConfig> {
    fn from(config: C) -> Self {
        Box::new(config)
    }
}

/// A training recipe that comes with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// The family of its dataset.
    pub family: &'static str,
    /// Where it lies, for messages.
    pub path: &'static str,
    /// The recipe (TOML).
    pub text: &'static str,
    /// The recipe of its dataset (TOML).
    pub dataset: &'static str,
}

/// The models there are.
pub static ENTRIES: Registry<dyn ModelConfig> = Registry::new(
    "model",
    &[
        &mlp::ENTRY,
        &stencil_mlp::ENTRY,
        &nsls::ENTRY,
        &precorrector::ENTRY,
        &factor_gnn::ENTRY,
        &gcvae::ENTRY,
        &spai_gnn::ENTRY,
        &neurkitt::ENTRY,
    ],
);

/// Adds a model for the rest of the process.
///
/// # Errors
/// [`Error::Argument`] if the name is taken.
pub fn register(model: Entry<dyn ModelConfig>) -> Result<()> {
    ENTRIES.register(model)
}

/// Loads the model of a run directory (see [`checkpoint::locate`]) or of a checkpoint file onto a device. What there is
/// to know of the choice is a note of its predictions.
///
/// # Errors
/// If there is no checkpoint, or it is not one of fempipe's, or of a newer format, altered, or a weight is not finite.
pub fn load(path: &Path, on: Device) -> Result<Box<dyn Model>> {
    let checkpoint::Located { file, note } = checkpoint::locate(path)?;
    let model = of_checkpoint(&Checkpoint::read(&file)?, &file, on)?;
    Ok(match note {
        Some(note) => Box::new(Noted { model, note }),
        None => model,
    })
}

/// The model that a checkpoint holds, on a device; `file` names it in errors.
///
/// # Errors
/// If its model is unknown, its settings or weights do not fit, or a weight is not finite.
pub fn of_checkpoint(checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
    if let Some(array) = checkpoint.weights.iter().find(|w| w.data.iter().any(|v| !v.is_finite())) {
        return Err(Error::file(file, format!("weights {} hold numbers that are not finite", array.name)));
    }
    settings(checkpoint, file)?.load(checkpoint, file, on)
}

/// The settings of the model that a checkpoint holds; `file` names it in errors.
///
/// # Errors
/// [`Error::File`] if its model is unknown, or these are not its settings.
pub fn settings(checkpoint: &Checkpoint, file: &Path) -> Result<Box<dyn ModelConfig>> {
    let in_file = |e: Error| Error::file(file, e.to_string());
    let entry = ENTRIES.find(&checkpoint.model).map_err(in_file)?;
    let origin = "settings of the model";
    let table: Table = toml_file::parse(&checkpoint.config, origin).map_err(in_file)?;
    entry.parse(&table, origin).map_err(in_file)
}

/// Reads and checks the table of the model `name`.
fn config<C: DeserializeOwned>(name: &str, table: &Table, origin: &str, check: fn(&C) -> Result<()>) -> Result<C> {
    let config = entry::config(table, name, origin)?;
    check(&config).map_err(|e| Error::recipe(origin, e.to_string()))?;
    Ok(config)
}

/// Checks the widths of hidden layers.
fn check_hidden(name: &str, hidden: &[usize]) -> Result<()> {
    match hidden.len() <= 64 && hidden.iter().all(|w| (1..=65_536).contains(w)) {
        true => Ok(()),
        false => Err(Error::Argument(format!("{name}.hidden: must be at most 64 layer widths from 1 to 65536"))),
    }
}
