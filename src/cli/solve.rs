//! `fempipe solve`: one linear system from a file, any solver, any classical preconditioner.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::Common;
use super::output::print;
use super::progress::say;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::linalg::dense::Dense;
use crate::linalg::npz::{self, Npz};
use crate::linalg::op::Props;
use crate::linalg::{Csr, matrix_market, npy};
use crate::precond::{Built, Spec, sine_modes};
use crate::solver::{Method, Monitor, Outcome, Quiet, Stop, Workspace};

/// Solve one system A x = b from a file, and report as PETSc does
///
/// A symmetric matrix is taken as positive definite where the solver needs that (cg, fcg, chebyshev); that it is not shows as
/// DIVERGED_INDEFINITE_MAT. Without b, that of the file is taken (StAnD, datasets), or else ones.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Matrix Market file, SciPy or StAnD .npz, or dataset (.h5, see --sample)
    matrix: PathBuf,
    /// Right-hand side: Matrix Market array or .npy
    rhs: Option<PathBuf>,
    /// Sample of a dataset
    #[arg(long, value_name = "I", default_value_t = 0)]
    sample: usize,
    /// Solver: cg, fcg, minres, gmres(30), fgmres(30), bcgs, gcrodr(30, 10), chebyshev, richardson(1)
    #[arg(long, default_value = "cg", value_name = "METHOD")]
    ksp: Method,
    /// Preconditioner: none, jacobi, sor(1), ssor(1), icc(0), ict(1e-3), ilu(0), ilut(1e-3), fsai(1), spai,
    /// koptimal, bjacobi(8), asm(8, overlap = 1), amg, cholesky, lu
    #[arg(long, default_value = "icc", value_name = "SPEC")]
    pc: Spec,
    /// Stop at ‖b − A x‖ ≤ rtol ‖b‖
    #[arg(long, default_value_t = Stop::default().rtol)]
    rtol: f64,
    /// Stop at ‖b − A x‖ ≤ atol
    #[arg(long, default_value_t = Stop::default().atol)]
    atol: f64,
    /// Iterations at most
    #[arg(long, default_value_t = Stop::default().max_it, value_name = "N")]
    max_it: usize,
    /// Deflate the K lowest sine modes of the unit square (A on a square grid, row by row; cg or gcrodr)
    #[arg(long, value_name = "K")]
    deflate: Option<usize>,
    /// Print the residual norm of every iteration
    #[arg(long)]
    monitor: bool,
    /// Draw the residual norms
    #[arg(long)]
    plot: bool,
    /// Solve N times more and report the shortest time
    #[arg(long, default_value_t = 0, value_name = "N")]
    repeat: usize,
    /// Write x as a Matrix Market array
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Prints PETSc's monitor lines; stops at Ctrl-C.
struct Lines {
    print: bool,
}

impl Monitor for Lines {
    fn iteration(&mut self, it: usize, residual: f64) -> bool {
        let printed = !self.print || print(&format!("{it:5} KSP Residual norm {residual:.12e}\n")).is_ok();
        printed && !interrupt::requested()
    }
}

/// What was measured.
struct Solved {
    outcome: Outcome,
    seconds: f64,
    spectrum: Option<(f64, f64)>,
}

/// Runs `fempipe solve`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let (a, b) = load(args)?;
    let props = match a.is_symmetric(1e-12) {
        true => Props::SPD,
        false => Props::GENERAL,
    };
    let built = args.pc.build(&a)?;
    let (x, solved) = solve(args, common, &a, props, &built, &b)?;
    if interrupt::requested() {
        return Err(Error::Interrupted(format!(
            "after {} iterations, {:e} reached",
            solved.outcome.iterations,
            solved.outcome.relative_residual()
        )));
    }
    if common.json {
        print(&format!("{:#}\n", as_json(args, &a, props, &built, &solved)))?;
    } else {
        print(&as_text(args, &a, props, &built, &solved))?;
    }
    if let Some(path) = &args.output {
        matrix_market::write_vector(path, &x)?;
        say(common, &format!("x written to {}", path.display()));
    }
    let reason = solved.outcome.reason;
    if reason.converged() {
        return Ok(());
    }
    Err(Error::Numeric(format!(
        "not converged ({}): {}",
        reason.name(),
        reason.advice()
    )))
}

fn solve(
    args: &Args,
    common: &Common,
    a: &Csr,
    props: Props,
    built: &Built,
    b: &[f64],
) -> Result<(Vec<f64>, Solved)> {
    let stop = Stop {
        rtol: args.rtol,
        atol: args.atol,
        max_it: args.max_it,
        ..Stop::default()
    };
    let op = a.promised(props);
    let mut ws = Workspace::default();
    let mut x = vec![0.0; b.len()];
    let mut lines = Lines {
        print: args.monitor && !common.json,
    };
    let space = args.deflate.map(|k| modes(a.nrows(), k)).transpose()?;
    let mut once = |x: &mut [f64], monitor: &mut dyn Monitor| match &space {
        Some(v) => {
            let ws = &mut ws;
            args.ksp
                .solve_with_space(ws, v, &op, &*built.op, b, x, &stop, monitor)
        }
        None => {
            // Each solve on its own: nothing recycled from the one before.
            ws.forget();
            args.ksp.solve(&mut ws, &op, &*built.op, b, x, &stop, monitor)
        }
    };
    let start = Instant::now();
    let outcome = once(&mut x, &mut lines)?;
    let mut seconds = start.elapsed().as_secs_f64();
    for _ in 0..args.repeat {
        if interrupt::requested() {
            break;
        }
        x.fill(0.0);
        let start = Instant::now();
        once(&mut x, &mut Quiet)?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    let spectrum = (args.ksp == Method::Cg && space.is_none())
        .then(|| ws.cg_spectrum())
        .flatten();
    Ok((
        x,
        Solved {
            outcome,
            seconds,
            spectrum,
        },
    ))
}

/// The sine modes of the square grid that n unknowns are.
fn modes(n: usize, count: usize) -> Result<Dense> {
    let side = n.isqrt();
    if side * side != n {
        return Err(Error::Argument(format!(
            "--deflate needs a square grid, and {n} unknowns are none"
        )));
    }
    sine_modes(side, count)
}

fn extension(path: &Path) -> String {
    let text = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    text.unwrap_or_default()
}

/// A, and b from its own file, from A's, or ones.
fn load(args: &Args) -> Result<(Csr, Vec<f64>)> {
    let path = &args.matrix;
    let (a, own) = match extension(path).as_str() {
        "npz" => {
            let own = Npz::open(path)?;
            let b = own.has("b").then(|| own.vector("b")).transpose()?;
            (npz::read_matrix(path)?, b)
        }
        "h5" | "hdf5" => {
            let system = Dataset::open(path)?.read(args.sample)?;
            (system.matrix, Some(system.rhs))
        }
        _ => (matrix_market::read(path)?, None),
    };
    let b = match &args.rhs {
        None => own.unwrap_or_else(|| vec![1.0; a.nrows()]),
        Some(path) if extension(path) == "npy" => match npy::read_npy(path)?.data {
            npy::Data::Float(v) => v,
            npy::Data::Int(v) => v.into_iter().map(|v| v as f64).collect(),
            npy::Data::Text(_) => return Err(Error::file(path, "holds text where numbers are needed")),
        },
        Some(path) => matrix_market::read_vector(path)?,
    };
    Ok((a, b))
}

fn matrix_line(args: &Args, a: &Csr, props: Props) -> String {
    let kind = if props.symmetric {
        "symmetric"
    } else {
        "not symmetric"
    };
    format!(
        "{}: {} × {}, {} entries, {kind}\n",
        args.matrix.display(),
        a.nrows(),
        a.ncols(),
        a.nnz()
    )
}

fn as_text(args: &Args, a: &Csr, props: Props, built: &Built, solved: &Solved) -> String {
    let out = &solved.outcome;
    let mut text = matrix_line(args, a, props);
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<16}{value}\n"));
    let verb = if out.converged() {
        "converged due to"
    } else {
        "did not converge due to"
    };
    line("KSP", args.ksp.to_string());
    line("PC", format!("{}, {} entries", args.pc, built.op.nnz()));
    if let Some(note) = &built.note {
        line("", note.clone());
    }
    line(
        "result",
        format!("{verb} {} iterations {}", out.reason.name(), out.iterations),
    );
    line(
        "true residual",
        format!(
            "‖b − A x‖ {:.6e}, relative {:.6e}",
            out.residual,
            out.relative_residual()
        ),
    );
    if let Some((low, high)) = solved.spectrum {
        let kappa = high / low;
        line(
            "spectrum of M A",
            format!("{low:.4e} … {high:.4e}, κ ≥ {kappa:.4e}"),
        );
    }
    let per = solved.seconds / out.iterations.max(1) as f64;
    line(
        "seconds",
        format!(
            "setup {:.4}, solve {:.4}, per iteration {per:.3e}",
            built.setup_seconds, solved.seconds
        ),
    );
    if args.plot {
        text.push_str(&plot(&out.history));
    }
    text
}

fn as_json(args: &Args, a: &Csr, props: Props, built: &Built, solved: &Solved) -> Value {
    let out = &solved.outcome;
    json!({
        "matrix": args.matrix.display().to_string(),
        "n": a.nrows(),
        "nnz": a.nnz(),
        "symmetric": props.symmetric,
        "ksp": args.ksp.to_string(),
        "pc": args.pc.to_string(),
        "pc_nnz": built.op.nnz(),
        "pc_note": built.note,
        "converged": out.converged(),
        "reason": out.reason.name(),
        "iterations": out.iterations,
        "residual": out.residual,
        "relative_residual": out.relative_residual(),
        "spectrum": solved.spectrum.map(|s| [s.0, s.1]),
        "setup_seconds": built.setup_seconds,
        "solve_seconds": solved.seconds,
        "history": out.history,
    })
}

/// log₁₀ of the residuals over the iterations, 64 columns by 12 rows.
fn plot(history: &[f64]) -> String {
    const SIZE: (usize, usize) = (64, 12);
    let logs: Vec<f64> = history
        .iter()
        .map(|r| r.max(f64::MIN_POSITIVE).log10())
        .filter(|l| l.is_finite())
        .collect();
    if logs.len() < 2 {
        return String::new();
    }
    let top = logs.iter().copied().fold(f64::MIN, f64::max);
    let bottom = logs.iter().copied().fold(f64::MAX, f64::min);
    let span = (top - bottom).max(1e-9);
    let columns = SIZE.0.min(logs.len());
    let mut rows = vec![vec![' '; columns]; SIZE.1];
    for c in 0..columns {
        let log = logs[c * (logs.len() - 1) / (columns - 1)];
        let row = ((top - log) / span * (SIZE.1 - 1) as f64).round() as usize;
        rows[row.min(SIZE.1 - 1)][c] = '•';
    }
    let mut text = String::from("\n  log₁₀ ‖r‖\n");
    for (r, row) in rows.iter().enumerate() {
        let label = top - span * r as f64 / (SIZE.1 - 1) as f64;
        let line: String = row.iter().collect();
        text.push_str(format!("  {label:7.2} │{line}").trim_end());
        text.push('\n');
    }
    let axis = "─".repeat(columns);
    text.push_str(&format!("          └{axis} {} iterations\n", history.len() - 1));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_the_fall() {
        let text = plot(&[1.0, 0.1, 0.01]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[2].contains("0.00 │•"), "{text}");
        assert!(
            lines[13].trim_end().ends_with('•') && lines[13].contains("-2.00"),
            "{text}"
        );
        assert!(lines[14].ends_with("2 iterations"), "{text}");
        assert_eq!(plot(&[1.0]), "");
        assert!(plot(&[0.0, f64::NAN, 1.0]).contains('•'));
    }
}
