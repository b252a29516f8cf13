//! How good a factor the entries of a triangular matrix make.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Tape};

use super::{Incidence, Real, Value};

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
            self.edges_into(i)
                .map(|e| l[e] * y[self.source[e] as usize])
                .sum()
        };
        (0..self.nodes()).map(row).collect()
    }

    /// Lᵀ x by columns.
    fn transposed_product(&self, l: &[f64], x: &[f64]) -> Vec<f64> {
        let column = |j: usize| {
            self.edges_out_of(j)
                .iter()
                .map(|&e| l[e as usize] * x[self.target[e as usize] as usize])
                .sum()
        };
        (0..self.nodes()).map(column).collect()
    }
}
