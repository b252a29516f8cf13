//! A preconditioner on trial: a few steps of conjugate gradients on noise.

use rand::RngExt;

use crate::linalg::{Csr, LinOp, vector};
use crate::rng::{Purpose, stream};

/// Steps: enough to tell good from bad, few enough that energies differ by more than their rounding.
const STEPS: usize = 10;

/// The trial for one symmetric positive definite matrix: the same right-hand side for every preconditioner.
pub(super) struct Trial<'a> {
    a: &'a Csr,
    b: Vec<f64>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(a: &'a Csr) -> Self {
        let mut rng = stream(0, Purpose::Measure, a.nrows() as u64);
        Trial { a, b: (0..a.nrows()).map(|_| rng.random_range(-1.0..1.0)).collect() }
    }

    /// ‖x*‖²_A − ‖x* − x‖²_A of the x that ten CG steps with M reach: the larger, the smaller the error is. `None`
    /// where A shows that it is not positive definite, so that there is no such norm.
    pub(super) fn energy(&self, m: &dyn LinOp) -> Option<f64> {
        let n = self.b.len();
        let mut r = self.b.clone();
        let (mut z, mut p, mut ap) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let (mut energy, mut before) = (0.0, 0.0);
        for _ in 0..STEPS {
            m.apply(&r, &mut z);
            let rz = vector::dot(&r, &z);
            let beta = if before > 0.0 { rz / before } else { 0.0 };
            vector::xpby(&z, beta, &mut p);
            self.a.par_spmv(&p, &mut ap);
            let curvature = vector::dot(&p, &ap);
            if curvature < 0.0 {
                return None;
            }
            let alpha = rz / curvature;
            if !(rz > 0.0 && alpha.is_finite()) {
                break;
            }
            energy += alpha * rz;
            vector::axpy(-alpha, &ap, &mut r);
            before = rz;
        }
        Some(energy)
    }
}
