//! Eigenpairs of a symmetric matrix that is known by its products.

use faer::Side;

use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::linalg::dense::Dense;
use crate::linalg::vector::{axpy, norm2};

/// Some eigenpairs A v = λ v, ‖v‖₂ = 1, by rising |λ|.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpairs {
    /// λ.
    pub values: Vec<f64>,
    /// Orthonormal; the largest entry of each is positive.
    pub vectors: Vec<Vec<f64>>,
    /// ‖A v − λ v‖₂ of each.
    pub residuals: Vec<f64>,
}

/// A symmetric matrix by its products.
pub(super) struct Operator<'a> {
    pub(super) n: usize,
    /// About its size, for rounding.
    pub(super) norm: f64,
    pub(super) apply: &'a dyn Fn(&[f64], &mut [f64]),
}

/// About ‖C‖₂ of a symmetric C, by a few steps of the power method.
pub(super) fn largest(n: usize, apply: &dyn Fn(&[f64], &mut [f64])) -> f64 {
    let mut x: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let mut y = vec![0.0; n];
    let mut norm = 0.0;
    for _ in 0..8 {
        let size = norm2(&x);
        x.iter_mut().for_each(|v| *v /= size);
        apply(&x, &mut y);
        norm = norm2(&y);
        std::mem::swap(&mut x, &mut y);
    }
    norm
}

pub(super) fn infinity_norm(a: &Csr) -> f64 {
    let row = |i: usize| a.row(i).1.iter().map(|v| v.abs()).sum::<f64>();
    (0..a.nrows()).map(row).fold(0.0, f64::max)
}

/// Eigenvalues and, as columns, eigenvectors of a symmetric matrix (n×n, its lower triangle is read), rising.
///
/// # Errors
/// [`Error::Numeric`] if the iteration fails.
pub fn decompose(m: &Dense) -> Result<(Vec<f64>, Dense)> {
    let failed = |_| Error::Numeric("symmetric eigenvalue iteration failed".into());
    let all = m.self_adjoint_eigen(Side::Lower).map_err(failed)?;
    let values = all.S().column_vector().iter().copied().collect();
    Ok((values, all.U().to_owned()))
}

/// The k of smallest |λ|, by all of them.
pub(super) fn by_dense(a: &Operator, k: usize) -> Result<Eigenpairs> {
    let (mut unit, mut image) = (vec![0.0; a.n], vec![0.0; a.n]);
    let mut all = Dense::zeros(a.n, a.n);
    for j in 0..a.n {
        unit[j] = 1.0;
        (a.apply)(&unit, &mut image);
        unit[j] = 0.0;
        (0..a.n).for_each(|i| all[(i, j)] = image[i]);
    }
    let (values, vectors) = decompose(&all)?;
    let column = |c: usize| (0..a.n).map(|i| vectors[(i, c)]).collect();
    finish(a, k, (0..values.len()).map(|c| (values[c], column(c))).collect())
}

/// Unit length, the largest entry positive.
pub(super) fn normalize(v: &mut [f64]) {
    let largest = v.iter().fold(0.0f64, |m, x| if x.abs() > m.abs() { *x } else { m });
    let scale = largest.signum() / norm2(v);
    v.iter_mut().for_each(|x| *x *= scale);
}

/// The k of smallest |λ|, signs fixed, residuals computed.
pub(super) fn finish(a: &Operator, k: usize, mut pairs: Vec<(f64, Vec<f64>)>) -> Result<Eigenpairs> {
    pairs.sort_by(|p, q| p.0.abs().total_cmp(&q.0.abs()));
    pairs.truncate(k);
    let mut out =
        Eigenpairs { values: Vec::with_capacity(k), vectors: Vec::with_capacity(k), residuals: Vec::with_capacity(k) };
    for (value, mut v) in pairs {
        normalize(&mut v);
        let mut r = vec![0.0; v.len()];
        (a.apply)(&v, &mut r);
        axpy(-value, &v, &mut r);
        out.residuals.push(norm2(&r));
        out.values.push(value);
        out.vectors.push(v);
    }
    Ok(out)
}
