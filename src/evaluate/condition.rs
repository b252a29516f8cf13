//! Condition numbers before and after preconditioning, by dense eigenvalues or singular values.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::dense::{self, Dense};
use crate::linalg::vector::all_finite;
use crate::linalg::{CoarseSpace, Csr, LinOp, Props};
use crate::solve::same_size;

/// κ of a preconditioned matrix and how it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// κ, at least 1.
    pub kappa: f64,
    /// λ_max/λ_min of M A (M symmetric positive definite); otherwise σ_max/σ_min of M A.
    pub spectral: bool,
    /// ρ(I − ω M A), what a Richardson iteration with damping ω shrinks the error by in the long run; it converges from
    /// every start if and only if this is below 1. None for other solvers.
    pub contraction: Option<f64>,
    /// The eigenvalues or singular values themselves, rising, of many every k-th; kept for the first system only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spectrum: Vec<f64>,
}

/// Values of a spectrum that are kept.
const KEPT: usize = 101;

/// Rising values, of many those at equal steps, both ends among them.
pub fn thinned(rising: &[f64]) -> Vec<f64> {
    match rising.len() {
        n if n <= KEPT => rising.to_vec(),
        n => (0..KEPT).map(|k| rising[(k * (n - 1) + (KEPT - 1) / 2) / (KEPT - 1)]).collect(),
    }
}

/// κ₂(A): λ_max/λ_min where A is promised positive definite, max|λ|/min|λ| where it is symmetric, else σ_max/σ_min.
///
/// # Errors
/// [`Error::Numeric`] if the eigenvalues cannot be computed, or A is singular or breaks its promise.
pub fn condition_before(a: &Csr, props: Props) -> Result<f64> {
    let rising = spectrum_before(a, props)?;
    let broken = if props.positive_definite { "matrix is not positive definite" } else { "matrix is singular" };
    ratio(&rising).ok_or_else(|| Error::Numeric(broken.into()))
}

/// Rising eigenvalues of A where it is promised positive definite, their moduli where it is symmetric, else its
/// singular values.
///
/// # Errors
/// [`Error::Numeric`] if they cannot be computed.
pub fn spectrum_before(a: &Csr, props: Props) -> Result<Vec<f64>> {
    finite(a)?;
    let full = dense::from_csr(a);
    if !props.symmetric {
        let mut rising = dense::singular_values(&full)?;
        rising.reverse();
        return Ok(rising);
    }
    let mut rising = dense::eigenvalues_symmetric(&full)?;
    if !props.positive_definite {
        rising.iter_mut().for_each(|l| *l = l.abs());
        rising.sort_by(f64::total_cmp);
    }
    Ok(rising)
}

fn finite(a: &Csr) -> Result<()> {
    match all_finite(a.values()) {
        true => Ok(()),
        false => Err(Error::Numeric("matrix holds numbers that are not finite".into())),
    }
}

/// κ of M A: from the eigenvalues of Lᵀ M L (A = L Lᵀ; those of M A) where A and M promise to be SPD and are, else from
/// the singular values of M A. None where M A is singular to working precision. With `omega`, ρ(I − ω M A) as well.
///
/// Where a space is deflated, κ of M P A on what is left, P = I − A W E⁻¹ Wᵀ: from the eigenvalues of (P L)ᵀ M P L but
/// the k zeros; None unless A and M promise to be SPD and E has its factor.
///
/// # Errors
/// [`Error::Shape`] if M is of another size than A; [`Error::Numeric`] if a decomposition fails or A is not positive
/// definite.
pub fn condition_after(
    a: &Csr,
    props: Props,
    m: &dyn LinOp,
    space: Option<&CoarseSpace>,
    omega: Option<f64>,
) -> Result<Option<Condition>> {
    same_size(m, a.nrows())?;
    finite(a)?;
    let spd = props.positive_definite && m.props().symmetric && m.props().positive_definite;
    if space.is_some_and(|s| !(spd && s.is_factorized())) {
        return Ok(None);
    }
    let m = dense::from_op(m);
    if spd && let Some(found) = by_eigenvalues(a, &m, space, omega)? {
        return Ok(Some(found));
    }
    match space {
        Some(_) => Ok(None),
        None => by_singular_values(a, &m, omega),
    }
}

fn by_eigenvalues(a: &Csr, m: &Dense, space: Option<&CoarseSpace>, omega: Option<f64>) -> Result<Option<Condition>> {
    let mut l = dense::cholesky_factor(a)?;
    let zeros = space.map_or(0, |s| deflate(s, &mut l));
    let similar: Dense = l.transpose() * m * &l;
    // Symmetric up to rounding: the lower triangle is read.
    let rising = dense::eigenvalues_symmetric(&similar)?.split_off(zeros);
    let shrink = |w: f64| rising.iter().map(|l| (1.0 - w * l).abs()).fold(0.0, f64::max);
    let contraction = omega.map(shrink);
    let spectrum = thinned(&rising);
    Ok(ratio(&rising).map(|kappa| Condition { kappa, spectral: true, contraction, spectrum }))
}

fn by_singular_values(a: &Csr, m: &Dense, omega: Option<f64>) -> Result<Option<Condition>> {
    let product: Dense = m * dense::from_csr(a);
    let sigma = dense::singular_values(&product)?;
    let (Some(&most), Some(&least)) = (sigma.first(), sigma.last()) else {
        return Ok(None);
    };
    if !(least > 0.0 && most.is_finite()) {
        return Ok(None);
    }
    let shrink = |w: f64| {
        let error = Dense::from_fn(a.nrows(), a.ncols(), |i, j| f64::from(u8::from(i == j)) - w * product[(i, j)]);
        dense::spectral_radius(&error)
    };
    let spectrum = thinned(&sigma.iter().rev().copied().collect::<Vec<f64>>());
    let contraction = omega.map(shrink).transpose()?;
    Ok(Some(Condition { kappa: most / least, spectral: false, contraction, spectrum }))
}

/// L ← P L; returns the dimension of P's kernel.
fn deflate(space: &CoarseSpace, l: &mut Dense) -> usize {
    let mut c = vec![0.0; space.dim()];
    for j in 0..l.ncols() {
        let mut column: Vec<f64> = (0..l.nrows()).map(|i| l[(i, j)]).collect();
        space.restrict(&column, &mut c);
        space.subtract_image(&c, &mut column);
        for (i, v) in column.into_iter().enumerate() {
            l[(i, j)] = v;
        }
    }
    space.dim()
}

/// Largest over smallest of rising eigenvalues, if all are positive.
pub fn ratio(rising: &[f64]) -> Option<f64> {
    let (&least, &most) = (rising.first()?, rising.last()?);
    (least > 0.0 && most.is_finite()).then(|| most / least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Cholesky, CoarseFactor, Columns, op::Identity};

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
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let few = thinned(&many);
        assert_eq!((few.len(), few[0], few[50], few[100]), (KEPT, 0.0, 500.0, 999.0));
        assert!((condition_before(&a, Props::SPD).unwrap() / exact - 1.0).abs() < 1e-10);
        let none = condition_after(&a, Props::SPD, &Identity(20), None, Some(0.4)).unwrap().unwrap();
        assert!(none.spectral && (none.kappa / exact - 1.0).abs() < 1e-10);
        // λ_max = 4 cos²(π/42): the far end of the spectrum decides at ω = 0.4, the near end at ω = 0.1.
        let (near, far) = (4.0 * angle.sin().powi(2), 4.0 * angle.cos().powi(2));
        assert!((none.contraction.unwrap() - (1.0 - 0.4 * near)).abs() < 1e-12);
        let diverging = condition_after(&a, Props::SPD, &Identity(20), None, Some(0.6)).unwrap().unwrap();
        assert!((diverging.contraction.unwrap() - (0.6 * far - 1.0)).abs() < 1e-12);
        let direct = condition_after(&a, Props::SPD, &Cholesky::new(&a).unwrap(), None, None).unwrap().unwrap();
        assert!((direct.kappa - 1.0).abs() < 1e-9 && direct.contraction.is_none());
    }

    #[test]
    fn a_preconditioner_of_another_size_is_refused() {
        for promised in [Props::SPD, Props::SYMMETRIC] {
            let refused = condition_after(&laplacian(20), promised, &Identity(9), None, None).unwrap_err();
            let message = refused.to_string();
            assert!(message.contains("20×20") && message.contains("9×9"), "{message}");
        }
    }

    #[test]
    fn deflated_eigenvectors_no_longer_count() {
        let (n, k) = (20, 3);
        let a = laplacian(n);
        let angle = |j: usize| std::f64::consts::PI * j as f64 / (n + 1) as f64;
        let modes = Dense::from_fn(n, k, |i, j| (angle(j + 1) * (i + 1) as f64).sin());
        let lambda = |j: usize| 2.0 - 2.0 * angle(j).cos();
        let set_up = |factor| CoarseSpace::new(&a, &modes.clone().into(), Columns::Orthonormal, factor).unwrap();
        let (space, plain) = (set_up(CoarseFactor::Cholesky), set_up(CoarseFactor::None));
        let after = |props, space| condition_after(&a, props, &Identity(n), Some(space), None).unwrap();
        let kappa = after(Props::SPD, &space).unwrap().kappa;
        assert!((kappa * lambda(k + 1) / lambda(n) - 1.0).abs() < 1e-10);
        // What is not known is not claimed.
        assert_eq!(after(Props::SPD, &plain), None);
        assert_eq!(after(Props::SYMMETRIC, &space), None);
    }

    #[test]
    fn unsymmetric_preconditioners_are_measured_by_singular_values() {
        let a = laplacian(5);
        // The transpose of nothing symmetric: a plain CSR promises only linearity.
        let m =
            Csr::from_triplets(5, 5, &[(0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0), (3, 3, 1.0), (4, 4, 1.0), (0, 4, 0.5)])
                .unwrap();
        let c = condition_after(&a, Props::SPD, &m, None, Some(0.5)).unwrap().unwrap();
        assert!(!c.spectral && c.kappa > 1.0);
        // max(abs(numpy.linalg.eigvals(I - M @ A / 2)))
        assert!((c.contraction.unwrap() - 0.925_785_393_726_186).abs() < 1e-12);
    }
}
