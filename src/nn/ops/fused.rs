//! Operations fused on the CPU.
//!
//! A table has one row a node (or an edge) and one column a feature; several graphs lie in one table, one after the
//! other. Every operation runs over chunks of rows on all cores with sums in a fixed order (the same bits for any
//! number of threads), and keeps only what its derivative needs. Weights are dfdx tensors; gradients arrive in dfdx's
//! `Gradients`.

use std::marker::PhantomData;
use std::sync::Arc;

use dfdx::prelude::{Cpu, Gradients, OwnedTape, PutTape, Tape, TensorFromVec, ZerosTensor};
use pulp::Arch;
use rayon::prelude::*;

use super::engine::{Engine, Scalar, Taped};
use crate::nn::Real;
use crate::nn::graph::Graphs;
use crate::nn::params::Matrix;

/// Operations fused on the CPU, with an empty tape at first.
#[derive(Default)]
pub struct FusedOps<E: Real, T: Tape<E, Cpu>> {
    pub(super) tape: T,
    numbers: PhantomData<E>,
}

impl<E: Real, T: Tape<E, Cpu>> Engine for FusedOps<E, T> {
    type Real = E;
    type Device = Cpu;
    type Value = Value<E>;
    type Batch = Graphs<E>;

    fn batch(&mut self, graphs: &Graphs<E>) -> Graphs<E> {
        graphs.clone()
    }

    fn table(&mut self, data: Vec<E>, cols: usize) -> Value<E> {
        Value::new(data, cols)
    }

    fn shape(&self, x: &Value<E>) -> (usize, usize) {
        (x.rows(), x.cols())
    }

    fn to_host(&self, x: &Value<E>) -> Vec<E> {
        x.data().to_vec()
    }
}

impl<E: Real> Taped for FusedOps<E, OwnedTape<E, Cpu>> {
    fn finish(mut self, value: &Value<E>) -> Scalar<E, Cpu> {
        let loss = Cpu::default().tensor_from_vec(value.data.to_vec(), ());
        let (slot, ghost) = (value.slot(), loss.ghost());
        self.tape.add_backward_op(move |grads| {
            let g = grads.get_or_alloc_mut(&ghost)?.to_vec();
            slot.add(grads, g);
            Ok(())
        });
        loss.put_tape(self.tape)
    }
}

/// An intermediate table (rows × columns, row-major) that may take a gradient.
#[derive(Clone)]
pub struct Value<E: Real> {
    pub(super) data: Arc<Vec<E>>,
    pub(super) cols: usize,
    /// Names the gradient. It is an empty tensor: the gradient's storage is made by its first contribution, which
    /// spares filling it with zeros, and the data is not held twice.
    name: Matrix<E, Cpu>,
}

impl<E: Real> Value<E> {
    /// A table of `cols` columns.
    pub fn new(data: Vec<E>, cols: usize) -> Self {
        Value { data: Arc::new(data), cols, name: Cpu::default().zeros_like(&(0usize, cols)) }
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
    pub(in crate::nn) fn slot(&self) -> Slot<E> {
        Slot { name: self.name.clone() }
    }
}

/// The place of a gradient, of a value or of a parameter.
pub(in crate::nn) struct Slot<E: Real> {
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
const ENTRIES: usize = 1 << 14;

/// Entry by entry, on all cores, by the widest vector instructions there are: no entry depends on another, so their
/// width changes no bit.
pub(super) fn each<E: Real>(y: &mut [E], x: &[E], change: impl Fn(&mut E, E) + Sync) {
    let arch = Arch::new();
    y.par_chunks_mut(ENTRIES)
        .zip(x.par_chunks(ENTRIES))
        .for_each(|(y, x)| arch.dispatch(|| y.iter_mut().zip(x).for_each(|(y, &x)| change(y, x))));
}
