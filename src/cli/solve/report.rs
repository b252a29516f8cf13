//! The summary, as text and as JSON.

use serde_json::{Value, json};

use super::load;
use super::{Args, Solved};
use crate::linalg::{CoarseSpace, vector};
use crate::solve::Solution;
use crate::solver::Norm;
use crate::system::LinearSystem;

/// A summary that a PETSc user recognises.
pub fn as_text(args: &Args, system: &LinearSystem, solved: &Solved) -> String {
    let (a, out, prepared) = (&system.matrix, &solved.solution.outcome, &solved.prepared);
    let kind = match system.props.name() {
        "spd" => "symmetric, positive definite as far as seen",
        "symmetric" => "symmetric",
        _ => "not symmetric",
    };
    let kind = match load::is_dataset(&args.matrix) {
        true => format!("{} by its dataset", system.props.name()),
        false => kind.to_string(),
    };
    let mut text = format!("{}: {} × {}, {} entries, {kind}\n", args.matrix.display(), a.nrows(), a.ncols(), a.nnz());
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<16}{value}\n"));
    line("KSP", format!("{}, {} norm", solved.method, solved.stop.norm.name()));
    let side = args.pc_side.map_or_else(String::new, |s| format!(", {s:?} side").to_lowercase());
    line("PC", format!("{}, {} entries{side}", args.pc_name(), prepared.preconditioner.nnz()));
    if let Some(space) = &prepared.space {
        line("space", format!("{} columns, {} entries", space.dim(), space.nnz()));
    }
    if !args.space_as.is_deflation() {
        line("space", format!("{}: a coarse level of the preconditioner", args.space_as));
    }
    if let Some(note) = &prepared.note {
        line("", note.clone());
    }
    let verb = if out.converged() { "converged due to" } else { "did not converge due to" };
    let iterations = prepared.setup_iterations + out.iterations;
    let before = match prepared.setup_iterations {
        0 => String::new(),
        its => format!(", {its} of them for features and guess"),
    };
    line("result", format!("{verb} {} iterations {iterations}{before}", out.reason.name()));
    let relative = out.relative_residual();
    line("true residual", format!("‖b − A x‖ {:.6e}, relative {relative:.6e}", out.residual));
    if missed(solved) {
        line(
            "",
            format!(
                "above rtol {:.1e}: the {} norm was met, the true one was not",
                solved.stop.rtol,
                solved.stop.norm.name()
            ),
        );
    }
    if let Some(warning) = penalty(system, solved) {
        line("warning", warning);
    }
    if let Some((low, high)) = solved.spectrum {
        let kappa = high / low;
        line("spectrum of M A", format!("{low:.4e} … {high:.4e}, κ ≥ {kappa:.4e}"));
    }
    let Solution { inference_seconds, setup_seconds, solve_seconds, .. } = solved.solution;
    let inference = match inference_seconds {
        0.0 => String::new(),
        seconds => format!("inference {seconds:.4}, "),
    };
    let per = solve_seconds / out.iterations.max(1) as f64;
    line("seconds", format!("{inference}setup {setup_seconds:.4}, solve {solve_seconds:.4}, per iteration {per:.3e}"));
    text
}

/// Whether a norm other than the true one was met and the true one was not.
fn missed(solved: &Solved) -> bool {
    let out = &solved.solution.outcome;
    let other = matches!(solved.stop.norm, Norm::Preconditioned | Norm::Natural);
    other && out.converged() && out.residual > solved.stop.target(out.b_norm)
}

/// Says so where boundary values are held by a penalty that is most of ‖b‖, so that rtol is met by them alone.
///
/// A row counts as one where its diagonal is 10⁶ times the sum of its other entries and the median of all diagonals.
/// The other rows have the right-hand side b − A x_D of the values x_D held.
fn penalty(system: &LinearSystem, solved: &Solved) -> Option<String> {
    const FAR: f64 = 1e6;
    let (a, out, x) = (&system.matrix, &solved.solution.outcome, &solved.solution.x);
    let diagonal = a.diagonal();
    let mut sizes: Vec<f64> = diagonal.iter().map(|d| d.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let median = *sizes.get(sizes.len() / 2)?;
    let held: Vec<bool> = (0..a.nrows())
        .map(|i| {
            let others = a.row(i).1.iter().map(|v| v.abs()).sum::<f64>() - diagonal[i].abs();
            diagonal[i].abs() > FAR * others.max(median)
        })
        .collect();
    let count = held.iter().filter(|&&h| h).count();
    if count == 0 || !out.converged() {
        return None;
    }
    let (mut of_held, mut r, mut b) = (vec![0.0; x.len()], vec![0.0; x.len()], vec![0.0; x.len()]);
    (0..x.len()).filter(|&i| held[i]).for_each(|i| of_held[i] = x[i]);
    a.residual(&system.rhs, &of_held, &mut b);
    a.residual(&system.rhs, x, &mut r);
    for i in (0..x.len()).filter(|&i| held[i]) {
        (r[i], b[i]) = (0.0, 0.0);
    }
    let relative = vector::norm2(&r) / vector::norm2(&b);
    (relative > 10.0 * solved.stop.rtol.max(out.relative_residual())).then(|| {
        format!(
            "{count} rows hold values by a penalty (diagonal up to {:.0e}) and make up ‖b‖: the relative residual of \
             the other rows is {relative:.1e}; eliminate those unknowns, or take a smaller rtol",
            sizes.last().copied().unwrap_or(0.0)
        )
    })
}

/// The same for programs.
pub fn as_json(args: &Args, system: &LinearSystem, solved: &Solved) -> Value {
    let (a, out, prepared) = (&system.matrix, &solved.solution.outcome, &solved.prepared);
    json!({
        "matrix": args.matrix.display().to_string(),
        "n": a.nrows(),
        "nnz": a.nnz(),
        "symmetric": system.props.symmetric,
        "props": system.props.name(),
        "ksp": solved.method.to_string(),
        "norm": solved.stop.norm.name(),
        "pc": args.pc_name(),
        "model": args.model.as_ref().map(|run| run.display().to_string()),
        "pc_nnz": prepared.preconditioner.nnz(),
        "pc_note": prepared.note,
        "space_as": args.space_as.name(),
        "space_columns": prepared.space.as_ref().map(CoarseSpace::dim),
        "converged": out.converged(),
        "reason": out.reason.name(),
        "iterations": prepared.setup_iterations + out.iterations,
        "setup_iterations": prepared.setup_iterations,
        "residual": out.residual,
        "relative_residual": out.relative_residual(),
        "warning": penalty(system, solved),
        "spectrum": solved.spectrum.map(|s| [s.0, s.1]),
        "inference_seconds": prepared.inference_seconds,
        "setup_seconds": prepared.inference_seconds + prepared.setup_seconds,
        "solve_seconds": solved.solution.solve_seconds,
        "history": out.history,
        "history_every": out.history_every,
    })
}
