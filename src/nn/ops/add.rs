//! x + y.

use dfdx::prelude::{Cpu, Device, Tape};

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value, each};
use crate::nn::Real;

/// Sums entry by entry.
pub trait AddOp: Engine {
    /// x + y of equal shapes.
    fn add(&mut self, x: &Self::Value, y: &Self::Value) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> AddOp for FusedOps<E, T> {
    fn add(&mut self, x: &Value<E>, y: &Value<E>) -> Value<E> {
        let mut sum = x.data.to_vec();
        each(&mut sum, &y.data, |a, b| *a += b);
        let out = Value::new(sum, x.cols);
        let (sx, sy, so) = (x.slot(), y.slot(), out.slot());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                sx.add(grads, g.clone());
                sy.add(grads, g);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> AddOp for DfdxOps<E, D, T> {
    fn add(&mut self, x: &Table<E, D>, y: &Table<E, D>) -> Table<E, D> {
        self.plus(x, y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(derivatives, [(NODES, 2), (NODES, 2)], |o, _at, p| {
        let (x, y) = (table(o, &p[0]), table(o, &p[1]));
        let sum = o.add(&x, &y);
        o.add(&sum, &x)
    });
}
