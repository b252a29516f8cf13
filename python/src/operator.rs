//! z = M r.

use std::sync::Arc;

use fempipe::linalg::LinOp;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::threads;

/// M, for any number of solves.
pub type Shared = Arc<Box<dyn LinOp + Send>>;

#[pyclass(frozen, module = "fempipe._fempipe")]
pub struct Operator(pub Shared);

/// Below so many stored numbers every operator works on the calling thread.
const ALONE: usize = 100_000;

#[pymethods]
impl Operator {
    #[getter]
    fn shape(&self) -> (usize, usize) {
        self.0.shape()
    }

    #[getter]
    fn nnz(&self) -> usize {
        self.0.nnz()
    }

    #[getter]
    fn symmetric(&self) -> bool {
        self.0.props().symmetric
    }

    #[getter]
    fn positive_definite(&self) -> bool {
        self.0.props().positive_definite
    }

    /// M r for r of `shape[1]` entries, which the caller has checked.
    fn apply<'py>(&self, py: Python<'py>, r: PyReadonlyArray1<f64>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let r = r.as_slice()?;
        if r.len() != self.0.shape().1 {
            let reason = format!("the vector has {} entries, the operator {} columns", r.len(), self.0.shape().1);
            return Err(crate::errors::named(py, "ShapeError", reason));
        }
        let pool = threads::shared(py)?;
        let mut z = vec![0.0; self.0.shape().0];
        py.detach(|| match self.0.nnz() < ALONE {
            true => self.0.apply(r, &mut z),
            false => pool.install(|| self.0.apply(r, &mut z)),
        });
        Ok(PyArray1::from_vec(py, z))
    }
}
