//! [`CoarseSpace`]: slow modes set up for one matrix, for deflation, recycling and two-level preconditioners.

use faer::linalg::solvers::{Llt, PartialPivLu, SolveCore};
use faer::{Conj, MatMut, Side};

use super::dense::Dense;
use super::{LinOp, vector};
use crate::error::{Error, Result};

/// How the columns of the given space become those of W.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// Gram–Schmidt, applied twice; columns that depend on earlier ones are dropped.
    Orthonormal,
    /// Each scaled to unit length, so that E is as well conditioned as the space allows.
    Unit,
}

/// What is factorised of E = Wᵀ A W.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoarseFactor {
    /// Nothing: for methods that need W and A W alone.
    None,
    /// E = L Lᵀ: A symmetric positive definite.
    Cholesky,
    /// P E = L U: any A.
    Lu,
}

/// A factor of E.
#[derive(Debug, Clone)]
enum Factor {
    Cholesky(Llt<f64>),
    Lu(PartialPivLu<f64>),
}

/// W (n×k), A W and, where asked for, the factor of E = Wᵀ A W, for one matrix A. Memory: 2 k n-vectors.
#[derive(Debug, Clone)]
pub struct CoarseSpace {
    n: usize,
    k: usize,
    /// Row-major n×k, so that both passes over them run along memory.
    w: Vec<f64>,
    aw: Vec<f64>,
    factor: Option<Factor>,
}

impl CoarseSpace {
    /// Sets the span of the columns of `space` (n×j) up for A (n×n): j products with A, and with a factor j²/2 inner
    /// products.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the space has a row per row of A; [`Error::Numeric`] if a column to orthonormalise is
    /// not finite, or E is to have a Cholesky factor and is not positive definite.
    pub fn new(a: &dyn LinOp, space: &Dense, columns: Columns, factor: CoarseFactor) -> Result<Self> {
        let n = a.shape().0;
        if space.nrows() != n {
            return Err(Error::shape("rows of the coarse space", n, space.nrows()));
        }
        // Two orders of one sum: iteration counts of `cg` with a space and of `sine` were published with these bits.
        type Product = fn(&[f64], &[f64]) -> f64;
        let (columns, product): (_, Product) = match columns {
            Columns::Orthonormal => (orthonormal(space)?, vector::dot),
            Columns::Unit => (unit(space), |w, aw| w.iter().zip(aw).fold(0.0, |sum, (w, aw)| sum + w * aw)),
        };
        let k = columns.len();
        let (mut w, mut aw) = (vec![0.0; n * k], vec![0.0; n * k]);
        let mut e = Dense::zeros(k, k);
        let mut image = vec![0.0; n];
        for (j, column) in columns.iter().enumerate() {
            a.apply(column, &mut image);
            for i in 0..n {
                w[i * k + j] = column[i];
                aw[i * k + j] = image[i];
            }
            // Of a symmetric E the lower triangle is all that is read.
            let first = match factor {
                CoarseFactor::None => k,
                CoarseFactor::Cholesky => j,
                CoarseFactor::Lu => 0,
            };
            for (i, other) in columns.iter().enumerate().skip(first) {
                e[(i, j)] = product(other, &image);
            }
        }
        let factor = match factor {
            CoarseFactor::None => None,
            CoarseFactor::Cholesky => Some(Factor::Cholesky(e.llt(Side::Lower).map_err(|_| {
                Error::Numeric(
                    "the coarse matrix Wᵀ A W is not positive definite: A is not, or columns are dependent".into(),
                )
            })?)),
            CoarseFactor::Lu => Some(Factor::Lu(e.partial_piv_lu())),
        };
        Ok(CoarseSpace { n, k, w, aw, factor })
    }

    /// Rows of W.
    pub fn nrows(&self) -> usize {
        self.n
    }

    /// Columns of W.
    pub fn dim(&self) -> usize {
        self.k
    }

    /// Whether E has a factor.
    pub fn is_factorized(&self) -> bool {
        self.factor.is_some()
    }

    /// Numbers stored.
    pub fn nnz(&self) -> usize {
        self.w.len() + self.aw.len()
    }

    /// The columns of W and those of A W (k vectors of n).
    pub fn columns(&self) -> [Vec<Vec<f64>>; 2] {
        [&self.w, &self.aw].map(|t| {
            let column = |j| t.iter().skip(j).step_by(self.k).copied().collect();
            (0..self.k).map(column).collect()
        })
    }

    /// c ← E⁻¹ Wᵀ v, the coefficients of the part of A⁻¹ v in span W; without a factor c ← Wᵀ v.
    pub fn restrict(&self, v: &[f64], c: &mut [f64]) {
        self.coefficients(&self.w, v, c);
    }

    /// c ← E⁻¹ (A W)ᵀ v, the coefficients of the A-orthogonal projection of v onto span W; without a factor
    /// c ← (A W)ᵀ v.
    pub fn project(&self, v: &[f64], c: &mut [f64]) {
        self.coefficients(&self.aw, v, c);
    }

    /// v ← v + α W c.
    pub fn prolong(&self, alpha: f64, c: &[f64], v: &mut [f64]) {
        for (v, row) in v.iter_mut().zip(self.w.chunks_exact(self.k.max(1))) {
            *v += alpha * vector::dot(row, c);
        }
    }

    /// v ← v − A W c.
    pub fn subtract_image(&self, c: &[f64], v: &mut [f64]) {
        for (v, row) in v.iter_mut().zip(self.aw.chunks_exact(self.k.max(1))) {
            *v -= vector::dot(row, c);
        }
    }

    /// c ← E⁻¹ Tᵀ v for T = W or A W.
    fn coefficients(&self, t: &[f64], v: &[f64], c: &mut [f64]) {
        c.fill(0.0);
        for (row, &v) in t.chunks_exact(self.k.max(1)).zip(v) {
            for (c, t) in c.iter_mut().zip(row) {
                *c += t * v;
            }
        }
        if let Some(factor) = self.factor.as_ref().filter(|_| self.k > 0) {
            let c = MatMut::from_column_major_slice_mut(c, self.k, 1);
            match factor {
                Factor::Cholesky(factor) => factor.solve_in_place_with_conj(Conj::No, c),
                Factor::Lu(factor) => factor.solve_in_place_with_conj(Conj::No, c),
            }
        }
    }
}

fn column(space: &Dense, j: usize) -> Vec<f64> {
    (0..space.nrows()).map(|i| space[(i, j)]).collect()
}

fn unit(space: &Dense) -> Vec<Vec<f64>> {
    let scaled = |j| {
        let mut v = column(space, j);
        let size = vector::norm2(&v);
        vector::scale(1.0 / size, &mut v);
        v
    };
    (0..space.ncols()).map(scaled).collect()
}

/// # Errors
/// [`Error::Numeric`] if an entry is not finite.
fn orthonormal(space: &Dense) -> Result<Vec<Vec<f64>>> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(space.ncols());
    for j in 0..space.ncols() {
        let mut v = column(space, j);
        let size = vector::norm2(&v);
        if !size.is_finite() {
            return Err(Error::Numeric(format!("column {j} of the given space is not finite")));
        }
        for _ in 0..2 {
            for u in &basis {
                let along = vector::dot(u, &v);
                vector::axpy(-along, u, &mut v);
            }
        }
        let left = vector::norm2(&v);
        if left > 1e-12 * size {
            vector::scale(1.0 / left, &mut v);
            basis.push(v);
        }
    }
    Ok(basis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Csr, Props};

    /// tridiag(−1, 3, −1).
    fn matrix(n: usize) -> Csr {
        let entry = |i: usize, j: usize| match i.abs_diff(j) {
            0 => 3.0,
            _ => -1.0,
        };
        let near = |i: usize| (i.saturating_sub(1)..(i + 2).min(n)).map(move |j| (i, j, entry(i, j)));
        Csr::from_triplets(n, n, &(0..n).flat_map(near).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_is_solved_on_the_space_leaves_a_residual_orthogonal_to_it() {
        let n = 9;
        let a = matrix(n);
        let space = Dense::from_fn(n, 3, |i, j| ((i + 1) as f64).powi(j as i32));
        let b: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
        for columns in [Columns::Orthonormal, Columns::Unit] {
            let coarse = CoarseSpace::new(&a, &space, columns, CoarseFactor::Cholesky).unwrap();
            let [w, _] = coarse.columns();
            let (mut c, mut x, mut r) = (vec![0.0; 3], vec![0.0; n], b.clone());
            coarse.restrict(&b, &mut c);
            coarse.prolong(1.0, &c, &mut x);
            coarse.subtract_image(&c, &mut r);
            let mut ax = vec![0.0; n];
            a.apply(&x, &mut ax);
            for i in 0..n {
                assert!((b[i] - ax[i] - r[i]).abs() < 1e-13, "b − A x is b − A W c");
            }
            assert!(w.iter().all(|w| vector::dot(w, &r).abs() < 1e-12));
            // Of x, which lies in the space, the projection finds all.
            let mut found = vec![0.0; 3];
            coarse.project(&x, &mut found);
            assert!(c.iter().zip(&found).all(|(c, f)| (c - f).abs() < 1e-11));
        }
    }

    #[test]
    fn dependent_columns_are_dropped_or_refused() {
        let a = matrix(4);
        let twice = Dense::from_fn(4, 2, |i, _| 1.0 + i as f64);
        let new = |columns, factor| CoarseSpace::new(&a, &twice, columns, factor);
        assert_eq!(new(Columns::Orthonormal, CoarseFactor::Cholesky).unwrap().dim(), 1);
        let refused = new(Columns::Unit, CoarseFactor::Cholesky);
        assert!(matches!(refused, Err(Error::Numeric(_))));
        // Without a factor there is nothing to break down, not even on an indefinite A.
        let plain = new(Columns::Unit, CoarseFactor::None).unwrap();
        assert!(plain.dim() == 2 && !plain.is_factorized());
        let minus = Csr::from_triplets(1, 1, &[(0, 0, -1.0)]).unwrap();
        let minus = minus.promised(Props::SYMMETRIC);
        let one = Dense::from_fn(1, 1, |_, _| 2.0);
        let space = CoarseSpace::new(&minus, &one, Columns::Orthonormal, CoarseFactor::None).unwrap();
        assert_eq!(space.columns(), [vec![vec![1.0]], vec![vec![-1.0]]]);
        let mut c = [0.0];
        space.project(&[3.0], &mut c);
        assert_eq!(c, [-3.0]);
    }
}
