//! Condition numbers before and after preconditioning, by dense eigenvalues or singular values.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::linalg::dense::{self, Dense};
use crate::linalg::{Csr, LinOp, Props};

/// κ of a preconditioned matrix and how it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Condition {
    pub kappa: f64,
    /// λ_max/λ_min of M A (M symmetric positive definite); otherwise σ_max/σ_min of M A.
    pub spectral: bool,
    /// ρ(I − ω M A), what a Richardson iteration with damping ω shrinks the error by in the long run; it converges from
    /// every start if and only if this is below 1. None for other solvers.
    pub contraction: Option<f64>,
}

/// κ₂(A): λ_max/λ_min where A is promised positive definite, max|λ|/min|λ| where it is symmetric, else σ_max/σ_min.
///
/// # Errors
/// [`Error::Numeric`] if the eigenvalues cannot be computed, or A is singular or breaks its promise.
pub fn condition_before(a: &Csr, props: Props) -> Result<f64> {
    let full = dense::from_csr(a);
    if !props.symmetric {
        let mut rising = dense::singular_values(&full)?;
        rising.reverse();
        return ratio(&rising).ok_or_else(|| Error::Numeric("matrix is singular".into()));
    }
    let mut rising = dense::eigenvalues_symmetric(&full)?;
    if props.positive_definite {
        return ratio(&rising).ok_or_else(|| Error::Numeric("matrix is not positive definite".into()));
    }
    rising.iter_mut().for_each(|l| *l = l.abs());
    rising.sort_by(f64::total_cmp);
    ratio(&rising).ok_or_else(|| Error::Numeric("matrix is singular".into()))
}

/// κ of M A: from the eigenvalues of Lᵀ M L (A = L Lᵀ; those of M A) where A and M promise to be SPD and are, else from the
/// singular values of M A. None where M A is singular to working precision. With `omega`, ρ(I − ω M A) as well.
///
/// # Errors
/// [`Error::Numeric`] if a decomposition fails or A is not positive definite.
pub fn condition_after(
    a: &Csr,
    props: Props,
    m: &dyn LinOp,
    omega: Option<f64>,
) -> Result<Option<Condition>> {
    let explicit = dense::from_op(m);
    if props.positive_definite && m.props().symmetric && m.props().positive_definite {
        let l = dense::cholesky_factor(a)?;
        let similar: Dense = l.transpose() * &explicit * &l;
        // Symmetric up to rounding: the lower triangle is read.
        let rising = dense::eigenvalues_symmetric(&similar)?;
        if let Some(kappa) = ratio(&rising) {
            let shrink = |w: f64| rising.iter().map(|l| (1.0 - w * l).abs()).fold(0.0, f64::max);
            return Ok(Some(Condition {
                kappa,
                spectral: true,
                contraction: omega.map(shrink),
            }));
        }
    }
    let product: Dense = &explicit * dense::from_csr(a);
    let sigma = dense::singular_values(&product)?;
    let (Some(&most), Some(&least)) = (sigma.first(), sigma.last()) else {
        return Ok(None);
    };
    if !(least > 0.0 && most.is_finite()) {
        return Ok(None);
    }
    let shrink = |w: f64| {
        let error = Dense::from_fn(a.nrows(), a.ncols(), |i, j| {
            f64::from(u8::from(i == j)) - w * product[(i, j)]
        });
        dense::spectral_radius(&error)
    };
    Ok(Some(Condition {
        kappa: most / least,
        spectral: false,
        contraction: omega.map(shrink).transpose()?,
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
        assert!((condition_before(&a, Props::SPD).unwrap() / exact - 1.0).abs() < 1e-10);
        let none = condition_after(&a, Props::SPD, &Identity(20), Some(0.4))
            .unwrap()
            .unwrap();
        assert!(none.spectral && (none.kappa / exact - 1.0).abs() < 1e-10);
        // λ_max = 4 cos²(π/42): the far end of the spectrum decides at ω = 0.4, the near end at ω = 0.1.
        let (near, far) = (4.0 * angle.sin().powi(2), 4.0 * angle.cos().powi(2));
        assert!((none.contraction.unwrap() - (1.0 - 0.4 * near)).abs() < 1e-12);
        let diverging = condition_after(&a, Props::SPD, &Identity(20), Some(0.6))
            .unwrap()
            .unwrap();
        assert!((diverging.contraction.unwrap() - (0.6 * far - 1.0)).abs() < 1e-12);
        let direct = condition_after(&a, Props::SPD, &Cholesky::new(&a).unwrap(), None)
            .unwrap()
            .unwrap();
        assert!((direct.kappa - 1.0).abs() < 1e-9 && direct.contraction.is_none());
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
        let c = condition_after(&a, Props::SPD, &m, Some(0.5)).unwrap().unwrap();
        assert!(!c.spectral && c.kappa > 1.0);
        // max(abs(numpy.linalg.eigvals(I - M @ A / 2)))
        assert!((c.contraction.unwrap() - 0.925_785_393_726_186).abs() < 1e-12);
    }
}
