//! Evaluations.

use std::path::{Path, PathBuf};

use fempipe::evaluate as library;
use fempipe::evaluate::{EvalRecipe, Journal, Opened, Results, records};
use fempipe::{Error, Result};
use pyo3::prelude::*;

use crate::{recipe, work};

/// Runs the evaluation of a recipe (the path of a file, or else a TOML text or a dictionary as JSON), into a directory
/// if one is given; returns its summary rows, or all solves, as JSON.
#[pyfunction]
#[pyo3(signature = (path, text, json, output, force, solves))]
pub fn evaluate(
    py: Python,
    path: Option<PathBuf>,
    text: Option<&str>,
    json: Option<&str>,
    output: Option<PathBuf>,
    force: bool,
    solves: bool,
) -> PyResult<String> {
    work::run(py, || {
        let recipe = match (&path, text, json) {
            (Some(path), ..) => EvalRecipe::read(path)?,
            (_, Some(text), _) => EvalRecipe::parse(text, recipe::ORIGIN)?,
            (.., json) => EvalRecipe::parse(&recipe::of_json(json.unwrap_or("{}"))?, recipe::ORIGIN)?,
        };
        let opened = Opened::new(&recipe)?;
        let results = match &output {
            Some(directory) => into(&opened, directory, force)?,
            None => library::run(&opened, &mut Journal::default(), &mut |_| ())?,
        };
        if results.interrupted {
            return Err(Error::Interrupted("the evaluation".into()));
        }
        let list = match solves {
            true => records::of_solves(&results),
            false => records::of_rows(&library::summarize(&results)),
        };
        serde_json::to_string(&list).map_err(|e| Error::Argument(e.to_string()))
    })
}

/// The same with all that an evaluation leaves in a directory, from which an interrupted one goes on.
fn into(opened: &Opened, directory: &Path, force: bool) -> Result<Results> {
    library::claim(directory, opened.identity(), force)?;
    let (results, journal) = library::run_in(opened, directory, force, &mut |_| ())?;
    if journal.has_grown() || !library::is_whole(directory, opened.identity()) {
        let rows = library::summarize(&results);
        library::write(directory, &results, &rows, &library::verdicts(&results, &rows))?;
    }
    Ok(results)
}
