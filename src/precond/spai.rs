//! Sparse approximate inverse in the Frobenius norm.

use std::sync::Arc;

use faer::linalg::solvers::{Qr, SolveLstsqCore};
use serde::{Deserialize, Serialize};

use super::{Built, Preconditioner, Reuse, check_square_finite};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{Csr, LinOp, Pattern, Props};

/// `spai`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "Grote & Huckle (1997), doi:10.1137/S1064827594276552",
    needs: "no empty column in A",
    ..Entry::of::<Config>(
        "spai",
        "sparse approximate inverse on the pattern of A, of least ‖A M − I‖ in the Frobenius norm",
    )
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        Ok(Built::new(Spai::new(a)?))
    }
}

/// M on the pattern of A, minimising ‖A M − I‖_F: a small least-squares problem for each column. Not symmetric, even
/// where A is.
///
/// One sparse product, which runs on all threads. Reference: Grote & Huckle (1997), doi:10.1137/S1064827594276552 (on
/// a fixed pattern).
#[derive(Debug, Clone)]
pub struct Spai {
    m: Csr,
}

impl Spai {
    /// Solves the least-squares problem of every column.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Numeric`] if an entry is not finite, a column is empty, or a
    /// least-squares problem is singular.
    pub fn new(a: &Csr) -> Result<Self> {
        check_square_finite(a)?;
        let n = a.nrows();
        let columns = a.transpose();
        let mut values = Vec::with_capacity(a.nnz());
        let (mut rows, mut place) = (Vec::new(), vec![u32::MAX; n]);
        for j in 0..n {
            let pattern = columns.pattern().row(j);
            rows.clear();
            // Row j first: it holds the one of e_j.
            for &i in [j as u32].iter().chain(pattern.iter().flat_map(|&k| columns.pattern().row(k as usize))) {
                if place[i as usize] == u32::MAX {
                    place[i as usize] = rows.len() as u32;
                    rows.push(i);
                }
            }
            let column = least_squares(&columns, pattern, rows.len(), &place);
            let column = column
                .ok_or_else(|| Error::Numeric(format!("spai: no approximate inverse on the pattern of column {j}")))?;
            values.extend(column);
            rows.iter().for_each(|&i| place[i as usize] = u32::MAX);
        }
        let pattern = columns.pattern();
        let pattern = Pattern::new(n, n, pattern.indptr().to_vec(), pattern.indices().to_vec())?;
        let transposed = Csr::new(Arc::new(pattern), values)?;
        Ok(Spai { m: transposed.transpose() })
    }
}

/// m on the pattern minimising ‖A m − e‖₂, e the first of the rows numbered in `place`.
fn least_squares(columns: &Csr, pattern: &[u32], rows: usize, place: &[u32]) -> Option<Vec<f64>> {
    let size = pattern.len();
    if size == 0 || rows < size {
        return None;
    }
    let mut small = Dense::zeros(rows, size);
    for (c, &k) in pattern.iter().enumerate() {
        let (cols, vals) = columns.row(k as usize);
        for (&i, &v) in cols.iter().zip(vals) {
            small[(place[i as usize] as usize, c)] = v;
        }
    }
    let mut rhs = Dense::zeros(rows, 1);
    rhs[(0, 0)] = 1.0;
    Qr::new(small.as_ref()).solve_lstsq_in_place_with_conj(faer::Conj::No, rhs.as_mut());
    let out: Vec<f64> = (0..size).map(|i| rhs[(i, 0)]).collect();
    out.iter().all(|v| v.is_finite()).then_some(out)
}

impl LinOp for Spai {
    fn shape(&self) -> (usize, usize) {
        self.m.shape()
    }
    fn props(&self) -> Props {
        Props::GENERAL
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.m.par_spmv(x, y);
    }
    fn nnz(&self) -> usize {
        self.m.nnz()
    }
}
