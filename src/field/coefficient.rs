//! Positive coefficient fields from Gaussian ones.

use rand_chacha::ChaCha8Rng;

use super::gaussian::{Gaussian, Workspace, exponential, exponential_with_contrast};
use super::two_phase;

/// What becomes of a Gaussian field g.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// exp(g).
    Exponential,
    /// exp(a g + b) with max/min as given, around 1 (see [`exponential_with_contrast`]).
    Contrast(f64),
    /// One of two values by the sign of g.
    TwoPhase([f64; 2]),
    /// The second of two values at this share of the points, where g is largest.
    Fraction([f64; 2], f64),
}

/// A random positive field on a regular grid.
#[derive(Debug, Clone)]
pub struct Coefficient {
    /// The field that is drawn.
    pub gaussian: Gaussian,
    /// What becomes of it.
    pub shape: Shape,
}

impl Coefficient {
    /// field ← a draw, row-major, x fastest.
    pub fn draw(&self, rng: &mut ChaCha8Rng, ws: &mut Workspace, field: &mut Vec<f64>) {
        self.gaussian.draw(rng, ws, field);
        self.shape.apply(field);
    }
}

impl Shape {
    /// Values of g → those of the coefficient; max, min and shares are over the values given.
    pub fn apply(self, g: &mut [f64]) {
        match self {
            Shape::Exponential => exponential(g),
            Shape::Contrast(contrast) => exponential_with_contrast(g, contrast),
            Shape::TwoPhase(phases) => two_phase::by_sign(g, phases),
            Shape::Fraction(phases, fraction) => two_phase::by_fraction(g, phases, fraction),
        }
    }
}
