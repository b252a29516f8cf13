//! `fempipe solve`: one linear system from a file, any solver, any preconditioner, classical or learned.

mod load;
mod plot;
mod prepare;
mod report;

use std::path::PathBuf;

use super::choice::{DEVICES, one_of};
use super::output::print;
use super::progress::{say, say_chosen};
use super::{Common, list};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::io::{Unpack, matrix_market};
use crate::models::Device;
use crate::precond::Preconditioner;
use crate::solve::{Prepared, Problem, Solution, SpaceAs};
use crate::solver::{KrylovMethod, Method, Monitor, Norm, Quiet, Side, Stop, Workspace};
use crate::system::LinearSystem;
use prepare::Pc;

/// Solve one system A x = b from a file, and report as PETSc does
///
/// A dataset says what holds for its matrices. Any other symmetric matrix with a positive diagonal is taken as positive
/// definite where the solver needs that (cg, fcg, chebyshev); that it is not shows as DIVERGED_INDEFINITE_MAT. Without
/// b, that of the file is taken (StAnD, datasets) or NAME_b.mtx beside NAME.mtx, or else ones.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Matrix Market file, SciPy or StAnD .npz, or dataset (.h5, see --sample)
    matrix: PathBuf,
    /// Right-hand side: Matrix Market array or .npy
    rhs: Option<PathBuf>,
    /// Sample of a dataset
    #[arg(long, value_name = "I", default_value_t = 0)]
    sample: usize,
    #[arg(long, default_value = "cg", value_name = "METHOD", help = ksp_help())]
    ksp: Method,
    #[arg(long, value_name = "SPEC|RUN_DIR", help = pc_help())]
    pc: Option<Pc>,
    /// Run directory of a model whose guess or space goes with the preconditioner of --pc
    #[arg(long, value_name = "RUN_DIR")]
    model: Option<PathBuf>,
    /// Where the preconditioner stands: left, right or symmetric (split, M = FᵀF) [default: the method's own]
    #[arg(long, value_name = "SIDE")]
    pc_side: Option<Side>,
    /// Residual norm of the stopping rule: unpreconditioned, preconditioned, natural or none [default:
    /// unpreconditioned; natural with --pc-side symmetric]
    #[arg(long, value_name = "NORM")]
    norm: Option<Norm>,
    /// Where a model predicts
    #[arg(long, value_parser = one_of(&DEVICES), default_value = "cpu")]
    device: Device,
    /// Make a learned preconditioner symmetric, (M + Mᵀ)/2
    #[arg(long)]
    symmetrize: bool,
    /// Drop entries below EPS of a learned explicit inverse
    #[arg(long, value_name = "EPS", default_value_t = 0.0, allow_hyphen_values = true)]
    filter: f64,
    /// Take what a model says even where it is worse than what it started from
    #[arg(long)]
    unguarded: bool,
    /// Stop at ‖b − A x‖ ≤ rtol ‖b‖
    #[arg(long, default_value_t = Stop::default().rtol, allow_hyphen_values = true)]
    rtol: f64,
    /// Stop at ‖b − A x‖ ≤ atol
    #[arg(long, default_value_t = Stop::default().atol, allow_hyphen_values = true)]
    atol: f64,
    /// Give up at ‖b − A x‖ > dtol max(‖b‖, ‖b − A x₀‖)
    #[arg(long, default_value_t = Stop::default().dtol, allow_hyphen_values = true)]
    dtol: f64,
    /// Iterations at most
    #[arg(long, default_value_t = Stop::default().max_it, value_name = "N")]
    max_it: usize,
    /// Most that an array of a .npz or a .mtx.gz may unpack to, e.g. 4G [default: 256 MiB, or 32 times the file]
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<Unpack>,
    /// Deflate the K lowest sine modes of the unit square (A on a square grid, row by row; cg, minres or gcrodr, or any
    /// method with --space-as)
    #[arg(long, value_name = "K")]
    deflate: Option<usize>,
    /// What the space of a model or of --deflate is for: deflation, or the coarse level of a preconditioner with --pc,
    /// two-level (balancing) or additive, for any method
    #[arg(long, value_name = "USE", default_value_t = SpaceAs::default())]
    space_as: SpaceAs,
    /// Tell amg the rigid-body modes of a frame (a dataset with three coordinates a node, six unknowns each)
    #[arg(long)]
    rigid_body: bool,
    /// Print the residual norm of every iteration
    #[arg(long)]
    monitor: bool,
    /// Draw the residual norms: in the terminal, or into this file
    #[arg(long, value_name = "FILE.svg", num_args = 0..=1, default_missing_value = plot::TERMINAL)]
    plot: Option<plot::Target>,
    /// Solve N times more and report the shortest time
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    repeat: u32,
    /// Write x as a Matrix Market array
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn ksp_help() -> String {
    let all = list::labels::<dyn KrylovMethod>();
    format!("Solver: {all}; `fempipe solvers` tells more")
}

fn pc_help() -> String {
    format!(
        "Preconditioner: {}; `fempipe preconditioners` tells more. Or a run directory: what its model predicts \
         [default: icc, or with --model what that predicts]",
        list::labels::<dyn Preconditioner>()
    )
}

/// Prints PETSc's monitor lines.
struct Lines {
    print: bool,
}

impl Monitor for Lines {
    fn iteration(&mut self, it: usize, residual: f64) -> bool {
        !self.print || print(&format!("{it:5} KSP Residual norm {residual:.12e}\n")).is_ok()
    }
}

impl Args {
    /// The preconditioner asked for; icc where nothing is.
    fn pc(&self) -> Option<Pc> {
        match (&self.pc, &self.model) {
            (Some(pc), _) => Some(pc.clone()),
            (None, Some(_)) => None,
            (None, None) => "icc".parse().ok(),
        }
    }

    /// Runs and checkpoints of models.
    fn runs(&self) -> impl Iterator<Item = &PathBuf> {
        let pc = match &self.pc {
            Some(Pc::Learned(run)) => Some(run),
            _ => None,
        };
        self.model.iter().chain(pc)
    }

    /// What the report calls it.
    fn pc_name(&self) -> String {
        match (self.pc(), &self.model) {
            (Some(pc), _) => pc.to_string(),
            (None, Some(run)) => run.display().to_string(),
            (None, None) => String::new(),
        }
    }
}

/// What was measured, and how.
struct Solved {
    method: Method,
    stop: Stop,
    prepared: Prepared,
    solution: Solution,
    spectrum: Option<(f64, f64)>,
}

/// Runs `fempipe solve`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let system = load::load(args)?;
    say_chosen(common, args.runs().map(PathBuf::as_path));
    // On a thread of the pool, so that the others help at once.
    let mut done = None;
    rayon::scope(|_| done = Some(solve(args, common, &system)));
    let solved = done.unwrap_or_else(|| Err(Error::Interrupted("before the solve".into())))?;
    if common.json {
        let json = report::as_json(args, &system, &solved);
        print(&format!("{json:#}\n"))?;
    } else {
        print(&report::as_text(args, &system, &solved))?;
    }
    finish(args, common, &solved)
}

/// Plots, writes x, and turns what did not converge into the failure it is.
fn finish(args: &Args, common: &Common, solved: &Solved) -> Result<()> {
    let Solution { x, outcome, .. } = &solved.solution;
    let (history, every) = (&outcome.history, outcome.history_every);
    match &args.plot {
        Some(plot::Target::Svg(path)) => {
            let title = format!("{}: {} with {}", args.matrix.display(), solved.method, args.pc_name());
            plot::svg(path, &title, solved.stop.norm.name(), (history, every))?;
            say(common, &format!("plot written to {}", path.display()));
        }
        Some(plot::Target::Terminal) if !common.json => print(&plot::terminal(history, outcome.iterations))?,
        _ => {}
    }
    if let Some(path) = &args.output {
        matrix_market::write_vector(path, x)?;
        say(common, &format!("x written to {}", path.display()));
    }
    let reason = outcome.reason;
    if reason.converged() {
        return Ok(());
    }
    Err(Error::Numeric(format!("not converged ({}): {}", reason.name(), reason.advice(solved.method.name()))))
}

fn stop(args: &Args) -> Stop {
    let own = match args.pc_side {
        Some(Side::Symmetric) => Norm::Natural,
        _ => Norm::Unpreconditioned,
    };
    let Args { rtol, atol, dtol, max_it, .. } = *args;
    Stop { rtol, atol, dtol, max_it, norm: args.norm.unwrap_or(own) }
}

fn solve(args: &Args, common: &Common, system: &LinearSystem) -> Result<Solved> {
    let problem =
        Problem { side: args.pc_side, space_as: args.space_as, ..Problem::new(system, args.ksp.clone(), stop(args)) };
    let method = problem.method()?;
    let prepared = problem.prepare(prepare::accelerate(args, system)?)?;
    let mut ws = Workspace::default();
    let mut once = |monitor: &mut dyn Monitor| {
        // Each solve on its own: nothing recycled from the one before.
        ws.forget();
        problem.solve(&mut ws, &prepared, monitor)
    };
    let mut solution = once(&mut Lines { print: args.monitor && !common.json })?;
    for _ in 0..args.repeat {
        if interrupt::requested() {
            break;
        }
        let again = once(&mut Quiet)?;
        solution.solve_seconds = solution.solve_seconds.min(again.solve_seconds);
    }
    let plain_cg = method.name() == "cg" && prepared.space.is_none();
    let spectrum = plain_cg.then(|| ws.cg_spectrum()).flatten();
    Ok(Solved { method, stop: problem.stop, prepared, solution, spectrum })
}
