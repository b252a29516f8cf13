//! Sums over neighbours.

use dfdx::prelude::{Cpu, Device, Tape};
use rayon::prelude::*;

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Lists;
use crate::nn::Real;
use crate::nn::graph::Graphs;
use crate::nn::graph::{CHUNK, Edges};

/// Products with the matrices of graphs.
pub trait PropagateOp: Engine {
    /// y_i = Σ_j a_ij x_j for every column of x.
    fn propagate(&mut self, at: &Self::Batch, x: &Self::Value) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> PropagateOp for FusedOps<E, T> {
    fn propagate(&mut self, graphs: &Graphs<E>, x: &Value<E>) -> Value<E> {
        let width = x.cols();
        let all = move |edges: &Edges<E>, x: &[E]| {
            let mut y = vec![E::default(); x.len()];
            y.par_chunks_mut(CHUNK * width).enumerate().for_each(|(c, y)| gather(edges, x, width, c * CHUNK, y));
            y
        };
        let out = Value::new(all(&graphs.edges, x.data()), width);
        let (sx, so, reversed) = (x.slot(), out.slot(), graphs.reversed.clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                sx.add(grads, all(&reversed, &g));
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> PropagateOp for DfdxOps<E, D, T> {
    fn propagate(&mut self, at: &Lists<E, D>, x: &Table<E, D>) -> Table<E, D> {
        self.sums(x, &at.neighbours)
    }
}

/// out[i − first] ← Σ_e weight(e) x[source(e)] over the edges into nodes first, first + 1, …; `out` decides how many.
pub(super) fn gather<E: Real>(edges: &Edges<E>, x: &[E], width: usize, first: usize, out: &mut [E]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (k, row) in out.chunks_exact_mut(width).enumerate() {
                row.fill(E::default());
                for e in edges.range(first + k) {
                    let (w, j) = (edges.weights[e], edges.sources[e] as usize);
                    for (o, &v) in row.iter_mut().zip(&x[j * width..(j + 1) * width]) {
                        *o += w * v;
                    }
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::AddOp;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(derivatives, [(NODES, 3)], |o, at, p| {
        let x = table(o, &p[0]);
        let y = o.propagate(at, &x);
        o.add(&x, &y)
    });
}
