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

/// One epoch, or the validation before the first one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Which epoch, from 1; 0 is before the first step.
    pub epoch: u64,
    /// Optimiser steps so far.
    pub step: u64,
    /// Mean over the epoch's batches; None before the first step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub loss: Option<f64>,
    /// Learning rate of its last step, if it had one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lr: Option<f64>,
    /// Loss on the validation split, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_loss: Option<f64>,
    /// What the solver made of the model, in epochs that validate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub solver: Option<SolverMetrics>,
    /// Fewest iterations so far, or the least validation loss while every solve fails.
    #[serde(default)]
    pub best: bool,
    /// Seconds of training so far, over all sittings, with the validations after its epochs; that before the first step
    /// is no part of it.
    pub seconds: f64,
    /// Seconds of this validation, in epochs that validate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_seconds: Option<f64>,
    /// In the last line of a run that is over: that nothing it learned is better than what it started from, if so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// Keeps the lines up to and including `epoch`, of which `last` is the last one, as the checkpoint has it: none where
/// that is empty. Returns the numbers of lines between them that cannot be read; those stay as they are.
pub(super) fn truncate(path: &Path, epoch: u64, last: &str) -> Result<Vec<usize>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(path, "read", e)),
    };
    let mut lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
    // Behind the last newline is nothing, or what a killed process was writing.
    lines.pop();
    let (mut kept, mut damaged, mut unsure, mut reached) = (Vec::new(), Vec::new(), Vec::new(), None);
    // A checkpoint of epoch 0 may be from before its validation.
    let is_known = |found: u64| found <= epoch && (found > 0 || !last.is_empty());
    for (k, line) in lines.into_iter().enumerate() {
        match serde_json::from_slice::<EpochMetrics>(line) {
            Ok(metrics) if is_known(metrics.epoch) => {
                // What stands before a line of this run is of it.
                for (number, unreadable) in unsure.drain(..) {
                    damaged.push(number);
                    kept.push(unreadable);
                }
                kept.push(line);
                reached = Some(metrics.epoch);
            }
            Ok(_) => unsure.clear(),
            Err(_) => unsure.push((k + 1, line)),
        }
    }
    // It may be the checkpoint's epoch whose line is damaged.
    if reached < Some(epoch) && !last.is_empty() {
        kept.push(last.as_bytes());
    }
    let text: Vec<u8> = kept.into_iter().flat_map(|line| [line, b"\n"]).flatten().copied().collect();
    atomic::write(path, text)?;
    Ok(damaged)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_lines_stay_and_are_told_and_what_is_past_the_checkpoint_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        assert!(truncate(&path, 3, "").unwrap().is_empty() && !path.exists());
        let line = |epoch| format!("{{\"epoch\":{epoch},\"step\":1,\"loss\":0.5,\"lr\":0.1,\"seconds\":1.0}}");
        let bad = b"{\"epoch\":2,\xff".as_slice();
        let all = |lines: &[&[u8]]| lines.join(b"\n".as_slice());
        let [one, three, four] = [1, 3, 4].map(line);
        let (one, three, four) = (one.as_bytes(), three.as_bytes(), four.as_bytes());

        fs::write(&path, all(&[one, bad, three, four, b"{\"epo"])).unwrap();
        assert_eq!(truncate(&path, 3, "").unwrap(), [2]);
        assert_eq!(fs::read(&path).unwrap(), all(&[one, bad, three, b""]));
        // The line of the checkpoint's epoch is the damaged one.
        fs::write(&path, all(&[one, bad, b""])).unwrap();
        assert!(truncate(&path, 2, &line(2)).unwrap().is_empty());
        assert_eq!(fs::read(&path).unwrap(), all(&[one, line(2).as_bytes(), b""]));
        // Nothing of this run yet.
        fs::write(&path, all(&[bad, b""])).unwrap();
        assert!(truncate(&path, 0, "").unwrap().is_empty());
        assert_eq!(fs::read(&path).unwrap(), b"");
        // The validation before the first step: of a checkpoint before it, after it, and where its line is damaged.
        let start = line(0);
        let start = start.as_bytes();
        for (there, last, kept) in [(start, "", &b""[..]), (start, &*line(0), start), (bad, &*line(0), start)] {
            fs::write(&path, all(&[there, one, b""])).unwrap();
            assert!(truncate(&path, 0, last).unwrap().is_empty());
            let kept = if kept.is_empty() { Vec::new() } else { all(&[kept, b""]) };
            assert_eq!(fs::read(&path).unwrap(), kept);
        }
    }
}
