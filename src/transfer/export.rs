//! A sample of a dataset → files that other programs read.

use std::path::{Path, PathBuf};

use super::{npz_writer, petsc};
use crate::error::{Error, Result};
use crate::linalg::matrix_market;
use crate::system::LinearSystem;

/// File formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Matrix Market: NAME.mtx, NAME_b.mtx, NAME_x.mtx
    Mtx,
    /// SciPy's save_npz, with b and x as further arrays
    Npz,
    /// PETSc binary: Mat, Vec b, Vec x one after the other
    Petsc,
}

impl Format {
    /// The usual ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Mtx => "mtx",
            Format::Npz => "npz",
            Format::Petsc => "petsc",
        }
    }
}

/// Writes a system; returns the files written.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written, [`Error::Argument`] if the format cannot hold the system.
pub fn export(system: &LinearSystem, format: Format, output: &Path) -> Result<Vec<PathBuf>> {
    match format {
        Format::Mtx => mtx(system, output),
        Format::Npz => {
            npz_writer::write(output, system)?;
            Ok(vec![output.to_path_buf()])
        }
        Format::Petsc => {
            let bytes = petsc::encode(system)?;
            std::fs::write(output, bytes).map_err(|e| Error::io(output, "write", e))?;
            Ok(vec![output.to_path_buf()])
        }
    }
}

fn mtx(system: &LinearSystem, output: &Path) -> Result<Vec<PathBuf>> {
    let stem = output
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let beside = |suffix: &str| output.with_file_name(format!("{stem}_{suffix}.mtx"));
    let mut files = vec![output.to_path_buf(), beside("b")];
    matrix_market::write(output, &system.matrix)?;
    matrix_market::write_vector(&files[1], &system.rhs)?;
    if let Some(x) = &system.solution {
        files.push(beside("x"));
        matrix_market::write_vector(&files[2], x)?;
    }
    Ok(files)
}
