//! Sparse LDLᵀ for symmetric indefinite matrices (faer, AMD order, Bunch–Kaufman pivots inside supernodes), its
//! symbolic part reused over matrices of one pattern; the inertia by Sylvester's law.

use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::perm::PermRef;
use faer::sparse::SparseColMatRef;
use faer::sparse::linalg::SupernodalThreshold;
use faer::sparse::linalg::cholesky::supernodal::SupernodalIntranodeLbltRef;
use faer::sparse::linalg::cholesky::{self as faer_cholesky, IntranodeLbltRef, SymbolicCholeskyRaw};
use faer::{Conj, MatMut, Par, Side};

use super::cholesky::{analysed, columns};
use super::refine::{refine, while_halved};
use super::vector::norm_inf;
use super::{Csr, Pattern};
use crate::error::{Error, Result};

/// Largest backward error ‖b − A x‖∞ / (‖A‖_max ‖x‖₁ + ‖b‖∞) taken for a solution after refinement.
const BACKWARD_ERROR: f64 = 1e-10;

/// Steps of iterative refinement at most: pivots are sought in one supernode only, so that some growth is to be undone.
const REFINEMENTS: usize = 4;

/// How many eigenvalues of a symmetric matrix are below, at and above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inertia {
    /// Below zero.
    pub negative: usize,
    /// At zero.
    pub zero: usize,
    /// Above zero.
    pub positive: usize,
}

/// Fill-reducing order and structure of the factor, for all matrices with one pattern.
#[derive(Debug, Clone)]
pub struct SymbolicLdlt {
    pattern: Arc<Pattern>,
    inner: Arc<faer_cholesky::SymbolicCholesky<u32>>,
}

impl SymbolicLdlt {
    /// Analyses a structurally symmetric pattern.
    ///
    /// # Errors
    /// [`Error::Shape`] if it is not square.
    pub fn new(pattern: &Arc<Pattern>) -> Result<Self> {
        // Only the supernodal path has pivots.
        let inner = analysed(pattern, SupernodalThreshold::FORCE_SUPERNODAL)?;
        Ok(SymbolicLdlt { pattern: pattern.clone(), inner })
    }

    /// Factorises a symmetric matrix of this pattern.
    ///
    /// # Errors
    /// [`Error::Shape`] for another pattern, [`Error::Numeric`] if a pivot vanishes or the factor is not finite.
    pub fn factorize(&self, a: &Csr) -> Result<Ldlt> {
        if !Arc::ptr_eq(a.pattern(), &self.pattern) && **a.pattern() != *self.pattern {
            return Err(Error::shape("pattern", "the one analysed", "another"));
        }
        let n = self.pattern.nrows();
        let mut values = vec![0.0; self.inner.len_val()];
        let mut subdiagonal = vec![0.0; n];
        let (mut forward, mut inverse) = (vec![0u32; n], vec![0u32; n]);
        let need = self.inner.factorize_numeric_intranode_lblt_scratch::<f64>(Par::Seq, Default::default());
        self.inner.factorize_numeric_intranode_lblt(
            &mut values,
            &mut subdiagonal,
            &mut forward,
            &mut inverse,
            SparseColMatRef::new(columns(&self.pattern), a.values()),
            Side::Lower,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(need)),
            Default::default(),
        );
        let mut factor = Ldlt {
            symbolic: self.clone(),
            matrix: a.clone(),
            values,
            subdiagonal,
            forward,
            inverse,
            inertia: Inertia { negative: 0, zero: 0, positive: 0 },
        };
        factor.inertia = factor.count()?;
        Ok(factor)
    }
}

/// The numeric factor.
#[derive(Debug, Clone)]
pub struct Ldlt {
    symbolic: SymbolicLdlt,
    /// For refinement.
    matrix: Csr,
    values: Vec<f64>,
    subdiagonal: Vec<f64>,
    forward: Vec<u32>,
    inverse: Vec<u32>,
    inertia: Inertia,
}

impl Ldlt {
    /// Signs of A's eigenvalues: those of the 1×1 and 2×2 blocks of D.
    pub fn inertia(&self) -> Inertia {
        self.inertia
    }

    fn count(&self) -> Result<Inertia> {
        let mut inertia = Inertia { negative: 0, zero: 0, positive: 0 };
        let mut add = |d: f64| match d {
            d if d < 0.0 => inertia.negative += 1,
            d if d > 0.0 => inertia.positive += 1,
            _ => inertia.zero += 1,
        };
        match self.symbolic.inner.raw() {
            // Where there is nothing to eliminate faer takes this path all the same: D leads each column.
            SymbolicCholeskyRaw::Simplicial(symbolic) => {
                let heads = &symbolic.col_ptr()[..self.forward.len()];
                heads.iter().for_each(|&k| add(self.values[k as usize]));
            }
            SymbolicCholeskyRaw::Supernodal(symbolic) => {
                let permutation = PermRef::new_checked(&self.forward, &self.inverse, self.forward.len());
                let factor = SupernodalIntranodeLbltRef::new(symbolic, &self.values, &self.subdiagonal, permutation);
                for s in 0..symbolic.n_supernodes() {
                    let block = factor.supernode(s);
                    let (val, start) = (block.val(), block.start());
                    let mut j = 0;
                    while j < val.ncols() {
                        let (d, below) = (val[(j, j)], self.subdiagonal[start + j]);
                        if below == 0.0 {
                            add(d);
                            j += 1;
                        } else {
                            let e = val[(j + 1, j + 1)];
                            let (middle, radius) = (0.5 * (d + e), (0.5 * (d - e)).hypot(below));
                            add(middle - radius);
                            add(middle + radius);
                            j += 2;
                        }
                    }
                }
            }
        }
        if inertia.zero > 0 {
            // A pivot that is 0 or no number.
            return Err(Error::Numeric("LDLT broke down: the matrix is singular".into()));
        }
        Ok(inertia)
    }

    /// x ← A⁻¹ x by the factor, then refined.
    ///
    /// # Errors
    /// [`Error::Numeric`] if refinement does not reach a small backward error: the matrix is nearly singular or the
    /// factor has grown too much.
    ///
    /// # Panics
    /// If x has the wrong length.
    pub fn solve_in_place(&self, x: &mut [f64]) -> Result<()> {
        assert_eq!(x.len(), self.forward.len(), "solve: length of x");
        let b = x.to_vec();
        self.apply(x);
        let a = &self.matrix;
        refine(a, &b, x, REFINEMENTS, |r| self.apply(r), while_halved());
        let mut r = vec![0.0; b.len()];
        a.residual(&b, x, &mut r);
        let size = a.max_abs() * x.iter().map(|x| x.abs()).sum::<f64>() + norm_inf(&b);
        let error = norm_inf(&r) / size.max(f64::MIN_POSITIVE);
        if error.is_nan() || error > BACKWARD_ERROR {
            return Err(Error::Numeric(format!(
                "LDLT: backward error {error:.1e} after refinement (the matrix is nearly singular)"
            )));
        }
        Ok(())
    }

    /// x ← (L D Lᵀ)⁻¹ x.
    fn apply(&self, x: &mut [f64]) {
        let n = self.forward.len();
        let permutation = PermRef::new_checked(&self.forward, &self.inverse, n);
        let factor = IntranodeLbltRef::new(&*self.symbolic.inner, &self.values, &self.subdiagonal, permutation);
        let need = self.symbolic.inner.solve_in_place_scratch::<f64>(1, Par::Seq);
        factor.solve_in_place_with_conj(
            Conj::No,
            MatMut::from_column_major_slice_mut(x, n, 1),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(need)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dense;

    /// Tridiagonal with alternating small diagonal: indefinite.
    fn indefinite(n: usize) -> Csr {
        let mut entries = Vec::new();
        for i in 0..n {
            entries.push((i, i, 0.3 * (i as f64).sin()));
            if i > 0 {
                entries.push((i, i - 1, -1.0 - 0.1 * i as f64));
                entries.push((i - 1, i, -1.0 - 0.1 * i as f64));
            }
            if i >= 7 {
                entries.push((i, i - 7, 0.4));
                entries.push((i - 7, i, 0.4));
            }
        }
        Csr::from_triplets(n, n, &entries).unwrap()
    }

    #[test]
    fn inertia_and_solutions_of_indefinite_matrices() {
        for n in [1, 2, 5, 40, 150] {
            let a = indefinite(n);
            let a = if n == 1 { Csr::from_triplets(1, 1, &[(0, 0, -2.0)]).unwrap() } else { a };
            let values = dense::eigenvalues_symmetric(&dense::from_csr(&a)).unwrap();
            let factor = SymbolicLdlt::new(a.pattern()).unwrap().factorize(&a).unwrap();
            let negative = values.iter().filter(|&&v| v < 0.0).count();
            let expected = Inertia { negative, zero: 0, positive: n - negative };
            assert_eq!(factor.inertia(), expected, "n = {n}");
            let exact: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
            let mut x = vec![0.0; n];
            a.spmv(&exact, &mut x);
            factor.solve_in_place(&mut x).unwrap();
            for (x, e) in x.iter().zip(&exact) {
                assert!((x - e).abs() < 1e-10, "n = {n}: {x} against {e}");
            }
        }
    }

    #[test]
    fn singular_matrices_are_refused() {
        let a = Csr::from_triplets(2, 2, &[(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 1.0)]).unwrap();
        let factor = SymbolicLdlt::new(a.pattern()).unwrap().factorize(&a);
        assert!(factor.is_err());
        let other = Csr::identity(2);
        assert!(SymbolicLdlt::new(a.pattern()).unwrap().factorize(&other).is_err());
    }
}
