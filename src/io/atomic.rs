//! Files that are written whole or not at all: under a temporary name, forced to the disk, renamed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::input;
use crate::error::{Error, Result};

/// Writes a file of these bytes.
///
/// # Errors
/// [`Error::Io`]; what was there before then stays.
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<()> {
    stream(path, |out| out.write_all(bytes.as_ref()))
}

/// Writes a file of what `fill` puts out. A link is followed; a device, or a pipe that somebody reads from, is written
/// to as it is.
///
/// # Errors
/// [`Error::Io`]; what was there before then stays. [`Error::File`] for a directory, a socket or a pipe without a
/// reader.
pub fn stream(path: impl AsRef<Path>, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let path = path.as_ref();
    let failed = |e| Error::io(path, "write", e);
    let put = |file: File| -> io::Result<File> {
        let mut out = BufWriter::new(file);
        fill(&mut out)?;
        Ok(out.into_inner()?)
    };
    if let Some(kind) = fs::metadata(path).ok().and_then(|there| input::kind(&there)) {
        let opened = match kind {
            "directory" | "socket" => {
                return Err(Error::file(path, format!("is a {kind}: no file can be written there")));
            }
            "pipe" => open_pipe(path).map_err(|_| Error::file(path, "is a pipe that nobody reads from")),
            _ => File::create(path).map_err(failed),
        };
        return put(opened?).map(drop).map_err(failed);
    }
    let target = followed(path);
    sweep(&target);
    replace(&temporary(&target), &target, |place| {
        let file = File::create(place).map_err(failed)?;
        // By its lock another process sees that this one is alive. Without locks it lets the file be.
        let _ = file.try_lock();
        put(file).and_then(|file| file.sync_all()).map_err(failed)
    })
}

/// Opens a pipe for writing, if that needs no wait for a reader.
#[cfg(unix)]
fn open_pipe(pipe: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    // Held until the pipe is open once more, so that the reader sees no end meanwhile.
    let _first = options.write(true).custom_flags(libc::O_NONBLOCK).open(pipe)?;
    File::options().write(true).open(pipe)
}

#[cfg(not(unix))]
fn open_pipe(pipe: &Path) -> io::Result<File> {
    File::create(pipe)
}

/// Unfinished files in directories, each as it was when this process first wrote there.
static UNFINISHED: Mutex<BTreeMap<PathBuf, Vec<PathBuf>>> = Mutex::new(BTreeMap::new());

/// Removes what processes that were killed have left of `target` under other names: none holds the lock of such a file
/// any more. What cannot be removed stays.
pub(crate) fn sweep(target: &Path) {
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut all = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    let there = all.entry(dir.to_path_buf()).or_insert_with(|| {
        let entries = fs::read_dir(dir).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
        entries.filter(|path| process_of(path).is_some()).collect()
    });
    for path in there.extract_if(.., |path| is_temporary(path, target)) {
        let is_file = fs::symlink_metadata(&path).is_ok_and(|m| m.is_file());
        // One that is alive may not have locked its file yet.
        let over = is_file && !process_of(&path).is_some_and(is_alive);
        if over && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether this machine runs a process of this number.
#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let Ok(process) = libc::pid_t::try_from(process) else { return false };
    // SAFETY: signal 0 is none: it is only checked whether one could be sent.
    unsafe { libc::kill(process, 0) == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM) }
}

#[cfg(not(unix))]
fn is_alive(_process: u32) -> bool {
    true
}

/// The process that a file's name, as [`temporary`] makes it, is of.
fn process_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.rsplit_once(TEMPORARY)?.1.parse().ok()
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
pub(crate) fn temporary(target: &Path) -> PathBuf {
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

/// Refuses a place where no file can be put: a directory, a pipe, a device.
///
/// # Errors
/// [`Error::File`] saying what is there.
pub fn check_target(target: &Path) -> Result<()> {
    match fs::metadata(target).ok().and_then(|there| input::kind(&there)) {
        Some(kind) => Err(Error::file(target, format!("is a {kind}: no file can be put in its place"))),
        None => Ok(()),
    }
}

/// Has `write` make the file `temporary`, on the file system of `target`, and gives it that name when it is whole.
///
/// # Errors
/// As [`check_target`]; what `write` fails with, or [`Error::Io`]; the temporary file is then gone and what was at
/// `target` before stays.
pub fn replace(temporary: &Path, target: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    check_target(target)?;
    let renamed =
        write(temporary).and_then(|()| fs::rename(temporary, target).map_err(|e| Error::io(target, "write", e)));
    if let Err(e) = renamed {
        // The error that matters is the first; what is left of the file is of no use.
        let _ = fs::remove_file(temporary);
        return Err(e);
    }
    sync_directory(target.parent().unwrap_or(Path::new("")))
}

/// Gives a file, whole and forced to the disk, the name `target` on its file system.
///
/// # Errors
/// As [`check_target`], or [`Error::Io`]; the file then keeps its name, and what was at `target` before stays.
pub(crate) fn rename(file: &Path, target: &Path) -> Result<()> {
    check_target(target)?;
    fs::rename(file, target).map_err(|e| Error::io(target, "write", e))?;
    sync_directory(target.parent().unwrap_or(Path::new("")))
}

/// Whether a directory is on the file system of `target`, which is no link: a file there can be given that name.
pub(crate) fn on_file_system_of(target: &Path, dir: &Path) -> bool {
    same_file_system(dir, target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

#[cfg(unix)]
fn same_file_system(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).ok().map(|m| m.dev());
    device(a) == device(b)
}

#[cfg(not(unix))]
fn same_file_system(_a: &Path, _b: &Path) -> bool {
    false
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
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(write(&pipe, "x").unwrap_err().to_string().ends_with("is a pipe that nobody reads from"));
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        while write(&pipe, "x").is_err() {
            std::thread::yield_now();
        }
        assert_eq!(reader.join().unwrap(), "x");
    }

    #[test]
    fn what_killed_processes_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a.txt.tmp-4000001", "a.txt.tmp-4000002", "b.txt.tmp-4000001", "a.txt.tmp-x", "c"] {
            fs::write(at(name), "half").unwrap();
        }
        let alive = File::open(at("a.txt.tmp-4000002")).unwrap();
        alive.lock().unwrap();
        write(at("a.txt"), "whole").unwrap();
        let there = |name: &str| at(name).exists();
        assert!(!there("a.txt.tmp-4000001") && there("a.txt.tmp-4000002") && there("a.txt.tmp-x") && there("c"));
        assert!(there("b.txt.tmp-4000001"), "b.txt has not been written");
        write(at("b.txt"), "whole").unwrap();
        assert!(!there("b.txt.tmp-4000001"));
    }
}
