//! The operations of graph networks out of dfdx's own kernels, on any of its devices: the way to CUDA.
//!
//! Sums over neighbours are gathers over padded lists, multiplied by weights (0 for padding) and summed; derivatives
//! are dfdx's. On the CPU this takes several times as long as [`super::FusedOps`], which it is compared with in the
//! tests.

mod lists;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;

use dfdx::prelude::{
    Axes2, Axis, BroadcastTo, Device, GatherTo, HasShape, NoneTape, OwnedTape, PermuteTo, PutTape, ReshapeTo,
    Shape, SplitTape, Storage, SumTo, Tape, Tensor, TryMatMul, add, mul,
};

use super::norm::EPSILON;
use super::ops::{Dense, Ops, Param, Scalar, Taped};
use super::{Graphs, Real, Reduce};
use lists::{Groups, Index};

pub use lists::Lists;

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
        DfdxOps {
            device,
            tape: T::default(),
            numbers: PhantomData,
        }
    }

    /// Does something to x with the tape at hand.
    fn on<S: Shape, R: Shape>(
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
    fn times<S: Shape>(&mut self, x: &Numbers<S, E, D>, y: &Numbers<S, E, D>) -> Numbers<S, E, D> {
        self.on(x, |x| mul(x, y.clone()))
    }

    /// Rows `index` of x.
    fn rows(&mut self, x: &Table<E, D>, index: &Index<D>) -> Table<E, D> {
        self.on(x, |x| x.gather(index.clone()))
    }

    /// A column (rows, 1) as (rows, cols).
    fn spread(&mut self, x: &Table<E, D>, cols: usize) -> Table<E, D> {
        let rows = x.shape().0;
        self.on(x, |x| {
            x.reshape_like(&(rows,))
                .broadcast_like::<_, Axis<1>>(&(rows, cols))
        })
    }

    /// A row (1, cols) as (rows, cols).
    fn repeat(&mut self, x: &Table<E, D>, rows: usize) -> Table<E, D> {
        let cols = x.shape().1;
        self.on(x, |x| {
            x.reshape_like(&(cols,))
                .broadcast_like::<_, Axis<0>>(&(rows, cols))
        })
    }

    /// (groups, largest) as (groups, largest, cols).
    fn deepen(&mut self, x: &Table<E, D>, cols: usize) -> Cube<E, D> {
        let (g, m) = *x.shape();
        self.on(x, |x| x.broadcast_like::<_, Axis<2>>(&(g, m, cols)))
    }

    /// The rows of each group, times their weights: (groups, largest, columns).
    fn grouped(&mut self, x: &Table<E, D>, groups: &Groups<E, D>) -> Cube<E, D> {
        let cube = self.on(x, |x| x.gather::<(usize, usize, usize), _>(groups.rows.clone()));
        let weights = self.deepen(&groups.weights, x.shape().1);
        self.times(&cube, &weights)
    }

    /// Σ of the rows of each group: (groups, columns).
    fn sums(&mut self, x: &Table<E, D>, groups: &Groups<E, D>) -> Table<E, D> {
        let cube = self.grouped(x, groups);
        self.on(&cube, |c| c.sum::<_, Axis<1>>())
    }

    /// The rows of a padded table (groups, largest, columns) in their places: (rows, columns).
    fn ungrouped(&mut self, x: &Cube<E, D>, groups: &Groups<E, D>) -> Table<E, D> {
        let (g, m, cols) = *x.shape();
        let flat = self.on(x, |x| x.reshape_like(&(g * m, cols)));
        self.rows(&flat, &groups.slots)
    }

    /// Σ over the columns: (rows, 1).
    fn across(&mut self, x: &Table<E, D>) -> Table<E, D> {
        let rows = x.shape().0;
        self.on(x, |x| x.sum::<_, Axis<1>>().reshape_like(&(rows, 1)))
    }

    /// Σ of all entries: (1, 1).
    fn total(&mut self, x: &Table<E, D>) -> Table<E, D> {
        self.on(x, |x| x.sum::<_, Axes2<0, 1>>().reshape_like(&(1, 1)))
    }

    /// A constant.
    fn constant(&self, data: Vec<E>, cols: usize) -> Table<E, D> {
        let rows = data.len() / cols.max(1);
        self.device.tensor_from_vec(data, (rows, cols))
    }
}

fn narrow<E: Real>(v: impl Iterator<Item = f64>) -> Vec<E> {
    v.map(E::narrow).collect()
}

/// x where positive, `slope` x below.
fn leaky_relu<S: Shape, E: Real, D: Device<E>, T: Tape<E, D>>(
    x: Tensor<S, E, D, T>,
    slope: f64,
) -> Tensor<S, E, D, T> {
    if slope == 0.0 {
        return x.relu();
    }
    let (x, tape) = x.split_tape();
    let (above, tape) = x.clone().put_tape(tape).relu().split_tape();
    let below = x.put_tape(tape).negate().relu() * E::narrow(-slope);
    add(below, above)
}

impl<E: Real, D: Device<E>> Taped for DfdxOps<E, D> {
    fn finish(mut self, value: &Table<E, D>) -> Scalar<E, D> {
        let scalar = self.on(value, |v| v.sum::<(), _>());
        scalar.put_tape(self.tape)
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> Ops for DfdxOps<E, D, T> {
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

    fn to_host(&self, x: &Table<E, D>) -> Vec<E> {
        x.as_vec()
    }

    /// In one go: what is not kept by name is overwritten in place.
    fn linear(&mut self, x: &Table<E, D>, (weight, bias): Dense<Self>, slope: Option<f64>) -> Table<E, D> {
        let (rows, cols) = (x.shape().0, bias.shape().1);
        self.on(x, |x| {
            let (y, tape) = x.matmul(weight.clone()).split_tape();
            let bias = bias.clone().put_tape(tape);
            let bias = bias
                .reshape_like(&(cols,))
                .broadcast_like::<_, Axis<0>>(&(rows, cols));
            let y = add(bias, y);
            match slope {
                None => y,
                Some(slope) => leaky_relu(y, slope),
            }
        })
    }

    fn graph_conv(
        &mut self,
        at: &Lists<E, D>,
        x: &Table<E, D>,
        [own, others, bias]: [&Param<Self>; 3],
        slope: Option<f64>,
    ) -> Table<E, D> {
        let sums = self.propagate(at, x);
        let around = self.on(&sums, |s| s.matmul(others.clone()));
        let y = self.linear(x, (own, bias), None);
        let y = Ops::add(self, &y, &around);
        slope.map_or(y.clone(), |slope| self.activate(&y, slope))
    }

    fn propagate(&mut self, at: &Lists<E, D>, x: &Table<E, D>) -> Table<E, D> {
        self.sums(x, &at.neighbours)
    }

    fn graph_norm(
        &mut self,
        at: &Lists<E, D>,
        x: &Table<E, D>,
        [gamma, beta, alpha]: [&Param<Self>; 3],
    ) -> Table<E, D> {
        let (rows, cols) = *x.shape();
        let shares = self.spread(&at.graphs.shares, cols);
        let mean = self.sums(x, &at.graphs);
        let mean = self.times(&mean, &shares);
        let mean = self.rows(&mean, &at.graph_of);
        let alpha = self.repeat(alpha, rows);
        let shift = self.times(&mean, &alpha);
        let shift = self.on(&shift, |s| s.negate());
        let centred = Ops::add(self, x, &shift);
        let squares = self.on(&centred, |c| c.square());
        let variance = self.sums(&squares, &at.graphs);
        let variance = self.times(&variance, &shares);
        let inverse = self.on(&variance, |v| (v + E::narrow(EPSILON)).sqrt().recip());
        let inverse = self.rows(&inverse, &at.graph_of);
        let unit = self.times(&centred, &inverse);
        let gamma = self.repeat(gamma, rows);
        let beta = self.repeat(beta, rows);
        let y = self.times(&unit, &gamma);
        Ops::add(self, &y, &beta)
    }

    fn add(&mut self, x: &Table<E, D>, y: &Table<E, D>) -> Table<E, D> {
        self.on(x, |x| add(x, y.clone()))
    }

    fn multiply(&mut self, x: &Table<E, D>, y: &Table<E, D>) -> Table<E, D> {
        self.times(x, y)
    }

    fn scale(&mut self, x: &Table<E, D>, t: &Param<Self>) -> Table<E, D> {
        let shape = *x.shape();
        let t = self.on(t, |t| {
            t.reshape_like(&()).broadcast_like::<_, Axes2<0, 1>>(&shape)
        });
        self.times(x, &t)
    }

    fn activate(&mut self, x: &Table<E, D>, slope: f64) -> Table<E, D> {
        self.on(x, |x| leaky_relu(x, slope))
    }

    fn select(&mut self, x: &Table<E, D>, index: &Arc<Vec<u32>>) -> Table<E, D> {
        let wide = index.iter().map(|&i| i as usize).collect();
        let index = self.device.tensor_from_vec(wide, (index.len(),));
        self.rows(x, &index)
    }

    fn combine(
        &mut self,
        at: &Lists<E, D>,
        h: &Table<E, D>,
        p: Option<&Table<E, D>>,
        q: &Table<E, D>,
        slope: f64,
    ) -> Table<E, D> {
        let q = self.rows(q, &at.sources);
        let mut y = Ops::add(self, h, &q);
        if let Some(p) = p {
            let p = self.rows(p, &at.targets);
            y = Ops::add(self, &y, &p);
        }
        self.activate(&y, slope)
    }

    fn aggregate(&mut self, at: &Lists<E, D>, h: &Table<E, D>, into: bool, reduce: Reduce) -> Table<E, D> {
        let groups = if into { &at.into } else { &at.out };
        let sums = self.sums(h, groups);
        match reduce {
            Reduce::Sum => sums,
            Reduce::Mean => {
                let shares = self.spread(&groups.shares, h.shape().1);
                self.times(&sums, &shares)
            }
        }
    }

    fn scores(&mut self, at: &Lists<E, D>, q: &Table<E, D>, k: &Table<E, D>, h: &Table<E, D>) -> Table<E, D> {
        let scale = E::narrow(1.0 / (q.shape().1 as f64).sqrt());
        let q = self.rows(q, &at.targets);
        let k = self.rows(k, &at.sources);
        let k = Ops::add(self, &k, h);
        let products = self.times(&q, &k);
        let s = self.across(&products);
        self.on(&s, |s| s * scale)
    }

    fn segment_softmax(&mut self, at: &Lists<E, D>, x: &Table<E, D>) -> Table<E, D> {
        let cols = x.shape().1;
        let cube = self.on(x, |x| x.gather::<(usize, usize, usize), _>(at.into.rows.clone()));
        // Padding goes where its exponential is 0.
        let hidden = self.on(&at.into.weights, |w| (w - E::narrow(1.0)) * E::narrow(1e30));
        let hidden = self.deepen(&hidden, cols);
        let y = self.on(&cube, |c| add(c, hidden).softmax::<Axis<1>>());
        self.ungrouped(&y, &at.into)
    }

    fn weighted_sum(
        &mut self,
        at: &Lists<E, D>,
        w: &Table<E, D>,
        v: &Table<E, D>,
        h: Option<&Table<E, D>>,
    ) -> Table<E, D> {
        let mut carried = self.rows(v, &at.sources);
        if let Some(h) = h {
            carried = Ops::add(self, &carried, h);
        }
        let w = self.spread(w, v.shape().1);
        let weighed = self.times(&carried, &w);
        self.sums(&weighed, &at.into)
    }

    fn global_attention(&mut self, at: &Lists<E, D>, qkv: [&Table<E, D>; 3]) -> Table<E, D> {
        let d = qkv[0].shape().1;
        let (g, m) = at.graphs.shape;
        let [q, k, v] = qkv.map(|x| self.grouped(x, &at.graphs));
        let mut unit = |x: &Cube<E, D>| {
            let inverse = self.on(x, |x| x.square().sum::<_, Axes2<1, 2>>().sqrt().recip());
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

    /// A graph where x is zero has no derivative here, where the fused operation has 0.
    fn cosine_loss(&mut self, offsets: &[usize], x: &Table<E, D>, target: &Arc<Vec<E>>) -> Table<E, D> {
        let cols = x.shape().1;
        let groups = Groups::consecutive(&self.device, offsets);
        let norm = |w: &[usize]| -> f64 {
            let part = &target[w[0] * cols..w[1] * cols];
            part.iter().map(|t| t.wide().powi(2)).sum::<f64>().sqrt()
        };
        let inverse = offsets
            .windows(2)
            .map(norm)
            .map(|n| if n > 0.0 { 1.0 / n } else { 0.0 });
        let inverse = self.constant(narrow(inverse), 1);
        let t = self.constant(target.to_vec(), cols);
        let products = self.times(x, &t);
        let products = self.across(&products);
        let along = self.sums(&products, &groups);
        let along = self.times(&along, &inverse);
        let squares = self.on(x, |x| x.square());
        let squares = self.across(&squares);
        let squares = self.sums(&squares, &groups);
        let size = self.on(&squares, |s| s.sqrt().recip());
        let cosines = self.times(&along, &size);
        let sum = self.total(&cosines);
        let graphs = (offsets.len() - 1) as f64;
        self.on(&sum, |s| s * E::narrow(-1.0 / graphs) + E::narrow(1.0))
    }

    fn factor_loss(
        &mut self,
        offsets: &[usize],
        at: &Lists<E, D>,
        l: &Table<E, D>,
        x: &[f64],
        b: &[f64],
    ) -> Table<E, D> {
        let graphs = (offsets.len() - 1) as f64;
        let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        let weights = offsets
            .windows(2)
            .map(|w| 1.0 / (graphs * square(&b[w[0]..w[1]])).max(f64::MIN_POSITIVE));
        let weights = self.constant(narrow(weights), 1);
        let x = self.constant(narrow(x.iter().copied()), 1);
        let minus_b = self.constant(narrow(b.iter().map(|b| -b)), 1);
        let x = self.rows(&x, &at.targets);
        let y = self.times(l, &x);
        let y = self.sums(&y, &at.out); // Lᵀ x
        let y = self.rows(&y, &at.sources);
        let r = self.times(l, &y);
        let r = self.sums(&r, &at.into); // L Lᵀ x
        let r = Ops::add(self, &r, &minus_b);
        let squares = self.on(&r, |r| r.square());
        let squares = self.sums(&squares, &at.graphs);
        let weighed = self.times(&squares, &weights);
        self.total(&weighed)
    }
}
