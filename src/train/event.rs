//! What a training run tells as it goes, and how it ended.

use serde::Serialize;

use super::baselines::Baseline;
use super::metrics::EpochMetrics;

/// What the loop tells its caller as it goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Everything is loaded.
    Start {
        /// Trainable numbers.
        parameters: usize,
        /// Systems to train on.
        training: usize,
        /// Systems to validate on.
        validation: usize,
        /// Batches in all.
        batches: u64,
        /// Batches done before.
        done: u64,
    },
    /// What classical preconditioners leave to do on the held-out systems, for the network to be compared with.
    Baselines(Vec<Baseline>),
    /// What training will take, measured on its first steps.
    Estimate {
        /// Wall-clock seconds a step.
        step: f64,
        /// Wall-clock seconds of all steps that are left, validation not counted.
        all: f64,
        /// Bytes of memory in use, where the system tells.
        memory: Option<u64>,
        /// Bytes that may come on top for what is kept of samples.
        cache: u64,
    },
    /// A batch is done; `loss` is the mean of the epoch so far.
    Batch {
        /// The epoch under way, from 1.
        epoch: u64,
        /// Batches done in all.
        done: u64,
        /// Mean over the epoch's batches so far.
        loss: f64,
    },
    /// An epoch is done, or the validation before the first one.
    Epoch(EpochMetrics),
}

/// How a sitting ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Epochs done.
    pub epochs: u64,
    /// The epoch of the best validation; 0 is before the first step.
    pub best_epoch: u64,
    /// Mean iterations on the held-out systems with the best weights.
    pub best_iterations: Option<f64>,
    /// Their validation loss, where no solve of any validation has succeeded: it chose the best epoch.
    pub best_loss: Option<f64>,
    /// Seconds of this run.
    pub seconds: f64,
    /// All epochs done, or stopped early; false after a sitting that was told to stop before.
    pub finished: bool,
    /// Of a finished run, that nothing it learned is better than what it started from, if so.
    pub note: Option<String>,
}
