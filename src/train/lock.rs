//! One process at a time trains in a run directory.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The file that is locked; it holds the number of the process.
const NAME: &str = ".lock";

/// A run directory that this process alone trains in, until it is dropped. The lock is the operating system's and goes
/// with the process, however that ends; a file that a killed one left behind locks nothing.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// The lock lives as long as the file is open.
    _file: File,
}

impl Lock {
    /// Takes the lock of a directory.
    ///
    /// # Errors
    /// [`Error::File`] naming the process that has it, [`Error::Io`] if the directory cannot be written into.
    pub fn take(directory: &Path) -> Result<Self> {
        let path = directory.join(NAME);
        let failed = |e| Error::io(directory, "write into", e);
        loop {
            let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = open.map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(taken(directory, &mut file)),
                // A file system without locks: nothing better is to be had there.
                Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => {}
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
            if !is_at(&file, &path) {
                // Whoever had it before has removed the file between our opening and locking it.
                continue;
            }
            file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(failed)?;
            return Ok(Lock { path, _file: file });
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked; one that stays is of no harm.
        let _ = fs::remove_file(&self.path);
    }
}

fn taken(directory: &Path, file: &mut File) -> Error {
    let mut text = String::new();
    // What cannot be read names nobody.
    let _ = file.read_to_string(&mut text);
    let who = match text.trim() {
        "" => "another process".to_string(),
        id => format!("process {id}"),
    };
    Error::file(
        directory,
        format!("{who} is training here: wait until it is done, or choose another directory with -o"),
    )
}

/// Whether that open file is still the one at the path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if same(&a, &b))
}

/// Where files in use cannot be removed, it is.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_has_it_and_a_file_left_behind_locks_nothing() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(NAME), "1").unwrap();
        let first = Lock::take(place.path()).unwrap();
        let error = Lock::take(place.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {} is training here", std::process::id())), "{error}");
        drop(first);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        Lock::take(place.path()).unwrap();
    }
}
