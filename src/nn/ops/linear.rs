//! Linear layers, with their activation.

use std::sync::Arc;

use dfdx::prelude::{Axis, BroadcastTo, Cpu, Device, HasShape, PutTape, ReshapeTo, SplitTape, Tape, TryMatMul, add};
use rayon::prelude::*;

use super::activate::leaky_relu;
use super::dfdx::{DfdxOps, Table};
use super::engine::{Engine, Param};
use super::fused::{FusedOps, Slot, Value};
use super::gemm::{Rows, gemm};
use super::propagate::gather;
use crate::nn::Real;
use crate::nn::graph::{CHUNK, Edges, Graphs};
use crate::nn::params::Matrix;

/// Weight (in × out) and bias (1 × out) of a linear layer.
pub type Dense<'a, O> = (&'a Param<O>, &'a Param<O>);

/// Linear layers.
pub trait LinearOp: Engine {
    /// y = act(x U + b): x (nodes × in), U (in × out), b (1 × out); act(t) = t for t > 0, `slope` t below, the identity
    /// where there is none.
    fn linear(&mut self, x: &Self::Value, layer: Dense<Self>, slope: Option<f64>) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> LinearOp for FusedOps<E, T> {
    fn linear(&mut self, x: &Value<E>, (weight, bias): Dense<Self>, slope: Option<f64>) -> Value<E> {
        layer(&mut self.tape, None, x, weight, None, bias, slope)
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> LinearOp for DfdxOps<E, D, T> {
    /// In one go: what is not kept by name is overwritten in place.
    fn linear(&mut self, x: &Table<E, D>, (weight, bias): Dense<Self>, slope: Option<f64>) -> Table<E, D> {
        let (rows, cols) = (x.shape().0, bias.shape().1);
        self.on(x, |x| {
            let (y, tape) = x.matmul(weight.clone()).split_tape();
            let bias = bias.clone().put_tape(tape);
            let bias = bias.reshape_like(&(cols,)).broadcast_like::<_, Axis<0>>(&(rows, cols));
            let y = add(bias, y);
            match slope {
                None => y,
                Some(slope) => leaky_relu(y, slope),
            }
        })
    }
}

/// The parts of a layer y = act(x U + (A x) V + b); V is absent in a plain linear layer.
struct Layer<E: Real> {
    own: Vec<E>,
    others: Option<Vec<E>>,
    bias: Vec<E>,
    /// Slope of the activation below zero; none for the identity.
    slope: Option<E>,
    /// Columns of x and y.
    widths: (usize, usize),
}

impl<E: Real> Layer<E> {
    fn forward(&self, edges: Option<&Edges<E>>, x: &[E]) -> Vec<E> {
        let (p, q) = self.widths;
        let mut y = vec![E::default(); x.len() / p * q];
        y.par_chunks_mut(CHUNK * q).enumerate().for_each(|(c, y)| {
            let first = c * CHUNK;
            let rows = y.len() / q;
            y.chunks_exact_mut(q).for_each(|row| row.copy_from_slice(&self.bias));
            gemm(y, true, Rows::new(&x[first * p..(first + rows) * p], p), Rows::new(&self.own, q));
            if let (Some(edges), Some(others)) = (edges, &self.others) {
                let mut sums = vec![E::default(); rows * p];
                gather(edges, x, p, first, &mut sums);
                gemm(y, true, Rows::new(&sums, p), Rows::new(others, q));
            }
            if let Some(slope) = self.slope {
                for v in y.iter_mut().filter(|v| **v < E::default()) {
                    *v *= slope;
                }
            }
        });
        y
    }

    /// (dx, dU, dV, db) from g, the gradient before the activation.
    fn backward(&self, reversed: Option<&Edges<E>>, x: &[E], g: &[E]) -> [Vec<E>; 4] {
        let (p, q) = self.widths;
        let mut dx = vec![E::default(); x.len()];
        let partial: Vec<[Vec<E>; 3]> = dx
            .par_chunks_mut(CHUNK * p)
            .enumerate()
            .map(|(c, dx)| {
                let (first, rows) = (c * CHUNK, dx.len() / p);
                let x = Rows::new(&x[first * p..(first + rows) * p], p);
                let g_here = &g[first * q..(first + rows) * q];
                let mut own = vec![E::default(); p * q];
                let mut others = Vec::new();
                gemm(dx, false, Rows::new(g_here, q), Rows::new(&self.own, q).t());
                gemm(&mut own, false, x.t(), Rows::new(g_here, q));
                if let (Some(reversed), Some(v)) = (reversed, &self.others) {
                    let mut sums = vec![E::default(); rows * q];
                    gather(reversed, g, q, first, &mut sums);
                    gemm(dx, true, Rows::new(&sums, q), Rows::new(v, q).t());
                    others = vec![E::default(); p * q];
                    gemm(&mut others, false, x.t(), Rows::new(&sums, q));
                }
                let mut bias = vec![E::default(); q];
                for row in g_here.chunks_exact(q) {
                    bias.iter_mut().zip(row).for_each(|(b, &g)| *b += g);
                }
                [own, others, bias]
            })
            .collect();
        let sum = |k: usize| {
            let mut parts = partial.iter().map(|p| &p[k]);
            let mut total = parts.next().cloned().unwrap_or_default();
            parts.for_each(|part| total.iter_mut().zip(part).for_each(|(t, &v)| *t += v));
            total
        };
        [dx, sum(0), sum(1), sum(2)]
    }
}

/// The layer on one table; with graphs it sees neighbours too.
pub(super) fn layer<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    graphs: Option<&Graphs<E>>,
    x: &Value<E>,
    own: &Matrix<E, Cpu>,
    others: Option<&Matrix<E, Cpu>>,
    bias: &Matrix<E, Cpu>,
    slope: Option<f64>,
) -> Value<E> {
    let parts = Layer {
        own: own.as_vec(),
        others: others.map(|v| v.as_vec()),
        bias: bias.as_vec(),
        slope: slope.map(E::narrow),
        widths: *own.shape(),
    };
    let out = Value::new(parts.forward(graphs.map(|g| &*g.edges), x.data()), parts.widths.1);
    let (sx, so) = (x.slot(), out.slot());
    let (su, sv, sb) = (Slot::of(own), others.map(Slot::of), Slot::of(bias));
    let reversed = graphs.map(|g| g.reversed.clone());
    // The output is kept for the sign of the activation only.
    let kept = parts.slope.map(|_| out.data().clone());
    let x: Arc<Vec<E>> = x.data().clone();
    tape.add_backward_op(move |grads| {
        let Some(mut g) = so.take(grads) else {
            return Ok(());
        };
        if let (Some(y), Some(slope)) = (&kept, parts.slope) {
            through_activation(&mut g, y, slope);
        }
        let [dx, du, dv, db] = parts.backward(reversed.as_deref(), &x, &g);
        sx.add(grads, dx);
        su.add(grads, du);
        if let Some(sv) = &sv {
            sv.add(grads, dv);
        }
        sb.add(grads, db);
        Ok(())
    });
    out
}

/// g ← g act'(y): the sign of y is that of the argument, the slope being positive or 0.
pub(super) fn through_activation<E: Real>(g: &mut [E], y: &[E], slope: E) {
    let chunks = g.par_chunks_mut(CHUNK * 8).zip(y.par_chunks(CHUNK * 8));
    chunks.for_each(|(g, y)| {
        for (g, y) in g.iter_mut().zip(y) {
            if *y <= E::default() {
                *g *= slope;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(identity, [(NODES, 3), (3, 2), (1, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.linear(&x, (&p[1], &p[2]), None)
    });

    check!(activated, [(NODES, 3), (3, 2), (1, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.linear(&x, (&p[1], &p[2]), Some(0.1))
    });

    check!(relu, [(NODES, 3), (3, 2), (1, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.linear(&x, (&p[1], &p[2]), Some(0.0))
    });
}
