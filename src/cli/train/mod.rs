//! `fempipe train`: a model from a recipe, or the recipe that comes with a family and a model.

mod pipeline;

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::Common;
use super::choice::{DEVICES, one_of};
use super::output::{bytes, duration, number, print};
use super::progress::{bar, say};
use crate::error::{Error, Result};
use crate::generate;
use crate::io::{outputs, shell};
use crate::train::{
    Baseline, BuiltInRecipe, Device, EpochMetrics, Event, RunDirectory, Summary, TrainRecipe, Training, built_in,
    for_own_data, keep_freed,
};

/// Train a model; the solver runs on held-out systems as it goes and decides which weights are best
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).multiple(true))]
#[command(after_help = "Examples:
  fempipe train --family biharmonic
  fempipe train training/poisson-mlp.toml
  fempipe train --family poisson --model stencil-mlp --data datasets/poisson-level4.h5 -o training/s4
  fempipe train training/frame-nsls.toml --set nsls.features=jacobi --set nsls.loss=solution -o training/ablation
  fempipe train --resume training/poisson-mlp
  fempipe import matrices/ --split 0.8,0.1,0.1 -o own.h5; fempipe train --model spai-gnn --data own.h5

--family makes its dataset where none is there, trains by the recipe that comes with fempipe, and evaluates the result \
on the test systems beside classical methods. --model with --data does so with systems of your own, which have to be \
symmetric positive definite.")]
pub struct Args {
    /// Recipe file (TOML)
    #[arg(group = "source", conflicts_with_all = ["family", "model", "resume"])]
    recipe: Option<PathBuf>,
    /// Family whose own recipe to use: makes the dataset, trains, evaluates
    #[arg(long, group = "source", conflicts_with = "resume")]
    family: Option<String>,
    /// Run directory to go on with, bit for bit
    #[arg(long, group = "source", value_name = "DIR")]
    resume: Option<PathBuf>,
    /// Model to train: with --family [default: the first one with a recipe for it], or with --data on your own systems
    #[arg(long, group = "source", conflicts_with = "resume")]
    model: Option<String>,
    /// Dataset to train on
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    data: Option<PathBuf>,
    /// Where to train [default: the recipe's, cpu]
    #[arg(long, value_parser = one_of(&DEVICES), conflicts_with = "resume")]
    device: Option<Device>,
    /// Epochs in all
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    epochs: Option<u64>,
    /// Samples per optimiser step
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    batch_size: Option<usize>,
    /// Learning rate
    #[arg(long, value_name = "RATE", conflicts_with = "resume")]
    lr: Option<f64>,
    /// Seed of weights, order and probes
    #[arg(long, value_name = "S", conflicts_with = "resume")]
    seed: Option<u64>,
    /// Change any key of the recipe (repeat for more): nsls.width=64, factor-gnn.node=gat
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    set: Vec<String>,
    /// Run directory [default: the recipe's name beside it, or training/FAMILY-MODEL]
    #[arg(short, long, value_name = "DIR", conflicts_with = "resume")]
    output: Option<PathBuf>,
    /// Start from the weights of this checkpoint or run directory instead of random ones
    #[arg(long, value_name = "CHECKPOINT", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// With --resume: train for so many epochs more than the recipe says; its schedule then runs over all of them
    #[arg(long, value_name = "EPOCHS", requires = "resume", conflicts_with_all = ["recipe", "family"],
        value_parser = clap::value_parser!(u64).range(1..))]
    extend: Option<u64>,
    /// Stop after this many epochs of this sitting; --resume goes on
    #[arg(long, value_name = "N")]
    stop_after: Option<u64>,
    /// Do not evaluate after training, with --family or --model
    #[arg(long, conflicts_with_all = ["recipe", "resume"])]
    no_evaluate: bool,
    /// Overwrite a run that is there
    #[arg(long, conflicts_with = "resume")]
    force: bool,
}

/// Runs `fempipe train`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    keep_freed();
    let evaluates = (args.family.is_some() || args.model.is_some()) && !args.no_evaluate;
    let mut training = match &args.resume {
        Some(path) => {
            let directory = RunDirectory::new(path);
            if !directory.last().is_file() {
                let reason = "no training run to resume here (no last.safetensors)";
                return Err(Error::file(path, reason));
            }
            let recipe = TrainRecipe::read(&directory.recipe())?;
            match args.extend {
                Some(epochs) => Training::extend(recipe, directory, epochs)?,
                None => Training::resume(recipe, directory)?,
            }
        }
        None => {
            let (recipe, directory) = args.fresh(evaluates, common)?;
            Training::start(recipe, directory, args.force)?
        }
    };
    if let Some(note) = training.note() {
        say(common, note);
    }
    say(common, &format!("plot while it trains: {}", training.directory().page().display()));
    let validation = &training.recipe().validation;
    let judge = format!("{} to {:e}", validation.ksp, validation.rtol);
    let mut view = View { common, bar: None, best: None, judge, baselines: String::new() };
    let done = training.run(args.stop_after, &mut |event| view.show(event));
    view.close();
    let done = done?;
    let directory = training.directory().clone();
    let evaluates = evaluates && done.finished;
    report(&done, &directory, evaluates, common)?;
    if evaluates {
        let recipe = training.recipe().clone();
        // What it holds of samples is not needed any more.
        drop(training);
        let evaluation = pipeline::evaluate(&recipe, &directory, done.best_epoch, args.force, common)?;
        if common.json {
            return print(&format!("{}\n", result(&done, &directory, evaluation)));
        }
    }
    Ok(())
}

impl Args {
    /// The recipe with the command line's changes, and where the run goes. With --family the dataset is made if it is
    /// not there.
    fn fresh(&self, evaluates: bool, common: &Common) -> Result<(TrainRecipe, RunDirectory)> {
        let shipped = self.shipped()?;
        let (recipe, origin) = match (&self.recipe, &shipped) {
            (Some(path), _) => (TrainRecipe::read(path)?, path.display().to_string()),
            (None, Some(shipped)) => (shipped.recipe.clone(), "command line".to_string()),
            (None, None) => return Err(Error::Argument("a recipe or --family is needed".into())),
        };
        let mut recipe = self.changed(recipe, &origin)?;
        let beside = match &self.recipe {
            Some(path) => path.parent().unwrap_or(Path::new("")),
            None => Path::new("training"),
        };
        let directory = RunDirectory::new(self.output.clone().unwrap_or_else(|| beside.join(&recipe.name)));
        let inputs: Vec<&PathBuf> = self.recipe.iter().chain(recipe.datasets()).collect();
        outputs::check(&directory.files(), &inputs, true)?;
        if let Some(shipped) = &shipped {
            if !self.force {
                // Before a dataset is made for a run that cannot start.
                directory.unused()?;
            }
            // A dataset that is named on the command line has to be there.
            let generates = self.data.is_none() && recipe.data == shipped.recipe.data && !recipe.data.is_file();
            let plan = pipeline::Plan {
                built_in: shipped,
                recipe: &recipe,
                directory: directory.path(),
                generates,
                evaluates,
            };
            pipeline::announce(&plan, common);
            if generates {
                pipeline::generate(shipped, &recipe, common)?;
            }
        }
        for data in recipe.datasets_mut() {
            if !data.is_file() {
                return Err(Error::file(&*data, missing(data, shipped.as_ref())));
            }
            // Absolute, so that the recipe in the run directory means the same file from anywhere.
            *data = data.canonicalize().map_err(|e| Error::io(&*data, "find", e))?;
        }
        if let Some(init) = &mut recipe.init {
            *init = init.canonicalize().map_err(|e| Error::io(&*init, "find", e))?;
        }
        Ok((recipe, directory))
    }

    /// The recipe that comes with fempipe for what the command line names.
    fn shipped(&self) -> Result<Option<BuiltInRecipe>> {
        match (&self.family, &self.model, &self.data) {
            (Some(family), model, _) => built_in(family, model.as_deref()).map(Some),
            (None, Some(model), Some(data)) => for_own_data(model, data).map(Some),
            (None, Some(model), None) => Err(Error::Argument(format!(
                "--model {model}: needs --family F, whose dataset is made, or --data FILE with systems of your own \
                 (`fempipe import` makes it)"
            ))),
            (None, None, _) => Ok(None),
        }
    }

    /// A recipe with the command line's changes.
    fn changed(&self, mut recipe: TrainRecipe, origin: &str) -> Result<TrainRecipe> {
        if let Some(data) = &self.data {
            (recipe.data, recipe.more_data) = (data.clone(), Vec::new());
        }
        recipe.init = self.init.clone().or(recipe.init);
        recipe.device = self.device.unwrap_or(recipe.device);
        recipe.epochs = self.epochs.unwrap_or(recipe.epochs);
        recipe.batch_size = self.batch_size.unwrap_or(recipe.batch_size);
        recipe.optimizer.lr = self.lr.unwrap_or(recipe.optimizer.lr);
        recipe.seed = self.seed.unwrap_or(recipe.seed);
        recipe.check(origin)?;
        if self.set.is_empty() { Ok(recipe) } else { recipe.set(&self.set) }
    }
}

/// What to do about a dataset that is not there: the command that makes the one that the recipe is for.
fn missing(data: &Path, shipped: Option<&BuiltInRecipe>) -> String {
    // Datasets lie beside the recipes that make them.
    let beside = data.with_extension("toml");
    let of_recipe = shipped.map(|shipped| &shipped.recipe.data).filter(|of| generate::shipped(of).is_some());
    let known =
        generate::shipped(data).is_some().then(|| Path::new("datasets").join(data.file_name().unwrap_or_default()));
    let how = match known.as_ref().or(of_recipe) {
        _ if beside.is_file() => shell::path(&beside),
        Some(of) if of == data => shell::path(&of.with_extension("toml")),
        Some(of) => format!("{} -o {}", shell::path(&of.with_extension("toml")), shell::path(data)),
        None => {
            let data = shell::path(data);
            return format!(
                "no such dataset; `fempipe import FILES --split 0.8,0.1,0.1 -o {data}` makes it of matrices of your \
                 own, `fempipe generate RECIPE -o {data}` of a family"
            );
        }
    };
    format!("no such dataset; make it with `fempipe generate {how}` or name another one with --data")
}

/// Draws what a run tells.
struct View<'a> {
    common: &'a Common,
    bar: Option<ProgressBar>,
    best: Option<f64>,
    /// The solver and its tolerance.
    judge: String,
    /// What it makes of classical preconditioners: "; icc 83.1, none 502.0".
    baselines: String,
}

impl View<'_> {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Start { parameters, training, validation, batches, done } => {
                say(
                    self.common,
                    &format!("{parameters} parameters, {training} training and {validation} validation systems"),
                );
                let total = usize::try_from(*batches).unwrap_or(usize::MAX);
                let b = bar(self.common, "training", total, "batches {msg}").with_position(*done);
                b.reset_eta();
                self.bar = Some(b);
            }
            Event::Baselines(all) => {
                let one = |b: &Baseline| {
                    let bound = if b.solver.failures > 0 { "≥ " } else { "" };
                    format!("{} {bound}{:.1}", b.pc, b.solver.iterations_mean)
                };
                self.baselines = all.iter().map(one).collect::<Vec<_>>().join(", ");
                if !all.is_empty() {
                    self.line(&format!("held-out systems, {}, iterations: {}", self.judge, self.baselines));
                    self.baselines.insert_str(0, "; ");
                }
            }
            Event::Estimate { step, all, memory, cache } => {
                let used = memory.map_or(String::new(), |m| format!("; {} of memory in use", bytes(m)));
                self.line(&format!(
                    "{} s a step: about {} in all, validation on top{used}, at most {} more for samples",
                    number(*step),
                    duration(*all),
                    bytes(*cache)
                ));
            }
            Event::Batch { epoch, done, loss } => {
                if let Some(b) = &self.bar {
                    let its = self.best.map_or(String::new(), |i| format!(", best {i:.1} it"));
                    b.set_message(format!("(epoch {epoch}, loss {}{its})", number(*loss)));
                    b.set_position(*done);
                }
            }
            Event::Epoch(metrics) => self.epoch(metrics),
        }
    }

    fn epoch(&mut self, m: &EpochMetrics) {
        let Some(s) = &m.solver else { return };
        if m.best {
            self.best = Some(s.iterations_mean);
        }
        let mark = if m.best { ", best so far" } else { "" };
        let failed =
            if s.failures > 0 { format!(", {} of {} not solved", s.failures, s.systems) } else { String::new() };
        let loss = m.loss.map_or_else(|| "before training".into(), |loss| format!("loss {}", number(loss)));
        let line = format!(
            "epoch {:>4}: {loss}, {} {:.2} its (worst {}){failed}{mark}{}",
            m.epoch, self.judge, s.iterations_mean, s.iterations_worst, self.baselines
        );
        self.line(&line);
    }

    /// A line above the bar.
    fn line(&self, line: &str) {
        match &self.bar {
            Some(b) if !b.is_hidden() => b.println(line),
            _ => say(self.common, line),
        }
    }

    fn close(&mut self) {
        if let Some(b) = self.bar.take() {
            b.finish_and_clear();
        }
    }
}

/// Says what was done: the run directory on stdout, the rest on stderr. JSON comes once all is done.
fn report(done: &Summary, directory: &RunDirectory, evaluates: bool, common: &Common) -> Result<()> {
    let path = directory.path().display();
    match (common.json, evaluates) {
        (true, true) => {}
        (true, false) => print(&format!("{}\n", result(done, directory, None)))?,
        (false, _) => print(&format!("{path}\n"))?,
    }
    let epoch = match done.best_epoch {
        0 => "before training".to_string(),
        epoch => format!("epoch {epoch}"),
    };
    let best = match (done.best_iterations, done.best_loss) {
        (None, _) => "no validation yet".to_string(),
        (Some(i), None) => format!("best: {i:.2} iterations on held-out systems ({epoch})"),
        (_, Some(loss)) => {
            format!("no held-out system was solved; best: validation loss {loss:.3e} ({epoch})")
        }
    };
    let run = shell::path(directory.path());
    let next = match (done.finished, evaluates) {
        (true, true) => String::new(),
        (true, false) => format!("\nnext: fempipe evaluate --model {run} --data FILE"),
        (false, _) => format!("\nnext: fempipe train --resume {run}"),
    };
    let note = done.note.as_ref().map_or(String::new(), |note| format!("\n{note}"));
    say(common, &format!("{} epochs in {:.0} s, {best}{note}{next}", done.epochs, done.seconds));
    Ok(())
}

/// What was done, as JSON.
fn result(done: &Summary, directory: &RunDirectory, evaluation: Option<Value>) -> Value {
    let mut result = json!({
        "run": directory.path().display().to_string(), "epochs": done.epochs, "best_epoch": done.best_epoch,
        "best_iterations": done.best_iterations, "best_loss": done.best_loss, "seconds": done.seconds,
        "finished": done.finished, "note": done.note,
    });
    if let Some(evaluation) = evaluation {
        result["evaluation"] = evaluation;
    }
    result
}
