//! Loss and validation iterations as pictures and as a page in the run directory.

use std::fs;
use std::time::{Duration, Instant};

use super::directory::RunDirectory;
use super::metrics::EpochMetrics;
use super::page::{self, Run, State};
use crate::error::{Error, Result};
use crate::io::atomic;

/// They are drawn no more often while training goes on,
const EVERY: Duration = Duration::from_secs(2);

/// nor before training has gone on for so many times as long as it took to draw them.
const TIMES: u32 = 100;

/// Within an epoch the page is written again after so long: whoever has it open sees that training goes on.
const BEAT: Duration = Duration::from_secs(30);

/// A page that is so many times older than any one became before is one of a process that may have ended.
const OLDER: u32 = 4;

/// Draws what a run has measured, as it goes.
#[derive(Default)]
pub struct Plots {
    /// When it was drawn last, and how long that took.
    drawn: Option<(Instant, Duration)>,
    /// The longest time between two drawings.
    longest: Duration,
}

impl Plots {
    /// Whether it is time to show that training goes on, though no epoch is done.
    pub fn are_quiet(&self) -> bool {
        self.drawn.is_none_or(|(last, _)| last.elapsed() >= BEAT)
    }

    /// Draws what metrics.jsonl has so far, unless it was drawn a moment ago and training goes on; lines that cannot be
    /// read are left out.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn draw(&mut self, directory: &RunDirectory, run: &Run, state: State) -> Result<()> {
        let lately = |&(last, took): &(Instant, Duration)| last.elapsed() < EVERY.max(took * TIMES);
        if state == State::Training && self.drawn.as_ref().is_some_and(lately) {
            return Ok(());
        }
        if let Some((last, took)) = self.drawn {
            self.longest = self.longest.max(last.elapsed()).max(took * TIMES);
        }
        let clock = Instant::now();
        let path = directory.metrics();
        let text = match fs::read(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&path, "read", e)),
            text => text.unwrap_or_default(),
        };
        let epochs: Vec<EpochMetrics> =
            text.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        atomic::write(directory.page(), page::page(run, &epochs, state, OLDER * self.longest.max(BEAT)))?;
        if !epochs.is_empty() {
            atomic::write(directory.loss_plot(), page::loss(&epochs, "epoch", |e| e.epoch as f64).svg())?;
        }
        if epochs.iter().any(|e| e.solver.is_some()) {
            let chart = page::iterations(&epochs, run.baselines, "epoch", |e| e.epoch as f64);
            atomic::write(directory.iterations_plot(), chart.svg())?;
        }
        self.drawn = Some((Instant::now(), clock.elapsed()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::baselines::Baseline;
    use super::super::metrics::{SolverMetrics, append};
    use super::*;

    fn solver(its: f64) -> SolverMetrics {
        SolverMetrics {
            iterations_mean: its,
            iterations_median: its,
            iterations_worst: 2.0 * its,
            failures: 1,
            systems: 9,
        }
    }

    fn epoch(epoch: u64) -> EpochMetrics {
        EpochMetrics {
            epoch,
            step: 4,
            loss: (epoch > 0).then_some(0.5),
            lr: (epoch > 0).then_some(0.1),
            validation_loss: None,
            solver: (epoch > 1).then(|| solver(20.0)),
            best: epoch > 1,
            seconds: 2.0 * epoch as f64,
            validation_seconds: None,
            note: None,
        }
    }

    #[test]
    fn what_was_measured_so_far_is_drawn() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDirectory::new(dir.path());
        let baselines = [Baseline { pc: "icc".into(), solver: solver(83.1) }];
        let about = Run { name: "a <b>", model: "mlp", judge: "cg to 1e-5", epochs: 7, baselines: &baselines };
        let draw = |state| Plots::default().draw(&run, &about, state).unwrap();
        let page = || fs::read_to_string(run.page()).unwrap();
        draw(State::Training);
        assert!(
            page().contains("No epoch is done yet.") && page().contains("data-refresh") && !run.loss_plot().exists()
        );
        append(&run.metrics(), &epoch(1)).unwrap();
        draw(State::Training);
        assert!(run.loss_plot().is_file() && !run.iterations_plot().exists());
        assert_eq!(page().matches("<figure data-chart=").count(), 2);
        append(&run.metrics(), &epoch(2)).unwrap();
        let mut damaged = fs::OpenOptions::new().append(true).open(run.metrics()).unwrap();
        std::io::Write::write_all(&mut damaged, b"{\"epoch\":3,\xff\n").unwrap();
        draw(State::Training);
        let text = fs::read_to_string(run.iterations_plot()).unwrap();
        assert!(text.contains("1 failed in the last epoch") && text.contains("best so far"), "{text}");
        let text = page();
        assert_eq!(text.matches("<figure data-chart=").count(), 4);
        for part in
            ["<h1>a &lt;b&gt;</h1>", "mlp, epoch 2 of 7", "icc ≥ 83.1", "seconds of training", "http-equiv=\"refresh\""]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.contains("data-quiet=\"120\"") && text.contains("written 20") && text.contains("No news since"));
        // It needs nothing from outside.
        assert!(!text.contains("src=") && !text.contains("<link"));
        // Whoever has it open is not told to look again once the run has ended.
        for (state, words) in
            [(State::Interrupted, "interrupted"), (State::Finished, "finished"), (State::Failed, "error")]
        {
            draw(state);
            let text = page();
            assert!(
                ["http-equiv", "location.reload", "data-quiet", "No news since"]
                    .iter()
                    .all(|part| !text.contains(part))
                    && text.contains(words),
                "{text}"
            );
        }
    }

    #[test]
    fn a_long_run_is_drawn_seldom_and_small() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDirectory::new(dir.path());
        let lines: Vec<String> = (1..=20_000).map(|k| serde_json::to_string(&epoch(k)).unwrap() + "\n").collect();
        fs::write(run.metrics(), lines.concat()).unwrap();
        let about = Run { name: "long", model: "mlp", judge: "cg to 1e-5", epochs: 20_000, baselines: &[] };
        let mut plots = Plots::default();
        let clock = Instant::now();
        plots.draw(&run, &about, State::Training).unwrap();
        let size = fs::metadata(run.page()).unwrap().len();
        println!("20 000 epochs drawn in {:.1?}, plot.html {size} bytes", clock.elapsed());
        assert!(size < 400_000, "{size} bytes");
        fs::remove_file(run.page()).unwrap();
        plots.draw(&run, &about, State::Training).unwrap();
        assert!(!run.page().exists() && !plots.are_quiet(), "a moment ago");
        plots.draw(&run, &about, State::Finished).unwrap();
        assert!(run.page().is_file());
    }
}
