//! The residual over the iterations: in the terminal, or as SVG.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::io::atomic;
use crate::io::charts::{Scale, Series, lines};

/// Where to draw.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    Terminal,
    Svg(PathBuf),
}

/// What `--plot` without a file stands for.
pub const TERMINAL: &str = "terminal";

impl FromStr for Target {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        if text == TERMINAL {
            return Ok(Target::Terminal);
        }
        if text.to_ascii_lowercase().ends_with(".svg") {
            return Ok(Target::Svg(text.into()));
        }
        Err(Error::Argument(format!(
            "plot {text:?}: a file to draw into ends in .svg; for the terminal write --plot after the matrix"
        )))
    }
}

/// Draws the residuals of every `every`-th iteration into an SVG file.
///
/// # Errors
/// [`Error::Io`] if it cannot be written.
pub fn svg(path: &Path, title: &str, norm: &str, (history, every): (&[f64], usize)) -> Result<()> {
    let points = history.iter().enumerate().map(|(it, &r)| ((it * every) as f64, r));
    let series =
        Series { name: title.into(), points: points.collect(), marks: history.len() <= 40, ..Series::default() };
    let text = lines(title, "iterations", &format!("residual norm, {norm}"), Scale::Linear, Scale::Log, &[series]);
    atomic::write(path, text)
}

/// log₁₀ of the residuals over the iterations, 64 columns by 12 rows.
pub fn terminal(history: &[f64], iterations: usize) -> String {
    const SIZE: (usize, usize) = (64, 12);
    let logs: Vec<f64> = history.iter().map(|r| r.max(f64::MIN_POSITIVE).log10()).filter(|l| l.is_finite()).collect();
    if logs.len() < 2 {
        return String::new();
    }
    let top = logs.iter().copied().fold(f64::MIN, f64::max);
    let bottom = logs.iter().copied().fold(f64::MAX, f64::min);
    let span = (top - bottom).max(1e-9);
    let columns = SIZE.0.min(logs.len());
    let mut rows = vec![vec![' '; columns]; SIZE.1];
    for c in 0..columns {
        let log = logs[c * (logs.len() - 1) / (columns - 1)];
        let row = ((top - log) / span * (SIZE.1 - 1) as f64).round() as usize;
        rows[row.min(SIZE.1 - 1)][c] = '•';
    }
    let mut text = String::from("\n  log₁₀ ‖r‖\n");
    for (r, row) in rows.iter().enumerate() {
        let label = top - span * r as f64 / (SIZE.1 - 1) as f64;
        let line: String = row.iter().collect();
        text.push_str(format!("  {label:7.2} │{line}").trim_end());
        text.push('\n');
    }
    let axis = "─".repeat(columns);
    text.push_str(&format!("          └{axis} {iterations} iterations\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_the_fall() {
        let text = terminal(&[1.0, 0.1, 0.01], 2);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[2].contains("0.00 │•"), "{text}");
        assert!(lines[13].trim_end().ends_with('•') && lines[13].contains("-2.00"), "{text}");
        assert!(lines[14].ends_with("2 iterations"), "{text}");
        assert_eq!(terminal(&[1.0], 0), "");
        assert!(terminal(&[0.0, f64::NAN, 1.0], 2).contains('•'));
    }
}
