//! GraphNorm: features normalised within each graph (Cai et al. 2021, arXiv:2009.03294, equation 6).

use std::sync::Arc;

use dfdx::prelude::{Cpu, Tape};
use rayon::prelude::*;

use super::value::Slot;
use super::{Graphs, Real, Value};
use crate::nn::params::Matrix;

/// Added to the variance.
pub(super) const EPSILON: f64 = 1e-5;

/// Per graph and column: y = γ c / √(mean c² + ε) + β with c = x − α mean x; γ, β, α are 1 × columns.
pub fn graph_norm<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    graphs: &Graphs<E>,
    x: &Value<E>,
    [gamma, beta, alpha]: [&Matrix<E, Cpu>; 3],
) -> Value<E> {
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
    tape.add_backward_op(move |grads| {
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
