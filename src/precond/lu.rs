//! Sparse LU with partial pivoting, by faer: M = A⁻¹ for any regular A.

use faer::MatMut;
use faer::linalg::solvers::SolveCore;
use faer::sparse::linalg::solvers::Lu as FaerLu;
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use serde::{Deserialize, Serialize};

use super::{Built, Preconditioner, Reuse, check_square_finite};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Props};

/// `lu`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "El Kazdadi, faer (github.com/sarah-quinones/faer-rs)",
    needs: "A regular",
    ..Entry::of::<Config>("lu", "sparse LU with partial pivoting by faer, M = A⁻¹")
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        Ok(Built::new(Lu::new(a)?))
    }
    fn is_direct(&self) -> bool {
        true
    }
}

/// The factors of Aᵀ (whose columns are A's rows), used transposed.
pub struct Lu {
    factor: FaerLu<u32, f64>,
    n: usize,
    nnz: usize,
}

impl Lu {
    /// Factorises A.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Numeric`] if it is singular or an entry is not finite.
    pub fn new(a: &Csr) -> Result<Self> {
        check_square_finite(a)?;
        let pattern = a.pattern();
        let n = a.nrows();
        let symbolic = SymbolicSparseColMatRef::new_checked(n, n, pattern.indptr(), None, pattern.indices());
        let factor = SparseColMatRef::new(symbolic, a.values())
            .sp_lu()
            .map_err(|e| Error::Numeric(format!("lu: the matrix is singular ({e:?})")))?;
        let lu = Lu { factor, n, nnz: a.nnz() };
        // faer does not report an exactly zero pivot; a probe with ones does.
        let mut probe = vec![0.0; n];
        lu.apply(&vec![1.0; n], &mut probe);
        if probe.iter().any(|v| !v.is_finite()) {
            return Err(Error::Numeric("lu: the matrix is singular".into()));
        }
        Ok(lu)
    }
}

impl LinOp for Lu {
    fn shape(&self) -> (usize, usize) {
        (self.n, self.n)
    }
    fn props(&self) -> Props {
        Props::GENERAL
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
        self.factor
            .solve_transpose_in_place_with_conj(faer::Conj::No, MatMut::from_column_major_slice_mut(y, self.n, 1));
    }
    /// Entries of A: faer does not tell those of the factors.
    fn nnz(&self) -> usize {
        self.nnz
    }
}
