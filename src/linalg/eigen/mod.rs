//! The smallest eigenpairs of sparse symmetric matrices, by block Lanczos on the inverse.

mod krylov;
mod operator;

use super::dense::Dense;
use super::vector::{axpy, dot};
use super::{Csr, SplitOperator};
use crate::error::{Error, Result};
use krylov::{BLOCK, Krylov};
use operator::{Operator, by_dense, finish, infinity_norm, largest, normalize};

pub use operator::{Eigenpairs, decompose};

/// Blocks between two looks at what has converged.
const LOOK: usize = 3;

/// Residuals to reach, relative to |λ|; where rounding in A v forbids it, [`FLOOR`] decides.
const TOLERANCE: f64 = 1e-10;

/// Multiple of the unit roundoff times ‖A‖ that residuals cannot go below.
const FLOOR: f64 = 100.0;

/// Residuals relative to ‖A‖ that have to do where the largest space gives no better ones.
const ENOUGH: f64 = 1e-12;

/// Eigenvalues below this part of the largest one wanted dominate what A⁻¹ gives.
const DOMINANT: f64 = 0.05;

/// Up to this size all eigenpairs are computed densely.
const DENSE: usize = 128;

/// The k eigenpairs of smallest |λ| of a symmetric A, `solve` being X ← A⁻¹ X for some columns, one after the other.
///
/// Block Lanczos with full reorthogonalisation on A⁻¹ from random vectors of a fixed stream: the same bits every time.
/// Vectors `start` (n×j) that span something near the wanted space spare some steps: the first block is mixed of them.
/// Of a nearly singular A (down to some 1e-9 ‖A‖) the dominating pairs are found first, the others in what is
/// orthogonal to them.
/// Reference: Golub & Underwood (1977), doi:10.1016/B978-0-12-587260-7.50018-2.
///
/// # Errors
/// [`Error::Argument`] unless 1 ≤ k ≤ n, [`Error::Numeric`] if they do not converge; what `solve` fails with.
pub fn smallest(
    a: &Csr,
    k: usize,
    start: Option<&Dense>,
    solve: &dyn Fn(&mut [f64]) -> Result<()>,
) -> Result<Eigenpairs> {
    let operator = Operator { n: a.nrows(), norm: infinity_norm(a), apply: &|x, y| a.spmv(x, y) };
    operator.smallest(k, start, solve)
}

/// The k eigenpairs M A v = λ v of smallest λ, A and M = L⁻ᵀ L⁻¹ symmetric positive definite, `solve` being X ← A⁻¹ X:
/// as [`smallest`] for L⁻¹ A L⁻ᵀ. The vectors are of unit length and M⁻¹-orthogonal; the residuals are those of
/// L⁻¹ A L⁻ᵀ.
///
/// # Errors
/// As [`smallest`] and [`SplitOperator::new`].
pub fn smallest_preconditioned(
    a: &Csr,
    l: &Csr,
    k: usize,
    start: Option<&Dense>,
    solve: &dyn Fn(&mut [f64]) -> Result<()>,
) -> Result<Eigenpairs> {
    let split = SplitOperator::new(a, l)?;
    let apply = |x: &[f64], y: &mut [f64]| split.apply(x, y);
    let operator = Operator { n: a.nrows(), norm: largest(a.nrows(), &apply), apply: &apply };
    let start = start.map(|v| {
        let mut u = v.clone();
        for j in 0..u.ncols() {
            let mut column: Vec<f64> = u.col(j).iter().copied().collect();
            split.multiply_transposed(&mut column);
            (0..column.len()).for_each(|i| u[(i, j)] = column[i]);
        }
        u
    });
    let mut pairs = operator.smallest(k, start.as_ref(), &|x| split.solve(x, solve))?;
    for v in &mut pairs.vectors {
        split.solve_transposed(v);
        normalize(v);
    }
    Ok(pairs)
}

impl Operator<'_> {
    fn smallest(
        &self,
        k: usize,
        start: Option<&Dense>,
        solve: &dyn Fn(&mut [f64]) -> Result<()>,
    ) -> Result<Eigenpairs> {
        let n = self.n;
        if k == 0 || k > n {
            return Err(Error::Argument(format!("{k} eigenpairs of a matrix of {n} rows: must be from 1 to {n}")));
        }
        if n <= DENSE.max(3 * k) {
            return by_dense(self, k);
        }
        if let Some(start) = start.filter(|s| s.nrows() != n) {
            return Err(Error::shape("rows of vectors to start from", n, start.nrows()));
        }
        let (found, converged) = self.search(k, start, solve)?;
        if converged {
            return Ok(found);
        }
        // Images under the inverse of a nearly singular A are dominated by a few directions and lose digits in the
        // others: those are found without them.
        let largest = found.values.last().map_or(0.0, |l| l.abs());
        let dominant = |j: &usize| found.values[*j].abs() < DOMINANT * largest && self.enough(found.residuals[*j]);
        let kept: Vec<usize> = (0..k).filter(dominant).collect();
        let mut pairs = found;
        if !kept.is_empty() && kept.len() < k {
            let locked = kept.iter().map(|&j| pairs.vectors[j].clone()).collect::<Vec<_>>();
            let project = |x: &mut [f64]| {
                for x in x.chunks_exact_mut(n) {
                    locked.iter().for_each(|v| axpy(-dot(v, x), v, x));
                }
            };
            let beside = |x: &mut [f64]| {
                project(x);
                solve(x)?;
                project(x);
                Ok(())
            };
            let (others, _) = self.search(k - kept.len(), None, &beside)?;
            let first = kept.iter().map(|&j| pairs.values[j]).zip(locked.iter().cloned());
            pairs = finish(self, k, first.chain(others.values.into_iter().zip(others.vectors)).collect())?;
        }
        let worst = pairs.residuals.iter().copied().fold(0.0, f64::max);
        match self.enough(worst) {
            true => Ok(pairs),
            false => Err(Error::Numeric(format!("{k} smallest eigenpairs: not converged, residual {worst:.1e}"))),
        }
    }

    /// Whether a residual has to do where no larger space gives a better one.
    fn enough(&self, residual: f64) -> bool {
        residual <= ENOUGH * self.norm
    }

    /// The k pairs in the first space that holds all of them well, or in the largest; and whether it does.
    fn search(
        &self,
        k: usize,
        start: Option<&Dense>,
        solve: &dyn Fn(&mut [f64]) -> Result<()>,
    ) -> Result<(Eigenpairs, bool)> {
        let n = self.n;
        let mut krylov = Krylov::start(n, start);
        // More than n vectors are not orthogonal.
        let most = (n - 2 * BLOCK).min(20 * k + 200);
        let good = |(r, l): (&f64, &f64)| *r <= (TOLERANCE * l.abs()).max(FLOOR * f64::EPSILON * self.norm);
        loop {
            krylov.extend(solve)?;
            let size = krylov.done();
            let last = size + BLOCK > most;
            // The projected problem costs more than a block: not after each.
            if !last && (size < k + k / 2 + BLOCK || !(size / BLOCK).is_multiple_of(LOOK)) {
                continue;
            }
            let ritz = krylov.ritz(self, k)?;
            // Vectors are made once their residuals, which need none, say so.
            if last || ritz.estimates.iter().zip(&ritz.values).all(good) {
                let pairs = krylov.pairs(self, &ritz)?;
                let converged = pairs.residuals.iter().zip(&pairs.values).all(good);
                if last || converged {
                    return Ok((pairs, converged));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::vector::norm2;
    use crate::linalg::{Cholesky, SymbolicLdlt};
    use std::f64::consts::PI;

    /// The 5-point Laplacian of an m × m grid, plus shift.
    fn laplacian(m: usize, shift: f64) -> Csr {
        let mut entries = Vec::new();
        for k in 0..m * m {
            entries.push((k, k, 4.0 + shift));
            if k % m + 1 < m {
                entries.extend([(k, k + 1, -1.0), (k + 1, k, -1.0)]);
            }
            if k + m < m * m {
                entries.extend([(k, k + m, -1.0), (k + m, k, -1.0)]);
            }
        }
        Csr::from_triplets(m * m, m * m, &entries).unwrap()
    }

    fn check(m: usize, k: usize) -> Eigenpairs {
        let a = laplacian(m, 0.0);
        let factor = Cholesky::new(&a).unwrap();
        let solve = |x: &mut [f64]| {
            factor.solve_columns_in_place(x);
            Ok(())
        };
        let found = smallest(&a, k, None, &solve).unwrap();
        let wave = |j: usize| 2.0 - 2.0 * (PI * j as f64 / (m + 1) as f64).cos();
        let mut exact: Vec<f64> = (1..=m).flat_map(|i| (1..=m).map(move |j| wave(i) + wave(j))).collect();
        exact.sort_by(f64::total_cmp);
        for (f, e) in found.values.iter().zip(&exact) {
            assert!((f - e).abs() < 1e-11, "{f} for {e}");
        }
        for (i, v) in found.vectors.iter().enumerate() {
            for (j, w) in found.vectors.iter().enumerate() {
                let one = f64::from(u8::from(i == j));
                assert!((dot(v, w) - one).abs() < 1e-10, "{i} {j}");
            }
        }
        found
    }

    #[test]
    fn eigenvalues_of_the_square_with_their_multiplicities() {
        check(8, 7);
        let found = check(30, 20);
        assert!(found.residuals.iter().all(|&r| r < 1e-10));
        assert_eq!(found, check(30, 20));
    }

    #[test]
    fn of_a_nearly_singular_matrix_all_are_found_as_well_as_solves_with_it_allow() {
        let m = 20;
        let wave = |j: usize| 2.0 - 2.0 * (PI * j as f64 / (m + 1) as f64).cos();
        for distance in [1e-4, 1e-6, 1e-8] {
            let shift = distance - 2.0 * wave(2);
            let a = laplacian(m, shift);
            let factor = SymbolicLdlt::new(a.pattern()).unwrap().factorize(&a).unwrap();
            let solve = |x: &mut [f64]| x.chunks_exact_mut(m * m).try_for_each(|x| factor.solve_in_place(x));
            let found = smallest(&a, 12, None, &solve);
            let found = found.unwrap_or_else(|e| panic!("{distance}: {e}"));
            let mut exact: Vec<f64> = (1..=m).flat_map(|i| (1..=m).map(move |j| wave(i) + wave(j) + shift)).collect();
            exact.sort_by(|p, q| p.abs().total_cmp(&q.abs()));
            for (f, e) in found.values.iter().zip(&exact) {
                assert!((f.abs() - e.abs()).abs() < 1e-11, "{distance}: {f} for {e}");
            }
            assert!(found.residuals.iter().all(|&r| r < 1e-11), "{distance}: {:?}", found.residuals);
        }
    }

    #[test]
    fn of_a_preconditioned_matrix_m_a_v_is_lambda_v() {
        // SSOR without relaxation: L = (D + E) D^(-1/2), on both sides of the limit below which all is dense.
        for m in [8, 20] {
            let a = laplacian(m, 0.0);
            let lower = |i: usize| {
                let (columns, values) = a.row(i);
                let below = columns.iter().zip(values).filter(move |(j, _)| **j as usize <= i);
                below.map(move |(&j, v)| (i, j as usize, v / 2.0)).collect::<Vec<_>>()
            };
            let l = Csr::from_triplets(m * m, m * m, &(0..m * m).flat_map(lower).collect::<Vec<_>>()).unwrap();
            let factor = Cholesky::new(&a).unwrap();
            let solve = |x: &mut [f64]| {
                factor.solve_columns_in_place(x);
                Ok(())
            };
            let found = smallest_preconditioned(&a, &l, 5, None, &solve).unwrap();
            for (lambda, v) in found.values.iter().zip(&found.vectors) {
                assert!(*lambda > 0.0 && *lambda < 1.0 && (norm2(v) - 1.0).abs() < 1e-14);
                // A v = λ L Lᵀ v, by products alone.
                let (mut av, mut ltv, mut right) = (vec![0.0; m * m], vec![0.0; m * m], vec![0.0; m * m]);
                a.spmv(v, &mut av);
                for (i, v) in v.iter().enumerate() {
                    let (columns, values) = l.row(i);
                    columns.iter().zip(values).for_each(|(&j, l)| ltv[j as usize] += l * v);
                }
                l.spmv(&ltv, &mut right);
                axpy(-lambda, &right, &mut av);
                assert!(norm2(&av) < 1e-8 * lambda, "{} of {lambda}", norm2(&av));
            }
        }
    }

    #[test]
    fn a_start_changes_the_work_but_not_what_is_found() {
        let (m, k) = (30, 6);
        let a = laplacian(m, 0.0);
        let factor = Cholesky::new(&a).unwrap();
        let solves = std::cell::Cell::new(0);
        let solve = |x: &mut [f64]| {
            solves.set(solves.get() + x.len() / (m * m));
            factor.solve_columns_in_place(x);
            Ok(())
        };
        let plain = smallest(&a, k, None, &solve).unwrap();
        let (first, n) = (solves.take(), m * m);
        let near = Dense::from_fn(n, k, |i, j| plain.vectors[j][i] * (1.0 + 0.1 * (i as f64 / n as f64)));
        let again = smallest(&a, k, Some(&near), &solve).unwrap();
        assert!(solves.get() < first, "{} after {first}", solves.get());
        for (p, q) in plain.values.iter().zip(&again.values) {
            assert!((p - q).abs() < 1e-11);
        }
        // A start that lies in a space which A leaves as it is, orthogonal to half of what is sought.
        let odd = Dense::from_fn(n, 1, |i, _| (2.0 * PI * (i % m + 1) as f64 / (m + 1) as f64).sin());
        let found = smallest(&a, k, Some(&odd), &solve).unwrap();
        for (p, q) in plain.values.iter().zip(&found.values) {
            assert!((p - q).abs() < 1e-11, "{q} for {p}");
        }
        assert!(smallest(&a, k, Some(&Dense::zeros(3, 1)), &solve).is_err());
    }

    #[test]
    fn more_than_there_are_is_refused() {
        let a = laplacian(3, 0.0);
        assert!(smallest(&a, 10, None, &|_| Ok(())).is_err());
        assert!(smallest(&a, 0, None, &|_| Ok(())).is_err());
    }
}
