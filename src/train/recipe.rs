//! The training recipe: TOML with unknown keys refused; the resolved recipe stands in every run directory.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::schedule::Schedule;
use crate::entry;
use crate::error::{Error, Result};
use crate::io::recipe_kind::RecipeKind;
use crate::io::{assignments, toml_file};
use crate::models::fit::{AdamConfig, Device};
use crate::models::{self, ModelConfig};
use crate::precond::Spec;
use crate::solver::Method;
use crate::system::cache;

/// Everything that decides a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TrainRecipe {
    /// The model: one of [`crate::models::ENTRIES`].
    pub model: String,
    /// The dataset, relative to the recipe's directory.
    pub data: PathBuf,
    /// Further datasets, trained on and judged by together with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_data: Vec<PathBuf>,
    /// The checkpoint (or run directory, of which the best one) whose weights training starts from, relative to the
    /// recipe's directory; random ones where none is given. What else a model knows of its data is made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// The run directory's name; the recipe's own where none is given.
    #[serde(default)]
    pub name: String,
    /// Of weights, order and probes.
    #[serde(default = "one")]
    pub seed: u64,
    /// Where to train.
    #[serde(default)]
    pub device: Device,
    /// Passes over the training split.
    #[serde(default = "default_epochs")]
    pub epochs: u64,
    /// Systems a step.
    #[serde(default = "default_batch")]
    pub batch_size: usize,
    /// At most this many samples of the training split of each dataset; 0 takes all.
    #[serde(default)]
    pub samples: usize,
    /// Seconds between writes of `last.safetensors`; 0 writes it after every epoch.
    #[serde(default)]
    pub checkpoint_seconds: f64,
    /// MiB of memory for what is made of samples and for held-out systems; the rest is loaded and made again, which
    /// changes no result. [`crate::system::cache::default_bytes`] where none is given. Batches and the network come on
    /// top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_mib: Option<usize>,
    /// MiB of memory that arrays of n × n numbers may take (`mlp`, images of `gcvae`, K-optimal targets), estimated
    /// before any is made; what the process may use where none is given. Changes no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<usize>,
    /// Adam's settings.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// How the learning rate runs.
    #[serde(default)]
    pub schedule: Schedule,
    /// How the solver judges the model.
    #[serde(default)]
    pub validation: Validation,
    /// When to give up.
    #[serde(default)]
    pub early_stopping: EarlyStopping,
    /// The model's own table, named after it, every key written out; nothing else once the recipe is parsed.
    #[serde(flatten)]
    #[schemars(skip)]
    own: Table,
}

/// Most epochs: with any number of batches, a number of steps that 64 bits hold.
const MOST_EPOCHS: u64 = 1_000_000_000;

fn one() -> u64 {
    1
}

fn default_epochs() -> u64 {
    100
}

fn default_batch() -> usize {
    32
}

/// Adam's constants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizer {
    /// Learning rate before the schedule.
    pub lr: f64,
    /// Decay of the first and the second moment a step.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest 2-norm of a gradient; 0 switches clipping off.
    pub clip: f64,
}

impl Default for Optimizer {
    fn default() -> Self {
        let adam = AdamConfig::default();
        Optimizer { lr: adam.lr, betas: adam.betas, eps: adam.eps, weight_decay: adam.weight_decay, clip: adam.clip }
    }
}

/// The solver in the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Validation {
    /// Epochs between validations.
    pub every: u64,
    /// Held-out systems of each dataset to solve; 0 takes the whole validation split.
    pub samples: usize,
    /// The solver that judges.
    pub ksp: Method,
    /// A classical preconditioner beside the space or guess that the model predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pc: Option<Spec>,
    /// Relative tolerance of the solves.
    pub rtol: f64,
    /// A system not solved by then counts as this many iterations and as a failure.
    pub max_it: usize,
}

impl Default for Validation {
    fn default() -> Self {
        Validation { every: 1, samples: 32, ksp: Method::richardson(1.0), pc: None, rtol: 1e-5, max_it: 500 }
    }
}

/// When to give up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    /// Validations without a better one before training stops; 0 never stops early.
    pub patience: u64,
}

impl TrainRecipe {
    /// Parses a recipe; `origin` is its path, for messages.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let mut recipe: TrainRecipe = RecipeKind::Training.parse(text, origin)?;
        recipe.resolve(origin)?;
        recipe.check(origin)?;
        Ok(recipe)
    }

    /// Writes the model's table out; refuses keys that are neither ours nor the model's.
    fn resolve(&mut self, origin: &str) -> Result<()> {
        let bad = |reason: String| Err(Error::recipe(origin, reason));
        let model = match models::ENTRIES.find(&self.model) {
            Ok(model) => model,
            Err(e) => return bad(e.to_string()),
        };
        let given = match self.own.remove(model.name) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(other) => {
                return bad(format!("{} = {other}: must be a table [{0}]", model.name));
            }
        };
        if let Some(key) = self.own.keys().next().cloned() {
            self.own.clear();
            return bad(match models::ENTRIES.find(&key) {
                Ok(_) => format!("[{key}] has no meaning with model = {:?}", self.model),
                Err(_) => {
                    let mut known: Vec<String> = entry::to_table(self).keys().cloned().collect();
                    for optional in ["more_data", "init", "cache_mib", "memory_mib"] {
                        if !known.iter().any(|k| k == optional) {
                            known.push(optional.into());
                        }
                    }
                    format!("unknown key '{key}' (known keys: {}, [{}])", known.join(", "), model.name)
                }
            });
        }
        let settings = model.parse(&given, origin)?.table();
        self.own.insert(model.name.into(), settings.into());
        Ok(())
    }

    /// Reads a recipe file; a missing name becomes the file's, relative data becomes relative to the file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, else as [`TrainRecipe::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = toml_file::read(path)?;
        let mut recipe = Self::parse(&text, &path.display().to_string())?;
        if recipe.name.is_empty() {
            recipe.name = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        }
        if let Some(dir) = path.parent() {
            for data in recipe.datasets_mut().filter(|data| data.is_relative()) {
                *data = dir.join(&*data);
            }
            recipe.init = recipe.init.map(|init| if init.is_relative() { dir.join(init) } else { init });
        }
        Ok(recipe)
    }

    /// All datasets.
    pub fn datasets(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.data).chain(&self.more_data)
    }

    /// All datasets, to change their paths.
    pub fn datasets_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        std::iter::once(&mut self.data).chain(&mut self.more_data)
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key.
    pub fn check(&self, origin: &str) -> Result<()> {
        let bad = |reason: String| Err(Error::recipe(origin, reason));
        let mut parts = Path::new(&self.name).components();
        let plain =
            matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !self.name.ends_with('/');
        if !self.name.is_empty() && (!plain || self.name.contains(char::is_control)) {
            return bad(format!(
                "name = {:?}: must be the name of a directory beside the recipe; -o puts the run elsewhere",
                self.name
            ));
        }
        if let Some((k, twice)) =
            self.more_data.iter().enumerate().find(|&(k, path)| self.datasets().take(k + 1).any(|other| other == path))
        {
            return bad(format!("more_data[{k}] = {:?}: is there already", twice.display().to_string()));
        }
        if self.batch_size == 0 {
            return bad("batch_size = 0: must be at least 1".into());
        }
        if !(1..=MOST_EPOCHS).contains(&self.epochs) {
            return bad(format!("epochs = {}: must be from 1 to {MOST_EPOCHS}", self.epochs));
        }
        if let Some(mib) = self.cache_mib.filter(|&mib| mib > cache::MOST_MIB) {
            return bad(format!("cache_mib = {mib}: must be at most {}", cache::MOST_MIB));
        }
        if self.validation.every == 0 {
            return bad("validation.every = 0: must be at least 1".into());
        }
        if self.validation.max_it == 0 {
            return bad("validation.max_it = 0: must be at least 1".into());
        }
        if self.optimizer.betas.iter().any(|b| !(0.0..1.0).contains(b)) {
            return bad("optimizer.betas: both must be at least 0 and below 1".into());
        }
        for (key, v, zero_allowed) in [
            ("optimizer.lr", self.optimizer.lr, false),
            ("validation.rtol", self.validation.rtol, false),
            ("optimizer.eps", self.optimizer.eps, true),
            ("optimizer.weight_decay", self.optimizer.weight_decay, true),
            ("optimizer.clip", self.optimizer.clip, true),
            ("checkpoint_seconds", self.checkpoint_seconds, true),
        ] {
            let good = v.is_finite() && (v > 0.0 || (zero_allowed && v == 0.0));
            if !good {
                let or_zero = if zero_allowed { "0 or " } else { "" };
                return bad(format!("{key} = {v}: must be {or_zero}positive"));
            }
        }
        let range = |r: Result<()>| r.map_err(|e| Error::recipe(origin, e.to_string()));
        range(self.schedule.check())
    }

    /// The model with its settings.
    ///
    /// # Errors
    /// [`Error::Argument`] if the model has been unknown since the recipe was parsed.
    pub fn settings(&self) -> Result<Box<dyn ModelConfig>> {
        let table = self.own.get(&self.model).and_then(Value::as_table);
        let empty = Table::new();
        models::ENTRIES.find(&self.model)?.parse(table.unwrap_or(&empty), "recipe")
    }

    /// Adam's constants at a learning-rate factor.
    pub fn adam(&self, factor: f64) -> AdamConfig {
        AdamConfig {
            lr: self.optimizer.lr * factor,
            betas: self.optimizer.betas,
            eps: self.optimizer.eps,
            weight_decay: self.optimizer.weight_decay,
            clip: self.optimizer.clip,
        }
    }

    /// The recipe with some keys changed, as [`assignments::assign`] reads them.
    ///
    /// # Errors
    /// As [`assignments::assign`]; [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn set(&self, changes: &[String]) -> Result<Self> {
        let mut table = entry::to_table(self);
        assignments::assign(&mut table, changes)?;
        Self::parse(&table.to_string(), assignments::ORIGIN)
    }

    /// What of the recipe decides the weights, as TOML: a run may go on with other bounds of memory.
    ///
    /// # Errors
    /// As [`TrainRecipe::to_toml`].
    pub fn decisive(&self) -> Result<String> {
        TrainRecipe { cache_mib: None, memory_mib: None, ..self.clone() }.to_toml()
    }

    /// The recipe as TOML, every default written out.
    ///
    /// # Errors
    /// [`Error::Argument`] if it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::Argument(format!("recipe cannot be written as TOML: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_that_ships_is_read_and_stored_in_full() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("training");
        let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        let mut read = 0;
        for file in files.filter(|f| f.extension().is_some_and(|e| e == "toml")) {
            let text = std::fs::read_to_string(&file).unwrap();
            if text.contains("[[row]]") {
                continue;
            }
            let stored = TrainRecipe::read(&file).unwrap().to_toml().unwrap();
            let again = TrainRecipe::parse(&stored, "stored").unwrap();
            assert_eq!(again.to_toml().unwrap(), stored);
            let entry = models::ENTRIES.find(&again.model).unwrap();
            for key in (entry.defaults)().keys() {
                assert!(again.own[entry.name].get(key).is_some(), "{}: no {key}", file.display());
            }
            read += 1;
        }
        assert!(read > 10);
    }

    #[test]
    fn every_model_trains_by_its_defaults() {
        for entry in models::ENTRIES.all() {
            TrainRecipe::parse(&format!("model = \"{}\"\ndata = \"x.h5\"", entry.name), "r").unwrap();
        }
        let refused = |text: &str| TrainRecipe::parse(text, "r.toml").unwrap_err().to_string();
        let error = refused("model = \"mlp\"\ndata = \"x\"\n[nsls]\nwidth = 3");
        assert_eq!(error, "r.toml: [nsls] has no meaning with model = \"mlp\"");
        assert!(refused("model = \"mlp\"\ndata = \"x\"\nepoch = 3").contains("unknown key 'epoch'"));
    }
}
