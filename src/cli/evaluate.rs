//! `fempipe evaluate`: learned rows beside classical ones, on held-out systems.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Common;
use super::choice::{DEVICES, one_of};
use super::output::print;
use super::progress::{bar, say, say_chosen};
use crate::error::{Error, Result};
use crate::evaluate::{self, EvalRecipe, Event, Journal, Method, Opened, Row, shards};
use crate::io::outputs;
use crate::models::{self, Device};
use crate::notation::list;
use crate::shard::Shard;

/// Compare solvers, classical preconditioners and trained models on held-out systems
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe evaluate training/poisson-table1.toml
  fempipe evaluate --data datasets/poisson-level3.h5 --model training/poisson-mlp
  fempipe evaluate --data p.h5 --ksp cg --pc none,jacobi,icc,cholesky --rtol 1e-5,1e-8 --samples 20

The same command again goes on with an evaluation that was interrupted; of one that is complete it prints the table. \
Another evaluation is never overwritten but with --force. Several processes share one with --shard, or where srun or \
mpirun start them; merge brings their shares together.

Without --ksp and --pc the rows are richardson with jacobi and Gauss-Seidel, cg with none, jacobi, icc and \
cholesky, and for every model richardson and cg.")]
pub struct Args {
    /// Recipe file (TOML), or the directory of an evaluation to go on with
    #[arg(required_unless_present = "data", conflicts_with_all = ["data", "model", "ksp", "pc", "rtol"])]
    recipe: Option<PathBuf>,
    /// Datasets to solve
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    data: Vec<PathBuf>,
    /// Run directories or checkpoints to use as preconditioners
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
    /// Rounds of all rows, one after the other in each: seconds are medians over them
    #[arg(long, value_name = "N")]
    repeats: Option<usize>,
    /// Where models predict [default: the recipe's, cpu]
    #[arg(long, value_parser = one_of(&DEVICES))]
    device: Option<Device>,
    /// Directory for results.csv, report.html and the plots [default: the recipe's name beside it, RUN/evaluation or
    /// evaluation; with -2, -3, ... where another evaluation is]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Measure only share i of N (1 to N); `merge DIR` brings them together [default: the scheduler's rank and size]
    #[arg(long, value_name = "i/N", value_parser = |s: &str| Shard::parse(s).map_err(|e| e.to_string()))]
    shard: Option<Shard>,
    /// Measure again, over whatever evaluation is there
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe evaluate`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let (file, recipe) = args.recipe()?;
    let opened = Opened::new(&recipe)?;
    let (wanted, named) = args.directory();
    if let Some(shard) = args.shard.or_else(Shard::here) {
        return share(opened, &wanted, shard, common);
    }
    let directory = match named || args.force {
        true => wanted.clone(),
        false => evaluate::vacant(&wanted, opened.identity()),
    };
    if directory != wanted {
        let (wanted, directory) = (wanted.display(), directory.display());
        say(common, &format!("{wanted} is taken by another evaluation: this one goes into {directory}"));
    }
    // The recipe of the evaluation itself is written as it is read.
    let file = file.filter(|file| file.parent() != Some(&directory));
    let inputs: Vec<&Path> = file.iter().chain(&recipe.data).map(PathBuf::as_path).collect();
    outputs::check(&evaluate::files(&directory), &inputs, true)?;
    let again = if args.force { "the same command without --force" } else { "the same command" };
    match show(&opened, &directory, args.force, again, common)? {
        Some(result) => print(&format!("{result}\n")),
        None => Ok(()),
    }
}

/// Measures a share of an evaluation, beside the directory that it will have.
fn share(opened: Opened, directory: &Path, shard: Shard, common: &Common) -> Result<()> {
    let opened = opened.only(shard);
    let own = shards::directory(directory, shard);
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
    say(common, &format!("share {shard} is measured; once all are: fempipe merge {}", directory.display()));
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
    /// The recipe with the command line's changes, and the file that it stands in.
    fn recipe(&self) -> Result<(Option<PathBuf>, EvalRecipe)> {
        let file = match &self.recipe {
            Some(dir) if dir.is_dir() => Some(evaluate::recipe_in(dir)?),
            file => file.clone(),
        };
        let mut recipe = match &file {
            Some(path) => EvalRecipe::read(path)?,
            None => EvalRecipe::new(self.data.clone(), self.rows()?),
        };
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
        recipe.check("command line")?;
        if !self.set.is_empty() {
            recipe = recipe.set(&self.set)?;
        }
        Ok((file, recipe))
    }

    /// Every solver with every preconditioner and with every model.
    ///
    /// # Errors
    /// [`Error::Argument`] for a solver's notation; if a model cannot be loaded.
    fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        if self.ksp.is_empty() && self.pc.is_empty() {
            rows.extend(default_rows());
        }
        let ksp = match self.ksp.is_empty() {
            true if self.pc.is_empty() => vec![Method::richardson(1.0), Method::cg()],
            true => vec![Method::cg()],
            false => self.ksp.iter().flat_map(|text| list(text)).map(str::parse).collect::<Result<_>>()?,
        };
        let pc: Vec<&str> = self.pc.iter().flat_map(|text| list(text)).collect();
        let models = self.model.iter().map(|path| {
            // Of the default methods, those that can use what it predicts.
            let space = self.ksp.is_empty() && models::load(path, Device::Cpu)?.predicts_space();
            Ok((path, space))
        });
        let models = models.collect::<Result<Vec<_>>>()?;
        for method in &ksp {
            rows.extend(pc.iter().map(|pc| Row::classical(method.clone(), pc)));
            let able = models.iter().filter(|(_, space)| !space || method.damping().is_none());
            rows.extend(able.map(|(path, _)| Row::learned(method.clone(), (*path).clone())));
        }
        Ok(rows)
    }

    /// -o, or beside the recipe under its name, or beside the first model, or evaluation/; and whether it was named.
    fn directory(&self) -> (PathBuf, bool) {
        match (&self.output, &self.recipe, self.model.first()) {
            (Some(dir), ..) => (dir.clone(), true),
            (_, Some(dir), _) if dir.is_dir() => (dir.clone(), true),
            (_, Some(recipe), _) => (recipe.with_extension(""), false),
            (_, None, Some(model)) if model.is_dir() => (model.join("evaluation"), false),
            _ => (PathBuf::from("evaluation"), false),
        }
    }
}

/// The strongest classical answers and the textbook ones.
fn default_rows() -> Vec<Row> {
    let richardson = |scale: f64, pc: &str, label: &str| Row {
        label: label.into(),
        ..Row::classical(Method::richardson(scale), pc)
    };
    let mut rows = vec![richardson(0.7, "jacobi", "Jacobi (omega 0.7)"), richardson(1.0, "sor", "Gauss-Seidel")];
    rows.extend(["none", "jacobi", "icc", "cholesky"].iter().map(|pc| Row::classical(Method::cg(), pc)));
    rows
}
