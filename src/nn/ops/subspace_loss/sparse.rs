//! Projection onto columns of local support, in the Euclidean inner product or that of A.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use super::sample::{LEAST, RIDGE};
use crate::linalg::{Csr, Partition};

/// The columns of W: χ_p q_j in column p k + j, of unit length.
struct Columns {
    /// 1/‖χ_p q_j‖; 0 of a column that is 0, as that of a patch without unknowns.
    inverse: Vec<f64>,
    w: Csr,
}

/// (column, χ_p, j) of row i; without a partition there is one function, 1 everywhere.
fn places(partition: Option<&Partition>, i: usize, k: usize) -> impl Iterator<Item = (usize, f64, usize)> {
    const ALONE: (&[u32], &[f64]) = (&[0], &[1.0]);
    let (functions, shares) = partition.map_or(ALONE, |p| p.shares.row(i));
    let pairs = functions.iter().zip(shares);
    pairs.flat_map(move |(&p, &share)| (0..k).map(move |j| (p as usize * k + j, share, j)))
}

impl Columns {
    fn new(q: &Mat<f64>, partition: Option<&Partition>) -> Self {
        let (n, k) = (q.nrows(), q.ncols());
        let count = k * partition.map_or(1, |p| p.shares.ncols());
        let mut squares = vec![0.0; count];
        for i in 0..n {
            places(partition, i, k).for_each(|(c, share, j)| squares[c] += (share * q[(i, j)]).powi(2));
        }
        let inverse: Vec<f64> = squares.iter().map(|&s| if s > 0.0 { 1.0 / s.sqrt() } else { 0.0 }).collect();
        let row = |i| places(partition, i, k).map(|(c, share, j)| (c as u32, share * q[(i, j)] * inverse[c])).collect();
        // Columns are below `count` and rise in each row, as those of the partition do.
        let w = Csr::from_rows(count, &(0..n).map(row).collect::<Vec<_>>()).expect("rows of a matrix");
        Columns { inverse, w }
    }

    /// The lower triangle of Wᵀ T.
    fn gram(&self, image: &Csr) -> Mat<f64> {
        let count = self.w.ncols();
        let mut gram = Mat::<f64>::zeros(count, count);
        for i in 0..self.w.nrows() {
            let ((columns, values), (others, image)) = (self.w.row(i), image.row(i));
            for (&c, x) in columns.iter().zip(values) {
                let lower = others.iter().zip(image).take_while(|(d, _)| **d <= c);
                lower.for_each(|(&d, y)| gram[(c as usize, d as usize)] += x * y);
            }
        }
        (0..count).filter(|&c| self.inverse[c] == 0.0).for_each(|c| gram[(c, c)] = 1.0);
        gram
    }

    /// Wᵀ X.
    fn along(&self, x: &Mat<f64>) -> Mat<f64> {
        let mut sums = Mat::<f64>::zeros(self.w.ncols(), x.ncols());
        for t in 0..x.ncols() {
            for i in 0..self.w.nrows() {
                let (columns, values) = self.w.row(i);
                columns.iter().zip(values).for_each(|(&c, w)| sums[(c as usize, t)] += w * x[(i, t)]);
            }
        }
        sums
    }

    /// V − W Y.
    fn left(&self, v: &Mat<f64>, y: &Mat<f64>) -> Mat<f64> {
        v - product(&self.w, y)
    }
}

/// A X.
fn product(a: &Csr, x: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), x.ncols(), |i, t| {
        let (columns, values) = a.row(i);
        columns.iter().zip(values).map(|(&l, &value)| value * x[(l as usize, t)]).sum()
    })
}

/// ‖x_t‖_B for the columns of X and of B X.
fn norms(x: &Mat<f64>, image: &Mat<f64>) -> Vec<f64> {
    (0..x.ncols()).map(|t| (x.col(t).transpose() * image.col(t)).max(0.0).sqrt()).collect()
}

/// Σ_t ‖v_t − W y_t‖_B/‖v_t‖_B, y_t = (Wᵀ B W)⁻¹ Wᵀ B v_t, and its derivative by q (rows × k), for B = A or the
/// identity: with r = v − W y that of ‖r‖_B is −B r yᵀ/‖r‖_B.
pub(super) fn projection(
    q: &Mat<f64>,
    v: &Mat<f64>,
    partition: Option<&Partition>,
    a: Option<&Csr>,
) -> (f64, Mat<f64>) {
    let (n, k) = (q.nrows(), q.ncols());
    let w = Columns::new(q, partition);
    let image = |x: &Mat<f64>| a.map_or_else(|| x.clone(), |a| product(a, x));
    let mut gram = match a {
        Some(a) => w.gram(&a.matmul(&w.w).expect("A has a row and a column per unknown")),
        None => w.gram(&w.w),
    };
    let factor = gram.llt(Side::Lower).or_else(|_| {
        (0..gram.ncols()).for_each(|c| gram[(c, c)] *= 1.0 + RIDGE);
        gram.llt(Side::Lower)
    });
    let Ok(factor) = factor else {
        return (f64::NAN, Mat::full(n, k, f64::NAN));
    };
    let of_v = image(v);
    let mut y = factor.solve(w.along(&of_v));
    y += factor.solve(w.along(&image(&w.left(v, &y))));
    let r = w.left(v, &y);
    let of_r = image(&r);
    let (of, whole) = (norms(&r, &of_r), norms(v, &of_v));
    let least = |t: usize| of[t] <= LEAST * whole[t];
    let scale: Vec<f64> = (0..v.ncols()).map(|t| if least(t) { 0.0 } else { 1.0 / (of[t] * whole[t]) }).collect();
    let sum = of.iter().zip(&whole).map(|(r, v)| r / v.max(f64::MIN_POSITIVE)).sum();
    // By columns of yᵀ, one after the other in memory.
    let y = Mat::from_fn(v.ncols(), y.nrows(), |t, c| scale[t] * y[(c, t)]);
    let mut derivative = Mat::<f64>::zeros(n, k);
    for i in 0..n {
        for (c, share, j) in places(partition, i, k) {
            let product: f64 = (0..v.ncols()).map(|t| of_r[(i, t)] * y[(t, c)]).sum();
            derivative[(i, j)] -= share * w.inverse[c] * product;
        }
    }
    (sum, derivative)
}
