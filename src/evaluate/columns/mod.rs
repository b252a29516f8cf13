//! Columns: what an evaluation tells of its solves, one entry a statistic.
//!
//! results.csv, summary.csv, summary.json, the console's table and report.html are all made from [`COLUMNS`]. A new
//! statistic is one entry there and, if nothing holds it yet, one field of [`super::Solve`].

mod column;
mod table;

pub use column::{Column, Format, Mark, Of, Place, Shown, Summary, SummaryRow, Value};
pub use table::{
    COLUMNS, FAILURES, ITERATIONS, KIND, ROW, SETUP_SECONDS, SOLVE_SECONDS, SOLVES, TOTAL_SECONDS,
};

/// All columns that a place shows, in order; a column may be there with several statistics.
pub fn shown(place: Place) -> impl Iterator<Item = (&'static Column, &'static Shown)> {
    COLUMNS.iter().flat_map(move |&column| {
        let here = column.shown.iter().filter(move |s| s.place == place);
        here.map(move |s| (column, s))
    })
}

/// The same for a table of the given rows: optional columns only where some row has a value.
pub fn shown_for(place: Place, rows: &[&SummaryRow]) -> Vec<(&'static Column, &'static Shown)> {
    shown(place)
        .filter(|(column, s)| !s.optional || rows.iter().any(|row| s.of_row(column, row).is_some()))
        .collect()
}
