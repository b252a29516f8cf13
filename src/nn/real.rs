//! The numbers that networks compute with.

use dfdx::prelude::Dtype;

/// Numbers that both dfdx and faer compute with: f32 and f64.
pub trait Real: Dtype + faer::traits::ComplexField {
    /// To f64.
    fn wide(self) -> f64;
    /// From f64, rounded.
    fn narrow(v: f64) -> Self;
    /// The logistic function 1 / (1 + exp(−t)).
    fn logistic(self) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn narrow(v: f64) -> Self {
        v as f32
    }
    #[inline(always)]
    fn logistic(self) -> Self {
        // Beyond that the result is 0 or 1 to single precision; a NaN becomes a number here.
        1.0 / (1.0 + exp((-self).clamp(-87.0, 87.0)))
    }
}

impl Real for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn narrow(v: f64) -> Self {
        v
    }
    fn logistic(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }
}

/// exp(t) for |t| ≤ 87 to 2⁻²² relative. Without branches, calls and tables, so that loops over it become vector
/// instructions, which the standard library's does not.
#[inline(always)]
fn exp(t: f32) -> f32 {
    // Adding 1.5 · 2²³ rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first of few bits: k times it is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let shifted = t * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = t - k * LN_2[0] - k * LN_2[1];
    // Taylor's polynomial: |r| ≤ ln(2)/2.
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    let p = series.iter().fold(1.0 / 5040.0, |p, c| p * r + c) * r + 1.0;
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logistic_function_is_exact_to_single_precision() {
        for i in -120_000..120_000 {
            let t = i as f32 * 1e-3;
            let exact = f64::from(t).logistic();
            let error = (f64::from(t.logistic()) - exact).abs();
            assert!(error <= 4e-7 * exact + 1e-37, "{t}: {} for {exact}", t.logistic());
        }
    }
}
