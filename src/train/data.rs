//! What a run trains on and is judged by: the splits of its datasets.

use std::path::Path;
use std::sync::Arc;

use super::recipe::TrainRecipe;
use super::resume::identity;
use crate::dataset::{Checked, Dataset, NEXT};
use crate::error::{Error, Result};
use crate::io::shell;
use crate::models::ModelConfig;
use crate::system::{Joined, SampleSource};

/// The samples of all datasets of a recipe, with the ids of those that it uses.
pub struct Data {
    /// All of them.
    pub source: Arc<dyn SampleSource>,
    /// Of the training splits.
    pub train: Vec<u32>,
    /// Of the validation splits.
    pub validation: Vec<u32>,
    /// What they are to the run: see [`identity`].
    pub identity: String,
    /// The recipes of the datasets, [`NEXT`] between them.
    pub recipe: String,
}

impl Data {
    /// Opens what the recipe names. `samples` and `validation.samples` count for each dataset.
    ///
    /// # Errors
    /// Those of [`Dataset::open`]; [`Error::Unsuitable`] if the model or the solver that judges it needs more of A than
    /// a dataset promises; [`Error::File`] naming a dataset whose training or validation split is empty.
    pub fn open(recipe: &TrainRecipe, settings: &dyn ModelConfig) -> Result<Self> {
        let mut sources: Vec<Arc<dyn SampleSource>> = Vec::new();
        let (mut sets, mut identities, mut recipes) = (Vec::new(), Vec::new(), Vec::new());
        for path in recipe.datasets() {
            let data = Arc::new(Dataset::open(path)?);
            let props = data.header().description.props;
            settings.needs().check_matrix(&recipe.model, props).map_err(|e| e.in_file(path))?;
            let judge = recipe.validation.ksp.requirements();
            judge.check_matrix(props).map_err(|e| Error::Unsuitable(format!("validation.ksp: {e}")).in_file(path))?;
            let train = chosen(&data, path, "train", recipe.samples)?;
            let validation = chosen(&data, path, "validation", recipe.validation.samples)?;
            identities.push(identity(&data, &train, &validation));
            recipes.push(data.header().recipe.clone());
            sets.push((train, validation));
            sources.push(Arc::new(Checked::new(data)));
        }
        let (identity, recipe) = (identities.join("; "), recipes.join(NEXT));
        let joined = Joined::new(sources)?;
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for (k, (of_train, of_validation)) in sets.iter().enumerate() {
            train.extend(of_train.iter().map(|&id| joined.id(k, id)));
            validation.extend(of_validation.iter().map(|&id| joined.id(k, id)));
        }
        Ok(Data { source: Arc::new(joined), train, validation, identity, recipe })
    }
}

/// What to do about a set that an imported dataset lacks.
fn of_import(data: &Dataset, path: &Path, split: &str) -> Option<Error> {
    let imported = data.header().description.family == "import";
    let there: Vec<&str> = data.splits().keys().map(String::as_str).collect();
    imported.then(|| {
        let (there, file) = (there.join(", "), shell::path(path));
        let reason = format!(
            "has no set '{split}' (there are: {there}): divide it with `fempipe split {file} 0.8,0.1,0.1 -o FILE`, or \
             import with --split 0.8,0.1,0.1"
        );
        Error::file(path, reason)
    })
}

/// The first so many samples of a split, all with 0.
fn chosen(data: &Dataset, path: &Path, split: &str, samples: usize) -> Result<Vec<u32>> {
    let mut ids = data.split(split).map_err(|e| of_import(data, path, split).unwrap_or(e))?.to_vec();
    if samples > 0 {
        ids.truncate(samples);
    }
    match ids.is_empty() {
        true => Err(Error::file(
            path,
            format!("its {split} split is empty: generate more samples or give [split] a share for it"),
        )),
        false => Ok(ids),
    }
}
