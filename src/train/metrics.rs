//! `metrics.jsonl`: one line an epoch; a resumed run drops the lines past its checkpoint and goes on.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::atomic;

/// What the solver said of the current network on held-out systems.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SolverMetrics {
    /// Mean iterations, a failure counted as the limit.
    pub iterations_mean: f64,
    /// Median over the validation systems.
    pub iterations_median: f64,
    /// The most of any.
    pub iterations_worst: f64,
    /// Systems not solved within the limit.
    pub failures: usize,
    /// How many were solved.
    pub systems: usize,
}

/// One epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Which epoch, from 1.
    pub epoch: u64,
    /// Optimiser steps so far.
    pub step: u64,
    /// Mean over the epoch's batches.
    pub loss: f64,
    /// Learning rate of its last step.
    pub lr: f64,
    /// Loss on the validation split, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_loss: Option<f64>,
    /// What the solver made of the model, in epochs that validate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub solver: Option<SolverMetrics>,
    /// Fewest iterations so far.
    #[serde(default)]
    pub best: bool,
    /// Seconds of training so far, over all sittings.
    pub seconds: f64,
}

/// Keeps the lines up to and including `epoch`.
pub(super) fn truncate(path: &Path, epoch: u64) -> Result<()> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io(path, "read", e)),
    };
    let kept: String = text
        .lines()
        .filter(|l| serde_json::from_str::<EpochMetrics>(l).is_ok_and(|m| m.epoch <= epoch))
        .flat_map(|l| [l, "\n"])
        .collect();
    atomic::write(path, kept)
}

/// Appends one line.
pub(super) fn append(path: &Path, metrics: &EpochMetrics) -> Result<()> {
    use std::io::Write;
    let line = serde_json::to_string(metrics)
        .map_err(|e| Error::Argument(format!("metrics cannot be written as JSON: {e}")))?;
    let mut file =
        fs::OpenOptions::new().create(true).append(true).open(path).map_err(|e| Error::io(path, "open", e))?;
    file.write_all(format!("{line}\n").as_bytes()).map_err(|e| Error::io(path, "write", e))
}
