//! Reading without a checksum: first in a child process, since damaged indexes can make HDF5 loop or crash.
//!
//! What the child comes through, this process can read as well. The child may take processor time as the size of the
//! file justifies; memory it shares with this process until one of them writes to it.

use std::path::Path;

use crate::error::Result;

/// Does `read` in a child process.
///
/// # Errors
/// [`crate::Error::File`] if that crashes or does not end, [`crate::Error::Interrupted`] on Ctrl-C,
/// [`crate::Error::Io`] if there is no child to be had.
#[cfg(all(unix, not(fuzzing)))]
pub(super) fn read(path: &Path, read: impl FnOnce()) -> Result<()> {
    unix::read(path, read)
}

/// Elsewhere there is no fork: files without a checksum are read as they are. So they are by the fuzz target, whose
/// files HDF5 has written itself.
#[cfg(any(not(unix), fuzzing))]
pub(super) fn read(_: &Path, _: impl FnOnce()) -> Result<()> {
    Ok(())
}

#[cfg(all(unix, not(fuzzing)))]
mod unix {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use crate::error::{Error, Result};
    use crate::interrupt;

    /// Seconds of processor time for any file.
    const SECONDS: u64 = 2;

    /// Bytes of a file that justify a second more.
    const BYTES_PER_SECOND: u64 = 64 << 20;

    /// Wall-clock seconds for one of processor time: a slow disk is waited for.
    const PATIENCE: u64 = 20;

    pub(super) fn read(path: &Path, read: impl FnOnce()) -> Result<()> {
        let size = std::fs::metadata(path).map_err(|e| Error::io(path, "open", e))?.len();
        let seconds = SECONDS + size / BYTES_PER_SECOND;
        let failed = || Error::io(path, "start a process to read", std::io::Error::last_os_error());
        // No other thread is within HDF5 when the process is doubled: the child has none to leave it again.
        let child = hdf5::sync::sync(|| start(seconds, read)).ok_or_else(failed)?;
        let deadline = Instant::now() + Duration::from_secs(PATIENCE * seconds);
        let status = loop {
            let mut status = 0;
            // SAFETY: `child` is a child of this process that nobody else waits for.
            match unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } {
                0 => {}
                -1 => return Err(failed()),
                _ => break status,
            }
            let stop = interrupt::requested();
            if stop || Instant::now() > deadline {
                // SAFETY: as above; it has not been waited for, so that the number is still its own.
                unsafe {
                    libc::kill(child, libc::SIGKILL);
                    libc::waitpid(child, &mut status, 0);
                }
                if stop {
                    return Err(Error::Interrupted(format!("while reading {}", path.display())));
                }
                break status;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
            return Ok(());
        }
        let what = match libc::WTERMSIG(status) {
            libc::SIGXCPU | libc::SIGKILL if libc::WIFSIGNALED(status) => "HDF5 finds no end in it",
            _ => "HDF5 crashes on it",
        };
        Err(Error::file(path, format!("damaged: {what}; make it again, or take a copy of it")))
    }

    /// The child that reads and ends; None if there is none.
    fn start(seconds: u64, read: impl FnOnce()) -> Option<libc::pid_t> {
        // SAFETY: sigset_t is a plain C structure that sigfillset fills.
        let (mut all, mut before) = unsafe { std::mem::zeroed::<(libc::sigset_t, libc::sigset_t)>() };
        // SAFETY: signals wait until the child has put its own handlers aside: a handler of this process that runs
        // there would write into this process's pipes. Between fork and _exit the child, a copy with this thread alone,
        // calls the C library, HDF5 (whose lock this thread holds), the allocator (which glibc and macOS hand over
        // whole) and code that waits for no other thread.
        unsafe {
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
            let child = libc::fork();
            if child == 0 {
                alone(seconds);
                libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
                let whole = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).is_ok();
                libc::_exit(if whole { 0 } else { 1 });
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
            (child > 0).then_some(child)
        }
    }

    /// Makes the child a process that ends silently: by any signal, and once its time is up.
    ///
    /// # Safety
    /// In a child that was just forked.
    unsafe fn alone(seconds: u64) {
        let signals = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGXCPU];
        let crashes = [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGFPE, libc::SIGILL];
        let limit = |most: u64| libc::rlimit { rlim_cur: most as libc::rlim_t, rlim_max: most as libc::rlim_t };
        unsafe {
            for signal in signals.into_iter().chain(crashes) {
                libc::signal(signal, libc::SIG_DFL);
            }
            libc::setrlimit(libc::RLIMIT_CPU, &limit(seconds));
            libc::setrlimit(libc::RLIMIT_CORE, &limit(0));
            let nowhere = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY);
            libc::dup2(nowhere, libc::STDOUT_FILENO);
            libc::dup2(nowhere, libc::STDERR_FILENO);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn crashes_and_loops_end_in_errors() {
            let file = tempfile::NamedTempFile::new().unwrap();
            read(file.path(), || {}).unwrap();
            let crash = read(file.path(), || unsafe { libc::abort() }).unwrap_err().to_string();
            assert!(crash.contains("HDF5 crashes on it"), "{crash}");
            let panic = read(file.path(), || panic!("on purpose")).unwrap_err().to_string();
            assert!(panic.contains("HDF5 crashes on it"), "{panic}");
            let clock = Instant::now();
            let mut count = 0u64;
            let endless = read(file.path(), || {
                while count < u64::MAX {
                    count = std::hint::black_box(count) & 1;
                }
            });
            assert!(endless.unwrap_err().to_string().contains("no end in it"));
            assert!(clock.elapsed().as_secs() < PATIENCE * SECONDS);
        }
    }
}
