//! Random coefficient fields: Gaussian random fields by FFT, two-phase fields of their sign.

pub mod gaussian;
pub mod two_phase;
