//! What an evaluation settles, in a sentence a dataset: learned against best classical, in iterations and in seconds.

use super::page::Page;
use crate::evaluate::analysis::{Against, Comparison, Quantity, Seeds};
use crate::evaluate::settings::settings;
use crate::evaluate::summary::Verdict;

/// Who takes less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The learned row, with 95 % confidence.
    Wins,
    /// The other one.
    Loses,
    /// It cannot be told.
    Even,
}

impl Outcome {
    fn of(c: &Comparison) -> Self {
        match (c.wins(), c.loses()) {
            (true, _) => Outcome::Wins,
            (_, true) => Outcome::Loses,
            _ => Outcome::Even,
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Outcome::Even => "no difference told",
            other => other.name(),
        }
    }

    /// "wins", "loses" or "even".
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Wins => "wins",
            Outcome::Loses => "loses",
            Outcome::Even => "even",
        }
    }
}

/// A number of comparisons.csv.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Which line: "classical" or "trivial".
    pub against: &'static str,
    /// "iterations" or "seconds".
    pub quantity: &'static str,
    /// Its column.
    pub column: &'static str,
    /// What it is multiplied with, and its digits after the point.
    pub shown: (f64, usize),
    /// The number as the file has it.
    pub value: f64,
}

impl Number {
    /// As it is shown.
    pub fn text(&self) -> String {
        let (scale, digits) = self.shown;
        if self.value.is_infinite() { "∞".into() } else { format!("{:.digits$}", scale * self.value) }
    }
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Plain words.
    Text(String),
    /// The name of a row, and whether it is a learned one.
    Row(String, bool),
    /// The end of a sentence that has a line of its own.
    Line,
    /// A number.
    Number(Number),
}

/// What is settled on one dataset at one target.
pub struct Finding {
    /// The verdict that it belongs to.
    pub verdict: usize,
    /// The learned row; None where there is none.
    pub row: Option<usize>,
    /// In iterations and in seconds, where there is a classical row to compare with.
    pub outcomes: Vec<(&'static str, Outcome)>,
    /// The sentence.
    pub pieces: Vec<Piece>,
}

impl Finding {
    /// The sentence as plain text.
    pub fn text(&self) -> String {
        let text = |p: &Piece| match p {
            Piece::Text(t) | Piece::Row(t, _) => t.clone(),
            Piece::Line => " ".into(),
            Piece::Number(n) => n.text(),
        };
        self.pieces.iter().map(text).collect()
    }
}

/// One a dataset, at the tightest target.
pub fn findings(page: &Page) -> Vec<Finding> {
    let tightest = page.tightest();
    let here = |v: &&(usize, &Verdict)| Some(v.1.target) == tightest;
    page.verdicts.iter().enumerate().filter(|v| here(&v)).map(|(i, v)| finding(page, i, v)).collect()
}

fn finding(page: &Page, index: usize, verdict: &Verdict) -> Finding {
    let at = |row: usize, quantity, against| {
        page.analysis.comparisons.iter().find(|c| {
            (c.dataset, c.target, c.row) == (verdict.dataset, verdict.target, row)
                && (c.quantity, c.against) == (quantity, against)
        })
    };
    // The learned row with the fewest failures, and among these with the least time.
    let learned = page
        .analysis
        .comparisons
        .iter()
        .filter(|c| (c.dataset, c.target, c.quantity) == (verdict.dataset, verdict.target, Quantity::Seconds))
        .min_by(|a, b| a.failures.cmp(&b.failures).then(a.median.total_cmp(&b.median)))
        .map(|c| c.row);
    let Some(row) = learned else {
        let why = if page.results.recipe.rows.iter().any(|r| r.model.is_some()) {
            "No learned row was measured here. "
        } else {
            "No learned row takes part. "
        };
        let name = format!("{}: ", page.results.datasets[verdict.dataset].name);
        let best = verdict.text.strip_prefix(&name).unwrap_or(&verdict.text);
        let pieces = vec![Piece::Text(format!("{why}{}{}.", best[..1].to_uppercase(), &best[1..]))];
        return Finding { verdict: index, row: None, outcomes: Vec::new(), pieces };
    };
    let (mut pieces, mut outcomes) = (Vec::new(), Vec::new());
    for quantity in Quantity::ALL {
        if let Some(c) = at(row, quantity, Against::Classical) {
            outcomes.push((quantity.name(), Outcome::of(c)));
            against_classical(page, c, &mut pieces);
        }
    }
    if !outcomes.is_empty() {
        among_runs(page, verdict, row, &mut pieces);
    }
    if outcomes.is_empty() {
        pieces.push(Piece::Row(page.name(row), true));
        pieces.push(Piece::Text(" has no classical row to compare with.".into()));
        pieces.push(Piece::Line);
    }
    let trivial = Quantity::ALL.map(|q| at(row, q, Against::Trivial));
    against_trivial(page, &trivial.into_iter().flatten().collect::<Vec<_>>(), &mut pieces);
    if let Some(c) = at(row, Quantity::Seconds, Against::Classical) {
        pays(page, c, &mut pieces);
    }
    Finding { verdict: index, row: Some(row), outcomes, pieces }
}

/// How a quantity is shown: factor, digits and unit.
fn unit(quantity: Quantity) -> (f64, usize, &'static str) {
    match quantity {
        Quantity::Iterations => (1.0, 1, " iterations"),
        Quantity::Seconds => (1e3, 3, " ms"),
    }
}

fn number(c: &Comparison, column: &'static str, value: f64, scale: f64, digits: usize) -> Piece {
    let (against, quantity) = (c.against.name(), c.quantity.name());
    Piece::Number(Number { against, quantity, column, shown: (scale, digits), value })
}

fn against_classical(page: &Page, c: &Comparison, out: &mut Vec<Piece>) {
    let text = |t: &str| Piece::Text(t.into());
    let (scale, digits, unit) = unit(c.quantity);
    let (least, less) = match c.quantity {
        Quantity::Iterations => ("the classical row with the fewest", "fewer"),
        Quantity::Seconds => ("the fastest classical row", "faster"),
    };
    let says = match (Outcome::of(c), c.quantity) {
        (Outcome::Wins, Quantity::Iterations) => " wins in iterations: ",
        (Outcome::Loses, Quantity::Iterations) => " loses in iterations: ",
        (Outcome::Even, Quantity::Iterations) => ": no difference can be told in iterations: ",
        (Outcome::Wins, Quantity::Seconds) => "It wins in time: ",
        (Outcome::Loses, Quantity::Seconds) => "It loses in time: ",
        (Outcome::Even, Quantity::Seconds) => "No difference can be told in time: ",
    };
    if c.quantity == Quantity::Iterations {
        out.push(Piece::Row(page.name(c.row), true));
        match settings(&page.results.recipe, c.row) {
            1 => {}
            several => out.push(text(&format!(" (chosen on these systems among {several} settings)"))),
        }
    }
    out.extend([text(says), number(c, "median", c.median, scale, digits), text(unit), text(" against ")]);
    out.extend([number(c, "other_median", c.other_median, scale, digits), text(" of ")]);
    out.push(Piece::Row(page.name(c.other), false));
    out.push(text(&format!(", {least}{}: ", chosen(page, c.other))));
    out.extend([number(c, "ratio", c.ratio, 1.0, 2), text(" times as many [")]);
    if c.quantity == Quantity::Seconds
        && let Some(Piece::Text(times)) = out.last_mut()
    {
        *times = " times as long [".into();
    }
    out.extend([number(c, "ratio_low", c.ratio_interval.low, 1.0, 2), text(", ")]);
    out.extend([number(c, "ratio_high", c.ratio_interval.high, 1.0, 2), text(&format!("], {less} on "))]);
    out.extend([number(c, "share_won", c.share, 100.0, 0), text(" % of "), number(c, "pairs", c.pairs as f64, 1.0, 0)]);
    out.extend([text(" systems ["), number(c, "share_low", c.share_interval.low, 100.0, 0), text(", ")]);
    out.extend([number(c, "share_high", c.share_interval.high, 100.0, 0), text(" %]")]);
    for (failures, column, who) in [(c.failures, "failures", "it"), (c.other_failures, "other_failures", "the other")] {
        if failures > 0 {
            out.extend([text(&format!("; {who} failed on ")), number(c, column, failures as f64, 1.0, 0)]);
        }
    }
    out.extend([text("."), Piece::Line]);
}

/// Where a row is one of several runs of a recipe, that it was chosen among them, and how far they lie apart.
fn among_runs(page: &Page, verdict: &Verdict, row: usize, out: &mut Vec<Piece>) {
    let of_row = |s: &&Seeds| (s.dataset, s.target) == (verdict.dataset, verdict.target) && s.rows.contains(&row);
    let all: Vec<&Seeds> = page.analysis.seeds.iter().filter(of_row).collect();
    let Some(first) = all.first() else { return };
    let range = |s: &&Seeds| {
        let ((scale, digits, unit), (low, high)) = (unit(s.quantity), s.between_runs);
        format!("{:.digits$} to {:.digits$}{unit}", scale * low, scale * high)
    };
    let ranges: Vec<String> = all.iter().map(range).collect();
    out.push(Piece::Text(format!(
        "It is the fastest of {} runs that differ in the training seed alone, chosen on these systems; their medians: \
         {}.",
        first.rows.len(),
        ranges.join(", ")
    )));
    out.push(Piece::Line);
}

/// Where a row is one of several settings, that it was chosen on the systems that it is tested on.
fn chosen(page: &Page, row: usize) -> String {
    match settings(&page.results.recipe, row) {
        1 => String::new(),
        several => format!(" (the best of {several} settings on these systems)"),
    }
}

fn against_trivial(page: &Page, comparisons: &[&Comparison], out: &mut Vec<Piece>) {
    let text = |t: &str| Piece::Text(t.into());
    if comparisons.is_empty() {
        out.push(text("No trivial row (a constant, its untrained start) stands beside it."));
        out.push(Piece::Line);
    }
    for c in comparisons {
        let (scale, digits, unit) = unit(c.quantity);
        let says = match (Outcome::of(c), c.quantity) {
            (Outcome::Wins, Quantity::Iterations) => "It beats its trivial row ",
            (Outcome::Loses, Quantity::Iterations) => "It does not beat its trivial row ",
            (Outcome::Even, Quantity::Iterations) => "No difference can be told from its trivial row ",
            (Outcome::Wins, Quantity::Seconds) => "it beats ",
            (Outcome::Loses, Quantity::Seconds) => "it does not beat ",
            (Outcome::Even, Quantity::Seconds) => "no difference can be told from ",
        };
        let what = match c.quantity {
            Quantity::Iterations => " in iterations (",
            Quantity::Seconds => " in time (",
        };
        out.extend([text(says), Piece::Row(page.name(c.other), false), text(what)]);
        out.extend([number(c, "other_median", c.other_median, scale, digits), text(unit), text("; ratio ")]);
        out.extend([number(c, "ratio", c.ratio, 1.0, 2), text(" [")]);
        out.extend([number(c, "ratio_low", c.ratio_interval.low, 1.0, 2), text(", ")]);
        out.extend([number(c, "ratio_high", c.ratio_interval.high, 1.0, 2)]);
        out.push(text(if c.quantity == Quantity::Iterations { "]); " } else { "])." }));
    }
    if !comparisons.is_empty() {
        out.push(Piece::Line);
    }
}

fn pays(page: &Page, c: &Comparison, out: &mut Vec<Piece>) {
    let Some(b) = &c.break_even else { return };
    let text = |t: &str| Piece::Text(t.into());
    let data = b
        .data_seconds
        .map_or_else(|| " (data not known)".to_string(), |s| format!(" and {s:.1} s for its data and labels"));
    let spent = format!("{:.1} s of training{data}", b.training_seconds);
    match b.solves {
        Some(solves) => out.extend([
            text(&format!("{spent} have paid after ")),
            number(c, "break_even_solves", solves, 1.0, 0),
            text(" solves."),
        ]),
        None => out.push(text(&format!("{spent} never pay against {}.", page.name(c.other)))),
    }
}
