//! The Gaussian error linear unit, in its tanh form (Hendrycks & Gimpel 2016, arXiv:1606.08415).

use dfdx::prelude::{Cpu, Device, Tape};

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value, each};
use crate::nn::Real;

/// √(2/π).
const SLOPE: f64 = 0.797_884_560_802_865_4;

/// Factor of the cubic term.
const CUBIC: f64 = 0.044_715;

/// The Gaussian error linear unit.
pub trait GeluOp: Engine {
    /// x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.
    fn gelu(&mut self, x: &Self::Value) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> GeluOp for FusedOps<E, T> {
    fn gelu(&mut self, x: &Value<E>) -> Value<E> {
        let mut y = vec![E::default(); x.data().len()];
        each(&mut y, x.data(), |y, x| *y = value(x));
        let out = Value::new(y, x.cols());
        let (sx, so, x) = (x.slot(), out.slot(), x.data().clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(mut g) = so.take(grads) {
                each(&mut g, &x, |g, x| *g *= derivative(x));
                sx.add(grads, g);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> GeluOp for DfdxOps<E, D, T> {
    fn gelu(&mut self, x: &Table<E, D>) -> Table<E, D> {
        let slope = self.on(x, |x| x.square() * E::narrow(SLOPE * CUBIC) + E::narrow(SLOPE));
        let inner = self.times(&slope, x);
        let share = self.on(&inner, |u| u.tanh() * E::narrow(0.5) + E::narrow(0.5));
        self.times(&share, x)
    }
}

/// The argument of the logistic function: (1 + tanh u) / 2 is that of 2 u.
#[inline(always)]
fn argument<E: Real>(x: E) -> E {
    E::narrow(2.0 * SLOPE) * x + E::narrow(2.0 * SLOPE * CUBIC) * x * x * x
}

/// The unit of one number.
#[inline(always)]
pub(in crate::nn) fn value<E: Real>(x: E) -> E {
    x * argument(x).logistic()
}

#[inline(always)]
fn derivative<E: Real>(x: E) -> E {
    let (s, one) = (argument(x).logistic(), E::narrow(1.0));
    let inner = E::narrow(2.0 * SLOPE) + E::narrow(6.0 * SLOPE * CUBIC) * x * x;
    s + x * s * (one - s) * inner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(derivatives, [(NODES, 3)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.gelu(&x)
    });

    #[test]
    fn is_close_to_the_gaussian_form() {
        // x Φ(x): Φ(1) = 0.841345, Φ(−2) = 0.022750.
        for (x, exact) in [(0.0f64, 0.0), (1.0, 0.841_345), (-2.0, -0.045_500), (6.0, 6.0)] {
            assert!((value(x) - exact).abs() < 5e-4, "{x}: {}", value(x));
        }
    }
}
