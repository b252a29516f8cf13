//! Symmetric preconditioning: M = Fᵀ F, one half on each side of A.

use std::sync::{Mutex, PoisonError};

use super::convergence_test::ConvergenceTest;
use super::history::joined as joined_histories;
use super::scaled::in_units_of_b;
use super::side::Side;
use super::stagnation::Stagnation;
use super::stop::Norm;
use super::{Method, Monitor, Outcome, Quiet, Reason, Stop, Workspace};
use crate::error::{Error, Result};
use crate::linalg::op::{Halves, Identity};
use crate::linalg::{LinOp, Props, vector};

/// F A Fᵀ.
struct Between<'a> {
    a: &'a dyn LinOp,
    halves: &'a dyn Halves,
    scratch: Mutex<[Vec<f64>; 2]>,
}

impl LinOp for Between<'_> {
    fn shape(&self) -> (usize, usize) {
        self.a.shape()
    }
    fn props(&self) -> Props {
        self.a.props()
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        // The scratch holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let [u, v] = &mut *scratch;
        self.halves.right(x, u);
        self.a.apply(u, v);
        self.halves.left(v, y);
    }
    fn nnz(&self) -> usize {
        self.a.nnz()
    }
}

/// Solves F A Fᵀ u = F (b − A x₀) by `method` without a preconditioner, x = x₀ + Fᵀ u, where M = Fᵀ F.
///
/// What is noted is ‖F r‖ = √(rᵀ M r), and with [`Norm::Natural`] or [`Norm::Preconditioned`] (PETSc's name for the
/// same here) that is what it stops by. With [`Norm::Unpreconditioned`] the true residual decides: where it is not
/// small enough yet, the solve goes on from there. Symmetry of A is kept, so that every method can be used; `cg`
/// makes the same iterates as with M itself. Memory: 5 n-vectors beside the method's. Reference: Saad (2003), section
/// 9.2.
///
/// # Errors
/// [`Error::Argument`] if M does not come in two halves; else as the method.
#[allow(clippy::too_many_arguments)] // the arguments of every method
pub fn split(
    method: &Method,
    ws: &mut Workspace,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    in_units_of_b(a, b, x, stop, monitor, |b, x, stop, monitor| in_parts(method, ws, a, m, b, x, stop, monitor))
}

/// [`split`] for b of any size near one.
#[allow(clippy::too_many_arguments)] // the arguments of every method
fn in_parts(
    method: &Method,
    ws: &mut Workspace,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    // The inner solve has no preconditioner: where the method has a choice of sides, none of them is meant.
    let method = match method.with_side(Side::Symmetric)? {
        any if any.table().contains_key("side") => any.with("side", Side::Right.name())?,
        own => own,
    };
    let mut quiet = Quiet;
    let plain = Stop { norm: Norm::Unpreconditioned, ..*stop };
    // Checks sizes and values, and knows the true residual.
    let run = ConvergenceTest::start(a, m, b, x, &plain, &mut quiet)?;
    let halves = m.halves().ok_or_else(|| {
        Error::Argument(
            "symmetric preconditioning needs M = FᵀF in two halves: take jacobi, icc, ict or koptimal".into(),
        )
    })?;
    let n = b.len();
    let (mut r, mut half, mut u) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    halves.left(b, &mut half);
    let mut target = stop.target(vector::norm2(&half));
    let between = Between { a, halves, scratch: Mutex::new([vec![0.0; n], vec![0.0; n]]) };
    let mut total: Option<Outcome> = None;
    let mut stagnation = Stagnation::new(n);
    loop {
        run.residual(x, &mut r);
        halves.left(&r, &mut half);
        u.fill(0.0);
        let done = total.as_ref().map_or(0, |t| t.iterations);
        let inner = Stop {
            rtol: 0.0,
            atol: target,
            max_it: stop.max_it - done,
            dtol: stop.dtol,
            norm: match stop.norm {
                Norm::None => Norm::None,
                _ => Norm::Unpreconditioned,
            },
        };
        let mut counted = From { monitor, done };
        let part = method.solve(ws, &between, &Identity(n), &half, &mut u, &inner, &mut counted)?;
        halves.right(&u, &mut r);
        vector::axpy(1.0, &r, x);
        let truth = run.residual(x, &mut r);
        let reached = part.last;
        let progress = part.iterations > 0;
        let mut all = joined(total, part);
        all.residual = truth;
        all.b_norm = vector::norm2(b);
        let small = truth <= stop.target(all.b_norm);
        let claim = matches!(all.reason, Reason::ConvergedAtol | Reason::ConvergedRtol);
        if claim && stop.norm == Norm::Unpreconditioned && !small {
            all.reason = match stagnation.disproved(truth, truth, x) || !progress {
                true => Reason::DivergedStagnation,
                false if all.iterations < stop.max_it => {
                    // What the half residual must fall to if both fall alike, and a little less.
                    target = 0.9 * reached * stop.target(all.b_norm) / truth;
                    total = Some(all);
                    continue;
                }
                false => Reason::DivergedIts,
            };
        } else if claim {
            let noted = if stop.norm == Norm::Unpreconditioned { truth } else { reached };
            all.reason = if noted <= stop.atol { Reason::ConvergedAtol } else { Reason::ConvergedRtol };
        }
        if !all.converged() {
            all.residual = stagnation.restore(all.residual, x);
        }
        return Ok(all);
    }
}

/// The report of both parts as one; the second begins where the first ended.
fn joined(first: Option<Outcome>, second: Outcome) -> Outcome {
    match first {
        None => second,
        Some(mut all) => {
            all.iterations += second.iterations;
            let before = (std::mem::take(&mut all.history), all.history_every);
            (all.history, all.history_every) = joined_histories(before, (second.history, second.history_every));
            all.last = second.last;
            all.reason = second.reason;
            all
        }
    }
}

/// A monitor told of iterations that count on from earlier ones.
struct From<'a> {
    monitor: &'a mut dyn Monitor,
    done: usize,
}

impl Monitor for From<'_> {
    fn iteration(&mut self, it: usize, residual: f64) -> bool {
        (it == 0 && self.done > 0) || self.monitor.iteration(self.done + it, residual)
    }
}
