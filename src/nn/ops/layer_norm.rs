//! LayerNorm: features normalised within each row (Ba, Kiros, Hinton 2016, arXiv:1607.06450).

use dfdx::prelude::{Cpu, Device, HasShape, Tape};
use rayon::prelude::*;

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::{Engine, Param};
use super::fused::{FusedOps, Slot, Value};
use crate::nn::Real;
use crate::nn::graph::CHUNK;

/// Added to the variance.
const EPSILON: f64 = 1e-5;

/// Normalisation within rows.
pub trait LayerNormOp: Engine {
    /// Per row: y = γ (x − mean x) / √(var x + ε) + β; γ, β are 1 × columns.
    fn layer_norm(&mut self, x: &Self::Value, weights: [&Param<Self>; 2]) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> LayerNormOp for FusedOps<E, T> {
    fn layer_norm(&mut self, x: &Value<E>, [gamma, beta]: [&Param<Self>; 2]) -> Value<E> {
        let width = x.cols();
        let (ga, be) = (gamma.as_vec(), beta.as_vec());
        let mut y = x.data().to_vec();
        y.par_chunks_mut(CHUNK * width).for_each(|rows| {
            for row in rows.chunks_exact_mut(width) {
                let (mean, inverse) = statistics(row);
                for ((v, g), b) in row.iter_mut().zip(&ga).zip(&be) {
                    *v = E::narrow((v.wide() - mean) * inverse) * *g + *b;
                }
            }
        });
        let out = Value::new(y, width);
        let (sx, so, x) = (x.slot(), out.slot(), x.data().clone());
        let slots = [Slot::of(gamma), Slot::of(beta)];
        self.tape.add_backward_op(move |grads| {
            let Some(mut g) = so.take(grads) else {
                return Ok(());
            };
            let chunks = g.par_chunks_mut(CHUNK * width).zip(x.par_chunks(CHUNK * width));
            let parts: Vec<[Vec<f64>; 2]> = chunks.map(|(g, x)| pull_back(g, x, &ga)).collect();
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

impl<E: Real, D: Device<E>, T: Tape<E, D>> LayerNormOp for DfdxOps<E, D, T> {
    fn layer_norm(&mut self, x: &Table<E, D>, [gamma, beta]: [&Param<Self>; 2]) -> Table<E, D> {
        let (rows, cols) = *x.shape();
        let share = E::narrow(1.0 / cols as f64);
        let mean = self.across(x);
        let mean = self.on(&mean, |m| m * -share);
        let mean = self.spread(&mean, cols);
        let centred = self.add(x, &mean);
        let squares = self.on(&centred, |c| c.square());
        let variance = self.across(&squares);
        let inverse = self.on(&variance, |v| (v * share + E::narrow(EPSILON)).sqrt().recip());
        let inverse = self.spread(&inverse, cols);
        let unit = self.times(&centred, &inverse);
        let gamma = self.repeat(gamma, rows);
        let beta = self.repeat(beta, rows);
        let y = self.times(&unit, &gamma);
        self.add(&y, &beta)
    }
}

/// Mean and 1/√(variance + ε) of a row.
fn statistics<E: Real>(row: &[E]) -> (f64, f64) {
    let n = row.len() as f64;
    let mean = row.iter().map(|v| v.wide()).sum::<f64>() / n;
    let variance = row.iter().map(|v| (v.wide() - mean).powi(2)).sum::<f64>() / n;
    (mean, 1.0 / (variance + EPSILON).sqrt())
}

/// g ← the gradient of x; returns those of γ and β.
///
/// With ŷ = (x − mean) s: dx = s (γ g − mean(γ g) − ŷ mean(γ g ŷ)).
fn pull_back<E: Real>(g: &mut [E], x: &[E], ga: &[E]) -> [Vec<f64>; 2] {
    let width = ga.len();
    let (mut d_gamma, mut d_beta) = (vec![0.0; width], vec![0.0; width]);
    for (g, x) in g.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let (mean, inverse) = statistics(x);
        let (mut along_one, mut along_unit) = (0.0, 0.0);
        for f in 0..width {
            let (gf, unit) = (g[f].wide(), (x[f].wide() - mean) * inverse);
            d_beta[f] += gf;
            d_gamma[f] += gf * unit;
            let scaled = gf * ga[f].wide();
            along_one += scaled;
            along_unit += scaled * unit;
        }
        let n = width as f64;
        for f in 0..width {
            let unit = (x[f].wide() - mean) * inverse;
            g[f] = E::narrow(inverse * (g[f].wide() * ga[f].wide() - along_one / n - unit * along_unit / n));
        }
    }
    [d_gamma, d_beta]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(derivatives, [(NODES, 4), (1, 4), (1, 4)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.layer_norm(&x, [&p[1], &p[2]])
    });
}
