//! The factorised sparse approximate inverse.

use std::sync::Arc;

use faer::Side;
use faer::linalg::solvers::Solve;
use serde::{Deserialize, Serialize};

use super::{Built, FactoredInverse, Preconditioner, Reuse, check_symmetric};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::extend::with_largest;
use crate::linalg::{Csr, Pattern, Props};

/// `fsai`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "fsai",
    help: "factorised sparse approximate inverse on the pattern of a power of A: two sparse products",
    source: "Kolotilina & Yeremin (1993), doi:10.1137/0614004",
    needs: "A symmetric positive definite",
    positional: &["power"],
    defaults: defaults::<Config>,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    power: usize,
    /// Entries beyond the pattern of A^power, as a share of its own: the largest of A^(power + 1).
    extra: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { power: 1, extra: 0.0 }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        if self.power == 0 {
            return Err(Error::Argument("fsai: power = 0 must be at least 1".into()));
        }
        match (0.0..=100.0).contains(&self.extra) {
            true => Ok(()),
            false => Err(Error::Argument(format!("fsai: extra = {} must be from 0 to 100", self.extra))),
        }
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        check_symmetric("fsai", a)?;
        Ok(Built::new(FactoredInverse::fsai(a, &pattern(a, self.power, self.extra)?)?))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
}

/// The pattern of A^power, and so many further entries as a share `extra` of its own: the largest of A^(power + 1) for
/// A of unit diagonal.
///
/// # Errors
/// [`Error::Argument`] if the power is 0 or the share is not from 0 to 100; [`Error::Numeric`] if there are further
/// entries to choose and the diagonal of A is not positive.
pub fn pattern(a: &Csr, power: usize, extra: f64) -> Result<Pattern> {
    Config { power, extra }.check()?;
    let mut product = if extra > 0.0 { a.equilibrated()?.0 } else { a.clone() };
    let unit = product.clone();
    for _ in 1..power {
        let entries = product.nnz();
        product = product.matmul(&unit)?;
        // With a full diagonal, a pattern that has stopped growing stays.
        if product.nnz() == entries {
            break;
        }
    }
    let count = (extra * product.nnz() as f64) as usize;
    match count {
        0 => Ok((**product.pattern()).clone()),
        _ => with_largest(product.pattern(), &product.matmul(&unit)?, count),
    }
}

impl FactoredInverse {
    /// M = Gᵀ G, G lower triangular on the lower triangle of a pattern, minimising ‖I − G L‖_F for A = L Lᵀ without
    /// knowing L.
    ///
    /// Row i of G: y/√y_last with A(J, J) y = e_last, J the pattern of the row. Reference: Kolotilina & Yeremin (1993),
    /// doi:10.1137/0614004.
    ///
    /// # Errors [`Error::Shape`] if the pattern is not of the size of A; [`Error::Numeric`] unless A is positive
    /// definite on every row of it.
    pub fn fsai(a: &Csr, pattern: &Pattern) -> Result<Self> {
        if (pattern.nrows(), pattern.ncols()) != (a.nrows(), a.ncols()) {
            return Err(Error::shape("rows of the pattern of fsai", a.nrows(), pattern.nrows()));
        }
        let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
        for i in 0..a.nrows() {
            let mut row: Vec<u32> = pattern.row(i).to_vec();
            row.retain(|&j| (j as usize) < i);
            row.push(i as u32);
            let y = corner(&row, row.len() - 1, &|i, j| a.get(i, j)).ok_or_else(|| not_definite("fsai", i))?;
            let last = y[row.len() - 1].sqrt();
            values.extend(y.iter().map(|y| y / last));
            indices.extend_from_slice(&row);
            indptr.push(indices.len() as u32);
        }
        let lower = Pattern::new(a.nrows(), a.nrows(), indptr, indices)?;
        let g = Csr::new(Arc::new(lower), values)?;
        FactoredInverse::new(g.transpose(), 0.0, None)
    }
}

pub(super) fn not_definite(method: &str, i: usize) -> Error {
    Error::Numeric(format!("{method}: the matrix is not positive definite on the pattern of row {i}"))
}

/// y with B y = e_k, B the submatrix on `rows`; `None` unless B is positive definite and y_k > 0.
pub(super) fn corner(rows: &[u32], k: usize, entry: &dyn Fn(usize, usize) -> f64) -> Option<Vec<f64>> {
    let size = rows.len();
    let b = Dense::from_fn(size, size, |i, j| entry(rows[i] as usize, rows[j] as usize));
    let mut y = Dense::zeros(size, 1);
    y[(k, 0)] = 1.0;
    b.llt(Side::Lower).ok()?.solve_in_place(y.as_mut());
    let y: Vec<f64> = (0..size).map(|i| y[(i, 0)]).collect();
    (y[k] > 0.0 && y.iter().all(|v| v.is_finite())).then_some(y)
}
