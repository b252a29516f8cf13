//! Which command a recipe is for.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{shell, toml_file};
use crate::error::{Error, Result};

/// What a recipe makes, and with which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipeKind {
    /// A dataset: it names a family.
    Dataset,
    /// A trained model: it names a model and its data.
    Training,
    /// An evaluation: it has rows.
    Evaluation,
    /// A mesh: it has a shape or a file.
    Mesh,
}

impl RecipeKind {
    /// The command that takes it.
    pub fn command(self) -> &'static str {
        match self {
            RecipeKind::Dataset => "fempipe generate",
            RecipeKind::Training => "fempipe train",
            RecipeKind::Evaluation => "fempipe evaluate",
            RecipeKind::Mesh => "fempipe mesh",
        }
    }

    /// Such a recipe, in words.
    fn in_words(self) -> &'static str {
        match self {
            RecipeKind::Dataset => "the recipe of a dataset",
            RecipeKind::Training => "a training recipe",
            RecipeKind::Evaluation => "an evaluation recipe",
            RecipeKind::Mesh => "the recipe of a mesh",
        }
    }

    /// How to see such a recipe.
    fn example(self) -> &'static str {
        match self {
            RecipeKind::Dataset => "`fempipe recipe --family poisson` prints one",
            RecipeKind::Training => "`fempipe recipe --model mlp` prints one",
            RecipeKind::Evaluation => "`fempipe recipe --evaluation` prints one",
            RecipeKind::Mesh => "as in meshes/l-shape.toml",
        }
    }

    /// Whether a table has what tells this kind from the others.
    fn is(self, table: &Table) -> bool {
        match self {
            RecipeKind::Dataset => table.contains_key("family"),
            RecipeKind::Training => table.get("model").is_some_and(Value::is_str),
            RecipeKind::Evaluation => table.contains_key("row"),
            RecipeKind::Mesh => table.contains_key("shape") || table.contains_key("file"),
        }
    }

    /// What the text of a recipe of this kind says.
    ///
    /// # Errors
    /// As [`RecipeKind::check`] and [`toml_file::parse`].
    pub fn parse<T: DeserializeOwned>(self, text: &str, origin: &str) -> Result<T> {
        self.check(&toml_file::parse(text, origin)?, origin)?;
        toml_file::parse(text, origin)
    }

    /// Refuses a recipe that is plainly of another kind.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the command that it is for.
    pub fn check(self, table: &Table, origin: &str) -> Result<()> {
        let others = [RecipeKind::Training, RecipeKind::Evaluation, RecipeKind::Dataset, RecipeKind::Mesh];
        match others.into_iter().find(|kind| kind.is(table)).filter(|_| !self.is(table)) {
            None => Ok(()),
            Some(kind) => {
                let (is, takes) = (kind.in_words(), self.in_words());
                let (right, here, example) = (kind.command(), self.command(), self.example());
                let file = shell::word(origin);
                let reason = format!("is {is}, for `{right} {file}`; `{here}` takes {takes} ({example})");
                Err(Error::recipe(origin, reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_of_another_kind_is_told_from_one_that_lacks_a_key() {
        let table = |text: &str| text.parse::<Table>().unwrap();
        let training = table("model = 'mlp'\ndata = 'd.h5'");
        assert!(RecipeKind::Training.check(&training, "r.toml").is_ok());
        let error = RecipeKind::Dataset.check(&training, "r.toml").unwrap_err().to_string();
        assert!(error.starts_with("r.toml: is a training recipe, for `fempipe train r.toml`"), "{error}");
        for (text, command) in
            [("family = 'darcy'", "generate"), ("[[row]]\nksp = 'cg'", "evaluate"), ("shape = 'disc'", "mesh")]
        {
            let error = RecipeKind::Training.check(&table(text), "r.toml").unwrap_err().to_string();
            assert!(error.contains(&format!("`fempipe {command} r.toml`")), "{error}");
        }
        // Its own kind with a mistake in it, and nothing to tell it by.
        for text in ["model = 'mlp'\nfamily = 'darcy'", "samples = 3"] {
            assert!(RecipeKind::Training.check(&table(text), "r.toml").is_ok(), "{text}");
        }
    }
}
