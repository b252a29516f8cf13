//! Starting from the weights of a checkpoint instead of random ones (`init` in a recipe): fine-tuning.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Table;

use super::recipe::TrainRecipe;
use super::resume::differences;
use crate::error::{Error, Result};
use crate::models::checkpoint::locate;
use crate::models::{Checkpoint, ModelConfig};

/// A checkpoint that a run started from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// Its file.
    pub file: PathBuf,
    /// XXH3 of its bytes.
    pub digest: String,
}

/// What a run takes of a checkpoint.
pub struct Start {
    /// Where it is from.
    pub origin: Origin,
    /// What it holds.
    pub checkpoint: Checkpoint,
}

impl Start {
    /// Of a checkpoint or the best one of a run directory.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn read(path: &Path) -> Result<Self> {
        let file = locate(path)?.file;
        let (checkpoint, digest) = Checkpoint::read_with_digest(&file)?;
        Ok(Start { origin: Origin { file, digest: format!("{digest:016x}") }, checkpoint })
    }

    /// In which settings the recipe's network is another one than the checkpoint's, in words.
    ///
    /// # Errors
    /// [`Error::File`] if it is another model altogether.
    pub fn difference(&self, recipe: &TrainRecipe) -> Result<Option<String>> {
        if self.checkpoint.model != recipe.model {
            return Err(Error::file(
                &self.origin.file,
                format!("is a checkpoint of {}: a run of {} cannot start from it", self.checkpoint.model, recipe.model),
            ));
        }
        let there: Table = self.checkpoint.config.parse().unwrap_or_default();
        let settings: Box<dyn ModelConfig> = recipe.settings()?;
        let found = differences(&there, &settings.table());
        let (file, found) = (self.origin.file.display(), found.join(", "));
        Ok((!found.is_empty()).then(|| format!("starts from {file}; other settings than there: {found}")))
    }
}
