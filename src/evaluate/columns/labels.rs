//! What solves and rows are called: dataset, row, method, target, remarks.

use super::column::Format::{By, Exponent, Plain};
use super::column::Place::{Console, Html, Paper, ResultsCsv, SummaryCsv, SummaryJson};
use super::column::{Column, Of, Summary, Value, at};
use crate::evaluate::measure::Solve;
use crate::evaluate::row::RowKind;
use crate::evaluate::statistics::Statistic::Whole;
use crate::evaluate::sweep::Results;

/// Which dataset it is of.
pub static DATASET: Column = Column {
    name: "dataset",
    unit: "",
    help: "Name of the dataset",
    of: Of::Solve(|s, r| r.datasets[s.dataset].name.as_str().into(), Summary::Same),
    shown: &[at(ResultsCsv, Whole, Plain), at(SummaryCsv, Whole, Plain), at(Html, Whole, Plain)],
};

pub static DATASET_NUMBER: Column = Column {
    name: "dataset",
    unit: "",
    help: "Number of the dataset in the recipe, from 0",
    of: Of::Row(|g| Value::Count(g.dataset)),
    shown: &[at(SummaryJson, Whole, Plain)],
};

pub static FAMILY: Column = Column {
    name: "family",
    unit: "",
    help: "Family of the dataset",
    of: Of::Solve(|s, r| r.datasets[s.dataset].family.as_str().into(), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

/// Unknowns.
pub static N: Column = Column {
    name: "n",
    unit: "",
    help: "Unknowns: of the system, of the largest system of a dataset",
    of: Of::Solve(|s, _| Value::Count(s.n), Summary::By(|g| Value::Count(g.info().n))),
    shown: &[at(ResultsCsv, Whole, Plain), at(SummaryCsv, Whole, Plain), at(Html, Whole, Plain)],
};

pub static SAMPLE: Column = Column {
    name: "sample",
    unit: "",
    help: "Number of the system in its dataset",
    of: Of::Solve(|s, _| Value::Count(s.sample as usize), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

/// What the row is called.
pub static ROW: Column = Column {
    name: "row",
    unit: "",
    help: "Label of the row",
    of: Of::Solve(|s, r| r.recipe.rows[s.row].name().as_str().into(), Summary::Same),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain).named("label"),
        at(Console, Whole, Plain).named("method"),
        at(Html, Whole, Plain).named("method"),
        at(Paper, Whole, Plain).named("method"),
    ],
};

pub static ROW_NUMBER: Column = Column {
    name: "row",
    unit: "",
    help: "Number of the row in the recipe, from 0",
    of: Of::Row(|g| Value::Count(g.row)),
    shown: &[at(SummaryJson, Whole, Plain)],
};

/// "classical", "constant", "oracle", "untrained" or "learned".
pub static KIND: Column = Column {
    name: "kind",
    unit: "",
    help: "classical, constant, oracle (it looks at labels), untrained (a network before its first step) or learned",
    of: Of::Solve(|s, r| kind(s, r).into(), Summary::Same),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Console, Whole, Plain),
        at(Html, Whole, Plain),
    ],
};

fn kind(s: &Solve, results: &Results) -> &'static str {
    let trained = results.datasets[s.dataset].trained.get(s.row).and_then(Option::as_ref);
    match results.recipe.rows[s.row].kind() {
        Ok(RowKind::Model(..)) if trained.is_some_and(|t| t.steps == 0) => "untrained",
        Ok(kind) => kind.name(),
        Err(_) => "",
    }
}

pub static KSP: Column = Column {
    name: "ksp",
    unit: "",
    help: "Krylov method with its options",
    of: Of::Solve(|s, r| Value::Text(r.recipe.rows[s.row].ksp.to_string()), Summary::Same),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

pub static PC: Column = Column {
    name: "pc",
    unit: "",
    help: "Classical preconditioner or constant of the row",
    of: Of::Solve(|s, r| r.recipe.rows[s.row].pc().map_or(Value::Missing, Value::Text), Summary::Same),
    shown: &[at(ResultsCsv, Whole, Plain), at(SummaryCsv, Whole, Plain), at(SummaryJson, Whole, Plain)],
};

/// What was to be reached.
pub static RTOL: Column = Column {
    name: "rtol",
    unit: "",
    help: "Tolerance: relative, but for absolute errors",
    of: Of::Solve(|s, _| Value::Number(s.target.rtol), Summary::Same),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Whole, Exponent),
        at(SummaryJson, Whole, Plain),
        at(Html, Whole, By(|row| row.target.to_string())).named("tolerance"),
    ],
};

/// Of a summary row; [`MEASURE`] is that of a solve, which stands elsewhere in its file.
pub static MEASURE_OF_ROW: Column = Column {
    name: "measure",
    unit: "",
    help: "What the tolerance is of: residual, error or absolute-error",
    of: Of::Row(|g| g.target.measure.name().into()),
    shown: &[at(SummaryCsv, Whole, Plain), at(SummaryJson, Whole, Plain)],
};

pub static MEASURE: Column = Column {
    name: "measure",
    unit: "",
    help: "What the tolerance is of: residual, error or absolute-error",
    of: Of::Solve(|s, _| s.target.measure.name().into(), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

pub static NOTE: Column = Column {
    name: "note",
    unit: "",
    help: "What setup had to say, such as a shift that was needed",
    of: Of::Solve(|s, _| s.note.as_deref().map_or(Value::Missing, Value::from), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};
