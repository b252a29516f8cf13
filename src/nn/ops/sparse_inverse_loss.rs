//! How good a sparse factored approximate inverse the entries of a matrix make.

use dfdx::prelude::{Cpu, Device, Tape};

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use super::trial::{Trial, weigh};
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// How good a sparse factored approximate inverse the entries of a matrix make.
pub trait SparseInverseLossOp: Engine {
    /// The mean over graphs and vectors of ‖(A M − I) w‖² / ‖w‖² with M = G Gᵀ + ε I, G having the given entries (one
    /// an edge, columns being sources): equation 9 of Yang et al. (2025), for A of unit scale. For w from N(0, I) the
    /// numerator's mean is ‖A M − I‖_F².
    fn sparse_inverse_loss(&mut self, at: &Self::Batch, entries: &Self::Value, trial: &Trial) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> SparseInverseLossOp for FusedOps<E, T> {
    fn sparse_inverse_loss(&mut self, at: &Graphs<E>, entries: &Value<E>, trial: &Trial) -> Value<E> {
        let at = at.incidence();
        let g: Vec<f64> = entries.data().iter().map(|v| v.wide()).collect();
        let mut total = 0.0;
        // Of each vector: Gᵀ w and the derivative by r = A (G Gᵀ w + ε w) − w.
        let mut kept = Vec::new();
        for w in trial.vectors() {
            let y = at.transposed_product(&g, w);
            let mut u = at.product(&g, &y);
            u.iter_mut().zip(w).for_each(|(u, w)| *u += trial.shift * w);
            let mut r = at.product(&trial.matrix, &u);
            r.iter_mut().zip(w).for_each(|(r, w)| *r -= w);
            total += weigh(&trial.offsets, &trial.by_squares(w), &mut r);
            kept.push((y, r));
        }
        let out = Value::new(vec![E::narrow(total)], 1);
        let (se, so, at, trial) = (entries.slot(), out.slot(), at.clone(), trial.clone());
        self.tape.add_backward_op(move |grads| {
            let Some(scale) = so.take(grads) else {
                return Ok(());
            };
            // With d = Aᵀ times the derivative by r: that by G is d (Gᵀ w)ᵀ + w (Gᵀ d)ᵀ on its pattern.
            let mut sum = vec![0.0; at.edges()];
            for (w, (y, r)) in trial.vectors().zip(&kept) {
                let d = at.transposed_product(&trial.matrix, r);
                let z = at.transposed_product(&g, &d);
                sum.iter_mut().zip(at.outer_products([&d, y], [w, &z])).for_each(|(s, v)| *s += v);
            }
            se.add(grads, sum.iter().map(|s| E::narrow(s * scale[0].wide())).collect());
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> SparseInverseLossOp for DfdxOps<E, D, T> {
    fn sparse_inverse_loss(&mut self, at: &Lists<E, D>, g: &Table<E, D>, trial: &Trial) -> Table<E, D> {
        let matrix = self.column(trial.matrix.iter().copied());
        self.over_vectors(trial, |ops, w| {
            let weights = trial.by_squares(w);
            let shifted = ops.column(w.iter().map(|w| trial.shift * w));
            let minus_w = ops.column(w.iter().map(|w| -w));
            let w = ops.column(w.iter().copied());
            let w = ops.rows(&w, &at.targets);
            let y = ops.times(g, &w);
            let y = ops.sums(&y, &at.out); // Gᵀ w
            let y = ops.rows(&y, &at.sources);
            let u = ops.times(g, &y);
            let u = ops.sums(&u, &at.into); // G Gᵀ w
            let u = ops.add(&u, &shifted);
            let u = ops.rows(&u, &at.sources);
            let r = ops.times(&u, &matrix);
            let r = ops.sums(&r, &at.into); // A M w
            let r = ops.add(&r, &minus_w);
            ops.weighed(at, &r, weights)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::nn::ops::testing::{NODES, check, edges, graphs, numbers, table, untaped};
    use crate::rng::{Purpose, stream};
    use rand_distr::{Distribution, StandardNormal};

    fn trial(vectors: Vec<f64>) -> Trial {
        Trial {
            offsets: graphs().offsets().to_vec(),
            matrix: Arc::new(numbers(edges(), 94)),
            vectors: Arc::new(vectors),
            shift: 0.1,
        }
    }

    check!(derivatives, [(edges(), 1)], |o, at, p| {
        let g = table(o, &p[0]);
        o.sparse_inverse_loss(at, &g, &trial(numbers(2 * NODES, 95)))
    });

    /// Σ_k ‖(A M − I) e_k‖² is the Frobenius norm; normal w give it in the mean, once ‖w‖² is taken out again.
    #[test]
    fn normal_vectors_give_the_frobenius_norm_within_the_standard_error() {
        let g = Value::new(numbers(edges(), 96), 1);
        let loss = |vectors: Vec<f64>| {
            let at = graphs();
            at.incidence();
            untaped().sparse_inverse_loss(&at, &g, &trial(vectors)).data()[0]
        };
        // One graph alone: with w zero elsewhere the other graph adds nothing.
        let frobenius: f64 = (0..4)
            .map(|k| {
                let mut w = vec![0.0; NODES];
                w[k] = 1.0;
                2.0 * loss(w)
            })
            .sum();
        let mut rng = stream(3, Purpose::Probes, 0);
        let samples: Vec<f64> = (0..4000)
            .map(|_| {
                let mut w = vec![0.0; NODES];
                w[..4].fill_with(|| StandardNormal.sample(&mut rng));
                let square: f64 = w.iter().map(|w| w * w).sum();
                2.0 * square * loss(w)
            })
            .collect();
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let error = (samples.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
        assert!((mean - frobenius).abs() < 3.0 * error, "{mean} ± {error}, exact {frobenius}");
    }
}
