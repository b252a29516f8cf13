//! Some rows of a table.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Device, Tape};

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use crate::nn::Real;

/// Some rows of a table.
pub trait SelectOp: Engine {
    /// The rows of x that `index` names; no row twice.
    fn select(&mut self, x: &Self::Value, index: &Arc<Vec<u32>>) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> SelectOp for FusedOps<E, T> {
    fn select(&mut self, x: &Value<E>, index: &Arc<Vec<u32>>) -> Value<E> {
        let width = x.cols;
        let row = move |i: u32| i as usize * width..(i as usize + 1) * width;
        let rows = index.iter().flat_map(|&i| x.data[row(i)].iter().copied());
        let out = Value::new(rows.collect(), width);
        let (sx, so, len, index) = (x.slot(), out.slot(), x.data.len(), index.clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                let mut dx = vec![E::default(); len];
                for (&i, g) in index.iter().zip(g.chunks_exact(width)) {
                    dx[row(i)].copy_from_slice(g);
                }
                sx.add(grads, dx);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> SelectOp for DfdxOps<E, D, T> {
    fn select(&mut self, x: &Table<E, D>, index: &Arc<Vec<u32>>) -> Table<E, D> {
        let wide = index.iter().map(|&i| i as usize).collect();
        let index = self.device.tensor_from_vec(wide, (index.len(),));
        self.rows(x, &index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(derivatives, [(NODES, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.select(&x, &Arc::new(vec![4, 0, 3]))
    });
}
