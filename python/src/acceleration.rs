//! What stands beside A: predicted by a model or computed from A.

use std::sync::Arc;

use fempipe::precond::{Factored, Spec};
use fempipe::solve;
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::operator::{Operator, Shared};
use crate::system::System;
use crate::{arrays, errors, work};

/// The parts, each for any number of solves.
#[pyclass(frozen, module = "fempipe._fempipe")]
pub struct Acceleration {
    preconditioner: Option<Shared>,
    /// All but the preconditioner.
    rest: Rest,
    parts: String,
}

/// (data, indices, indptr) of G, the diagonal of D, and the columns of G.
type InverseFactor<'py> = (Bound<'py, PyTuple>, Bound<'py, PyArray1<f64>>, usize);

/// What an acceleration has beside its preconditioner.
struct Rest {
    guess: Option<Vec<f64>>,
    space: Option<fempipe::linalg::Space>,
    note: Option<String>,
    fell_back: bool,
    direct: bool,
    setup_iterations: usize,
    inference_seconds: f64,
    setup_seconds: f64,
}

impl From<solve::Acceleration> for Acceleration {
    fn from(given: solve::Acceleration) -> Self {
        Acceleration {
            parts: given.parts(),
            preconditioner: given.preconditioner.map(Arc::new),
            rest: Rest {
                guess: given.guess,
                space: given.space,
                note: given.note,
                fell_back: given.fell_back,
                direct: given.direct,
                setup_iterations: given.setup_iterations,
                inference_seconds: given.inference_seconds,
                setup_seconds: given.setup_seconds,
            },
        }
    }
}

impl Acceleration {
    /// The library's own, for one solve.
    pub fn for_a_solve(&self) -> solve::Acceleration {
        let rest = &self.rest;
        solve::Acceleration {
            preconditioner: self.preconditioner.clone().map(|m| Box::new(m) as Box<_>),
            guess: rest.guess.clone(),
            space: rest.space.clone(),
            note: rest.note.clone(),
            fell_back: rest.fell_back,
            direct: rest.direct,
            setup_iterations: rest.setup_iterations,
            inference_seconds: rest.inference_seconds,
            setup_seconds: rest.setup_seconds,
        }
    }
}

#[pymethods]
impl Acceleration {
    /// Its parts in words.
    #[getter]
    fn parts(&self) -> &str {
        &self.parts
    }

    #[getter]
    fn note(&self) -> Option<&str> {
        self.rest.note.as_deref()
    }

    /// Seconds of setup, a model's inference included.
    #[getter]
    fn seconds(&self) -> f64 {
        self.rest.inference_seconds + self.rest.setup_seconds
    }

    #[getter]
    fn preconditioner(&self) -> Option<Operator> {
        self.preconditioner.clone().map(Operator)
    }

    /// Where x starts (n).
    #[getter]
    fn guess<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<f64>>> {
        self.rest.guess.as_ref().map(|x| PyArray1::from_slice(py, x))
    }

    /// The columns (n×k).
    #[getter]
    fn space(&self, py: Python) -> PyResult<Option<Py<PyAny>>> {
        let Some(space) = &self.rest.space else { return Ok(None) };
        let (n, k) = (space.nrows(), space.ncols());
        let dense = space.to_dense();
        let by_rows = (0..n).flat_map(|i| (0..k).map(move |j| (i, j))).map(|at| dense[at]).collect();
        arrays::table(py, by_rows, &[n, k]).map(Some)
    }

    /// (data, indices, indptr) of L where M⁻¹ = L Lᵀ.
    fn factor<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        match self.factored(py)? {
            Some(Factored::Matrix(factor)) => arrays::csr(py, factor).map(Some),
            _ => Ok(None),
        }
    }

    /// (data, indices, indptr) of G and the diagonal of D where M = G Gᵀ + D.
    fn inverse_factor<'py>(&self, py: Python<'py>) -> PyResult<Option<InverseFactor<'py>>> {
        match self.factored(py)? {
            Some(Factored::Inverse { factor, diagonal }) => {
                let columns = factor.ncols();
                Ok(Some((arrays::csr(py, factor)?, PyArray1::from_vec(py, diagonal), columns)))
            }
            _ => Ok(None),
        }
    }
}

impl Acceleration {
    fn factored(&self, py: Python) -> PyResult<Option<Factored>> {
        match &self.preconditioner {
            Some(m) => errors::raised(py, py.detach(|| Factored::of(m))),
            None => Ok(None),
        }
    }
}

/// A classical preconditioner for A.
#[pyfunction]
pub fn preconditioner(py: Python, spec: &str, system: &System) -> PyResult<Acceleration> {
    work::run(py, || {
        let built = spec.parse::<Spec>()?.build(&system.0.matrix)?;
        Ok(solve::Acceleration::from(built).into())
    })
}
