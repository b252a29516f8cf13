//! Files that are read whole.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where a file lies that a recipe names: a relative path starts at the recipe's directory or, where it is not there,
/// at the current one.
///
/// # Errors
/// A text with both paths, if neither is there.
pub fn beside(directory: &Path, file: &Path) -> std::result::Result<PathBuf, String> {
    let near = directory.join(file);
    if near == file || near.exists() {
        return Ok(near);
    }
    if file.exists() {
        return Ok(file.to_path_buf());
    }
    let (near, here) = (near.display(), file.display());
    Err(format!("neither {near} (beside the recipe) nor {here} (from the current directory) is there"))
}

/// Opens a file. What is no file is refused: a pipe that nobody writes to would be waited for, and a device may have no
/// end.
///
/// # Errors
/// [`Error::Io`] if it cannot be opened, [`Error::File`] if it is a directory, a pipe or a device.
pub fn open(path: &Path) -> Result<File> {
    check(path)?;
    File::open(path).map_err(|e| Error::io(path, "read", e))
}

/// Refuses what is no file, for whoever opens it in another way.
///
/// # Errors
/// As [`open`].
pub fn check(path: &Path) -> Result<()> {
    let there = std::fs::metadata(path).map_err(|e| Error::io(path, "read", e))?;
    match kind(&there) {
        None => Ok(()),
        Some(kind) => Err(Error::file(path, format!("is a {kind}, not a file that can be read"))),
    }
}

/// What something is that is no file.
pub(super) fn kind(of: &Metadata) -> Option<&'static str> {
    if of.is_file() {
        None
    } else if of.is_dir() {
        Some("directory")
    } else {
        Some(special(of))
    }
}

#[cfg(unix)]
fn special(of: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = of.file_type();
    if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}

#[cfg(not(unix))]
fn special(_of: &Metadata) -> &'static str {
    "device"
}

/// The bytes of a file.
///
/// # Errors
/// As [`open`].
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
    Ok(bytes)
}

/// The text of a file of at most `most` bytes.
///
/// # Errors
/// As [`open`], and [`Error::File`] if it is larger, or naming the line that is not UTF-8.
pub fn text(path: &Path, most: u64) -> Result<String> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
    if bytes.len() as u64 > most {
        return Err(Error::file(path, format!("is larger than {most} bytes: no such file is")));
    }
    String::from_utf8(bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..good].iter().filter(|&&b| b == b'\n').count();
        Error::file(path, format!("line {line}: not UTF-8 text"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.toml");
        std::fs::write(&file, b"a\nb\nf\xfcr").unwrap();
        let says = |path: &Path, most| text(path, most).unwrap_err().to_string();
        assert!(says(&file, 100).ends_with("line 3: not UTF-8 text"));
        assert!(says(&file, 6).ends_with("larger than 6 bytes: no such file is"));
        assert!(says(dir.path(), 6).ends_with("is a directory, not a file that can be read"));
        assert!(says(Path::new("/dev/zero"), 6).contains("is a device"));
        assert!(says(&dir.path().join("b"), 6).contains("cannot read"));
    }
}
