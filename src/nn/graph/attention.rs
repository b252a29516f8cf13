//! Attention among neighbours: scores of edges, softmax over the edges into a node, weighted sums.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Tape};
use rayon::prelude::*;

use super::conv::CHUNK;
use super::{Incidence, Real, Value};

/// s_e = q_{target(e)} · (k_{source(e)} + h_e) / √d with d the columns of q: one number an edge (Shi et al. 2021,
/// arXiv:2009.03509, equation 3).
pub fn scores<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    at: &Arc<Incidence>,
    q: &Value<E>,
    k: &Value<E>,
    h: &Value<E>,
) -> Value<E> {
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
    tape.add_backward_op(move |grads| {
        let Some(g) = so.take(grads) else {
            return Ok(());
        };
        // Per edge: what comes to k and h, then what comes to q.
        let mut dh = vec![E::default(); at.edges() * d];
        let mut dq_edge = vec![E::default(); at.edges() * d];
        dh.par_chunks_mut(CHUNK * d)
            .zip(dq_edge.par_chunks_mut(CHUNK * d))
            .enumerate()
            .for_each(|(c, (dh, dq))| {
                let rows = dh.chunks_exact_mut(d).zip(dq.chunks_exact_mut(d));
                for (e, (dh, dq)) in (c * CHUNK..).zip(rows) {
                    let (i, j) = (at.target[e] as usize * d, at.source[e] as usize * d);
                    let g = g[e] * scale;
                    for f in 0..d {
                        dh[f] = g * qd[i + f];
                        dq[f] = g * (kd[j + f] + hd[e * d + f]);
                    }
                }
            });
        sq.add(grads, at.sums(&dq_edge, d, true));
        sk.add(grads, at.sums(&dh, d, false));
        sh.add(grads, dh);
        Ok(())
    });
    out
}

/// The softmax of each column of x over the edges into each node.
pub fn segment_softmax<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    at: &Arc<Incidence>,
    x: &Value<E>,
) -> Value<E> {
    let width = x.cols();
    let mut y = x.data().to_vec();
    // Edges into a node lie together: a segment is a slice.
    by_node(at, &mut y, width).into_par_iter().for_each(|(_, rows)| {
        for f in 0..width {
            let len = rows.len();
            let column = || (f..len).step_by(width);
            let largest = column().fold(f64::NEG_INFINITY, |m, k| m.max(rows[k].wide()));
            let mut sum = 0.0;
            for k in column() {
                let v = (rows[k].wide() - largest).exp();
                rows[k] = E::narrow(v);
                sum += v;
            }
            for k in column() {
                rows[k] = E::narrow(rows[k].wide() / sum);
            }
        }
    });
    let out = Value::new(y, width);
    let (sx, so, y, at) = (x.slot(), out.slot(), out.data().clone(), at.clone());
    tape.add_backward_op(move |grads| {
        let Some(mut g) = so.take(grads) else {
            return Ok(());
        };
        // dx = y (g − Σ y g)
        by_node(&at, &mut g, width)
            .into_par_iter()
            .for_each(|(first, g)| {
                let y = &y[first * width..first * width + g.len()];
                for f in 0..width {
                    let column = || (f..y.len()).step_by(width);
                    let mean: f64 = column().map(|k| y[k].wide() * g[k].wide()).sum();
                    for k in column() {
                        g[k] = E::narrow(y[k].wide() * (g[k].wide() - mean));
                    }
                }
            });
        sx.add(grads, g);
        Ok(())
    });
    out
}

/// The rows of the edges into each node that has some, with the first edge's number.
fn by_node<'a, E>(at: &Incidence, mut table: &'a mut [E], width: usize) -> Vec<(usize, &'a mut [E])> {
    let mut out = Vec::with_capacity(at.nodes());
    for i in 0..at.nodes() {
        let range = at.edges_into(i);
        let (head, tail) = table.split_at_mut(range.len() * width);
        table = tail;
        if !head.is_empty() {
            out.push((range.start, head));
        }
    }
    out
}

/// y_i = Σ_e w_e (v_{source(e)} + h_e) over the edges into node i; w has one column, h may be absent.
pub fn weighted_sum<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    at: &Arc<Incidence>,
    w: &Value<E>,
    v: &Value<E>,
    h: Option<&Value<E>>,
) -> Value<E> {
    let d = v.cols();
    let (wd, vd, hd) = (w.data().clone(), v.data().clone(), h.map(|h| h.data().clone()));
    // What edge e carries, added to `row` with that factor.
    let carried = {
        let (at, vd, hd) = (at.clone(), vd.clone(), hd.clone());
        move |e: usize, factor: E, row: &mut [E]| {
            let j = at.source[e] as usize * d;
            row.iter_mut()
                .zip(&vd[j..j + d])
                .for_each(|(r, &v)| *r += factor * v);
            if let Some(h) = &hd {
                row.iter_mut()
                    .zip(&h[e * d..])
                    .for_each(|(r, &h)| *r += factor * h);
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
    tape.add_backward_op(move |grads| {
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
