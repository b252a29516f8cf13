//! Losses of dense columns of one sample and their derivatives.

use faer::linalg::solvers::Solve;
use faer::{Mat, Scale, Side};

/// Added to the diagonal of the Gram matrix of unit columns where these are dependent; the least of a diagonal of R.
pub(super) const RIDGE: f64 = 1e-10;

/// Residuals below this have no direction.
pub(super) const LEAST: f64 = 1e-12;

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
pub(super) fn projection(mut w: Mat<f64>, v: &Mat<f64>) -> (f64, Mat<f64>) {
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
pub(super) fn without_qr(w: &Mat<f64>, v: &Mat<f64>) -> (f64, Mat<f64>) {
    let y = w.transpose() * v;
    let mut u = v - w * &y;
    let sum = directions(&mut u);
    let back = w.transpose() * &u;
    (sum, Scale(-1.0) * (u * y.transpose() + v * back.transpose()))
}

/// The derivative goes through the factorisation W = Q R, diagonal of R positive: (Q̄ + Q copyltu(−Q̄ᵀ Q)) R⁻ᵀ, copyltu
/// being the symmetric matrix of a lower triangle (Walter & Lehmann 2018, arXiv:1009.6112).
pub(super) fn mean_square(w: &Mat<f64>, v: &Mat<f64>) -> (f64, Mat<f64>) {
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
