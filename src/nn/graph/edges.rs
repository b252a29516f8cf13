//! Tables with one row an edge: edges looking at their ends, nodes summing over their edges.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Tape};
use rayon::prelude::*;

use super::conv::CHUNK;
use super::{Incidence, Real, Value};

/// y_e = act(h_e + p_{target(e)} + q_{source(e)}): the first layer of a perceptron on (edge, target, source), its three
/// products made beforehand where they are cheapest; without p, a message of the source alone. `slope` as in
/// [`super::linear`].
pub fn combine<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    at: &Arc<Incidence>,
    h: &Value<E>,
    p: Option<&Value<E>>,
    q: &Value<E>,
    slope: f64,
) -> Value<E> {
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
    tape.add_backward_op(move |grads| {
        let Some(mut g) = so.take(grads) else {
            return Ok(());
        };
        g.par_chunks_mut(CHUNK * 8)
            .zip(y.par_chunks(CHUNK * 8))
            .for_each(|(g, y)| {
                for (g, y) in g.iter_mut().zip(y) {
                    if *y <= E::default() {
                        *g *= slope;
                    }
                }
            });
        if let Some(sp) = &sp {
            sp.add(grads, at.sums(&g, width, true));
        }
        sq.add(grads, at.sums(&g, width, false));
        sh.add(grads, g);
        Ok(())
    });
    out
}

/// What a node makes of the rows of its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    Sum,
    Mean,
}

/// y_i = the sum or mean of the rows of the edges into (or out of) node i; 0 where there is none.
pub fn aggregate<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    at: &Arc<Incidence>,
    h: &Value<E>,
    into: bool,
    reduce: Reduce,
) -> Value<E> {
    let width = h.cols();
    let share = move |at: &Incidence, i: usize| match reduce {
        Reduce::Sum => E::narrow(1.0),
        Reduce::Mean => E::narrow(1.0 / at.degree(i, into).max(1) as f64),
    };
    let mut y = at.sums(h.data(), width, into);
    for (i, row) in y.chunks_exact_mut(width).enumerate() {
        row.iter_mut().for_each(|v| *v *= share(at, i));
    }
    let out = Value::new(y, width);
    let (sh, so, at) = (h.slot(), out.slot(), at.clone());
    tape.add_backward_op(move |grads| {
        let Some(g) = so.take(grads) else {
            return Ok(());
        };
        let mut dh = vec![E::default(); at.edges() * width];
        dh.par_chunks_mut(CHUNK * width)
            .enumerate()
            .for_each(|(c, rows)| {
                for (k, row) in rows.chunks_exact_mut(width).enumerate() {
                    let ends = if into { &at.target } else { &at.source };
                    let i = ends[c * CHUNK + k] as usize;
                    let factor = share(&at, i);
                    for (d, &g) in row.iter_mut().zip(&g[i * width..(i + 1) * width]) {
                        *d = factor * g;
                    }
                }
            });
        sh.add(grads, dh);
        Ok(())
    });
    out
}
