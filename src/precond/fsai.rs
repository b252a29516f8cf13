//! The factorised sparse approximate inverse.

use std::borrow::Cow;
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
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

/// The largest power of A: its pattern is dense long before.
const MOST_POWER: usize = 64;

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
        check_pattern("fsai", self.power, self.extra)
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

/// # Errors
/// [`Error::Argument`] if the power is not from 1 to 64 or the share of further entries is not from 0 to 100.
pub fn check_pattern(owner: &str, power: usize, extra: f64) -> Result<()> {
    if !(1..=MOST_POWER).contains(&power) {
        return Err(Error::Argument(format!("{owner}: power = {power} must be from 1 to {MOST_POWER}")));
    }
    match (0.0..=100.0).contains(&extra) {
        true => Ok(()),
        false => Err(Error::Argument(format!("{owner}: extra = {extra} must be from 0 to 100"))),
    }
}

/// The pattern of A^power, and so many further entries as a share `extra` of its own: the largest of A^(power + 1) for
/// A of unit diagonal.
///
/// # Errors
/// As [`check_pattern`]; [`Error::Numeric`] if there are further entries to choose and the diagonal of A is not
/// positive.
pub fn pattern(a: &Csr, power: usize, extra: f64) -> Result<Pattern> {
    check_pattern("fsai", power, extra)?;
    let unit = if extra > 0.0 { &a.equilibrated()?.0 } else { a };
    let mut product = Cow::Borrowed(unit);
    for _ in 1..power {
        let next = product.matmul(unit)?;
        // With a full diagonal, a pattern that has stopped growing stays.
        let same = next.nnz() == product.nnz();
        product = Cow::Owned(next);
        if same {
            break;
        }
    }
    match extra > 0.0 {
        true => with_largest(product.pattern(), &product.matmul(unit)?, extra),
        false => Ok((**product.pattern()).clone()),
    }
}

impl FactoredInverse {
    /// M = Gᵀ G, G lower triangular on the lower triangle of a pattern, minimising ‖I − G L‖_F for A = L Lᵀ without
    /// knowing L.
    ///
    /// Row i of G: y/√y_last with A(J, J) y = e_last, J the pattern of the row. Reference: Kolotilina & Yeremin (1993),
    /// doi:10.1137/0614004.
    ///
    /// # Errors
    /// [`Error::Shape`] if the pattern is not of the size of A; [`Error::Numeric`] unless A is positive definite on
    /// every row of it.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The diagonal of G A Gᵀ is 1, so that Kaporin's condition number of M A falls as det M = Π g_ii² rises: with
    /// every entry that is added, which iterations need not do.
    #[test]
    fn further_entries_raise_the_determinant() {
        let side = 8;
        let mut entries = Vec::new();
        for i in 0..side * side {
            entries.push((i, i, 4.0 + 0.1 * (i % 5) as f64));
            for j in [i + 1, i + side].into_iter().filter(|&j| j < side * side && (j != i + 1 || j % side != 0)) {
                entries.extend([(i, j, -1.0), (j, i, -1.0)]);
            }
        }
        let a = Csr::from_triplets(side * side, side * side, &entries).unwrap();
        let mut last = (0, f64::NEG_INFINITY);
        for (power, extra) in [(1, 0.0), (1, 0.2), (1, 0.9), (2, 0.0), (2, 0.5)] {
            let pattern = pattern(&a, power, extra).unwrap();
            let r = FactoredInverse::fsai(&a, &pattern).unwrap();
            let logarithm = r.factor().diagonal().iter().map(|g| g.ln()).sum::<f64>();
            assert!(pattern.nnz() > last.0 && logarithm > last.1, "{power} {extra}: {logarithm} after {last:?}");
            last = (pattern.nnz(), logarithm);
        }
        assert_eq!(pattern(&a, 1, 0.2).unwrap().nnz(), a.nnz() + (0.2 * a.nnz() as f64) as usize);
        assert!(FactoredInverse::fsai(&a, Csr::identity(3).pattern()).is_err());
    }
}
