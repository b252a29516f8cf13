//! x y, entry by entry.

use dfdx::prelude::{Cpu, Device, Tape};

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value, each};
use crate::nn::Real;

/// Products entry by entry.
pub trait MultiplyOp: Engine {
    /// x y, entry by entry.
    fn multiply(&mut self, x: &Self::Value, y: &Self::Value) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> MultiplyOp for FusedOps<E, T> {
    fn multiply(&mut self, x: &Value<E>, y: &Value<E>) -> Value<E> {
        let times = |a: &[E], b: &[E]| -> Vec<E> {
            let mut product = a.to_vec();
            each(&mut product, b, |a, b| *a *= b);
            product
        };
        let out = Value::new(times(&x.data, &y.data), x.cols);
        let (sx, sy, so) = (x.slot(), y.slot(), out.slot());
        let (x, y) = (x.data.clone(), y.data.clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                sx.add(grads, times(&g, &y));
                sy.add(grads, times(&g, &x));
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> MultiplyOp for DfdxOps<E, D, T> {
    fn multiply(&mut self, x: &Table<E, D>, y: &Table<E, D>) -> Table<E, D> {
        self.times(x, y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(derivatives, [(NODES, 2), (NODES, 2)], |o, _at, p| {
        let (x, y) = (table(o, &p[0]), table(o, &p[1]));
        o.multiply(&x, &y)
    });
}
