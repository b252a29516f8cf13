//! Checkpoints: safetensors with the recipe, the metrics and the state of training in the header.
//!
//! Weights are `weights/NAME`, fixed arrays of the model (feature scales) `buffers/NAME`, optimiser moments
//! `adam/NAME.m` and `.v`; all f32, rows × columns. Written by [`crate::io::atomic`]: a checkpoint that is there is
//! whole. A digest of all of it shows what was altered since; files of older versions have none.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::io::{atomic, input};
use crate::nn::{AdamState, NamedArray};

/// The header key that says the file is fempipe's.
const FORMAT: &str = "fempipe.checkpoint";
const FORMAT_VERSION: &str = "1";

/// The header key of the digest.
const DIGEST: &str = "fempipe.digest";

/// Numbers that are hashed together.
const BLOCK: usize = 4096;

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
    /// Validation loss of that epoch as long as no solve of a validation has succeeded; it decides until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_loss: Option<f64>,
    /// The epoch of the best validation; with a figure, 0 is the network before the first step.
    pub best_epoch: u64,
    /// The best validation after a step, as long as the network before the first one is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_learned: Option<Validated>,
    /// Validations since the best one after a step.
    pub stale: u64,
    /// Seconds spent training, over all sittings.
    pub seconds: f64,
    /// Training is over (epochs done or stopped early).
    pub finished: bool,
}

/// A validation, as far as it decides which weights are best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// After which epoch; 0 is before the first step.
    pub epoch: u64,
    /// Mean iterations on the held-out systems, a failure counted as the limit.
    pub iterations: f64,
    /// The validation loss, where no solve succeeded: it decides then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}

impl Validated {
    /// Whether it is better than another one: fewer iterations, or a smaller loss where all solves of both failed.
    pub fn beats(&self, other: &Validated) -> bool {
        match (self.loss, other.loss) {
            (None, None) => self.iterations < other.iterations,
            (Some(ours), Some(theirs)) => ours < theirs,
            (ours, _) => ours.is_none(),
        }
    }
}

impl Progress {
    /// The best validation so far.
    pub fn best_validated(&self) -> Option<Validated> {
        let of = |iterations| Validated { epoch: self.best_epoch, iterations, loss: self.best_loss };
        self.best.map(of)
    }

    /// The best one so far of those after a step.
    pub fn best_learned(&self) -> Option<Validated> {
        self.best_learned.or(self.best_validated().filter(|best| best.epoch > 0))
    }

    /// Whether no validated epoch so far has beaten the network before the first step.
    pub fn is_untrained_best(&self) -> bool {
        self.best_validated().is_some_and(|best| best.epoch == 0)
    }

    /// That of the checkpoint in a file, of which the header alone is read; None if it has none that can be read.
    fn peek(path: &Path) -> Option<Self> {
        let mut file = fs::File::open(path).ok()?;
        let mut length = [0; 8];
        file.read_exact(&mut length).ok()?;
        let mut header = Vec::new();
        file.take(u64::from_le_bytes(length)).read_to_end(&mut header).ok()?;
        let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
        serde_json::from_str(header["__metadata__"]["fempipe.progress"].as_str()?).ok()
    }
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
    /// What the data of the run is, by digests; "" in files of older versions.
    pub data: String,
    /// The recipe of that data as its dataset holds it (TOML), those of several with [`crate::dataset::NEXT`] between
    /// them; "" in files of older versions.
    pub data_recipe: String,
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

    /// XXH3 (128 bit) of everything, in hexadecimal, whatever the order of the arrays.
    fn digest(&self) -> Result<String> {
        let mut hash = Xxh3::new();
        let mut text = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        let progress = self.encoded_progress()?;
        for part in [&self.model, &self.config, &self.recipe, &self.data, &self.metrics, &self.version, &progress] {
            text(part);
        }
        // Files of older versions have none.
        if !self.data_recipe.is_empty() {
            text(&self.data_recipe);
        }
        text(&self.adam.as_ref().map_or(String::new(), |adam| adam.step.to_string()));
        let moments = self.adam.as_ref().map_or(&[][..], |adam| &adam.moments);
        for arrays in [&self.weights, &self.buffers, moments] {
            let mut sorted: Vec<&NamedArray> = arrays.iter().collect();
            sorted.sort_by(|a, b| a.name.cmp(&b.name));
            hash.update(&(sorted.len() as u64).to_le_bytes());
            for array in sorted {
                for size in [array.name.len(), array.shape.0, array.shape.1] {
                    hash.update(&(size as u64).to_le_bytes());
                }
                hash.update(array.name.as_bytes());
                for block in array.data.chunks(BLOCK) {
                    let bytes: Vec<u8> = block.iter().flat_map(|v| v.to_le_bytes()).collect();
                    hash.update(&bytes);
                }
            }
        }
        Ok(format!("{:032x}", hash.digest128()))
    }

    fn encoded_progress(&self) -> Result<String> {
        serde_json::to_string(&self.progress).map_err(|e| Error::Argument(format!("cannot encode progress: {e}")))
    }

    fn header(&self) -> Result<HashMap<String, String>> {
        let mut header = HashMap::from([
            (FORMAT.to_string(), FORMAT_VERSION.to_string()),
            ("fempipe.model".into(), self.model.clone()),
            ("fempipe.config".into(), self.config.clone()),
            ("fempipe.recipe".into(), self.recipe.clone()),
            ("fempipe.metrics".into(), self.metrics.clone()),
            ("fempipe.version".into(), self.version.clone()),
            ("fempipe.data".into(), self.data.clone()),
            ("fempipe.data_recipe".into(), self.data_recipe.clone()),
            ("fempipe.progress".into(), self.encoded_progress()?),
            (DIGEST.into(), self.digest()?),
        ]);
        if let Some(adam) = &self.adam {
            header.insert("fempipe.adam_step".into(), adam.step.to_string());
        }
        Ok(header)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is no checkpoint of fempipe, damaged or altered.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self::read_with_digest(path)?.0)
    }

    /// The same, and XXH3 of the bytes of the file.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn read_with_digest(path: &Path) -> Result<(Self, u64)> {
        let bytes = input::bytes(path)?;
        Ok((Self::from_bytes(&bytes, path)?, xxhash_rust::xxh3::xxh3_64(&bytes)))
    }

    /// Reads a checkpoint out of the bytes of its file; `path` names it in errors.
    ///
    /// # Errors
    /// [`Error::File`] as [`Checkpoint::read`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let broken = |e: String| {
            Error::file(path, format!("not a fempipe checkpoint, or damaged ({e}); train writes best.safetensors"))
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| broken(e.to_string()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| broken(e.to_string()))?;
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
        let checkpoint = Checkpoint {
            model: text("fempipe.model"),
            config: text("fempipe.config"),
            recipe: text("fempipe.recipe"),
            data: text("fempipe.data"),
            data_recipe: text("fempipe.data_recipe"),
            metrics: text("fempipe.metrics"),
            version: text("fempipe.version"),
            progress,
            weights: arrays("weights/")?,
            buffers: arrays("buffers/")?,
            adam,
        };
        let found = checkpoint.digest()?;
        if let Some(recorded) = header.get(DIGEST).filter(|recorded| **recorded != found) {
            return Err(broken(format!("its digest is {found}, recorded is {recorded}")));
        }
        Ok(checkpoint)
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

/// What to say of a run whose best checkpoint is the one before the first step.
pub const UNTRAINED_IS_BEST: &str = "its best checkpoint is the network before training: no validated epoch beat it";

/// The checkpoint that a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its file.
    pub file: PathBuf,
    /// Whatever is worth knowing of the choice.
    pub note: Option<String>,
}

/// The checkpoint meant by a path: itself, or `best.safetensors` of a run directory. A run that was not validated yet
/// has none: then `last.safetensors`, with a note that says so.
///
/// # Errors
/// [`Error::File`] if there is none, or if the best one of a run that had one is missing.
pub fn locate(path: &Path) -> Result<Located> {
    if path.is_file() {
        return Ok(Located { file: path.to_path_buf(), note: None });
    }
    if !path.is_dir() {
        return Err(Error::file(path, "no such run directory or checkpoint; `fempipe train` makes one"));
    }
    let best = path.join("best.safetensors");
    if best.is_file() {
        let untrained = Progress::peek(&best).is_some_and(|progress| progress.is_untrained_best());
        let note = untrained.then(|| format!("{}: {UNTRAINED_IS_BEST}", path.display()));
        return Ok(Located { file: best, note });
    }
    let last = path.join("last.safetensors");
    if !last.is_file() {
        return Err(Error::file(path, "no checkpoint here: expected best.safetensors of a training run"));
    }
    if let Some(epoch) = best_epoch(path, &last)? {
        return Err(Error::file(
            path,
            format!(
                "best.safetensors is missing, though the best validation of the run was that of epoch {epoch}: put it \
                 back, or name {} to take the weights of the last epoch",
                last.display()
            ),
        ));
    }
    let note = format!("{}: not validated yet, no best.safetensors: the weights of last.safetensors", path.display());
    Ok(Located { file: last, note: Some(note) })
}

/// The epoch of the best validation, as the last checkpoint or, written before it, the metrics have it.
fn best_epoch(run: &Path, last: &Path) -> Result<Option<u64>> {
    let progress = Checkpoint::read(last)?.progress;
    if progress.best.is_some() {
        return Ok(Some(progress.best_epoch));
    }
    let metrics = fs::read(run.join("metrics.jsonl")).unwrap_or_default();
    let metrics = String::from_utf8_lossy(&metrics);
    let lines = metrics.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut best = lines.filter(|line| line["best"] == true).filter_map(|line| line["epoch"].as_u64());
    Ok(best.next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Checkpoint {
        let row = |name: &str, v: f32| NamedArray::row(name, vec![v, -v, 0.25 * v]);
        Checkpoint {
            model: "mlp".into(),
            config: "hidden = [3]\n".into(),
            recipe: "model = \"mlp\"\n".into(),
            data: "train 1, validation 2".into(),
            data_recipe: "family = \"darcy\"".into(),
            metrics: "{}".into(),
            version: "0.1.0".into(),
            progress: Progress { epoch: 3, best: Some(7.5), ..Progress::default() },
            weights: vec![row("a", 1.5), row("b", 2.0)],
            buffers: vec![row("n", 3.0)],
            adam: Some(AdamState { step: 9, moments: vec![row("a.m", 0.1), row("a.v", 0.2)] }),
        }
    }

    #[test]
    fn every_flipped_byte_is_found_or_changes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("c.safetensors");
        let whole = small();
        whole.write(&file).unwrap();
        assert_eq!(Checkpoint::read(&file).unwrap(), whole);
        let bytes = fs::read(&file).unwrap();
        let mut found = 0;
        for at in 0..bytes.len() {
            for flip in [1, 0x20, 0x80, 0xff] {
                let mut altered = bytes.clone();
                altered[at] ^= flip;
                fs::write(&file, &altered).unwrap();
                match Checkpoint::read(&file) {
                    Ok(read) => assert_eq!(read, whole, "byte {at} ^ {flip:#x}"),
                    Err(e) => {
                        assert!(e.to_string().contains("c.safetensors"), "{e}");
                        found += 1;
                    }
                }
            }
        }
        assert!(found > 3 * bytes.len(), "{found} of {}", 4 * bytes.len());
    }

    #[test]
    fn files_without_a_digest_are_read() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("c.safetensors");
        small().write(&file).unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let at = bytes.windows(DIGEST.len()).position(|w| w == DIGEST.as_bytes()).unwrap();
        bytes[at] = b'o';
        fs::write(&file, bytes).unwrap();
        assert_eq!(Checkpoint::read(&file).unwrap(), small());
    }
}
