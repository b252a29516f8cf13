//! The plots of an evaluation.

use crate::evaluate::columns::SummaryRow;
use crate::evaluate::columns::{FAILURES, ITERATIONS, ROW, SETUP_SECONDS, SOLVE_SECONDS};
use crate::evaluate::recipe::Target;
use crate::evaluate::sweep::Results;
use crate::io::charts::{self, Scale, Series};

/// A plot with the name its own file gets.
pub struct Figure {
    /// Name of the file, without its ending.
    pub name: String,
    /// The picture.
    pub svg: String,
}

/// Iterations over n where there are several datasets; histories and times of each.
pub fn figures(results: &Results, rows: &[SummaryRow]) -> Vec<Figure> {
    let (mut out, targets) = (Vec::new(), results.recipe.targets());
    if let Some(&first) = targets.first().filter(|_| results.datasets.len() > 1) {
        out.push(Figure { name: "iterations".into(), svg: against_size(results, rows, first) });
    }
    for (d, info) in results.datasets.iter().enumerate() {
        // There is one: a recipe without any is refused.
        let tightest = targets.iter().copied().min_by(|a, b| a.rtol.total_cmp(&b.rtol));
        let Some(tightest) = tightest else { continue };
        out.push(Figure { name: format!("residuals-{}", info.name), svg: residuals(results, d, tightest) });
        out.push(Figure { name: format!("time-{}", info.name), svg: time(results, rows, d, tightest) });
    }
    out
}

fn against_size(results: &Results, rows: &[SummaryRow], target: Target) -> String {
    let point = |row: &SummaryRow| {
        let n = results.datasets[row.dataset].n as f64;
        Some((n, row.quartiles(&ITERATIONS)?.mean))
    };
    let series: Vec<Series> = (0..results.recipe.rows.len())
        .map(|r| Series {
            name: results.recipe.rows[r].name(),
            points: rows
                .iter()
                .filter(|row| row.row == r && row.target == target && row.count(&FAILURES) == 0)
                .filter_map(point)
                .collect(),
            marks: true,
        })
        .collect();
    let title = format!("Mean iterations to a relative {} of {:e}", target.measure.name(), target.rtol);
    charts::lines(&title, "unknowns n", "iterations", Scale::Log, Scale::Log, &series)
}

fn residuals(results: &Results, d: usize, target: Target) -> String {
    let series: Vec<Series> = results
        .solves
        .iter()
        .filter(|s| s.dataset == d && s.target == target && !s.history.is_empty())
        .map(|s| Series {
            name: results.recipe.rows[s.row].name(),
            points: s.history.iter().enumerate().map(|(k, &r)| ((k + 1) as f64, r)).collect(),
            marks: s.history.len() < 30,
        })
        .collect();
    let title = format!("Residual history, first system of {}", results.datasets[d].name);
    charts::lines(&title, "iteration + 1", "relative residual", Scale::Log, Scale::Log, &series)
}

fn time(results: &Results, rows: &[SummaryRow], d: usize, target: Target) -> String {
    let bar = |row: &SummaryRow| {
        let milliseconds = |column| Some(1e3 * row.quartiles(column)?.median);
        Some((row.text(&ROW).to_string(), [milliseconds(&SETUP_SECONDS)?, milliseconds(&SOLVE_SECONDS)?]))
    };
    let here = rows.iter().filter(|row| row.dataset == d && row.target == target);
    let title = format!("Median time per system of {}", results.datasets[d].name);
    charts::bars(&title, "milliseconds", ["setup", "solve"], &here.filter_map(bar).collect::<Vec<_>>())
}
