//! Linear maps of node features and sums over neighbours, fused.

use std::sync::Arc;

use dfdx::prelude::{Cpu, HasShape, Tape};
use rayon::prelude::*;

use super::batch::Edges;
use super::gemm::{Rows, gemm};
use super::value::Slot;
use super::{Graphs, Real, Value};
use crate::nn::params::Matrix;

/// Rows per task: fixed, so that sums have the same bits for any number of threads; a chunk stays in cache.
pub(super) const CHUNK: usize = 512;

/// out[i − first] ← Σ_e weight(e) x[source(e)] over the edges into nodes first, first + 1, …; `out` decides how many.
fn gather<E: Real>(edges: &Edges<E>, x: &[E], width: usize, first: usize, out: &mut [E]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (k, row) in out.chunks_exact_mut(width).enumerate() {
                row.fill(E::default());
                for e in edges.range(first + k) {
                    let (w, j) = (edges.weights[e], edges.sources[e] as usize);
                    for (o, &v) in row.iter_mut().zip(&x[j * width..(j + 1) * width]) {
                        *o += w * v;
                    }
                }
            }
        },
    );
}

/// y_i = Σ_j a_ij x_j for every column of x.
pub fn propagate<E: Real, T: Tape<E, Cpu>>(tape: &mut T, graphs: &Graphs<E>, x: &Value<E>) -> Value<E> {
    let width = x.cols();
    let all = move |edges: &Edges<E>, x: &[E]| {
        let mut y = vec![E::default(); x.len()];
        y.par_chunks_mut(CHUNK * width)
            .enumerate()
            .for_each(|(c, y)| gather(edges, x, width, c * CHUNK, y));
        y
    };
    let out = Value::new(all(&graphs.edges, x.data()), width);
    let (sx, so, reversed) = (x.slot(), out.slot(), graphs.reversed.clone());
    tape.add_backward_op(move |grads| {
        if let Some(g) = so.take(grads) {
            sx.add(grads, all(&reversed, &g));
        }
        Ok(())
    });
    out
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
            y.chunks_exact_mut(q)
                .for_each(|row| row.copy_from_slice(&self.bias));
            gemm(
                y,
                true,
                Rows::new(&x[first * p..(first + rows) * p], p),
                Rows::new(&self.own, q),
            );
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

    /// g ← g act'(y): the sign of y is that of the argument, the slope being positive or 0.
    fn through_activation(&self, g: &mut [E], y: &[E]) {
        if let Some(slope) = self.slope {
            g.par_chunks_mut(CHUNK * 8)
                .zip(y.par_chunks(CHUNK * 8))
                .for_each(|(g, y)| {
                    for (g, y) in g.iter_mut().zip(y) {
                        if *y <= E::default() {
                            *g *= slope;
                        }
                    }
                });
        }
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

/// y = act(x U + b): x (nodes × in), U (in × out), b (1 × out); act(t) = t for t > 0, `slope` t below, the identity
/// where there is none.
pub fn linear<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    x: &Value<E>,
    (weight, bias): (&Matrix<E, Cpu>, &Matrix<E, Cpu>),
    slope: Option<f64>,
) -> Value<E> {
    layer(tape, None, x, weight, None, bias, slope)
}

/// y = act(x U + (A x) V + b), the graph convolution of Morris et al. (2019, doi:10.1609/aaai.v33i01.33014602) with the
/// entries of A as edge weights.
pub fn graph_conv<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    graphs: &Graphs<E>,
    x: &Value<E>,
    [own, others, bias]: [&Matrix<E, Cpu>; 3],
    slope: Option<f64>,
) -> Value<E> {
    layer(tape, Some(graphs), x, own, Some(others), bias, slope)
}

fn layer<E: Real, T: Tape<E, Cpu>>(
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
        if let Some(y) = &kept {
            parts.through_activation(&mut g, y);
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
