//! A two-level preconditioner with learned smoother: sparse W before and after, a scaled coarse solve between.

use crate::linalg::vector::axpy;
use crate::linalg::{Csr, LinOp, Props};

/// M with I − M A = (I − Wᵀ A)(I − S B S A)(I − W A); S diagonal, B fixed and SPD.
///
/// M is symmetric for every W and S; it is positive definite exactly when the Richardson iteration with ω = 1
/// contracts from above, which training is for, and which CG reports where it fails.
pub struct TwoLevel<B> {
    a: Csr,
    smoother: Csr,
    transposed: Csr,
    scale: Vec<f64>,
    coarse: B,
}

impl<B: LinOp> TwoLevel<B> {
    /// All of one size n.
    pub fn new(a: Csr, smoother: Csr, scale: Vec<f64>, coarse: B) -> Self {
        let transposed = smoother.transpose();
        TwoLevel { a, smoother, transposed, scale, coarse }
    }

    /// r ← b − A z.
    fn residual(&self, b: &[f64], z: &[f64], r: &mut [f64]) {
        self.a.par_spmv(z, r);
        for (r, b) in r.iter_mut().zip(b) {
            *r = b - *r;
        }
    }
}

impl<B: LinOp> LinOp for TwoLevel<B> {
    fn shape(&self) -> (usize, usize) {
        self.a.shape()
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn apply(&self, b: &[f64], z: &mut [f64]) {
        let n = b.len();
        let (mut r, mut c) = (vec![0.0; n], vec![0.0; n]);
        self.smoother.par_spmv(b, z);
        self.residual(b, z, &mut r);
        for (r, s) in r.iter_mut().zip(&self.scale) {
            *r *= s;
        }
        self.coarse.apply(&r, &mut c);
        for ((z, c), s) in z.iter_mut().zip(&c).zip(&self.scale) {
            *z += s * c;
        }
        self.residual(b, z, &mut r);
        self.transposed.par_spmv(&r, &mut c);
        axpy(1.0, &c, z);
    }
    fn nnz(&self) -> usize {
        2 * self.smoother.nnz() + self.scale.len() + self.coarse.nnz()
    }
}
