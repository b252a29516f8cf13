//! Leaky ReLU.

use dfdx::prelude::{Cpu, Device, PutTape, Shape, SplitTape, Tape, Tensor, add};

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value, each};
use crate::nn::Real;

/// Leaky ReLU.
pub trait ActivateOp: Engine {
    /// x where positive, `slope` x below.
    fn activate(&mut self, x: &Self::Value, slope: f64) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> ActivateOp for FusedOps<E, T> {
    fn activate(&mut self, x: &Value<E>, slope: f64) -> Value<E> {
        let slope = E::narrow(slope);
        let mut y = x.data.to_vec();
        each(&mut y, &x.data, |y, x| {
            if x <= E::default() {
                *y *= slope;
            }
        });
        let out = Value::new(y, x.cols);
        let (sx, so, x) = (x.slot(), out.slot(), x.data.clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(mut g) = so.take(grads) {
                each(&mut g, &x, |g, x| {
                    if x <= E::default() {
                        *g *= slope;
                    }
                });
                sx.add(grads, g);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> ActivateOp for DfdxOps<E, D, T> {
    fn activate(&mut self, x: &Table<E, D>, slope: f64) -> Table<E, D> {
        self.on(x, |x| leaky_relu(x, slope))
    }
}

/// x where positive, `slope` x below.
pub(super) fn leaky_relu<S: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<S, E, D, T>,
    slope: f64,
) -> Tensor<S, E, D, T> {
    if slope == 0.0 {
        return x.relu();
    }
    let (x, tape) = x.split_tape();
    let (above, tape) = x.clone().put_tape(tape).relu().split_tape();
    let below = x.put_tape(tape).negate().relu() * E::narrow(-slope);
    add(below, above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(leaky, [(NODES, 3)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.activate(&x, 0.1)
    });

    check!(zero_below, [(NODES, 3)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.activate(&x, 0.0)
    });
}
