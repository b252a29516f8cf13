//! Seconds: inference, setup, solve.

use super::column::Format::{Exponent, Fixed, Milliseconds, Plain};
use super::column::Place::{Console, Html, Paper, ResultsCsv, SummaryCsv, SummaryJson};
use super::column::{Column, Mark, Of, Summary, Value, at};
use crate::evaluate::measure::Solve;
use crate::evaluate::seconds::Seconds;
use crate::evaluate::statistics::Statistic::{High, Low, Max, Mean, Median, MedianInterval, Q1, Q3, Whole};
use crate::evaluate::sweep::Results;

/// Seconds of a model's inference.
pub static INFERENCE_SECONDS: Column = Column {
    name: "inference_seconds",
    unit: "s",
    help: "A model's inference, which setup includes",
    of: Of::Solve(|s, _| inference(&s.seconds()).into(), Summary::Timed(inference)),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Median, Plain),
        at(SummaryJson, Whole, Plain).named("inference"),
        at(Console, Median, Milliseconds).named("inference ms").optional(),
        at(Html, Median, Milliseconds).named("inference ms").optional(),
    ],
};

/// Seconds of setup.
pub static SETUP_SECONDS: Column = Column {
    name: "setup_seconds",
    unit: "s",
    help: "Setup of the preconditioner, a model's inference included; the symbolic analysis of cholesky, which systems \
           of one pattern share, is made once before and not counted",
    of: Of::Solve(|s, _| setup(&s.seconds()).into(), Summary::Timed(setup)),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Median, Plain),
        at(SummaryJson, Whole, Plain).named("setup"),
        at(Console, Median, Milliseconds).named("setup ms"),
        at(Html, Median, Milliseconds).named("setup ms"),
    ],
};

/// Seconds in the Krylov method.
pub static SOLVE_SECONDS: Column = Column {
    name: "solve_seconds",
    unit: "s",
    help: "Time in the Krylov method, added up over right-hand sides",
    of: Of::Solve(|s, _| solve(&s.seconds()).into(), Summary::Timed(solve)),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Median, Plain),
        at(SummaryJson, Whole, Plain).named("solve"),
        at(Console, Median, Milliseconds).named("solve ms"),
        at(Html, Median, Milliseconds).named("solve ms"),
    ],
};

/// Both.
pub static TOTAL_SECONDS: Column = Column {
    name: "total_seconds",
    unit: "s",
    help: "Setup and solve together; a failed solve counts with the time that it took. The interval has the noise of \
           the machine in it where several rounds were timed (repeats), of a single one it has not",
    of: Of::Solve(|s, _| total(&s.seconds()).into(), Summary::Timed(total)),
    shown: &[
        at(SummaryCsv, Median, Plain),
        at(SummaryJson, Whole, Plain).named("total"),
        at(Console, Median, Milliseconds).named("total ms").marked(Mark::LeastTime),
        at(Html, MedianInterval, Milliseconds).named("total ms [95 %]").marked(Mark::LeastTime),
        at(Html, Max, Milliseconds).named("worst ms"),
        at(Paper, MedianInterval, Milliseconds).named("ms"),
        at(Paper, Max, Milliseconds).named("worst ms"),
    ],
};

/// How far the totals of the rounds lie apart.
pub static SPREAD: Column = Column {
    name: "spread",
    unit: "",
    help: "Half the range of the total over the rounds (repeats), as a part of its median: median over systems",
    of: Of::Solve(spread, Summary::All),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Median, Plain),
        at(SummaryJson, Whole, Plain),
        at(Console, Median, Fixed(2)).named("±").optional(),
        at(Html, Median, Fixed(2)).named("±").optional(),
    ],
};

/// The totals of the rounds, to compute intervals again.
pub static ROUNDS: Column = Column {
    name: "round_seconds",
    unit: "s",
    help: "Setup and solve together in each round (repeats), in their order; empty of a single one",
    of: Of::Solve(rounds, Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

fn rounds(s: &Solve, _: &Results) -> Value {
    match s.rounds.is_empty() {
        true => Value::Missing,
        false => Value::Text(s.rounds.iter().map(|r| format!("{:e}", r.total())).collect::<Vec<_>>().join(" ")),
    }
}

fn spread(s: &Solve, _: &Results) -> Value {
    s.spread.into()
}

/// How the times of a row spread, and how sure their median is.
pub static TOTAL_SECONDS_SPREAD: Column = Column {
    name: "total_seconds",
    unit: "s",
    help: "Mean, quartiles and worst of setup and solve together",
    of: Of::Solve(|s, _| total(&s.seconds()).into(), Summary::Timed(total)),
    shown: &[
        at(SummaryCsv, Mean, Plain),
        at(SummaryCsv, Q1, Plain),
        at(SummaryCsv, Q3, Plain),
        at(SummaryCsv, Max, Plain),
    ],
};

/// How sure the median of the times is.
pub static TOTAL_SECONDS_INTERVAL: Column = Column {
    name: "total_seconds_median",
    unit: "s",
    help: "95 % interval of the median of setup and solve together: systems are drawn, and rounds (repeats) tell the \
           noise of the machine; of a single round the interval has none of it",
    of: Of::Solve(|s, _| total(&s.seconds()).into(), Summary::Timed(total)),
    shown: &[at(SummaryCsv, Low, Plain), at(SummaryCsv, High, Plain)],
};

/// None where there is no model, or it did not come to predict.
fn inference(s: &Seconds) -> Option<f64> {
    Some(s.inference).filter(|&t| t > 0.0)
}

fn setup(s: &Seconds) -> Option<f64> {
    Some(s.setup)
}

fn solve(s: &Seconds) -> Option<f64> {
    Some(s.solving)
}

fn total(s: &Seconds) -> Option<f64> {
    Some(s.total())
}
