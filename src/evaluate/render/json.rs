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
    let mut datasets = json!(results.datasets);
    // Spectra are drawn, and would be most of the file.
    strip(&mut datasets, "spectrum");
    json!({
        "fempipe_version": env!("CARGO_PKG_VERSION"),
        "identity": format!("{:016x}", results.identity),
        "title": results.recipe.title,
        "interrupted": results.interrupted,
        "kept_solves": results.kept,
        "datasets": datasets,
        "cells": rows,
        "verdicts": verdicts,
        "columns": columns,
    })
}

/// Takes a key out of all objects within a value.
fn strip(value: &mut Value, key: &str) {
    match value {
        Value::Object(map) => {
            map.remove(key);
            map.values_mut().for_each(|v| strip(v, key));
        }
        Value::Array(list) => list.iter_mut().for_each(|v| strip(v, key)),
        _ => {}
    }
}
