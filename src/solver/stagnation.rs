//! The attainable accuracy: claims of convergence that the true residual denies, and the best x among them.

/// What a further claim must bring the true residual to, relative to the best one, to count as progress.
const PROGRESS: f64 = 0.9;
/// Claims without progress after which a solve ends.
const PATIENCE: usize = 3;

/// The claims of one solve that have proved false, and the best x of them.
#[derive(Debug)]
pub(super) struct Stagnation {
    /// Its residual in the norm of the stopping rule; infinite before the first.
    norm: f64,
    /// ‖b − A x‖₂.
    residual: f64,
    /// Empty before the first, with its memory at hand.
    x: Vec<f64>,
    without_progress: usize,
}

impl Stagnation {
    /// For systems of n unknowns.
    pub(super) fn new(n: usize) -> Self {
        Stagnation { norm: f64::INFINITY, residual: f64::INFINITY, x: Vec::with_capacity(n), without_progress: 0 }
    }

    /// Notes a claim for x that has proved false; says whether the solve makes no progress any more.
    pub(super) fn disproved(&mut self, norm: f64, residual: f64, x: &[f64]) -> bool {
        self.without_progress = if norm <= PROGRESS * self.norm { 0 } else { self.without_progress + 1 };
        if norm < self.norm {
            (self.norm, self.residual) = (norm, residual);
            self.x.clear();
            self.x.extend_from_slice(x);
        }
        self.without_progress >= PATIENCE
    }

    /// Whether a claim has proved false.
    pub(super) fn has_claims(&self) -> bool {
        self.residual < f64::INFINITY
    }

    /// Puts the best x of those noted in the place of one of a larger residual; returns the residual of what is left.
    pub(super) fn restore(&self, residual: f64, x: &mut [f64]) -> f64 {
        if self.has_claims() && (residual.is_nan() || self.residual < residual) {
            x.copy_from_slice(&self.x);
            return self.residual;
        }
        residual
    }
}
