//! A trained model.

use std::path::PathBuf;

use fempipe::models::{self, Device, PredictOptions};
use fempipe::solve;
use pyo3::prelude::*;

use crate::acceleration::Acceleration;
use crate::system::System;
use crate::{errors, work};

#[pyclass(frozen, module = "fempipe._fempipe")]
pub struct Model(Box<dyn models::Model>);

#[pymethods]
impl Model {
    /// The model of a run directory or checkpoint, on "cpu" or "cuda".
    #[new]
    fn new(py: Python, path: PathBuf, device: &str) -> PyResult<Self> {
        let device = match device {
            "cpu" => Device::Cpu,
            "cuda" => Device::Cuda,
            other => {
                let reason = format!("device = {other:?}: must be \"cpu\" or \"cuda\"");
                return Err(errors::named(py, "ArgumentError", reason));
            }
        };
        work::run(py, || models::load(&path, device)).map(Model)
    }

    #[getter]
    fn name(&self) -> &'static str {
        self.0.name()
    }

    #[getter]
    fn parameters(&self) -> usize {
        self.0.parameters()
    }

    /// What it predicts for a system.
    #[pyo3(signature = (system, symmetrize=false, filter=0.0, draws=0, unguarded=false))]
    fn predict(
        &self,
        py: Python,
        system: &System,
        symmetrize: bool,
        filter: f64,
        draws: usize,
        unguarded: bool,
    ) -> PyResult<Acceleration> {
        let options = PredictOptions { symmetrize, filter, draws, unguarded };
        work::run(py, || {
            options.check()?;
            let predicted = solve::Acceleration::predicted(|| self.0.predict(&system.0, &options))?;
            Ok(predicted.into())
        })
    }
}
