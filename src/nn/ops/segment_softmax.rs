//! Softmax over the edges into a node.

use dfdx::prelude::{Axis, Cpu, Device, GatherTo, HasShape, Tape, add};
use rayon::prelude::*;

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::Graphs;
use crate::nn::graph::Incidence;

/// Softmax over the edges into a node.
pub trait SegmentSoftmaxOp: Engine {
    /// The softmax of each column of x over the edges into each node.
    fn segment_softmax(&mut self, at: &Self::Batch, x: &Self::Value) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> SegmentSoftmaxOp for FusedOps<E, T> {
    fn segment_softmax(&mut self, at: &Graphs<E>, x: &Value<E>) -> Value<E> {
        let at = at.incidence();
        let width = x.cols();
        let mut y = x.data().to_vec();
        // Edges into a node lie together: a segment is a slice.
        by_node(at, &mut y, width).into_par_iter().for_each(|(_, rows)| {
            for f in 0..width {
                let len = rows.len();
                let column = || (f..len).step_by(width);
                let largest = column().fold(f64::NEG_INFINITY, |m, k| m.max(rows[k].wide()));
                let mut sum = 0.0;
                for k in column() {
                    let v = (rows[k].wide() - largest).exp();
                    rows[k] = E::narrow(v);
                    sum += v;
                }
                for k in column() {
                    rows[k] = E::narrow(rows[k].wide() / sum);
                }
            }
        });
        let out = Value::new(y, width);
        let (sx, so, y, at) = (x.slot(), out.slot(), out.data().clone(), at.clone());
        self.tape.add_backward_op(move |grads| {
            let Some(mut g) = so.take(grads) else {
                return Ok(());
            };
            // dx = y (g − Σ y g)
            by_node(&at, &mut g, width).into_par_iter().for_each(|(first, g)| {
                let y = &y[first * width..first * width + g.len()];
                for f in 0..width {
                    let column = || (f..y.len()).step_by(width);
                    let mean: f64 = column().map(|k| y[k].wide() * g[k].wide()).sum();
                    for k in column() {
                        g[k] = E::narrow(y[k].wide() * (g[k].wide() - mean));
                    }
                }
            });
            sx.add(grads, g);
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> SegmentSoftmaxOp for DfdxOps<E, D, T> {
    fn segment_softmax(&mut self, at: &Lists<E, D>, x: &Table<E, D>) -> Table<E, D> {
        let cols = x.shape().1;
        let cube = self.on(x, |x| x.gather::<(usize, usize, usize), _>(at.into.rows.clone()));
        // Padding goes where its exponential is 0.
        let hidden = self.on(&at.into.weights, |w| (w - E::narrow(1.0)) * E::narrow(1e30));
        let hidden = self.deepen(&hidden, cols);
        let y = self.on(&cube, |c| add(c, hidden).softmax::<Axis<1>>());
        self.ungrouped(&y, &at.into)
    }
}

/// The rows of the edges into each node that has some, with the first edge's number.
fn by_node<'a, E>(at: &Incidence, mut table: &'a mut [E], width: usize) -> Vec<(usize, &'a mut [E])> {
    let mut out = Vec::with_capacity(at.nodes());
    for i in 0..at.nodes() {
        let range = at.edges_into(i);
        let (head, tail) = table.split_at_mut(range.len() * width);
        table = tail;
        if !head.is_empty() {
            out.push((range.start, head));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, edges, graphs, numbers, table, untaped};

    check!(derivatives, [(edges(), 2)], |o, at, p| {
        let x = table(o, &p[0]);
        o.segment_softmax(at, &x)
    });

    #[test]
    fn weights_of_a_node_sum_to_one() {
        let g = graphs();
        let at = g.incidence();
        // Large enough to overflow an exponential.
        let x: Vec<f64> = numbers(at.edges() * 2, 79).iter().map(|v| 2000.0 * v).collect();
        let w = untaped().segment_softmax(&g, &Value::new(x, 2));
        for i in (0..NODES).filter(|&i| at.degree(i, true) > 0) {
            for f in 0..2 {
                let sum: f64 = at.edges_into(i).map(|e| w.data()[e * 2 + f]).sum();
                assert!((sum - 1.0).abs() < 1e-14, "node {i}: {sum}");
            }
        }
    }
}
