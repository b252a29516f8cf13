//! The bookkeeping of one solve: arguments checked, residuals noted, the stopping rule applied.

use super::stop::{Monitor, Outcome, Reason, Stop};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, vector};

/// The history is allocated once for up to this many iterations; only longer solves let it grow.
const HISTORY: usize = 1 << 16;

/// One solve under way.
pub(super) struct Run<'a> {
    a: &'a dyn LinOp,
    b: &'a [f64],
    stop: &'a Stop,
    monitor: &'a mut dyn Monitor,
    b_norm: f64,
    /// max(rtol ‖b‖, atol).
    pub(super) target: f64,
    limit: f64,
    history: Vec<f64>,
    /// The true residual of the current x, where it has just been computed.
    verified: Option<f64>,
}

impl<'a> Run<'a> {
    /// Checks sizes and values; sets x ← 0 if b = 0.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A and M are n×n and b and x have n entries; [`Error::Numeric`] if b or x holds NaN
    /// or infinity or ‖b‖ overflows; [`Error::Argument`] for impossible tolerances.
    pub(super) fn start(
        a: &'a dyn LinOp,
        m: &dyn LinOp,
        b: &'a [f64],
        x: &mut [f64],
        stop: &'a Stop,
        monitor: &'a mut dyn Monitor,
    ) -> Result<Self> {
        stop.check()?;
        let (n, columns) = a.shape();
        if n != columns {
            return Err(Error::shape(
                "matrix of a linear system",
                "as many columns as rows",
                format!("{n}×{columns}"),
            ));
        }
        if m.shape() != (n, n) {
            let (p, q) = m.shape();
            return Err(Error::shape(
                "preconditioner",
                format!("{n}×{n}"),
                format!("{p}×{q}"),
            ));
        }
        for (what, v) in [("right-hand side", b), ("initial guess", &*x)] {
            if v.len() != n {
                return Err(Error::shape(what, n, v.len()));
            }
            if let Some(i) = v.iter().position(|v| !v.is_finite()) {
                return Err(Error::Numeric(format!(
                    "{what}: entry {i} is {}, not a finite number",
                    v[i]
                )));
            }
        }
        if b.iter().all(|&v| v == 0.0) {
            x.fill(0.0);
        }
        let b_norm = vector::norm2(b);
        if !b_norm.is_finite() {
            return Err(Error::Numeric(
                "right-hand side: its norm overflows; scale the system".into(),
            ));
        }
        Ok(Run {
            a,
            b,
            stop,
            monitor,
            b_norm,
            target: stop.target(b_norm),
            limit: stop.dtol * b_norm,
            history: Vec::with_capacity(stop.max_it.min(HISTORY) + 1),
            verified: None,
        })
    }

    /// r ← b − A x; returns ‖r‖.
    pub(super) fn residual(&self, x: &[f64], r: &mut [f64]) -> f64 {
        self.a.apply(x, r);
        for (r, b) in r.iter_mut().zip(self.b) {
            *r = b - *r;
        }
        vector::norm2(r)
    }

    /// As [`Run::residual`], remembered as the true residual of the current x.
    pub(super) fn true_residual(&mut self, x: &[f64], r: &mut [f64]) -> f64 {
        let norm = self.residual(x, r);
        self.verified = Some(norm);
        norm
    }

    /// r ← b − A x and notes it as iteration 0.
    pub(super) fn begin(&mut self, x: &[f64], r: &mut [f64]) -> Option<Reason> {
        let norm = self.true_residual(x, r);
        self.limit = self.limit.max(self.stop.dtol * norm);
        self.note_true(norm)
    }

    /// Notes the residual after an iteration as the method's recurrence has it; says whether to stop.
    ///
    /// A `Converged…` answer is a claim that the method still has to check with [`Run::confirm`].
    pub(super) fn note(&mut self, residual: f64) -> Option<Reason> {
        self.verified = None;
        self.note_true(residual)
    }

    /// Notes the residual after an iteration that computed it as b − A x.
    pub(super) fn note_true(&mut self, residual: f64) -> Option<Reason> {
        self.history.push(residual);
        let it = self.history.len() - 1;
        let go_on = self.monitor.iteration(it, residual);
        self.judge(residual, go_on)
    }

    /// The residual noted last.
    pub(super) fn last(&self) -> f64 {
        self.history.last().copied().unwrap_or(f64::NAN)
    }

    fn judge(&self, residual: f64, go_on: bool) -> Option<Reason> {
        if !residual.is_finite() {
            Some(Reason::DivergedNan)
        } else if residual <= self.stop.atol {
            Some(Reason::ConvergedAtol)
        } else if residual <= self.target {
            Some(Reason::ConvergedRtol)
        } else if residual > self.limit {
            Some(Reason::DivergedDtol)
        } else if !go_on || self.history.len() > self.stop.max_it {
            Some(Reason::DivergedIts)
        } else {
            None
        }
    }

    /// Checks a claim of convergence: r ← b − A x. `None` says that the recurrence had drifted from the truth, and
    /// that the method must go on from r; the history then holds the true value.
    pub(super) fn confirm(&mut self, x: &[f64], r: &mut [f64]) -> Option<Reason> {
        let norm = self.true_residual(x, r);
        if let Some(last) = self.history.last_mut() {
            *last = norm;
        }
        self.judge(norm, true)
    }

    /// The report; recomputes the residual of x (into r) unless it is known.
    pub(super) fn finish(self, reason: Reason, x: &[f64], r: &mut [f64]) -> Outcome {
        let residual = match self.verified {
            Some(norm) => norm,
            None => self.residual(x, r),
        };
        Outcome {
            reason,
            iterations: self.history.len().saturating_sub(1),
            residual,
            b_norm: self.b_norm,
            history: self.history,
        }
    }
}
