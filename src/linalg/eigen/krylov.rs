//! Block Krylov spaces of the inverse of a symmetric matrix.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand::RngExt;

use super::operator::{Eigenpairs, Operator, decompose, finish};
use crate::error::Result;
use crate::linalg::dense::Dense;
use crate::linalg::vector::{axpy, dot, norm2};
use crate::rng::{Purpose, stream};

/// Vectors a block: eigenvalues of up to this multiplicity are found together (a square has pairs).
pub(super) const BLOCK: usize = 2;

/// Basis vectors that memory is set aside for.
const CAPACITY: usize = 64;

/// Size of the random part of a first block that is mixed of given vectors.
const START_NOISE: f64 = 1e-2;

/// C ← α A B + C or α A B, on one thread: samples are what runs side by side.
fn gemm(c: MatMut<f64>, accum: Accum, a: MatRef<f64>, b: MatRef<f64>, alpha: f64) {
    matmul(c, accum, a, b, alpha, Par::Seq);
}

/// An orthonormal basis of a block Krylov space of A⁻¹ and the projection of A⁻¹ onto it.
pub(super) struct Krylov {
    n: usize,
    /// Basis vectors, one after the other.
    basis: Vec<f64>,
    /// Column j: qᵢᵀ A⁻¹ q_j for i up to the end of the block after j's.
    projected: Vec<Vec<f64>>,
    rng: rand_chacha::ChaCha8Rng,
}

/// Approximations in a Krylov space, without their vectors.
pub(super) struct Ritz {
    /// About λ.
    pub(super) values: Vec<f64>,
    /// ‖A v − λ v‖₂ of each in exact arithmetic.
    pub(super) estimates: Vec<f64>,
    /// Coefficients of the vectors in the basis (size × k).
    coefficients: Dense,
}

impl Krylov {
    pub(super) fn start(n: usize, start: Option<&Dense>) -> Self {
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
    pub(super) fn done(&self) -> usize {
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
    pub(super) fn extend(&mut self, solve: &dyn Fn(&mut [f64]) -> Result<()>) -> Result<()> {
        let mut images = self.basis[self.done() * self.n..].to_vec();
        solve(&mut images)?;
        let images = MatRef::from_column_major_slice(&images, self.n, BLOCK).to_owned();
        let coefficients = self.push(images);
        self.projected.extend(coefficients);
        Ok(())
    }

    /// The k best approximations and how good they are: with A⁻¹ y = θ y + Q_new t for a Ritz vector y, Q_new the last
    /// block, A y − y/θ = −A Q_new t/θ.
    pub(super) fn ritz(&self, a: &Operator, k: usize) -> Result<Ritz> {
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
    pub(super) fn pairs(&self, a: &Operator, ritz: &Ritz) -> Result<Eigenpairs> {
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
