//! The compiled part of the Python package: what the Python files of `fempipe/` call. It takes and returns NumPy
//! arrays, does the work of the library without holding the interpreter, and turns its errors into exceptions.

mod acceleration;
mod arrays;
mod command;
mod dataset;
mod errors;
mod evaluate;
mod generate;
mod mesh;
mod model;
mod operator;
mod recipe;
mod solve;
mod system;
mod threads;
mod work;

use pyo3::prelude::*;

#[pymodule]
fn _fempipe(m: &Bound<PyModule>) -> PyResult<()> {
    fempipe::linalg::dense::on_one_thread();
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_class::<acceleration::Acceleration>()?;
    m.add_class::<dataset::Dataset>()?;
    m.add_class::<mesh::Mesh>()?;
    m.add_class::<model::Model>()?;
    m.add_class::<operator::Operator>()?;
    m.add_class::<system::System>()?;
    m.add_function(wrap_pyfunction!(acceleration::preconditioner, m)?)?;
    m.add_function(wrap_pyfunction!(command::command, m)?)?;
    m.add_function(wrap_pyfunction!(evaluate::evaluate, m)?)?;
    m.add_function(wrap_pyfunction!(generate::generate, m)?)?;
    m.add_function(wrap_pyfunction!(solve::solve, m)?)?;
    m.add_function(wrap_pyfunction!(threads::get_num_threads, m)?)?;
    m.add_function(wrap_pyfunction!(threads::set_num_threads, m)?)?;
    Ok(())
}
