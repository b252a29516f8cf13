//! Evaluation: methods × preconditioners × tolerances on held-out systems, all in the same in-process solver loop.
//!
//! Every learned row stands beside classical ones. Setup (inference included) and solve are timed apart; failures are
//! counted, never dropped; the summary says who wins, also where the network does not.

mod analysis;
mod bootstrap;
mod columns;
mod condition;
mod data_info;
mod description;
mod exact;
mod grid;
mod group;
mod journal;
mod keys;
mod leaks;
mod machine;
mod measure;
mod networks;
mod noise;
mod opened;
mod output;
mod place;
mod plan;
mod reached;
mod recipe;
mod rehearsal;
mod render;
mod rounds;
mod row;
#[cfg(test)]
mod sample;
mod seconds;
mod settings;
pub mod shards;
mod sitting;
mod statistics;
mod summary;
mod sweep;
mod systems;
mod trained;
mod training_sets;
mod trivial;
mod until;

pub use crate::solver::Method;
pub use analysis::{
    Against, Analysis, BreakEven, Cells, Comparison, Curve, Fit, Generalisation, Level, Profile, ProfileLine, Quantity,
    Role, Seeds, Tested,
};
pub use bootstrap::Interval;
pub use columns::{COLUMNS, Column, Format, Mark, Of, Place, Shown, Summary, SummaryRow, Value};
pub use condition::{Condition, condition_after, condition_before};
pub use data_info::DataInfo;
pub use group::Group;
pub use journal::Journal;
pub use machine::Machine;
pub use measure::Solve;
pub use opened::Opened;
pub use output::{claim, files, is_whole, recipe_in, report, write, write_recipe};
pub use place::place;
pub use plan::{Plan, Planned, Source as EstimatedFrom, plan};
pub use recipe::{EvalRecipe, Measure, Target};
pub use render::console::console;
pub use render::records;
pub use row::{Row, RowKind};
pub use seconds::Seconds;
pub use sitting::run_in;
pub use statistics::{Quartiles, Statistic};
pub use summary::{Verdict, summarize, verdicts};
pub use sweep::{Event, Results, run};
pub use trained::{Distribution, Trained, TrainedBy, trained_by};
