//! Progress bars on stderr: only where stderr is a terminal, without colour, gone when done.

use std::collections::BTreeSet;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Common;
use crate::io::plain;
use crate::models::checkpoint::locate;

/// A bar over `total` units ("samples"), with rate and time left. Hidden by `--quiet` and without a terminal.
pub fn bar(common: &Common, what: &str, total: usize, unit: &str) -> ProgressBar {
    let target = if common.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let template = format!("{what} {{bar:30}} {{pos}}/{{len}} {unit}, {{per_sec}}, {{eta}} left");
    let style =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    ProgressBar::with_draw_target(Some(total as u64), target).with_style(style)
}

/// A message to stderr, unless `--quiet`.
pub fn say(common: &Common, message: &str) {
    if !common.quiet {
        eprintln!("{}", plain::lines(message));
    }
}

/// What is wrong with one of several things, to stderr, also with `--quiet`.
pub fn tell(reason: &str) {
    eprintln!("{}", plain::message(reason));
}

/// Says what there is to know of the checkpoint that each of these runs stands for; what cannot be found is for whoever
/// loads it to refuse.
pub fn say_chosen<'a>(common: &Common, runs: impl IntoIterator<Item = &'a Path>) {
    let runs: BTreeSet<&Path> = runs.into_iter().collect();
    for note in runs.into_iter().filter_map(|run| locate(run).ok()?.note) {
        say(common, &note);
    }
}
