//! How far orthonormal vectors are from the span of predicted ones.

mod sample;
mod sparse;

use std::sync::Arc;

use dfdx::prelude::{Axis, BroadcastTo, Cpu, Device, HasShape, ReshapeTo, SumTo, Tape, TryMatMul};
use faer::{Mat, MatRef};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::add::AddOp;
use super::dfdx::{DfdxOps, Numbers, Table, narrow};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use crate::linalg::{Csr, Partition};
use crate::nn::Real;
use sample::LEAST;

/// Orthonormal vectors of each sample of a batch.
#[derive(Debug, Clone)]
pub struct Vectors {
    /// Of each sample rows × `count`, row-major.
    pub samples: Vec<Arc<Vec<f64>>>,
    /// Vectors of a sample.
    pub count: usize,
    /// Of each sample the functions that cut its predicted columns; none where these are taken as they are.
    pub cut: Vec<Arc<Partition>>,
    /// Of each sample A, for [`SubspaceLoss::Energy`].
    pub matrices: Vec<Arc<Csr>>,
    /// Of each sample columns that the space has beside the predicted ones, rows × as many as there are, row-major;
    /// none where the predicted ones are all. Not with columns that are cut.
    pub beside: Vec<Arc<Vec<f64>>>,
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

    /// Of each sample the loss of its rows of x (rows × k) and the derivative.
    fn losses<E: Real>(&self, x: &[E], k: usize, loss: SubspaceLoss) -> Vec<(f64, Mat<f64>)> {
        let each = self.offsets();
        let each = each.par_windows(2).zip(&self.samples).enumerate();
        each.map(|(s, (range, sample))| {
            let (first, rows) = (range[0], range[1] - range[0]);
            let beside = self.beside.get(s).map_or(&[][..], |b| b);
            let known = beside.len() / rows.max(1);
            let entry = |i: usize, j: usize| match j < k {
                true => x[(first + i) * k + j].wide(),
                false => beside[i * known + j - k],
            };
            let w = Mat::from_fn(rows, k + known, entry);
            let v = MatRef::from_row_major_slice(sample, rows, self.count).to_owned();
            let (loss, derivative) =
                one(w, &v, loss, self.cut.get(s).map(|p| &**p), self.matrices.get(s).map(|a| &**a));
            (loss, if known > 0 { derivative.subcols(0, k).to_owned() } else { derivative })
        })
        .collect()
    }
}

/// What predicted columns W are compared with orthonormal vectors v_j by; Q is an orthonormal basis of span W.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Σ_j ‖v_j − W y_j‖_A/‖v_j‖_A, W y_j the projection of v_j in the inner product of a symmetric positive definite
    /// A: what deflation leaves of v_j. Where A is stiff, a small error in the Euclidean norm is a large one here.
    Energy,
}

/// Losses of predicted subspaces.
pub trait SubspaceLossOp: Engine {
    /// The mean over samples of the loss of the columns of x (rows × k) on the rows of the sample; of as many or fewer
    /// vectors. Where the columns are cut, W has all products of a function and a column, and the loss is
    /// [`SubspaceLoss::Projection`] or [`SubspaceLoss::Energy`].
    fn subspace_loss(&mut self, x: &Self::Value, vectors: &Vectors, loss: SubspaceLoss) -> Self::Value;
}

/// The loss of one sample, and its derivative by the predicted columns (rows × k), which `partition` cuts; `a` is the
/// matrix of [`SubspaceLoss::Energy`].
fn one(
    w: Mat<f64>,
    v: &Mat<f64>,
    loss: SubspaceLoss,
    partition: Option<&Partition>,
    a: Option<&Csr>,
) -> (f64, Mat<f64>) {
    if w.col_iter().any(|c| !c.norm_l2().is_finite()) {
        return (f64::NAN, Mat::full(w.nrows(), w.ncols(), f64::NAN));
    }
    match loss {
        SubspaceLoss::Energy => sparse::projection(&w, v, partition, a),
        SubspaceLoss::Projection if partition.is_some() => sparse::projection(&w, v, partition, None),
        SubspaceLoss::Projection => sample::projection(w, v),
        SubspaceLoss::ProjectionWithoutQr => sample::without_qr(&w, v),
        SubspaceLoss::MeanSquare => sample::mean_square(&w, v),
    }
}

impl<E: Real, T: Tape<E, Cpu>> SubspaceLossOp for FusedOps<E, T> {
    fn subspace_loss(&mut self, x: &Value<E>, vectors: &Vectors, loss: SubspaceLoss) -> Value<E> {
        let parts = vectors.losses(x.data(), x.cols(), loss);
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

    /// A loss that the host computes, sample by sample, with its derivative D: the value of Σ D x + c has both.
    fn on_host(&mut self, x: &Table<E, D>, parts: &[(f64, Mat<f64>)]) -> Table<E, D> {
        let k = x.shape().1;
        let share = 1.0 / parts.len().max(1) as f64;
        let slopes: Vec<f64> = parts
            .iter()
            .flat_map(|(_, d)| (0..d.nrows()).flat_map(move |i| (0..k).map(move |j| share * d[(i, j)])))
            .collect();
        let here: f64 = slopes.iter().zip(x.as_vec()).map(|(d, x)| E::narrow(*d).wide() * x.wide()).sum();
        let loss = share * parts.iter().map(|p| p.0).sum::<f64>();
        let slopes = self.constant(narrow(slopes.into_iter()), k);
        let linear = self.times(x, &slopes);
        let sum = self.total(&linear);
        self.on(&sum, |s| s + E::narrow(loss - here))
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
        if loss == SubspaceLoss::Energy || !vectors.cut.is_empty() {
            let parts = vectors.losses(&x.as_vec(), x.shape().1, loss);
            return self.on_host(x, &parts);
        }
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
    use faer::Scale;

    use super::sample::projection;
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
        Vectors {
            samples: samples.iter().map(|s| Arc::new(row_major(s))).collect(),
            count,
            cut: Vec::new(),
            matrices: Vec::new(),
            beside: Vec::new(),
        }
    }

    fn loss_of<O: Ops<Real = f64, Device = Cpu>>(o: &mut O, p: &Matrix<f64, Cpu>, loss: SubspaceLoss) -> O::Value {
        let x = table(o, p);
        o.subspace_loss(&x, &vectors(&[orthonormal(6, 2, 7), orthonormal(6, 2, 8)]), loss)
    }

    check!(derivatives, [(12, 3)], |o, _at, p| loss_of(o, &p[0], SubspaceLoss::Projection));

    check!(derivatives_without_qr, [(12, 3)], |o, _at, p| loss_of(o, &p[0], SubspaceLoss::ProjectionWithoutQr));

    check!(derivatives_of_squares, [(12, 3)], |o, _at, p| loss_of(o, &p[0], SubspaceLoss::MeanSquare));

    /// Two functions on six rows, overlapping in two.
    fn halves() -> Arc<Partition> {
        let shares =
            [(0, 0, 1.0), (1, 0, 1.0), (2, 0, 0.7), (2, 1, 0.3), (3, 0, 0.2), (3, 1, 0.8), (4, 1, 1.0), (5, 1, 1.0)];
        Arc::new(Partition { shares: Csr::from_triplets(6, 2, &shares).unwrap() })
    }

    check!(derivatives_of_cut_columns, [(12, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        let cut = vec![halves(), halves()];
        let vectors = Vectors { cut, ..vectors(&[orthonormal(6, 2, 7), orthonormal(6, 2, 8)]) };
        o.subspace_loss(&x, &vectors, SubspaceLoss::Projection)
    });

    /// tridiag(−1, 2.5, −1).
    fn chain() -> Arc<Csr> {
        let near =
            |i: usize| (i.saturating_sub(1)..(i + 2).min(6)).map(move |j| (i, j, if i == j { 2.5 } else { -1.0 }));
        Arc::new(Csr::from_triplets(6, 6, &(0..6).flat_map(near).collect::<Vec<_>>()).unwrap())
    }

    check!(derivatives_of_energies, [(12, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        let vectors =
            Vectors { matrices: vec![chain(), chain()], ..vectors(&[orthonormal(6, 2, 7), orthonormal(6, 2, 8)]) };
        o.subspace_loss(&x, &vectors, SubspaceLoss::Energy)
    });

    check!(derivatives_beside_known_columns, [(12, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        let beside = [3, 4].map(|seed| Arc::new(row_major(&orthonormal(6, 2, seed)))).to_vec();
        let vectors = Vectors {
            matrices: vec![chain(), chain()],
            beside,
            ..vectors(&[orthonormal(6, 1, 7), orthonormal(6, 1, 8)])
        };
        o.subspace_loss(&x, &vectors, SubspaceLoss::Energy)
    });

    check!(derivatives_of_energies_of_cut_columns, [(12, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        let (cut, matrices) = (vec![halves(), halves()], vec![chain(), chain()]);
        let vectors = Vectors { cut, matrices, ..vectors(&[orthonormal(6, 2, 7), orthonormal(6, 2, 8)]) };
        o.subspace_loss(&x, &vectors, SubspaceLoss::Energy)
    });

    #[test]
    fn cut_columns_hold_what_is_cut_and_more() {
        let v = orthonormal(6, 2, 5);
        let cut = |q: &Mat<f64>, a: Option<&Csr>| sparse::projection(q, &v, Some(&halves()), a).0;
        for a in [None, Some(&*chain())] {
            assert!(cut(&v, a) < 1e-9);
            let one = orthonormal(6, 1, 6);
            assert!(cut(&one, a) < sparse::projection(&one, &v, None, a).0);
        }
        // Without a partition and in the Euclidean inner product both ways are one.
        let one = orthonormal(6, 1, 6);
        let (loss, derivative) = sparse::projection(&one, &v, None, None);
        let (same, slopes) = projection(one, &v);
        assert!((loss - same).abs() < 1e-14 && (derivative - slopes).norm_max() < 1e-13);
    }

    #[test]
    fn the_energy_of_what_is_left_is_that_of_a_solve() {
        // One column w: ‖v − w (wᵀ A v)/(wᵀ A w)‖_A over ‖v‖_A.
        let (v, w, a) = (orthonormal(6, 1, 5), orthonormal(6, 1, 6), chain());
        let times = |x: &Mat<f64>| Mat::from_fn(6, 1, |i, _| (0..6).map(|l| a.get(i, l) * x[(l, 0)]).sum::<f64>());
        let inner = |x: &Mat<f64>, y: &Mat<f64>| (x.transpose() * times(y))[(0, 0)];
        let cosine = inner(&v, &w).powi(2) / (inner(&v, &v) * inner(&w, &w));
        let found = sparse::projection(&w, &v, None, Some(&a)).0;
        assert!((found - (1.0 - cosine).sqrt()).abs() < 1e-14, "{found}");
    }

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
        let loss = |w: &Mat<f64>, loss| one(w.to_owned(), &v, loss, None, None).0;
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
        let (found, derivative) = one(w.clone(), &v, SubspaceLoss::Projection, None, None);
        assert!((found - exact).abs() < 1e-9 * exact, "{found} for {exact}");
        // The loss does not change along W B: the derivative is orthogonal to span W.
        let along = (w.transpose() * &derivative).norm_max();
        assert!(along < 1e-7 * derivative.norm_max() * rows as f64, "{along}");
    }
}
