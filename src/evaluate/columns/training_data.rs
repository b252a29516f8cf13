//! What a model knows of the test systems from its training.

use super::column::Format::{By, Plain};
use super::column::Place::{Html, Note, SummaryCsv, SummaryJson};
use super::column::{Column, Of, Value, at};
use super::labels::ROW;
use crate::evaluate::statistics::Statistic::Whole;
use crate::evaluate::trained::Distribution;
use crate::models::checkpoint;

/// Where a model may have seen what it is asked.
pub static SEEN_IN_TRAINING: Column = Column {
    name: "seen_in_training",
    unit: "",
    help: "Systems that the row knows from what it learned: they are in its training or validation split, drawn from \
           the same random streams (family, seed, index), copies, or steps of the same trajectories; they are no test \
           of it",
    of: Of::Row(|g| match g.info().seen_in_training.get(g.row) {
        None | Some(0) => Value::Missing,
        Some(&count) => Value::Count(count),
    }),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| match row.text(&LEAK) {
                "" => String::new(),
                leak => format!("WARNING: {}: {leak}", row.text(&ROW)),
            }),
        ),
        at(Html, Whole, Plain).named("seen in training").optional(),
    ],
};

/// Why systems are no test of the row, in words.
pub static LEAK: Column = Column {
    name: "leak",
    unit: "",
    help: "How the row knows these systems from what it learned, in words",
    of: Of::Row(|g| match g.info().leaks.get(g.row).map(String::as_str) {
        None | Some("") => Value::Missing,
        Some(leak) => leak.into(),
    }),
    shown: &[at(SummaryCsv, Whole, Plain), at(SummaryJson, Whole, Plain)],
};

/// Whether a learned row is tested out of the distribution that it was trained on.
pub static OUT_OF_DISTRIBUTION: Column = Column {
    name: "out_of_distribution",
    unit: "",
    help: "Whether the systems are of another family or other parameters than those that the model was trained on",
    of: Of::Row(|g| match g.info().trained.get(g.row) {
        Some(Some(t)) if t.steps > 0 && t.distribution != Distribution::Unknown => {
            Value::Flag(t.distribution == Distribution::Other)
        }
        _ => Value::Missing,
    }),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| match row.value(&OUT_OF_DISTRIBUTION) {
                Value::Flag(true) => {
                    let data = row.text(&TRAINED_ON);
                    format!("{}: out of its distribution, trained on {data}", row.text(&ROW))
                }
                _ => String::new(),
            }),
        ),
    ],
};

/// What the model of a row learned from, and whether the test systems are others.
pub static TRAINED_ON: Column = Column {
    name: "trained_on",
    unit: "",
    help: "Dataset that the model was trained on; where it is not the one that the test systems are of, (same \
           distribution) or (other)",
    of: Of::Row(|g| match g.info().trained.get(g.row) {
        Some(Some(t)) if t.steps == 0 && t.untrained_is_best => "untrained (no validated epoch beat it)".into(),
        Some(Some(t)) if t.steps == 0 => "untrained".into(),
        Some(Some(t)) if t.own_data => t.data.as_str().into(),
        Some(Some(t)) if t.distribution == Distribution::Same => Value::Text(format!("{} (same distribution)", t.data)),
        Some(Some(t)) => Value::Text(format!("{} (other)", t.data)),
        _ => Value::Missing,
    }),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Html, Whole, Plain).named("trained on").optional(),
    ],
};

/// Whether training of a row's run found nothing better than what it started from.
pub static UNTRAINED_IS_BEST: Column = Column {
    name: "untrained_is_best",
    unit: "",
    help: "Whether the best checkpoint of the row's run is the network before training, which no validated epoch beat",
    of: Of::Row(|g| match g.info().trained.get(g.row) {
        Some(Some(t)) if t.untrained_is_best => Value::Flag(true),
        _ => Value::Missing,
    }),
    shown: &[
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| match row.value(&UNTRAINED_IS_BEST) {
                Value::Flag(true) => format!("{}: {}", row.text(&ROW), checkpoint::UNTRAINED_IS_BEST),
                _ => String::new(),
            }),
        ),
    ],
};
