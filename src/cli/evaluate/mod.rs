//! `fempipe evaluate`: learned rows beside classical ones, on held-out systems.

mod chosen;
mod dry_run;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use chosen::{Chosen, Methods};

use super::Common;
use super::choice::{DEVICES, one_of};
use super::output::print;
use super::progress::{bar, say, say_chosen};
use crate::error::{Error, Result};
use crate::evaluate::{self, EvalRecipe, Event, Journal, Opened, Row, shards};
use crate::io::{assignments, outputs, shell};
use crate::models::Device;
use crate::shard::Shard;

/// Compare solvers, classical preconditioners and trained models on held-out systems
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe evaluate
  fempipe evaluate training/poisson-table1.toml
  fempipe evaluate training/poisson-mlp
  fempipe evaluate --data datasets/poisson-level3.h5 --model training/poisson-mlp
  fempipe evaluate --data p.h5 --ksp cg --pc none,jacobi,icc,cholesky --rtol 1e-5,1e-8 --samples 20
  fempipe evaluate training/poisson-table1.toml --dry-run

Without anything the newest run of each model on each dataset, of those under training/, is evaluated on the test \
systems of its own, and one whose dataset cannot be had is left out; a run directory alone is. Without --ksp and --pc \
the classical rows are the strongest for the kind of the systems, multigrid and a direct solver among them, and each \
model has the solver that judged it and the one for such systems. Beside each learned row stand those that it has to \
beat: constants of the training systems, its untrained start.

The same command again goes on with an evaluation that was interrupted; of one that is complete it prints the table. \
Another evaluation is never overwritten but with --force. Several processes share one with --shard, or where srun or \
mpirun start them; merge brings their shares together.")]
pub struct Args {
    /// Recipe file (TOML), a run directory to evaluate on its own data, or the directory of an evaluation to go on with
    #[arg(conflicts_with_all = ["data", "model"])]
    recipe: Option<PathBuf>,
    /// Datasets to solve
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    data: Vec<PathBuf>,
    /// Run directories or checkpoints: on --data, or each on its own data
    #[arg(long, value_name = "RUN", value_delimiter = ',')]
    model: Vec<PathBuf>,
    /// Solvers, e.g. cg,gmres(50),richardson(0.7)
    #[arg(long, value_name = "KSP")]
    ksp: Vec<String>,
    /// Classical preconditioners, e.g. none,jacobi,sor(1.5),icc
    #[arg(long, value_name = "PC")]
    pc: Vec<String>,
    /// Relative tolerances
    #[arg(long, value_name = "R", value_delimiter = ',')]
    rtol: Vec<f64>,
    /// Change any key of the recipe (repeat for more): max_it=2000, condition_samples=0
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Which set of each dataset
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// At most this many systems of each
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Right-hand sides that each system is solved for with one setup
    #[arg(long, value_name = "N")]
    right_hand_sides: Option<usize>,
    /// Rounds of all rows, one after the other in each: seconds are medians over them, and their intervals
    /// hold the noise of the machine
    #[arg(long, value_name = "N")]
    repeats: Option<usize>,
    /// Where models predict [default: the recipe's, cpu]
    #[arg(long, value_parser = one_of(&DEVICES))]
    device: Option<Device>,
    /// Directory for results.csv, report.html and the plots [default: the recipe's name beside it, RUN/evaluation or
    /// evaluation, with the date of its beginning]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Measure only share i of N (1 to N); `merge DIR` brings them together [default: the scheduler's rank and size]
    #[arg(long, value_name = "i/N", value_parser = |s: &str| Shard::parse(s).map_err(|e| e.to_string()))]
    shard: Option<Shard>,
    /// Print the cells that would be measured, those that are measured already, and an estimate of the time left
    #[arg(long)]
    dry_run: bool,
    /// Measure rows also on systems that they learned from, and mark them, in place of an error
    #[arg(long)]
    allow_leaks: bool,
    /// Measure again, over whatever evaluation is there
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe evaluate`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let (file, Chosen { recipe, base }) = args.chosen(common)?;
    let opened = Opened::new(&recipe)?;
    opened.notes().iter().for_each(|note| say(common, note));
    let named = args.output.as_deref().or_else(|| args.recipe.as_deref().filter(|dir| is_evaluation(dir)));
    if let Some(shard) = args.shard.or_else(Shard::here) {
        return share(args, opened, named.unwrap_or(&base), shard, common);
    }
    let directory = match named {
        Some(dir) => dir.to_path_buf(),
        None => evaluate::place(&base, opened.identity(), false),
    };
    if args.dry_run {
        return plan(&opened, &directory, common);
    }
    // The recipe of the evaluation itself is written as it is read.
    let file = file.as_deref().filter(|file| file.parent() != Some(&directory));
    let inputs: Vec<&Path> = file.into_iter().chain(recipe.data.iter().map(PathBuf::as_path)).collect();
    outputs::check(&evaluate::files(&directory), &inputs, true)?;
    let again = if args.force { "the same command without --force" } else { "the same command" };
    match show(&opened, &directory, args.force, again, common)? {
        Some(result) => print(&format!("{result}\n")),
        None => Ok(()),
    }
}

/// Says what would be measured.
fn plan(opened: &Opened, directory: &Path, common: &Common) -> Result<()> {
    let plan = evaluate::plan(opened, &Journal::look(directory))?;
    match common.json {
        true => print(&format!("{}\n", dry_run::json(&plan))),
        false => print(&format!("{}into {}\n", dry_run::text(&plan), directory.display())),
    }
}

/// Whether a directory is that of an evaluation.
fn is_evaluation(dir: &Path) -> bool {
    dir.is_dir() && evaluate::recipe_in(dir).is_ok()
}

/// Measures a share of an evaluation, beside the directory that it will have.
fn share(args: &Args, opened: Opened, directory: &Path, shard: Shard, common: &Common) -> Result<()> {
    let opened = opened.only(shard);
    let own = shards::directory(directory, shard);
    if args.dry_run {
        return plan(&opened, &own, common);
    }
    std::fs::create_dir_all(&own).map_err(|e| Error::io(&own, "create", e))?;
    evaluate::write_recipe(&own, opened.recipe())?;
    let mut journal = Journal::open(&own)?;
    let results = with_bar(common, |events| evaluate::run(&opened, &mut journal, events))?;
    let again = "the same command goes on from there";
    if results.interrupted {
        return Err(Error::Interrupted(format!("what was solved until then is in {}; {again}", own.display())));
    }
    drop(journal);
    shards::finish(directory, shard, opened.identity())?;
    say(common, &format!("share {shard} is measured; once all are: fempipe merge {}", shell::path(directory)));
    print(&format!("{}\n", own.display()))
}

/// Brings the shares of an evaluation together and writes its results.
///
/// # Errors
/// As [`shards::gather`], and those of the evaluation.
pub(super) fn merge(directory: &Path, force: bool, common: &Common) -> Result<()> {
    let gathered = shards::gather(directory)?;
    let opened = Opened::new(&EvalRecipe::read(&gathered.recipe)?)?;
    evaluate::claim(directory, opened.identity(), force)?;
    gathered.write(directory, opened.identity())?;
    let result = show(&opened, directory, false, "the same command", common)?;
    let place = shards::place(directory);
    std::fs::remove_dir_all(&place).map_err(|e| Error::io(&place, "remove", e))?;
    result.map_or(Ok(()), |result| print(&format!("{result}\n")))
}

/// Evaluates into a directory: prints the table, or returns the result as JSON where that is asked for. `again` is what
/// goes on after an interruption.
///
/// # Errors
/// Those of the evaluation; [`Error::Interrupted`] after Ctrl-C, with what was solved kept.
pub(super) fn show(
    opened: &Opened,
    directory: &Path,
    force: bool,
    again: &str,
    common: &Common,
) -> Result<Option<Value>> {
    evaluate::claim(directory, opened.identity(), force)?;
    say_chosen(common, opened.recipe().rows.iter().flat_map(Row::models));
    let measured = with_bar(common, |events| evaluate::run_in(opened, directory, force, events));
    let (results, journal) = measured.map_err(|e| match e {
        Error::Interrupted(when) => Error::Interrupted(format!("{when}; {again} goes on from there")),
        e => e,
    })?;
    let rows = evaluate::summarize(&results);
    let verdicts = evaluate::verdicts(&results, &rows);
    let whole = !journal.has_grown() && evaluate::is_whole(directory, opened.identity());
    let report = match whole {
        true => Ok(evaluate::report(directory)),
        false => evaluate::write(directory, &results, &rows, &verdicts),
    };
    if !common.json {
        // Before anything else can fail: a full disk does not cost the table.
        print(&evaluate::console(&results, &rows, &verdicts))?;
    }
    let report = report?;
    let result =
        common.json.then(|| json!({ "report": report.display().to_string(), "cells": rows, "verdicts": verdicts }));
    if !common.json {
        print(&format!("report: {}\n", report.display()))?;
    }
    if results.interrupted {
        if let Some(result) = result {
            print(&format!("{result}\n"))?;
        }
        return Err(Error::Interrupted(format!(
            "what was solved until then is in {}; {again} goes on from there",
            directory.display()
        )));
    }
    if whole {
        say(common, &format!("{} is complete already; --force measures again", directory.display()));
    }
    say(common, &format!("all solves: {}", directory.join("results.csv").display()));
    Ok(result)
}

/// A sweep, with its progress.
fn with_bar<T>(common: &Common, sweep: impl FnOnce(&mut dyn FnMut(&Event)) -> Result<T>) -> Result<T> {
    let mut progress = None;
    let done = sweep(&mut |event| match event {
        Event::Start { solves } => progress = Some(bar(common, "solving", *solves, "systems")),
        Event::Solve => {
            if let Some(b) = &progress {
                b.inc(1);
            }
        }
        Event::Kept(solves) => {
            if let Some(b) = &progress {
                b.inc(*solves as u64);
                // The rate counts from here: what was there cost no time.
                b.reset_eta();
            }
        }
    });
    if let Some(b) = progress {
        b.finish_and_clear();
    }
    done
}

impl Args {
    /// Whether the command line leaves open what is to be evaluated, and there is no run that could be.
    pub(super) fn has_nothing(&self) -> bool {
        self.recipe.is_none() && self.data.is_empty() && self.model.is_empty() && chosen::is_without_runs()
    }

    /// Which set is solved, and how many systems of it, where no recipe says so: 0 are all.
    fn systems(&self) -> Result<(String, usize)> {
        let mut table = toml::Table::new();
        assignments::assign(&mut table, &self.set)?;
        let split = table.get("split").and_then(|v| v.as_str()).or(self.split.as_deref()).unwrap_or("test");
        let samples = table.get("samples").and_then(toml::Value::as_integer).and_then(|n| usize::try_from(n).ok());
        Ok((split.to_string(), samples.or(self.samples).unwrap_or(0)))
    }

    /// The evaluation that is meant, with the command line's changes, and the file of a recipe.
    fn chosen(&self, common: &Common) -> Result<(Option<PathBuf>, Chosen)> {
        let methods = Methods { ksp: &self.ksp, pc: &self.pc };
        let (file, mut chosen) = match (&self.recipe, self.data.is_empty()) {
            (Some(dir), _) if dir.is_dir() && !is_evaluation(dir) && is_run(dir) => {
                (None, chosen::on_their_own(std::slice::from_ref(dir), &methods)?)
            }
            (Some(path), _) => {
                let file = if path.is_dir() { evaluate::recipe_in(path)? } else { path.clone() };
                if let Some(option) = [("--ksp", &self.ksp), ("--pc", &self.pc)].iter().find(|o| !o.1.is_empty()) {
                    return Err(Error::Argument(format!("{}: the rows are those of {}", option.0, file.display())));
                }
                (Some(file.clone()), Chosen { recipe: EvalRecipe::read(&file)?, base: path.with_extension("") })
            }
            (None, false) => (None, chosen::on_data(&self.data, &self.model, &methods)?),
            (None, true) if !self.model.is_empty() => (None, chosen::on_their_own(&self.model, &methods)?),
            (None, true) => {
                let (split, samples) = self.systems()?;
                (None, chosen::newest(&methods, &split, samples, &mut |left_out| say(common, left_out))?)
            }
        };
        self.change(&mut chosen.recipe)?;
        Ok((file, chosen))
    }

    /// A recipe with the command line's changes.
    fn change(&self, recipe: &mut EvalRecipe) -> Result<()> {
        if !self.rtol.is_empty() {
            recipe.rtol.clone_from(&self.rtol);
        }
        if let Some(split) = &self.split {
            recipe.split.clone_from(split);
        }
        if let Some(samples) = self.samples {
            recipe.samples = samples;
        }
        recipe.right_hand_sides = self.right_hand_sides.unwrap_or(recipe.right_hand_sides);
        recipe.repeats = self.repeats.unwrap_or(recipe.repeats);
        recipe.device = self.device.unwrap_or(recipe.device);
        recipe.allow_leaks |= self.allow_leaks;
        recipe.check("command line")?;
        if !self.set.is_empty() {
            *recipe = recipe.set(&self.set)?;
        }
        Ok(())
    }
}

/// Whether a directory is that of a training run.
fn is_run(dir: &Path) -> bool {
    ["best.safetensors", "last.safetensors"].iter().any(|name| dir.join(name).is_file())
}
