//! Runs the real binary.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fempipe::dataset::Dataset;

/// `fempipe` in a directory, apart from any scheduler's environment.
pub fn fempipe(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fempipe"));
    command.current_dir(dir).args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if ["SLURM_", "OMPI_", "PMI_"].iter().any(|p| name.starts_with(p)) {
            command.env_remove(name);
        }
    }
    command
}

static FORK: Mutex<()> = Mutex::new(());

/// Held while this process has HDF5 files open: a child that is forked meanwhile would inherit their locks.
pub fn alone() -> MutexGuard<'static, ()> {
    FORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a command, while no file is open here.
pub fn spawn(command: &mut Command) -> Child {
    let _guard = alone();
    command.spawn().unwrap()
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Output {
    let child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    child.wait_with_output().unwrap()
}

/// Runs `fempipe` to its end.
pub fn output(dir: &Path, args: &[&str]) -> Output {
    finish(&mut fempipe(dir, args))
}

/// Runs it; it must succeed. Returns stdout.
pub fn ok(dir: &Path, args: &[&str]) -> String {
    let out = output(dir, args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Runs it; it must fail with this exit code and exactly one line that has all the words. Returns the line.
pub fn refused(dir: &Path, args: &[&str], code: i32, words: &[&str]) -> String {
    let out = output(dir, args);
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(code), "{args:?}: {stderr}");
    let errors: Vec<&str> = stderr.lines().filter(|l| l.starts_with("fempipe: ")).collect();
    assert_eq!(errors.len(), 1, "{args:?}: {stderr}");
    assert_eq!(stderr.lines().last(), Some(errors[0]), "the error comes last");
    for word in words {
        assert!(errors[0].contains(word), "{args:?}: no '{word}' in: {stderr}");
    }
    errors[0].to_string()
}

/// The digests in a dataset.
pub fn digests(file: &Path) -> Vec<u64> {
    let _guard = alone();
    Dataset::open(file).unwrap().digests().to_vec()
}
