//! The run directory: what lies where, and the checks before it is used.

use std::fs;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use crate::error::{Error, Result};
use crate::io::atomic;

/// Paths of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// The directory at a path, made or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        RunDirectory { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved recipe.
    pub fn recipe(&self) -> PathBuf {
        self.path.join("recipe.toml")
    }

    /// What ran, where and on what: machine, versions, sizes.
    pub fn info(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// A line of JSON an epoch.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The network before the first step: what training has to be better than.
    pub fn initial(&self) -> PathBuf {
        self.path.join("initial.safetensors")
    }

    /// The checkpoint of the last epoch.
    pub fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// The checkpoint of the best validation.
    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// A page with both, which follows the run while it trains.
    pub fn page(&self) -> PathBuf {
        self.path.join("plot.html")
    }

    /// Loss over the epochs.
    pub fn loss_plot(&self) -> PathBuf {
        self.path.join("loss.svg")
    }

    /// Iterations on the validation systems over the epochs.
    pub fn iterations_plot(&self) -> PathBuf {
        self.path.join("iterations.svg")
    }

    /// Makes the directory and takes its lock, and with it what a killed process was just writing.
    ///
    /// # Errors
    /// [`Error::File`] if another process trains there, [`Error::Io`] if nothing can be written.
    pub fn claim(&self) -> Result<Lock> {
        fs::create_dir_all(&self.path).map_err(|e| Error::io(&self.path, "create", e))?;
        let lock = Lock::take(&self.path)?;
        let entries = fs::read_dir(&self.path).map_err(|e| Error::io(&self.path, "read", e))?;
        for path in entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|path| self.is_unfinished(path)) {
            fs::remove_file(&path).map_err(|e| Error::io(&path, "remove", e))?;
        }
        Ok(lock)
    }

    /// Whether it is a file of a run under the name it has until it is whole.
    fn is_unfinished(&self, path: &Path) -> bool {
        self.files().iter().any(|file| atomic::is_temporary(path, file))
    }

    /// All files of a run.
    pub fn files(&self) -> [PathBuf; 9] {
        let [loss, iterations, page] = [self.loss_plot(), self.iterations_plot(), self.page()];
        let [recipe, info, metrics] = [self.recipe(), self.info(), self.metrics()];
        [recipe, info, metrics, self.initial(), self.last(), self.best(), loss, iterations, page]
    }

    /// Refuses a directory that holds a run already.
    ///
    /// # Errors
    /// [`Error::File`] if a run is there.
    pub fn unused(&self) -> Result<()> {
        if self.last().exists() || self.best().exists() {
            return Err(Error::file(
                &self.path,
                "holds a training run already: go on with --resume, choose another directory with -o, or overwrite \
                 it with --force",
            ));
        }
        Ok(())
    }

    /// Writes the recipe, before the first step.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_recipe(&self, recipe: &str) -> Result<()> {
        atomic::write(self.recipe(), recipe)
    }

    /// Removes what an earlier run left (and nothing else).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear(&self) -> Result<()> {
        for file in self.files() {
            match fs::remove_file(&file) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io(&file, "remove", e)),
            }
        }
        Ok(())
    }
}
