//! Scores of edges, which attention among neighbours weighs.

use dfdx::prelude::{Cpu, Device, HasShape, Tape};
use rayon::prelude::*;

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::CHUNK;
use crate::nn::graph::Graphs;

/// Scores of edges for attention.
pub trait ScoresOp: Engine {
    /// s_e = q_{target(e)} · (k_{source(e)} + h_e) / √d with d the columns of q: one number an edge (Shi et al. 2021,
    /// arXiv:2009.03509, equation 3).
    fn scores(&mut self, at: &Self::Batch, q: &Self::Value, k: &Self::Value, h: &Self::Value) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> ScoresOp for FusedOps<E, T> {
    fn scores(&mut self, at: &Graphs<E>, q: &Value<E>, k: &Value<E>, h: &Value<E>) -> Value<E> {
        let at = at.incidence();
        let d = q.cols();
        let scale = E::narrow(1.0 / (d as f64).sqrt());
        let mut s = vec![E::default(); at.edges()];
        let (qd, kd, hd) = (q.data(), k.data(), h.data());
        s.par_chunks_mut(CHUNK).enumerate().for_each(|(c, s)| {
            for (e, s) in (c * CHUNK..).zip(s) {
                let (i, j) = (at.target[e] as usize * d, at.source[e] as usize * d);
                let terms = qd[i..i + d].iter().zip(&kd[j..j + d]).zip(&hd[e * d..e * d + d]);
                for ((&q, &k), &h) in terms {
                    *s += q * (k + h);
                }
                *s *= scale;
            }
        });
        let out = Value::new(s, 1);
        let (sq, sk, sh, so) = (q.slot(), k.slot(), h.slot(), out.slot());
        let (qd, kd, hd, at) = (qd.clone(), kd.clone(), hd.clone(), at.clone());
        self.tape.add_backward_op(move |grads| {
            let Some(g) = so.take(grads) else {
                return Ok(());
            };
            // Per edge: what comes to k and h, then what comes to q.
            let mut dh = vec![E::default(); at.edges() * d];
            let mut dq_edge = vec![E::default(); at.edges() * d];
            dh.par_chunks_mut(CHUNK * d).zip(dq_edge.par_chunks_mut(CHUNK * d)).enumerate().for_each(
                |(c, (dh, dq))| {
                    let rows = dh.chunks_exact_mut(d).zip(dq.chunks_exact_mut(d));
                    for (e, (dh, dq)) in (c * CHUNK..).zip(rows) {
                        let (i, j) = (at.target[e] as usize * d, at.source[e] as usize * d);
                        let g = g[e] * scale;
                        for f in 0..d {
                            dh[f] = g * qd[i + f];
                            dq[f] = g * (kd[j + f] + hd[e * d + f]);
                        }
                    }
                },
            );
            sq.add(grads, at.sums(&dq_edge, d, true));
            sk.add(grads, at.sums(&dh, d, false));
            sh.add(grads, dh);
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> ScoresOp for DfdxOps<E, D, T> {
    fn scores(&mut self, at: &Lists<E, D>, q: &Table<E, D>, k: &Table<E, D>, h: &Table<E, D>) -> Table<E, D> {
        let scale = E::narrow(1.0 / (q.shape().1 as f64).sqrt());
        let q = self.rows(q, &at.targets);
        let k = self.rows(k, &at.sources);
        let k = self.add(&k, h);
        let products = self.times(&q, &k);
        let s = self.across(&products);
        self.on(&s, |s| s * scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, edges, table};

    check!(derivatives, [(NODES, 3), (NODES, 3), (edges(), 3)], |o, at, p| {
        let [q, k, h] = [0, 1, 2].map(|k| table(o, &p[k]));
        o.scores(at, &q, &k, &h)
    });
}
