//! `fempipe evaluate --dry-run`: what would be measured, and how long that may take.

use serde_json::{Value, json};

use crate::cli::output::{duration, number};
use crate::evaluate::{EstimatedFrom, Plan};
use crate::io::text::aligned;

/// The plan as a table and a sentence.
pub(super) fn text(plan: &Plan) -> String {
    let heads = ["dataset", "row", "systems", "cells", "there", "seconds left", "from"];
    let mut table = vec![heads.map(String::from).to_vec()];
    for row in &plan.rows {
        let from = match row.from {
            EstimatedFrom::Nothing => "-".into(),
            EstimatedFrom::Journal => "its other cells".into(),
            EstimatedFrom::Systems(tried) => format!("{tried} systems solved"),
        };
        let counts = [row.systems, row.cells, row.kept].map(|count| count.to_string());
        let line = [vec![row.dataset.clone(), row.row.clone()], counts.to_vec(), vec![number(row.seconds), from]];
        table.push(line.concat());
    }
    let (cells, kept) = (plan.cells(), plan.kept());
    let mut out = aligned(&table, 2);
    out += &format!(
        "\n{cells} cells (datasets x rows, {} tolerances, {} rounds), {kept} of them measured already; {} \
         solves left\n",
        plan.tolerances,
        plan.rounds,
        plan.solves()
    );
    out += &match cells == kept {
        true => "nothing is left to do\n".to_string(),
        false => format!(
            "about {} left, as this machine is loaded now: rows in the journal by the seconds of their cells, others \
             by the first systems solved to the tightest tolerance, condition numbers by those of the first system\n",
            duration(plan.seconds())
        ),
    };
    out
}

/// The same as JSON.
pub(super) fn json(plan: &Plan) -> Value {
    json!({
        "cells": plan.cells(), "kept": plan.kept(), "solves_left": plan.solves(), "seconds_left": plan.seconds(),
        "plan": plan,
    })
}
