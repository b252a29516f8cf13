//! Dense matrices: the few operations of faer's that are used.

use faer::{Mat, Side};

use super::{Csr, LinOp};
use crate::error::{Error, Result};

/// A dense column-major matrix.
pub type Dense = Mat<f64>;

/// A as a dense matrix.
pub fn from_csr(a: &Csr) -> Dense {
    let mut m = Mat::zeros(a.nrows(), a.ncols());
    for i in 0..a.nrows() {
        let (cols, vals) = a.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            m[(i, j as usize)] = v;
        }
    }
    m
}

/// The dense matrix of any operator, one column at a time.
pub fn from_op(op: &dyn LinOp) -> Dense {
    let (m, n) = op.shape();
    let mut out = Mat::zeros(m, n);
    let mut e = vec![0.0; n];
    let mut col = vec![0.0; m];
    for j in 0..n {
        e[j] = 1.0;
        op.apply(&e, &mut col);
        e[j] = 0.0;
        for (i, &v) in col.iter().enumerate() {
            out[(i, j)] = v;
        }
    }
    out
}

/// Unknowns up to which a dense inverse is made: two matrices of 3.2 GB, n³ operations.
const MOST: usize = 20_000;

/// A⁻¹ of a symmetric positive definite A, by Cholesky.
///
/// # Errors
/// [`Error::Argument`] beyond 20 000 unknowns, [`Error::Numeric`] if A is not positive definite.
pub fn inverse_spd(a: &Csr) -> Result<Dense> {
    use faer::linalg::solvers::DenseSolveCore;
    if a.nrows() > MOST {
        return Err(Error::Argument(format!(
            "the dense inverse of a matrix of {} unknowns takes {:.0} GB: at most {MOST} unknowns",
            a.nrows(),
            16e-9 * (a.nrows() as f64).powi(2)
        )));
    }
    let llt = from_csr(a)
        .llt(Side::Lower)
        .map_err(|_| Error::Numeric("matrix is not positive definite: no Cholesky factorisation".into()))?;
    Ok(llt.inverse())
}

/// Makes faer's own operations run on one thread, whatever pool they are called in: split over threads, sums are
/// rounded in another way, and no bit of a result may depend on how many threads there are. Samples are what runs side
/// by side. It holds for the process; `generate`, `train` and `evaluate` see to it themselves.
pub fn on_one_thread() {
    faer::set_global_parallelism(faer::Par::Seq);
}

/// Eigenvalues of a symmetric matrix (lower triangle read), rising.
///
/// # Errors
/// [`Error::Numeric`] if the iteration fails.
pub fn eigenvalues_symmetric(a: &Dense) -> Result<Vec<f64>> {
    a.self_adjoint_eigenvalues(Side::Lower).map_err(|_| Error::Numeric("symmetric eigenvalue iteration failed".into()))
}

/// Singular values, falling.
///
/// # Errors
/// [`Error::Numeric`] if the iteration fails.
pub fn singular_values(a: &Dense) -> Result<Vec<f64>> {
    a.singular_values().map_err(|_| Error::Numeric("singular value iteration failed".into()))
}

/// The cosine of the largest principal angle between span V and the nearest space of its dimension in span W (n×k, n×j,
/// j ≤ k): the least singular value of Qᵀ P, Q and P orthonormal bases of both.
///
/// # Errors
/// [`Error::Shape`] if they have not equally many rows, or V has more columns; [`Error::Numeric`] if the iteration
/// fails.
pub fn largest_angle(w: &Dense, v: &Dense) -> Result<f64> {
    if w.nrows() != v.nrows() || v.ncols() > w.ncols() {
        let shape = |m: &Dense| format!("{}×{}", m.nrows(), m.ncols());
        return Err(Error::shape("space to compare", format!("at most that of {}", shape(w)), shape(v)));
    }
    let [q, p] = [w, v].map(|m| m.qr().compute_thin_Q());
    let values = singular_values(&(q.transpose() * p))?;
    if values.iter().any(|c| !c.is_finite()) {
        return Err(Error::Numeric("the space to compare is not finite".into()));
    }
    Ok(values.into_iter().fold(1.0, f64::min))
}

/// max |λ| over the (complex) eigenvalues of a square matrix.
///
/// # Errors
/// [`Error::Numeric`] if the iteration fails.
pub fn spectral_radius(a: &Dense) -> Result<f64> {
    let eigenvalues = a.eigenvalues().map_err(|_| Error::Numeric("eigenvalue iteration failed".into()))?;
    Ok(eigenvalues.iter().map(|l| l.re.hypot(l.im)).fold(0.0, f64::max))
}

/// C ← A B for m×m matrices in row-major slices.
///
/// # Panics
/// If a slice has not m² entries.
pub fn gemm_square(m: usize, a: &[f64], b: &[f64], c: &mut [f64]) {
    faer::linalg::matmul::matmul(
        faer::MatMut::from_row_major_slice_mut(c, m, m),
        faer::Accum::Replace,
        faer::MatRef::from_row_major_slice(a, m, m),
        faer::MatRef::from_row_major_slice(b, m, m),
        1.0,
        faer::Par::Seq,
    );
}

/// L of A = L Lᵀ, dense.
///
/// # Errors
/// [`Error::Numeric`] if A is not positive definite.
pub fn cholesky_factor(a: &Csr) -> Result<Dense> {
    let llt = from_csr(a)
        .llt(Side::Lower)
        .map_err(|_| Error::Numeric("matrix is not positive definite: no Cholesky factorisation".into()))?;
    Ok(llt.L().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_angle_is_that_of_the_worst_direction() {
        let angle = 0.4f64;
        // span {e0, e1, e2} against e0 and e1 turned towards e3.
        let w = Dense::from_fn(5, 3, |i, j| [2.0, 1.0, 3.0][j] * f64::from(u8::from(i <= j)));
        let v = Dense::from_fn(5, 2, |i, j| match (i, j) {
            (0, 0) => 3.0,
            (1, 1) => angle.cos(),
            (3, 1) => angle.sin(),
            _ => 0.0,
        });
        assert!((largest_angle(&w, &v).unwrap() - angle.cos()).abs() < 1e-14);
        assert!(largest_angle(&w, &w).unwrap() > 1.0 - 1e-14);
        assert!(largest_angle(&v, &w).is_err() && largest_angle(&w, &Dense::zeros(4, 2)).is_err());
        let broken = Dense::from_fn(5, 3, |_, _| f64::NAN);
        assert!(largest_angle(&broken, &v).is_err());
    }
}
