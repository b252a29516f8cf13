//! Coefficient fields: random ones (positive polynomials, Gaussian random fields by FFT, positive and two-phase ones of
//! them), and expressions.

mod bernstein;
pub mod coefficient;
pub mod expression;
pub mod gaussian;
pub mod polynomial;
pub mod positive;
pub mod two_phase;
