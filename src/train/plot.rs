//! Loss and validation iterations over the epochs, as pictures in the run directory.

use std::fs;

use super::directory::RunDirectory;
use super::metrics::{EpochMetrics, SolverMetrics};
use crate::error::{Error, Result};
use crate::io::atomic;
use crate::io::charts::{AxisLabel, COLOURS, Chart, Scale, Series, Stroke};

/// Draws what metrics.jsonl has so far; lines that cannot be read are left out.
///
/// # Errors
/// [`Error::Io`].
pub fn write(directory: &RunDirectory) -> Result<()> {
    let path = directory.metrics();
    let text = fs::read(&path).map_err(|e| Error::io(&path, "read", e))?;
    let epochs: Vec<EpochMetrics> =
        text.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    atomic::write(directory.loss_plot(), loss(&epochs).svg())?;
    if epochs.iter().any(|e| e.solver.is_some()) {
        atomic::write(directory.iterations_plot(), iterations(&epochs).svg())?;
    }
    Ok(())
}

/// One line a number that epochs have.
fn line(epochs: &[EpochMetrics], name: &str, k: usize, of: impl Fn(&EpochMetrics) -> Option<f64>) -> Series {
    let points: Vec<(f64, f64)> = epochs.iter().filter_map(|e| Some((e.epoch as f64, of(e)?))).collect();
    let stroke = Stroke { colour: COLOURS[k].into(), width: 2.0, dash: "" };
    Series { name: name.into(), marks: points.len() <= 40, points, stroke: Some(stroke), ..Series::default() }
}

fn loss(epochs: &[EpochMetrics]) -> Chart {
    let mut series =
        vec![line(epochs, "training", 0, |e| Some(e.loss)), line(epochs, "validation", 1, |e| e.validation_loss)];
    series.retain(|s| !s.points.is_empty());
    let positive = series.iter().flat_map(|s| &s.points).all(|p| p.1 > 0.0);
    let scale = if positive { Scale::Log } else { Scale::Linear };
    Chart::lines("Loss", AxisLabel::new("epoch", Scale::Linear), AxisLabel::new("loss", scale), series)
}

fn iterations(epochs: &[EpochMetrics]) -> Chart {
    let solver = |of: fn(&SolverMetrics) -> f64| move |e: &EpochMetrics| e.solver.as_ref().map(of);
    let mut best = line(epochs, "best so far", 7, |e| e.solver.as_ref().filter(|_| e.best).map(|s| s.iterations_mean));
    best.steps = true;
    let series = vec![
        line(epochs, "mean", 0, solver(|s| s.iterations_mean)),
        line(epochs, "median", 2, solver(|s| s.iterations_median)),
        line(epochs, "worst", 1, solver(|s| s.iterations_worst)),
        best,
    ];
    let failures = epochs.iter().filter_map(|e| e.solver.as_ref()).map(|s| s.failures).next_back().unwrap_or(0);
    let title = match failures {
        0 => "Iterations on the validation systems".to_string(),
        failures => format!("Iterations on the validation systems; {failures} failed in the last epoch"),
    };
    Chart::lines(title, AxisLabel::new("epoch", Scale::Linear), AxisLabel::new("iterations", Scale::Log), series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::metrics::append;

    #[test]
    fn what_was_measured_so_far_is_drawn() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDirectory::new(dir.path());
        assert!(write(&run).is_err(), "nothing was measured");
        let solver = |its| SolverMetrics {
            iterations_mean: its,
            iterations_median: its,
            iterations_worst: 2.0 * its,
            failures: 1,
            systems: 9,
        };
        let mut epoch = EpochMetrics {
            epoch: 1,
            step: 4,
            loss: 0.5,
            lr: 0.1,
            validation_loss: None,
            solver: None,
            best: false,
            seconds: 1.0,
        };
        append(&run.metrics(), &epoch).unwrap();
        write(&run).unwrap();
        assert!(run.loss_plot().is_file() && !run.iterations_plot().exists());
        (epoch.epoch, epoch.solver, epoch.best) = (2, Some(solver(20.0)), true);
        append(&run.metrics(), &epoch).unwrap();
        fs::OpenOptions::new()
            .append(true)
            .open(run.metrics())
            .map(|mut f| {
                use std::io::Write;
                f.write_all(b"{\"epoch\":3,\xff\n").unwrap();
            })
            .unwrap();
        write(&run).unwrap();
        let text = fs::read_to_string(run.iterations_plot()).unwrap();
        assert!(text.contains("1 failed in the last epoch") && text.contains("best so far"), "{text}");
    }
}
