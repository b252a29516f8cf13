//! Systems in units far from one: solved for b of about unit size, so that no inner product under- or overflows.

use super::stop::{Monitor, Outcome, Reason, Stop};
use crate::error::Result;
use crate::linalg::{LinOp, vector};

/// Sizes of b for which squares of what an iteration works with stay far from the ends of the range of numbers.
const SAFE: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

/// A monitor told of residuals and iterates in the units of the caller.
struct InUnits<'a> {
    monitor: &'a mut dyn Monitor,
    unit: f64,
    x: Vec<f64>,
}

impl Monitor for InUnits<'_> {
    fn iteration(&mut self, it: usize, residual: f64) -> bool {
        self.monitor.iteration(it, residual * self.unit)
    }
    fn accepts(&mut self, x: &[f64]) -> bool {
        self.x.clear();
        self.x.extend(x.iter().map(|x| x * self.unit));
        self.monitor.accepts(&self.x)
    }
}

/// `solve(b, x, stop, monitor)` for A x = b, or where the entries of b (and of b − A x, of the given x) are far from
/// one, for A (x/s) = b/s with s a power of two: the iterates are the same up to that factor, bit for bit.
///
/// # Errors
/// Those of `solve`.
pub(super) fn in_units_of_b(
    a: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
    solve: impl FnOnce(&[f64], &mut [f64], &Stop, &mut dyn Monitor) -> Result<Outcome>,
) -> Result<Outcome> {
    let Some(unit) = unit(a, b, x) else {
        return solve(b, x, stop, monitor);
    };
    let scaled: Vec<f64> = b.iter().map(|b| b / unit).collect();
    x.iter_mut().for_each(|x| *x /= unit);
    let own = Stop { atol: (stop.atol / unit).min(f64::MAX), ..*stop };
    let mut told = InUnits { monitor, unit, x: Vec::with_capacity(b.len()) };
    let solved = solve(&scaled, x, &own, &mut told);
    x.iter_mut().for_each(|x| *x *= unit);
    let mut outcome = solved?;
    outcome.b_norm *= unit;
    outcome.history.iter_mut().for_each(|r| *r *= unit);
    outcome.last *= unit;
    // Measured on the x that is returned: subnormal entries are rounded.
    let mut r = vec![0.0; b.len()];
    a.apply(x, &mut r);
    r.iter_mut().zip(b).for_each(|(r, b)| *r = b - *r);
    let before = outcome.residual * unit;
    outcome.residual = vector::norm2(&r);
    if outcome.converged() && outcome.residual > 1.01 * before.max(stop.target(outcome.b_norm)) {
        outcome.reason = Reason::DivergedStagnation;
    }
    Ok(outcome)
}

/// The power of two to divide by; none where b is of an ordinary size, or no vector of numbers that fits A.
fn unit(a: &dyn LinOp, b: &[f64], x: &[f64]) -> Option<f64> {
    let mut size = vector::norm_inf(b);
    if size == 0.0 || SAFE.contains(&size) || !size.is_finite() {
        return None;
    }
    if a.shape() != (b.len(), x.len()) || !vector::all_finite(x) {
        return None;
    }
    if x.iter().any(|&x| x != 0.0) {
        let mut r = vec![0.0; b.len()];
        a.apply(x, &mut r);
        r.iter_mut().zip(b).for_each(|(r, b)| *r = b - *r);
        size = size.max(vector::norm_inf(&r));
    }
    (size.is_finite() && !SAFE.contains(&size)).then(|| vector::power_of_two_below(size))
}
