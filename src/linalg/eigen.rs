//! The smallest eigenpairs of sparse symmetric matrices, by block Lanczos on the inverse.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par, Side};
use rand::RngExt;

use super::dense::Dense;
use super::vector::{axpy, dot, norm2};
use super::{Csr, SplitOperator};
use crate::error::{Error, Result};
use crate::rng::{Purpose, stream};

/// Some eigenpairs A v = λ v, ‖v‖₂ = 1, by rising |λ|.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpairs {
    /// λ.
    pub values: Vec<f64>,
    /// Orthonormal; the largest entry of each is positive.
    pub vectors: Vec<Vec<f64>>,
    /// ‖A v − λ v‖₂ of each.
    pub residuals: Vec<f64>,
}

/// Vectors a block: eigenvalues of up to this multiplicity are found together (a square has pairs).
const BLOCK: usize = 2;

/// Blocks between two looks at what has converged.
const LOOK: usize = 3;

/// Residuals to reach, relative to |λ|; where rounding in A v forbids it, [`FLOOR`] decides.
const TOLERANCE: f64 = 1e-10;

/// Multiple of the unit roundoff times ‖A‖ that residuals cannot go below.
const FLOOR: f64 = 100.0;

/// Basis vectors that memory is set aside for.
const CAPACITY: usize = 64;

/// Size of the random part of a first block that is mixed of given vectors.
const START_NOISE: f64 = 1e-2;

/// Up to this size all eigenpairs are computed densely.
const DENSE: usize = 128;

/// The k eigenpairs of smallest |λ| of a symmetric A, `solve` being X ← A⁻¹ X for some columns, one after the other.
///
/// Block Lanczos with full reorthogonalisation on A⁻¹ from random vectors of a fixed stream: the same bits every time.
/// Vectors `start` (n×j) that span something near the wanted space spare some steps: the first block is mixed of them.
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

/// About ‖C‖₂ of a symmetric C, by a few steps of the power method.
fn largest(n: usize, apply: &dyn Fn(&[f64], &mut [f64])) -> f64 {
    let mut x: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let mut y = vec![0.0; n];
    let mut norm = 0.0;
    for _ in 0..8 {
        let size = norm2(&x);
        x.iter_mut().for_each(|v| *v /= size);
        apply(&x, &mut y);
        norm = norm2(&y);
        std::mem::swap(&mut x, &mut y);
    }
    norm
}

/// A symmetric matrix by its products.
struct Operator<'a> {
    n: usize,
    /// About its size, for rounding.
    norm: f64,
    apply: &'a dyn Fn(&[f64], &mut [f64]),
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
                if pairs.residuals.iter().zip(&pairs.values).all(good) {
                    return Ok(pairs);
                }
                if last {
                    return Err(Error::Numeric(format!(
                        "{k} smallest eigenpairs: not converged in a space of {size}, residual {:.1e}",
                        pairs.residuals.iter().copied().fold(0.0, f64::max)
                    )));
                }
            }
        }
    }
}

fn infinity_norm(a: &Csr) -> f64 {
    let row = |i: usize| a.row(i).1.iter().map(|v| v.abs()).sum::<f64>();
    (0..a.nrows()).map(row).fold(0.0, f64::max)
}

/// Eigenvalues and, as columns, eigenvectors of a symmetric matrix (n×n, its lower triangle is read), rising.
///
/// # Errors
/// [`Error::Numeric`] if the iteration fails.
pub fn decompose(m: &Dense) -> Result<(Vec<f64>, Dense)> {
    let failed = |_| Error::Numeric("symmetric eigenvalue iteration failed".into());
    let all = m.self_adjoint_eigen(Side::Lower).map_err(failed)?;
    let values = all.S().column_vector().iter().copied().collect();
    Ok((values, all.U().to_owned()))
}

fn by_dense(a: &Operator, k: usize) -> Result<Eigenpairs> {
    let (mut unit, mut image) = (vec![0.0; a.n], vec![0.0; a.n]);
    let mut all = Dense::zeros(a.n, a.n);
    for j in 0..a.n {
        unit[j] = 1.0;
        (a.apply)(&unit, &mut image);
        unit[j] = 0.0;
        (0..a.n).for_each(|i| all[(i, j)] = image[i]);
    }
    let (values, vectors) = decompose(&all)?;
    let column = |c: usize| (0..a.n).map(|i| vectors[(i, c)]).collect();
    finish(a, k, (0..values.len()).map(|c| (values[c], column(c))).collect())
}

/// Unit length, the largest entry positive.
fn normalize(v: &mut [f64]) {
    let largest = v.iter().fold(0.0f64, |m, x| if x.abs() > m.abs() { *x } else { m });
    let scale = largest.signum() / norm2(v);
    v.iter_mut().for_each(|x| *x *= scale);
}

/// The k of smallest |λ|, signs fixed, residuals computed.
fn finish(a: &Operator, k: usize, mut pairs: Vec<(f64, Vec<f64>)>) -> Result<Eigenpairs> {
    pairs.sort_by(|p, q| p.0.abs().total_cmp(&q.0.abs()));
    pairs.truncate(k);
    let mut out =
        Eigenpairs { values: Vec::with_capacity(k), vectors: Vec::with_capacity(k), residuals: Vec::with_capacity(k) };
    for (value, mut v) in pairs {
        normalize(&mut v);
        let mut r = vec![0.0; v.len()];
        (a.apply)(&v, &mut r);
        axpy(-value, &v, &mut r);
        out.residuals.push(norm2(&r));
        out.values.push(value);
        out.vectors.push(v);
    }
    Ok(out)
}

/// C ← α A B + C or α A B, on one thread: samples are what runs side by side.
fn gemm(c: MatMut<f64>, accum: Accum, a: MatRef<f64>, b: MatRef<f64>, alpha: f64) {
    matmul(c, accum, a, b, alpha, Par::Seq);
}

/// An orthonormal basis of a block Krylov space of A⁻¹ and the projection of A⁻¹ onto it.
struct Krylov {
    n: usize,
    /// Basis vectors, one after the other.
    basis: Vec<f64>,
    /// Column j: qᵢᵀ A⁻¹ q_j for i up to the end of the block after j's.
    projected: Vec<Vec<f64>>,
    rng: rand_chacha::ChaCha8Rng,
}

/// Approximations in a Krylov space, without their vectors.
struct Ritz {
    /// About λ.
    values: Vec<f64>,
    /// ‖A v − λ v‖₂ of each in exact arithmetic.
    estimates: Vec<f64>,
    /// Coefficients of the vectors in the basis (size × k).
    coefficients: Dense,
}

impl Krylov {
    fn start(n: usize, start: Option<&Dense>) -> Self {
        let rng = stream(0, Purpose::Measure, n as u64);
        let mut krylov = Krylov { n, basis: Vec::with_capacity(n * CAPACITY), projected: Vec::new(), rng };
        let mut block = Dense::zeros(n, BLOCK);
        for j in 0..BLOCK {
            let v = krylov.random();
            (0..n).for_each(|i| block[(i, j)] = v[i]);
        }
        if let Some(start) = start {
            // Random vectors stay in it: what the start is orthogonal to would never be found.
            let mix = Dense::from_fn(start.ncols(), BLOCK, |_, _| krylov.rng.random_range(-1.0..1.0));
            let scale = START_NOISE * (start * &mix).norm_l2() / block.norm_l2();
            gemm(block.as_mut(), Accum::Replace, start.as_ref(), mix.as_ref(), 1.0);
            for j in 0..BLOCK {
                let v = krylov.random();
                (0..n).for_each(|i| block[(i, j)] += scale * v[i]);
            }
        }
        krylov.push(block);
        krylov
    }

    fn random(&mut self) -> Vec<f64> {
        (0..self.n).map(|_| self.rng.random_range(-1.0..1.0)).collect()
    }

    /// Basis vectors.
    fn len(&self) -> usize {
        self.basis.len() / self.n
    }

    /// Those whose images under A⁻¹ are known.
    fn done(&self) -> usize {
        self.projected.len()
    }

    /// The vectors from `first` to `end`.
    fn vectors(&self, first: usize, end: usize) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.basis[first * self.n..end * self.n], self.n, end - first)
    }

    /// Takes the part in the basis out of the columns of z; returns what it was (basis × columns).
    fn orthogonalise(&self, mut z: MatMut<f64>) -> Dense {
        let size = self.len();
        let mut all = Dense::zeros(size, z.ncols());
        // An image under A⁻¹ lies in the last two blocks but for what is new; what rounding left of that, and of the
        // others, goes in a second pass.
        let mut first = size.saturating_sub(2 * BLOCK);
        for _ in 0..4 {
            let before: Vec<f64> = z.as_ref().col_iter().map(|c| c.norm_l2()).collect();
            let q = self.vectors(first, size);
            for j in 0..z.ncols() {
                let mut part = Dense::zeros(size - first, 1);
                gemm(part.as_mut(), Accum::Replace, q.transpose(), z.as_ref().subcols(j, 1), 1.0);
                gemm(z.as_mut().subcols_mut(j, 1), Accum::Add, q, part.as_ref(), -1.0);
                (first..size).for_each(|i| all[(i, j)] += part[(i - first, 0)]);
            }
            let kept = |(c, before): (faer::ColRef<f64>, &f64)| c.norm_l2() > 0.5 * before;
            if first == 0 && z.as_ref().col_iter().zip(&before).all(kept) {
                break;
            }
            first = 0;
        }
        all
    }

    /// Orthogonalises the columns of z against the basis and each other and adds them; one that has nothing new is
    /// replaced by a random one. Returns the coefficients of the columns in what is then the basis.
    fn push(&mut self, mut z: Dense) -> Vec<Vec<f64>> {
        let sizes: Vec<f64> = z.col_iter().map(|c| c.norm_l2()).collect();
        let known = self.orthogonalise(z.as_mut());
        let (first, count) = (self.len(), z.ncols());
        let of_new = || std::iter::repeat_n(0.0, count);
        let mut coefficients: Vec<Vec<f64>> =
            known.col_iter().map(|c| c.iter().copied().chain(of_new()).collect()).collect();
        for (j, mut whole) in sizes.into_iter().enumerate() {
            let mut v: Vec<f64> = z.col(j).iter().copied().collect();
            let mut own = Some(&mut coefficients[j]);
            loop {
                let before = norm2(&v);
                self.clean(&mut v, first, own.as_deref_mut());
                // Where little is left, rounding has brought the others back.
                if own.is_none() || norm2(&v) < 0.1 * before {
                    self.clean(&mut v, 0, own.as_deref_mut());
                }
                let after = norm2(&v);
                if after > 1e-12 * whole && after > 0.0 {
                    v.iter_mut().for_each(|x| *x /= after);
                    if let Some(own) = own {
                        own[first + j] = after;
                    }
                    self.basis.extend(v);
                    break;
                }
                own = None;
                v = self.random();
                whole = norm2(&v);
            }
        }
        coefficients
    }

    /// Takes the part in the basis from `first` on out of v, twice, and adds it to the coefficients.
    fn clean(&self, v: &mut [f64], first: usize, mut coefficients: Option<&mut Vec<f64>>) {
        for _ in 0..2 {
            for (at, q) in self.basis.chunks_exact(self.n).enumerate().skip(first) {
                let part = dot(q, v);
                axpy(-part, q, v);
                if let Some(c) = coefficients.as_deref_mut() {
                    c[at] += part;
                }
            }
        }
    }

    /// Applies A⁻¹ to the last block and takes in what is new.
    fn extend(&mut self, solve: &dyn Fn(&mut [f64]) -> Result<()>) -> Result<()> {
        let mut images = self.basis[self.done() * self.n..].to_vec();
        solve(&mut images)?;
        let images = MatRef::from_column_major_slice(&images, self.n, BLOCK).to_owned();
        let coefficients = self.push(images);
        self.projected.extend(coefficients);
        Ok(())
    }

    /// The k best approximations and how good they are: with A⁻¹ y = θ y + Q_new t for a Ritz vector y, Q_new the last
    /// block, A y − y/θ = −A Q_new t/θ.
    fn ritz(&self, a: &Operator, k: usize) -> Result<Ritz> {
        let size = self.done();
        let h = Dense::from_fn(size, size, |i, j| {
            // Both halves are known but for rounding; the lower triangle is read.
            let (i, j) = (i.min(j), i.max(j));
            self.projected[j][i]
        });
        let (values, vectors) = decompose(&h)?;
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_by(|&p, &q| values[q].abs().total_cmp(&values[p].abs()));
        order.truncate(k);
        let coefficients = Dense::from_fn(size, order.len(), |i, j| vectors[(i, order[j])]);
        let mut images = Dense::zeros(self.n, BLOCK);
        for j in 0..BLOCK {
            let mut image = vec![0.0; self.n];
            (a.apply)(&self.basis[(size + j) * self.n..(size + j + 1) * self.n], &mut image);
            (0..self.n).for_each(|i| images[(i, j)] = image[i]);
        }
        let gram = images.transpose() * &images;
        let estimate = |(j, &c): (usize, &usize)| {
            let t: Vec<f64> = (0..BLOCK)
                .map(|b| {
                    let of_block = size - BLOCK..size;
                    of_block.map(|i| self.projected[i][size + b] * coefficients[(i, j)]).sum()
                })
                .collect();
            let square: f64 = (0..BLOCK).map(|p| (0..BLOCK).map(|q| t[p] * gram[(p, q)] * t[q]).sum::<f64>()).sum();
            square.max(0.0).sqrt() / values[c].abs()
        };
        let estimates = order.iter().enumerate().map(estimate).collect();
        let values = order.iter().map(|&c| 1.0 / values[c]).collect();
        Ok(Ritz { values, estimates, coefficients })
    }

    /// The vectors of approximations.
    fn pairs(&self, a: &Operator, ritz: &Ritz) -> Result<Eigenpairs> {
        let (size, k) = (ritz.coefficients.nrows(), ritz.coefficients.ncols());
        let mut vectors = Dense::zeros(self.n, k);
        gemm(vectors.as_mut(), Accum::Replace, self.vectors(0, size), ritz.coefficients.as_ref(), 1.0);
        let pair = |j: usize| {
            let v: Vec<f64> = vectors.col(j).iter().copied().collect();
            // The Rayleigh quotient of A: more accurate than 1/θ.
            let mut av = vec![0.0; self.n];
            (a.apply)(&v, &mut av);
            (dot(&v, &av) / dot(&v, &v), v)
        };
        finish(a, k, (0..k).map(pair).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Cholesky;
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
