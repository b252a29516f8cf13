//! A model for tests: it knows what a network would have to learn.

use super::{Model, PredictOptions};
use crate::error::Result;
use crate::precond::sine_modes;
use crate::solve::Acceleration;
use crate::system::LinearSystem;

/// Predicts that many sine modes of the square grid that the unknowns are.
pub struct SineModes(pub usize);

impl Model for SineModes {
    fn name(&self) -> &'static str {
        "sine-modes"
    }

    fn parameters(&self) -> usize {
        0
    }

    fn predict(&self, system: &LinearSystem, _options: &PredictOptions) -> Result<Acceleration> {
        Ok(Acceleration::space(sine_modes(system.n().isqrt(), self.0)?))
    }
}
