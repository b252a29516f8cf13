//! Attention of every node to every node of its graph, in linear time.

use std::ops::Range;

use dfdx::prelude::{
    Axes2, Axis, BroadcastTo, Cpu, Device, HasShape, PermuteTo, ReshapeTo, SumTo, Tape, TryMatMul, add,
};
use rayon::prelude::*;

use super::dfdx::Cube;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// Attention of every node to every node of its graph, in linear time.
pub trait GlobalAttentionOp: Engine {
    /// Per graph of N nodes: z_i = (v_i + q̃_i (K̃ᵀ V)/N) / (1 + q̃_i · (K̃ᵀ 1)/N) with Q̃ = Q/‖Q‖_F, K̃ = K/‖K‖_F: the
    /// attention of SGFormer (Wu et al. 2023, arXiv:2306.10759, equations 3 and 4). q, k, v have equal shapes;
    /// `offsets` as in [`crate::nn::graph::Graphs::offsets`].
    fn global_attention(&mut self, at: &Self::Batch, qkv: [&Self::Value; 3]) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> GlobalAttentionOp for FusedOps<E, T> {
    fn global_attention(&mut self, at: &Graphs<E>, [q, k, v]: [&Value<E>; 3]) -> Value<E> {
        let offsets = at.offsets();
        let d = q.cols();
        let ranges: Vec<Range<usize>> = offsets.windows(2).map(|w| w[0] * d..w[1] * d).collect();
        let parts: Vec<Part> = ranges
            .par_iter()
            .map(|r| Part::new(&q.data()[r.clone()], &k.data()[r.clone()], &v.data()[r.clone()], d))
            .collect();
        let z: Vec<E> = parts.iter().flat_map(|p| p.z.iter().map(|&z| E::narrow(z))).collect();
        let out = Value::new(z, d);
        let (sq, sk, sv, so) = (q.slot(), k.slot(), v.slot(), out.slot());
        self.tape.add_backward_op(move |grads| {
            let Some(g) = so.take(grads) else {
                return Ok(());
            };
            let back: Vec<[Vec<f64>; 3]> =
                parts.par_iter().zip(&ranges).map(|(p, r)| p.pull_back(&g[r.clone()], d)).collect();
            for (slot, k) in [sq, sk, sv].iter().zip(0..) {
                let all = back.iter().flat_map(|b| b[k].iter().map(|&v| E::narrow(v)));
                slot.add(grads, all.collect());
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> GlobalAttentionOp for DfdxOps<E, D, T> {
    fn global_attention(&mut self, at: &Lists<E, D>, qkv: [&Table<E, D>; 3]) -> Table<E, D> {
        let d = qkv[0].shape().1;
        let (g, m) = at.graphs.shape;
        let [q, k, v] = qkv.map(|x| self.grouped(x, &at.graphs));
        let mut unit = |x: &Cube<E, D>| {
            let squares = self.on(x, |x| x.square().sum::<_, Axes2<1, 2>>());
            let inverse = self.inverse_roots(&squares);
            let inverse = self.on(&inverse, |i| i.broadcast_like::<_, Axes2<1, 2>>(&(g, m, d)));
            self.times(x, &inverse)
        };
        let (q, k) = (unit(&q), unit(&k));
        let share = |to: &mut Self, shape: (usize, usize, usize)| {
            let flat = to.on(&at.graphs.shares, |s| s.reshape_like(&(g,)));
            to.on(&flat, |s| s.broadcast_like::<_, Axes2<1, 2>>(&shape))
        };
        let turned = self.on(&k, |k| k.permute::<_, dfdx::prelude::Axes3<0, 2, 1>>());
        let kv = self.on(&turned, |k| k.matmul(v.clone())); // (graphs, d, d)
        let by = share(self, (g, d, d));
        let kv = self.times(&kv, &by);
        let above = self.on(&q, |q| q.matmul(kv));
        let above = self.on(&above, |a| add(a, v));
        let k1 = self.on(&k, |k| k.sum::<(usize, usize), Axis<1>>());
        let k1 = self.on(&k1, |k| k.broadcast_like::<_, Axis<1>>(&(g, m, d)));
        let by = share(self, (g, m, d));
        let k1 = self.times(&k1, &by);
        let along = self.times(&q, &k1);
        let below = self.on(&along, |a| a.sum::<(usize, usize), Axis<2>>() + E::narrow(1.0));
        let below = self.on(&below, |b| b.recip());
        let below = self.deepen(&below, d);
        let z = self.times(&above, &below);
        self.ungrouped(&z, &at.graphs)
    }
}

/// One graph, in f64; rows of d.
struct Part {
    /// Q̃, K̃ and V.
    q: Vec<f64>,
    k: Vec<f64>,
    v: Vec<f64>,
    /// 1/‖Q‖, 1/‖K‖; 0 for zero tables.
    inverse: [f64; 2],
    /// K̃ᵀ V (d × d) and K̃ᵀ 1.
    kv: Vec<f64>,
    k1: Vec<f64>,
    /// 1 + q̃_i · K̃ᵀ1 / N.
    below: Vec<f64>,
    z: Vec<f64>,
}

impl Part {
    fn new<E: Real>(q: &[E], k: &[E], v: &[E], d: usize) -> Self {
        let wide = |x: &[E]| -> Vec<f64> { x.iter().map(|v| v.wide()).collect() };
        let (mut q, mut k, v) = (wide(q), wide(k), wide(v));
        let inverse = [unit(&mut q), unit(&mut k)];
        let n = (v.len() / d).max(1) as f64;
        let (mut kv, mut k1) = (vec![0.0; d * d], vec![0.0; d]);
        for (k, v) in k.chunks_exact(d).zip(v.chunks_exact(d)) {
            for (a, &ka) in k.iter().enumerate() {
                k1[a] += ka;
                axpy(&mut kv[a * d..(a + 1) * d], ka, v);
            }
        }
        let (mut z, mut below) = (v.clone(), Vec::with_capacity(v.len() / d));
        for (q, z) in q.chunks_exact(d).zip(z.chunks_exact_mut(d)) {
            let mut sum = 1.0;
            for (a, &qa) in q.iter().enumerate() {
                sum += qa * k1[a] / n;
                axpy(z, qa / n, &kv[a * d..(a + 1) * d]);
            }
            z.iter_mut().for_each(|z| *z /= sum);
            below.push(sum);
        }
        Part { q, k, v, inverse, kv, k1, below, z }
    }

    /// Gradients of q, k, v from that of z.
    fn pull_back<E: Real>(&self, g: &[E], d: usize) -> [Vec<f64>; 3] {
        let n = (self.v.len() / d).max(1) as f64;
        let mut dv = vec![0.0; self.v.len()];
        let mut dq = vec![0.0; self.v.len()];
        let (mut dkv, mut dk1) = (vec![0.0; d * d], vec![0.0; d]);
        for i in 0..self.below.len() {
            let row = i * d..(i + 1) * d;
            // z = u / below
            let mut below = 0.0;
            for f in row.clone() {
                dv[f] = g[f].wide() / self.below[i];
                below -= dv[f] * self.z[f];
            }
            let (du, q) = (&dv[row.clone()], &self.q[row.clone()]);
            for (a, dq) in dq[row].iter_mut().enumerate() {
                *dq = (dot(&self.kv[a * d..(a + 1) * d], du) + self.k1[a] * below) / n;
                dk1[a] += q[a] * below / n;
                axpy(&mut dkv[a * d..(a + 1) * d], q[a] / n, du);
            }
        }
        let mut dk = vec![0.0; self.v.len()];
        for ((k, v), (dk, dv)) in
            self.k.chunks_exact(d).zip(self.v.chunks_exact(d)).zip(dk.chunks_exact_mut(d).zip(dv.chunks_exact_mut(d)))
        {
            for a in 0..d {
                dk[a] = dot(&dkv[a * d..(a + 1) * d], v) + dk1[a];
                axpy(dv, k[a], &dkv[a * d..(a + 1) * d]);
            }
        }
        through_unit(&mut dq, &self.q, self.inverse[0]);
        through_unit(&mut dk, &self.k, self.inverse[1]);
        [dq, dk, dv]
    }
}

/// x ← x/‖x‖; returns 1/‖x‖, 0 for zero.
fn unit(x: &mut [f64]) -> f64 {
    let norm = dot(x, x).sqrt();
    let inverse = if norm > 0.0 { 1.0 / norm } else { 0.0 };
    x.iter_mut().for_each(|v| *v *= inverse);
    inverse
}

/// g ← (g − x̃ (x̃ · g)) / ‖x‖.
fn through_unit(g: &mut [f64], unit: &[f64], inverse: f64) {
    let along = dot(unit, g);
    g.iter_mut().zip(unit).for_each(|(g, u)| *g = (*g - u * along) * inverse);
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// y ← y + a x.
fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{self, NODES, check, graphs, numbers, table, untaped};

    check!(derivatives, [(NODES, 3), (NODES, 3), (NODES, 3)], |o, at, p| {
        let [q, k, v] = [0, 1, 2].map(|k| table(o, &p[k]));
        o.global_attention(at, [&q, &k, &v])
    });

    /// Against the formula written out with N × N weights, first graph.
    #[test]
    fn is_the_formula_written_out() {
        let d = 2;
        let [q, k, v] = [87, 88, 89].map(|k| Value::new(numbers(7 * d, k), d));
        let mut ops = untaped();
        let z = ops.global_attention(&graphs(), [&q, &k, &v]);
        let norm = |t: &Value<f64>| t.data()[..4 * d].iter().map(|v| v * v).sum::<f64>().sqrt();
        for i in 0..4 {
            let weight = |j: usize| -> f64 {
                let products = (0..d).map(|f| q.data()[i * d + f] * k.data()[j * d + f]);
                products.sum::<f64>() / (norm(&q) * norm(&k)) / 4.0
            };
            let below = 1.0 + (0..4).map(weight).sum::<f64>();
            for f in 0..d {
                let sum: f64 = (0..4).map(|j| weight(j) * v.data()[j * d + f]).sum();
                let expected = (v.data()[i * d + f] + sum) / below;
                assert!((z.data()[i * d + f] - expected).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn tables_of_zeros_attend_to_nothing_by_both_ways_to_compute() {
        let mut data = testing::random(&[(NODES, 3), (NODES, 3), (NODES, 3)]);
        data[0].0[..12].fill(0.0);
        data[1].0[12..].fill(0.0);
        let network = |o: &mut _, at: &_, p: &[_]| {
            let [q, k, v] = [0, 1, 2].map(|k| table(o, &p[k]));
            FusedOps::global_attention(o, at, [&q, &k, &v])
        };
        let by_hand = testing::run(testing::fused(), &data, network);
        let network = |o: &mut _, at: &_, p: &[_]| {
            let [q, k, v] = [0, 1, 2].map(|k| table(o, &p[k]));
            DfdxOps::global_attention(o, at, [&q, &k, &v])
        };
        let by_dfdx = testing::run(testing::composed(), &data, network);
        for (a, b) in by_hand.iter().zip(&by_dfdx) {
            assert!((a - b).abs() < 1e-11, "{a} fused, {b} composed");
        }
    }
}
