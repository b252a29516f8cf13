//! What a model knows of the test systems from its training.

use super::column::Format::{By, Plain};
use super::column::Place::{Html, Note, SummaryCsv, SummaryJson};
use super::column::{Column, Of, Value, at};
use super::labels::ROW;
use super::outcome::SOLVES;
use crate::evaluate::statistics::Statistic::Whole;

/// Where a model may have seen what it is asked.
pub static SEEN_IN_TRAINING: Column = Column {
    name: "seen_in_training",
    unit: "",
    help: "Systems drawn from the random streams (family, seed, index) of systems that the model was trained or \
           validated on, at whatever size: they are no test of it",
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
            By(|row| match row.count(&SEEN_IN_TRAINING) {
                0 => String::new(),
                count => format!(
                    "WARNING: {}: {count} of {} systems were drawn with the seed and index of systems that it was \
                     trained or validated on; generate the test systems with another seed",
                    row.text(&ROW),
                    row.count(&SOLVES)
                ),
            }),
        ),
        at(Html, Whole, Plain).named("seen in training").optional(),
    ],
};

/// What the model of a row learned from, and whether the test systems are others.
pub static TRAINED_ON: Column = Column {
    name: "trained_on",
    unit: "",
    help: "Dataset that the model was trained on; (other) where it is not the one that the test systems are of",
    of: Of::Row(|g| match g.info().trained.get(g.row) {
        Some(Some(t)) if t.steps == 0 => "untrained".into(),
        Some(Some(t)) if t.own_data => t.data.as_str().into(),
        Some(Some(t)) => Value::Text(format!("{} (other)", t.data)),
        _ => Value::Missing,
    }),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Html, Whole, Plain).named("trained on").optional(),
    ],
};
