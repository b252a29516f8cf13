//! The eigenvectors that a dataset stores as labels: what a predicted subspace is to hold.

use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::system::{Field, LinearSystem, Location};

/// The label.
pub const LABEL: &str = "eigenvectors";

/// The label, if it holds `count` eigenvectors.
fn label(system: &LinearSystem, count: usize) -> Result<&Field> {
    system.label(LABEL).filter(|l| l.components >= count && l.location == Location::Dofs).ok_or_else(|| {
        let there = system.label(LABEL).map_or(0, |l| l.components);
        Error::Argument(format!(
            "{count} eigenvectors a system are needed, the dataset holds {there}: generate it with [labels] eigenpairs \
             = {count}"
        ))
    })
}

/// The first `count` eigenvectors of a label, as columns.
///
/// # Errors
/// [`Error::Argument`] if the label is missing or holds fewer.
pub fn eigenvectors(system: &LinearSystem, count: usize) -> Result<Dense> {
    let label = label(system, count)?;
    let k = label.components;
    Ok(Dense::from_fn(label.values.len() / k, count, |i, j| label.values[i * k + j]))
}

/// The same, row by row (n × `count`).
///
/// # Errors
/// As [`eigenvectors`].
pub fn eigenvector_rows(system: &LinearSystem, count: usize) -> Result<Vec<f64>> {
    let label = label(system, count)?;
    Ok(label.values.chunks_exact(label.components).flat_map(|row| &row[..count]).copied().collect())
}
