//! Sparse Cholesky A = L Lᵀ (faer, AMD order), its symbolic part reused over matrices of one pattern.

use std::sync::{Arc, Mutex, PoisonError};

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::linalg::SupernodalThreshold;
use faer::sparse::linalg::cholesky::{self as faer_cholesky, CholeskySymbolicParams, LltRef, SymmetricOrdering};
use faer::sparse::{FaerError, SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par, Side};

use super::op::{LinOp, Props};
use super::{Csr, Pattern};
use crate::error::{Error, Result};

/// faer's automatic choice takes the simplicial path up to sizes where the supernodal one is four times
/// faster; this flop ratio moves the switch down to where they break even.
const SUPERNODAL_THRESHOLD: f64 = 8.0;

/// Fill-reducing order and structure of the factor, for all matrices with one pattern.
#[derive(Debug, Clone)]
pub struct SymbolicCholesky {
    pattern: Arc<Pattern>,
    inner: Arc<faer_cholesky::SymbolicCholesky<u32>>,
}

pub(super) fn columns(p: &Pattern) -> SymbolicSparseColMatRef<'_, u32> {
    // A symmetric pattern reads the same by rows and by columns.
    SymbolicSparseColMatRef::new_checked(p.nrows(), p.ncols(), p.indptr(), None, p.indices())
}

/// Order and structure of the factor of matrices with a structurally symmetric pattern.
pub(super) fn analysed(
    pattern: &Pattern,
    threshold: SupernodalThreshold,
) -> Result<Arc<faer_cholesky::SymbolicCholesky<u32>>> {
    let (m, n) = (pattern.nrows(), pattern.ncols());
    if m != n {
        return Err(Error::shape("columns of a matrix to factorise", m, n));
    }
    let params = CholeskySymbolicParams { supernodal_flop_ratio_threshold: threshold, ..Default::default() };
    let (columns, order) = (columns(pattern), SymmetricOrdering::Amd);
    faer_cholesky::factorize_symbolic_cholesky(columns, Side::Lower, order, params).map(Arc::new).map_err(|e| match e {
        FaerError::IndexOverflow => {
            Error::Numeric(format!("the factor of this matrix of {n} rows has more than 2^32 entries: none is made"))
        }
        FaerError::OutOfMemory => Error::Numeric(format!("no memory for the factor of a matrix of {n} rows")),
        other => Error::Numeric(format!("symbolic factorisation failed: {other:?}")),
    })
}

impl SymbolicCholesky {
    /// Analyses a structurally symmetric pattern.
    ///
    /// # Errors
    /// [`Error::Shape`] if it is not square.
    pub fn new(pattern: &Arc<Pattern>) -> Result<Self> {
        let threshold = SupernodalThreshold(SUPERNODAL_THRESHOLD);
        Ok(SymbolicCholesky { pattern: pattern.clone(), inner: analysed(pattern, threshold)? })
    }

    /// Whether A has the pattern that was analysed.
    pub fn fits(&self, a: &Csr) -> bool {
        Arc::ptr_eq(a.pattern(), &self.pattern) || **a.pattern() == *self.pattern
    }

    /// Entries of L.
    pub fn factor_nnz(&self) -> usize {
        self.inner.len_val()
    }

    /// Factorises a symmetric positive definite matrix of this pattern.
    ///
    /// # Errors
    /// [`Error::Shape`] for another pattern, [`Error::Numeric`] if A is not positive definite.
    pub fn factorize(&self, a: &Csr) -> Result<Cholesky> {
        if !self.fits(a) {
            return Err(Error::shape("pattern", "the one analysed", "another"));
        }
        let mut values = vec![0.0; self.inner.len_val()];
        let need = self.inner.factorize_numeric_llt_scratch::<f64>(Par::Seq, Default::default());
        let mut buffer = MemBuffer::new(need);
        self.inner
            .factorize_numeric_llt(
                &mut values,
                SparseColMatRef::new(columns(&self.pattern), a.values()),
                Side::Lower,
                LltRegularization::default(),
                Par::Seq,
                MemStack::new(&mut buffer),
                Default::default(),
            )
            .map_err(|_| Error::Numeric("matrix is not positive definite: Cholesky broke down".into()))?;
        let factor = LltRef::new(&*self.inner, &values);
        let scratch = MemBuffer::new(factor.solve_in_place_scratch::<f64>(1, Par::Seq));
        Ok(Cholesky { symbolic: self.clone(), values, scratch: Mutex::new(scratch) })
    }
}

/// The numeric factor; as a [`LinOp`] it is A⁻¹.
pub struct Cholesky {
    symbolic: SymbolicCholesky,
    values: Vec<f64>,
    /// Scratch memory of a solve, so that one allocates nothing.
    scratch: Mutex<MemBuffer>,
}

impl std::fmt::Debug for Cholesky {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Cholesky")
            .field("n", &self.symbolic.pattern.nrows())
            .field("factor_nnz", &self.values.len())
            .finish()
    }
}

impl Cholesky {
    /// Analyses and factorises in one go.
    ///
    /// # Errors
    /// As [`SymbolicCholesky::new`] and [`SymbolicCholesky::factorize`].
    pub fn new(a: &Csr) -> Result<Self> {
        SymbolicCholesky::new(a.pattern())?.factorize(a)
    }

    /// x ← A⁻¹ x.
    ///
    /// # Panics
    /// If x has the wrong length.
    pub fn solve_in_place(&self, x: &mut [f64]) {
        assert_eq!(x.len(), self.symbolic.pattern.nrows(), "solve: length of x");
        // The buffer holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut buffer = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        self.solve_with(x, 1, &mut buffer);
    }

    /// X ← A⁻¹ X for some columns, one after the other: the factor is read once for all.
    ///
    /// # Panics
    /// If X has no whole number of columns.
    pub fn solve_columns_in_place(&self, x: &mut [f64]) {
        let n = self.symbolic.pattern.nrows().max(1);
        assert!(x.len().is_multiple_of(n), "solve: length of X");
        let columns = x.len() / n;
        let factor = LltRef::new(&*self.symbolic.inner, &self.values);
        self.solve_with(x, columns, &mut MemBuffer::new(factor.solve_in_place_scratch::<f64>(columns, Par::Seq)));
    }

    fn solve_with(&self, x: &mut [f64], columns: usize, buffer: &mut MemBuffer) {
        LltRef::new(&*self.symbolic.inner, &self.values).solve_in_place_with_conj(
            Conj::No,
            MatMut::from_column_major_slice_mut(x, self.symbolic.pattern.nrows(), columns),
            Par::Seq,
            MemStack::new(buffer),
        );
    }
}

impl LinOp for Cholesky {
    fn shape(&self) -> (usize, usize) {
        (self.symbolic.pattern.nrows(), self.symbolic.pattern.nrows())
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
        self.solve_in_place(y);
    }
    fn nnz(&self) -> usize {
        self.values.len()
    }
}
