//! Space on the disk for a file before it is written, so that a full disk is told at once; early writing to the disk.

use std::fs::File;
use std::io;
use std::ops::Range;

/// Reserves space for these bytes of a file, where the file system can, and makes it as long at least; what is there
/// stays.
///
/// # Errors
/// If there is not so much space, or the file system refuses.
pub(crate) fn allocate(file: &File, bytes: Range<u64>) -> io::Result<()> {
    fallocate(file, &bytes, 0)?;
    match file.metadata()?.len() < bytes.end {
        true => file.set_len(bytes.end),
        false => Ok(()),
    }
}

/// Refuses a file that is to be `length` bytes long where the file system, by what it says, has no space for what of it
/// is not there; says whether reserving space is worth its time: not in memory, where it takes as long as writing.
///
/// # Errors
/// If there is not so much space.
#[cfg(target_os = "linux")]
pub(crate) fn check(file: &File, length: u64) -> io::Result<bool> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;
    /// Bytes of what `st_blocks` counts.
    const BLOCK: u64 = 512;
    // SAFETY: a structure of numbers, which zeros are.
    let mut system: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open as long as `file` is borrowed, the structure is ours.
    if unsafe { libc::fstatfs(file.as_raw_fd(), &mut system) } != 0 {
        return Ok(true);
    }
    // A file system that does not say how large it is.
    if system.f_blocks == 0 {
        return Ok(true);
    }
    let free = system.f_bavail.saturating_mul(u64::try_from(system.f_bsize).unwrap_or(0));
    let missing = length.saturating_sub(BLOCK * file.metadata()?.blocks());
    match missing <= free {
        true => Ok(system.f_type != libc::TMPFS_MAGIC),
        false => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
    }
}

/// Whether it is worth reserving space; the system does not say here how much there is.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub(crate) fn check(_file: &File, _length: u64) -> io::Result<bool> {
    Ok(true)
}

/// Reserves space for a file up to `length`, where the file system can; the file stays as long as it is.
///
/// # Errors
/// As [`allocate`].
pub(crate) fn allocate_behind(file: &File, length: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return fallocate(file, &(0..length), libc::FALLOC_FL_KEEP_SIZE);
    #[cfg(not(target_os = "linux"))]
    return fallocate(file, &(0..length), 0);
}

/// Starts to write what of a file is in memory alone to the disk, and does not wait for it.
#[cfg(target_os = "linux")]
pub(crate) fn start_writing(file: &File) {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open as long as `file` is borrowed. What fails here fails again when the file is forced
    // to the disk.
    let _ = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// Starts to write what of a file is in memory alone to the disk, where the system has a call for it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn start_writing(_file: &File) {}

#[cfg(target_os = "linux")]
fn fallocate(file: &File, bytes: &Range<u64>, mode: libc::c_int) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    if bytes.is_empty() {
        return Ok(());
    }
    let number = |n: u64| libc::off64_t::try_from(n).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
    let (start, length) = (number(bytes.start)?, number(bytes.end - bytes.start)?);
    loop {
        // SAFETY: the descriptor is open as long as `file` is borrowed.
        if unsafe { libc::fallocate64(file.as_raw_fd(), mode, start, length) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            // The file system cannot.
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => return Ok(()),
            _ => return Err(error),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn fallocate(_file: &File, _bytes: &Range<u64>, _mode: i32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        allocate_behind(&file, 9000).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        allocate(&file, 1..5).unwrap();
        allocate(&file, 0..2).unwrap();
        start_writing(&file);
        assert_eq!(std::fs::read(&path).unwrap(), b"abc\0\0");
        // More than any file system has.
        #[cfg(target_os = "linux")]
        assert_eq!(check(&file, 1 << 62).unwrap_err().kind(), io::ErrorKind::StorageFull);
        check(&file, 5).unwrap();
        assert!(allocate(&file, 0..1 << 62).is_err());
    }
}
