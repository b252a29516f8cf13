//! Operations out of dfdx's own kernels, on any of its devices: the way to CUDA.
//!
//! Sums over neighbours are gathers over padded lists, multiplied by weights (0 for padding) and summed; derivatives
//! are dfdx's. On the CPU this takes several times as long as [`super::FusedOps`], which it is compared with in the
//! tests.

use std::marker::PhantomData;

use dfdx::prelude::{
    Axes2, Axis, BroadcastTo, Device, GatherTo, HasShape, NoneTape, OwnedTape, PutTape, ReshapeTo, Shape, SplitTape,
    Storage, SumTo, Tape, Tensor, add, mul,
};

use super::engine::{Engine, Scalar, Taped};
use super::lists::{Groups, Index, Lists};
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// Added to sums of squares before their inverse root, whose third power is still finite in f32.
const TINY: f64 = 1e-18;

/// A tensor without a tape.
pub type Numbers<S, E, D> = Tensor<S, E, D, NoneTape>;

/// Rows × columns.
pub type Table<E, D> = Numbers<(usize, usize), E, D>;

/// Groups × rows × columns.
pub type Cube<E, D> = Numbers<(usize, usize, usize), E, D>;

/// dfdx's operations on a device, on one tape.
pub struct DfdxOps<E: Real, D: Storage<E>, T: Tape<E, D> = OwnedTape<E, D>> {
    pub(in crate::nn) device: D,
    pub(in crate::nn) tape: T,
    numbers: PhantomData<E>,
}

impl<E: Real, D: Storage<E>, T: Tape<E, D>> DfdxOps<E, D, T> {
    /// With an empty tape.
    pub fn new(device: D) -> Self {
        DfdxOps { device, tape: T::default(), numbers: PhantomData }
    }

    /// Does something to x with the tape at hand.
    pub(super) fn on<S: Shape, R: Shape>(
        &mut self,
        x: &Numbers<S, E, D>,
        operation: impl FnOnce(Tensor<S, E, D, T>) -> Tensor<R, E, D, T>,
    ) -> Numbers<R, E, D> {
        self.then(x.clone(), operation)
    }

    /// The same where x is not needed any more: its memory may be used again.
    pub(in crate::nn) fn then<S: Shape, R: Shape>(
        &mut self,
        x: Numbers<S, E, D>,
        operation: impl FnOnce(Tensor<S, E, D, T>) -> Tensor<R, E, D, T>,
    ) -> Numbers<R, E, D> {
        let (y, tape) = operation(x.put_tape(std::mem::take(&mut self.tape))).split_tape();
        self.tape = tape;
        y
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> DfdxOps<E, D, T> {
    /// x y of equal shapes.
    pub(super) fn times<S: Shape>(&mut self, x: &Numbers<S, E, D>, y: &Numbers<S, E, D>) -> Numbers<S, E, D> {
        self.on(x, |x| mul(x, y.clone()))
    }

    /// x + y of equal shapes.
    pub(super) fn plus<S: Shape>(&mut self, x: &Numbers<S, E, D>, y: &Numbers<S, E, D>) -> Numbers<S, E, D> {
        self.on(x, |x| add(x, y.clone()))
    }

    /// 1/√s, and 0 with no gradient where what it multiplies is 0 as well: s (s + ε)^{-3/2}.
    pub(super) fn inverse_roots<S: Shape>(&mut self, s: &Numbers<S, E, D>) -> Numbers<S, E, D> {
        let root = self.on(s, |s| (s + E::narrow(TINY)).sqrt().recip());
        let square = self.on(&root, |r| r.square());
        let cube = self.times(&square, &root);
        self.times(&cube, s)
    }

    /// Rows `index` of x.
    pub(super) fn rows(&mut self, x: &Table<E, D>, index: &Index<D>) -> Table<E, D> {
        self.on(x, |x| x.gather(index.clone()))
    }

    /// A column (rows, 1) as (rows, cols).
    pub(super) fn spread(&mut self, x: &Table<E, D>, cols: usize) -> Table<E, D> {
        let rows = x.shape().0;
        self.on(x, |x| x.reshape_like(&(rows,)).broadcast_like::<_, Axis<1>>(&(rows, cols)))
    }

    /// A row (1, cols) as (rows, cols).
    pub(super) fn repeat(&mut self, x: &Table<E, D>, rows: usize) -> Table<E, D> {
        let cols = x.shape().1;
        self.on(x, |x| x.reshape_like(&(cols,)).broadcast_like::<_, Axis<0>>(&(rows, cols)))
    }

    /// (groups, largest) as (groups, largest, cols).
    pub(super) fn deepen(&mut self, x: &Table<E, D>, cols: usize) -> Cube<E, D> {
        let (g, m) = *x.shape();
        self.on(x, |x| x.broadcast_like::<_, Axis<2>>(&(g, m, cols)))
    }

    /// The rows of each group, times their weights: (groups, largest, columns).
    pub(super) fn grouped(&mut self, x: &Table<E, D>, groups: &Groups<E, D>) -> Cube<E, D> {
        let cube = self.on(x, |x| x.gather::<(usize, usize, usize), _>(groups.rows.clone()));
        let weights = self.deepen(&groups.weights, x.shape().1);
        self.times(&cube, &weights)
    }

    /// Σ of the rows of each group: (groups, columns).
    pub(super) fn sums(&mut self, x: &Table<E, D>, groups: &Groups<E, D>) -> Table<E, D> {
        let cube = self.grouped(x, groups);
        self.on(&cube, |c| c.sum::<_, Axis<1>>())
    }

    /// The rows of a padded table (groups, largest, columns) in their places: (rows, columns).
    pub(super) fn ungrouped(&mut self, x: &Cube<E, D>, groups: &Groups<E, D>) -> Table<E, D> {
        let (g, m, cols) = *x.shape();
        let flat = self.on(x, |x| x.reshape_like(&(g * m, cols)));
        self.rows(&flat, &groups.slots)
    }

    /// Σ over the columns: (rows, 1).
    pub(super) fn across(&mut self, x: &Table<E, D>) -> Table<E, D> {
        let rows = x.shape().0;
        self.on(x, |x| x.sum::<_, Axis<1>>().reshape_like(&(rows, 1)))
    }

    /// Σ of all entries: (1, 1).
    pub(super) fn total(&mut self, x: &Table<E, D>) -> Table<E, D> {
        self.on(x, |x| x.sum::<_, Axes2<0, 1>>().reshape_like(&(1, 1)))
    }

    /// A constant.
    pub(super) fn constant(&self, data: Vec<E>, cols: usize) -> Table<E, D> {
        let rows = data.len() / cols.max(1);
        self.device.tensor_from_vec(data, (rows, cols))
    }
}

pub(super) fn narrow<E: Real>(v: impl Iterator<Item = f64>) -> Vec<E> {
    v.map(E::narrow).collect()
}

impl<E: Real, D: Device<E>> Taped for DfdxOps<E, D> {
    fn finish(mut self, value: &Table<E, D>) -> Scalar<E, D> {
        let scalar = self.on(value, |v| v.sum::<(), _>());
        scalar.put_tape(self.tape)
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> Engine for DfdxOps<E, D, T> {
    type Real = E;
    type Device = D;
    type Value = Table<E, D>;
    type Batch = Lists<E, D>;

    fn batch(&mut self, graphs: &Graphs<E>) -> Lists<E, D> {
        Lists::new(&self.device, graphs)
    }

    fn table(&mut self, data: Vec<E>, cols: usize) -> Table<E, D> {
        self.constant(data, cols)
    }

    fn shape(&self, x: &Table<E, D>) -> (usize, usize) {
        *HasShape::shape(x)
    }

    fn to_host(&self, x: &Table<E, D>) -> Vec<E> {
        x.as_vec()
    }
}
