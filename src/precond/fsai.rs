//! Factorised sparse approximate inverses: FSAI of A, and the K-optimal factor of A from its inverse.

use std::sync::Arc;

use faer::Side;
use faer::linalg::solvers::Solve;

use super::icc::Icc;
use super::shift::Shift;
use super::strict::Strict;
use super::{SYMMETRY, check_square_finite};
use crate::error::{Error, Result};
use crate::linalg::dense::{self, Dense};
use crate::linalg::{Csr, LinOp, Pattern, Props};

/// M = Gᵀ G, G lower triangular on the pattern of tril(A^power), minimising ‖I − G L‖_F for A = L Lᵀ without knowing L.
///
/// Row i of G: y/√y_last with A(J, J) y = e_last, J the pattern of the row. Two sparse products, which run on all threads.
/// Reference: Kolotilina & Yeremin (1993), doi:10.1137/0614004.
#[derive(Debug, Clone)]
pub struct Fsai {
    g: Csr,
    gt: Csr,
    /// G r on its way to Gᵀ.
    scratch: Arc<std::sync::Mutex<Vec<f64>>>,
}

impl Fsai {
    /// # Errors
    /// [`Error::Argument`] if the power is 0; [`Error::Shape`] unless A is square; [`Error::Numeric`] unless it is symmetric,
    /// finite and positive definite on every pattern.
    pub fn new(a: &Csr, power: usize) -> Result<Self> {
        check(power)?;
        check_symmetric("fsai", a)?;
        let mut shape = a.clone();
        for _ in 1..power {
            shape = shape.matmul(a)?;
        }
        let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
        for i in 0..a.nrows() {
            let mut row: Vec<u32> = shape.row(i).0.to_vec();
            row.retain(|&j| (j as usize) < i);
            row.push(i as u32);
            let y =
                corner(&row, row.len() - 1, &|i, j| a.get(i, j)).ok_or_else(|| not_definite("fsai", i))?;
            let last = y[row.len() - 1].sqrt();
            values.extend(y.iter().map(|y| y / last));
            indices.extend_from_slice(&row);
            indptr.push(indices.len() as u32);
        }
        let pattern = Pattern::new(a.nrows(), a.nrows(), indptr, indices)?;
        let g = Csr::new(Arc::new(pattern), values)?;
        Ok(Fsai {
            gt: g.transpose(),
            scratch: Arc::new(std::sync::Mutex::new(vec![0.0; a.nrows()])),
            g,
        })
    }
}

/// # Errors
/// [`Error::Argument`] if the power is 0.
pub(super) fn check(power: usize) -> Result<()> {
    match power {
        0 => Err(Error::Argument("fsai: power = 0 must be at least 1".into())),
        _ => Ok(()),
    }
}

fn check_symmetric(method: &str, a: &Csr) -> Result<()> {
    check_square_finite(a)?;
    match a.is_symmetric(SYMMETRY) {
        true => Ok(()),
        false => Err(Error::Numeric(format!(
            "{method} needs a symmetric matrix; this one is not"
        ))),
    }
}

fn not_definite(method: &str, i: usize) -> Error {
    Error::Numeric(format!(
        "{method}: the matrix is not positive definite on the pattern of row {i}"
    ))
}

/// y with B y = e_k, B the submatrix on `rows`; `None` unless B is positive definite and y_k > 0.
fn corner(rows: &[u32], k: usize, entry: &dyn Fn(usize, usize) -> f64) -> Option<Vec<f64>> {
    let size = rows.len();
    let b = Dense::from_fn(size, size, |i, j| entry(rows[i] as usize, rows[j] as usize));
    let mut y = Dense::zeros(size, 1);
    y[(k, 0)] = 1.0;
    b.llt(Side::Lower).ok()?.solve_in_place(y.as_mut());
    let y: Vec<f64> = (0..size).map(|i| y[(i, 0)]).collect();
    (y[k] > 0.0 && y.iter().all(|v| v.is_finite())).then_some(y)
}

impl LinOp for Fsai {
    fn shape(&self) -> (usize, usize) {
        self.g.shape()
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        // The scratch holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut gx = self
            .scratch
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        self.g.par_spmv(x, &mut gx);
        self.gt.par_spmv(&gx, y);
    }
    fn nnz(&self) -> usize {
        self.g.nnz()
    }
}

impl Icc {
    /// The K-optimal factor: L Lᵀ ≈ A with L on the pattern of tril(A) and the K-condition number
    /// tr(L⁻¹ A L⁻ᵀ)ⁿ / det(L⁻¹ A L⁻ᵀ) as small as possible.
    ///
    /// Column i is v/√v₁ with B v = e₁, B the submatrix of A⁻¹ on the column's pattern: FSAI of the inverse. Takes the dense
    /// inverse, O(n³): for small n. Reference: Kaporin (1994), doi:10.1002/nla.1680010208.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Numeric`] unless it is symmetric, finite and positive definite.
    pub fn k_optimal(a: &Csr) -> Result<Self> {
        check_symmetric("koptimal", a)?;
        let inverse = dense::inverse_spd(a)?;
        let n = a.nrows();
        let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
        let mut inverse_d = Vec::with_capacity(n);
        for i in 0..n {
            let mut rows = vec![i as u32];
            rows.extend(a.row(i).0.iter().filter(|&&j| j as usize > i));
            let v = corner(&rows, 0, &|i, j| inverse[(i, j)]).ok_or_else(|| not_definite("koptimal", i))?;
            // L = (unit L) √D: the column over its first entry, and D = v₁.
            values.extend(v[1..].iter().map(|w| w / v[0]));
            indices.extend_from_slice(&rows[1..]);
            indptr.push(indices.len() as u32);
            inverse_d.push(1.0 / v[0]);
        }
        let upper = Strict::from_rows(false, &indptr, &indices, &values);
        Ok(Icc::from_parts(upper.transposed(), upper, inverse_d, Shift::NONE))
    }
}
