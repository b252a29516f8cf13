//! Evaluation: methods × preconditioners × tolerances on held-out systems, all in the same in-process solver loop.
//!
//! Every learned row stands beside classical ones. Setup (inference included) and solve are timed apart; failures are
//! counted, never dropped; the summary says who wins, also where the network does not.

mod columns;
mod condition;
mod exact;
mod group;
mod journal;
mod keys;
mod measure;
mod opened;
mod output;
mod recipe;
mod render;
mod row;
#[cfg(test)]
mod sample;
mod statistics;
mod summary;
mod sweep;
mod until;

pub use crate::solver::Method;
pub use columns::{COLUMNS, Column, Format, Mark, Of, Place, Shown, Summary, SummaryRow, Value};
pub use condition::{Condition, condition_after, condition_before};
pub use group::Group;
pub use journal::Journal;
pub use measure::Solve;
pub use opened::Opened;
pub use output::{claim, files, is_whole, recipe_in, report, vacant, write, write_recipe};
pub use recipe::{EvalRecipe, Measure, Target};
pub use render::console::console;
pub use render::records;
pub use row::{Row, RowKind};
pub use statistics::{Quartiles, Statistic};
pub use summary::{Verdict, summarize, verdicts};
pub use sweep::{DataInfo, Event, Results, run};
