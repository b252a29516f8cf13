//! `plot.html` in the run directory: loss and validation iterations over epochs and time, beside the classical
//! preconditioners; while training goes on the page loads itself again.

use std::time::Duration;

use maud::{DOCTYPE, PreEscaped, html};

use super::baselines::Baseline;
use super::metrics::{EpochMetrics, SolverMetrics};
use crate::io::charts::{self, AxisLabel, COLOURS, Chart, Scale, Series, Stroke};
use crate::io::date;

/// Seconds after which an open page looks for a newer one.
pub(super) const REFRESH: u64 = 3;

/// Points of a line that are kept.
const KEPT: usize = 600;

const STYLE: &str = "*{box-sizing:border-box}
body{font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",sans-serif;color:#1d2329;background:#f6f7f9;margin:0}
main{max-width:80rem;margin:0 auto;padding:1.2rem}h1{font-size:1.4rem;margin:0}
.note{color:#5c6670;font-size:.88rem;margin:.2rem 0 1rem}.finding,#news.stale{font-weight:600;color:#98110f}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(34rem,100%),1fr));gap:1rem}
.state{font-weight:600}.state.training{color:#0b5fa5}.state.ended{color:#98110f}.state.finished{color:#0b5c34}";

/// Loads the page again, unless somebody is looking closer.
const SCRIPT: &str = "setInterval(() => {
  const held = document.querySelector(\"figure[data-zoomed=true], .legend button.off\");
  if (!held && !document.hidden) location.reload();
}, 1000 * Number(document.body.dataset.refresh));";

/// Says that there is no news where the page is much older than one that goes on: its process may have been killed, and
/// has then written nothing of it.
const NEWS: &str = "{
  const {written, quiet} = document.body.dataset, news = document.getElementById(\"news\");
  const tell = () => {
    const age = Date.now() / 1000 - Number(written);
    if (age < Number(quiet)) return;
    const [n, unit] = age < 7200 ? [age / 60, \"minutes\"] :
      age < 172800 ? [age / 3600, \"hours\"] : [age / 86400, \"days\"];
    const at = new Date(1000 * written).toLocaleString();
    news.textContent = `No news since ${at}, ${Math.round(n)} ${unit} ago: a step or a validation takes longer ` +
      \"than before, or the process has ended.\";
    news.classList.add(\"stale\");
  };
  tell();
  setInterval(tell, 1000);
}";

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Steps are made.
    Training,
    /// Somebody stopped it; it can be resumed.
    Interrupted,
    /// Something went wrong; what was saved can be resumed.
    Failed,
    /// All epochs are done, or early stopping said so.
    Finished,
}

impl State {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            State::Training => ("training", "training"),
            State::Interrupted => ("ended", "interrupted"),
            State::Failed => ("ended", "stopped by an error"),
            State::Finished => ("finished", "finished"),
        }
    }
}

/// What the page is about.
pub struct Run<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its model.
    pub model: &'a str,
    /// The solver of the validation and its tolerance.
    pub judge: &'a str,
    /// Epochs of the recipe.
    pub epochs: u64,
    /// What classical preconditioners leave to do.
    pub baselines: &'a [Baseline],
}

/// The page; while training goes on one that is older than `quiet` says so.
pub fn page(run: &Run, epochs: &[EpochMetrics], state: State, quiet: Duration) -> String {
    let (class, words) = state.words();
    let last = epochs.last();
    let done = last.map_or(0, |e| e.epoch);
    let best = epochs.iter().rev().find(|e| e.best).and_then(|e| Some((e.epoch, e.solver?)));
    let now = date::now();
    let quiet = (state == State::Training).then_some(quiet.as_secs());
    let refresh = (state == State::Training).then_some(REFRESH);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (charts::head(&format!("{}: {words}", run.name), STYLE))
                @if let Some(seconds) = refresh { noscript { meta http-equiv="refresh" content=(seconds); } }
            }
            body data-state=(class) data-refresh=[refresh] data-quiet=[quiet] data-written=(now) {
                main {
                    h1 { (run.name) }
                    p.note {
                        span class={ "state " (class) } { (words) }
                        " · " (run.model) ", epoch " (done) " of " (run.epochs)
                        @if let Some(e) = last {
                            " · " (format!("{:.0} s of training", e.seconds))
                            @if let Some(loss) = e.loss { (format!(", loss {loss:.3e}")) }
                        }
                        @if let Some((epoch, s)) = best {
                            " · best epoch " (epoch) @if epoch == 0 { " (before training)" }
                            ", " (run.judge) ": "
                            (format!("{:.2} iterations (worst {})", s.iterations_mean, s.iterations_worst))
                        }
                    }
                    p.note id="news" { "written " (date::utc(now)) " UTC" }
                    @if let Some(note) = last.and_then(|e| e.note.as_ref()) { p.finding { (note) } }
                    @if epochs.is_empty() {
                        p { "No epoch is done yet." }
                    } @else {
                        div.charts { @for (name, chart) in figures(run, epochs) { (PreEscaped(chart.figure(name))) } }
                        p.note {
                            "Hover for numbers, drag to zoom, double-click for all of it; names below switch lines "
                            "off and on."
                        }
                    }
                }
                script {
                    (PreEscaped(charts::SCRIPT))
                    @if refresh.is_some() { (PreEscaped(SCRIPT)) (PreEscaped(NEWS)) }
                }
            }
        }
    }
    .into_string()
        + "\n"
}

/// Where an epoch stands on the horizontal axis.
type Place = fn(&EpochMetrics) -> f64;

fn figures(run: &Run, epochs: &[EpochMetrics]) -> Vec<(&'static str, Chart)> {
    let (unit, time): (&str, Place) = match epochs.last().map_or(0.0, |e| e.seconds) {
        s if s > 2.0 * 3600.0 => ("hours of training", |e| e.seconds / 3600.0),
        s if s > 120.0 => ("minutes of training", |e| e.seconds / 60.0),
        _ => ("seconds of training", |e| e.seconds),
    };
    let epoch: Place = |e| e.epoch as f64;
    let mut out = vec![("loss", loss(epochs, "epoch", epoch)), ("loss-time", loss(epochs, unit, time))];
    if epochs.iter().any(|e| e.solver.is_some()) {
        out.push(("iterations", iterations(epochs, run.baselines, "epoch", epoch)));
        out.push(("iterations-time", iterations(epochs, run.baselines, unit, time)));
    }
    out
}

/// One line a number that epochs have.
fn line(epochs: &[EpochMetrics], name: &str, k: usize, x: Place, of: impl Fn(&EpochMetrics) -> Option<f64>) -> Series {
    let all: Vec<(f64, f64)> = epochs.iter().filter_map(|e| Some((x(e), of(e)?))).collect();
    let step = all.len().div_ceil(KEPT).max(1);
    let last = all.len().saturating_sub(1);
    let kept = all.into_iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last);
    let points: Vec<(f64, f64)> = kept.map(|(_, point)| point).collect();
    let stroke = Stroke { colour: COLOURS[k].into(), width: 2.0, dash: "" };
    Series { name: name.into(), marks: points.len() <= 40, points, stroke: Some(stroke), ..Series::default() }
}

/// Loss over the epochs, or over time.
pub fn loss(epochs: &[EpochMetrics], label: &str, x: Place) -> Chart {
    let mut series =
        vec![line(epochs, "training", 0, x, |e| e.loss), line(epochs, "validation", 1, x, |e| e.validation_loss)];
    series.retain(|s| !s.points.is_empty());
    let positive = series.iter().flat_map(|s| &s.points).all(|p| p.1 > 0.0);
    let scale = if positive { Scale::Log } else { Scale::Linear };
    Chart::lines("Loss", AxisLabel::new(label, Scale::Linear), AxisLabel::new("loss", scale), series)
}

/// Iterations on the validation systems, those of classical preconditioners as level lines.
pub fn iterations(epochs: &[EpochMetrics], baselines: &[Baseline], label: &str, x: Place) -> Chart {
    let solver = |of: fn(&SolverMetrics) -> f64| move |e: &EpochMetrics| e.solver.as_ref().map(of);
    let mut best =
        line(epochs, "best so far", 7, x, |e| e.solver.as_ref().filter(|_| e.best).map(|s| s.iterations_mean));
    best.steps = true;
    let mut series = vec![
        line(epochs, "mean", 0, x, solver(|s| s.iterations_mean)),
        line(epochs, "median", 2, x, solver(|s| s.iterations_median)),
        line(epochs, "worst", 1, x, solver(|s| s.iterations_worst)),
        best,
    ];
    let ends = [epochs.first().map_or(0.0, x), epochs.last().map_or(1.0, x)];
    series.extend(baselines.iter().enumerate().map(|(k, b)| {
        let bound = if b.solver.failures > 0 { "≥ " } else { "" };
        Series {
            name: format!("{} {bound}{:.1}", b.pc, b.solver.iterations_mean),
            points: ends.map(|x| (x, b.solver.iterations_mean)).to_vec(),
            stroke: Some(Stroke { colour: COLOURS[(3 + k) % COLOURS.len()].into(), width: 1.2, dash: "7 4" }),
            ..Series::default()
        }
    }));
    let failures = epochs.iter().filter_map(|e| e.solver.as_ref()).map(|s| s.failures).next_back().unwrap_or(0);
    let title = match failures {
        0 => "Mean iterations on the validation systems".to_string(),
        failures => format!("Iterations on the validation systems; {failures} failed in the last epoch"),
    };
    Chart::lines(title, AxisLabel::new(label, Scale::Linear), AxisLabel::new("iterations", Scale::Log), series)
}
