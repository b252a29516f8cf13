//! Losses of dense networks: squared errors, and what an iteration with a predicted operator leaves of random vectors.

use dfdx::prelude::{Axes2, Device, MeanTo, OwnedTape, ReshapeTo, SumTo, Tape, TryMatMul, add, mul, sub};
use rand_chacha::ChaCha8Rng;

use super::ops::dfdx::{Cube, Numbers};
use super::ops::{DfdxOps, Scalar};
use crate::rng::normals;

pub use super::ops::dfdx::{Cube as Vectors, Table};

/// The operations that losses of dense networks are made of, remembering how to go back.
pub type DenseOps<D> = DfdxOps<f32, D, OwnedTape<f32, D>>;

/// Random normal vectors w for each system of a batch.
pub struct Probes {
    values: Vec<f32>,
    /// 1/‖w‖² of all vectors of a system.
    inverse_norms: Vec<f32>,
}

impl Probes {
    /// `count` vectors of n numbers for each of so many systems.
    pub fn draw(systems: usize, count: usize, n: usize, rng: &mut ChaCha8Rng) -> Self {
        let values: Vec<f32> = normals(rng, systems * count * n);
        let norm = |w: &[f32]| w.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        let inverse_norms = values.chunks((count * n).max(1)).map(|w| (1.0 / norm(w)) as f32).collect();
        Probes { values, inverse_norms }
    }

    fn systems(&self) -> usize {
        self.inverse_norms.len()
    }
}

impl<D: Device<f32>, T: Tape<f32, D>> DfdxOps<f32, D, T> {
    /// The random vectors of a batch, as (systems, rows, cols) with rows × cols the numbers of a system.
    pub fn probes(&self, probes: &Probes, rows: usize, cols: usize) -> Cube<f32, D> {
        self.device.tensor_from_vec(probes.values.clone(), (probes.systems(), rows, cols))
    }

    /// x · factor + base, entry by entry, as a table of so many rows.
    pub fn scale_and_shift(
        &mut self,
        x: Table<f32, D>,
        rows: usize,
        factor: Vec<f32>,
        base: Vec<f32>,
    ) -> Table<f32, D> {
        let shape = (rows, factor.len() / rows.max(1));
        let factor = self.device.tensor_from_vec(factor, shape);
        let base = self.device.tensor_from_vec(base, shape);
        self.then(x, |x| add(mul(x.reshape_like(&shape), factor), base))
    }

    /// x − y.
    pub fn subtract(&mut self, x: Cube<f32, D>, y: Cube<f32, D>) -> Cube<f32, D> {
        self.then(y, |y| sub(y, x).negate())
    }

    /// (I − ω M A)^steps e: M (systems, n²) and A (systems · n² numbers) row by row, e (systems, n, vectors).
    pub fn richardson_error(
        &mut self,
        m: Table<f32, D>,
        a: Vec<f32>,
        mut e: Cube<f32, D>,
        steps: usize,
        omega: f32,
    ) -> Cube<f32, D> {
        let &(systems, n, _) = dfdx::prelude::HasShape::shape(&e);
        let a = self.device.tensor_from_vec(a, (systems, n, n));
        let m = self.then(m, |m| m.reshape_like(&(systems, n, n)));
        for _ in 0..steps {
            let r = self.then(a.clone(), |a| a.matmul(e.clone())); // (systems, n, vectors)
            let z = self.then(m.clone(), |m| m.matmul(r));
            e = self.then(z, |z| add(z * -omega, e));
        }
        e
    }
}

impl<D: Device<f32>> DfdxOps<f32, D, OwnedTape<f32, D>> {
    /// scale · mean (y − target)².
    pub fn squared_error(mut self, y: Table<f32, D>, target: Vec<f32>, scale: f32) -> Scalar<f32, D> {
        let target = self.device.tensor_from_vec(target, *dfdx::prelude::HasShape::shape(&y));
        let loss = self.then(y, |y| sub(y, target).square().mean() * scale);
        self.scalar(loss)
    }

    /// The mean over systems of ‖e‖² / ‖w‖², e being what an iteration made of the random vectors w.
    pub fn mean_reduction(mut self, e: Cube<f32, D>, probes: &Probes) -> Scalar<f32, D> {
        let left = self.reductions(e, probes);
        let loss = self.then(left, |l| l.mean());
        self.scalar(loss)
    }

    /// The mean over systems of ln(‖e‖ / ‖w‖) / steps: the logarithm of the convergence rate.
    pub fn mean_rate(mut self, e: Cube<f32, D>, probes: &Probes, steps: usize) -> Scalar<f32, D> {
        let left = self.reductions(e, probes);
        let loss = self.then(left, |l| l.ln().mean() * (0.5 / steps as f32));
        self.scalar(loss)
    }

    /// ‖e‖² / ‖w‖² of each system.
    fn reductions(&mut self, e: Cube<f32, D>, probes: &Probes) -> Numbers<(usize,), f32, D> {
        let start = self.device.tensor_from_vec(probes.inverse_norms.clone(), (probes.systems(),));
        self.then(e, |e| mul(e.square().sum::<(usize,), Axes2<1, 2>>(), start))
    }

    fn scalar(self, loss: Numbers<(), f32, D>) -> Scalar<f32, D> {
        dfdx::prelude::PutTape::put_tape(loss, self.tape)
    }
}
