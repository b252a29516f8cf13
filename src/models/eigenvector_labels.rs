//! The eigenvectors that a dataset stores as labels: what a predicted subspace is to hold.

use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::system::{Field, LinearSystem};

/// The label.
pub const LABEL: &str = "eigenvectors";

/// The first `count` eigenvectors of a label, as columns.
///
/// # Errors
/// [`Error::Argument`] if the label is missing or holds fewer.
pub fn eigenvectors(system: &LinearSystem, count: usize) -> Result<Dense> {
    let label = system.label(LABEL).filter(|l| l.components >= count).ok_or_else(|| {
        let there = system.label(LABEL).map_or(0, |l: &Field| l.components);
        Error::Argument(format!(
            "{count} eigenvectors a system are needed, the dataset holds {there}: generate it with [labels] eigenpairs \
             = {count}"
        ))
    })?;
    let k = label.components;
    Ok(Dense::from_fn(label.values.len() / k, count, |i, j| label.values[i * k + j]))
}
