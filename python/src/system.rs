//! A linear system out of the arrays of a SciPy matrix.

use std::sync::Arc;

use fempipe::linalg::{Csr, Pattern, Props};
use fempipe::system::{Field, LinearSystem, Location};
use numpy::{PyReadonlyArray1, PyReadonlyArrayDyn};
use pyo3::prelude::*;

use crate::errors;
use crate::mesh::Mesh;

#[pyclass(frozen, module = "fempipe._fempipe")]
pub struct System(pub LinearSystem);

/// (name, where it lives, components, values).
type FieldParts<'py> = (String, String, usize, PyReadonlyArrayDyn<'py, f64>);

#[pymethods]
impl System {
    /// A (n×n) in rows of rising columns, b (n), and what a dataset says of them: what is promised of A ("spd",
    /// "symmetric", "general"; found out where it does not say), fields, a mesh, the sample's index.
    #[new]
    #[pyo3(signature = (data, indices, indptr, b, props=None, fields=Vec::new(), mesh=None, index=0))]
    #[allow(clippy::too_many_arguments)] // what a linear system is
    fn new(
        py: Python,
        data: PyReadonlyArray1<f64>,
        indices: PyReadonlyArray1<u32>,
        indptr: PyReadonlyArray1<u32>,
        b: PyReadonlyArray1<f64>,
        props: Option<&str>,
        fields: Vec<FieldParts>,
        mesh: Option<&Mesh>,
        index: u64,
    ) -> PyResult<Self> {
        let (data, indices, indptr, b) = (data.as_slice()?, indices.as_slice()?, indptr.as_slice()?, b.as_slice()?);
        let fields = fields.iter().map(|f| field(py, f)).collect::<PyResult<Vec<_>>>()?;
        let n = b.len();
        let system = py.detach(|| -> fempipe::Result<LinearSystem> {
            let pattern = Pattern::new(n, n, indptr.to_vec(), indices.to_vec())?;
            let matrix = Csr::new(Arc::new(pattern), data.to_vec())?;
            let system = match props.and_then(Props::from_name) {
                Some(props) => LinearSystem::plain(matrix, b.to_vec(), props),
                None => LinearSystem::of_unknown_kind(matrix, b.to_vec()),
            };
            Ok(LinearSystem { fields, mesh: mesh.map(|m| m.0.clone()), index, ..system })
        });
        errors::raised(py, system).map(System)
    }

    /// Number of unknowns.
    #[getter]
    fn n(&self) -> usize {
        self.0.n()
    }
}

fn field(py: Python, (name, location, components, values): &FieldParts) -> PyResult<Field> {
    let unknown = || errors::named(py, "ArgumentError", format!("field {name}: no location {location}"));
    Ok(Field {
        name: name.clone(),
        location: Location::from_name(location).ok_or_else(unknown)?,
        components: *components,
        values: values.as_slice()?.to_vec(),
    })
}
