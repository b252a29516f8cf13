//! The command line.

use std::ffi::OsString;

use fempipe::cli;
use pyo3::prelude::*;

/// Runs a command line, the program's name first; returns the exit code.
#[pyfunction]
pub fn command(py: Python, arguments: Vec<OsString>) -> u8 {
    py.detach(|| cli::main_with(arguments))
}
