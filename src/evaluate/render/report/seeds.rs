//! Runs of one recipe with several training seeds.

use maud::{Markup, html};

use super::Report;
use crate::evaluate::analysis::{Quantity, Seeds};

/// One line a group of runs, dataset and quantity; none where every run is another recipe.
pub fn section(report: &Report) -> Option<Markup> {
    let page = &report.page;
    let target = page.tightest()?;
    let all: Vec<&Seeds> = page.analysis.seeds.iter().filter(|s| s.target == target).collect();
    let number = |quantity: Quantity, v: f64| match quantity {
        Quantity::Iterations => format!("{v:.1}"),
        Quantity::Seconds => format!("{:.3}", 1e3 * v),
    };
    (!all.is_empty()).then(|| {
        html! {
            div.wide {
                table.sortable {
                    thead { tr { @for head in [
                        "runs", "dataset", "seeds", "in", "median of the runs", "between runs (least to most)",
                        "standard deviation", "between systems (q1–q3)", "failed",
                    ] { th scope="col" { button type="button" { (head) } } } } }
                    tbody { @for s in &all {
                        @let show = |v: f64| number(s.quantity, v);
                        @let (low, high) = s.between_runs;
                        @let (q1, q3) = s.between_systems;
                        tr class="learned" {
                            td.several { (s.rows.iter().map(|&r| page.name(r)).collect::<Vec<_>>().join(", ")) }
                            td { (page.results.datasets[s.dataset].name) }
                            td { (s.seeds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) }
                            td { (unit(s.quantity)) }
                            td { (show(s.median)) } td { (show(low)) "–" (show(high)) } td { (show(s.deviation)) }
                            td { (show(q1)) "–" (show(q3)) } td { (s.failures) }
                        }
                    } }
                }
            }
            p.note {
                "Runs of one recipe that differ in the training seed alone, " (target) ": medians over the systems, "
                "and how far they lie apart from run to run; beside it how far systems lie apart within a run."
            }
        }
    })
}

fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Iterations => "iterations",
        Quantity::Seconds => "ms",
    }
}
