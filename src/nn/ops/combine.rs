//! Edges seeing their ends.

use dfdx::prelude::{Cpu, Device, Tape};
use rayon::prelude::*;

use super::activate::ActivateOp;
use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::linear::through_activation;
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::CHUNK;
use crate::nn::graph::Graphs;

/// Edges seeing their ends.
pub trait CombineOp: Engine {
    /// y_e = act(h_e + p_{target(e)} + q_{source(e)}): the first layer of a perceptron on (edge, target, source), its
    /// three products made beforehand where they are cheapest; without p, a message of the source alone. `slope` as in
    /// [`super::LinearOp`].
    fn combine(
        &mut self,
        at: &Self::Batch,
        h: &Self::Value,
        p: Option<&Self::Value>,
        q: &Self::Value,
        slope: f64,
    ) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> CombineOp for FusedOps<E, T> {
    fn combine(&mut self, at: &Graphs<E>, h: &Value<E>, p: Option<&Value<E>>, q: &Value<E>, slope: f64) -> Value<E> {
        let at = at.incidence();
        let (width, slope) = (h.cols(), E::narrow(slope));
        let mut y = h.data().to_vec();
        let (pd, qd) = (p.map(Value::data), q.data());
        y.par_chunks_mut(CHUNK * width).enumerate().for_each(|(c, rows)| {
            for (k, row) in rows.chunks_exact_mut(width).enumerate() {
                let e = c * CHUNK + k;
                let (i, j) = (at.target[e] as usize * width, at.source[e] as usize * width);
                if let Some(pd) = pd {
                    row.iter_mut().zip(&pd[i..i + width]).for_each(|(v, &p)| *v += p);
                }
                for (v, &q) in row.iter_mut().zip(&qd[j..j + width]) {
                    *v += q;
                    if *v < E::default() {
                        *v *= slope;
                    }
                }
            }
        });
        let out = Value::new(y, width);
        let (sh, sp, sq, so) = (h.slot(), p.map(Value::slot), q.slot(), out.slot());
        let (y, at) = (out.data().clone(), at.clone());
        self.tape.add_backward_op(move |grads| {
            let Some(mut g) = so.take(grads) else {
                return Ok(());
            };
            through_activation(&mut g, &y, slope);
            if let Some(sp) = &sp {
                sp.add(grads, at.sums(&g, width, true));
            }
            sq.add(grads, at.sums(&g, width, false));
            sh.add(grads, g);
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> CombineOp for DfdxOps<E, D, T> {
    fn combine(
        &mut self,
        at: &Lists<E, D>,
        h: &Table<E, D>,
        p: Option<&Table<E, D>>,
        q: &Table<E, D>,
        slope: f64,
    ) -> Table<E, D> {
        let q = self.rows(q, &at.sources);
        let mut y = self.add(h, &q);
        if let Some(p) = p {
            let p = self.rows(p, &at.targets);
            y = self.add(&y, &p);
        }
        self.activate(&y, slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, edges, table};

    check!(both_ends, [(edges(), 2), (NODES, 2), (NODES, 2)], |o, at, p| {
        let [h, x, z] = [0, 1, 2].map(|k| table(o, &p[k]));
        o.combine(at, &h, Some(&x), &z, 0.2)
    });

    check!(the_source, [(edges(), 2), (NODES, 2)], |o, at, p| {
        let [h, x] = [0, 1].map(|k| table(o, &p[k]));
        o.combine(at, &h, None, &x, 0.0)
    });
}
