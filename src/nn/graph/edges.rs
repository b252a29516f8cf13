//! Tables with one row an edge: edges looking at their ends, nodes summing over their edges.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Tape};
use rayon::prelude::*;

use super::batch::Edges;
use super::conv::CHUNK;
use super::value::Slot;
use super::{Graphs, Real, Value};
use crate::nn::params::Matrix;

/// The edges of a batch by target and, as positions among these, by source.
#[derive(Debug, Clone)]
pub struct Incidence {
    /// Edge e runs into node `target[e]`.
    target: Vec<u32>,
    source: Vec<u32>,
    /// Edges into node i: by_target[i] .. by_target[i + 1].
    by_target: Vec<u32>,
    /// Edges out of node j: out_edges[by_source[j] .. by_source[j + 1]].
    by_source: Vec<u32>,
    out_edges: Vec<u32>,
}

impl Incidence {
    /// The incidence of a batch's edges, made once a batch.
    pub fn new<E: Real>(graphs: &Graphs<E>) -> Arc<Self> {
        let edges: &Edges<E> = &graphs.edges;
        let n = graphs.nodes();
        let mut target = Vec::with_capacity(edges.len());
        for i in 0..n {
            target.extend(edges.range(i).map(|_| i as u32));
        }
        let mut by_source = vec![0u32; n + 1];
        for &j in &edges.sources {
            by_source[j as usize + 1] += 1;
        }
        for j in 0..n {
            by_source[j + 1] += by_source[j];
        }
        let mut next = by_source.clone();
        let mut out_edges = vec![0; edges.len()];
        for (e, &j) in edges.sources.iter().enumerate() {
            out_edges[next[j as usize] as usize] = e as u32;
            next[j as usize] += 1;
        }
        Arc::new(Incidence {
            target,
            source: edges.sources.clone(),
            by_target: edges.indptr.clone(),
            by_source,
            out_edges,
        })
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.target.len()
    }

    fn nodes(&self) -> usize {
        self.by_target.len() - 1
    }

    /// Σ of the rows of the edges into (or out of) each node.
    fn sums<E: Real>(&self, table: &[E], width: usize, into: bool) -> Vec<E> {
        let mut out = vec![E::default(); self.nodes() * width];
        out.par_chunks_mut(CHUNK * width)
            .enumerate()
            .for_each(|(c, rows)| {
                for (k, row) in rows.chunks_exact_mut(width).enumerate() {
                    let i = c * CHUNK + k;
                    let mut add = |e: usize| {
                        let from = &table[e * width..(e + 1) * width];
                        row.iter_mut().zip(from).for_each(|(r, &v)| *r += v);
                    };
                    if into {
                        (self.by_target[i] as usize..self.by_target[i + 1] as usize).for_each(&mut add);
                    } else {
                        let range = self.by_source[i] as usize..self.by_source[i + 1] as usize;
                        self.out_edges[range].iter().for_each(|&e| add(e as usize));
                    }
                }
            });
        out
    }

    fn degree(&self, i: usize, into: bool) -> usize {
        let offsets = if into { &self.by_target } else { &self.by_source };
        (offsets[i + 1] - offsets[i]) as usize
    }
}

/// y_e = act(h_e + p_{target(e)} + q_{source(e)}): the first layer of a perceptron on (edge, target, source), its three
/// products made beforehand where they are cheapest. `slope` as in [`super::linear`].
pub fn combine<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    at: &Arc<Incidence>,
    h: &Value<E>,
    p: &Value<E>,
    q: &Value<E>,
    slope: f64,
) -> Value<E> {
    let (width, slope) = (h.cols(), E::narrow(slope));
    let mut y = h.data().to_vec();
    let (pd, qd) = (p.data(), q.data());
    y.par_chunks_mut(CHUNK * width).enumerate().for_each(|(c, rows)| {
        for (k, row) in rows.chunks_exact_mut(width).enumerate() {
            let e = c * CHUNK + k;
            let (i, j) = (at.target[e] as usize * width, at.source[e] as usize * width);
            for (f, v) in row.iter_mut().enumerate() {
                *v += pd[i + f] + qd[j + f];
                if *v < E::default() {
                    *v *= slope;
                }
            }
        }
    });
    let out = Value::new(y, width);
    let (sh, sp, sq, so) = (h.slot(), p.slot(), q.slot(), out.slot());
    let (y, at) = (out.data().clone(), at.clone());
    tape.add_backward_op(move |grads| {
        let Some(mut g) = so.take(grads) else {
            return Ok(());
        };
        g.par_chunks_mut(CHUNK * 8)
            .zip(y.par_chunks(CHUNK * 8))
            .for_each(|(g, y)| {
                for (g, y) in g.iter_mut().zip(y) {
                    if *y <= E::default() {
                        *g *= slope;
                    }
                }
            });
        sp.add(grads, at.sums(&g, width, true));
        sq.add(grads, at.sums(&g, width, false));
        sh.add(grads, g);
        Ok(())
    });
    out
}

/// y_i = the mean of the rows of the edges into (or out of) node i; 0 where there is none.
pub fn aggregate<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    at: &Arc<Incidence>,
    h: &Value<E>,
    into: bool,
) -> Value<E> {
    let width = h.cols();
    let share = move |at: &Incidence, i: usize| E::narrow(1.0 / at.degree(i, into).max(1) as f64);
    let mut y = at.sums(h.data(), width, into);
    for (i, row) in y.chunks_exact_mut(width).enumerate() {
        row.iter_mut().for_each(|v| *v *= share(at, i));
    }
    let out = Value::new(y, width);
    let (sh, so, at) = (h.slot(), out.slot(), at.clone());
    tape.add_backward_op(move |grads| {
        let Some(g) = so.take(grads) else {
            return Ok(());
        };
        let mut dh = vec![E::default(); at.edges() * width];
        dh.par_chunks_mut(CHUNK * width)
            .enumerate()
            .for_each(|(c, rows)| {
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

/// y = base + α x with a trained α (1 × 1).
pub fn correct<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    base: &[E],
    x: &Value<E>,
    alpha: &Matrix<E, Cpu>,
) -> Value<E> {
    let a = alpha.as_vec()[0];
    let y = base.iter().zip(&**x.data()).map(|(&b, &x)| b + a * x).collect();
    let out = Value::new(y, x.cols());
    let (sx, sa, so, x) = (x.slot(), Slot::of(alpha), out.slot(), x.data().clone());
    tape.add_backward_op(move |grads| {
        if let Some(mut g) = so.take(grads) {
            let d: f64 = g.iter().zip(&**x).map(|(&g, &x)| g.wide() * x.wide()).sum();
            sa.add(grads, vec![E::narrow(d)]);
            g.iter_mut().for_each(|g| *g *= a);
            sx.add(grads, g);
        }
        Ok(())
    });
    out
}

/// The mean over graphs of ‖L Lᵀ x − b‖² / ‖b‖² for lower triangular L with the given entries (one an edge, columns
/// being sources): the loss of Trifonov et al. (2024, arXiv:2405.15557, equation 8) made free of units.
pub fn factor_loss<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    offsets: &[usize],
    at: &Arc<Incidence>,
    entries: &Value<E>,
    x: &[f64],
    b: &[f64],
) -> Value<E> {
    let graphs = offsets.len() - 1;
    let l: Vec<f64> = entries.data().iter().map(|v| v.wide()).collect();
    let y = at.transposed_product(&l, x);
    let mut residual = at.product(&l, &y);
    residual.iter_mut().zip(b).for_each(|(r, b)| *r -= b);
    let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
    let weights: Vec<f64> = offsets
        .windows(2)
        .map(|w| 1.0 / (graphs as f64 * square(&b[w[0]..w[1]])).max(f64::MIN_POSITIVE))
        .collect();
    let parts = offsets.windows(2).zip(&weights);
    let total: f64 = parts
        .map(|(w, weight)| weight * square(&residual[w[0]..w[1]]))
        .sum();
    let out = Value::new(vec![E::narrow(total)], 1);
    let (se, so, at) = (entries.slot(), out.slot(), at.clone());
    let (x, offsets) = (x.to_vec(), offsets.to_vec());
    tape.add_backward_op(move |grads| {
        let Some(g) = so.take(grads) else {
            return Ok(());
        };
        // d/dL ‖L Lᵀ x − b‖² = 2 (r yᵀ + x (Lᵀ r)ᵀ) on the pattern of L.
        let mut r = residual;
        for (w, weight) in offsets.windows(2).zip(&weights) {
            r[w[0]..w[1]]
                .iter_mut()
                .for_each(|v| *v *= 2.0 * weight * g[0].wide());
        }
        let lr = at.transposed_product(&l, &r);
        let d = (0..at.edges()).map(|e| {
            let (i, j) = (at.target[e] as usize, at.source[e] as usize);
            E::narrow(r[i] * y[j] + x[i] * lr[j])
        });
        se.add(grads, d.collect());
        Ok(())
    });
    out
}

impl Incidence {
    /// L y by rows.
    fn product(&self, l: &[f64], y: &[f64]) -> Vec<f64> {
        let row = |i: usize| {
            let range = self.by_target[i] as usize..self.by_target[i + 1] as usize;
            range.map(|e| l[e] * y[self.source[e] as usize]).sum()
        };
        (0..self.nodes()).map(row).collect()
    }

    /// Lᵀ x by columns.
    fn transposed_product(&self, l: &[f64], x: &[f64]) -> Vec<f64> {
        let column = |j: usize| {
            let edges = &self.out_edges[self.by_source[j] as usize..self.by_source[j + 1] as usize];
            edges
                .iter()
                .map(|&e| l[e as usize] * x[self.target[e as usize] as usize])
                .sum()
        };
        (0..self.nodes()).map(column).collect()
    }
}
