//! Printing results, and numbers as people read them.

use std::io::{ErrorKind, Write};

use crate::error::{Error, Result};
use crate::io::plain;

/// Prints a result to stdout, control characters in names as their escapes. A reader that closed the pipe (`| head`)
/// has all it wants: no error.
///
/// # Errors
/// [`Error::Io`] if stdout cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(plain::lines(text).as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|e| Error::io("stdout", "write", e)),
    }
}

/// Bytes with a decimal prefix: "12.3 MB".
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            let digits = usize::from(unit != "B");
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// Seconds as people read them: "40 s", "12 min", "3.5 h".
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Four significant digits: plain where that is short, with an exponent where not.
pub fn number(v: f64) -> String {
    let size = v.abs();
    if v == 0.0 || !v.is_finite() {
        format!("{v}")
    } else if (1e-3..1e5).contains(&size) {
        let digits = (3 - size.log10().floor() as i32).max(0) as usize;
        format!("{v:.digits$}")
    } else {
        format!("{v:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_345_678), "12.3 MB");
        for (v, s) in [(0.0, "0"), (1.0, "1.000"), (-0.25, "-0.2500"), (12345.6, "12346"), (1e-7, "1.000e-7")] {
            assert_eq!(number(v), s);
        }
    }
}
