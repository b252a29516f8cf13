//! `fempipe evaluate`: learned rows beside classical ones, on held-out systems.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Common;
use super::choice::{DEVICES, one_of};
use super::output::print;
use super::progress::{bar, say, say_chosen};
use crate::error::{Error, Result};
use crate::evaluate::{self, EvalRecipe, Event, Journal, Method, Row};
use crate::io::outputs;
use crate::models::{self, Device};
use crate::notation::list;

/// Compare solvers, classical preconditioners and trained models on held-out systems
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe evaluate training/poisson-table1.toml
  fempipe evaluate --data datasets/poisson-level3.h5 --model training/poisson-mlp
  fempipe evaluate --data p.h5 --ksp cg --pc none,jacobi,icc,cholesky --rtol 1e-5,1e-8 --samples 20

Without --ksp and --pc the rows are richardson with jacobi and Gauss-Seidel, cg with none, jacobi, icc and \
cholesky, and for every model richardson and cg.")]
pub struct Args {
    /// Recipe file (TOML)
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
    /// Which set of each dataset
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// At most this many systems of each
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Right-hand sides that each system is solved for with one setup
    #[arg(long, value_name = "N")]
    right_hand_sides: Option<usize>,
    /// Where models predict [default: the recipe's, cpu]
    #[arg(long, value_parser = one_of(&DEVICES))]
    device: Option<Device>,
    /// Directory for results.csv, report.html and the plots
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs `fempipe evaluate`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let (recipe, directory) = (args.recipe()?, args.directory());
    let inputs: Vec<&Path> = args.recipe.iter().chain(&recipe.data).map(PathBuf::as_path).collect();
    outputs::check(&evaluate::files(&directory), &inputs, true)?;
    match show(&recipe, &directory, common)? {
        Some(result) => print(&format!("{result}\n")),
        None => Ok(()),
    }
}

/// Evaluates into a directory: prints the table, or returns the result as JSON where that is asked for.
///
/// # Errors
/// Those of the evaluation; [`Error::Interrupted`] after Ctrl-C, with what was solved kept.
pub(super) fn show(recipe: &EvalRecipe, directory: &Path, common: &Common) -> Result<Option<Value>> {
    evaluate::claim(directory)?;
    say_chosen(common, recipe.rows.iter().flat_map(Row::models));
    let mut progress = None;
    let mut journal = Journal::open(directory)?;
    let results = evaluate::run(recipe, &mut journal, &mut |event| match event {
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
    let results = match results {
        Ok(results) => results,
        Err(e) => {
            journal.leave();
            return Err(e);
        }
    };
    let rows = evaluate::summarize(&results);
    let verdicts = evaluate::verdicts(&results, &rows);
    let report = evaluate::write(directory, &results, &rows, &verdicts);
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
            "what was solved until then is in {}; the same command goes on from there",
            directory.display()
        )));
    }
    journal.remove()?;
    say(common, &format!("all solves: {}", directory.join("results.csv").display()));
    Ok(result)
}

impl Args {
    fn recipe(&self) -> Result<EvalRecipe> {
        let mut recipe = match &self.recipe {
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
        recipe.device = self.device.unwrap_or(recipe.device);
        recipe.check("command line")?;
        Ok(recipe)
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

    /// -o, or beside the recipe under its name, or beside the first model, or evaluation/.
    fn directory(&self) -> PathBuf {
        if let Some(dir) = &self.output {
            return dir.clone();
        }
        match (&self.recipe, self.model.first()) {
            (Some(recipe), _) => recipe.with_extension(""),
            (None, Some(model)) if model.is_dir() => model.join("evaluation"),
            _ => Path::new("evaluation").to_path_buf(),
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
