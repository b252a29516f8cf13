//! Nodes summing over their edges.

use dfdx::prelude::{Cpu, Device, HasShape, Tape};
use rayon::prelude::*;

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::Graphs;
use crate::nn::graph::{CHUNK, Incidence};

/// What a node makes of the rows of its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
}

/// Nodes summing over their edges.
pub trait AggregateOp: Engine {
    /// y_i = the sum or mean of the rows of the edges into (or out of) node i; 0 where there is none.
    fn aggregate(&mut self, at: &Self::Batch, h: &Self::Value, into: bool, reduce: Reduce) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> AggregateOp for FusedOps<E, T> {
    fn aggregate(&mut self, at: &Graphs<E>, h: &Value<E>, into: bool, reduce: Reduce) -> Value<E> {
        let at = at.incidence();
        let width = h.cols();
        let share = move |at: &Incidence, i: usize| match reduce {
            Reduce::Sum => E::narrow(1.0),
            Reduce::Mean => E::narrow(1.0 / at.degree(i, into).max(1) as f64),
        };
        let mut y = at.sums(h.data(), width, into);
        for (i, row) in y.chunks_exact_mut(width).enumerate() {
            row.iter_mut().for_each(|v| *v *= share(at, i));
        }
        let out = Value::new(y, width);
        let (sh, so, at) = (h.slot(), out.slot(), at.clone());
        self.tape.add_backward_op(move |grads| {
            let Some(g) = so.take(grads) else {
                return Ok(());
            };
            let mut dh = vec![E::default(); at.edges() * width];
            dh.par_chunks_mut(CHUNK * width).enumerate().for_each(|(c, rows)| {
                for (k, row) in rows.chunks_exact_mut(width).enumerate() {
                    let ends = if into { &at.target } else { &at.source };
                    let i = ends[c * CHUNK + k] as usize;
                    let factor = share(&at, i);
                    for (d, &g) in row.iter_mut().zip(&g[i * width..(i + 1) * width]) {
                        *d = factor * g;
                    }
                }
            });
            sh.add(grads, dh);
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> AggregateOp for DfdxOps<E, D, T> {
    fn aggregate(&mut self, at: &Lists<E, D>, h: &Table<E, D>, into: bool, reduce: Reduce) -> Table<E, D> {
        let groups = if into { &at.into } else { &at.out };
        let sums = self.sums(h, groups);
        match reduce {
            Reduce::Sum => sums,
            Reduce::Mean => {
                let shares = self.spread(&groups.shares, h.shape().1);
                self.times(&sums, &shares)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{check, edges, table};

    check!(mean_into, [(edges(), 2)], |o, at, p| {
        let h = table(o, &p[0]);
        o.aggregate(at, &h, true, Reduce::Mean)
    });

    check!(mean_out_of, [(edges(), 2)], |o, at, p| {
        let h = table(o, &p[0]);
        o.aggregate(at, &h, false, Reduce::Mean)
    });

    check!(sum_into, [(edges(), 2)], |o, at, p| {
        let h = table(o, &p[0]);
        o.aggregate(at, &h, true, Reduce::Sum)
    });

    check!(sum_out_of, [(edges(), 2)], |o, at, p| {
        let h = table(o, &p[0]);
        o.aggregate(at, &h, false, Reduce::Sum)
    });
}
