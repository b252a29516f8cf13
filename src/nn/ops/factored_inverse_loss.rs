//! How far a factor R is from Rᵀ A R = I.

use dfdx::prelude::{Cpu, Device, Tape};

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use super::trial::{Trial, weigh};
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// How far a factor R is from Rᵀ A R = I.
pub trait FactoredInverseLossOp: Engine {
    /// The mean over graphs and vectors of ‖(Rᵀ A R − I) w‖² / n, R having the given entries (one an edge, columns
    /// being sources) and n being the nodes of a graph. For w from N(0, I) its mean is ‖I − Rᵀ A R‖_F² / n, the
    /// reconstruction loss of Li, Wang and Jimack (2024); for the n vectors √n e_k it is exactly that.
    fn factored_inverse_loss(&mut self, at: &Self::Batch, entries: &Self::Value, trial: &Trial) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> FactoredInverseLossOp for FusedOps<E, T> {
    fn factored_inverse_loss(&mut self, at: &Graphs<E>, entries: &Value<E>, trial: &Trial) -> Value<E> {
        let at = at.incidence();
        let r: Vec<f64> = entries.data().iter().map(|v| v.wide()).collect();
        let weights = trial.by_nodes();
        let mut total = 0.0;
        // Of each vector: a = A R w and the derivative by d = Rᵀ a − w.
        let mut kept = Vec::new();
        for w in trial.vectors() {
            let u = at.product(&r, w);
            let a = at.product(&trial.matrix, &u);
            let mut d = at.transposed_product(&r, &a);
            d.iter_mut().zip(w).for_each(|(d, w)| *d -= w);
            total += weigh(&trial.offsets, &weights, &mut d);
            kept.push((a, d));
        }
        let out = Value::new(vec![E::narrow(total)], 1);
        let (se, so, at, trial) = (entries.slot(), out.slot(), at.clone(), trial.clone());
        self.tape.add_backward_op(move |grads| {
            let Some(scale) = so.take(grads) else {
                return Ok(());
            };
            // The derivative by R is a dᵀ + (Aᵀ R d) wᵀ on its pattern.
            let mut sum = vec![0.0; at.edges()];
            for (w, (a, d)) in trial.vectors().zip(&kept) {
                let v = at.product(&r, d);
                let v = at.transposed_product(&trial.matrix, &v);
                sum.iter_mut().zip(at.outer_products([a, d], [&v, w])).for_each(|(s, v)| *s += v);
            }
            se.add(grads, sum.iter().map(|s| E::narrow(s * scale[0].wide())).collect());
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> FactoredInverseLossOp for DfdxOps<E, D, T> {
    fn factored_inverse_loss(&mut self, at: &Lists<E, D>, r: &Table<E, D>, trial: &Trial) -> Table<E, D> {
        let matrix = self.column(trial.matrix.iter().copied());
        self.over_vectors(trial, |ops, w| {
            let minus_w = ops.column(w.iter().map(|w| -w));
            let w = ops.column(w.iter().copied());
            let w = ops.rows(&w, &at.sources);
            let u = ops.times(r, &w);
            let u = ops.sums(&u, &at.into); // R w
            let u = ops.rows(&u, &at.sources);
            let a = ops.times(&u, &matrix);
            let a = ops.sums(&a, &at.into); // A R w
            let a = ops.rows(&a, &at.targets);
            let d = ops.times(r, &a);
            let d = ops.sums(&d, &at.out); // Rᵀ A R w
            let d = ops.add(&d, &minus_w);
            ops.weighed(at, &d, trial.by_nodes())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::nn::ops::testing::{NODES, check, edges, graphs, numbers, table, untaped};
    use crate::rng::{Purpose, normals, stream};

    fn trial(vectors: Vec<f64>) -> Trial {
        Trial {
            offsets: graphs().offsets().to_vec(),
            matrix: Arc::new(numbers(edges(), 94)),
            vectors: Arc::new(vectors),
            shift: 0.0,
        }
    }

    check!(derivatives, [(edges(), 1)], |o, at, p| {
        let r = table(o, &p[0]);
        o.factored_inverse_loss(at, &r, &trial(numbers(2 * NODES, 95)))
    });

    #[test]
    fn is_the_frobenius_norm_exactly_and_in_the_mean() {
        let r = numbers(edges(), 96);
        let loss = |vectors: Vec<f64>| {
            let at = graphs();
            at.incidence();
            untaped().factored_inverse_loss(&at, &Value::new(r.clone(), 1), &trial(vectors)).data()[0]
        };
        // Written out: the mean over both graphs of ‖I − Rᵀ A R‖_F² / n.
        let at = graphs();
        let (at, a) = (at.incidence(), numbers(edges(), 94));
        let dense = |values: &[f64]| {
            let mut m = faer::Mat::<f64>::zeros(NODES, NODES);
            (0..edges()).for_each(|e| m[(at.target[e] as usize, at.source[e] as usize)] = values[e]);
            m
        };
        let difference = dense(&r).transpose() * dense(&a) * dense(&r) - faer::Mat::<f64>::identity(NODES, NODES);
        let square = |rows: std::ops::Range<usize>| -> f64 {
            rows.clone().flat_map(|i| rows.clone().map(move |j| (i, j))).map(|k| difference[k].powi(2)).sum()
        };
        let exact = 0.5 * (square(0..4) / 4.0 + square(4..7) / 3.0);
        // √v e_k in each of both graphs, v = 4 vectors.
        let mut units = vec![0.0; 4 * NODES];
        (0..4).for_each(|k| units[k * NODES + k] = 2.0);
        (0..3).for_each(|k| units[k * NODES + 4 + k] = 2.0);
        assert!((loss(units) - exact).abs() < 1e-12 * exact);
        let mut rng = stream(3, Purpose::Probes, 0);
        let mut sample = || loss(normals(&mut rng, NODES));
        let samples: Vec<f64> = (0..4000).map(|_| sample()).collect();
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let error = (samples.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
        assert!((mean - exact).abs() < 3.0 * error, "{mean} ± {error}, exact {exact}");
    }
}
