//! Diagonal incomplete Cholesky: the triangles of A itself, and pivots that make up for what that drops.

use serde::{Deserialize, Serialize};

use super::mic::{RELAXATION, check_relaxation, halved};
use super::triangular::{StrictTriangle, TriangularSolve};
use super::{Built, Preconditioner, Reuse, check_symmetric};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::op::{Eisenstat, Halves};
use crate::linalg::{Csr, LinOp, Props};

/// `dic`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "Dupont, Kendall & Rachford (1968), doi:10.1137/0705045; Eisenstat (1981), doi:10.1137/0902001",
    needs: "A symmetric positive definite",
    name: "dic",
    help: "incomplete Cholesky that changes the diagonal alone, relaxed; cg with it needs no product with A",
    positional: &["relaxation"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Part of the fill that is subtracted from the diagonal: 1 keeps the row sums of A.
    relaxation: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { relaxation: RELAXATION }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        check_relaxation("dic", self.relaxation)
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        let (dic, taken) = Dic::new(a, self.relaxation)?;
        let note = match taken {
            None => Some("no relaxation gives positive pivots: those of ssor".into()),
            Some(taken) if taken < self.relaxation => {
                Some(format!("relaxation lowered to {taken} for positive pivots"))
            }
            Some(_) => None,
        };
        Ok(Built::new(dic).noted(note))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
}

/// M = (P + U)⁻¹ P (P + L)⁻¹ for A = L + D + U, with pivots P for which the fill that M⁻¹ has beside A, but for a part
/// of one less the relaxation, is made up for on the diagonal.
///
/// Where eliminating an unknown fills no place of A, as with the stencils of grids, this is the incomplete
/// factorisation on the pattern of A.
#[derive(Debug)]
pub struct Dic {
    /// P⁻¹ L and P⁻¹ U.
    lower: TriangularSolve,
    upper: TriangularSolve,
    pivots: Vec<f64>,
    /// (D − 2 P) P⁻¹.
    rest: Vec<f64>,
}

impl Dic {
    /// With this relaxation or, where a pivot is not positive, half of it, and so on, then with none; the one that was
    /// taken is returned too. Where that does not help either, with P = D, which is `ssor`.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Numeric`] unless it is symmetric and finite, with a positive
    /// diagonal.
    pub fn new(a: &Csr, relaxation: f64) -> Result<(Self, Option<f64>)> {
        check_symmetric("dic", a)?;
        let diagonal = a.diagonal();
        if let Some(i) = diagonal.iter().position(|&d| d <= 0.0) {
            return Err(Error::Numeric(format!("dic: a_{i},{i} = {} is not positive: A is not definite", diagonal[i])));
        }
        let found = halved(relaxation).chain([0.0]).find_map(|r| Some((pivots(a, r)?, Some(r))));
        let (pivots, taken) = found.unwrap_or_else(|| (diagonal.clone(), None));
        let (lower, upper) = StrictTriangle::split(a, |i| 1.0 / pivots[i]);
        let rest = pivots.iter().zip(&diagonal).map(|(p, d)| (d - 2.0 * p) / p).collect();
        let [lower, upper] = [lower, upper].map(TriangularSolve::new);
        Ok((Dic { lower, upper, pivots, rest }, taken))
    }
}

/// p_i = a_ii − Σ_k a_ik (a_ik + relaxation Σ_j a_kj) / p_k, over k < i, and j > k other than i; none at a pivot
/// that is not positive.
fn pivots(a: &Csr, relaxation: f64) -> Option<Vec<f64>> {
    let mut p = a.diagonal();
    for k in 0..p.len() {
        let (cols, vals) = a.row(k);
        let pivot = p[k];
        let size: f64 = vals.iter().map(|v| v.abs()).sum();
        if pivot.is_nan() || pivot <= 1e-14 * size {
            return None;
        }
        let first = cols.partition_point(|&j| j as usize <= k);
        let sum: f64 = vals[first..].iter().sum();
        for (&i, &v) in cols[first..].iter().zip(&vals[first..]) {
            p[i as usize] -= v * (v + relaxation * (sum - v)) / pivot;
        }
    }
    Some(p)
}

impl LinOp for Dic {
    fn shape(&self) -> (usize, usize) {
        (self.pivots.len(), self.pivots.len())
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.lower.substitute(y, |i, _| x[i] / self.pivots[i]);
        self.upper.substitute(y, |_, y| y);
    }
    fn nnz(&self) -> usize {
        self.lower.triangle().nnz() + self.pivots.len()
    }
    fn halves(&self) -> Option<&dyn Halves> {
        Some(self)
    }
    fn eisenstat(&self) -> Option<&dyn Eisenstat> {
        self.lower.by_rows().then_some(self)
    }
}

/// F = P^½ (P + L)⁻¹.
impl Halves for Dic {
    fn left(&self, x: &[f64], y: &mut [f64]) {
        self.lower.substitute(y, |i, _| x[i] / self.pivots[i]);
        y.iter_mut().zip(&self.pivots).for_each(|(y, p)| *y *= p.sqrt());
    }
    fn right(&self, x: &[f64], y: &mut [f64]) {
        self.upper.substitute(y, |i, _| x[i] / self.pivots[i].sqrt());
    }
}

impl Eisenstat for Dic {
    fn pivots(&self) -> &[f64] {
        &self.pivots
    }
    fn forward(&self, r: &[f64], w: &mut [f64]) {
        self.lower.substitute(w, |i, _| r[i] / self.pivots[i]);
    }
    fn backward(&self, p: &[f64], u: &mut [f64]) {
        self.upper.substitute(u, |i, _| p[i]);
    }
    fn product(&self, p: &[f64], u: &[f64], q: &mut [f64], t: &mut [f64]) -> f64 {
        let (mut energy, pivots, rest) = (0.0, &self.pivots[..], &self.rest[..]);
        self.lower.substitute_beside(u, t, |i, lu| {
            // A u = (P + U) u + (D − P) u + L u, and (P + U) u = P p.
            let start = p[i] + rest[i] * u[i];
            q[i] = pivots[i] * (start + u[i] + lu);
            energy += u[i] * q[i];
            start
        });
        energy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precond::Icc;
    use crate::precond::testing::laplacian;

    #[test]
    fn on_a_grid_it_is_the_modified_factor_of_its_pattern() {
        let a = laplacian(9);
        let x: Vec<f64> = (0..a.nrows()).map(|i| (i as f64).sin()).collect();
        let (mut y, mut z) = (vec![0.0; a.nrows()], vec![0.0; a.nrows()]);
        for relaxation in [0.0, 0.97, 1.0] {
            let (dic, taken) = Dic::new(&a, relaxation).unwrap();
            assert_eq!(taken, Some(relaxation));
            dic.apply(&x, &mut y);
            Icc::modified(&a, 0, relaxation).unwrap().0.apply(&x, &mut z);
            assert!(y.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-13));
        }
    }

    #[test]
    fn row_sums_are_kept_where_fill_meets_the_pattern() {
        // Triangles: eliminating an unknown fills places of A, and that is dropped too.
        let n = 40;
        let mut entries = Vec::new();
        for i in 0..n {
            entries.push((i, i, 4.0 + (i % 3) as f64));
            for j in [i + 1, i + 2, i + 6] {
                if j < n {
                    entries.extend([(i, j, -0.6), (j, i, -0.6)]);
                }
            }
        }
        let a = Csr::from_triplets(n, n, &entries).unwrap();
        let (dic, taken) = Dic::new(&a, 1.0).unwrap();
        let (mut y, mut z) = (vec![0.0; n], vec![0.0; n]);
        a.spmv(&vec![1.0; n], &mut y);
        dic.apply(&y, &mut z);
        assert!(taken == Some(1.0) && z.iter().all(|v| (v - 1.0).abs() < 1e-12), "{z:?}");
    }

    #[test]
    fn the_product_with_a_comes_with_the_substitution() {
        let a = laplacian(12);
        let n = a.nrows();
        let (dic, _) = Dic::new(&a, 0.9).unwrap();
        let p: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
        let [mut u, mut q, mut t, mut au, mut w] = std::array::from_fn(|_| vec![0.0; n]);
        dic.backward(&p, &mut u);
        let energy = dic.product(&p, &u, &mut q, &mut t);
        a.spmv(&u, &mut au);
        dic.forward(&au, &mut w);
        assert!(q.iter().zip(&au).all(|(a, b)| (a - b).abs() < 1e-13));
        assert!((0..n).all(|i| (t[i] + u[i] - w[i]).abs() < 1e-13));
        assert!((energy - u.iter().zip(&au).map(|(u, q)| u * q).sum::<f64>()).abs() < 1e-12);
        // F^T F = M.
        let (mut half, mut whole) = (vec![0.0; n], vec![0.0; n]);
        dic.left(&p, &mut half);
        dic.right(&half, &mut u);
        dic.apply(&p, &mut whole);
        assert!(u.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-13));
    }

    #[test]
    fn pivots_stay_positive() {
        // Positive off-diagonal entries: the fill that is made up for takes all of the last pivot; and one that nothing
        // leaves positive.
        let matrix = |v: f64| {
            let mut entries = vec![(0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0)];
            entries.extend([(0, 1), (1, 0), (0, 2), (2, 0)].map(|(i, j)| (i, j, v)));
            Csr::from_triplets(3, 3, &entries).unwrap()
        };
        let (_, taken) = Dic::new(&matrix(0.75), 1.0).unwrap();
        assert!(taken.is_some_and(|r| r < 1.0), "{taken:?}");
        let (dic, taken) = Dic::new(&matrix(2.0), 1.0).unwrap();
        assert_eq!((taken, dic.pivots.as_slice()), (None, &[1.0; 3][..]));
        let negative = Csr::from_triplets(1, 1, &[(0, 0, -1.0)]).unwrap();
        assert!(Dic::new(&negative, 0.97).unwrap_err().to_string().contains("not definite"));
    }
}
