//! `run.json`: what a run is, for people and programs that come later.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::baselines::Baseline;
use super::init::Origin;
use crate::error::{Error, Result};
use crate::io::atomic;
use crate::models::Device;

/// What stands in `run.json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// The version that began the run.
    pub fempipe_version: String,
    /// The model's name.
    pub model: String,
    /// Where it trains.
    pub device: Device,
    /// Trainable numbers.
    pub parameters: usize,
    /// The dataset.
    pub data: PathBuf,
    /// Further ones.
    pub more_data: Vec<PathBuf>,
    /// Digests of what is trained on and validated with.
    pub data_digests: String,
    /// n of the first system.
    pub unknowns: usize,
    /// Systems to train on.
    pub training_samples: usize,
    /// Systems to validate on.
    pub validation_samples: usize,
    /// The checkpoint whose weights it started from, if not from random ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Origin>,
    /// How many epochs the recipe had each time before it was extended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extended_at: Vec<u64>,
    /// Classical preconditioners on the held-out systems.
    pub baselines: Vec<Baseline>,
}

impl Info {
    /// That of a run; None if there is none that can be read.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::Argument(format!("run.json cannot be written as JSON: {e}")))?;
        atomic::write(path, format!("{text}\n"))
    }
}
