//! A mesh that samples share.

use std::sync::Arc;

use fempipe::system::MeshData;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

#[pyclass(frozen, module = "fempipe._fempipe")]
pub struct Mesh(pub Arc<MeshData>);

#[pymethods]
impl Mesh {
    #[getter]
    fn cell_type(&self) -> &str {
        &self.0.cell_type
    }

    fn points(&self, py: Python) -> PyResult<Py<PyAny>> {
        let points = PyArray1::from_slice(py, &self.0.points);
        Ok(points.reshape([self.0.points.len() / self.0.dim.max(1), self.0.dim])?.into_any().unbind())
    }

    fn cells(&self, py: Python) -> PyResult<Py<PyAny>> {
        let cells = PyArray1::from_slice(py, &self.0.cells);
        Ok(cells.reshape([self.0.cells.len() / self.0.cell_size.max(1), self.0.cell_size])?.into_any().unbind())
    }

    fn point_markers<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_slice(py, &self.0.point_markers)
    }

    fn free_dofs<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_slice(py, &self.0.free_dofs)
    }
}
