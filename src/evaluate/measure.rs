//! One solve, measured: setup and solve apart, the residual recomputed, the error against the stored solution.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::recipe::{Measure, Row, RowKind, Target};
use crate::error::{Error, Result};
use crate::linalg::LinOp;
use crate::linalg::op::Identity;
use crate::linalg::vector::norm2;
use crate::models::operator::ExplicitInverse;
use crate::models::{Model, Prediction};
use crate::precond::{Reuse, Spec};
use crate::solver::{KnownSolution, Monitor, Quiet, Reason, Stop, Workspace};
use crate::system::LinearSystem;

/// One system solved one way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solve {
    /// Number of the dataset in the recipe.
    pub dataset: usize,
    /// Number of the row in the recipe.
    pub row: usize,
    #[serde(flatten)]
    pub target: Target,
    /// The system's id in its dataset.
    pub sample: u64,
    pub n: usize,
    pub converged: bool,
    /// PETSc's name of the reason; "SETUP_FAILED" where the preconditioner could not be made.
    pub reason: String,
    pub iterations: usize,
    /// Preconditioner setup, a model's inference included.
    pub setup_seconds: f64,
    pub solve_seconds: f64,
    /// ‖b − A x‖₂ / ‖b‖₂, recomputed.
    pub relative_residual: f64,
    /// ‖x − x*‖₂ / ‖x*‖₂ against the stored solution.
    pub relative_error: Option<f64>,
    /// δ = ‖x̂ − x*‖₂ / ‖x*‖₂ of a model's guess, before any iteration.
    pub guess_error: Option<f64>,
    /// ε = ‖x̂ − x*‖₁ / n of it, in the units of x.
    pub guess_mean_error: Option<f64>,
    /// cos(L, L*) between what a model says and the label it was trained on ([`Model::agreement`]).
    pub label_cosine: Option<f64>,
    /// Stored numbers of the preconditioner.
    pub pc_nnz: usize,
    /// What setup had to say (a shift that was needed).
    pub note: Option<String>,
    /// Relative residual before the first and after each iteration; kept for the first systems only.
    #[serde(skip)]
    pub history: Vec<f64>,
}

/// What a row needs that is made once per dataset.
pub enum Source {
    /// A classical preconditioner is set up for every system.
    Classical(Spec, Mutex<Reuse>),
    /// The best constant, ready to use.
    Constant(ExplicitInverse),
    Model(Box<dyn Model>),
}

/// A preconditioner for one system, with its start vector.
pub struct Prepared<'a> {
    pub op: Handle<'a>,
    pub start: Vec<f64>,
    pub setup_seconds: f64,
    pub note: Option<String>,
}

/// Owned or shared.
pub enum Handle<'a> {
    Owned(Box<dyn LinOp + Send>),
    Shared(&'a dyn LinOp),
}

impl Handle<'_> {
    /// The operator.
    pub fn get(&self) -> &dyn LinOp {
        match self {
            Handle::Owned(op) => &**op,
            Handle::Shared(op) => *op,
        }
    }
}

/// Sets the preconditioner of a row up for one system.
///
/// # Errors
/// If it cannot be made: a factorisation that breaks down, a model for another size.
pub fn prepare<'a>(source: &'a Source, row: &Row, system: &LinearSystem) -> Result<Prepared<'a>> {
    let clock = Instant::now();
    let mut start = vec![0.0; system.n()];
    let mut note = None;
    let op = match source {
        Source::Classical(spec, reuse) => {
            // A half-made analysis is thrown away by the next build.
            let mut reuse = reuse.lock().unwrap_or_else(PoisonError::into_inner);
            let built = spec.build_again(&system.matrix, &mut reuse)?;
            note = built.note;
            Handle::Owned(built.op)
        }
        Source::Constant(op) => Handle::Shared(op),
        Source::Model(model) => match model.predict(system, &row.options())? {
            Prediction::Preconditioner(op) => Handle::Owned(op),
            Prediction::Guess(x) => {
                start = x;
                Handle::Owned(Box::new(Identity(system.n())))
            }
            Prediction::Subspace(_) => {
                return Err(Error::Argument(format!(
                    "row {:?}: {} cannot use a predicted subspace",
                    row.name(),
                    row.ksp
                )));
            }
        },
    };
    Ok(Prepared {
        op,
        start,
        setup_seconds: clock.elapsed().as_secs_f64(),
        note,
    })
}

/// Solves one system one way. A setup that breaks down numerically is a failed solve; misuse is an error.
///
/// # Errors
/// If the model is for another size, or the solver cannot use the preconditioner.
pub fn solve(
    ws: &mut Workspace,
    source: &Source,
    row: &Row,
    system: &LinearSystem,
    (target, max_it): (Target, usize),
) -> Result<Solve> {
    let mut out = Solve {
        dataset: 0,
        row: 0,
        target,
        sample: system.index,
        n: system.n(),
        converged: false,
        reason: "SETUP_FAILED".into(),
        iterations: 0,
        setup_seconds: 0.0,
        solve_seconds: 0.0,
        relative_residual: 1.0,
        relative_error: None,
        guess_error: None,
        guess_mean_error: None,
        label_cosine: None,
        pc_nnz: 0,
        note: None,
        history: Vec::new(),
    };
    let clock = Instant::now();
    let prepared = match prepare(source, row, system) {
        Ok(p) => p,
        Err(Error::Numeric(why)) => {
            out.setup_seconds = clock.elapsed().as_secs_f64();
            out.note = Some(why);
            return Ok(out);
        }
        Err(e) => return Err(e),
    };
    if let Source::Model(model) = source {
        out.label_cosine = model.agreement(system).unwrap_or(None);
    }
    let a = system.matrix.promised(system.props);
    let mut x = prepared.start;
    let guessed = x.iter().any(|&v| v != 0.0);
    let known = system.solution.as_ref().filter(|exact| norm2(exact) > 0.0);
    if let Some(exact) = known.filter(|_| guessed) {
        out.guess_error = Some(distance(&x, exact));
        let sum: f64 = x.iter().zip(exact).map(|(x, e)| (x - e).abs()).sum();
        out.guess_mean_error = Some(sum / x.len() as f64);
    }
    let clock = Instant::now();
    let (stop, mut monitor): (Stop, Box<dyn Monitor>) = match target.measure {
        Measure::Residual => (Stop::rtol(target.rtol), Box::new(Quiet)),
        Measure::Error => {
            let exact = system.solution.as_deref().ok_or_else(|| {
                Error::Argument("error: the dataset holds no solutions to compare with; generate it with them, or use rtol".into())
            })?;
            // The error alone decides.
            let stop = Stop {
                atol: 0.0,
                ..Stop::rtol(0.0)
            };
            (stop, Box::new(KnownSolution::new(exact, target.rtol)))
        }
    };
    let stop = Stop { max_it, ..stop };
    let outcome = row.ksp.solve(
        ws,
        &a,
        prepared.op.get(),
        &system.rhs,
        &mut x,
        &stop,
        &mut *monitor,
    )?;
    out.solve_seconds = clock.elapsed().as_secs_f64();
    out.setup_seconds = prepared.setup_seconds;
    out.converged = outcome.converged();
    out.reason = Reason::name(outcome.reason).into();
    out.iterations = outcome.iterations;
    out.relative_residual = outcome.relative_residual();
    out.pc_nnz = prepared.op.get().nnz();
    out.note = prepared.note;
    out.relative_error = known.map(|exact| distance(&x, exact));
    let scale = if outcome.b_norm > 0.0 { outcome.b_norm } else { 1.0 };
    out.history = outcome.history.iter().map(|r| r / scale).collect();
    Ok(out)
}

/// ‖x − e‖₂ / ‖e‖₂.
fn distance(x: &[f64], exact: &[f64]) -> f64 {
    let difference: Vec<f64> = x.iter().zip(exact).map(|(x, e)| x - e).collect();
    norm2(&difference) / norm2(exact)
}

/// What a row needs for one dataset.
///
/// # Errors
/// If a model cannot be loaded or the training split is missing.
pub fn source(
    kind: &RowKind,
    dataset: usize,
    mean: impl FnOnce() -> Result<ExplicitInverse>,
) -> Result<Source> {
    use super::recipe::OneOrMany;
    match kind {
        RowKind::Classical(spec) => Ok(Source::Classical(*spec, Mutex::default())),
        RowKind::MeanInverse => Ok(Source::Constant(mean()?)),
        RowKind::Model(OneOrMany::One(path)) => Ok(Source::Model(crate::models::load(path)?)),
        RowKind::Model(OneOrMany::Many(list)) => Ok(Source::Model(crate::models::load(&list[dataset])?)),
    }
}
