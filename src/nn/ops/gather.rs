//! Rows of a table by number: patches of images, entries of blocks, parts of tables.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Device, HasShape, ReshapeTo, Tape};
use rayon::prelude::*;

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use crate::nn::Real;
use crate::nn::graph::CHUNK;

/// The number of a row of zeros.
pub const NO_ROW: u32 = u32::MAX;

/// Rows by number.
pub trait GatherOp: Engine {
    /// Reads x as rows of `width` numbers; row r of the result is the `side` of them that `index` names from r · `side`
    /// on, side by side, zeros for [`NO_ROW`].
    fn gather(&mut self, x: &Self::Value, index: &Arc<Vec<u32>>, width: usize, side: usize) -> Self::Value;

    /// Rows of x.
    fn select(&mut self, x: &Self::Value, index: &Arc<Vec<u32>>) -> Self::Value {
        let width = self.shape(x).1;
        self.gather(x, index, width, 1)
    }
}

impl<E: Real, T: Tape<E, Cpu>> GatherOp for FusedOps<E, T> {
    fn gather(&mut self, x: &Value<E>, index: &Arc<Vec<u32>>, width: usize, side: usize) -> Value<E> {
        let row = move |i: u32| i as usize * width..(i as usize + 1) * width;
        let mut data = vec![E::default(); index.len() * width];
        data.par_chunks_mut(CHUNK * width).zip(index.par_chunks(CHUNK)).for_each(|(to, index)| {
            for (to, &i) in to.chunks_exact_mut(width).zip(index).filter(|(_, i)| **i != NO_ROW) {
                to.copy_from_slice(&x.data[row(i)]);
            }
        });
        let out = Value::new(data, width * side);
        let (sx, so, len, index) = (x.slot(), out.slot(), x.data.len(), index.clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                let mut dx = vec![E::default(); len];
                for (&i, g) in index.iter().zip(g.chunks_exact(width)).filter(|(i, _)| **i != NO_ROW) {
                    dx[row(i)].iter_mut().zip(g).for_each(|(d, &g)| *d += g);
                }
                sx.add(grads, dx);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> GatherOp for DfdxOps<E, D, T> {
    fn gather(&mut self, x: &Table<E, D>, index: &Arc<Vec<u32>>, width: usize, side: usize) -> Table<E, D> {
        let (rows, cols) = *x.shape();
        let x = self.on(x, |x| x.reshape_like(&(rows * cols / width.max(1), width)));
        let there = |i: u32| i != NO_ROW;
        let wide = index.iter().map(|&i| if there(i) { i as usize } else { 0 }).collect();
        let rows = self.device.tensor_from_vec(wide, (index.len(),));
        let y = self.rows(&x, &rows);
        let kept = self.column(index.iter().map(|&i| f64::from(u8::from(there(i)))));
        let kept = self.spread(&kept, width);
        let y = self.times(&y, &kept);
        self.on(&y, |y| y.reshape_like(&(index.len() / side.max(1), width * side)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table, untaped};

    check!(derivatives, [(NODES, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.select(&x, &Arc::new(vec![4, 0, 3]))
    });

    check!(derivatives_side_by_side, [(NODES, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.gather(&x, &Arc::new(vec![4, NO_ROW, 3, 4, 13, 0]), 1, 3)
    });

    #[test]
    fn rows_are_named_and_missing_ones_are_zero() {
        let x = Value::new(vec![1.0, 2.0, 3.0, 4.0], 2);
        let y = untaped().gather(&x, &Arc::new(vec![1, NO_ROW, 0, 1]), 2, 2);
        assert_eq!((y.rows(), y.cols(), &**y.data()), (2, 4, &vec![3.0, 4.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]));
    }
}
