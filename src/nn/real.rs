//! The numbers that networks compute with.

use dfdx::prelude::Dtype;

/// Numbers that both dfdx and faer compute with: f32 and f64.
pub trait Real: Dtype + faer::traits::ComplexField {
    /// To f64.
    fn wide(self) -> f64;
    /// From f64, rounded.
    fn narrow(v: f64) -> Self;
}

impl Real for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn narrow(v: f64) -> Self {
        v as f32
    }
}

impl Real for f64 {
    fn wide(self) -> f64 {
        self
    }
    fn narrow(v: f64) -> Self {
        v
    }
}
