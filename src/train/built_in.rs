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

/// The datasets that general recipes are trained on, one of each family of symmetric positive definite systems; those
/// of `tridiagonal` are solved by IC(0) at once.
const GENERAL: [(&str, &str, &str); 6] = [
    ("biharmonic", "biharmonic-small", include_str!("../../datasets/biharmonic-small.toml")),
    ("darcy", "darcy-contrast", include_str!("../../datasets/darcy-contrast.toml")),
    ("elliptic", "elliptic-small", include_str!("../../datasets/elliptic-small.toml")),
    ("frame", "frame-small", include_str!("../../datasets/frame-small.toml")),
    ("heat", "heat", include_str!("../../datasets/heat.toml")),
    ("poisson", "poisson-level4", include_str!("../../datasets/poisson-level4.toml")),
];

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

    /// The general recipe of a model on the dataset of a family.
    fn general((path, text): (&'static str, &'static str), model: &str, family: &str) -> Option<Result<Self>> {
        let (_, name, dataset) = GENERAL.into_iter().find(|(of, ..)| *of == family)?;
        let read = Self::read(&BuiltIn { family: "", path, text, dataset }, model);
        Some(read.map(|mut built_in| {
            built_in.recipe.name = format!("{family}-{model}");
            built_in.recipe.data = Path::new("datasets").join(name).with_extension("h5");
            built_in
        }))
    }

    /// The lines at the recipe's head that say what it is and takes.
    pub fn remarks(&self) -> impl Iterator<Item = &'static str> {
        self.text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim)
    }
}

/// The recipe for a family and a model: one for both, or the model's general one on a dataset of the family; without a
/// model that of the first one with a recipe for the family.
///
/// # Errors
/// [`Error::Argument`] naming the pairs there are.
pub fn built_in(family: &str, model: Option<&str>) -> Result<BuiltInRecipe> {
    let (mut pairs, mut general) = (Vec::new(), Vec::new());
    for entry in models::ENTRIES.all() {
        let member = entry.default_member()?;
        for built_in in member.recipes() {
            if built_in.family == family && model.is_none_or(|m| m == entry.name) {
                return BuiltInRecipe::read(built_in, entry.name);
            }
            pairs.push(format!("{} with {}", built_in.family, entry.name));
        }
        if let Some(recipe) = member.general_recipe() {
            if model == Some(entry.name)
                && let Some(found) = BuiltInRecipe::general(recipe, entry.name, family)
            {
                return found;
            }
            general.push(entry.name);
        }
    }
    let model = model.map_or(String::new(), |m| format!(" and model {m:?}"));
    let any = GENERAL.map(|(family, ..)| family).join(", ");
    Err(Error::Argument(format!(
        "no recipe for family {family:?}{model} comes with fempipe; there are: {}; and {} with any of {any}. Write one \
         (`fempipe recipe --model MODEL` prints all keys) and run `fempipe train RECIPE.toml`",
        pairs.join(", "),
        general.join(", ")
    )))
}

/// The models that have a recipe for a family.
pub fn models_for(family: &str) -> Vec<&'static str> {
    let has = |name: &&str| built_in(family, Some(name)).is_ok();
    models::ENTRIES.names().into_iter().filter(has).collect()
}

/// The general recipe of a model, for a dataset of one's own.
///
/// # Errors
/// [`Error::Argument`] if there is no such model, or it has none, naming those that have.
pub fn for_own_data(model: &str, data: &Path) -> Result<BuiltInRecipe> {
    let recipe = models::ENTRIES.find(model)?.default_member()?.general_recipe();
    let Some((path, text)) = recipe else {
        let have = |name: &&str| {
            let member = models::ENTRIES.find(name).and_then(|entry| entry.default_member());
            member.is_ok_and(|member| member.general_recipe().is_some())
        };
        let known: Vec<&str> = models::ENTRIES.names().into_iter().filter(have).collect();
        return Err(Error::Argument(format!(
            "--model {model}: its recipes are for one family each: name it with --family, or write a recipe (`fempipe \
             recipe --model {model}` prints one); for data of any kind there are {}",
            known.join(", ")
        )));
    };
    let mut built_in = BuiltInRecipe::read(&BuiltIn { family: "", path, text, dataset: "" }, model)?;
    let stem = data.file_stem().map_or_else(|| "own".into(), |stem| stem.to_string_lossy().into_owned());
    built_in.recipe.name = format!("{stem}-{model}");
    built_in.recipe.data = data.to_path_buf();
    Ok(built_in)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::constants;
    use crate::precond;

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
            for row in member.trivial() {
                let known = if constants::is_named(&row) {
                    row.parse::<constants::Spec>().map(|_| ())
                } else {
                    row.parse::<precond::Spec>().map(|_| ())
                };
                known.unwrap();
            }
            assert!(!member.trivial().is_empty(), "{} has nothing to beat", entry.name);
        }
        for (family, name, dataset) in GENERAL {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets").join(name).with_extension("toml");
            assert_eq!(std::fs::read_to_string(file).unwrap(), dataset);
            for model in ["precorrector", "spai-gnn", "gcvae", "nsls"] {
                let found = built_in(family, Some(model)).unwrap();
                assert_eq!((found.recipe.model.as_str(), found.recipe.name), (model, format!("{family}-{model}")));
            }
        }
        assert!(built_in("tridiagonal", Some("gcvae")).is_err() && built_in("helmholtz", Some("nsls")).is_err());
        assert_eq!(models_for("heat"), ["nsls", "precorrector", "gcvae", "spai-gnn", "neurkitt"]);
        let own = for_own_data("nsls", Path::new("x/own.h5")).unwrap();
        assert_eq!((own.recipe.name.as_str(), own.recipe.data), ("own-nsls", "x/own.h5".into()));
        assert!(for_own_data("mlp", Path::new("o.h5")).err().unwrap().to_string().contains("--family"));
        assert!(built_in("poisson", Some("none")).err().unwrap().to_string().contains("poisson with mlp"));
    }
}
