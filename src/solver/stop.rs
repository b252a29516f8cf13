//! The stopping rule, the reasons for stopping, and the report, shared by all methods.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::history::History;
use crate::error::{Error, Result};
use crate::linalg::vector::norm2;

/// The norm of the residual r = b − A x that the stopping rule goes by, as PETSc's `-ksp_norm_type`.
///
/// Whatever it is, [`Outcome::residual`] is ‖b − A x‖₂, recomputed at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// ‖r‖₂: what every method has, and the only one that means the same for every preconditioner.
    #[default]
    Unpreconditioned,
    /// ‖M r‖₂.
    Preconditioned,
    /// √(rᵀ M r), M symmetric positive definite.
    Natural,
    /// No test: `max_it` iterations, then [`Reason::ConvergedIts`]. What is noted is ‖r‖₂.
    None,
}

impl Norm {
    /// PETSc's name.
    pub fn name(self) -> &'static str {
        match self {
            Norm::Unpreconditioned => "unpreconditioned",
            Norm::Preconditioned => "preconditioned",
            Norm::Natural => "natural",
            Norm::None => "none",
        }
    }
}

impl FromStr for Norm {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let all = [Norm::Unpreconditioned, Norm::Preconditioned, Norm::Natural, Norm::None];
        all.into_iter().find(|n| n.name() == text).ok_or_else(|| {
            Error::Argument(format!("norm {text:?}: must be unpreconditioned, preconditioned, natural or none"))
        })
    }
}

/// When to stop: ‖b − A x‖ ≤ max(rtol ‖b‖, atol), after `max_it` iterations, or beyond dtol max(‖b‖, ‖r₀‖), in the
/// norm chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// Relative tolerance: of ‖b‖.
    pub rtol: f64,
    /// Absolute tolerance, in the units of b.
    pub atol: f64,
    /// Divergence: ‖b − A x‖₂ > dtol max(‖b‖₂, ‖r₀‖₂), with r₀ the residual of the initial guess.
    pub dtol: f64,
    /// Iterations at most.
    pub max_it: usize,
    /// The norm of the residual that the tolerances are of.
    pub norm: Norm,
}

impl Default for Stop {
    fn default() -> Self {
        Stop { rtol: 1e-8, atol: 1e-50, dtol: 1e5, max_it: 10_000, norm: Norm::default() }
    }
}

impl Stop {
    /// The default rule with another relative tolerance.
    pub fn rtol(rtol: f64) -> Self {
        Stop { rtol, ..Self::default() }
    }

    /// The absolute target for a right-hand side of this norm.
    pub fn target(&self, b_norm: f64) -> f64 {
        (self.rtol * b_norm).max(self.atol)
    }

    /// Checks the tolerances.
    ///
    /// # Errors
    /// [`Error::Argument`] for a tolerance that is negative or not a number, an rtol from 1 on (x = 0 would do), or a
    /// dtol that is not above 1.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("rtol", self.rtol), ("atol", self.atol)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::Argument(format!("{name} = {value}: a tolerance is finite and not negative")));
            }
        }
        if self.rtol >= 1.0 {
            return Err(Error::Argument(format!("rtol = {}: must be below 1, as x = 0 meets it otherwise", self.rtol)));
        }
        if self.dtol.is_nan() || self.dtol <= 1.0 {
            return Err(Error::Argument(format!("dtol = {}: must be above 1", self.dtol)));
        }
        Ok(())
    }
}

/// Why a solve ended; printed with PETSc's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// ‖r‖ ≤ rtol ‖b‖.
    ConvergedRtol,
    /// ‖r‖ ≤ atol.
    ConvergedAtol,
    /// The monitor took x as it is ([`Monitor::accepts`]).
    ConvergedUser,
    /// All the iterations asked for were made, without a test ([`Norm::None`]).
    ConvergedIts,
    /// The iteration limit was hit, or the monitor or an interrupt asked to stop.
    DivergedIts,
    /// ‖r‖ > dtol max(‖b‖, ‖r₀‖).
    DivergedDtol,
    /// Not a number or infinite.
    DivergedNan,
    /// pᵀ A p ≤ 0 met: A is not positive definite.
    DivergedIndefiniteMat,
    /// rᵀ M r ≤ 0 met: the preconditioner is not positive definite.
    DivergedIndefinitePc,
    /// The method broke down (a division by zero in its recurrences).
    DivergedBreakdown,
    /// Rounding lets the true residual fall no more; x is the best one seen. PETSc has no such reason.
    DivergedStagnation,
    /// A is singular and b not in its range: x minimises the residual, A M r = 0. PETSc has no such reason.
    DivergedInconsistent,
}

impl Reason {
    /// Whether it is one of the converged reasons.
    pub fn converged(self) -> bool {
        matches!(self, Reason::ConvergedRtol | Reason::ConvergedAtol | Reason::ConvergedUser | Reason::ConvergedIts)
    }

    /// PETSc's name, or one in its manner.
    pub fn name(self) -> &'static str {
        match self {
            Reason::ConvergedRtol => "CONVERGED_RTOL",
            Reason::ConvergedAtol => "CONVERGED_ATOL",
            Reason::ConvergedUser => "CONVERGED_USER",
            Reason::ConvergedIts => "CONVERGED_ITS",
            Reason::DivergedIts => "DIVERGED_ITS",
            Reason::DivergedDtol => "DIVERGED_DTOL",
            Reason::DivergedNan => "DIVERGED_NANORINF",
            Reason::DivergedIndefiniteMat => "DIVERGED_INDEFINITE_MAT",
            Reason::DivergedIndefinitePc => "DIVERGED_INDEFINITE_PC",
            Reason::DivergedBreakdown => "DIVERGED_BREAKDOWN",
            Reason::DivergedStagnation => "DIVERGED_STAGNATION",
            Reason::DivergedInconsistent => "DIVERGED_INCONSISTENT",
        }
    }

    /// What a user of `method` may try next; empty for a converged solve.
    pub fn advice(self, method: &str) -> &'static str {
        let gmres = method.contains("gmres") || method == "gcrodr";
        match self {
            Reason::ConvergedRtol | Reason::ConvergedAtol | Reason::ConvergedUser | Reason::ConvergedIts => "",
            Reason::DivergedIts => "allow more iterations or take a stronger preconditioner",
            Reason::DivergedDtol if ["richardson", "chebyshev"].contains(&method) => {
                "the iteration diverges: damp it, or take a Krylov method"
            }
            Reason::DivergedDtol if gmres => "the residual grows: take a stronger preconditioner",
            Reason::DivergedDtol => "the residual grows: take gmres, or a stronger preconditioner",
            Reason::DivergedNan => "the matrix, the preconditioner or the iteration produced NaN or infinity",
            Reason::DivergedIndefiniteMat => "A is not positive definite: take minres or gmres",
            Reason::DivergedIndefinitePc => "the preconditioner is not positive definite: take another, or gmres",
            Reason::DivergedBreakdown if gmres => {
                "the Krylov space ended without a solution: A M is singular, and b may not be in its range"
            }
            Reason::DivergedBreakdown => "the method broke down: take gmres, or another initial guess",
            Reason::DivergedStagnation => {
                "rounding allows no smaller residual, and x is the best one seen: take a larger rtol, a stronger \
                 preconditioner or lu"
            }
            Reason::DivergedInconsistent => {
                "A is singular and b not in its range; x minimises the residual: take the part of the null space out \
                 of b"
            }
        }
    }
}

/// What a solve did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why it ended.
    pub reason: Reason,
    /// Applications of the preconditioner that advanced x.
    pub iterations: usize,
    /// ‖b − A x‖₂ of the returned x, recomputed; NaN where x is not finite.
    pub residual: f64,
    /// ‖b‖₂.
    pub b_norm: f64,
    /// Residual norm before the first and after each iteration, in the norm of the stopping rule; of a solve beyond a
    /// million iterations that of every [`Outcome::history_every`]-th.
    pub history: Vec<f64>,
    /// Iterations from one entry of the history to the next: 1, or a power of two.
    pub history_every: usize,
    /// The residual norm noted last, in the norm of the stopping rule.
    pub last: f64,
}

impl Outcome {
    /// Whether the solve ended with a converged reason.
    pub fn converged(&self) -> bool {
        self.reason.converged()
    }

    /// ‖b − A x‖₂ / ‖b‖₂ (the absolute residual where b = 0).
    pub fn relative_residual(&self) -> f64 {
        if self.b_norm > 0.0 { self.residual / self.b_norm } else { self.residual }
    }
}

/// Told of every iteration; returning false stops the solve with [`Reason::DivergedIts`].
pub trait Monitor {
    /// Iteration `it` (0 before the first) has left a residual of this norm; false stops the solve.
    fn iteration(&mut self, it: usize, residual: f64) -> bool;

    /// Shown x before the first and after each iteration by the methods that hold it
    /// ([`Method::holds_iterates`](super::Method::holds_iterates)); true ends the solve with [`Reason::ConvergedUser`].
    fn accepts(&mut self, _x: &[f64]) -> bool {
        false
    }
}

/// The monitor that stops where ‖x − x*‖₂ ≤ tolerance ‖x*‖₂, x* being known.
#[derive(Debug, Clone)]
pub struct KnownSolution<'a> {
    exact: &'a [f64],
    /// Most of ‖x − x*‖₂.
    bound: f64,
    difference: Vec<f64>,
}

impl<'a> KnownSolution<'a> {
    /// Stops at that relative error.
    pub fn new(exact: &'a [f64], tolerance: f64) -> Self {
        Self::within(exact, tolerance * norm2(exact))
    }

    /// Stops at ‖x − x*‖₂ ≤ bound.
    pub fn within(exact: &'a [f64], bound: f64) -> Self {
        KnownSolution { exact, bound, difference: vec![0.0; exact.len()] }
    }
}

impl Monitor for KnownSolution<'_> {
    fn iteration(&mut self, _it: usize, _residual: f64) -> bool {
        true
    }

    fn accepts(&mut self, x: &[f64]) -> bool {
        for ((d, x), e) in self.difference.iter_mut().zip(x).zip(self.exact) {
            *d = x - e;
        }
        norm2(&self.difference) <= self.bound
    }
}

/// The monitor that says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Monitor for Quiet {
    fn iteration(&mut self, _it: usize, _residual: f64) -> bool {
        true
    }
}

/// The monitor that notes when each residual was reached, for residual-over-time plots.
#[derive(Debug, Clone)]
pub struct Timeline {
    start: std::time::Instant,
    points: History<(f64, f64)>,
}

impl Timeline {
    /// Starts the clock.
    #[allow(clippy::new_without_default)] // reads the clock: not a default value
    pub fn new() -> Self {
        Timeline { start: std::time::Instant::now(), points: History::with_capacity(1024) }
    }

    /// Seconds since [`Timeline::new`] and residual norm, before the first and after each iteration; beyond a million
    /// iterations of every second, fourth, … one.
    pub fn points(&self) -> &[(f64, f64)] {
        self.points.kept()
    }
}

impl Monitor for Timeline {
    fn iteration(&mut self, _it: usize, residual: f64) -> bool {
        self.points.push((self.start.elapsed().as_secs_f64(), residual));
        true
    }
}
