//! Iterative refinement of a direct solution.

use super::Csr;
use super::vector::{axpy, norm2};

/// At most `rounds` times x ← x + M (b − A x), M ≈ A⁻¹ being `solve` (r ← M r), while `go_on` says so, which sees x and
/// ‖b − A x‖₂ before each round.
///
/// Reference: Wilkinson (1963), Rounding Errors in Algebraic Processes, chapter 3.
///
/// # Panics
/// If lengths do not fit.
pub fn refine(
    a: &Csr,
    b: &[f64],
    x: &mut [f64],
    rounds: usize,
    solve: impl Fn(&mut [f64]),
    mut go_on: impl FnMut(&[f64], f64) -> bool,
) {
    let mut r = vec![0.0; b.len()];
    for _ in 0..rounds {
        a.residual(b, x, &mut r);
        if !go_on(x, norm2(&r)) {
            return;
        }
        solve(&mut r);
        axpy(1.0, &r, x);
    }
}

/// For [`refine`]: whether each residual is at most half the last one.
pub fn while_halved() -> impl FnMut(&[f64], f64) -> bool {
    let mut last = f64::INFINITY;
    move |_, size| {
        let halved = size < 0.5 * last;
        last = size;
        halved
    }
}
