//! Which files hold matrices, and where the right-hand side of each is.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Endings of files that hold a matrix.
const MATRICES: [&str; 4] = [".mtx", ".mtx.gz", ".npz", ".petsc"];

/// Endings of files that hold a vector.
const VECTORS: [&str; 3] = [".mtx", ".mtx.gz", ".npy"];

/// A file with a matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixFile {
    /// The file.
    pub matrix: PathBuf,
    /// Its right-hand side, `NAME_b.mtx`, `NAME_b.mtx.gz` or `NAME_b.npy` beside it, where there is one.
    pub rhs: Option<PathBuf>,
}

impl MatrixFile {
    fn new(matrix: PathBuf) -> Self {
        let rhs = name(&matrix).and_then(|name| beside(&matrix, name, "_b", &VECTORS));
        MatrixFile { matrix, rhs }
    }
}

/// The matrices among some files and in some directories, in the order given, those of a directory by name. Files that
/// are the right-hand side (`NAME_b`) or the solution (`NAME_x`) of another matrix there are none: `*.mtx` names all.
///
/// # Errors
/// [`Error::Io`] if a directory cannot be read, [`Error::File`] for one without a matrix.
pub fn matrices(paths: &[PathBuf]) -> Result<Vec<MatrixFile>> {
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            false => files.push(path.clone()),
            true => files.extend(of_directory(path)?),
        }
    }
    let belongs = |file: &PathBuf| {
        let of = |suffix: &str| {
            let whose = name(file)?.strip_suffix(suffix)?;
            files.iter().find(|other| other.parent() == file.parent() && name(other) == Some(whose))
        };
        of("_b").or_else(|| of("_x")).is_some()
    };
    Ok(files.iter().filter(|file| !belongs(file)).cloned().map(MatrixFile::new).collect())
}

/// The matrices and vectors of a directory, those in directories below it left out.
fn of_directory(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| Error::io(directory, "read", e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && ending(&path, &MATRICES).is_some() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::file(
            directory,
            format!("holds no matrix: none of its files ends in {}", MATRICES.join(", ")),
        ));
    }
    files.sort();
    Ok(files)
}

/// The ending of a file's name, the longest that fits.
fn ending<'a>(path: &Path, endings: &[&'a str]) -> Option<&'a str> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    endings.iter().filter(|ending| name.ends_with(**ending)).max_by_key(|ending| ending.len()).copied()
}

/// The file's name without the ending of a matrix or vector.
fn name(path: &Path) -> Option<&str> {
    let whole = path.file_name()?.to_str()?;
    match ending(path, &MATRICES).or_else(|| ending(path, &VECTORS)) {
        Some(ending) => whole.get(..whole.len() - ending.len()),
        None => path.file_stem()?.to_str(),
    }
}

/// A file beside another one.
fn beside(path: &Path, name: &str, suffix: &str, endings: &[&str]) -> Option<PathBuf> {
    let places = endings.iter().map(|ending| path.with_file_name(format!("{name}{suffix}{ending}")));
    places.into_iter().find(|place| place.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_beside_matrices_are_no_matrices() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["b.mtx", "a.mtx.gz", "a_b.mtx", "a_x.mtx", "c.npz", "c_b.npy", "alone_b.mtx", "note.txt"] {
            std::fs::write(at(name), "").unwrap();
        }
        let wanted =
            [("a.mtx.gz", Some("a_b.mtx")), ("alone_b.mtx", None), ("b.mtx", None), ("c.npz", Some("c_b.npy"))];
        let wanted = wanted.map(|(matrix, rhs)| MatrixFile { matrix: at(matrix), rhs: rhs.map(at) });
        assert_eq!(matrices(&[dir.path().to_path_buf()]).unwrap(), wanted);
        let given = ["b.mtx", "a_b.mtx", "a.mtx.gz"].map(at);
        assert_eq!(matrices(&given).unwrap(), [wanted[2].clone(), wanted[0].clone()]);
        let empty = tempfile::tempdir().unwrap();
        let error = matrices(&[empty.path().to_path_buf()]).unwrap_err().to_string();
        assert!(error.contains("holds no matrix") && error.contains(".mtx.gz"), "{error}");
    }
}
