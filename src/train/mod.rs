//! Training: a plain loop over batches with the real solver in it.
//!
//! After every validation epoch the current network predicts for held-out systems and the real solver runs on them;
//! the checkpoint kept as best is the one with the fewest iterations or, as long as no solve has succeeded, the one
//! with the least validation loss. A run directory holds
//!
//! - `recipe.toml`: the resolved recipe, written before the first step;
//! - `run.json`: version, data, sizes, what classical preconditioners leave to do on the held-out systems;
//! - `metrics.jsonl`: one line an epoch;
//! - `plot.html`, `loss.svg`, `iterations.svg`: loss and validation iterations, the page following the run;
//! - `initial.safetensors`: the network before the first step;
//! - `last.safetensors`: everything needed to go on bit for bit (weights, optimiser, schedule, counters);
//! - `best.safetensors`: what [`crate::models::load`] reads.
//!
//! Every random number is a function of (seed, purpose, epoch or step), so that a resumed run repeats an unbroken
//! one: N + N epochs equal 2N on the CPU.

mod baselines;
mod begin;
mod best;
mod built_in;
mod data;
mod directory;
mod event;
mod info;
mod init;
mod lock;
mod memory;
mod metrics;
mod page;
mod plot;
mod recipe;
mod resume;
mod run;
mod schedule;
mod validate;

pub use crate::models::Device;
pub use baselines::Baseline;
pub use built_in::{BuiltInRecipe, built_in, for_own_data, models_for};
pub use directory::RunDirectory;
pub use event::{Event, Summary};
pub use info::Info;
pub use init::Origin;
pub use lock::Lock;
pub use memory::keep_freed;
pub use metrics::{EpochMetrics, SolverMetrics};
pub use recipe::{EarlyStopping, Optimizer, TrainRecipe, Validation};
pub use run::Training;
pub use schedule::Schedule;
pub use validate::validate;
