//! Making datasets: a [`Recipe`] names a family, a seed and a number; [`run`] makes the samples on all cores, so that a
//! crash loses none that is finished, and [`merge`] joins the parts that several machines made.

mod claim;
mod estimate;
mod identity;
mod labels;
mod plan;
mod recipe;
mod run;
mod sampling;
mod shipped;
mod streams;

pub use estimate::{Estimate, Stages, estimate};
pub use identity::check_files;
pub use labels::Labels;
pub use recipe::{KEYS, Recipe, parse as parse_recipe};
pub use run::{Ending, Event, Settings, Summary, merge, run};
pub use shipped::shipped;
