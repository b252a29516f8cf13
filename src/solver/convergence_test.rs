//! The convergence test and the bookkeeping of one solve: arguments checked, residuals noted, the stopping rule
//! applied.

use super::history::History;
use super::stagnation::Stagnation;
use super::stop::{Monitor, Norm, Outcome, Reason, Stop};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::linalg::{LinOp, vector};

/// The history is allocated once for up to this many iterations; only longer solves let it grow.
const HISTORY: usize = 1 << 16;

/// The convergence test of one solve under way, and its bookkeeping: every method is built on it.
///
/// [`ConvergenceTest::start`] checks the arguments, [`ConvergenceTest::begin`] notes the initial residual; after each
/// iteration the method calls [`ConvergenceTest::note`], confirms a claim of convergence by
/// [`ConvergenceTest::confirm`], and reports with [`ConvergenceTest::finish`].
pub struct ConvergenceTest<'a> {
    a: &'a dyn LinOp,
    m: &'a dyn LinOp,
    b: &'a [f64],
    stop: &'a Stop,
    monitor: &'a mut dyn Monitor,
    b_norm: f64,
    /// M r, where the rule's norm needs it.
    z: Vec<f64>,
    /// max(rtol ‖b‖, atol).
    pub(super) target: f64,
    limit: f64,
    history: History<f64>,
    /// The residual noted last.
    last: f64,
    /// The true residual of the current x, where it has just been computed.
    verified: Option<f64>,
    /// Whether the residual noted last claims convergence.
    claimed: bool,
    stagnation: Stagnation,
}

impl<'a> ConvergenceTest<'a> {
    /// Checks sizes and values; sets x ← 0 if b = 0.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A and M are n×n and b and x have n entries; [`Error::Numeric`] if b or x holds NaN
    /// or infinity or ‖b‖ overflows; [`Error::Argument`] for impossible tolerances.
    pub fn start(
        a: &'a dyn LinOp,
        m: &'a dyn LinOp,
        b: &'a [f64],
        x: &mut [f64],
        stop: &'a Stop,
        monitor: &'a mut dyn Monitor,
    ) -> Result<Self> {
        stop.check()?;
        let (n, columns) = a.shape();
        if n != columns {
            return Err(Error::shape("matrix of a linear system", "as many columns as rows", format!("{n}×{columns}")));
        }
        if m.shape() != (n, n) {
            let (p, q) = m.shape();
            return Err(Error::shape("preconditioner", format!("{n}×{n}"), format!("{p}×{q}")));
        }
        for (what, v) in [("right-hand side", b), ("initial guess", &*x)] {
            if v.len() != n {
                return Err(Error::shape(what, n, v.len()));
            }
            if let Some(i) = v.iter().position(|v| !v.is_finite()) {
                return Err(Error::Numeric(format!("{what}: entry {i} is {}, not a finite number", v[i])));
            }
        }
        if b.iter().all(|&v| v == 0.0) {
            x.fill(0.0);
        }
        let b_norm = vector::norm2(b);
        if !b_norm.is_finite() {
            return Err(Error::Numeric("right-hand side: its norm overflows; scale the system".into()));
        }
        let mut run = ConvergenceTest {
            a,
            m,
            b,
            stop,
            monitor,
            b_norm,
            z: Vec::new(),
            target: 0.0,
            limit: 0.0,
            history: History::with_capacity(stop.max_it.min(HISTORY) + 1),
            last: f64::NAN,
            verified: None,
            claimed: false,
            stagnation: Stagnation::new(n),
        };
        let size = match run.uses_z() {
            false => b_norm,
            true => {
                run.z = vec![0.0; n];
                run.norm_of(b, b_norm)
            }
        };
        run.target = stop.target(size);
        run.limit = stop.dtol * size;
        Ok(run)
    }

    /// Whether the rule's norm is of M r.
    pub fn uses_z(&self) -> bool {
        matches!(self.stop.norm, Norm::Preconditioned | Norm::Natural)
    }

    /// The rule's norm of a residual r of Euclidean norm `r_norm`, with z = M r at hand; −∞ where rᵀ M r < 0.
    pub fn norm_with(&self, r_norm: f64, r: &[f64], z: &[f64]) -> f64 {
        match self.stop.norm {
            Norm::Unpreconditioned | Norm::None => r_norm,
            Norm::Preconditioned => vector::norm2(z),
            Norm::Natural => match vector::dot(r, z) {
                square if square < 0.0 => f64::NEG_INFINITY,
                square => square.sqrt(),
            },
        }
    }

    /// The rule's norm of a residual r of Euclidean norm `r_norm`; applies M where it must.
    fn norm_of(&mut self, r: &[f64], r_norm: f64) -> f64 {
        if !self.uses_z() {
            return r_norm;
        }
        let mut z = std::mem::take(&mut self.z);
        self.m.apply(r, &mut z);
        let norm = self.norm_with(r_norm, r, &z);
        self.z = z;
        norm
    }

    /// r ← b − A x; returns ‖r‖.
    pub fn residual(&self, x: &[f64], r: &mut [f64]) -> f64 {
        self.a.apply(x, r);
        for (r, b) in r.iter_mut().zip(self.b) {
            *r = b - *r;
        }
        vector::norm2(r)
    }

    /// As [`ConvergenceTest::residual`], remembered as the true residual of the current x.
    pub fn true_residual(&mut self, x: &[f64], r: &mut [f64]) -> f64 {
        let norm = self.residual(x, r);
        self.verified = Some(norm);
        norm
    }

    /// r ← b − A x and notes it as iteration 0.
    pub fn begin(&mut self, x: &[f64], r: &mut [f64]) -> Option<Reason> {
        let norm = self.true_residual(x, r);
        let norm = self.norm_of(r, norm);
        self.limit = self.limit.max(self.stop.dtol * norm);
        let stopped = self.note_true(norm);
        self.show(stopped, x)
    }

    /// Shows x to the monitor, who may take it as it is, unless the solve has stopped anyway.
    pub fn show(&mut self, stopped: Option<Reason>, x: &[f64]) -> Option<Reason> {
        stopped.or_else(|| self.monitor.accepts(x).then_some(Reason::ConvergedUser))
    }

    /// Notes the residual after an iteration as the method's recurrence has it; says whether to stop.
    ///
    /// A `Converged…` answer is a claim that the method still has to check with [`ConvergenceTest::confirm`].
    pub fn note(&mut self, residual: f64) -> Option<Reason> {
        self.verified = None;
        self.note_true(residual)
    }

    /// Notes the residual after an iteration that computed it as b − A x.
    pub fn note_true(&mut self, residual: f64) -> Option<Reason> {
        self.history.push(residual);
        self.last = residual;
        let it = self.history.count() - 1;
        let go_on = self.monitor.iteration(it, residual) && !interrupt::requested();
        let verdict = self.judge(residual, go_on);
        self.claimed = verdict.is_some_and(Reason::converged);
        verdict
    }

    /// The residual noted last.
    pub fn last(&self) -> f64 {
        self.last
    }

    fn judge(&self, residual: f64, go_on: bool) -> Option<Reason> {
        let full = self.history.count() > self.stop.max_it;
        if residual == f64::NEG_INFINITY {
            Some(Reason::DivergedIndefinitePc)
        } else if !residual.is_finite() {
            Some(Reason::DivergedNan)
        } else if self.stop.norm == Norm::None {
            match (residual == 0.0, go_on, full) {
                (true, _, _) => Some(Reason::ConvergedAtol),
                (_, _, true) => Some(Reason::ConvergedIts),
                (_, false, _) => Some(Reason::DivergedIts),
                _ => None,
            }
        } else if residual <= self.stop.atol {
            Some(Reason::ConvergedAtol)
        } else if residual <= self.target {
            Some(Reason::ConvergedRtol)
        } else if residual > self.limit {
            Some(Reason::DivergedDtol)
        } else if !go_on || full {
            Some(Reason::DivergedIts)
        } else {
            None
        }
    }

    /// Checks a claim of convergence: r ← b − A x. `None` says that the recurrence had drifted from the truth, and
    /// that the method must go on from r; the history then holds the true value. Claims that prove false again and
    /// again, while the true residual falls no more, end with [`Reason::DivergedStagnation`].
    pub fn confirm(&mut self, x: &[f64], r: &mut [f64]) -> Option<Reason> {
        let residual = self.true_residual(x, r);
        let norm = self.norm_of(r, residual);
        self.history.replace_last(norm);
        self.last = norm;
        let verdict = self.judge(norm, true);
        let claimed = std::mem::take(&mut self.claimed);
        if !claimed || verdict.is_some_and(Reason::converged) || !norm.is_finite() {
            return verdict;
        }
        let stagnates = self.stagnation.disproved(norm, residual, x);
        verdict.or_else(|| stagnates.then_some(Reason::DivergedStagnation))
    }

    /// As [`ConvergenceTest::confirm`], for a residual noted last that is known to be untrue.
    pub(super) fn deny(&mut self, x: &[f64], r: &mut [f64]) -> Option<Reason> {
        self.claimed = true;
        self.confirm(x, r)
    }

    /// The whole solve by steps that update x and the residual r and return ‖r‖: what a method does that keeps no
    /// more between them.
    pub fn run(mut self, x: &mut [f64], r: &mut [f64], mut step: impl FnMut(&mut [f64], &mut [f64]) -> f64) -> Outcome {
        let mut stopped = self.begin(x, r);
        loop {
            if let Some(reason) = stopped {
                return self.finish(reason, x, r);
            }
            let norm = step(x, r);
            stopped = self.note(norm);
            if stopped.is_some_and(Reason::converged) {
                stopped = self.confirm(x, r);
            }
            stopped = self.show(stopped, x);
        }
    }

    /// The report; recomputes the residual of x (into r) unless it is known. A solve that has not converged ends with
    /// the best x that a claim of convergence has shown, where the last one is worse.
    pub fn finish(self, reason: Reason, x: &mut [f64], r: &mut [f64]) -> Outcome {
        let mut residual = match self.verified {
            Some(norm) => norm,
            None => self.residual(x, r),
        };
        let mut reason = reason;
        // An entry of x that A does not look at is missing in the residual.
        if !vector::all_finite(x) {
            (reason, residual) = (Reason::DivergedNan, f64::NAN);
        }
        if !reason.converged() {
            // It was as far as rounding lets it before it went wrong.
            if reason == Reason::DivergedDtol && self.stagnation.has_claims() {
                reason = Reason::DivergedStagnation;
            }
            residual = self.stagnation.restore(residual, x);
        }
        let iterations = self.history.count().saturating_sub(1);
        let (history, history_every) = self.history.into_parts();
        Outcome { reason, iterations, residual, b_norm: self.b_norm, history, history_every, last: self.last }
    }
}
