//! Comparisons as lines of numbers: comparisons.csv, and the tables of reports.

use super::page::Page;
use crate::error::{Error, Result};
use crate::evaluate::analysis::{Comparison, Quantity};

/// A column and how it is written.
type Field = (&'static str, fn(&Page, &Comparison) -> String);

/// The columns of comparisons.csv. The file keeps their order: new ones come last.
const FIELDS: &[Field] = &[
    ("dataset", |p, c| p.results.datasets[c.dataset].name.clone()),
    ("rtol", |_, c| format!("{:e}", c.target.rtol)),
    ("measure", |_, c| c.target.measure.name().into()),
    ("quantity", |_, c| c.quantity.name().into()),
    ("against", |_, c| c.against.name().into()),
    ("row", |p, c| p.name(c.row)),
    ("other", |p, c| p.name(c.other)),
    ("pairs", |_, c| c.pairs.to_string()),
    ("won", |_, c| c.won.to_string()),
    ("tied", |_, c| c.tied.to_string()),
    ("share_won", |_, c| c.share.to_string()),
    ("share_low", |_, c| c.share_interval.low.to_string()),
    ("share_high", |_, c| c.share_interval.high.to_string()),
    ("median", |_, c| c.median.to_string()),
    ("other_median", |_, c| c.other_median.to_string()),
    ("ratio", |_, c| c.ratio.to_string()),
    ("ratio_low", |_, c| c.ratio_interval.low.to_string()),
    ("ratio_high", |_, c| c.ratio_interval.high.to_string()),
    ("failures", |_, c| c.failures.to_string()),
    ("other_failures", |_, c| c.other_failures.to_string()),
    ("training_seconds", |_, c| c.break_even.as_ref().map_or_else(String::new, |b| b.training_seconds.to_string())),
    ("data_seconds", |_, c| optional(c.break_even.as_ref().and_then(|b| b.data_seconds))),
    ("saved_seconds", |_, c| c.break_even.as_ref().map_or_else(String::new, |b| b.saved_seconds.to_string())),
    ("break_even_solves", |_, c| optional(c.break_even.as_ref().and_then(|b| b.solves))),
];

fn optional(number: Option<f64>) -> String {
    number.map_or_else(String::new, |v| v.to_string())
}

/// One line a comparison.
///
/// # Errors
/// [`Error::Argument`] if a line cannot be written, which memory alone can cause.
pub fn csv(page: &Page) -> Result<String> {
    let wrong = |e: &dyn std::fmt::Display| Error::Argument(format!("CSV cannot be written: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(FIELDS.iter().map(|f| f.0)).map_err(|e| wrong(&e))?;
    for c in &page.analysis.comparisons {
        writer.write_record(FIELDS.iter().map(|f| f.1(page, c))).map_err(|e| wrong(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| wrong(&e))?;
    String::from_utf8(bytes).map_err(|e| wrong(&e))
}

/// The head of [`cells`].
pub const HEAD: [&str; 9] =
    ["dataset", "tolerance", "learned row", "against", "in", "median", "its median", "ratio [95 %]", "won, % [95 %]"];

/// A comparison for people.
pub fn cells(page: &Page, c: &Comparison) -> [String; 9] {
    let (scale, digits) = match c.quantity {
        Quantity::Iterations => (1.0, 1),
        Quantity::Seconds => (1e3, 3),
    };
    let unit = if scale == 1.0 { "iterations" } else { "ms" };
    let ratio = |v: f64| if v.is_infinite() { "∞".to_string() } else { format!("{v:.2}") };
    let failed = |failures: usize| if failures > 0 { format!(", {failures} failed") } else { String::new() };
    [
        page.results.datasets[c.dataset].name.clone(),
        c.target.to_string(),
        page.name(c.row),
        format!("{} ({})", page.name(c.other), c.against.name()),
        unit.into(),
        format!("{:.digits$}{}", scale * c.median, failed(c.failures)),
        format!("{:.digits$}{}", scale * c.other_median, failed(c.other_failures)),
        format!("{} [{}, {}]", ratio(c.ratio), ratio(c.ratio_interval.low), ratio(c.ratio_interval.high)),
        format!("{:.0} [{:.0}, {:.0}]", 1e2 * c.share, 1e2 * c.share_interval.low, 1e2 * c.share_interval.high),
    ]
}
