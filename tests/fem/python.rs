//! Runs a Python script that prints one number; skips where Python or a package is not there.

use std::io::Write;
use std::process::{Command, Stdio};

/// The number that `script` prints for `input` (JSON on its standard input), or None if it printed "skip" or failed to
/// start.
pub fn relative_difference(script: &str, input: &serde_json::Value) -> Option<f64> {
    let python = std::env::var("FEMPIPE_PYTHON").unwrap_or_else(|_| "python3".into());
    let child = Command::new(&python).args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        println!("skipped: no {python} to run scikit-fem with");
        return None;
    };
    // A Python without the packages ends before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.to_string().as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    if text == "skip" {
        println!("skipped: {python} has no scikit-fem (set FEMPIPE_PYTHON, or use `make test`)");
        return None;
    }
    assert!(output.status.success(), "the script failed: {text}");
    Some(text.parse().unwrap())
}
