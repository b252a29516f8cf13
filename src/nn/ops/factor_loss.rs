//! How good a factor the entries of a triangular matrix make.

use dfdx::prelude::{Cpu, Device, Tape};

use super::add::AddOp;
use super::dfdx::narrow;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::Graphs;
use crate::nn::graph::Incidence;

/// How good a factor the entries of a triangular matrix make.
pub trait FactorLossOp: Engine {
    /// The mean over graphs of ‖L Lᵀ x − b‖² / ‖b‖² for lower triangular L with the given entries (one an edge, columns
    /// being sources): the loss of Trifonov et al. (2024, arXiv:2405.15557, equation 8) made free of units.
    fn factor_loss(
        &mut self,
        offsets: &[usize],
        at: &Self::Batch,
        entries: &Self::Value,
        x: &[f64],
        b: &[f64],
    ) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> FactorLossOp for FusedOps<E, T> {
    fn factor_loss(&mut self, offsets: &[usize], at: &Graphs<E>, entries: &Value<E>, x: &[f64], b: &[f64]) -> Value<E> {
        let at = at.incidence();
        let graphs = offsets.len() - 1;
        let l: Vec<f64> = entries.data().iter().map(|v| v.wide()).collect();
        let y = at.transposed_product(&l, x);
        let mut residual = at.product(&l, &y);
        residual.iter_mut().zip(b).for_each(|(r, b)| *r -= b);
        let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        let weights: Vec<f64> =
            offsets.windows(2).map(|w| 1.0 / (graphs as f64 * square(&b[w[0]..w[1]])).max(f64::MIN_POSITIVE)).collect();
        let parts = offsets.windows(2).zip(&weights);
        let total: f64 = parts.map(|(w, weight)| weight * square(&residual[w[0]..w[1]])).sum();
        let out = Value::new(vec![E::narrow(total)], 1);
        let (se, so, at) = (entries.slot(), out.slot(), at.clone());
        let (x, offsets) = (x.to_vec(), offsets.to_vec());
        self.tape.add_backward_op(move |grads| {
            let Some(g) = so.take(grads) else {
                return Ok(());
            };
            // d/dL ‖L Lᵀ x − b‖² = 2 (r yᵀ + x (Lᵀ r)ᵀ) on the pattern of L.
            let mut r = residual;
            for (w, weight) in offsets.windows(2).zip(&weights) {
                r[w[0]..w[1]].iter_mut().for_each(|v| *v *= 2.0 * weight * g[0].wide());
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
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> FactorLossOp for DfdxOps<E, D, T> {
    fn factor_loss(
        &mut self,
        offsets: &[usize],
        at: &Lists<E, D>,
        l: &Table<E, D>,
        x: &[f64],
        b: &[f64],
    ) -> Table<E, D> {
        let graphs = (offsets.len() - 1) as f64;
        let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        let weights = offsets.windows(2).map(|w| 1.0 / (graphs * square(&b[w[0]..w[1]])).max(f64::MIN_POSITIVE));
        let weights = self.constant(narrow(weights), 1);
        let x = self.constant(narrow(x.iter().copied()), 1);
        let minus_b = self.constant(narrow(b.iter().map(|b| -b)), 1);
        let x = self.rows(&x, &at.targets);
        let y = self.times(l, &x);
        let y = self.sums(&y, &at.out); // Lᵀ x
        let y = self.rows(&y, &at.sources);
        let r = self.times(l, &y);
        let r = self.sums(&r, &at.into); // L Lᵀ x
        let r = self.add(&r, &minus_b);
        let squares = self.on(&r, |r| r.square());
        let squares = self.sums(&squares, &at.graphs);
        let weighed = self.times(&squares, &weights);
        self.total(&weighed)
    }
}

impl Incidence {
    /// L y by rows.
    pub(super) fn product(&self, l: &[f64], y: &[f64]) -> Vec<f64> {
        let row = |i: usize| self.edges_into(i).map(|e| l[e] * y[self.source[e] as usize]).sum();
        (0..self.nodes()).map(row).collect()
    }

    /// Lᵀ x by columns.
    pub(super) fn transposed_product(&self, l: &[f64], x: &[f64]) -> Vec<f64> {
        let column =
            |j: usize| self.edges_out_of(j).iter().map(|&e| l[e as usize] * x[self.target[e as usize] as usize]).sum();
        (0..self.nodes()).map(column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, edges, graphs, numbers, table};

    check!(derivatives, [(edges(), 1)], |o, at, p| {
        let l = table(o, &p[0]);
        o.factor_loss(graphs().offsets(), at, &l, &numbers(NODES, 91), &numbers(NODES, 92))
    });
}
