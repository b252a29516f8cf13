//! Values on the tape.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Gradients, OwnedTape, PutTape, Tape, Tensor, TensorFromVec, ZerosTensor};
use rayon::prelude::*;

use super::Real;
use crate::nn::params::Matrix;

/// An intermediate table (rows × columns, row-major) that may take a gradient.
#[derive(Clone)]
pub struct Value<E: Real> {
    data: Arc<Vec<E>>,
    cols: usize,
    /// Names the gradient. It is an empty tensor: the gradient's storage is made by its first contribution, which
    /// spares filling it with zeros, and the data is not held twice.
    name: Matrix<E, Cpu>,
}

impl<E: Real> Value<E> {
    /// A table of `cols` columns.
    pub fn new(data: Vec<E>, cols: usize) -> Self {
        Value {
            data: Arc::new(data),
            cols,
            name: Cpu::default().zeros_like(&(0usize, cols)),
        }
    }

    /// The numbers, row by row.
    pub fn data(&self) -> &Arc<Vec<E>> {
        &self.data
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.data.len() / self.cols.max(1)
    }

    /// Where its gradient goes.
    pub(super) fn slot(&self) -> Slot<E> {
        Slot {
            name: self.name.clone(),
        }
    }
}

/// The place of a gradient, of a value or of a parameter.
pub(super) struct Slot<E: Real> {
    name: Matrix<E, Cpu>,
}

impl<E: Real> Slot<E> {
    /// The slot of a parameter.
    pub fn of(p: &Matrix<E, Cpu>) -> Self {
        Slot { name: p.clone() }
    }

    /// Takes the gradient that has come together; None if nothing downstream used the value.
    pub fn take(&self, grads: &mut Gradients<E, Cpu>) -> Option<Vec<E>> {
        // An empty gradient is made where there is none: allocation of nothing cannot fail.
        let found = grads.get_or_alloc_mut(&self.name).ok()?;
        let g = std::mem::take(&mut **found);
        (!g.is_empty()).then_some(g)
    }

    /// Adds a contribution.
    pub fn add(&self, grads: &mut Gradients<E, Cpu>, more: Vec<E>) {
        let Ok(found) = grads.get_or_alloc_mut(&self.name) else {
            return;
        };
        if found.is_empty() {
            **found = more;
        } else {
            each(found, &more, |g, m| *g += m);
        }
    }
}

/// Entries per task.
const CHUNK: usize = 1 << 14;

/// Entry by entry, on all cores.
fn each<E: Real>(y: &mut [E], x: &[E], change: impl Fn(&mut E, E) + Sync) {
    y.par_chunks_mut(CHUNK)
        .zip(x.par_chunks(CHUNK))
        .for_each(|(y, x)| y.iter_mut().zip(x).for_each(|(y, &x)| change(y, x)));
}

/// x + y of equal shapes.
pub fn add<E: Real, T: Tape<E, Cpu>>(tape: &mut T, x: &Value<E>, y: &Value<E>) -> Value<E> {
    let mut sum = x.data.to_vec();
    each(&mut sum, &y.data, |a, b| *a += b);
    let out = Value::new(sum, x.cols);
    let (sx, sy, so) = (x.slot(), y.slot(), out.slot());
    tape.add_backward_op(move |grads| {
        if let Some(g) = so.take(grads) {
            sx.add(grads, g.clone());
            sy.add(grads, g);
        }
        Ok(())
    });
    out
}

/// x where positive, `slope` x below.
pub fn activate<E: Real, T: Tape<E, Cpu>>(tape: &mut T, x: &Value<E>, slope: f64) -> Value<E> {
    let slope = E::narrow(slope);
    let mut y = x.data.to_vec();
    each(&mut y, &x.data, |y, x| {
        if x <= E::default() {
            *y *= slope;
        }
    });
    let out = Value::new(y, x.cols);
    let (sx, so, x) = (x.slot(), out.slot(), x.data.clone());
    tape.add_backward_op(move |grads| {
        if let Some(mut g) = so.take(grads) {
            each(&mut g, &x, |g, x| {
                if x <= E::default() {
                    *g *= slope;
                }
            });
            sx.add(grads, g);
        }
        Ok(())
    });
    out
}

/// x y, entry by entry.
pub fn multiply<E: Real, T: Tape<E, Cpu>>(tape: &mut T, x: &Value<E>, y: &Value<E>) -> Value<E> {
    let times = |a: &[E], b: &[E]| -> Vec<E> {
        let mut product = a.to_vec();
        each(&mut product, b, |a, b| *a *= b);
        product
    };
    let out = Value::new(times(&x.data, &y.data), x.cols);
    let (sx, sy, so) = (x.slot(), y.slot(), out.slot());
    let (x, y) = (x.data.clone(), y.data.clone());
    tape.add_backward_op(move |grads| {
        if let Some(g) = so.take(grads) {
            sx.add(grads, times(&g, &y));
            sy.add(grads, times(&g, &x));
        }
        Ok(())
    });
    out
}

/// t x with a trained t (1 × 1).
pub fn scale<E: Real, T: Tape<E, Cpu>>(tape: &mut T, x: &Value<E>, t: &Matrix<E, Cpu>) -> Value<E> {
    let factor = t.as_vec()[0];
    let out = Value::new(x.data.iter().map(|&v| factor * v).collect(), x.cols);
    let (sx, st, so, x) = (x.slot(), Slot::of(t), out.slot(), x.data.clone());
    tape.add_backward_op(move |grads| {
        if let Some(mut g) = so.take(grads) {
            let d: f64 = g.iter().zip(&**x).map(|(&g, &x)| g.wide() * x.wide()).sum();
            st.add(grads, vec![E::narrow(d)]);
            g.iter_mut().for_each(|g| *g *= factor);
            sx.add(grads, g);
        }
        Ok(())
    });
    out
}

/// The rows of x that `index` names; no row twice.
pub fn select<E: Real, T: Tape<E, Cpu>>(tape: &mut T, x: &Value<E>, index: &Arc<Vec<u32>>) -> Value<E> {
    let width = x.cols;
    let row = move |i: u32| i as usize * width..(i as usize + 1) * width;
    let rows = index.iter().flat_map(|&i| x.data[row(i)].iter().copied());
    let out = Value::new(rows.collect(), width);
    let (sx, so, len, index) = (x.slot(), out.slot(), x.data.len(), index.clone());
    tape.add_backward_op(move |grads| {
        if let Some(g) = so.take(grads) {
            let mut dx = vec![E::default(); len];
            for (&i, g) in index.iter().zip(g.chunks_exact(width)) {
                dx[row(i)].copy_from_slice(g);
            }
            sx.add(grads, dx);
        }
        Ok(())
    });
    out
}

/// The scalar that training minimises, with all that led to it: out of the one entry of `value`.
pub fn finish<E: Real>(
    mut tape: OwnedTape<E, Cpu>,
    value: &Value<E>,
) -> Tensor<(), E, Cpu, OwnedTape<E, Cpu>> {
    let loss = Cpu::default().tensor_from_vec(value.data.to_vec(), ());
    let (slot, ghost) = (value.slot(), loss.ghost());
    tape.add_backward_op(move |grads| {
        let g = grads.get_or_alloc_mut(&ghost)?.to_vec();
        slot.add(grads, g);
        Ok(())
    });
    loss.put_tape(tape)
}
