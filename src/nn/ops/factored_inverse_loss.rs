//! How far a factor R is from Rᵀ A R = I.

use dfdx::prelude::{Cpu, Device, Tape};

use super::add::AddOp;
use super::dfdx::narrow;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use super::sparse_inverse_loss::Trial;
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// How far a factor R is from Rᵀ A R = I.
pub trait FactoredInverseLossOp: Engine {
    /// The mean over graphs and vectors of ‖(Rᵀ A R − I) w‖² / n, R having the given entries (one an edge, columns
    /// being sources) and n being the nodes of a graph. For w from N(0, I) its mean is ‖I − Rᵀ A R‖_F² / n, the
    /// reconstruction loss of Li, Wang and Jimack (2024); for the n vectors √n e_k it is exactly that.
    fn factored_inverse_loss(&mut self, at: &Self::Batch, entries: &Self::Value, trial: &Trial) -> Self::Value;
}

impl Trial {
    /// 1 / (graphs · vectors · n) of each graph.
    fn by_nodes(&self) -> Vec<f64> {
        let nodes = self.offsets.last().copied().unwrap_or(0).max(1);
        let count = (self.offsets.len() - 1) * (self.vectors.len() / nodes);
        self.offsets.windows(2).map(|r| 1.0 / (count * (r[1] - r[0])).max(1) as f64).collect()
    }
}

impl<E: Real, T: Tape<E, Cpu>> FactoredInverseLossOp for FusedOps<E, T> {
    fn factored_inverse_loss(&mut self, at: &Graphs<E>, entries: &Value<E>, trial: &Trial) -> Value<E> {
        let at = at.incidence();
        let r: Vec<f64> = entries.data().iter().map(|v| v.wide()).collect();
        let nodes = at.nodes().max(1);
        let weights = trial.by_nodes();
        let mut total = 0.0;
        // Of each vector: a = A R w and 2 weight (Rᵀ a − w).
        let mut kept = Vec::new();
        for w in trial.vectors.chunks_exact(nodes) {
            let u = at.product(&r, w);
            let a = at.product(&trial.matrix, &u);
            let mut d = at.transposed_product(&r, &a);
            d.iter_mut().zip(w).for_each(|(d, w)| *d -= w);
            for (range, weight) in trial.offsets.windows(2).zip(&weights) {
                let part = &mut d[range[0]..range[1]];
                total += weight * part.iter().map(|d| d * d).sum::<f64>();
                part.iter_mut().for_each(|d| *d *= 2.0 * weight);
            }
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
            for (w, (a, d)) in trial.vectors.chunks_exact(nodes).zip(&kept) {
                let v = at.product(&r, d);
                let v = at.transposed_product(&trial.matrix, &v);
                for (e, s) in sum.iter_mut().enumerate() {
                    let (i, j) = (at.target[e] as usize, at.source[e] as usize);
                    *s += a[i] * d[j] + v[i] * w[j];
                }
            }
            se.add(grads, sum.iter().map(|s| E::narrow(s * scale[0].wide())).collect());
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> FactoredInverseLossOp for DfdxOps<E, D, T> {
    fn factored_inverse_loss(&mut self, at: &Lists<E, D>, r: &Table<E, D>, trial: &Trial) -> Table<E, D> {
        let matrix = self.constant(narrow(trial.matrix.iter().copied()), 1);
        let weights = self.constant(narrow(trial.by_nodes().into_iter()), 1);
        let nodes = trial.offsets.last().copied().unwrap_or(0).max(1);
        let mut total: Option<Table<E, D>> = None;
        for w in trial.vectors.chunks_exact(nodes) {
            let minus_w = self.constant(narrow(w.iter().map(|w| -w)), 1);
            let w = self.constant(narrow(w.iter().copied()), 1);
            let w = self.rows(&w, &at.sources);
            let u = self.times(r, &w);
            let u = self.sums(&u, &at.into); // R w
            let u = self.rows(&u, &at.sources);
            let a = self.times(&u, &matrix);
            let a = self.sums(&a, &at.into); // A R w
            let a = self.rows(&a, &at.targets);
            let d = self.times(r, &a);
            let d = self.sums(&d, &at.out); // Rᵀ A R w
            let d = self.add(&d, &minus_w);
            let squares = self.on(&d, |d| d.square());
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
        let mut sample = || loss((0..NODES).map(|_| StandardNormal.sample(&mut rng)).collect());
        let samples: Vec<f64> = (0..4000).map(|_| sample()).collect();
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let error = (samples.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
        assert!((mean - exact).abs() < 3.0 * error, "{mean} ± {error}, exact {exact}");
    }
}
