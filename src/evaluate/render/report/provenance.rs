//! Where the numbers come from: recipes, versions, digests, machine.

use maud::{Markup, html};

use super::Report;
use crate::evaluate::trained::Trained;

const DATASETS: [&str; 6] = ["dataset", "family", "n", "systems", "digest of the systems", "equation"];

const MODELS: [&str; 8] =
    ["row", "on", "model", "digest of the checkpoint", "steps", "training s", "data and labels s", "trained on"];

/// The lists, and the recipes folded.
pub fn section(report: &Report) -> Option<Markup> {
    let results = report.page.results;
    let machine = &results.machine;
    Some(html! {
        dl {
            dt { "fempipe" }
            dd { (env!("CARGO_PKG_VERSION")) ", evaluation " code { (format!("{:016x}", results.identity)) } }
            dt { "begun" } dd { (machine.date) " UTC" }
            dt { "machine" } dd { (machine.processor) ", " (machine.system) ", " (machine.processors) " processors" }
            dt { "threads" } dd { (machine.threads) }
            dt { "load before" }
            dd { @match machine.load {
                Some(load) => { (format!("{load:.2}")) " processes on average over a minute" },
                None => "not known",
            } }
            dt { "timing" } dd {
                "each solve once, one after the other; one solve a row before them that does not count; device "
                (results.recipe.device)
            }
            dt { "split" } dd { (results.recipe.split) }
            @if results.kept > 0 {
                dt { "kept" }
                dd { (results.kept) " solves of an earlier sitting, with its seconds" }
            }
        }
        h3 { "Datasets" }
        div.wide { table {
            thead { tr { @for head in DATASETS { th { (head) } } } }
            tbody { @for d in &results.datasets { tr {
                td { (d.name) } td { (d.family) } td { (d.unknowns()) } td { (d.systems) } td { code { (d.digest) } }
                td.text { (d.equation) }
            } } }
        } }
        @if results.datasets.iter().any(|d| d.trained.iter().any(Option::is_some)) {
            h3 { "Models" }
            div.wide { table {
                thead { tr { @for head in MODELS { th { (head) } } } }
                tbody { @for d in &results.datasets { @for (r, t) in d.trained.iter().enumerate() {
                    @if let Some(t) = t { (model(&report.page.name(r), &d.name, t)) }
                } } }
            } }
        }
        details { summary { "Recipe of the evaluation" } pre { (report.recipe) } }
        @for d in &results.datasets {
            @if !d.recipe.is_empty() { details { summary { "Recipe of " (d.name) } pre { (d.recipe) } } }
        }
    })
}

fn model(row: &str, dataset: &str, t: &Trained) -> Markup {
    let data = t.data_seconds.map_or_else(|| "not known".into(), |s| format!("{s:.1}"));
    html! { tr {
        td { (row) } td { (dataset) } td { (t.model) } td { code { (t.digest) } } td { (t.steps) }
        td { (format!("{:.1}", t.training_seconds)) } td { (data) } td { (t.data) }
    } }
}
