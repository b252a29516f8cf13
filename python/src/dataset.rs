//! An open dataset.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use fempipe::dataset::Dataset as File;
use fempipe::system::Field;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::mesh::Mesh;
use crate::{arrays, work};

/// The file, and the process that opened it: one that was forked reads through an opening of its own, since the place
/// in the file belongs to the opening.
#[pyclass(frozen, module = "fempipe._fempipe")]
pub struct Dataset {
    path: PathBuf,
    open: Mutex<(u32, Arc<File>)>,
}

#[pymethods]
impl Dataset {
    #[new]
    fn new(py: Python, path: PathBuf) -> PyResult<Self> {
        let file = work::run(py, || File::open(&path))?;
        Ok(Dataset { path, open: Mutex::new((std::process::id(), Arc::new(file))) })
    }

    fn __len__(&self, py: Python) -> PyResult<usize> {
        Ok(self.file(py)?.len())
    }

    fn split_names(&self, py: Python) -> PyResult<Vec<String>> {
        Ok(self.file(py)?.splits().keys().cloned().collect())
    }

    fn split<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let file = self.file(py)?;
        Ok(PyArray1::from_slice(py, crate::errors::raised(py, file.split(name))?))
    }

    /// family, equation, weak_form, boundary_conditions, units, what is promised of A, recipe, seed.
    fn description<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let file = self.file(py)?;
        let (header, d) = (file.header(), &file.header().description);
        let words = (&d.family, &d.equation, &d.weak_form, &d.boundary_conditions, &d.units, d.props.name());
        let (a, b, c, e, f, g) = words;
        (a, b, c, e, f, g, &header.recipe, header.seed).into_pyobject(py)
    }

    /// Columns by name: n, nnz, residual, seconds and the drawn parameters.
    fn table(&self, py: Python) -> PyResult<Vec<(String, Py<PyAny>)>> {
        let file = self.file(py)?;
        let sizes: Vec<(usize, usize)> = (0..file.len()).map(|i| file.size(i)).collect();
        let count = |of: fn(&(usize, usize)) -> usize| {
            PyArray1::from_iter(py, sizes.iter().map(|s| of(s) as i64)).into_any().unbind()
        };
        let mut columns = vec![("n".to_string(), count(|s| s.0)), ("nnz".to_string(), count(|s| s.1))];
        let numbers = |values: &[f64]| PyArray1::from_slice(py, values).into_any().unbind();
        columns.push(("residual".into(), numbers(file.residuals())));
        columns.push(("seconds".into(), numbers(file.seconds())));
        let drawn = file.shape().params.iter().filter_map(|name| Some((name.clone(), numbers(file.param(name)?))));
        columns.extend(drawn);
        Ok(columns)
    }

    fn mesh(&self, py: Python) -> PyResult<Option<Mesh>> {
        Ok(self.file(py)?.mesh().cloned().map(Mesh))
    }

    /// (indices, indptr) where all samples share them.
    fn pattern<'py>(&self, py: Python<'py>) -> PyResult<Option<arrays::Pattern<'py>>> {
        Ok(self.file(py)?.pattern().map(|pattern| arrays::pattern(py, pattern)))
    }

    /// Sample i: the values of A, its (indices, indptr) unless all samples share them, b, x, fields, labels and
    /// parameters.
    fn read<'py>(&self, py: Python<'py>, i: usize) -> PyResult<Bound<'py, PyTuple>> {
        let file = self.file(py)?;
        let system = work::run(py, || file.read(i))?;
        let (pattern, values) = system.matrix.into_parts();
        let own = match file.pattern() {
            Some(_) => None,
            None => Some(arrays::pattern(py, &pattern)),
        };
        let named = |fields: Vec<Field>| fields.into_iter().map(|f| field(py, f)).collect::<PyResult<Vec<_>>>();
        let array = |values| PyArray1::from_vec(py, values);
        let parts = (
            array(values),
            own,
            array(system.rhs),
            system.solution.map(array),
            named(system.fields)?,
            named(system.labels)?,
            system.params,
        );
        parts.into_pyobject(py)
    }
}

impl Dataset {
    /// The file, opened again in a process that was forked.
    fn file(&self, py: Python) -> PyResult<Arc<File>> {
        let own = std::process::id();
        {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.0 == own {
                return Ok(open.1.clone());
            }
        }
        let again = Arc::new(work::run(py, || File::open(&self.path))?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // What was opened before the fork is not this process's to close.
        std::mem::forget(std::mem::replace(&mut *open, (own, again.clone())));
        Ok(again)
    }
}

/// (name, where it lives, components, values in the shape of where they live).
fn field(py: Python, field: Field) -> PyResult<(String, &'static str, usize, Py<PyAny>)> {
    let shape = field.shape();
    Ok((field.name, field.location.name(), field.components, arrays::table(py, field.values, &shape)?))
}
