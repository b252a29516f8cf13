//! Random coefficient fields: positive polynomials, Gaussian random fields by FFT, positive and two-phase ones of them.

mod bernstein;
pub mod coefficient;
pub mod gaussian;
pub mod polynomial;
pub mod two_phase;
