//! results.csv and summary.csv (RFC 4180).

use crate::error::{Error, Result};
use crate::evaluate::columns::SummaryRow;
use crate::evaluate::columns::{self, Column, Of, Place, Shown};
use crate::evaluate::sweep::Results;

/// One line a solve.
///
/// # Errors
/// As [`summary`].
pub fn results(results: &Results) -> Result<String> {
    table(Place::ResultsCsv, &results.solves, |column, shown, solve| match column.of {
        Of::Solve(of, _) => shown.text(&of(solve, results)),
        Of::Row(_) => None,
    })
}

/// One line a summary row.
///
/// # Errors
/// [`Error::Argument`] if a line cannot be written, which memory alone can cause.
pub fn summary(rows: &[SummaryRow]) -> Result<String> {
    table(Place::SummaryCsv, rows, |column, shown, row| shown.of_row(column, row))
}

fn table<T>(place: Place, lines: &[T], field: impl Fn(&Column, &Shown, &T) -> Option<String>) -> Result<String> {
    let wrong = |e: &dyn std::fmt::Display| Error::Argument(format!("CSV cannot be written: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = columns::shown(place).map(|(column, shown)| shown.heading(column));
    writer.write_record(head).map_err(|e| wrong(&e))?;
    for line in lines {
        let fields = columns::shown(place).map(|(column, shown)| field(column, shown, line).unwrap_or_default());
        writer.write_record(fields).map_err(|e| wrong(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| wrong(&e))?;
    String::from_utf8(bytes).map_err(|e| wrong(&e))
}
