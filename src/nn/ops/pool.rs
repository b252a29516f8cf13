//! One row a graph: means over its nodes, and back to each of them.

use dfdx::prelude::{Cpu, Device, HasShape, Tape};

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// Means over the nodes of graphs, and rows handed to them.
pub trait PoolOp: Engine {
    /// The mean over the nodes of each graph: (nodes × columns) → (graphs × columns).
    fn pool(&mut self, at: &Self::Batch, x: &Self::Value) -> Self::Value;

    /// The row of its graph for each node: (graphs × columns) → (nodes × columns).
    fn hand_out(&mut self, at: &Self::Batch, z: &Self::Value) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> PoolOp for FusedOps<E, T> {
    fn pool(&mut self, at: &Graphs<E>, x: &Value<E>) -> Value<E> {
        let width = x.cols();
        let out = Value::new(means(at.offsets(), x.data(), width), width);
        let (sx, so, offsets) = (x.slot(), out.slot(), at.offsets().to_vec());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                let share = |n: usize| E::narrow(1.0 / n.max(1) as f64);
                sx.add(grads, rows(&offsets, &g, width, share));
            }
            Ok(())
        });
        out
    }

    fn hand_out(&mut self, at: &Graphs<E>, z: &Value<E>) -> Value<E> {
        let width = z.cols();
        let out = Value::new(rows(at.offsets(), z.data(), width, |_| E::narrow(1.0)), width);
        let (sz, so, offsets) = (z.slot(), out.slot(), at.offsets().to_vec());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                let mut d = means(&offsets, &g, width);
                for (row, r) in d.chunks_exact_mut(width).zip(offsets.windows(2)) {
                    row.iter_mut().for_each(|v| *v *= E::narrow((r[1] - r[0]) as f64));
                }
                sz.add(grads, d);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> PoolOp for DfdxOps<E, D, T> {
    fn pool(&mut self, at: &Lists<E, D>, x: &Table<E, D>) -> Table<E, D> {
        let shares = self.spread(&at.graphs.shares, x.shape().1);
        let sum = self.sums(x, &at.graphs);
        self.times(&sum, &shares)
    }

    fn hand_out(&mut self, at: &Lists<E, D>, z: &Table<E, D>) -> Table<E, D> {
        self.rows(z, &at.graph_of)
    }
}

/// The mean row of each graph, summed in f64.
fn means<E: Real>(offsets: &[usize], x: &[E], width: usize) -> Vec<E> {
    let mut out = Vec::with_capacity((offsets.len() - 1) * width);
    for r in offsets.windows(2) {
        let mut sums = vec![0.0; width];
        for row in x[r[0] * width..r[1] * width].chunks_exact(width) {
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v.wide());
        }
        let n = (r[1] - r[0]).max(1) as f64;
        out.extend(sums.iter().map(|s| E::narrow(s / n)));
    }
    out
}

/// The row of its graph for each node, times a factor by the graph's number of nodes.
fn rows<E: Real>(offsets: &[usize], z: &[E], width: usize, factor: impl Fn(usize) -> E) -> Vec<E> {
    let mut out = Vec::with_capacity(offsets.last().copied().unwrap_or(0) * width);
    for (row, r) in z.chunks_exact(width).zip(offsets.windows(2)) {
        let factor = factor(r[1] - r[0]);
        for _ in r[0]..r[1] {
            out.extend(row.iter().map(|&v| v * factor));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(means_of_graphs, [(NODES, 3)], |o, at, p| {
        let x = table(o, &p[0]);
        o.pool(at, &x)
    });

    check!(rows_of_graphs, [(2, 3)], |o, at, p| {
        let z = table(o, &p[0]);
        o.hand_out(at, &z)
    });
}
