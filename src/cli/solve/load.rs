//! One system from a file.

use std::path::Path;

use super::Args;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::io::npz::Npz;
use crate::io::{Unpack, matrix_market, npy};
use crate::linalg::Csr;
use crate::system::LinearSystem;

fn extension(path: &Path) -> String {
    let text = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    text.unwrap_or_default()
}

/// Whether the file's name says that it is a dataset.
pub fn is_dataset(path: &Path) -> bool {
    matches!(extension(path).as_str(), "h5" | "hdf5")
}

/// The system: a dataset's sample as it is, or a file's matrix with b from its own file, from the matrix's,
/// from `NAME_b.mtx` beside `NAME.mtx`, or ones.
///
/// # Errors
/// If a file cannot be read, or b does not fit.
pub fn load(args: &Args) -> Result<LinearSystem> {
    let (path, unpack) = (&args.matrix, args.max_bytes.unwrap_or_default());
    let mut system = match extension(path).as_str() {
        "npz" => {
            let own = Npz::open(path, unpack)?;
            let b = own.has("b").then(|| own.vector("b")).transpose()?;
            plain(own.matrix()?, b)
        }
        _ if is_dataset(path) => Dataset::open(path)?.read(args.sample)?,
        _ => {
            let beside = if args.rhs.is_some() { None } else { matrix_market::right_hand_side_beside(path) };
            let b = beside.map(|b| matrix_market::read_vector_within(b, unpack)).transpose()?;
            plain(matrix_market::read_within(path, unpack)?, b)
        }
    };
    let (rows, columns) = (system.matrix.nrows(), system.matrix.ncols());
    if rows != columns {
        return Err(Error::file(
            path,
            format!("holds a {rows} × {columns} matrix: A of a linear system must be square"),
        ));
    }
    if let Some(path) = &args.rhs {
        system.rhs = vector(path, unpack)?;
        system.solution = None;
        if system.rhs.len() != rows {
            let reason = format!("has {} entries, the matrix {rows} rows", system.rhs.len());
            return Err(Error::file(path, reason));
        }
    }
    Ok(system)
}

fn vector(path: &Path, unpack: Unpack) -> Result<Vec<f64>> {
    if extension(path) != "npy" {
        return matrix_market::read_vector_within(path, unpack);
    }
    match npy::read_npy(path)?.data {
        npy::Data::Float(v) => Ok(v),
        npy::Data::Int(v) => Ok(v.into_iter().map(|v| v as f64).collect()),
        npy::Data::Text(_) => Err(Error::file(path, "holds text where numbers are needed")),
    }
}

/// A matrix of which nothing is known but its entries.
fn plain(matrix: Csr, b: Option<Vec<f64>>) -> LinearSystem {
    let rhs = b.unwrap_or_else(|| vec![1.0; matrix.nrows()]);
    LinearSystem::of_unknown_kind(matrix, rhs)
}
