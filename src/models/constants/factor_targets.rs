//! The factor that a constant factor is compared with, on the matrix as a network sees it, and the way back from there.

use crate::error::Result;
use crate::linalg::Csr;
use crate::models::factor_gnn::{TargetKind, lower};
use crate::models::scaling::Scaling;
use crate::precond::Icc;
use crate::solve::Acceleration;
use crate::system::LinearSystem;

/// The row of each stored entry of tril(A), row by row.
pub fn rows(a: &Csr) -> impl Iterator<Item = usize> {
    (0..a.nrows()).flat_map(|i| a.row(i).0.iter().filter(move |&&j| j as usize <= i).map(move |_| i))
}

/// The target's entries on tril(A), row by row: of A, or of A with unit diagonal.
///
/// # Errors
/// As [`TargetKind::entries`]; [`crate::Error::Numeric`] if a diagonal entry that is to be scaled is not positive.
pub fn target(kind: TargetKind, scaling: Scaling, system: &LinearSystem) -> Result<Vec<f64>> {
    let mut entries = kind.entries(system)?;
    if scaling == Scaling::Jacobi {
        let root = system.matrix.root_of_diagonal()?;
        entries.iter_mut().zip(rows(&system.matrix)).for_each(|(v, i)| *v /= root[i]);
    }
    Ok(entries)
}

/// L Lᵀ of these entries on tril(A), row by row: of A, or of A with unit diagonal, from which they are scaled back.
///
/// # Errors
/// As [`Icc::from_factor`]; [`crate::Error::Numeric`] if a diagonal entry that is to be scaled is not positive.
pub fn preconditioner(a: &Csr, mut entries: Vec<f64>, scaling: Scaling) -> Result<Acceleration> {
    if scaling == Scaling::Jacobi {
        let root = a.root_of_diagonal()?;
        entries.iter_mut().zip(rows(a)).for_each(|(v, i)| *v *= root[i]);
    }
    Ok(Acceleration::preconditioner(Icc::from_factor(&lower(a, entries.into_iter())?)?))
}

/// ⟨x, y⟩ / (‖x‖ ‖y‖).
pub fn cosine(x: &[f64], y: &[f64]) -> f64 {
    // Free of units: squares of entries may be out of range.
    let largest = |v: &[f64]| v.iter().fold(f64::MIN_POSITIVE, |m: f64, v| m.max(v.abs()));
    let (sx, sy) = (largest(x), largest(y));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().map(|v| v / sx).zip(y.iter().map(|v| v / sy)) {
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    xy / (xx * yy).sqrt()
}
