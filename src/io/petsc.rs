//! PETSc's binary format (big-endian), as `MatView` writes it and `MatLoad` and `VecLoad` read it: real numbers in
//! double precision, indices of 32 bits.
//!
//! Format: <https://petsc.org/release/manualpages/Mat/MatLoad/>.

use std::path::Path;
use std::sync::Arc;

use super::{atomic, input};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Pattern};

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

/// Whether a file begins as PETSc's binary files with a matrix do.
pub fn is_matrix(path: &Path) -> bool {
    let mut first = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut first));
    read.is_ok() && i32::from_be_bytes(first) == MATRIX
}

/// Reads a matrix and the vectors after it: of what [`write()`] wrote A, b and x.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::File`] naming what in it is not a sparse matrix or a vector of
/// such a file, or where it ends too early.
pub fn read(path: &Path) -> Result<(Csr, Vec<Vec<f64>>)> {
    let bytes = input::bytes(path)?;
    from_bytes(&bytes).map_err(|reason| Error::file(path, reason))
}

/// As [`read`], of the bytes of a file; the error says what is wrong.
fn from_bytes(bytes: &[u8]) -> std::result::Result<(Csr, Vec<Vec<f64>>), String> {
    let mut rest = Rest { bytes, at: 0 };
    match rest.number("the class of its first object")? {
        MATRIX => {}
        VECTOR => return Err("begins with a vector: a matrix has to come first".into()),
        0 if rest.number("the class of its first object")? == MATRIX => {
            return Err("has indices of 64 bits: write it with a PETSc of 32-bit indices".into());
        }
        other => return Err(format!("is no PETSc binary file of a matrix: its class is {other}, not {MATRIX}")),
    }
    let mut count = |what: &str| rest.number(what).map(|n| (n, usize::try_from(n)));
    let (rows, columns, entries) = (count("rows")?, count("columns")?, count("entries")?);
    let (Ok(rows), Ok(columns)) = (rows.1, columns.1) else {
        return Err(format!("claims {} × {} entries: no size of a matrix", rows.0, columns.0));
    };
    let Ok(entries) = entries.1 else {
        return Err("holds a dense matrix: write it as a sparse one (MATAIJ)".into());
    };
    let lengths = rest.numbers(rows, "row lengths")?;
    let mut indptr = vec![0u32];
    let mut end = 0usize;
    for (row, &length) in lengths.iter().enumerate() {
        end += usize::try_from(length).map_err(|_| format!("row {row} has {length} entries"))?;
        indptr.push(u32::try_from(end).map_err(|_| "has more than 2^32 entries".to_string())?);
    }
    if end != entries {
        return Err(format!("its rows have {end} entries together, where its head says {entries}"));
    }
    let indices = rest.numbers(entries, "column indices")?;
    let values = rest.reals(entries, "entries")?;
    let fits = |&&j: &&i32| usize::try_from(j).is_ok_and(|j| j < columns);
    if let Some(wrong) = indices.iter().find(|j| !fits(j)) {
        return Err(format!("column {wrong} is none of its {columns}"));
    }
    let matrix = in_order(rows, columns, &indptr, &indices, &values).map_err(|e| e.to_string())?;
    let mut vectors = Vec::new();
    while rest.at < bytes.len() {
        match rest.number("the class of an object")? {
            VECTOR => {}
            other => {
                return Err(format!("object {} is of class {other}: vectors may follow the matrix", vectors.len() + 1));
            }
        }
        let length = rest.number("the length of a vector")?;
        let length = usize::try_from(length).map_err(|_| format!("a vector of {length} entries"))?;
        vectors.push(rest.reals(length, "the entries of a vector")?);
    }
    Ok((matrix, vectors))
}

/// The matrix with the entries of each row by column, as PETSc writes them; others are sorted.
fn in_order(rows: usize, columns: usize, indptr: &[u32], indices: &[i32], values: &[f64]) -> Result<Csr> {
    let row = |i: usize| indptr[i] as usize..indptr[i + 1] as usize;
    if (0..rows).all(|i| indices[row(i)].windows(2).all(|pair| pair[0] < pair[1])) {
        let indices = indices.iter().map(|&j| j as u32).collect();
        let pattern = Pattern::new(rows, columns, indptr.to_vec(), indices)?;
        return Csr::new(Arc::new(pattern), values.to_vec());
    }
    let entries = (0..rows).flat_map(|i| row(i).map(move |k| (i, k)));
    let triplets: Vec<_> = entries.map(|(i, k)| (i, indices[k] as usize, values[k])).collect();
    Csr::from_triplets(rows, columns, &triplets)
}

/// What of a file is still to be read.
struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, length: Option<usize>, what: &str) -> std::result::Result<&'a [u8], String> {
        let end = length.and_then(|length| self.at.checked_add(length)).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else {
            return Err(format!("ends before {what} do: {} bytes", self.bytes.len()));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, what: &str) -> std::result::Result<i32, String> {
        Ok(self.numbers(1, what)?[0])
    }

    fn numbers(&mut self, count: usize, what: &str) -> std::result::Result<Vec<i32>, String> {
        let bytes = self.take(count.checked_mul(4), what)?.as_chunks::<4>().0;
        Ok(bytes.iter().map(|b| i32::from_be_bytes(*b)).collect())
    }

    fn reals(&mut self, count: usize, what: &str) -> std::result::Result<Vec<f64>, String> {
        let bytes = self.take(count.checked_mul(8), what)?.as_chunks::<8>().0;
        Ok(bytes.iter().map(|b| f64::from_be_bytes(*b)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_not_whole_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.petsc");
        let a = Csr::from_triplets(2, 2, &[(0, 0, 4.0), (0, 1, -1.0), (1, 1, 0.1)]).unwrap();
        write(&file, &a, &[1.0, 2.0], Some(&[0.5, -3.0])).unwrap();
        assert!(is_matrix(&file));
        let (read, vectors) = read(&file).unwrap();
        assert_eq!((read.pattern(), read.values()), (a.pattern(), a.values()));
        assert_eq!(vectors, [[1.0, 2.0], [0.5, -3.0]]);

        let whole = std::fs::read(&file).unwrap();
        let matrix = 16 + 4 * 2 + 12 * 3;
        for length in 0..whole.len() {
            // Whole objects alone make a whole file.
            let ends = [matrix, matrix + 24].contains(&length);
            assert_eq!(from_bytes(&whole[..length]).is_ok(), ends, "{length}");
        }
        let with = |at: usize, number: i32| {
            let mut bytes = whole.clone();
            bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
            from_bytes(&bytes).unwrap_err()
        };
        for (at, number, says) in [
            (0, 7, "its class is 7"),
            (4, -1, "claims -1"),
            (12, -1, "dense"),
            (12, 5, "together, where its head says 5"),
            (16, i32::MAX, "together"),
            (24, 2, "column 2 is none of its 2"),
            (matrix, 3, "of class 3"),
            (matrix + 4, i32::MAX, "ends before"),
        ] {
            assert!(with(at, number).contains(says), "{says}: {}", with(at, number));
        }
    }
}
