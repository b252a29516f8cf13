//! PETSc's binary format (big-endian), as `MatLoad` and `VecLoad` read it.

use std::path::Path;

use super::atomic;
use crate::error::{Error, Result};
use crate::linalg::Csr;

/// PETSc's `MAT_FILE_CLASSID`.
const MATRIX: i32 = 1_211_216;

/// PETSc's `VEC_FILE_CLASSID`.
const VECTOR: i32 = 1_211_214;

/// Writes A, then b, then (where known) x.
///
/// # Errors
/// [`Error::Argument`] if there are more entries than PETSc's 32-bit indices count, [`Error::Io`] if the file cannot be
/// written.
pub fn write(path: &Path, a: &Csr, b: &[f64], x: Option<&[f64]>) -> Result<()> {
    let too_many = || Error::Argument("too many entries for PETSc's 32-bit indices".into());
    let number = |v: usize| i32::try_from(v).map_err(|_| too_many());
    let mut out = Vec::with_capacity(12 * a.nnz() + 32 * a.nrows());
    let mut put = |v: i32| out.extend(v.to_be_bytes());
    for v in [MATRIX, number(a.nrows())?, number(a.ncols())?, number(a.nnz())?] {
        put(v);
    }
    for i in 0..a.nrows() {
        put(number(a.row(i).0.len())?);
    }
    for &j in a.pattern().indices() {
        put(number(j as usize)?);
    }
    out.extend(a.values().iter().flat_map(|v| v.to_be_bytes()));
    for v in std::iter::once(b).chain(x) {
        out.extend(VECTOR.to_be_bytes());
        out.extend(number(v.len())?.to_be_bytes());
        out.extend(v.iter().flat_map(|v| v.to_be_bytes()));
    }
    atomic::write(path, out)
}
