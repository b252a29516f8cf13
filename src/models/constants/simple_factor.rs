//! `simple-factor`: triangular factors on tril(A) by a formula, beside which a learned one has to stand.

use serde::{Deserialize, Serialize};

use super::factor_targets::{cosine, preconditioner, rows, target};
use super::{Constant, Fit, Fitted};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::PredictOptions;
use crate::models::factor_gnn::{TargetKind, lower};
use crate::models::scaling::Scaling;
use crate::precond::Icc;
use crate::solve::Acceleration;
use crate::solver::Need;
use crate::system::{LinearSystem, Names, SampleSource};

const NAME: &str = "simple-factor";

/// Sweeps at most: after as many as the longest chain of rows there is nothing left to do.
const MOST_SWEEPS: usize = 10_000;

/// A factor by a formula, compared with the target of `factor-gnn`.
pub static ENTRY: Entry<dyn Constant> = Entry {
    name: NAME,
    help: "a factor by a formula: tril(A), its columns over the root of the diagonal, IC(0), or IC(0)'s recurrence \
           over a few rows",
    source: "sweeps: Chow & Patel (2015), doi:10.1137/140968896",
    needs: "A symmetric positive definite",
    positional: &["formula", "rows"],
    defaults: entry::defaults::<SimpleFactor>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(entry::checked(table, name, origin, SimpleFactor::check)?)),
};

/// The formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formula {
    /// tril(A).
    Lower,
    /// a_ij/√a_jj.
    #[default]
    Column,
    /// Incomplete Cholesky without fill.
    Icc,
    /// The recurrence of IC(0) begun at `column` and swept over all entries at once: after r sweeps an entry depends on
    /// r rows before its own, as what r rounds of messages can know.
    Recurrence,
}

/// Its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimpleFactor {
    /// How entries are made.
    pub formula: Formula,
    /// Rows before its own that an entry depends on; for "recurrence".
    pub rows: usize,
    /// The factor that it is compared with.
    pub target: TargetKind,
    /// Whether of A or of A with unit diagonal, to which the factor is then scaled back.
    pub scaling: Scaling,
}

impl Default for SimpleFactor {
    fn default() -> Self {
        SimpleFactor {
            formula: Formula::default(),
            rows: 5,
            target: TargetKind::default(),
            scaling: Scaling::default(),
        }
    }
}

impl SimpleFactor {
    fn check(&self) -> Result<()> {
        match self.rows {
            0..=MOST_SWEEPS => Ok(()),
            rows => Err(Error::Argument(format!("{NAME}: rows = {rows} must be from 0 to {MOST_SWEEPS}"))),
        }
    }

    /// The entries on tril(A), row by row, of A as it is scaled.
    fn entries(&self, a: &Csr) -> Result<Vec<f64>> {
        let scaled = match self.scaling {
            Scaling::Jacobi => &a.equilibrated()?.0,
            Scaling::Max => a,
        };
        match self.formula {
            Formula::Lower => Ok(scaled.on_lower(a.pattern())),
            Formula::Column => Ok(recurrence(scaled, 0)?.values().to_vec()),
            Formula::Icc => Ok(Icc::new(scaled, 0)?.factor()?.on_lower(a.pattern())),
            Formula::Recurrence => Ok(recurrence(scaled, self.rows)?.values().to_vec()),
        }
    }
}

/// So many sweeps of the recurrence of IC(0), l_ij = (a_ij − Σ l_ik l_jk)/l_jj and l_ii = (a_ii − Σ l_ik²)^½, from
/// l_ij = a_ij/√a_jj on. Entries below the diagonal are made of those of the sweep before, those on it of the new ones.
///
/// # Errors
/// [`Error::Numeric`] if a pivot is not positive.
fn recurrence(a: &Csr, sweeps: usize) -> Result<Csr> {
    let root = a.root_of_diagonal()?;
    let zeros = rows(a).map(|_| 0.0);
    let mut l = lower(a, zeros)?;
    let places: Vec<(usize, usize)> =
        (0..l.nrows()).flat_map(|i| l.row(i).0.iter().map(move |&j| (i, j as usize)).collect::<Vec<_>>()).collect();
    let given: Vec<f64> = places.iter().map(|&(i, j)| a.get(i, j)).collect();
    l.values_mut().iter_mut().zip(&places).zip(&given).for_each(|((v, &(_, j)), a)| *v = a / root[j]);
    let mut pivots = root;
    for _ in 0..sweeps {
        let below: Vec<f64> = places
            .iter()
            .zip(&given)
            .map(|(&(i, j), a)| if i == j { 0.0 } else { (a - common(&l, i, j)) / pivots[j] })
            .collect();
        l.values_mut().copy_from_slice(&below);
        let mut squares = vec![0.0; l.nrows()];
        places.iter().zip(&below).for_each(|(&(i, _), v)| squares[i] += v * v);
        for (k, &(i, j)) in places.iter().enumerate() {
            if i == j {
                let pivot = given[k] - squares[i];
                if !(pivot > 0.0 && pivot.is_finite()) {
                    return Err(Error::Numeric(format!("{NAME}: pivot {i} is {pivot}")));
                }
                pivots[i] = pivot.sqrt();
                l.values_mut()[k] = pivots[i];
            }
        }
    }
    Ok(l)
}

/// Σ l_ik l_jk over k < j < i.
fn common(l: &Csr, i: usize, j: usize) -> f64 {
    let ((ci, vi), (cj, vj)) = (l.row(i), l.row(j));
    let (mut p, mut q, mut sum) = (0, 0, 0.0);
    while p < ci.len() && q < cj.len() && (ci[p] as usize) < j && (cj[q] as usize) < j {
        match ci[p].cmp(&cj[q]) {
            std::cmp::Ordering::Less => p += 1,
            std::cmp::Ordering::Greater => q += 1,
            std::cmp::Ordering::Equal => {
                sum += vi[p] * vj[q];
                p += 1;
                q += 1;
            }
        }
    }
    sum
}

impl Constant for SimpleFactor {
    fn needs(&self) -> Need {
        Need::Spd
    }

    fn fit(&self, _source: &dyn SampleSource, _ids: &[u32], _options: &PredictOptions) -> Result<Fitted> {
        Ok(Box::new(self.clone()))
    }

    fn is_fitted(&self) -> bool {
        false
    }

    fn compared_with(&self) -> Names {
        self.target.labels()
    }
}

impl Fit for SimpleFactor {
    fn make(&self, system: &LinearSystem) -> Result<Acceleration> {
        preconditioner(&system.matrix, self.entries(&system.matrix)?, self.scaling)
    }

    fn agreement(&self, system: &LinearSystem) -> Result<Option<f64>> {
        let entries = self.entries(&system.matrix)?;
        Ok(Some(cosine(&entries, &target(self.target, self.scaling, system)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spec;
    use super::*;
    use crate::families;
    use crate::linalg::Props;

    fn entries(spec: &str, a: &Csr) -> Vec<f64> {
        let (_, table) = spec.split_once('(').unwrap();
        let mut keys = table.trim_end_matches(')').split(", ");
        let formula: Formula = toml::Value::String(keys.next().unwrap().into()).try_into().unwrap();
        let rows = keys.next().map_or(5, |r| r.parse().unwrap());
        SimpleFactor { formula, rows, ..Default::default() }.entries(a).unwrap()
    }

    #[test]
    fn the_recurrence_over_all_rows_is_the_factor_and_over_few_begins_late() {
        let keys = toml::toml! { n = 30 spread = 0.3 };
        let family = families::build("tridiagonal", &keys, "test").unwrap();
        let system = family.sampler().unwrap().sample(1, 0).unwrap();
        let a = &system.matrix;
        let exact = &system.labels[0].values;
        let near = |x: &[f64], y: &[f64]| x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-12 * y.abs().max(1.0));
        assert!(near(&entries("f(icc)", a), exact) && near(&entries("f(recurrence, 30)", a), exact));
        // Row 20 of the recurrence over 4 rows: begun at row 16 with √a.
        let four = entries("f(recurrence, 4)", a);
        let mut pivot = a.get(16, 16).sqrt();
        for i in 17..=20 {
            let below = a.get(i, i - 1) / pivot;
            pivot = (a.get(i, i) - below * below).sqrt();
        }
        // Row i has entries 2i − 1 and 2i.
        assert!((four[40] - pivot).abs() < 1e-14, "{} {pivot}", four[40]);
        assert!((four[40] - exact[40]).abs() > 1e-9);
        let cosine = |spec: &str| {
            let spec: Spec = spec.parse().unwrap();
            let fitted = spec.member().fit(&Vec::<LinearSystem>::new(), &[], &PredictOptions::default()).unwrap();
            fitted.agreement(&system).unwrap().unwrap()
        };
        let of_rows = [0, 1, 2, 4, 8].map(|r| cosine(&format!("simple-factor(recurrence, {r}, scaling = jacobi)")));
        assert!(of_rows.is_sorted() && of_rows[0] < of_rows[4] && of_rows[4] <= 1.0 + 1e-15, "{of_rows:?}");
        assert!((cosine("simple-factor(icc)") - 1.0).abs() < 1e-14);
    }

    #[test]
    fn on_two_dimensions_the_recurrence_tends_to_incomplete_cholesky() {
        let (nx, n) = (5, 20);
        let mut triplets = Vec::new();
        for i in 0..n {
            triplets.push((i, i, 4.0 + 0.1 * i as f64));
            let right = (i % nx != nx - 1).then_some(i + 1);
            for j in [right, (i + nx < n).then_some(i + nx)].into_iter().flatten() {
                triplets.extend([(i, j, -1.0), (j, i, -1.0)]);
            }
        }
        let a = Csr::from_triplets(n, n, &triplets).unwrap();
        let (icc, swept) = (entries("f(icc)", &a), entries("f(recurrence, 30)", &a));
        assert!(icc.iter().zip(&swept).all(|(x, y)| (x - y).abs() < 1e-14));
        assert_eq!(entries("f(lower)", &a), a.on_lower(a.pattern()));
        let column = entries("f(column)", &a);
        assert_eq!((column[0], column[1]), (a.get(0, 0) / a.get(0, 0).sqrt(), -1.0 / a.get(0, 0).sqrt()));
        let plain = LinearSystem::plain(a, vec![1.0; n], Props::SPD);
        let made = SimpleFactor { formula: Formula::Icc, ..Default::default() }.make(&plain).unwrap();
        assert!(made.preconditioner.is_some());
        assert!("simple-factor(rows = 20000)".parse::<Spec>().is_err());
    }
}
