//! LayerNorm: features normalised within each row (Ba, Kiros, Hinton 2016, arXiv:1607.06450).

use dfdx::prelude::{Cpu, Device, HasShape, Tape};
use pulp::Arch;
use rayon::prelude::*;

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::{Engine, Param};
use super::fused::{FusedOps, Slot, Value};
use crate::nn::Real;
use crate::nn::graph::CHUNK;

/// Added to the variance.
pub(in crate::nn) const EPSILON: f64 = 1e-5;

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
        let arch = Arch::new();
        y.par_chunks_mut(CHUNK * width).for_each(|rows| arch.dispatch(|| normalise(rows, &ga, &be)));
        let out = Value::new(y, width);
        let (sx, so, x) = (x.slot(), out.slot(), x.data().clone());
        let slots = [Slot::of(gamma), Slot::of(beta)];
        self.tape.add_backward_op(move |grads| {
            let Some(mut g) = so.take(grads) else {
                return Ok(());
            };
            let chunks = g.par_chunks_mut(CHUNK * width).zip(x.par_chunks(CHUNK * width));
            let parts: Vec<[Vec<E>; 2]> = chunks.map(|(g, x)| arch.dispatch(|| pull_back(g, x, &ga))).collect();
            sx.add(grads, g);
            for (k, slot) in slots.iter().enumerate() {
                let total = (0..width).map(|f| E::narrow(parts.iter().map(|p| p[k][f].wide()).sum()));
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

/// Partial sums of a row: fixed, so that the width of vector instructions changes no bit.
const LANES: usize = 8;

/// Σ of a function of (x, y).
#[inline(always)]
fn sum<E: Real>(x: &[E], y: &[E], of: impl Fn(E, E) -> E) -> E {
    let mut lanes = [E::default(); LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest = xs.remainder().iter().zip(ys.remainder());
    for (x, y) in xs.zip(ys) {
        for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += of(x, y);
        }
    }
    for (lane, (&x, &y)) in lanes.iter_mut().zip(rest) {
        *lane += of(x, y);
    }
    lanes.into_iter().fold(E::default(), |sum, lane| sum + lane)
}

/// Mean and 1/√(variance + ε) of a row.
#[inline(always)]
fn statistics<E: Real>(row: &[E]) -> (E, E) {
    let share = E::narrow(1.0 / row.len() as f64);
    let mean = sum(row, row, |v, _| v) * share;
    let variance = sum(row, row, |v, _| (v - mean) * (v - mean)) * share;
    (mean, E::narrow(1.0 / (variance.wide() + EPSILON).sqrt()))
}

#[inline(always)]
fn normalise<E: Real>(rows: &mut [E], gamma: &[E], beta: &[E]) {
    for row in rows.chunks_exact_mut(gamma.len()) {
        let (mean, inverse) = statistics(row);
        for ((v, &g), &b) in row.iter_mut().zip(gamma).zip(beta) {
            *v = (*v - mean) * inverse * g + b;
        }
    }
}

/// g ← the gradient of x; returns those of γ and β.
///
/// With ŷ = (x − mean) s: dx = s (γ g − mean(γ g) − ŷ mean(γ g ŷ)).
#[inline(always)]
fn pull_back<E: Real>(g: &mut [E], x: &[E], gamma: &[E]) -> [Vec<E>; 2] {
    let width = gamma.len();
    let share = E::narrow(1.0 / width as f64);
    let [mut d_gamma, mut d_beta, mut unit] = [0; 3].map(|_| vec![E::default(); width]);
    for (g, x) in g.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let (mean, inverse) = statistics(x);
        for (u, &x) in unit.iter_mut().zip(x) {
            *u = (x - mean) * inverse;
        }
        d_beta.iter_mut().zip(&*g).for_each(|(d, &g)| *d += g);
        for ((d, &u), (g, &gamma)) in d_gamma.iter_mut().zip(&unit).zip(g.iter_mut().zip(gamma)) {
            *d += *g * u;
            *g *= gamma;
        }
        let along_one = sum(g, g, |g, _| g) * share;
        let along_unit = sum(g, &unit, |g, u| g * u) * share;
        for (g, &u) in g.iter_mut().zip(&unit) {
            *g = inverse * (*g - along_one - u * along_unit);
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
