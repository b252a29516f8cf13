//! Seconds: inference, setup, solve.

use super::column::Format::{Exponent, Fixed, Milliseconds, Plain};
use super::column::Place::{Console, Html, Paper, ResultsCsv, SummaryCsv, SummaryJson};
use super::column::{Column, Mark, Of, Summary, Value, at};
use crate::evaluate::measure::Solve;
use crate::evaluate::statistics::Statistic::{High, Low, Max, Mean, Median, MedianInterval, Q1, Q3, Whole};
use crate::evaluate::sweep::Results;

/// Seconds of a model's inference.
pub static INFERENCE_SECONDS: Column = Column {
    name: "inference_seconds",
    unit: "s",
    help: "A model's inference, which setup includes",
    of: Of::Solve(inference, Summary::AtLeast(inference)),
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
    of: Of::Solve(setup, Summary::AtLeast(setup)),
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
    of: Of::Solve(solve, Summary::AtLeast(solve)),
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
    help: "Setup and solve together; a failed solve counts with the time that it took",
    of: Of::Solve(total, Summary::AtLeast(total)),
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

fn spread(s: &Solve, _: &Results) -> Value {
    s.spread.into()
}

/// How the times of a row spread, and how sure their median is.
pub static TOTAL_SECONDS_SPREAD: Column = Column {
    name: "total_seconds",
    unit: "s",
    help: "Mean, quartiles and worst of setup and solve together",
    of: Of::Solve(total, Summary::AtLeast(total)),
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
    help: "95 % interval of the median of setup and solve together, by the bootstrap",
    of: Of::Solve(total, Summary::AtLeast(total)),
    shown: &[at(SummaryCsv, Low, Plain), at(SummaryCsv, High, Plain)],
};

/// None where there is no model, or it did not come to predict.
fn inference(s: &Solve, _: &Results) -> Value {
    Some(s.inference_seconds).filter(|&t| t > 0.0).into()
}

fn setup(s: &Solve, _: &Results) -> Value {
    Value::Number(s.setup_seconds)
}

fn solve(s: &Solve, _: &Results) -> Value {
    Value::Number(s.solve_seconds)
}

fn total(s: &Solve, _: &Results) -> Value {
    Value::Number(s.setup_seconds + s.solve_seconds)
}
