//! Condition numbers before and after preconditioning, by dense eigenvalues or singular values.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::linalg::dense::{self, Dense};
use crate::linalg::{Csr, LinOp};

/// κ of a preconditioned matrix and how it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Condition {
    pub kappa: f64,
    /// λ_max/λ_min of M A (M symmetric positive definite); otherwise σ_max/σ_min of M A.
    pub spectral: bool,
}

/// κ₂(A) = λ_max/λ_min of a symmetric positive definite A.
///
/// # Errors
/// [`Error::Numeric`] if the eigenvalues cannot be computed or A is not positive definite.
pub fn condition_before(a: &Csr) -> Result<f64> {
    ratio(&dense::eigenvalues_symmetric(&dense::from_csr(a))?)
        .ok_or_else(|| Error::Numeric("matrix is not positive definite".into()))
}

/// κ of M A: from the eigenvalues of Lᵀ M L (A = L Lᵀ; those of M A) where M promises to be SPD and is, else from the
/// singular values of M A. None where M A is singular to working precision.
///
/// # Errors
/// [`Error::Numeric`] if a decomposition fails or A is not positive definite.
pub fn condition_after(a: &Csr, m: &dyn LinOp) -> Result<Option<Condition>> {
    let explicit = dense::from_op(m);
    if m.props().symmetric && m.props().positive_definite {
        let l = dense::cholesky_factor(a)?;
        let similar: Dense = l.transpose() * &explicit * &l;
        // Symmetric up to rounding: the lower triangle is read.
        if let Some(kappa) = ratio(&dense::eigenvalues_symmetric(&similar)?) {
            return Ok(Some(Condition {
                kappa,
                spectral: true,
            }));
        }
    }
    let product: Dense = &explicit * dense::from_csr(a);
    let sigma = dense::singular_values(&product)?;
    let (Some(&most), Some(&least)) = (sigma.first(), sigma.last()) else {
        return Ok(None);
    };
    Ok((least > 0.0 && most.is_finite()).then(|| Condition {
        kappa: most / least,
        spectral: false,
    }))
}

/// Largest over smallest of rising eigenvalues, if all are positive.
fn ratio(rising: &[f64]) -> Option<f64> {
    let (&least, &most) = (rising.first()?, rising.last()?);
    (least > 0.0 && most.is_finite()).then(|| most / least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Cholesky, op::Identity};

    fn laplacian(n: usize) -> Csr {
        let mut entries = Vec::new();
        for i in 0..n {
            entries.push((i, i, 2.0));
            if i + 1 < n {
                entries.extend([(i, i + 1, -1.0), (i + 1, i, -1.0)]);
            }
        }
        Csr::from_triplets(n, n, &entries).unwrap()
    }

    #[test]
    fn known_condition_numbers() {
        let a = laplacian(20);
        let angle = std::f64::consts::PI / 42.0;
        let exact = (angle.cos() / angle.sin()).powi(2);
        assert!((condition_before(&a).unwrap() / exact - 1.0).abs() < 1e-10);
        let none = condition_after(&a, &Identity(20)).unwrap().unwrap();
        assert!(none.spectral && (none.kappa / exact - 1.0).abs() < 1e-10);
        let direct = condition_after(&a, &Cholesky::new(&a).unwrap()).unwrap().unwrap();
        assert!((direct.kappa - 1.0).abs() < 1e-9);
    }

    #[test]
    fn unsymmetric_preconditioners_are_measured_by_singular_values() {
        let a = laplacian(5);
        // The transpose of nothing symmetric: a plain CSR promises only linearity.
        let m = Csr::from_triplets(
            5,
            5,
            &[
                (0, 0, 1.0),
                (1, 1, 1.0),
                (2, 2, 1.0),
                (3, 3, 1.0),
                (4, 4, 1.0),
                (0, 4, 0.5),
            ],
        )
        .unwrap();
        let c = condition_after(&a, &m).unwrap().unwrap();
        assert!(!c.spectral && c.kappa > 1.0);
    }
}
