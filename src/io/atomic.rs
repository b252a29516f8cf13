//! Files that are written whole or not at all: under a temporary name, forced to the disk, renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Writes a file of these bytes.
///
/// # Errors
/// [`Error::Io`]; what was there before then stays.
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<()> {
    stream(path, |out| out.write_all(bytes.as_ref()))
}

/// Writes a file of what `fill` puts out. A link is followed; a device or a pipe is written to as it is.
///
/// # Errors
/// [`Error::Io`]; what was there before then stays.
pub fn stream(path: impl AsRef<Path>, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let path = path.as_ref();
    let put = |place: &Path, sync: bool| -> io::Result<()> {
        let mut out = BufWriter::new(File::create(place)?);
        fill(&mut out)?;
        let file = out.into_inner()?;
        if sync { file.sync_all() } else { Ok(()) }
    };
    let failed = |e| Error::io(path, "write", e);
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return put(path, false).map_err(failed);
    }
    let target = followed(path);
    replace(&temporary(&target), &target, |place| put(place, true).map_err(failed))
}

/// Where a link leads, whether or not anything is there yet; a path that is no link as it is.
pub fn followed(path: &Path) -> PathBuf {
    let linked = |p: &Path| Some(p.parent()?.join(fs::read_link(p).ok()?));
    let mut target = path.to_path_buf();
    // Links that lead round in a circle lead nowhere.
    for _ in 0..MOST_LINKS {
        match linked(&target) {
            Some(next) => target = next,
            None => return target,
        }
    }
    path.to_path_buf()
}

/// Links after one another that are followed, as the operating system does.
const MOST_LINKS: usize = 40;

/// The name beside `target` under which this process writes it.
fn temporary(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_os_string();
    name.push(format!("{TEMPORARY}{}", std::process::id()));
    PathBuf::from(name)
}

/// Between a file's name and the number of the process that writes it.
const TEMPORARY: &str = ".tmp-";

/// Whether `path` is a name under which some process writes, or wrote until it was killed, the file `target`.
pub fn is_temporary(path: &Path, target: &Path) -> bool {
    let names = [path, target].map(|p| p.file_name().and_then(|name| name.to_str()));
    let [Some(path), Some(target)] = names else { return false };
    let process = path.strip_prefix(target).and_then(|rest| rest.strip_prefix(TEMPORARY));
    process.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
}

/// Has `write` make the file `temporary`, on the file system of `target`, and gives it that name when it is whole.
///
/// # Errors
/// What `write` fails with, or [`Error::Io`]; the temporary file is then gone and what was at `target` before stays.
pub fn replace(temporary: &Path, target: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let renamed =
        write(temporary).and_then(|()| fs::rename(temporary, target).map_err(|e| Error::io(target, "write", e)));
    if let Err(e) = renamed {
        // The error that matters is the first; what is left of the file is of no use.
        let _ = fs::remove_file(temporary);
        return Err(e);
    }
    sync_directory(target.parent().unwrap_or(Path::new("")))
}

/// Forces a directory's entries (new and renamed files) to the disk.
fn sync_directory(dir: &Path) -> Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io(dir, "write", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_what_was_there_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write(&path, "first").unwrap();
        let error = stream(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(error.unwrap_err().to_string(), format!("{}: cannot write: no more", path.display()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(is_temporary(&temporary(&path), &path) && !is_temporary(&path, &path));
        assert!(!is_temporary(&dir.path().join("a.txt.tmp-1x"), &path));
        assert!(write(dir.path().join("none/a.txt"), "x").is_err());
        assert!(write(dir.path(), "x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("a.txt"), dir.path().join("link"));
        write(&file, "first").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "second").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "second");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::remove_file(&file).unwrap();
        write(&link, "third").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "third");
        write("/dev/null", "x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
