//! [`CoarseSpace`]: slow modes set up for one matrix, for deflation, recycling and two-level preconditioners.

use faer::linalg::solvers::{Llt, PartialPivLu, SolveCore};
use faer::{Conj, MatMut, Side};

use super::dense::{self, Dense};
use super::space::{Space, orthonormal};
use super::{Cholesky, Csr, LinOp, vector};
use crate::error::{Error, Result};

/// How the columns of a given global space become those of W; columns of local support stay as they are.
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
enum Factor {
    Cholesky(Llt<f64>),
    Sparse(Cholesky),
    Lu(PartialPivLu<f64>),
}

/// n×k numbers by rows, so that every pass over them runs along memory.
enum Table {
    Dense(Vec<f64>),
    Sparse(Csr),
}

impl Table {
    fn nnz(&self) -> usize {
        match self {
            Table::Dense(t) => t.len(),
            Table::Sparse(t) => t.nnz(),
        }
    }

    /// c ← c + Tᵀ v.
    fn add_transposed(&self, v: &[f64], c: &mut [f64]) {
        match self {
            Table::Dense(t) => {
                for (row, &v) in t.chunks_exact(c.len().max(1)).zip(v) {
                    for (c, t) in c.iter_mut().zip(row) {
                        *c += t * v;
                    }
                }
            }
            Table::Sparse(t) => {
                for (i, &v) in v.iter().enumerate() {
                    let (columns, values) = t.row(i);
                    columns.iter().zip(values).for_each(|(&j, t)| c[j as usize] += t * v);
                }
            }
        }
    }

    /// v ← v + α T c.
    fn add(&self, alpha: f64, c: &[f64], v: &mut [f64]) {
        match self {
            Table::Dense(t) => {
                for (v, row) in v.iter_mut().zip(t.chunks_exact(c.len().max(1))) {
                    *v += alpha * vector::dot(row, c);
                }
            }
            Table::Sparse(t) => {
                for (i, v) in v.iter_mut().enumerate() {
                    let (columns, values) = t.row(i);
                    *v += alpha * columns.iter().zip(values).map(|(&j, t)| t * c[j as usize]).sum::<f64>();
                }
            }
        }
    }

    /// Its k columns.
    fn columns(&self, k: usize) -> Vec<Vec<f64>> {
        match self {
            Table::Dense(t) => (0..k).map(|j| t.iter().skip(j).step_by(k).copied().collect()).collect(),
            Table::Sparse(t) => {
                // Their columns are the rows of the transpose.
                let (t, n) = (t.transpose(), t.nrows());
                let column = |j: usize| {
                    let (rows, values) = t.row(j);
                    let mut column = vec![0.0; n];
                    rows.iter().zip(values).for_each(|(&i, &v)| column[i as usize] = v);
                    column
                };
                (0..k).map(column).collect()
            }
        }
    }
}

/// Columns of local support up to which E is made dense for an LU factorisation.
const MOST: usize = 2048;

/// W (n×k), A W and, where asked for, the factor of E = Wᵀ A W, for one matrix A. Memory: 2 k n-vectors, or what the
/// columns of local support and their images store.
pub struct CoarseSpace {
    n: usize,
    k: usize,
    w: Table,
    aw: Table,
    factor: Option<Factor>,
}

impl CoarseSpace {
    /// Sets the span of the columns of `space` (n×j) up for A (n×n): j products with A, and with a factor j²/2 inner
    /// products; of local support two sparse products.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the space has a row per row of A; [`Error::Numeric`] if a column to orthonormalise is
    /// not finite, or E is to have a Cholesky factor and is not positive definite; [`Error::Argument`] for columns of
    /// local support where A has no stored rows, or has to have an LU factor of more than 2048 of them.
    pub fn new(a: &dyn LinOp, space: &Space, columns: Columns, factor: CoarseFactor) -> Result<Self> {
        let n = a.shape().0;
        if space.nrows() != n {
            return Err(Error::shape("rows of the coarse space", n, space.nrows()));
        }
        match space {
            Space::Global(w) => Self::global(a, w, columns, factor),
            // For methods that want an orthonormal W.
            Space::Local(w) if factor == CoarseFactor::None => Self::global(a, &dense::from_csr(w), columns, factor),
            Space::Local(w) => Self::local(a, w, factor),
        }
    }

    fn global(a: &dyn LinOp, space: &Dense, columns: Columns, factor: CoarseFactor) -> Result<Self> {
        let n = a.shape().0;
        // Two orders of one sum: iteration counts of `cg` with a space and of `sine` were published with these bits.
        type Product = fn(&[f64], &[f64]) -> f64;
        let given = (0..space.ncols()).map(|j| column(space, j));
        let (columns, product): (_, Product) = match columns {
            Columns::Orthonormal => (orthonormal(given, 1e-12)?, vector::dot),
            Columns::Unit => (unit(given), |w, aw| w.iter().zip(aw).fold(0.0, |sum, (w, aw)| sum + w * aw)),
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
            CoarseFactor::Cholesky => Some(Factor::Cholesky(e.llt(Side::Lower).map_err(|_| indefinite())?)),
            CoarseFactor::Lu => Some(Factor::Lu(e.partial_piv_lu())),
        };
        Ok(CoarseSpace { n, k, w: Table::Dense(w), aw: Table::Dense(aw), factor })
    }

    fn local(a: &dyn LinOp, w: &Csr, factor: CoarseFactor) -> Result<Self> {
        let (n, k) = (w.nrows(), w.ncols());
        let aw = Csr::product(a, w)?;
        let e = w.transpose().matmul(&aw)?;
        let factor = match factor {
            CoarseFactor::None => None,
            CoarseFactor::Cholesky => Some(Factor::Sparse(Cholesky::new(&e).map_err(|_| indefinite())?)),
            CoarseFactor::Lu if k > MOST => {
                return Err(Error::Argument(format!(
                    "a space of {k} columns of local support: an indefinite A takes at most {MOST}"
                )));
            }
            CoarseFactor::Lu => Some(Factor::Lu(dense::from_csr(&e).partial_piv_lu())),
        };
        Ok(CoarseSpace { n, k, w: Table::Sparse(w.clone()), aw: Table::Sparse(aw), factor })
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
        self.w.nnz() + self.aw.nnz()
    }

    /// The columns of W and those of A W (k vectors of n).
    pub fn columns(&self) -> [Vec<Vec<f64>>; 2] {
        [&self.w, &self.aw].map(|t| t.columns(self.k))
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
        self.w.add(alpha, c, v);
    }

    /// v ← v − A W c.
    pub fn subtract_image(&self, c: &[f64], v: &mut [f64]) {
        self.aw.add(-1.0, c, v);
    }

    /// c ← E⁻¹ Tᵀ v for T = W or A W.
    fn coefficients(&self, t: &Table, v: &[f64], c: &mut [f64]) {
        c.fill(0.0);
        t.add_transposed(v, c);
        let Some(factor) = self.factor.as_ref().filter(|_| self.k > 0) else {
            return;
        };
        let column = |c| MatMut::from_column_major_slice_mut(c, self.k, 1);
        match factor {
            Factor::Cholesky(factor) => factor.solve_in_place_with_conj(Conj::No, column(c)),
            Factor::Lu(factor) => factor.solve_in_place_with_conj(Conj::No, column(c)),
            Factor::Sparse(factor) => factor.solve_in_place(c),
        }
    }
}

fn indefinite() -> Error {
    Error::Numeric("the coarse matrix Wᵀ A W is not positive definite: A is not, or columns are dependent".into())
}

fn column(space: &Dense, j: usize) -> Vec<f64> {
    (0..space.nrows()).map(|i| space[(i, j)]).collect()
}

fn unit(columns: impl Iterator<Item = Vec<f64>>) -> Vec<Vec<f64>> {
    let scaled = |mut v: Vec<f64>| {
        let size = vector::norm2(&v);
        vector::scale(1.0 / size, &mut v);
        v
    };
    columns.map(scaled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{Partition, Props};

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
            let coarse = CoarseSpace::new(&a, &space.clone().into(), columns, CoarseFactor::Cholesky).unwrap();
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
        let new = |columns, factor| CoarseSpace::new(&a, &twice.clone().into(), columns, factor);
        assert_eq!(new(Columns::Orthonormal, CoarseFactor::Cholesky).unwrap().dim(), 1);
        let refused = new(Columns::Unit, CoarseFactor::Cholesky);
        assert!(matches!(refused, Err(Error::Numeric(_))));
        // Without a factor there is nothing to break down, not even on an indefinite A.
        let plain = new(Columns::Unit, CoarseFactor::None).unwrap();
        assert!(plain.dim() == 2 && !plain.is_factorized());
        let minus = Csr::from_triplets(1, 1, &[(0, 0, -1.0)]).unwrap();
        let minus = minus.promised(Props::SYMMETRIC);
        let one = Dense::from_fn(1, 1, |_, _| 2.0);
        let space = CoarseSpace::new(&minus, &one.into(), Columns::Orthonormal, CoarseFactor::None).unwrap();
        assert_eq!(space.columns(), [vec![vec![1.0]], vec![vec![-1.0]]]);
        let mut c = [0.0];
        space.project(&[3.0], &mut c);
        assert_eq!(c, [-3.0]);
    }

    #[test]
    fn local_columns_give_what_the_same_columns_give_everywhere() {
        let n = 12;
        let a = matrix(n);
        let at: Vec<[f64; 2]> = (0..n).map(|i| [(i as f64 + 0.5) / n as f64, 0.5]).collect();
        let local = Partition::flat_top(&at, 3)
            .unwrap()
            .times(&Dense::from_fn(n, 2, |i, j| (i as f64).powi(j as i32)))
            .unwrap();
        let everywhere = Space::Global(local.to_dense());
        let (v, mut found) = ((0..n).map(|i| (i as f64).sin()).collect::<Vec<_>>(), Vec::new());
        for space in [&local, &everywhere] {
            for factor in [CoarseFactor::Cholesky, CoarseFactor::Lu] {
                let coarse = CoarseSpace::new(&a, space, Columns::Unit, factor).unwrap();
                let (mut c, mut left) = (vec![0.0; coarse.dim()], v.clone());
                coarse.project(&v, &mut c);
                coarse.prolong(-1.0, &c, &mut left);
                coarse.restrict(&v, &mut c);
                coarse.subtract_image(&c, &mut left);
                found.push((left, coarse.columns()));
            }
        }
        for (left, columns) in &found {
            assert!(left.iter().zip(&found[0].0).all(|(x, y)| (x - y).abs() < 1e-12));
            let flat = |c: &[Vec<Vec<f64>>; 2]| c.iter().flatten().flatten().copied().collect::<Vec<f64>>();
            assert!(flat(columns).iter().zip(flat(&found[0].1)).all(|(x, y)| (x - y).abs() < 1e-13));
        }
    }
}
