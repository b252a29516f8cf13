//! How good a sparse factored approximate inverse the entries of a matrix make.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Device, Tape};

use super::add::AddOp;
use super::dfdx::narrow;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// Matrices A on the edges of a batch, and the vectors that A M is tried on.
#[derive(Debug, Clone)]
pub struct Trial {
    /// First node of each graph, and the number of nodes.
    pub offsets: Vec<usize>,
    /// Entries of A, one an edge.
    pub matrix: Arc<Vec<f64>>,
    /// Vectors over all nodes, one after the other.
    pub vectors: Arc<Vec<f64>>,
    /// ε of M = G Gᵀ + ε I.
    pub shift: f64,
}

impl Trial {
    fn nodes(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// 1 / (graphs · vectors · ‖w_g‖²) of each graph of a vector.
    fn weights(&self, w: &[f64]) -> Vec<f64> {
        let count = (self.offsets.len() - 1) * (self.vectors.len() / self.nodes().max(1));
        let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        let weight = |r: &[usize]| 1.0 / (count as f64 * square(&w[r[0]..r[1]])).max(f64::MIN_POSITIVE);
        self.offsets.windows(2).map(weight).collect()
    }
}

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
        // Of each vector: Gᵀ w and 2 weight r, r = A (G Gᵀ w + ε w) − w.
        let mut kept = Vec::new();
        for w in trial.vectors.chunks_exact(trial.nodes().max(1)) {
            let y = at.transposed_product(&g, w);
            let mut u = at.product(&g, &y);
            u.iter_mut().zip(w).for_each(|(u, w)| *u += trial.shift * w);
            let mut r = at.product(&trial.matrix, &u);
            r.iter_mut().zip(w).for_each(|(r, w)| *r -= w);
            for (range, weight) in trial.offsets.windows(2).zip(trial.weights(w)) {
                let part = &mut r[range[0]..range[1]];
                total += weight * part.iter().map(|r| r * r).sum::<f64>();
                part.iter_mut().for_each(|r| *r *= 2.0 * weight);
            }
            kept.push((y, r));
        }
        let out = Value::new(vec![E::narrow(total)], 1);
        let (se, so, at, trial) = (entries.slot(), out.slot(), at.clone(), trial.clone());
        self.tape.add_backward_op(move |grads| {
            let Some(scale) = so.take(grads) else {
                return Ok(());
            };
            // With d = Aᵀ (2 weight r): the derivative by G is d (Gᵀ w)ᵀ + w (Gᵀ d)ᵀ on its pattern.
            let mut sum = vec![0.0; at.edges()];
            for (w, (y, r)) in trial.vectors.chunks_exact(trial.nodes().max(1)).zip(&kept) {
                let d = at.transposed_product(&trial.matrix, r);
                let z = at.transposed_product(&g, &d);
                for (e, s) in sum.iter_mut().enumerate() {
                    let (i, j) = (at.target[e] as usize, at.source[e] as usize);
                    *s += d[i] * y[j] + w[i] * z[j];
                }
            }
            se.add(grads, sum.iter().map(|s| E::narrow(s * scale[0].wide())).collect());
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> SparseInverseLossOp for DfdxOps<E, D, T> {
    fn sparse_inverse_loss(&mut self, at: &Lists<E, D>, g: &Table<E, D>, trial: &Trial) -> Table<E, D> {
        let matrix = self.constant(narrow(trial.matrix.iter().copied()), 1);
        let mut total: Option<Table<E, D>> = None;
        for w in trial.vectors.chunks_exact(trial.nodes().max(1)) {
            let weights = self.constant(narrow(trial.weights(w).into_iter()), 1);
            let shifted = self.constant(narrow(w.iter().map(|w| trial.shift * w)), 1);
            let minus_w = self.constant(narrow(w.iter().map(|w| -w)), 1);
            let w = self.constant(narrow(w.iter().copied()), 1);
            let w = self.rows(&w, &at.targets);
            let y = self.times(g, &w);
            let y = self.sums(&y, &at.out); // Gᵀ w
            let y = self.rows(&y, &at.sources);
            let u = self.times(g, &y);
            let u = self.sums(&u, &at.into); // G Gᵀ w
            let u = self.add(&u, &shifted);
            let u = self.rows(&u, &at.sources);
            let r = self.times(&u, &matrix);
            let r = self.sums(&r, &at.into); // A M w
            let r = self.add(&r, &minus_w);
            let squares = self.on(&r, |r| r.square());
            let squares = self.sums(&squares, &at.graphs);
            let weighed = self.times(&squares, &weights);
            let one = self.total(&weighed);
            total = Some(match total {
                None => one,
                Some(total) => self.add(&total, &one),
            });
        }
        total.unwrap_or_else(|| self.constant(vec![E::default()], 1))
    }
}

#[cfg(test)]
mod tests {
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
