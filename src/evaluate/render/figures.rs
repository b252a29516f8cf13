//! The plots of an evaluation.

use crate::evaluate::columns::SummaryRow;
use crate::evaluate::columns::{FAILURES, FILL, ITERATIONS, KAPPA_AFTER, ROW, SETUP_SECONDS, SOLVE_SECONDS};
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

/// A number of a row that is drawn over n: Figures 3 to 5 of Li, Wang and Jimack (2024).
struct OverSize {
    name: &'static str,
    axis: &'static str,
    title: fn(Target) -> String,
    number: fn(&Results, &SummaryRow) -> Option<f64>,
}

const OVER_SIZE: [OverSize; 3] = [
    OverSize {
        name: "iterations",
        axis: "iterations",
        title: |target| format!("Mean iterations to a {} of {:e}", target.measure.of(), target.rtol),
        number: |_, row| (row.count(&FAILURES) == 0).then(|| row.quartiles(&ITERATIONS).map(|q| q.mean))?,
    },
    OverSize {
        name: "condition",
        axis: "κ(M A)",
        title: |_| "Condition number of the preconditioned matrix, median".into(),
        number: |_, row| row.number(&KAPPA_AFTER),
    },
    OverSize {
        name: "density",
        axis: "nnz(M) / n²",
        title: |_| "Stored numbers of the preconditioner over n²".into(),
        number: |results, row| {
            let info = &results.datasets[row.dataset];
            Some(row.number(&FILL)? * info.nnz as f64 / (info.n as f64).powi(2))
        },
    },
];

/// Numbers over n where there are several datasets; histories and times of each.
pub fn figures(results: &Results, rows: &[SummaryRow]) -> Vec<Figure> {
    let (mut out, targets) = (Vec::new(), results.recipe.targets());
    if let Some(&first) = targets.first().filter(|_| results.datasets.len() > 1) {
        out.extend(OVER_SIZE.iter().filter_map(|figure| over_size(results, rows, first, figure)));
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

/// One line a row; None if no row has the number.
fn over_size(results: &Results, rows: &[SummaryRow], target: Target, figure: &OverSize) -> Option<Figure> {
    let point = |row: &SummaryRow| {
        let y = (figure.number)(results, row).filter(|y| *y > 0.0)?;
        Some((results.datasets[row.dataset].n as f64, y))
    };
    let line = |r: usize| {
        let here = rows.iter().filter(|row| row.row == r && row.target == target);
        Series { name: results.recipe.rows[r].name(), points: here.filter_map(point).collect(), marks: true }
    };
    let mut series: Vec<Series> = (0..results.recipe.rows.len()).map(line).collect();
    series.retain(|s| !s.points.is_empty());
    (!series.is_empty()).then(|| Figure {
        name: figure.name.into(),
        svg: charts::lines(&(figure.title)(target), "unknowns n", figure.axis, Scale::Log, Scale::Log, &series),
    })
}

fn residuals(results: &Results, d: usize, target: Target) -> String {
    let series: Vec<Series> = results
        .solves
        .iter()
        .filter(|s| s.dataset == d && s.target == target && !s.history.is_empty())
        .map(|s| Series {
            name: results.recipe.rows[s.row].name(),
            points: (s.setup_iterations..)
                .step_by(s.history_every)
                .zip(&s.history)
                .map(|(k, &r)| ((k + 1) as f64, r))
                .collect(),
            marks: s.history.len() < 30,
        })
        .collect();
    let title = format!("Residual history, first system of {}", results.datasets[d].name);
    charts::lines(&title, "iteration + 1", "relative residual", Scale::Log, Scale::Log, &series)
}

fn time(results: &Results, rows: &[SummaryRow], d: usize, target: Target) -> String {
    let bar = |row: &SummaryRow| {
        let milliseconds = |column| Some(1e3 * row.quartiles(column)?.median);
        let name = match row.failures {
            0 => row.text(&ROW).to_string(),
            failures => format!("{} ({failures} failed)", row.text(&ROW)),
        };
        Some((name, [milliseconds(&SETUP_SECONDS)?, milliseconds(&SOLVE_SECONDS)?]))
    };
    let here = rows.iter().filter(|row| row.dataset == d && row.target == target);
    let title = format!("Median time per system of {}", results.datasets[d].name);
    charts::bars(&title, "milliseconds", ["setup", "solve"], &here.filter_map(bar).collect::<Vec<_>>())
}
