//! The attainable accuracy: claims of convergence that the true residual denies, and the best x among them.

/// What a further claim must bring the true residual to, relative to the best one, to count as progress.
const PROGRESS: f64 = 0.9;
/// Claims without progress after which a solve ends.
const PATIENCE: usize = 3;

/// The claims of one solve that have proved false.
#[derive(Debug, Default)]
pub(super) struct Stagnation {
    best: Option<Best>,
    without_progress: usize,
}

#[derive(Debug)]
struct Best {
    /// In the norm of the stopping rule.
    norm: f64,
    /// ‖b − A x‖₂.
    residual: f64,
    x: Vec<f64>,
}

impl Stagnation {
    /// Notes a claim for x that has proved false; says whether the solve makes no progress any more.
    pub(super) fn disproved(&mut self, norm: f64, residual: f64, x: &[f64]) -> bool {
        match &mut self.best {
            None => self.best = Some(Best { norm, residual, x: x.to_vec() }),
            Some(best) => {
                self.without_progress = if norm <= PROGRESS * best.norm { 0 } else { self.without_progress + 1 };
                if norm < best.norm {
                    (best.norm, best.residual) = (norm, residual);
                    best.x.copy_from_slice(x);
                }
            }
        }
        self.without_progress >= PATIENCE
    }

    /// Puts the best x of those noted in the place of one of a larger residual; returns the residual of what is left.
    pub(super) fn restore(&self, residual: f64, x: &mut [f64]) -> f64 {
        match &self.best {
            Some(best) if residual.is_nan() || best.residual < residual => {
                x.copy_from_slice(&best.x);
                best.residual
            }
            _ => residual,
        }
    }
}
