//! Making datasets.

use std::path::{Path, PathBuf};

use fempipe::generate::{self as library, Recipe, Settings};
use fempipe::io::outputs;
use fempipe::{Error, Result};
use pyo3::prelude::*;

use crate::{recipe, threads, work};

/// Makes the dataset of a recipe (the path of a file, or else a TOML text or a dictionary as JSON) at `output`, at the
/// recipe's own, or beside the recipe; returns where it is.
#[pyfunction]
#[pyo3(signature = (path, text, json, output, force))]
pub fn generate(
    py: Python,
    path: Option<PathBuf>,
    text: Option<&str>,
    json: Option<&str>,
    output: Option<PathBuf>,
    force: bool,
) -> PyResult<PathBuf> {
    let threads = threads::get_num_threads(py)?;
    work::run(py, || {
        let recipe = read(path.as_deref(), text, json)?;
        let beside = || path.as_ref().map(|p| p.with_extension("h5"));
        let output = output.or_else(|| recipe.output.clone()).or_else(beside).ok_or_else(|| {
            Error::Argument("output: must say where the dataset goes, as the recipe does not, e.g. \"d.h5\"".into())
        })?;
        outputs::check(&[&output], path.as_slice(), true)?;
        let family = recipe.family()?;
        let settings = Settings { threads, force, ..Settings::default() };
        Ok(library::run(&recipe, family.as_ref(), &output, &settings)?.output)
    })
}

fn read(path: Option<&Path>, text: Option<&str>, json: Option<&str>) -> Result<Recipe> {
    match (path, text, json) {
        (Some(path), ..) => Recipe::from_table(Recipe::read_table(path, &[])?, &path.display().to_string()),
        (_, Some(text), _) => Recipe::parse(text, recipe::ORIGIN),
        (.., json) => Recipe::parse(&recipe::of_json(json.unwrap_or("{}"))?, recipe::ORIGIN),
    }
}
