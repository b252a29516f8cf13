//! The factorised sparse approximate inverse.

use std::sync::Arc;

use faer::Side;
use faer::linalg::solvers::Solve;
use serde::{Deserialize, Serialize};

use super::{Built, FactoredInverse, Preconditioner, Reuse, check_symmetric};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
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
}

impl Default for Config {
    fn default() -> Self {
        Config { power: 1 }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        match self.power {
            0 => Err(Error::Argument("fsai: power = 0 must be at least 1".into())),
            _ => Ok(()),
        }
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        Ok(Built::new(FactoredInverse::fsai(a, self.power)?))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
}

impl FactoredInverse {
    /// M = Gᵀ G, G lower triangular on the pattern of tril(A^power), minimising ‖I − G L‖_F for A = L Lᵀ without
    /// knowing L.
    ///
    /// Row i of G: y/√y_last with A(J, J) y = e_last, J the pattern of the row. Reference: Kolotilina & Yeremin (1993),
    /// doi:10.1137/0614004.
    ///
    /// # Errors
    /// [`Error::Argument`] if the power is 0; [`Error::Shape`] unless A is square; [`Error::Numeric`] unless it is
    /// symmetric, finite and positive definite on every pattern.
    pub fn fsai(a: &Csr, power: usize) -> Result<Self> {
        Config { power }.check()?;
        check_symmetric("fsai", a)?;
        let mut shape = a.clone();
        for _ in 1..power {
            let entries = shape.nnz();
            shape = shape.matmul(a)?;
            // With a full diagonal, a pattern that has stopped growing stays.
            if shape.nnz() == entries {
                break;
            }
        }
        let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
        for i in 0..a.nrows() {
            let mut row: Vec<u32> = shape.row(i).0.to_vec();
            row.retain(|&j| (j as usize) < i);
            row.push(i as u32);
            let y = corner(&row, row.len() - 1, &|i, j| a.get(i, j)).ok_or_else(|| not_definite("fsai", i))?;
            let last = y[row.len() - 1].sqrt();
            values.extend(y.iter().map(|y| y / last));
            indices.extend_from_slice(&row);
            indptr.push(indices.len() as u32);
        }
        let pattern = Pattern::new(a.nrows(), a.nrows(), indptr, indices)?;
        let g = Csr::new(Arc::new(pattern), values)?;
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
