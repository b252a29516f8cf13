//! Numbers of rows over the number of unknowns, where datasets have several sizes: Figures 3 to 5 of Li, Wang and
//! Jimack (2024), and times.

use super::Figure;
use super::palette::series;
use crate::evaluate::analysis::Quantity;
use crate::evaluate::columns::{FILL, ITERATIONS, KAPPA_AFTER, SummaryRow, TOTAL_SECONDS};
use crate::evaluate::recipe::Target;
use crate::evaluate::render::page::Page;
use crate::evaluate::statistics::Quartiles;
use crate::evaluate::sweep::Results;
use crate::io::charts::{AxisLabel, Chart, Scale, Series};

/// A number of a row: low end, middle, high end.
type Numbers = [f64; 3];

/// What is drawn over n.
struct OverSize {
    name: &'static str,
    axis: &'static str,
    title: fn(Target) -> String,
    number: fn(&Results, &SummaryRow) -> Option<Numbers>,
    /// Of the growth of what the legend tells the exponent.
    growth: Option<Quantity>,
}

const OVER_SIZE: [OverSize; 4] = [
    OverSize {
        name: "iterations",
        axis: "iterations, median",
        title: |target| format!("Iterations to a {} of {:e}", target.measure.of(), target.rtol),
        number: |_, row| solved(row, row.quartiles(&ITERATIONS)?, 1.0),
        growth: Some(Quantity::Iterations),
    },
    OverSize {
        name: "seconds",
        axis: "milliseconds, median",
        title: |target| format!("Time to a {} of {:e}", target.measure.of(), target.rtol),
        number: |_, row| solved(row, row.quartiles(&TOTAL_SECONDS)?, 1e3),
        growth: Some(Quantity::Seconds),
    },
    OverSize {
        name: "condition",
        axis: "κ(M A)",
        title: |_| "Condition number of the preconditioned matrix, median".into(),
        number: |_, row| row.number(&KAPPA_AFTER).map(|k| [k; 3]),
        growth: None,
    },
    OverSize {
        name: "density",
        axis: "nnz(M) / n²",
        title: |_| "Stored numbers of the preconditioner over n²".into(),
        number: |results, row| {
            let info = &results.datasets[row.dataset];
            Some([row.number(&FILL)? * info.nnz as f64 / (info.n as f64).powi(2); 3])
        },
        growth: None,
    },
];

/// Quartiles of a row without failures.
fn solved(row: &SummaryRow, q: Quartiles, unit: f64) -> Option<Numbers> {
    (row.failures == 0).then_some([unit * q.q1, unit * q.median, unit * q.q3])
}

/// Those that some row has numbers for.
pub fn figures(page: &Page) -> Vec<Figure> {
    let several = page.results.datasets.iter().any(|d| d.n != page.results.datasets[0].n);
    let Some(target) = page.tightest().filter(|_| several) else { return Vec::new() };
    OVER_SIZE.iter().filter_map(|figure| over_size(page, target, figure)).collect()
}

/// One line a row; None if no row has the number.
fn over_size(page: &Page, target: Target, figure: &OverSize) -> Option<Figure> {
    let line = |r: usize| {
        let here = page.rows.iter().filter(|row| (row.row, row.target) == (r, target));
        let mut numbers: Vec<(f64, Numbers)> = here
            .filter_map(|row| {
                let numbers = (figure.number)(page.results, row).filter(|v| v[1] > 0.0)?;
                Some((page.results.datasets[row.dataset].n as f64, numbers))
            })
            .collect();
        numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
        let band = match numbers.iter().any(|(_, v)| v[0] < v[2]) {
            true => {
                let there = numbers.iter().map(|(n, v)| (*n, v[2]));
                there.chain(numbers.iter().rev().map(|(n, v)| (*n, v[0]))).collect()
            }
            false => Vec::new(),
        };
        let points = numbers.iter().map(|(n, v)| (*n, v[1])).collect();
        let plain = series(page, r);
        let growth = figure.growth.and_then(|q| {
            let mut fits = page.analysis.fits.iter().filter(|f| (f.row, f.target, f.quantity) == (r, target, q));
            // Of one family alone there is one.
            fits.next().filter(|_| fits.next().is_none()).map(|f| format!(" ~ n^{:.2}", f.exponent))
        });
        let name = plain.name.clone() + &growth.unwrap_or_default();
        Series { name, points, band, marks: true, ..plain }
    };
    let series: Vec<Series> = (0..page.results.recipe.rows.len()).map(line).filter(|s| !s.points.is_empty()).collect();
    let axes = (AxisLabel::new("unknowns n", Scale::Log), AxisLabel::new(figure.axis, Scale::Log));
    let chart = || Chart::lines((figure.title)(target), axes.0.clone(), axes.1.clone(), series.clone());
    (!series.is_empty()).then(|| Figure::of_all(figure.name, chart()))
}
