//! How far orthonormal vectors are from the span of predicted ones.

use std::sync::Arc;

use dfdx::prelude::{Axis, BroadcastTo, Cpu, Device, HasShape, ReshapeTo, SumTo, Tape, TryMatMul};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use rayon::prelude::*;

use super::add::AddOp;
use super::dfdx::{DfdxOps, Numbers, Table, narrow};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use crate::nn::Real;

/// Orthonormal vectors of each sample of a batch.
#[derive(Debug, Clone)]
pub struct Vectors {
    /// First row of each sample, and the number of rows.
    pub offsets: Vec<usize>,
    /// rows × `count`, row-major.
    pub values: Arc<Vec<f64>>,
    /// Vectors of a sample.
    pub count: usize,
}

/// The projection loss.
pub trait ProjectionLossOp: Engine {
    /// The mean over samples of Σ_j ‖v_j − Q Qᵀ v_j‖₂, Q an orthonormal basis of the columns of x (rows × k) on the
    /// rows of the sample (Luo et al. 2024, NeurKItt, the loss of section 4.1).
    fn projection_loss(&mut self, x: &Self::Value, vectors: &Vectors) -> Self::Value;
}

/// Added to the diagonal of the Gram matrix of unit columns where these are dependent.
const RIDGE: f64 = 1e-10;

/// Residuals below this have no direction.
const LEAST: f64 = 1e-12;

/// Σ_j ‖r_j‖ of one sample and its derivative by W (rows × k, row-major).
///
/// Q is not formed: y = (Wᵀ W)⁻¹ Wᵀ v and r = v − W y, once refined; the derivative of ‖r‖ is −r yᵀ/‖r‖.
fn one<E: Real>(w: &[E], k: usize, v: &[f64], count: usize) -> (f64, Vec<f64>) {
    let rows = w.len() / k.max(1);
    let mut w = Mat::from_fn(rows, k, |i, j| w[i * k + j].wide());
    let v = Mat::from_fn(rows, count, |i, j| v[i * count + j]);
    // Unit columns: the loss does not see their lengths.
    let lengths: Vec<f64> = (0..k).map(|j| w.col(j).norm_l2().max(f64::MIN_POSITIVE)).collect();
    for (j, length) in lengths.iter().enumerate() {
        (0..rows).for_each(|i| w[(i, j)] /= length);
    }
    let mut gram = w.transpose() * &w;
    let factor = gram.llt(Side::Lower).or_else(|_| {
        (0..k).for_each(|j| gram[(j, j)] += RIDGE);
        gram.llt(Side::Lower)
    });
    let Ok(factor) = factor else {
        // Columns that are not numbers.
        return (f64::NAN, vec![f64::NAN; rows * k]);
    };
    let mut y = factor.solve(w.transpose() * &v);
    let first = &v - &w * &y;
    y += factor.solve(w.transpose() * &first);
    let r = &v - &w * &y;
    let norms: Vec<f64> = (0..count).map(|j| r.col(j).norm_l2()).collect();
    for (j, norm) in norms.iter().enumerate() {
        let inverse = if *norm > LEAST { 1.0 / norm } else { 0.0 };
        (0..k).for_each(|i| y[(i, j)] *= inverse);
    }
    let derivative = r * y.transpose();
    let entries = (0..rows * k).map(|at| -derivative[(at / k, at % k)] / lengths[at % k]).collect();
    (norms.iter().sum(), entries)
}

impl<E: Real, T: Tape<E, Cpu>> ProjectionLossOp for FusedOps<E, T> {
    fn projection_loss(&mut self, x: &Value<E>, vectors: &Vectors) -> Value<E> {
        let (k, count) = (x.cols(), vectors.count);
        let parts: Vec<(f64, Vec<f64>)> = vectors
            .offsets
            .par_windows(2)
            .map(|r| one(&x.data()[r[0] * k..r[1] * k], k, &vectors.values[r[0] * count..r[1] * count], count))
            .collect();
        let share = 1.0 / parts.len().max(1) as f64;
        let out = Value::new(vec![E::narrow(share * parts.iter().map(|p| p.0).sum::<f64>())], 1);
        let (sx, so) = (x.slot(), out.slot());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                let scale = share * g[0].wide();
                sx.add(grads, parts.iter().flat_map(|p| p.1.iter().map(|d| E::narrow(scale * d))).collect());
            }
            Ok(())
        });
        out
    }
}

/// Samples × rows.
type Columns<E, D> = Numbers<(usize, usize), E, D>;

impl<E: Real, D: Device<E>, T: Tape<E, D>> ProjectionLossOp for DfdxOps<E, D, T> {
    /// By modified Gram–Schmidt, twice; samples of equally many rows.
    fn projection_loss(&mut self, x: &Table<E, D>, vectors: &Vectors) -> Table<E, D> {
        let (total, k) = *x.shape();
        let samples = (vectors.offsets.len() - 1).max(1);
        let rows = total / samples;
        let mut basis: Vec<Columns<E, D>> = Vec::with_capacity(k);
        for j in 0..k {
            let unit = self.column((0..k).map(|i| f64::from(u8::from(i == j))));
            let column = self.on(x, |x| x.matmul(unit.clone()));
            let mut column = self.on(&column, |c| c.reshape_like(&(samples, rows)));
            for q in basis.iter().chain(&basis) {
                let along = self.times(q, &column);
                let along = self.on(&along, |a| {
                    (a.sum::<_, Axis<1>>() * E::narrow(-1.0)).broadcast_like::<_, Axis<1>>(&(samples, rows))
                });
                let part = self.times(q, &along);
                column = self.add(&column, &part);
            }
            let inverse = self.on(&column, |c| c.square().sum::<_, Axis<1>>());
            let inverse = self.inverse_roots(&inverse);
            let inverse = self.on(&inverse, |s| s.broadcast_like::<_, Axis<1>>(&(samples, rows)));
            basis.push(self.times(&column, &inverse));
        }
        let cube = (samples, rows, vectors.count);
        let targets = self.constant(narrow(vectors.values.iter().copied()), vectors.count);
        let mut left = self.on(&targets, |t| t.reshape_like(&cube));
        for q in &basis {
            let wide = self.on(q, |q| q.broadcast_like::<_, Axis<2>>(&cube));
            let along = self.times(&wide, &left);
            let along =
                self.on(&along, |a| (a.sum::<_, Axis<1>>() * E::narrow(-1.0)).broadcast_like::<_, Axis<1>>(&cube));
            let part = self.times(&wide, &along);
            left = self.plus(&left, &part);
        }
        let norms = self.on(&left, |l| (l.square().sum::<_, Axis<1>>() + E::narrow(LEAST * LEAST)).sqrt());
        let sum = self.total(&norms);
        self.on(&sum, |s| s * E::narrow(1.0 / samples as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{check, numbers, table, untaped};

    /// Orthonormal columns.
    fn orthonormal(rows: usize, count: usize, seed: u64) -> Mat<f64> {
        let m = numbers(rows * count, seed);
        Mat::from_fn(rows, count, |i, j| m[i * count + j]).qr().compute_thin_Q()
    }

    fn row_major(m: &Mat<f64>) -> Vec<f64> {
        (0..m.nrows() * m.ncols()).map(|k| m[(k / m.ncols(), k % m.ncols())]).collect()
    }

    fn vectors(samples: &[Mat<f64>]) -> Vectors {
        let mut offsets = vec![0];
        samples.iter().for_each(|s| offsets.push(offsets[offsets.len() - 1] + s.nrows()));
        let values = Arc::new(samples.iter().flat_map(row_major).collect());
        Vectors { offsets, values, count: samples[0].ncols() }
    }

    check!(derivatives, [(12, 3)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.projection_loss(&x, &vectors(&[orthonormal(6, 2, 7), orthonormal(6, 2, 8)]))
    });

    #[test]
    fn is_zero_for_the_space_and_the_sine_of_the_angle_for_a_rotated_one() {
        let all = orthonormal(30, 4, 9);
        let loss = |x: Vec<f64>, k, v: &Mat<f64>| {
            untaped().projection_loss(&Value::new(x, k), &vectors(std::slice::from_ref(v)))
        };
        let v = all.subcols(0, 3).to_owned();
        // Another basis of the same space, badly scaled.
        let other = Mat::from_fn(3, 3, |i, j| [[1.0, 2.0, 0.0], [0.0, 1e3, 1.0], [0.5, 0.0, 1e-3]][i][j]);
        assert!(loss(row_major(&(&v * &other)), 3, &v).data()[0] < 1e-9);
        // The third vector turned by an angle into what is orthogonal to all.
        let angle = 0.3f64;
        let turned = Mat::from_fn(30, 3, |i, j| match j {
            2 => angle.cos() * all[(i, 2)] + angle.sin() * all[(i, 3)],
            _ => all[(i, j)],
        });
        let found = loss(row_major(&turned), 3, &v).data()[0];
        assert!((found - angle.sin()).abs() < 1e-12, "{found}");
    }
}
