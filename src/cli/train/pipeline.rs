//! `fempipe train --family F` from an empty directory: the dataset, the training, the evaluation.

use std::path::Path;

use serde_json::Value;

use crate::cli::progress::say;
use crate::cli::{Common, evaluate, generate as generate_command};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::evaluate::{EvalRecipe, Opened, Row, place};
use crate::generate::Recipe;
use crate::io::shell;
use crate::linalg::Props;
use crate::train::{BuiltInRecipe, RunDirectory, TrainRecipe};

/// Most test systems of the closing evaluation; a recipe of one's own takes more.
const SYSTEMS: usize = 20;

/// Test systems of which the closing evaluation computes condition numbers.
const CONDITION_SAMPLES: usize = 3;

/// What is going to be done.
pub struct Plan<'a> {
    /// The recipe that comes with fempipe.
    pub built_in: &'a BuiltInRecipe,
    /// The same with the command line's changes.
    pub recipe: &'a TrainRecipe,
    /// Where the run goes.
    pub directory: &'a Path,
    /// Whether the dataset is made.
    pub generates: bool,
    /// Whether the run is evaluated.
    pub evaluates: bool,
}

/// Says what is going to be done.
pub fn announce(plan: &Plan, common: &Common) {
    let Plan { built_in, recipe, directory, .. } = plan;
    let mut steps = Vec::new();
    if plan.generates {
        steps.push(format!(
            "generate {} from the recipe {} that comes with it",
            recipe.data.display(),
            dataset(recipe)
        ));
    }
    steps.push(format!(
        "train {} into {} by {}: epochs: {}, device: {}",
        recipe.model,
        directory.display(),
        built_in.path,
        recipe.epochs,
        recipe.device
    ));
    if plan.evaluates {
        steps.push("evaluate it on the test systems beside classical rows and its untrained self".into());
    }
    for line in built_in.remarks() {
        say(common, line);
    }
    for (i, step) in steps.iter().enumerate() {
        say(common, &format!("{}. {step}", i + 1));
    }
}

/// The name of the dataset's recipe.
fn dataset(recipe: &TrainRecipe) -> String {
    recipe.data.with_extension("toml").display().to_string()
}

/// Makes the dataset of a recipe that comes with fempipe; one that is there stays.
///
/// # Errors
/// As [`crate::generate::run`].
pub fn generate(built_in: &BuiltInRecipe, recipe: &TrainRecipe, common: &Common) -> Result<()> {
    let origin = dataset(recipe);
    let dataset = Recipe::parse(built_in.dataset, &origin)?;
    let done = generate_command::make(&dataset, &recipe.data, None, false, common)?;
    say(common, &format!("{}: {} samples in {:.1} s", recipe.data.display(), done.samples, done.seconds));
    Ok(())
}

/// Evaluates a finished run, of which this epoch was the best, on the test systems of its dataset, with `force` over
/// whatever evaluation is there; in JSON what to print, else the table is printed.
///
/// # Errors
/// Those of the evaluation.
pub fn evaluate(
    recipe: &TrainRecipe,
    directory: &RunDirectory,
    best_epoch: u64,
    force: bool,
    common: &Common,
) -> Result<Option<Value>> {
    let data = Dataset::open(&recipe.data)?;
    let systems = data.split("test").map_or(0, <[u32]>::len);
    if systems == 0 {
        say(common, &format!("{} has no test systems: nothing to evaluate on", recipe.data.display()));
        return Ok(None);
    }
    let rows = rows(recipe, directory, best_epoch, data.header().description.props)?;
    drop(data);
    let mut closing = EvalRecipe::new(vec![recipe.data.clone()], rows);
    closing.title = format!("{} after training", recipe.name);
    closing.rtol = vec![recipe.validation.rtol];
    closing.samples = SYSTEMS;
    closing.condition_samples = CONDITION_SAMPLES;
    closing.device = recipe.device;
    closing.check("the evaluation after training")?;
    let opened = Opened::new(&closing)?;
    opened.notes().iter().for_each(|note| say(common, note));
    let wanted = directory.path().join("evaluation");
    let place = if force { wanted } else { place(&wanted, opened.identity(), true) };
    evaluate::show(&opened, &place, force, &format!("`fempipe evaluate {}`", shell::path(&place)), common)
}

/// The strongest classical rows, those that look at labels, the network untrained and, if that was better, trained.
fn rows(recipe: &TrainRecipe, directory: &RunDirectory, best_epoch: u64, props: Props) -> Result<Vec<Row>> {
    let mut rows = Row::strongest(props)?;
    let judge = &recipe.validation.ksp;
    // What it has to beat is added by the evaluation itself; what it cannot reach is not.
    for notation in recipe.settings()?.trivial() {
        let row = Row::trivial(judge.clone(), &notation)?;
        if row.kind()?.looks_at_labels() {
            rows.push(row);
        }
    }
    let networks = [(directory.initial(), "untrained"), (directory.best(), "trained")];
    let networks = match best_epoch {
        0 => vec![(directory.best(), "untrained")],
        _ => networks.to_vec(),
    };
    for (file, label) in networks {
        if !file.is_file() {
            return Err(Error::file(&file, "is missing: the run cannot be evaluated"));
        }
        let label = format!("{judge} + {} {label}", recipe.model);
        rows.push(Row { label, ..Row::learned(judge.clone(), file) });
    }
    Ok(rows)
}
