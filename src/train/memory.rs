//! What the C library does with memory that a step gives back.

/// From now on freed memory stays with the process: the next step needs as much again, and pages taken from the system
/// anew are cleared one by one, an eighth of a small network's step. Peak memory stays what it was. Where the C library
/// is not GNU's, nothing happens.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two numbers and may be called at any time; settings that it does not take change nothing.
    unsafe {
        // Off, and tables from the heap up to the largest size that is taken.
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
    }
}
