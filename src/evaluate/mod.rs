//! Evaluation: methods × preconditioners × tolerances on held-out systems, all in the same in-process solver loop.
//!
//! Every learned row stands beside classical ones. Setup (inference included) and solve are timed apart; failures are
//! counted, never dropped; the summary says who wins, also where the network does not.

mod condition;
mod measure;
mod output;
mod recipe;
mod report;
#[cfg(test)]
mod sample;
mod statistics;
mod summary;
mod sweep;
mod table;

pub use crate::solver::Method;
pub use condition::{Condition, condition_after, condition_before};
pub use measure::Solve;
pub use output::{claim, write};
pub use recipe::{DEFAULT_RTOL, EvalRecipe, Measure, Row, RowKind, Target};
pub use statistics::Quartiles;
pub use summary::{Cell, Verdict, summarize, verdicts};
pub use sweep::{DataInfo, Event, Results, run};
pub use table::console;
