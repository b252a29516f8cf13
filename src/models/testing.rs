//! What tests of models share: a model that knows what a network would have to learn, matrices, what is definite.

use super::eigenvector_labels::LABEL;
use super::{Model, PredictOptions};
use crate::error::Result;
use crate::linalg::{Cholesky, Csr, LinOp, eigen};
use crate::precond::sine_modes;
use crate::solve::Acceleration;
use crate::system::{Field, LinearSystem, Location};

/// Predicts that many sine modes of the square grid that the unknowns are.
pub struct SineModes(pub usize);

impl Model for SineModes {
    fn name(&self) -> &'static str {
        "sine-modes"
    }

    fn parameters(&self) -> usize {
        0
    }

    fn predict(&self, system: &LinearSystem, _options: &PredictOptions) -> Result<Acceleration> {
        Ok(Acceleration::space(sine_modes(system.n().isqrt(), self.0)?))
    }
}

/// The system with its lowest eigenvectors as a label.
pub fn labelled_by_eigenvectors(mut system: LinearSystem, k: usize) -> LinearSystem {
    let factor = Cholesky::new(&system.matrix).unwrap();
    let solve = |x: &mut [f64]| {
        factor.solve_columns_in_place(x);
        Ok(())
    };
    let vectors = eigen::smallest(&system.matrix, k, None, &solve).unwrap().vectors;
    let values = (0..system.n()).flat_map(|i| vectors.iter().map(move |v| v[i])).collect();
    system.labels.push(Field { name: LABEL.into(), location: Location::Dofs, components: k, values });
    system
}

/// 5-point differences with varying coefficients on `nx` × `ny` points: symmetric, positive definite.
pub fn differences(nx: usize, ny: usize) -> Csr {
    let n = nx * ny;
    let mut entries = Vec::new();
    for i in 0..n {
        entries.push((i, i, 4.5 + 0.3 * (i % 7) as f64));
        let (right, up) = ((i % nx != nx - 1).then_some(i + 1), (i + nx < n).then_some(i + nx));
        for j in [right, up].into_iter().flatten() {
            let v = -1.0 - 0.05 * ((i + j) % 5) as f64;
            entries.extend([(i, j, v), (j, i, v)]);
        }
    }
    Csr::from_triplets(n, n, &entries).unwrap()
}

/// Fails unless M is symmetric to rounding and has a Cholesky factor.
pub fn assert_spd(m: &dyn LinOp) {
    let n = m.shape().0;
    let mut dense = faer::Mat::<f64>::zeros(n, n);
    let mut column = vec![0.0; n];
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        m.apply(&unit, &mut column);
        (0..n).for_each(|i| dense[(i, j)] = column[i]);
    }
    for i in 0..n {
        for j in 0..i {
            let size = dense[(i, i)].abs().max(dense[(j, j)].abs());
            assert!((dense[(i, j)] - dense[(j, i)]).abs() < 1e-12 * size);
        }
    }
    assert!(dense.llt(faer::Side::Lower).is_ok());
}

/// Fails unless M is the inverse of the diagonal of A to single precision.
pub fn assert_jacobi(m: &dyn LinOp, a: &Csr) {
    let (x, mut y) = (vec![1.0; a.nrows()], vec![0.0; a.nrows()]);
    m.apply(&x, &mut y);
    for (y, d) in y.iter().zip(a.diagonal()) {
        assert!((y * d - 1.0).abs() < 1e-6, "{y} for {d}");
    }
}

/// tridiag(−1, 2 + i, −1), i the row.
pub fn rising_tridiagonal(n: usize) -> Csr {
    let mut entries = Vec::new();
    for i in 0..n {
        entries.push((i, i, 2.0 + i as f64));
        if i + 1 < n {
            entries.extend([(i, i + 1, -1.0), (i + 1, i, -1.0)]);
        }
    }
    Csr::from_triplets(n, n, &entries).unwrap()
}
