//! The training loop.

use std::path::Path;
use std::time::Instant;

use rand::seq::SliceRandom;

use super::baselines::baselines;
use super::best;
use super::directory::RunDirectory;
use super::event::{Event, Summary};
use super::info::Info;
use super::lock::Lock;
use super::metrics::{self, EpochMetrics, SolverMetrics};
use super::page::{Run, State};
use super::plot::Plots;
use super::recipe::TrainRecipe;
use super::validate::{HeldOut, validate};
use crate::error::{Error, Result};
use crate::interrupt::{self, Unsaved};
use crate::io::shell;
use crate::linalg::dense;
use crate::models::checkpoint::Progress;
use crate::models::fit::AdamConfig;
use crate::models::{Checkpoint, Trainer, TrainingSet};
use crate::rng::{Purpose, stream};
use crate::system::cache;

/// A loss this many times the first one (at least 1) is an explosion.
const EXPLOSION: f64 = 1e6;

/// The step of a sitting whose time is told: those before it load their own samples, later ones find theirs loaded.
const MEASURED_STEP: u64 = 3;

/// What a validation says.
#[derive(Clone, Copy)]
struct Judged {
    solver: SolverMetrics,
    /// Mean loss over the held-out systems.
    loss: f64,
    /// Whether it is the best so far.
    best: bool,
    /// What it took.
    seconds: f64,
}

/// A training run, ready to go (on).
pub struct Training {
    pub(super) recipe: TrainRecipe,
    /// What decides the weights ([`TrainRecipe::decisive`]).
    pub(super) recipe_text: String,
    pub(super) directory: RunDirectory,
    /// Nobody else trains there.
    pub(super) _lock: Lock,
    /// What the data is ([`identity`]).
    pub(super) data: String,
    /// The recipe that its dataset holds.
    pub(super) data_recipe: String,
    pub(super) trainer: Box<dyn Trainer>,
    pub(super) set: TrainingSet,
    pub(super) held_out: HeldOut,
    pub(super) progress: Progress,
    pub(super) last_metrics: String,
    pub(super) saved: Instant,
    /// What there is to tell of the directory it goes on in.
    pub(super) note: Option<String>,
    /// Steps of this sitting.
    pub(super) sitting: u64,
    /// What stands in run.json.
    pub(super) info: Info,
    pub(super) plots: Plots,
}

impl Training {
    /// What is trained, all defaults written out.
    pub fn recipe(&self) -> &TrainRecipe {
        &self.recipe
    }

    /// What there is to tell of the directory it goes on in.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The run directory.
    pub fn directory(&self) -> &RunDirectory {
        &self.directory
    }

    /// Trains until the epochs are done, early stopping says so, or `stop_after` epochs of this sitting are done.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after Ctrl-C, with everything saved; [`Error::Numeric`] if the loss is not a number or
    /// explodes, with the last good checkpoint kept; [`Error::Io`] if a file cannot be written.
    pub fn run(&mut self, stop_after: Option<u64>, events: &mut dyn FnMut(&Event)) -> Result<Summary> {
        let _unsaved = Unsaved::new();
        let done = self.train(stop_after, events);
        let drawn = self.draw(match &done {
            Ok(summary) if summary.finished => State::Finished,
            Ok(_) | Err(Error::Interrupted(_)) => State::Interrupted,
            Err(_) => State::Failed,
        });
        // What went wrong first is told.
        done.and_then(|summary| drawn.map(|()| summary))
    }

    /// Draws the plots of the run, if it is time to.
    fn draw(&mut self, state: State) -> Result<()> {
        let name = self.directory.path().file_name().unwrap_or_default().to_string_lossy();
        let validation = &self.recipe.validation;
        let run = Run {
            name: &name,
            model: &self.recipe.model,
            judge: &format!("{} to {:e}", validation.ksp, validation.rtol),
            epochs: self.recipe.epochs,
            baselines: &self.info.baselines,
        };
        self.plots.draw(&self.directory, &run, state)
    }

    fn train(&mut self, stop_after: Option<u64>, events: &mut dyn FnMut(&Event)) -> Result<Summary> {
        dense::on_one_thread();
        let per_epoch = self.set.ids.len().div_ceil(self.recipe.batch_size) as u64;
        self.draw(State::Training)?;
        events(&Event::Start {
            parameters: self.trainer.parameters(),
            training: self.set.ids.len(),
            validation: self.held_out.ids.len(),
            batches: per_epoch * self.recipe.epochs,
            done: self.progress.epoch * per_epoch + self.progress.batch,
        });
        if !self.progress.finished {
            if self.info.baselines.is_empty() {
                match baselines(&self.held_out, &self.recipe.validation) {
                    Err(Error::Interrupted(_)) => self.interrupted()?,
                    found => self.info.baselines = found?,
                }
                self.write_info()?;
            }
            events(&Event::Baselines(self.info.baselines.clone()));
        }
        // What goes on from a checkpoint with steps, or with this validation, does not make it again.
        if self.progress.step == 0 && self.progress.best.is_none() {
            self.validate_untrained(events)?;
        }
        let end =
            stop_after.map_or(self.recipe.epochs, |k| self.recipe.epochs.min(self.progress.epoch.saturating_add(k)));
        while self.progress.epoch < end && !self.progress.finished {
            self.epoch(per_epoch, events)?;
        }
        self.progress.finished |= self.progress.epoch >= self.recipe.epochs;
        self.save_last()?;
        Ok(Summary {
            epochs: self.progress.epoch,
            best_epoch: self.progress.best_epoch,
            best_iterations: self.progress.best,
            best_loss: self.progress.best_loss,
            seconds: self.progress.seconds,
            finished: self.progress.finished,
            note: self.finding(),
        })
    }

    /// What there is to say of the run once it is over, if nothing that it learned is better than its start.
    fn finding(&self) -> Option<String> {
        self.progress.finished.then(|| best::finding(&self.progress, self.info.init.is_some())).flatten()
    }

    /// Runs the solver with the network before the first step, which is as much a candidate for the best one as what is
    /// learned. The time that it takes is not that of training.
    fn validate_untrained(&mut self, events: &mut dyn FnMut(&Event)) -> Result<()> {
        let judged = self.validation(0);
        if let Err(Error::Interrupted(_)) = judged {
            return self.interrupted();
        }
        let judged = judged?;
        let line = self.line(judged);
        self.finish_epoch(&line)?;
        self.save_last()?;
        events(&Event::Epoch(line));
        Ok(())
    }

    /// The metrics of the epoch that is done, without loss and rate.
    fn line(&self, judged: Option<Judged>) -> EpochMetrics {
        EpochMetrics {
            epoch: self.progress.epoch,
            step: self.progress.step,
            loss: None,
            lr: None,
            validation_loss: judged.map(|j| j.loss),
            solver: judged.map(|j| j.solver),
            best: judged.is_some_and(|j| j.best),
            seconds: self.progress.seconds,
            validation_seconds: judged.map(|j| j.seconds),
            note: self.finding(),
        }
    }

    fn epoch(&mut self, per_epoch: u64, events: &mut dyn FnMut(&Event)) -> Result<()> {
        let epoch = self.progress.epoch;
        let mut order: Vec<usize> = (0..self.set.ids.len()).collect();
        order.shuffle(&mut stream(self.recipe.seed, Purpose::Shuffle, epoch));
        let clock = Instant::now();
        let before = self.progress.seconds;
        while self.progress.batch < per_epoch {
            let begun = Instant::now();
            let done = interrupt::check("between steps").and_then(|()| self.batch(&order, per_epoch));
            if let Err(Error::Interrupted(_)) = done {
                self.progress.seconds = before + clock.elapsed().as_secs_f64();
                return self.interrupted();
            }
            done?;
            self.sitting += 1;
            if self.sitting == MEASURED_STEP {
                events(&self.estimate(begun.elapsed().as_secs_f64(), per_epoch));
            }
            if self.plots.are_quiet() {
                self.draw(State::Training)?;
            }
            events(&Event::Batch {
                epoch: epoch + 1,
                done: epoch * per_epoch + self.progress.batch,
                loss: self.progress.loss_sum / self.progress.batch as f64,
            });
        }
        let validated = self.validation(epoch + 1);
        self.progress.seconds = before + clock.elapsed().as_secs_f64();
        if let Err(Error::Interrupted(_)) = validated {
            // All steps are done: a resumed run begins with the validation.
            return self.interrupted();
        }
        let judged = validated?;
        let loss = self.progress.loss_sum / per_epoch as f64;
        let lr = self.adam(self.progress.step.saturating_sub(1), per_epoch).lr;
        self.progress.epoch = epoch + 1;
        self.progress.batch = 0;
        self.progress.loss_sum = 0.0;
        let patience = self.recipe.early_stopping.patience;
        let stopped = patience > 0 && self.progress.stale >= patience;
        self.progress.finished = stopped || self.progress.epoch >= self.recipe.epochs;
        let line = EpochMetrics { loss: Some(loss), lr: Some(lr), ..self.line(judged) };
        self.finish_epoch(&line)?;
        events(&Event::Epoch(line));
        Ok(())
    }

    /// What the steps that are left will take, at so many seconds a step.
    fn estimate(&self, step: f64, per_epoch: u64) -> Event {
        let left = (self.recipe.epochs - self.progress.epoch) * per_epoch - self.progress.batch;
        Event::Estimate {
            step,
            all: step * left as f64,
            memory: cache::resident_bytes(),
            cache: (self.set.cache_bytes + self.held_out.source.most()) as u64,
        }
    }

    /// Writes the epoch's metrics and checkpoints.
    fn finish_epoch(&mut self, line: &EpochMetrics) -> Result<()> {
        self.last_metrics = serde_json::to_string(line)
            .map_err(|e| Error::Argument(format!("metrics cannot be written as JSON: {e}")))?;
        metrics::append(&self.directory.metrics(), line)?;
        self.draw(State::Training)?;
        if line.best {
            self.write_checkpoint(&self.directory.best(), false)?;
        }
        if self.saved.elapsed().as_secs_f64() >= self.recipe.checkpoint_seconds {
            self.save_last()?;
        }
        Ok(())
    }

    fn interrupted(&mut self) -> Result<()> {
        self.save_last()?;
        Err(Error::Interrupted(format!(
            "training saved at epoch {}, batch {}; go on with `fempipe train --resume {}`",
            self.progress.epoch + 1,
            self.progress.batch,
            shell::path(self.directory.path())
        )))
    }

    /// The optimiser's settings at a step.
    fn adam(&self, step: u64, per_epoch: u64) -> AdamConfig {
        self.recipe.adam(self.recipe.schedule.factor(step, per_epoch * self.recipe.epochs, per_epoch))
    }

    /// One optimiser step.
    fn batch(&mut self, order: &[usize], per_epoch: u64) -> Result<()> {
        let size = self.recipe.batch_size;
        let mut groups = order.chunks(size).skip(self.progress.batch as usize);
        let mut group = || -> Vec<u32> {
            let chosen = groups.next().unwrap_or_default();
            chosen.iter().map(|&i| self.set.ids[i]).collect()
        };
        let (batch, next) = (group(), group());
        let step = self.progress.step;
        let adam = self.adam(step, per_epoch);
        let mut probes = stream(self.recipe.seed, Purpose::Probes, step);
        let report = self.trainer.step(&batch, &next, &mut probes, &adam)?;
        let first_loss = *self.progress.first_loss.get_or_insert(report.loss.abs());
        if !report.grad_norm.is_finite() || report.loss.abs() > EXPLOSION * first_loss.max(1.0) {
            return Err(Error::Numeric(format!(
                "training diverged in epoch {}, step {}: loss {:.3e}, gradient norm {:.3e}. The last good checkpoint \
                 is kept in {}; try a smaller optimizer.lr or a positive optimizer.clip",
                self.progress.epoch + 1,
                step + 1,
                report.loss,
                report.grad_norm,
                self.directory.path().display()
            )));
        }
        self.progress.step += 1;
        self.progress.batch += 1;
        self.progress.loss_sum += report.loss;
        Ok(())
    }

    /// Runs the solver on the held-out systems if that is due after so many epochs.
    fn validation(&mut self, epoch: u64) -> Result<Option<Judged>> {
        let due = epoch.is_multiple_of(self.recipe.validation.every) || epoch == self.recipe.epochs;
        if !due {
            return Ok(None);
        }
        let clock = Instant::now();
        let model = self.trainer.model();
        let solver = validate(&*model, &self.held_out, &self.recipe.validation)?;
        // The same probes at every validation, so that losses of different epochs compare.
        let mut probes = stream(self.recipe.seed, Purpose::Probes, u64::MAX);
        let mut sum = 0.0;
        for group in self.held_out.ids.chunks(self.recipe.batch_size) {
            sum += self.trainer.loss(group, &mut probes)? * group.len() as f64;
        }
        let loss = sum / self.held_out.ids.len() as f64;
        let best = best::note(&mut self.progress, epoch, &solver, loss);
        Ok(Some(Judged { solver, loss, best, seconds: clock.elapsed().as_secs_f64() }))
    }

    pub(super) fn write_checkpoint(&self, path: &Path, with_optimiser: bool) -> Result<()> {
        Checkpoint {
            recipe: self.recipe_text.clone(),
            data: self.data.clone(),
            data_recipe: self.data_recipe.clone(),
            metrics: self.last_metrics.clone(),
            progress: self.progress.clone(),
            ..self.trainer.checkpoint(with_optimiser)?
        }
        .write(path)
    }

    pub(super) fn save_last(&mut self) -> Result<()> {
        self.write_checkpoint(&self.directory.last(), true)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Notes in run.json what the run is.
    pub(super) fn write_info(&self) -> Result<()> {
        self.info.write(&self.directory.info())
    }
}
