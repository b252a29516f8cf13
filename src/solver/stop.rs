//! The stopping rule, the reasons for stopping, and the report, shared by all methods.

/// When to stop: ‖b − A x‖₂ ≤ max(rtol ‖b‖₂, atol), after `max_it` iterations, or beyond dtol ‖b‖₂.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    pub rtol: f64,
    pub atol: f64,
    /// Divergence: ‖b − A x‖₂ > dtol ‖b‖₂.
    pub dtol: f64,
    pub max_it: usize,
}

impl Default for Stop {
    fn default() -> Self {
        Stop {
            rtol: 1e-8,
            atol: 1e-50,
            dtol: 1e5,
            max_it: 10_000,
        }
    }
}

impl Stop {
    /// The default rule with another relative tolerance.
    pub fn rtol(rtol: f64) -> Self {
        Stop {
            rtol,
            ..Self::default()
        }
    }

    /// The absolute target for a right-hand side of this norm.
    pub fn target(&self, b_norm: f64) -> f64 {
        (self.rtol * b_norm).max(self.atol)
    }
}

/// Why a solve ended; printed with PETSc's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// ‖r‖ ≤ rtol ‖b‖.
    ConvergedRtol,
    /// ‖r‖ ≤ atol.
    ConvergedAtol,
    /// The iteration limit was hit.
    DivergedIts,
    /// ‖r‖ > dtol ‖b‖.
    DivergedDtol,
    /// Not a number or infinite.
    DivergedNan,
    /// pᵀ A p ≤ 0 met: A is not positive definite.
    DivergedIndefiniteMat,
    /// rᵀ M⁻¹ r ≤ 0 met: the preconditioner is not positive definite.
    DivergedIndefinitePc,
    /// The method broke down (a division by zero in its recurrences).
    DivergedBreakdown,
}

impl Reason {
    pub fn converged(self) -> bool {
        matches!(self, Reason::ConvergedRtol | Reason::ConvergedAtol)
    }

    /// PETSc's name.
    pub fn name(self) -> &'static str {
        match self {
            Reason::ConvergedRtol => "CONVERGED_RTOL",
            Reason::ConvergedAtol => "CONVERGED_ATOL",
            Reason::DivergedIts => "DIVERGED_ITS",
            Reason::DivergedDtol => "DIVERGED_DTOL",
            Reason::DivergedNan => "DIVERGED_NANORINF",
            Reason::DivergedIndefiniteMat => "DIVERGED_INDEFINITE_MAT",
            Reason::DivergedIndefinitePc => "DIVERGED_INDEFINITE_PC",
            Reason::DivergedBreakdown => "DIVERGED_BREAKDOWN",
        }
    }
}

/// What a solve did. `residual` and `history` are true residual norms ‖b − A x‖₂ wherever the method has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub reason: Reason,
    /// Applications of the preconditioner that advanced x.
    pub iterations: usize,
    /// ‖b − A x‖₂ of the returned x, recomputed.
    pub residual: f64,
    pub b_norm: f64,
    /// Residual norm before the first and after each iteration.
    pub history: Vec<f64>,
}

impl Outcome {
    pub fn converged(&self) -> bool {
        self.reason.converged()
    }

    /// ‖b − A x‖₂ / ‖b‖₂ (the absolute residual where b = 0).
    pub fn relative_residual(&self) -> f64 {
        if self.b_norm > 0.0 {
            self.residual / self.b_norm
        } else {
            self.residual
        }
    }
}

/// Told of every iteration; returning false stops the solve with [`Reason::DivergedIts`].
pub trait Monitor {
    fn iteration(&mut self, it: usize, residual: f64) -> bool;
}

/// The monitor that says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Monitor for Quiet {
    fn iteration(&mut self, _it: usize, _residual: f64) -> bool {
        true
    }
}
