//! How far a system is solved, and for which right-hand sides.

use super::recipe::{EvalRecipe, Measure, Target};
use crate::error::{Error, Result};
use crate::rng::{Purpose, normals, stream};
use crate::solver::{KnownSolution, Monitor, Quiet, Stop};
use crate::system::LinearSystem;

/// How far a system is solved.
#[derive(Debug, Clone, Copy)]
pub struct Until {
    /// What is to be reached.
    pub target: Target,
    /// Most iterations.
    pub max_it: usize,
    /// For how many right-hand sides.
    pub right_hand_sides: usize,
}

impl Until {
    /// Nowhere near: what shows whether a row can be used at all.
    pub fn one_iteration(target: Target, recipe: &EvalRecipe) -> Self {
        Until { target, max_it: 1, right_hand_sides: recipe.right_hand_sides }
    }

    /// When to stop, and who watches.
    ///
    /// # Errors
    /// [`Error::Argument`] where the error is to be watched and the dataset holds no solutions.
    pub fn rule<'a>(&self, system: &'a LinearSystem) -> Result<(Stop, Box<dyn Monitor + 'a>)> {
        let (stop, monitor): (Stop, Box<dyn Monitor>) = match self.target.measure {
            Measure::Residual => (Stop::rtol(self.target.rtol), Box::new(Quiet)),
            Measure::Error | Measure::AbsoluteError => {
                let exact = system.solution.as_deref().ok_or_else(|| {
                    Error::Argument(
                        "error: the dataset holds no solutions to compare with; generate it with them, or use rtol"
                            .into(),
                    )
                })?;
                // The error alone decides.
                let stop = Stop { atol: 0.0, ..Stop::rtol(0.0) };
                let known = match self.target.measure {
                    Measure::AbsoluteError => KnownSolution::within(exact, self.target.rtol),
                    _ => KnownSolution::new(exact, self.target.rtol),
                };
                (stop, Box::new(known))
            }
        };
        Ok((Stop { max_it: self.max_it, ..stop }, monitor))
    }
}

/// The k-th right-hand side of a system beyond its own: normal, the same for every row.
pub fn further_right_hand_side(system: &LinearSystem, k: usize) -> Vec<f64> {
    normals(&mut stream(k as u64, Purpose::Measure, system.index), system.n())
}
