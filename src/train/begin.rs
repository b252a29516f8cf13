//! How a training run begins: anew, from a checkpoint, or where an earlier sitting stopped.

use std::path::Path;
use std::time::Instant;

use super::data::Data;
use super::directory::RunDirectory;
use super::info::Info;
use super::init::Start;
use super::lock::Lock;
use super::metrics;
use super::plot::Plots;
use super::recipe::TrainRecipe;
use super::resume::{same_data, same_recipe};
use super::run::Training;
use super::validate::HeldOut;
use crate::dataset::NEXT;
use crate::error::{Error, Result};
use crate::interrupt::Unsaved;
use crate::models::checkpoint::Progress;
use crate::models::{Checkpoint, TrainingSet};
use crate::rng::{Purpose, stream};
use crate::system::{Cached, Parts, cache};

impl Training {
    /// Claims the run directory, loads the data and makes the network; with `force` an earlier run there is replaced.
    ///
    /// # Errors
    /// If the directory cannot be used, the dataset cannot be read or has no usable split, or the recipe does not
    /// fit it.
    pub fn start(recipe: TrainRecipe, directory: RunDirectory, force: bool) -> Result<Self> {
        let lock = directory.claim()?;
        if !force {
            directory.unused()?;
        }
        let place = directory.path().to_path_buf();
        let ready = Self::load(recipe, directory, lock, None).and_then(Self::initialised).and_then(Self::rehearsed);
        let mut run = ready.inspect_err(|_| {
            // What was made for a run that cannot start; a directory that holds something stays.
            let _ = std::fs::remove_dir(place);
        })?;
        let _unsaved = Unsaved::new();
        if force {
            // Only now: an earlier run is not given up for one that cannot start.
            run.directory.clear()?;
        }
        run.directory.write_recipe(&run.recipe.to_toml()?)?;
        run.write_info()?;
        run.write_checkpoint(&run.directory.initial(), false)?;
        // So that there is something to resume from, and the disk is known to take a checkpoint.
        run.save_last()?;
        Ok(run)
    }

    /// Goes on from `last.safetensors`.
    ///
    /// # Errors
    /// If there is no such checkpoint, another process trains there, or recipe or data are not those of the run.
    pub fn resume(recipe: TrainRecipe, directory: RunDirectory) -> Result<Self> {
        Self::go_on(recipe, directory, 0)
    }

    /// Goes on from `last.safetensors` for so many epochs more than the recipe says: the schedule of the learning rate
    /// then runs over all of them. recipe.toml in the run directory gets the new number, run.json keeps the old one.
    ///
    /// # Errors
    /// As [`Training::resume`], and if there would be too many epochs.
    pub fn extend(recipe: TrainRecipe, directory: RunDirectory, epochs: u64) -> Result<Self> {
        let mut run = Self::go_on(recipe, directory, epochs)?;
        let _unsaved = Unsaved::new();
        run.write_info()?;
        run.save_last()?;
        run.directory.write_recipe(&run.recipe.to_toml()?)?;
        Ok(run)
    }

    fn go_on(mut recipe: TrainRecipe, directory: RunDirectory, more: u64) -> Result<Self> {
        let file = directory.last();
        if !file.is_file() {
            return Err(Error::file(
                directory.path(),
                "nothing to resume: no last.safetensors here; start the run without --resume",
            ));
        }
        let lock = directory.claim()?;
        let checkpoint = Checkpoint::read(&file)?;
        same_recipe(&checkpoint, &recipe, &directory.recipe())?;
        let before = recipe.epochs;
        recipe.epochs = recipe.epochs.saturating_add(more);
        recipe.check("--extend")?;
        let mut run = Self::load(recipe, directory, lock, Some((&checkpoint, &file)))?;
        run.trainer.restore(&checkpoint).map_err(|e| Error::file(&file, e.to_string()))?;
        run.progress = checkpoint.progress;
        run.last_metrics = checkpoint.metrics;
        run.info = Info::read(&run.directory.info()).map_or_else(|| run.new_info(None), Ok)?;
        if checkpoint.data_recipe.len() > run.data_recipe.len() {
            // With that of the checkpoint that the run started from.
            run.data_recipe = checkpoint.data_recipe;
        }
        if more > 0 {
            run.info.extended_at.push(before);
            (run.progress.finished, run.progress.stale) = (false, 0);
        }
        let (file, progress) = (run.directory.metrics(), &run.progress);
        let damaged = metrics::truncate(&file, progress.epoch, &run.last_metrics)?;
        if !damaged.is_empty() {
            let numbers: Vec<String> = damaged.iter().map(usize::to_string).collect();
            run.note = Some(format!(
                "{}: damaged, and left as it is, in line {}; training goes on",
                file.display(),
                numbers.join(", ")
            ));
        }
        Ok(run)
    }

    /// Itself with the weights of the checkpoint that the recipe starts from, if it names one.
    fn initialised(mut self) -> Result<Self> {
        let start = self.recipe.init.as_deref().map(Start::read).transpose()?;
        if let Some(start) = &start {
            self.note = start.difference(&self.recipe)?;
            self.trainer
                .start_from(&start.checkpoint.weights)
                .map_err(|e| Error::file(&start.origin.file, e.to_string()))?;
            // Its systems are known to the network as well.
            let known = &start.checkpoint.data_recipe;
            if !known.is_empty() {
                self.data_recipe = format!("{}{NEXT}{known}", self.data_recipe);
            }
        }
        self.info = self.new_info(start.as_ref())?;
        Ok(self)
    }

    /// Itself, if the first batch can be made and has a loss: what the settings cannot take of the data is told before
    /// anything is written or replaced.
    fn rehearsed(mut self) -> Result<Self> {
        let first = &self.set.ids[..self.set.ids.len().min(self.recipe.batch_size)];
        let mut rng = stream(self.recipe.seed, Purpose::Probes, 0);
        let loss = self.trainer.loss(first, &mut rng);
        loss.map_err(|e| e.in_file(&self.recipe.data))?;
        Ok(self)
    }

    /// Opens the data and makes the network; `before` is the checkpoint to go on from, and its file.
    fn load(
        recipe: TrainRecipe,
        directory: RunDirectory,
        lock: Lock,
        before: Option<(&Checkpoint, &Path)>,
    ) -> Result<Self> {
        let settings = recipe.settings()?;
        let Data { source, train: ids, validation: held_out, identity, recipe: data_recipe } =
            Data::open(&recipe, &*settings)?;
        if let Some((checkpoint, file)) = before {
            same_data(checkpoint, &identity, &recipe.data, file)?;
        }
        let most = recipe.cache_mib.map_or_else(cache::default_bytes, |m| m << 20);
        let set = TrainingSet { source: source.clone(), ids, cache_bytes: most / 2 };
        let dense = settings.dense_arrays(&set, recipe.batch_size)?;
        let fits = dense.map_or(Ok(()), |dense| dense.check(&recipe.model, recipe.memory_mib));
        fits.map_err(|e| e.in_file(&recipe.data))?;
        let held_out = HeldOut {
            source: Cached::new(source, Parts::given(), most / 4),
            ids: held_out,
            chunk_bytes: set.chunk_bytes(),
        };
        let trainer = settings.trainer(&set, recipe.seed, recipe.device).map_err(|e| match e {
            // It is the data that breaks down.
            Error::Numeric(_) => e.in_file(&recipe.data),
            other => other,
        })?;
        Ok(Training {
            recipe_text: recipe.decisive()?,
            recipe,
            directory,
            _lock: lock,
            data: identity,
            data_recipe,
            trainer,
            set,
            held_out,
            progress: Progress::default(),
            last_metrics: String::new(),
            saved: Instant::now(),
            note: None,
            sitting: 0,
            info: Info::default(),
            plots: Plots::default(),
        })
    }

    fn new_info(&self, init: Option<&Start>) -> Result<Info> {
        Ok(Info {
            fempipe_version: env!("CARGO_PKG_VERSION").into(),
            model: self.recipe.model.clone(),
            device: self.recipe.device,
            parameters: self.trainer.parameters(),
            data: self.recipe.data.clone(),
            more_data: self.recipe.more_data.clone(),
            data_digests: self.data.clone(),
            unknowns: self.set.source.size(self.set.ids[0])?.0,
            training_samples: self.set.ids.len(),
            validation_samples: self.held_out.ids.len(),
            init: init.map(|start| start.origin.clone()),
            extended_at: Vec::new(),
            baselines: Vec::new(),
        })
    }
}
