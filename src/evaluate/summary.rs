//! From solves to a table: one cell per dataset, row and tolerance, and who wins.

use serde::Serialize;

use super::measure::Solve;
use super::statistics::Quartiles;
use super::sweep::Results;

/// All solves of one row on one dataset at one tolerance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    pub dataset: usize,
    pub row: usize,
    pub rtol: f64,
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
    /// Worst relative residual of the solves that say they converged.
    pub worst_residual: f64,
    /// Stored numbers of the preconditioner over those of A (median).
    pub fill: f64,
    /// Median κ before and after, where computed.
    pub kappa_before: Option<f64>,
    pub kappa_after: Option<f64>,
    /// κ after is λ_max/λ_min, not σ_max/σ_min.
    pub spectral: bool,
}

/// Who wins on one dataset at one tolerance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub dataset: usize,
    pub rtol: f64,
    /// Cell with the fewest median iterations among those that never failed, direct solves apart.
    pub fewest_iterations: Option<usize>,
    /// Cell with the least median time, setup included, among those that never failed.
    pub least_time: Option<usize>,
    pub text: String,
}

/// All cells, in the order of datasets, tolerances, rows.
pub fn summarize(results: &Results) -> Vec<Cell> {
    let mut cells = Vec::new();
    for d in 0..results.datasets.len() {
        for &rtol in &results.recipe.rtol {
            for r in 0..results.recipe.rows.len() {
                let of_cell = |s: &&Solve| s.dataset == d && s.row == r && s.rtol == rtol;
                let solves: Vec<&Solve> = results.solves.iter().filter(of_cell).collect();
                if !solves.is_empty() {
                    cells.push(cell(results, (d, r, rtol), &solves));
                }
            }
        }
    }
    cells
}

fn cell(results: &Results, (d, r, rtol): (usize, usize, f64), solves: &[&Solve]) -> Cell {
    let info = &results.datasets[d];
    let row = &results.recipe.rows[r];
    let good: Vec<&&Solve> = solves.iter().filter(|s| s.converged).collect();
    let of = |f: &dyn Fn(&Solve) -> f64| Quartiles::of(&good.iter().map(|s| f(s)).collect::<Vec<_>>());
    let median = |v: Vec<f64>| Quartiles::of(&v).map(|q| q.median);
    let after = info.kappa_after.get(r).map_or(&[][..], Vec::as_slice);
    Cell {
        dataset: d,
        row: r,
        rtol,
        label: row.name(),
        kind: row.kind().map_or("classical", |k| k.name()),
        solves: solves.len(),
        failures: solves.len() - good.len(),
        iterations: of(&|s| s.iterations as f64),
        setup: of(&|s| s.setup_seconds),
        solve: of(&|s| s.solve_seconds),
        total: of(&|s| s.setup_seconds + s.solve_seconds),
        worst_residual: good.iter().map(|s| s.relative_residual).fold(0.0, f64::max),
        fill: median(solves.iter().map(|s| s.pc_nnz as f64).collect()).unwrap_or(0.0)
            / info.nnz.max(1) as f64,
        kappa_before: median(info.kappa.clone()),
        kappa_after: median(after.iter().map(|c| c.kappa).collect()),
        spectral: after.iter().all(|c| c.spectral),
    }
}

/// Who wins where; rows that failed on any system do not compete, and direct solves compete in time alone.
pub fn verdicts(results: &Results, cells: &[Cell]) -> Vec<Verdict> {
    let mut out = Vec::new();
    for d in 0..results.datasets.len() {
        for &rtol in &results.recipe.rtol {
            let here: Vec<usize> = (0..cells.len())
                .filter(|&i| cells[i].dataset == d && cells[i].rtol == rtol && cells[i].failures == 0)
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
            let name = |i: Option<usize>| {
                i.map_or("nothing".into(), |i| {
                    format!("{} ({})", cells[i].label, cells[i].kind)
                })
            };
            let text = format!(
                "{}: fewest iterations {}, least time (setup and inference included) {}",
                results.datasets[d].name,
                fewest.map_or("none".into(), |i| format!(
                    "{} with {:.1}",
                    name(Some(i)),
                    its(&cells[i])
                )),
                fastest.map_or("none".into(), |i| format!(
                    "{} with {:.3} ms",
                    name(Some(i)),
                    1e3 * time(&cells[i])
                )),
            );
            out.push(Verdict {
                dataset: d,
                rtol,
                fewest_iterations: fewest,
                least_time: fastest,
                text,
            });
        }
    }
    out
}

/// Preconditioners that are the solution.
fn is_direct(pc: &str) -> bool {
    ["cholesky", "lu", "ldlt"].iter().any(|d| pc.starts_with(d))
}
