//! Errors of the library as the exceptions of `fempipe/errors.py`.

use std::io::ErrorKind;

use fempipe::Error;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The exception for an error, with its message.
pub fn exception(py: Python, e: &Error) -> PyErr {
    let name = match e {
        Error::Io { source, .. } if source.kind() == ErrorKind::NotFound => "NotFoundError",
        Error::Io { .. } => "IoError",
        Error::Recipe { .. } => "RecipeError",
        Error::File { .. } => "FileError",
        Error::Argument(_) => "ArgumentError",
        Error::Unsuitable(_) => "UnsuitableError",
        Error::Shape { .. } => "ShapeError",
        Error::Numeric(_) => "NumericError",
        Error::Interrupted(_) => return PyKeyboardInterrupt::new_err(e.to_string()),
        _ => "Error",
    };
    named(py, name, in_python(&e.to_string()))
}

/// A message that names options of the command line, with the arguments that they are here.
fn in_python(message: &str) -> String {
    let options = [("--force", "force=True"), ("another -o", "another output"), ("with -o", "as output")];
    options.iter().fold(message.to_string(), |text, (there, here)| text.replace(there, here))
}

/// An exception of `fempipe/errors.py` by its name.
pub fn named(py: Python, name: &str, message: String) -> PyErr {
    let class = py.import("fempipe.errors").and_then(|errors| errors.getattr(name));
    match class.and_then(|class| Ok(class.cast_into::<PyType>()?)) {
        Ok(class) => PyErr::from_type(class, message),
        Err(e) => e,
    }
}

/// A result of the library as one of Python.
pub fn raised<T>(py: Python, result: fempipe::Result<T>) -> PyResult<T> {
    result.map_err(|e| exception(py, &e))
}
