//! The recipes that come with fempipe: what `fempipe train --family F [--model M]` runs.

use std::path::Path;

use super::TrainRecipe;
use crate::error::{Error, Result};
use crate::models::{self, BuiltIn};

/// A training recipe that comes with fempipe, and the recipe of its dataset.
pub struct BuiltInRecipe {
    /// The training recipe; its dataset lies in datasets/, relative to the current directory.
    pub recipe: TrainRecipe,
    /// Where the training recipe lies in the source tree, for messages.
    pub path: &'static str,
    /// The recipe of the dataset (TOML).
    pub dataset: &'static str,
    text: &'static str,
}

impl BuiltInRecipe {
    fn read(built_in: &BuiltIn, model: &str) -> Result<Self> {
        let BuiltIn { family, path, text, dataset } = *built_in;
        let mut recipe = TrainRecipe::parse(text, path)?;
        if recipe.name.is_empty() {
            recipe.name = format!("{family}-{model}");
        }
        // Recipes name data relative to their own directory, which need not be here.
        let data = match recipe.data.strip_prefix("..") {
            Ok(data) => data.to_path_buf(),
            Err(_) => Path::new("training").join(&recipe.data),
        };
        recipe.data = data;
        Ok(BuiltInRecipe { recipe, path, dataset, text })
    }

    /// The lines at the recipe's head that say what it is and takes.
    pub fn remarks(&self) -> impl Iterator<Item = &'static str> {
        self.text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim)
    }
}

/// The recipe for a family and a model; without a model that of the first one with a recipe for the family.
///
/// # Errors
/// [`Error::Argument`] naming the pairs there are.
pub fn built_in(family: &str, model: Option<&str>) -> Result<BuiltInRecipe> {
    let mut pairs = Vec::new();
    for entry in models::ENTRIES.all() {
        for built_in in entry.default_member()?.recipes() {
            if built_in.family == family && model.is_none_or(|m| m == entry.name) {
                return BuiltInRecipe::read(built_in, entry.name);
            }
            pairs.push(format!("{} with {}", built_in.family, entry.name));
        }
    }
    let model = model.map_or(String::new(), |m| format!(" and model {m:?}"));
    Err(Error::Argument(format!(
        "no recipe for family {family:?}{model} comes with fempipe; there are: {}. Write one and run `fempipe train \
         RECIPE.toml`",
        pairs.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::constants;

    #[test]
    fn every_model_comes_with_recipes_that_name_their_own_dataset() {
        for entry in models::ENTRIES.shipped() {
            let member = entry.default_member().unwrap();
            for r in member.recipes() {
                let found = built_in(r.family, Some(entry.name)).unwrap();
                assert_eq!(found.recipe.model, entry.name);
                let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(found.recipe.data.with_extension("toml"));
                assert_eq!(std::fs::read_to_string(&file).unwrap(), r.dataset, "{}", file.display());
                assert!(found.remarks().next().is_some(), "{} does not say what it is", r.path);
            }
            for constant in member.constants() {
                constant.parse::<constants::Spec>().unwrap();
            }
        }
        assert!(built_in("poisson", Some("none")).err().unwrap().to_string().contains("poisson with mlp"));
    }
}
