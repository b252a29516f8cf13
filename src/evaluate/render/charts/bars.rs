//! Where the time of each row goes: inference, the rest of setup, iterations.

use super::Figure;
use crate::evaluate::analysis::Role;
use crate::evaluate::columns::{INFERENCE_SECONDS, SETUP_SECONDS, SOLVE_SECONDS, SummaryRow, TOTAL_SECONDS};
use crate::evaluate::render::page::Page;
use crate::io::charts::{Bar, Chart};

/// One chart a dataset, at the tightest target.
pub fn figures(page: &Page) -> Vec<Figure> {
    let Some(target) = page.tightest() else { return Vec::new() };
    let chart = |d: usize| {
        let here = page.rows.iter().filter(|row| (row.dataset, row.target) == (d, target));
        let bars: Vec<Bar> = here.filter_map(|row| bar(page, row)).collect();
        let title = format!("Median time per system of {}, {target}", page.results.datasets[d].name);
        let parts = ["inference", "rest of setup", "solve"];
        (!bars.is_empty()).then(|| Figure::of_one(page, "time", d, Chart::bars(title, "milliseconds", &parts, bars)))
    };
    (0..page.results.datasets.len()).filter_map(chart).collect()
}

/// Medians of parts do not add up to the median of the whole: parts have their shares of that.
fn bar(page: &Page, row: &SummaryRow) -> Option<Bar> {
    let median = |column| row.quartiles(column).map(|q| q.median);
    let inference = median(&INFERENCE_SECONDS).unwrap_or(0.0);
    let parts = [inference, (median(&SETUP_SECONDS)? - inference).max(0.0), median(&SOLVE_SECONDS)?];
    let (sum, total) = (parts.iter().sum::<f64>(), median(&TOTAL_SECONDS)?);
    let scale = if sum > 0.0 { 1e3 * total / sum } else { 0.0 };
    let number = format!("{:.3}", 1e3 * total);
    Some(Bar {
        name: page.name(row.row),
        parts: parts.iter().map(|v| scale * v).collect(),
        label: if row.failures > 0 { format!("≥ {number}, {} failed", row.failures) } else { number },
        failed: row.failures > 0,
        strong: page.role(row.dataset, row.row) == Role::Learned,
    })
}
