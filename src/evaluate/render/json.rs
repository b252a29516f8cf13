//! summary.json.

use serde_json::{Value, json};

use crate::evaluate::columns::SummaryRow;
use crate::evaluate::columns::{self, Place};
use crate::evaluate::summary::Verdict;
use crate::evaluate::sweep::Results;

/// Datasets, summary rows under "cells", who wins, and what the keys of a row mean.
pub fn json(results: &Results, rows: &[SummaryRow], verdicts: &[Verdict]) -> Value {
    let columns: Vec<Value> = columns::shown(Place::SummaryJson)
        .map(|(column, shown)| json!({"name": shown.heading(column), "unit": column.unit, "help": column.help}))
        .collect();
    json!({
        "fempipe_version": env!("CARGO_PKG_VERSION"),
        "identity": format!("{:016x}", results.identity),
        "title": results.recipe.title,
        "interrupted": results.interrupted,
        "kept_solves": results.kept,
        "datasets": results.datasets,
        "cells": rows,
        "verdicts": verdicts,
        "columns": columns,
    })
}
