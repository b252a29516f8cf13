//! Columns: what an evaluation tells of its solves, one entry a statistic.
//!
//! results.csv, summary.csv, summary.json, the console's table and report.html are all made from [`COLUMNS`]. A new
//! statistic is one entry there and, if nothing holds it yet, one field of [`super::Solve`].

mod accuracy;
mod column;
mod labels;
mod outcome;
mod preconditioner;
mod seconds;
mod training_data;

pub use column::{Column, Format, Mark, Of, Place, Shown, Summary, SummaryRow, Value};
pub use labels::{DATASET, KIND, N, ROW, RTOL};
pub use outcome::{FAILURES, ITERATIONS, SETTINGS, SOLVES};
pub use preconditioner::{FILL, KAPPA_AFTER};
pub use seconds::{INFERENCE_SECONDS, SETUP_SECONDS, SOLVE_SECONDS, TOTAL_SECONDS};

/// Every column, in the order in which every place shows them. Files keep the order of their columns: new ones come
/// last.
pub static COLUMNS: &[&Column] = &[
    &labels::DATASET,
    &labels::DATASET_NUMBER,
    &labels::FAMILY,
    &labels::N,
    &labels::SAMPLE,
    &labels::ROW,
    &labels::ROW_NUMBER,
    &labels::KIND,
    &labels::KSP,
    &labels::RTOL,
    &outcome::SOLVES,
    &outcome::FAILURES,
    &outcome::CONVERGED,
    &outcome::REASON,
    &outcome::ITERATIONS,
    &outcome::FAILED,
    &seconds::SETUP_SECONDS,
    &seconds::SOLVE_SECONDS,
    &seconds::TOTAL_SECONDS,
    &preconditioner::FILL,
    &accuracy::RELATIVE_RESIDUAL,
    &preconditioner::KAPPA_BEFORE,
    &preconditioner::KAPPA_AFTER,
    &preconditioner::SPECTRAL,
    &preconditioner::CONTRACTION,
    &labels::MEASURE_OF_ROW,
    &accuracy::RELATIVE_ERROR,
    &accuracy::GUESS_ERROR,
    &accuracy::GUESS_MEAN_ERROR,
    &outcome::ITERATIONS_CHANGE,
    &accuracy::LABEL_COSINE,
    &preconditioner::PC_NNZ,
    &labels::NOTE,
    &labels::MEASURE,
    &seconds::INFERENCE_SECONDS,
    &labels::PC,
    &outcome::FELL_BACK,
    &outcome::FIRST_FAILURE,
    &outcome::SETUP_ITERATIONS,
    &training_data::SEEN_IN_TRAINING,
    &outcome::ITERATIONS_INTERVAL,
    &seconds::TOTAL_SECONDS_SPREAD,
    &seconds::TOTAL_SECONDS_INTERVAL,
    &training_data::TRAINED_ON,
    &seconds::SPREAD,
    &training_data::LEAK,
    &training_data::OUT_OF_DISTRIBUTION,
    &training_data::UNTRAINED_IS_BEST,
    &outcome::DIRECT,
    &outcome::SETTINGS,
    &seconds::ROUNDS,
];

/// All columns that a place shows, in order; a column may be there with several statistics.
pub fn shown(place: Place) -> impl Iterator<Item = (&'static Column, &'static Shown)> {
    COLUMNS.iter().flat_map(move |&column| {
        let here = column.shown.iter().filter(move |s| s.place == place);
        here.map(move |s| (column, s))
    })
}

/// The same for a table of the given rows: optional columns only where some row has a value.
pub fn shown_for(place: Place, rows: &[&SummaryRow]) -> Vec<(&'static Column, &'static Shown)> {
    shown(place).filter(|(column, s)| !s.optional || rows.iter().any(|row| s.of_row(column, row).is_some())).collect()
}
