//! GraphNorm: features normalised within each graph (Cai et al. 2021, arXiv:2009.03294, equation 6).

use std::sync::Arc;

use dfdx::prelude::{Cpu, Device, HasShape, Tape};
use rayon::prelude::*;

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::{Engine, Param};
use super::fused::{FusedOps, Slot, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// Added to the variance.
pub const EPSILON: f64 = 1e-5;

/// Normalisation within graphs.
pub trait GraphNormOp: Engine {
    /// Per graph and column: y = γ c / √(mean c² + ε) + β with c = x − α mean x; γ, β, α are 1 × columns.
    fn graph_norm(&mut self, at: &Self::Batch, x: &Self::Value, weights: [&Param<Self>; 3]) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> GraphNormOp for FusedOps<E, T> {
    fn graph_norm(&mut self, graphs: &Graphs<E>, x: &Value<E>, [gamma, beta, alpha]: [&Param<Self>; 3]) -> Value<E> {
        let width = x.cols();
        let (ga, be, al) = (gamma.as_vec(), beta.as_vec(), alpha.as_vec());
        let mut y = x.data().to_vec();
        let stats: Vec<Statistics> = tables(&mut y, graphs.offsets(), width)
            .into_par_iter()
            .map(|table| normalise(table, width, &ga, &be, &al))
            .collect();
        let out = Value::new(y, width);
        let (sx, so) = (x.slot(), out.slot());
        let slots = [Slot::of(gamma), Slot::of(beta), Slot::of(alpha)];
        let (x, offsets): (Arc<Vec<E>>, Vec<usize>) = (x.data().clone(), graphs.offsets().to_vec());
        self.tape.add_backward_op(move |grads| {
            let Some(mut g) = so.take(grads) else {
                return Ok(());
            };
            let parts: Vec<[Vec<f64>; 3]> = tables(&mut g, &offsets, width)
                .into_par_iter()
                .zip(&stats)
                .zip(offsets.par_iter())
                .map(|((g, stats), &first)| {
                    let x = &x[first * width..first * width + g.len()];
                    pull_back(g, x, stats, &ga, &al)
                })
                .collect();
            sx.add(grads, g);
            for (k, slot) in slots.iter().enumerate() {
                let total = (0..width).map(|f| E::narrow(parts.iter().map(|p| p[k][f]).sum()));
                slot.add(grads, total.collect());
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> GraphNormOp for DfdxOps<E, D, T> {
    fn graph_norm(
        &mut self,
        at: &Lists<E, D>,
        x: &Table<E, D>,
        [gamma, beta, alpha]: [&Param<Self>; 3],
    ) -> Table<E, D> {
        let (rows, cols) = *x.shape();
        let shares = self.spread(&at.graphs.shares, cols);
        let mean = self.sums(x, &at.graphs);
        let mean = self.times(&mean, &shares);
        let mean = self.rows(&mean, &at.graph_of);
        let alpha = self.repeat(alpha, rows);
        let shift = self.times(&mean, &alpha);
        let shift = self.on(&shift, |s| s.negate());
        let centred = self.add(x, &shift);
        let squares = self.on(&centred, |c| c.square());
        let variance = self.sums(&squares, &at.graphs);
        let variance = self.times(&variance, &shares);
        let inverse = self.on(&variance, |v| (v + E::narrow(EPSILON)).sqrt().recip());
        let inverse = self.rows(&inverse, &at.graph_of);
        let unit = self.times(&centred, &inverse);
        let gamma = self.repeat(gamma, rows);
        let beta = self.repeat(beta, rows);
        let y = self.times(&unit, &gamma);
        self.add(&y, &beta)
    }
}

/// Mean and 1/√(mean c² + ε) of each column.
struct Statistics {
    mean: Vec<f64>,
    inverse: Vec<f64>,
}

/// The rows of each graph.
fn tables<'a, E>(mut all: &'a mut [E], offsets: &[usize], width: usize) -> Vec<&'a mut [E]> {
    let mut out = Vec::with_capacity(offsets.len());
    for w in offsets.windows(2) {
        let (head, tail) = all.split_at_mut((w[1] - w[0]) * width);
        out.push(head);
        all = tail;
    }
    out
}

/// Σ over rows of what `term` makes of each entry, by column.
fn column_sums<E: Real>(table: &[E], width: usize, term: impl Fn(usize, usize, E) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for (i, row) in table.chunks_exact(width).enumerate() {
        for (f, (s, &v)) in sums.iter_mut().zip(row).enumerate() {
            *s += term(i, f, v);
        }
    }
    sums
}

fn normalise<E: Real>(table: &mut [E], width: usize, ga: &[E], be: &[E], al: &[E]) -> Statistics {
    let n = (table.len() / width).max(1) as f64;
    let mut mean = column_sums(table, width, |_, _, v| v.wide());
    mean.iter_mut().for_each(|m| *m /= n);
    let shift: Vec<f64> = mean.iter().zip(al).map(|(m, a)| m * a.wide()).collect();
    let squares = column_sums(table, width, |_, f, v| (v.wide() - shift[f]).powi(2));
    let inverse: Vec<f64> = squares.iter().map(|s| 1.0 / (s / n + EPSILON).sqrt()).collect();
    // y = a x + b by column.
    let a: Vec<E> = (0..width).map(|f| E::narrow(ga[f].wide() * inverse[f])).collect();
    let shift: Vec<E> = shift.iter().map(|&s| E::narrow(s)).collect();
    for row in table.chunks_exact_mut(width) {
        for (f, v) in row.iter_mut().enumerate() {
            *v = a[f] * (*v - shift[f]) + be[f];
        }
    }
    Statistics { mean, inverse }
}

/// g ← the gradient of x; returns those of γ, β, α.
///
/// With ŷ = c s, s = 1/√(mean c² + ε): dc = s (γ g − ŷ mean(γ g ŷ)), dx = dc − α mean(dc), dα = −mean(x) Σ dc.
fn pull_back<E: Real>(g: &mut [E], x: &[E], stats: &Statistics, ga: &[E], al: &[E]) -> [Vec<f64>; 3] {
    let width = ga.len();
    let n = (g.len() / width).max(1) as f64;
    let shift: Vec<f64> = stats.mean.iter().zip(al).map(|(m, a)| m * a.wide()).collect();
    let hat = |i: usize, f: usize| (x[i * width + f].wide() - shift[f]) * stats.inverse[f];
    let d_beta = column_sums(g, width, |_, _, g| g.wide());
    let d_gamma = column_sums(g, width, |i, f, g| g.wide() * hat(i, f));
    for (i, row) in g.chunks_exact_mut(width).enumerate() {
        for (f, v) in row.iter_mut().enumerate() {
            let gamma = ga[f].wide();
            *v = E::narrow(stats.inverse[f] * gamma * (v.wide() - hat(i, f) * d_gamma[f] / n));
        }
    }
    let d_center = column_sums(g, width, |_, _, d| d.wide());
    for row in g.chunks_exact_mut(width) {
        for (f, v) in row.iter_mut().enumerate() {
            *v = E::narrow(v.wide() - al[f].wide() * d_center[f] / n);
        }
    }
    let d_alpha = (0..width).map(|f| -stats.mean[f] * d_center[f]).collect();
    [d_gamma, d_beta, d_alpha]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, graphs, numbers, parameter, table, untaped};

    check!(derivatives, [(NODES, 3), (1, 3), (1, 3), (1, 3)], |o, at, p| {
        let x = table(o, &p[0]);
        o.graph_norm(at, &x, [&p[1], &p[2], &p[3]])
    });

    #[test]
    fn a_batch_is_its_graphs_one_by_one() {
        let x = numbers(7 * 2, 20);
        let p: Vec<_> = (0..3).map(|k| parameter(&numbers(2, 30 + k), (1, 2))).collect();
        let norm = |graphs: &Graphs<f64>, x: &[f64]| {
            let x = Value::new(x.to_vec(), 2);
            let mut ops = untaped();
            ops.graph_norm(graphs, &x, [&p[0], &p[1], &p[2]])
        };
        let four = crate::linalg::Csr::from_triplets(4, 4, &[(0, 0, 1.0)]).unwrap();
        let (all, one) = (norm(&graphs(), &x), norm(&Graphs::of(&four).unwrap(), &x[..8]));
        assert_eq!(all.data()[..8], one.data()[..]);
    }
}
