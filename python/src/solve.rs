//! One solve.

use fempipe::Result;
use fempipe::precond::Spec;
use fempipe::solve::{Acceleration as Parts, Problem, Solution, SpaceAs};
use fempipe::solver::{Method, Monitor, Norm, Quiet, Side, Stop, Workspace};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::acceleration::Acceleration;
use crate::operator::{Operator, Shared};
use crate::system::System;
use crate::work;

/// Solves; `pc` is a specification or a preconditioner that was made before. Returns x and what the outcome says, by
/// name.
#[pyfunction]
#[pyo3(signature = (system, ksp, pc, model, x0, rtol, atol, dtol, max_it, norm, side, space_as, callback))]
#[allow(clippy::too_many_arguments)] // those of a solve
pub fn solve<'py>(
    py: Python<'py>,
    system: &System,
    ksp: &str,
    pc: Pc,
    model: Option<&Acceleration>,
    x0: Option<PyReadonlyArray1<f64>>,
    rtol: f64,
    atol: f64,
    dtol: f64,
    max_it: usize,
    norm: Option<&str>,
    side: Option<&str>,
    space_as: &str,
    callback: Option<&Bound<PyAny>>,
) -> PyResult<(Bound<'py, PyArray1<f64>>, Bound<'py, PyDict>)> {
    let x0 = x0.as_ref().map(PyReadonlyArray1::as_slice).transpose()?;
    let pc = pc.given();
    let work = |monitor: &mut dyn Monitor| {
        let side = side.map(str::parse::<Side>).transpose()?;
        let own = if side == Some(Side::Symmetric) { Norm::Natural } else { Norm::default() };
        let norm = norm.map_or(Ok(own), str::parse)?;
        let stop = Stop { rtol, atol, dtol, max_it, norm };
        stop.check()?;
        let space_as = space_as.parse::<SpaceAs>()?;
        let problem = Problem { side, space_as, ..Problem::new(&system.0, ksp.parse::<Method>()?, stop) };
        let mut parts = pc.parts(system)?;
        if let Some(model) = model {
            parts = model.for_a_solve().and(parts)?;
        }
        if let Some(x0) = x0 {
            parts = parts.and(Parts::guess(x0.to_vec()))?;
        }
        let prepared = problem.prepare(parts)?;
        let (note, nnz) = (prepared.note.clone(), prepared.nnz());
        let solution = problem.solve(&mut Workspace::default(), &prepared, monitor)?;
        Ok((solution, note, nnz))
    };
    let (solution, note, nnz) = match callback {
        Some(callback) => work::run_monitored(py, callback, work)?,
        None => work::run(py, || work(&mut Quiet))?,
    };
    let Solution { x, outcome, setup_iterations, inference_seconds, setup_seconds, solve_seconds } = solution;
    let said = PyDict::new(py);
    said.set_item("reason", outcome.reason.name())?;
    said.set_item("converged", outcome.converged())?;
    said.set_item("advice", outcome.reason.advice(ksp.split('(').next().unwrap_or(ksp)))?;
    said.set_item("iterations", setup_iterations + outcome.iterations)?;
    said.set_item("setup_iterations", setup_iterations)?;
    said.set_item("residual", outcome.residual)?;
    said.set_item("relative_residual", outcome.relative_residual())?;
    said.set_item("history_every", outcome.history_every)?;
    said.set_item("inference_seconds", inference_seconds)?;
    said.set_item("setup_seconds", setup_seconds)?;
    said.set_item("solve_seconds", solve_seconds)?;
    said.set_item("nnz", nnz)?;
    said.set_item("note", note)?;
    said.set_item("history", PyArray1::from_vec(py, outcome.history))?;
    Ok((PyArray1::from_vec(py, x), said))
}

/// What the preconditioner is given as: one that was made before, a specification, or nothing.
#[derive(FromPyObject)]
pub enum Pc<'py> {
    Made(PyRef<'py, Operator>),
    Named(Option<String>),
}

impl Pc<'_> {
    fn given(&self) -> Given {
        match self {
            Pc::Made(operator) => Given::Made(operator.0.clone()),
            Pc::Named(spec) => Given::Named(spec.clone()),
        }
    }
}

/// The same, for threads without Python.
enum Given {
    Made(Shared),
    Named(Option<String>),
}

impl Given {
    fn parts(&self, system: &System) -> Result<Parts> {
        Ok(match self {
            Given::Made(operator) => Parts::preconditioner(operator.clone()),
            Given::Named(Some(spec)) => spec.parse::<Spec>()?.build(&system.0.matrix)?.into(),
            Given::Named(None) => Parts::default(),
        })
    }
}
