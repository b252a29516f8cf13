//! Weighted sums over the edges into a node: attention among neighbours.

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

/// Weighted sums over the edges into a node.
pub trait WeightedSumOp: Engine {
    /// y_i = Σ_e w_e (v_{source(e)} + h_e) over the edges into node i; w has one column, h may be absent.
    fn weighted_sum(
        &mut self,
        at: &Self::Batch,
        w: &Self::Value,
        v: &Self::Value,
        h: Option<&Self::Value>,
    ) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> WeightedSumOp for FusedOps<E, T> {
    fn weighted_sum(&mut self, at: &Graphs<E>, w: &Value<E>, v: &Value<E>, h: Option<&Value<E>>) -> Value<E> {
        let at = at.incidence();
        let d = v.cols();
        let (wd, vd, hd) = (w.data().clone(), v.data().clone(), h.map(|h| h.data().clone()));
        // What edge e carries, added to `row` with that factor.
        let carried = {
            let (at, vd, hd) = (at.clone(), vd.clone(), hd.clone());
            move |e: usize, factor: E, row: &mut [E]| {
                let j = at.source[e] as usize * d;
                row.iter_mut().zip(&vd[j..j + d]).for_each(|(r, &v)| *r += factor * v);
                if let Some(h) = &hd {
                    row.iter_mut().zip(&h[e * d..]).for_each(|(r, &h)| *r += factor * h);
                }
            }
        };
        let mut y = vec![E::default(); at.nodes() * d];
        y.par_chunks_mut(CHUNK * d).enumerate().for_each(|(c, rows)| {
            for (i, row) in (c * CHUNK..).zip(rows.chunks_exact_mut(d)) {
                at.edges_into(i).for_each(|e| carried(e, wd[e], row));
            }
        });
        let out = Value::new(y, d);
        let (sw, sv, sh, so) = (w.slot(), v.slot(), h.map(Value::slot), out.slot());
        let at = at.clone();
        self.tape.add_backward_op(move |grads| {
            let Some(g) = so.take(grads) else {
                return Ok(());
            };
            let mut dw = vec![E::default(); at.edges()];
            dw.par_chunks_mut(CHUNK).enumerate().for_each(|(c, dw)| {
                let mut row = vec![E::default(); d];
                for (e, dw) in (c * CHUNK..).zip(dw) {
                    row.fill(E::default());
                    carried(e, E::narrow(1.0), &mut row);
                    let i = at.target[e] as usize * d;
                    row.iter().zip(&g[i..]).for_each(|(&r, &g)| *dw += r * g);
                }
            });
            sw.add(grads, dw);
            let mut dv = vec![E::default(); vd.len()];
            dv.par_chunks_mut(CHUNK * d).enumerate().for_each(|(c, rows)| {
                for (j, row) in (c * CHUNK..).zip(rows.chunks_exact_mut(d)) {
                    for &e in at.edges_out_of(j) {
                        let (e, i) = (e as usize, at.target[e as usize] as usize * d);
                        row.iter_mut().zip(&g[i..]).for_each(|(r, &g)| *r += wd[e] * g);
                    }
                }
            });
            sv.add(grads, dv);
            if let Some(sh) = &sh {
                let mut dh = vec![E::default(); at.edges() * d];
                dh.par_chunks_mut(CHUNK * d).enumerate().for_each(|(c, rows)| {
                    for (e, row) in (c * CHUNK..).zip(rows.chunks_exact_mut(d)) {
                        let i = at.target[e] as usize * d;
                        row.iter_mut().zip(&g[i..]).for_each(|(r, &g)| *r = wd[e] * g);
                    }
                });
                sh.add(grads, dh);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> WeightedSumOp for DfdxOps<E, D, T> {
    fn weighted_sum(
        &mut self,
        at: &Lists<E, D>,
        w: &Table<E, D>,
        v: &Table<E, D>,
        h: Option<&Table<E, D>>,
    ) -> Table<E, D> {
        let mut carried = self.rows(v, &at.sources);
        if let Some(h) = h {
            carried = self.add(&carried, h);
        }
        let w = self.spread(w, v.shape().1);
        let weighed = self.times(&carried, &w);
        self.sums(&weighed, &at.into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, edges, table};

    check!(with_edges, [(edges(), 1), (NODES, 2), (edges(), 2)], |o, at, p| {
        let [w, v, h] = [0, 1, 2].map(|k| table(o, &p[k]));
        o.weighted_sum(at, &w, &v, Some(&h))
    });

    check!(of_nodes, [(edges(), 1), (NODES, 2)], |o, at, p| {
        let [w, v] = [0, 1].map(|k| table(o, &p[k]));
        o.weighted_sum(at, &w, &v, None)
    });
}
