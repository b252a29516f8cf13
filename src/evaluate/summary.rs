//! From solves to a table: one cell per dataset, row and tolerance, and who wins.

use serde::Serialize;

use super::measure::Solve;
use super::recipe::Target;
use super::statistics::Quartiles;
use super::sweep::Results;

/// All solves of one row on one dataset at one tolerance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    pub dataset: usize,
    pub row: usize,
    #[serde(flatten)]
    pub target: Target,
    pub label: String,
    /// "classical", "constant" or "learned".
    pub kind: &'static str,
    pub solves: usize,
    pub failures: usize,
    /// Iterations of the solves that converged.
    pub iterations: Option<Quartiles>,
    /// Seconds of the solves that converged.
    pub setup: Option<Quartiles>,
    pub solve: Option<Quartiles>,
    pub total: Option<Quartiles>,
    /// Relative errors of a model's guesses, before any iteration.
    pub guess_error: Option<Quartiles>,
    /// Mean absolute errors of these.
    pub guess_mean_error: Option<Quartiles>,
    /// Cosines between what a model says and the label it was trained on.
    pub label_cosine: Option<Quartiles>,
    /// Worst relative residual of the solves that say they converged.
    pub worst_residual: f64,
    /// Stored numbers of the preconditioner over those of A (median).
    pub fill: f64,
    /// Median κ before and after, where computed.
    pub kappa_before: Option<f64>,
    pub kappa_after: Option<f64>,
    /// κ after is λ_max/λ_min, not σ_max/σ_min.
    pub spectral: bool,
    /// Median ρ(I − ω M A) of a Richardson iteration, where computed.
    pub contraction: Option<f64>,
}

/// Who wins on one dataset at one tolerance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub dataset: usize,
    #[serde(flatten)]
    pub target: Target,
    /// Cell with the fewest iterations in the mean among those that never failed, direct solves apart.
    pub fewest_iterations: Option<usize>,
    /// Cell with the least median time, setup included, among those that never failed.
    pub least_time: Option<usize>,
    pub text: String,
}

/// All cells, in the order of datasets, tolerances, rows; none for what an interrupt left unsolved.
pub fn summarize(results: &Results) -> Vec<Cell> {
    let mut cells = Vec::new();
    for d in 0..results.datasets.len() {
        for target in results.recipe.targets() {
            for r in 0..results.recipe.rows.len() {
                let of_cell = |s: &&Solve| s.dataset == d && s.row == r && s.target == target;
                let solves: Vec<&Solve> = results.solves.iter().filter(of_cell).collect();
                if !solves.is_empty() {
                    cells.push(cell(results, (d, r, target), &solves));
                }
            }
        }
    }
    cells
}

fn cell(results: &Results, (d, r, target): (usize, usize, Target), solves: &[&Solve]) -> Cell {
    let info = &results.datasets[d];
    let row = &results.recipe.rows[r];
    let good: Vec<&&Solve> = solves.iter().filter(|s| s.converged).collect();
    let of = |f: &dyn Fn(&Solve) -> f64| Quartiles::of(&good.iter().map(|s| f(s)).collect::<Vec<_>>());
    let median = |v: Vec<f64>| Quartiles::of(&v).map(|q| q.median);
    let after = info.kappa_after.get(r).map_or(&[][..], Vec::as_slice);
    Cell {
        dataset: d,
        row: r,
        target,
        label: row.name(),
        kind: row.kind().map_or("classical", |k| k.name()),
        solves: solves.len(),
        failures: solves.len() - good.len(),
        iterations: of(&|s| s.iterations as f64),
        setup: of(&|s| s.setup_seconds),
        solve: of(&|s| s.solve_seconds),
        total: of(&|s| s.setup_seconds + s.solve_seconds),
        guess_error: Quartiles::of(&solves.iter().filter_map(|s| s.guess_error).collect::<Vec<_>>()),
        guess_mean_error: Quartiles::of(
            &solves
                .iter()
                .filter_map(|s| s.guess_mean_error)
                .collect::<Vec<_>>(),
        ),
        label_cosine: Quartiles::of(&solves.iter().filter_map(|s| s.label_cosine).collect::<Vec<_>>()),
        worst_residual: good.iter().map(|s| s.relative_residual).fold(0.0, f64::max),
        fill: median(solves.iter().map(|s| s.pc_nnz as f64).collect()).unwrap_or(0.0)
            / info.nnz.max(1) as f64,
        kappa_before: median(info.kappa.clone()),
        kappa_after: median(after.iter().map(|c| c.kappa).collect()),
        spectral: after.iter().all(|c| c.spectral),
        contraction: median(after.iter().filter_map(|c| c.contraction).collect()),
    }
}

/// Who wins where; rows that failed on any system do not compete, and direct solves compete in time alone.
pub fn verdicts(results: &Results, cells: &[Cell]) -> Vec<Verdict> {
    let mut out = Vec::new();
    for d in 0..results.datasets.len() {
        for target in results.recipe.targets() {
            let here: Vec<usize> = (0..cells.len())
                .filter(|&i| cells[i].dataset == d && cells[i].target == target)
                .collect();
            if here.is_empty() {
                continue;
            }
            let here: Vec<usize> = here
                .into_iter()
                .filter(|&i| cells[i].failures == 0 && cells[i].solves == results.datasets[d].systems)
                .collect();
            let direct = |i: usize| {
                results.recipe.rows[cells[i].row]
                    .pc
                    .as_deref()
                    .is_some_and(is_direct)
            };
            let least = |among: &[usize], f: &dyn Fn(&Cell) -> f64| {
                among
                    .iter()
                    .copied()
                    .min_by(|&a, &b| f(&cells[a]).total_cmp(&f(&cells[b])))
            };
            let its = |c: &Cell| c.iterations.map_or(f64::INFINITY, |q| q.mean);
            let time = |c: &Cell| c.total.map_or(f64::INFINITY, |q| q.median);
            let iterative: Vec<usize> = here.iter().copied().filter(|&i| !direct(i)).collect();
            let fewest = least(&iterative, &its);
            let fastest = least(&here, &time);
            let named = |i: usize| format!("{} ({})", cells[i].label, cells[i].kind);
            let iterations = fewest.map_or_else(
                || "no iterative row solved every system".into(),
                |i| format!("fewest iterations (mean) {} with {:.1}", named(i), its(&cells[i])),
            );
            let seconds = fastest.map_or_else(
                || "no row to compare in time".into(),
                |i| {
                    format!(
                        "least time (setup and inference included) {} with {:.3} ms",
                        named(i),
                        1e3 * time(&cells[i])
                    )
                },
            );
            let text = format!("{}: {iterations}, {seconds}", results.datasets[d].name);
            out.push(Verdict {
                dataset: d,
                target,
                fewest_iterations: fewest,
                least_time: fastest,
                text,
            });
        }
    }
    out
}

/// The change of the mean iterations of each guessing row against the same method from zero without a preconditioner, where
/// both solved every system: (cell, change), −0.4 being 40 % fewer.
pub fn changes(results: &Results, cells: &[Cell]) -> Vec<(usize, f64)> {
    let solved = |c: &Cell| c.iterations.filter(|_| c.failures == 0).map(|q| q.mean);
    let plain = |c: &Cell| {
        cells.iter().find(|other| {
            let row = &results.recipe.rows[other.row];
            (other.dataset, other.target) == (c.dataset, c.target)
                && row.pc.as_deref() == Some("none")
                && row.ksp == results.recipe.rows[c.row].ksp
        })
    };
    let mut out = Vec::new();
    for (i, c) in cells.iter().enumerate().filter(|(_, c)| c.guess_error.is_some()) {
        if let (Some(with), Some(without)) = (solved(c), plain(c).and_then(solved))
            && without > 0.0
        {
            out.push((i, with / without - 1.0));
        }
    }
    out
}

/// Preconditioners that are the solution.
fn is_direct(pc: &str) -> bool {
    ["cholesky", "lu", "ldlt"].iter().any(|d| pc.starts_with(d))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{results, solve};
    use super::{summarize, verdicts};

    #[test]
    fn failures_are_counted_and_leave_the_mean_alone() {
        // Row 0: 10, 20 and a failure. Row 1: 4, 5, 6. Row 2 (direct): 1, 1, 1.
        let cells = summarize(&results());
        assert_eq!(cells.len(), 3);
        assert_eq!((cells[0].solves, cells[0].failures), (3, 1));
        let q = cells[0].iterations.unwrap();
        assert_eq!((q.mean, q.median, q.max), (15.0, 15.0, 20.0));
        assert_eq!(cells[1].iterations.unwrap().mean, 5.0);
        assert_eq!(cells[1].fill, 0.5);
        // Setup and solve of row 1 are 2 ms and 3 ms.
        assert!((cells[1].total.unwrap().median - 5e-3).abs() < 1e-15);
    }

    #[test]
    fn the_classical_row_wins_where_it_does() {
        let results = results();
        let cells = summarize(&results);
        let v = &verdicts(&results, &cells)[0];
        // The direct row has the fewest iterations and the least time; it may only win the time.
        assert_eq!((v.fewest_iterations, v.least_time), (Some(1), Some(2)));
        assert!(
            v.text
                .contains("fewest iterations (mean) cg + icc (classical) with 5.0"),
            "{}",
            v.text
        );
        assert!(
            v.text.contains("cg + cholesky (classical) with 1.000 ms"),
            "{}",
            v.text
        );
    }

    #[test]
    fn where_all_fail_nobody_wins() {
        let mut results = results();
        results.solves = vec![solve(0, 0, None), solve(1, 0, None), solve(2, 0, None)];
        let cells = summarize(&results);
        assert!(cells.iter().all(|c| c.failures == 1 && c.iterations.is_none()));
        let v = &verdicts(&results, &cells)[0];
        assert_eq!((v.fewest_iterations, v.least_time), (None, None));
        assert!(
            v.text.contains("no iterative row solved every system"),
            "{}",
            v.text
        );
        results.solves.clear();
        assert!(verdicts(&results, &summarize(&results)).is_empty());
    }
}
