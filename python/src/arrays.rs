//! NumPy arrays of what the library holds, without a copy where it gives its memory away.

use fempipe::linalg::{self, Csr};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Column indices and row pointers as SciPy has them.
pub type Pattern<'py> = (Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<i32>>);

/// Those of a pattern.
pub fn pattern<'py>(py: Python<'py>, pattern: &linalg::Pattern) -> Pattern<'py> {
    // Sizes that SciPy could not have as int32 do not fit in memory either.
    let signed = |list: &[u32]| PyArray1::from_iter(py, list.iter().map(|&i| i as i32));
    (signed(pattern.indices()), signed(pattern.indptr()))
}

/// (data, indices, indptr) of a matrix, as `scipy.sparse.csr_matrix` takes them.
pub fn csr(py: Python, matrix: Csr) -> PyResult<Bound<PyTuple>> {
    let (shared, values) = matrix.into_parts();
    let (indices, indptr) = pattern(py, &shared);
    (PyArray1::from_vec(py, values), indices, indptr).into_pyobject(py)
}

/// Rows × columns out of numbers row by row.
pub fn table(py: Python, values: Vec<f64>, shape: &[usize]) -> PyResult<Py<PyAny>> {
    Ok(PyArray1::from_vec(py, values).reshape(shape)?.into_any().unbind())
}
