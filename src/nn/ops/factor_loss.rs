//! How good a factor the entries of a triangular matrix make.

use dfdx::prelude::{Cpu, Device, Tape};

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use super::trial::{square, weigh};
use crate::nn::Real;
use crate::nn::graph::Graphs;

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
        let l: Vec<f64> = entries.data().iter().map(|v| v.wide()).collect();
        let y = at.transposed_product(&l, x);
        let mut residual = at.product(&l, &y);
        residual.iter_mut().zip(b).for_each(|(r, b)| *r -= b);
        let weights = inverse_squares(offsets, b);
        let total = weigh(offsets, &weights, &mut residual);
        let out = Value::new(vec![E::narrow(total)], 1);
        let (se, so, at) = (entries.slot(), out.slot(), at.clone());
        let x = x.to_vec();
        self.tape.add_backward_op(move |grads| {
            let Some(g) = so.take(grads) else {
                return Ok(());
            };
            // With r = L Lᵀ x − b: d/dL ‖r‖² = 2 (r yᵀ + x (Lᵀ r)ᵀ) on the pattern of L.
            let lr = at.transposed_product(&l, &residual);
            let d = at.outer_products([&residual, &y], [&x, &lr]);
            se.add(grads, d.map(|d| E::narrow(d * g[0].wide())).collect());
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
        let minus_b = self.column(b.iter().map(|b| -b));
        let x = self.column(x.iter().copied());
        let x = self.rows(&x, &at.targets);
        let y = self.times(l, &x);
        let y = self.sums(&y, &at.out); // Lᵀ x
        let y = self.rows(&y, &at.sources);
        let r = self.times(l, &y);
        let r = self.sums(&r, &at.into); // L Lᵀ x
        let r = self.add(&r, &minus_b);
        self.weighed(at, &r, inverse_squares(offsets, b))
    }
}

/// 1 / (graphs · ‖b‖²) of each graph.
fn inverse_squares(offsets: &[usize], b: &[f64]) -> Vec<f64> {
    let graphs = (offsets.len() - 1) as f64;
    let weight = |r: &[usize]| 1.0 / (graphs * square(&b[r[0]..r[1]])).max(f64::MIN_POSITIVE);
    offsets.windows(2).map(weight).collect()
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
