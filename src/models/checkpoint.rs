//! Checkpoints: safetensors with the recipe, the metrics and the state of training in the header.
//!
//! Weights are `weights/NAME`, fixed arrays of the model (feature scales) `buffers/NAME`, optimiser moments
//! `adam/NAME.m` and `.v`; all f32, rows × columns. Written by [`crate::io::atomic`]:
//! a checkpoint that is there is whole.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::atomic;
use crate::nn::{AdamState, NamedArray};

/// The header key that says the file is fempipe's.
const FORMAT: &str = "fempipe.checkpoint";
const FORMAT_VERSION: &str = "1";

/// Where training stood when a checkpoint was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Progress {
    /// Epochs finished.
    pub epoch: u64,
    /// Batches done of the epoch under way.
    pub batch: u64,
    /// Optimiser steps taken.
    pub step: u64,
    /// Σ loss over the batches of the epoch under way.
    pub loss_sum: f64,
    /// |loss| of the very first step: what an explosion is measured by.
    #[serde(default)]
    pub first_loss: Option<f64>,
    /// Best validation figure so far, and its epoch.
    pub best: Option<f64>,
    /// The epoch of the best validation.
    pub best_epoch: u64,
    /// Validations since the best one.
    pub stale: u64,
    /// Seconds spent training, over all sittings.
    pub seconds: f64,
    /// Training is over (epochs done or stopped early).
    pub finished: bool,
}

/// Everything a checkpoint holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    /// The model's name.
    pub model: String,
    /// Its settings (TOML).
    pub config: String,
    /// The resolved recipe of the run (TOML).
    pub recipe: String,
    /// Figures of the last validation (JSON).
    pub metrics: String,
    /// The version of fempipe that wrote it.
    pub version: String,
    /// Where training stood.
    pub progress: Progress,
    /// What is trained.
    pub weights: Vec<NamedArray>,
    /// What the model knows besides its weights.
    pub buffers: Vec<NamedArray>,
    /// The optimiser; None in checkpoints that are not for resuming.
    pub adam: Option<AdamState>,
}

impl Checkpoint {
    /// The weight or buffer called `name`.
    ///
    /// # Errors
    /// [`Error::File`] if it is not there.
    pub fn buffer(&self, name: &str, file: &Path) -> Result<&NamedArray> {
        self.buffers
            .iter()
            .find(|a| a.name == name)
            .ok_or_else(|| Error::file(file, format!("checkpoint lacks the array buffers/{name}")))
    }

    /// Writes the checkpoint atomically.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written; what was there before stays.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut arrays: Vec<(String, &NamedArray)> = Vec::new();
        arrays.extend(self.weights.iter().map(|a| (format!("weights/{}", a.name), a)));
        arrays.extend(self.buffers.iter().map(|a| (format!("buffers/{}", a.name), a)));
        if let Some(adam) = &self.adam {
            arrays.extend(adam.moments.iter().map(|a| (format!("adam/{}", a.name), a)));
        }
        let bytes: Vec<Vec<u8>> =
            arrays.iter().map(|(_, a)| a.data.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
        let views = arrays
            .iter()
            .zip(&bytes)
            .map(|((name, a), b)| {
                TensorView::new(Dtype::F32, vec![a.shape.0, a.shape.1], b)
                    .map(|v| (name.clone(), v))
                    .map_err(|e| Error::file(path, format!("cannot encode {name}: {e}")))
            })
            .collect::<Result<Vec<_>>>()?;
        let text = safetensors::serialize(views, &Some(self.header()?))
            .map_err(|e| Error::file(path, format!("cannot encode checkpoint: {e}")))?;
        atomic::write(path, &text)
    }

    fn header(&self) -> Result<HashMap<String, String>> {
        let progress = serde_json::to_string(&self.progress)
            .map_err(|e| Error::Argument(format!("cannot encode progress: {e}")))?;
        let mut header = HashMap::from([
            (FORMAT.to_string(), FORMAT_VERSION.to_string()),
            ("fempipe.model".into(), self.model.clone()),
            ("fempipe.config".into(), self.config.clone()),
            ("fempipe.recipe".into(), self.recipe.clone()),
            ("fempipe.metrics".into(), self.metrics.clone()),
            ("fempipe.version".into(), self.version.clone()),
            ("fempipe.progress".into(), progress),
        ]);
        if let Some(adam) = &self.adam {
            header.insert("fempipe.adam_step".into(), adam.step.to_string());
        }
        Ok(header)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is no checkpoint of fempipe or damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|e| Error::io(path, "read", e))?;
        let broken = |e: String| {
            Error::file(path, format!("not a fempipe checkpoint, or damaged ({e}); train writes best.safetensors"))
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| broken(e.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| broken(e.to_string()))?;
        let header = header.metadata().clone().unwrap_or_default();
        match header.get(FORMAT).map(String::as_str) {
            Some(FORMAT_VERSION) => {}
            Some(v) => {
                return Err(Error::file(
                    path,
                    format!("checkpoint format {v}; this version reads format {FORMAT_VERSION}"),
                ));
            }
            None => return Err(broken("no fempipe header".into())),
        }
        let text = |key: &str| header.get(key).cloned().unwrap_or_default();
        let progress: Progress = serde_json::from_str(&text("fempipe.progress")).map_err(|e| broken(e.to_string()))?;
        let arrays = |prefix: &str| -> Result<Vec<NamedArray>> {
            let mut found = Vec::new();
            for (name, view) in tensors.tensors() {
                if let Some(short) = name.strip_prefix(prefix) {
                    found.push(decode(short, &view).ok_or_else(|| broken(format!("array {name}")))?);
                }
            }
            found.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(found)
        };
        let adam = match header.get("fempipe.adam_step") {
            Some(step) => Some(AdamState {
                step: step.parse().map_err(|_| broken("optimiser step".into()))?,
                moments: arrays("adam/")?,
            }),
            None => None,
        };
        Ok(Checkpoint {
            model: text("fempipe.model"),
            config: text("fempipe.config"),
            recipe: text("fempipe.recipe"),
            metrics: text("fempipe.metrics"),
            version: text("fempipe.version"),
            progress,
            weights: arrays("weights/")?,
            buffers: arrays("buffers/")?,
            adam,
        })
    }
}

fn decode(name: &str, view: &TensorView) -> Option<NamedArray> {
    let &[rows, cols] = view.shape() else {
        return None;
    };
    if view.dtype() != Dtype::F32 {
        return None;
    }
    let (chunks, rest) = view.data().as_chunks::<4>();
    rest.is_empty().then(|| NamedArray {
        name: name.into(),
        shape: (rows, cols),
        data: chunks.iter().map(|&b| f32::from_le_bytes(b)).collect(),
    })
}

/// The checkpoint meant by a path: itself, or `best.safetensors` (else `last.safetensors`) of a run directory.
///
/// # Errors
/// [`Error::File`] if there is none.
pub fn locate(path: &Path) -> Result<PathBuf> {
    if path.is_dir() {
        for name in ["best.safetensors", "last.safetensors"] {
            let file = path.join(name);
            if file.is_file() {
                return Ok(file);
            }
        }
        return Err(Error::file(path, "no checkpoint here: expected best.safetensors of a training run"));
    }
    if path.is_file() {
        return Ok(path.to_path_buf());
    }
    Err(Error::file(path, "no such run directory or checkpoint; `fempipe train` makes one"))
}
