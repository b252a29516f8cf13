//! What dense networks see of a matrix: its stored diagonals, or all of it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::Csr;

/// Which numbers of A a network reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// The stored diagonals of the upper triangle of a symmetric band matrix, one after the other (n = 225 on
    /// the regular triangulation: 225 + 224 + 210 + 209 = 868 numbers).
    #[default]
    Diagonals,
    /// All n² entries, row by row.
    Full,
}

/// Offsets j − i ≥ 0 of the diagonals that hold entries, rising.
pub fn upper_offsets(a: &Csr) -> Vec<usize> {
    let mut seen = vec![false; a.ncols()];
    for i in 0..a.nrows() {
        for &j in a.row(i).0 {
            if j as usize >= i {
                seen[j as usize - i] = true;
            }
        }
    }
    (0..seen.len()).filter(|&d| seen[d]).collect()
}

/// How many numbers the network reads of an n×n matrix with these diagonals.
pub fn width(input: Input, n: usize, offsets: &[usize]) -> usize {
    match input {
        Input::Diagonals => offsets.iter().map(|&d| n.saturating_sub(d)).sum(),
        Input::Full => n * n,
    }
}

/// The numbers themselves.
///
/// # Errors
/// [`Error::Argument`] if A has an entry off the given diagonals.
pub fn read(input: Input, a: &Csr, offsets: &[usize]) -> Result<Vec<f32>> {
    let n = a.nrows();
    let mut out = vec![0.0; width(input, n, offsets)];
    let mut start = vec![usize::MAX; n];
    if input == Input::Diagonals {
        let mut at = 0;
        for &d in offsets.iter().filter(|&&d| d < n) {
            start[d] = at;
            at += n - d;
        }
    }
    for i in 0..n {
        let (cols, vals) = a.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            let j = j as usize;
            match input {
                Input::Full => out[i * n + j] = v as f32,
                Input::Diagonals if j >= i => {
                    let at = start[j - i];
                    if at == usize::MAX {
                        return Err(Error::Argument(format!(
                            "matrix has an entry on diagonal {}, the network was trained on diagonals {offsets:?}: \
                             use the node order it was trained on",
                            j - i
                        )));
                    }
                    out[at + i] = v as f32;
                }
                Input::Diagonals => {}
            }
        }
    }
    Ok(out)
}
