//! How far orthonormal vectors are from the span of predicted ones.

use std::sync::Arc;

use dfdx::prelude::{Axis, BroadcastTo, Cpu, Device, HasShape, ReshapeTo, SumTo, Tape, TryMatMul};
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Scale, Side};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::add::AddOp;
use super::dfdx::{DfdxOps, Numbers, Table, narrow};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use crate::nn::Real;

/// Orthonormal vectors of each sample of a batch.
#[derive(Debug, Clone)]
pub struct Vectors {
    /// Of each sample rows × `count`, row-major.
    pub samples: Vec<Arc<Vec<f64>>>,
    /// Vectors of a sample.
    pub count: usize,
}

impl Vectors {
    /// First row of each sample, and the number of rows.
    fn offsets(&self) -> Vec<usize> {
        let mut offsets = vec![0];
        offsets.extend(self.samples.iter().scan(0, |rows, sample| {
            *rows += sample.len() / self.count.max(1);
            Some(*rows)
        }));
        offsets
    }
}

/// What predicted columns W are compared with orthonormal vectors v_j by; Q is an orthonormal basis of span W.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubspaceLoss {
    /// Σ_j ‖v_j − Q Qᵀ v_j‖₂, blind to the basis (Luo et al. 2024, NeurKItt, the loss of section 4.1).
    #[default]
    Projection,
    /// Σ_j ‖v_j − W Wᵀ v_j‖₂: the same with the columns as they are, which are to become orthonormal by themselves.
    ProjectionWithoutQr,
    /// The mean over j of min(‖q_j − v_j‖₂², ‖q_j + v_j‖₂²), q_j being the columns of the QR factorisation W = Q R: n
    /// times the mean squared error of the entries, up to the signs, which eigenvectors do not have. Each column has
    /// its own vector to reach.
    MeanSquare,
}

/// Losses of predicted subspaces.
pub trait SubspaceLossOp: Engine {
    /// The mean over samples of the loss of the columns of x (rows × k) on the rows of the sample; of as many or fewer
    /// vectors.
    fn subspace_loss(&mut self, x: &Self::Value, vectors: &Vectors, loss: SubspaceLoss) -> Self::Value;
}

/// Added to the diagonal of the Gram matrix of unit columns where these are dependent; the least of a diagonal of R.
const RIDGE: f64 = 1e-10;

/// Residuals below this have no direction.
const LEAST: f64 = 1e-12;

/// The loss of one sample, and its derivative by W (rows × k).
fn one(w: Mat<f64>, v: &Mat<f64>, loss: SubspaceLoss) -> (f64, Mat<f64>) {
    if w.col_iter().any(|c| !c.norm_l2().is_finite()) {
        return (f64::NAN, Mat::full(w.nrows(), w.ncols(), f64::NAN));
    }
    match loss {
        SubspaceLoss::Projection => projection(w, v),
        SubspaceLoss::ProjectionWithoutQr => without_qr(&w, v),
        SubspaceLoss::MeanSquare => mean_square(&w, v),
    }
}

/// Σ_j ‖r_j‖ for the columns of r, which become of unit length, or 0 where there is nothing.
fn directions(r: &mut Mat<f64>) -> f64 {
    let mut sum = 0.0;
    for j in 0..r.ncols() {
        let norm = r.col(j).norm_l2();
        let inverse = if norm > LEAST { 1.0 / norm } else { 0.0 };
        (0..r.nrows()).for_each(|i| r[(i, j)] *= inverse);
        sum += norm;
    }
    sum
}

/// Q is not formed: y = (Wᵀ W)⁻¹ Wᵀ v and r = v − W y, once refined; the derivative of ‖r‖ is −r yᵀ/‖r‖.
fn projection(mut w: Mat<f64>, v: &Mat<f64>) -> (f64, Mat<f64>) {
    let k = w.ncols();
    // Unit columns: the loss does not see their lengths.
    let lengths: Vec<f64> = w.col_iter().map(|c| c.norm_l2().max(f64::MIN_POSITIVE)).collect();
    for (j, length) in lengths.iter().enumerate() {
        (0..w.nrows()).for_each(|i| w[(i, j)] /= length);
    }
    let mut gram = w.transpose() * &w;
    let factor = gram.llt(Side::Lower).or_else(|_| {
        (0..k).for_each(|j| gram[(j, j)] += RIDGE);
        gram.llt(Side::Lower)
    });
    let Ok(factor) = factor else {
        return (f64::NAN, Mat::full(w.nrows(), k, f64::NAN));
    };
    let mut y = factor.solve(w.transpose() * v);
    let first = v - &w * &y;
    y += factor.solve(w.transpose() * &first);
    let mut r = v - &w * &y;
    let sum = directions(&mut r);
    let mut derivative = r * y.transpose();
    for (j, length) in lengths.iter().enumerate() {
        (0..w.nrows()).for_each(|i| derivative[(i, j)] /= -length);
    }
    (sum, derivative)
}

/// With u = r/‖r‖ the derivative of ‖v − W Wᵀ v‖ is −u (Wᵀ v)ᵀ − v (Wᵀ u)ᵀ.
fn without_qr(w: &Mat<f64>, v: &Mat<f64>) -> (f64, Mat<f64>) {
    let y = w.transpose() * v;
    let mut u = v - w * &y;
    let sum = directions(&mut u);
    let back = w.transpose() * &u;
    (sum, Scale(-1.0) * (u * y.transpose() + v * back.transpose()))
}

/// The derivative goes through the factorisation W = Q R, diagonal of R positive: (Q̄ + Q copyltu(−Q̄ᵀ Q)) R⁻ᵀ, copyltu
/// being the symmetric matrix of a lower triangle (Walter & Lehmann 2018, arXiv:1009.6112).
fn mean_square(w: &Mat<f64>, v: &Mat<f64>) -> (f64, Mat<f64>) {
    let (k, share) = (w.ncols(), 1.0 / v.ncols().max(1) as f64);
    let qr = w.qr();
    let (mut q, mut r) = (qr.compute_thin_Q(), qr.thin_R().to_owned());
    let least = RIDGE * (0..k).fold(f64::MIN_POSITIVE, |m, j| f64::max(m, r[(j, j)].abs()));
    for j in 0..k {
        if r[(j, j)] < 0.0 {
            (0..q.nrows()).for_each(|i| q[(i, j)] = -q[(i, j)]);
            (0..k).for_each(|i| r[(j, i)] = -r[(j, i)]);
        }
        r[(j, j)] = r[(j, j)].max(least);
    }
    let (mut sum, mut back) = (0.0, Mat::<f64>::zeros(w.nrows(), k));
    for j in 0..v.ncols() {
        let along = q.col(j).transpose() * v.col(j);
        sum += share * (2.0 - 2.0 * along.abs());
        let scale = -2.0 * share * along.signum();
        (0..w.nrows()).for_each(|i| back[(i, j)] = scale * v[(i, j)]);
    }
    let inner = back.transpose() * &q;
    let inner = Mat::from_fn(k, k, |i, j| -inner[(i.max(j), i.min(j))]);
    // X Rᵀ = T is R Xᵀ = Tᵀ.
    let mut turned = (back + &q * &inner).transpose().to_owned();
    r.as_ref().solve_upper_triangular_in_place(turned.as_mut());
    (sum, turned.transpose().to_owned())
}

impl<E: Real, T: Tape<E, Cpu>> SubspaceLossOp for FusedOps<E, T> {
    fn subspace_loss(&mut self, x: &Value<E>, vectors: &Vectors, loss: SubspaceLoss) -> Value<E> {
        let (k, count) = (x.cols(), vectors.count);
        let parts: Vec<(f64, Mat<f64>)> = vectors
            .offsets()
            .par_windows(2)
            .zip(&vectors.samples)
            .map(|(range, sample)| {
                let (first, rows) = (range[0], range[1] - range[0]);
                let w = Mat::from_fn(rows, k, |i, j| x.data()[(first + i) * k + j].wide());
                let v = MatRef::from_row_major_slice(sample, rows, count).to_owned();
                one(w, &v, loss)
            })
            .collect();
        let share = 1.0 / parts.len().max(1) as f64;
        let out = Value::new(vec![E::narrow(share * parts.iter().map(|p| p.0).sum::<f64>())], 1);
        let (sx, so) = (x.slot(), out.slot());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                let scale = share * g[0].wide();
                let rows = parts.iter().flat_map(|(_, d)| (0..d.nrows()).map(move |i| d.row(i)));
                sx.add(grads, rows.flat_map(|row| row.iter().map(|d| E::narrow(scale * d))).collect());
            }
            Ok(())
        });
        out
    }
}

/// Samples × rows.
type Columns<E, D> = Numbers<(usize, usize), E, D>;

impl<E: Real, D: Device<E>, T: Tape<E, D>> DfdxOps<E, D, T> {
    /// The columns of x (samples · rows × k), sample by sample.
    fn columns(&mut self, x: &Table<E, D>, samples: usize) -> Vec<Columns<E, D>> {
        let (total, k) = *x.shape();
        let column = |j: usize| {
            let unit = self.column((0..k).map(|i| f64::from(u8::from(i == j))));
            let column = self.on(x, |x| x.matmul(unit.clone()));
            self.on(&column, |c| c.reshape_like(&(samples, total / samples)))
        };
        (0..k).map(column).collect()
    }

    /// Σ over rows of the products, negative, on every row.
    fn minus_along(&mut self, x: &Columns<E, D>, y: &Columns<E, D>) -> Columns<E, D> {
        let shape = *x.shape();
        let along = self.times(x, y);
        self.on(&along, |a| (a.sum::<_, Axis<1>>() * E::narrow(-1.0)).broadcast_like::<_, Axis<1>>(&shape))
    }

    /// Modified Gram–Schmidt, twice.
    fn orthonormal(&mut self, columns: Vec<Columns<E, D>>) -> Vec<Columns<E, D>> {
        let mut basis: Vec<Columns<E, D>> = Vec::with_capacity(columns.len());
        for mut column in columns {
            for q in basis.iter().chain(&basis) {
                let along = self.minus_along(q, &column);
                let part = self.times(q, &along);
                column = self.add(&column, &part);
            }
            let inverse = self.on(&column, |c| c.square().sum::<_, Axis<1>>());
            let inverse = self.inverse_roots(&inverse);
            let inverse = self.on(&inverse, |s| s.broadcast_like::<_, Axis<1>>(column.shape()));
            basis.push(self.times(&column, &inverse));
        }
        basis
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> SubspaceLossOp for DfdxOps<E, D, T> {
    /// Samples of equally many rows.
    fn subspace_loss(&mut self, x: &Table<E, D>, vectors: &Vectors, loss: SubspaceLoss) -> Table<E, D> {
        let samples = vectors.samples.len().max(1);
        let (rows, count) = (x.shape().0 / samples, vectors.count);
        let mut basis = self.columns(x, samples);
        if loss != SubspaceLoss::ProjectionWithoutQr {
            basis = self.orthonormal(basis);
        }
        let mut norms: Option<Table<E, D>> = None;
        for j in 0..count {
            let v = vectors.samples.iter().flat_map(|s| s.iter().skip(j).step_by(count).copied());
            let v = self.constant(narrow(v), rows);
            let norm = if loss == SubspaceLoss::MeanSquare {
                let along = self.times(&basis[j], &v);
                let scale = E::narrow(2.0 / count as f64);
                self.on(&along, |a| a.sum::<_, Axis<1>>().abs() * -scale + scale)
            } else {
                let mut left = v.clone();
                for q in &basis {
                    let of = if loss == SubspaceLoss::Projection { &left } else { &v };
                    let along = self.minus_along(q, of);
                    let part = self.times(q, &along);
                    left = self.plus(&left, &part);
                }
                self.on(&left, |l| (l.square().sum::<_, Axis<1>>() + E::narrow(LEAST * LEAST)).sqrt())
            };
            let norm = self.on(&norm, |n| n.reshape_like(&(samples, 1)));
            norms = Some(match &norms {
                Some(sum) => self.plus(sum, &norm),
                None => norm,
            });
        }
        let norms = norms.unwrap_or_else(|| self.constant(vec![E::default(); samples], 1));
        let sum = self.total(&norms);
        self.on(&sum, |s| s * E::narrow(1.0 / samples as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::Ops;
    use crate::nn::ops::testing::{check, numbers, table, untaped};
    use crate::nn::params::Matrix;

    /// Orthonormal columns.
    fn orthonormal(rows: usize, count: usize, seed: u64) -> Mat<f64> {
        let m = numbers(rows * count, seed);
        Mat::from_fn(rows, count, |i, j| m[i * count + j]).qr().compute_thin_Q()
    }

    fn row_major(m: &Mat<f64>) -> Vec<f64> {
        (0..m.nrows() * m.ncols()).map(|k| m[(k / m.ncols(), k % m.ncols())]).collect()
    }

    fn vectors(samples: &[Mat<f64>]) -> Vectors {
        let count = samples[0].ncols();
        Vectors { samples: samples.iter().map(|s| Arc::new(row_major(s))).collect(), count }
    }

    fn loss_of<O: Ops<Real = f64, Device = Cpu>>(o: &mut O, p: &Matrix<f64, Cpu>, loss: SubspaceLoss) -> O::Value {
        let x = table(o, p);
        o.subspace_loss(&x, &vectors(&[orthonormal(6, 2, 7), orthonormal(6, 2, 8)]), loss)
    }

    check!(derivatives, [(12, 3)], |o, _at, p| loss_of(o, &p[0], SubspaceLoss::Projection));

    check!(derivatives_without_qr, [(12, 3)], |o, _at, p| loss_of(o, &p[0], SubspaceLoss::ProjectionWithoutQr));

    check!(derivatives_of_squares, [(12, 3)], |o, _at, p| loss_of(o, &p[0], SubspaceLoss::MeanSquare));

    #[test]
    fn is_zero_for_the_space_and_the_sine_of_the_angle_for_a_rotated_one() {
        let all = orthonormal(30, 4, 9);
        let loss = |x: Vec<f64>, k, v: &Mat<f64>| {
            untaped().subspace_loss(&Value::new(x, k), &vectors(std::slice::from_ref(v)), SubspaceLoss::Projection)
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

    #[test]
    fn only_the_projection_is_blind_to_the_basis() {
        let v = orthonormal(30, 3, 9);
        let loss = |w: &Mat<f64>, loss| one(w.to_owned(), &v, loss).0;
        let all = [SubspaceLoss::Projection, SubspaceLoss::ProjectionWithoutQr, SubspaceLoss::MeanSquare];
        all.iter().for_each(|&l| assert!(loss(&v, l).abs() < 1e-12, "{l:?}"));
        // Signs are nobody's concern; of twice W W Wᵀ v is 4 v.
        let minus = Scale(-1.0) * &v;
        all.iter().for_each(|&l| assert!(loss(&minus, l).abs() < 1e-12, "{l:?}"));
        let twice = Scale(2.0) * &v;
        let found = all.map(|l| loss(&twice, l));
        assert!(found[0] < 1e-12 && (found[1] - 9.0).abs() < 1e-12 && found[2].abs() < 1e-12, "{found:?}");
        // The first two turned by an angle in their plane: three vectors, two with ‖q − v‖² = 2 − 2 cos.
        let angle = 0.3f64;
        let turned = Mat::from_fn(30, 3, |i, j| match j {
            0 => angle.cos() * v[(i, 0)] + angle.sin() * v[(i, 1)],
            1 => angle.cos() * v[(i, 1)] - angle.sin() * v[(i, 0)],
            _ => v[(i, 2)],
        });
        let found = all.map(|l| loss(&turned, l));
        let squares = 2.0 / 3.0 * (2.0 - 2.0 * angle.cos());
        assert!(found[0] < 1e-12 && found[1] < 1e-12 && (found[2] - squares).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn of_sixty_four_columns_the_gram_matrix_gives_what_the_factorisation_gives() {
        let (rows, k) = (500, 64);
        let v = orthonormal(rows, k, 3);
        // Columns of one smooth family, as a network's: the Gram matrix has a condition of about 1e8.
        let noise = numbers(rows * k, 4);
        let w = Mat::from_fn(rows, k, |i, j| {
            let x = i as f64 / rows as f64;
            (0.5 + x).powi(1 + j as i32 % 4) + 1e-3 * noise[i * k + j]
        });
        let q = w.qr().compute_thin_Q();
        let left = &v - &q * (q.transpose() * &v);
        let exact: f64 = left.col_iter().map(|c| c.norm_l2()).sum();
        let (found, derivative) = one(w.clone(), &v, SubspaceLoss::Projection);
        assert!((found - exact).abs() < 1e-9 * exact, "{found} for {exact}");
        // The loss does not change along W B: the derivative is orthogonal to span W.
        let along = (w.transpose() * &derivative).norm_max();
        assert!(along < 1e-7 * derivative.norm_max() * rows as f64, "{along}");
    }
}
