//! Random coefficient fields: positive polynomials, Gaussian random fields by FFT, two-phase fields of their sign.

pub mod gaussian;
pub mod polynomial;
pub mod two_phase;
