//! Where models generalise.

use maud::{Markup, html};

use super::Report;
use crate::evaluate::analysis::{Generalisation, Tested};

/// Learned rows × datasets; none with fewer than two datasets.
pub fn section(report: &Report) -> Option<Markup> {
    let page = &report.page;
    let (matrix, datasets) = (&page.analysis.generalisation, &page.results.datasets);
    (datasets.len() > 1 && !matrix.is_empty()).then(|| {
        html! {
            div.wide {
                table {
                    thead { tr {
                        th scope="col" { "learned row" } th scope="col" { "trained on" }
                        @for d in datasets { th scope="col" { (d.name) } }
                    } }
                    tbody { @for line in matrix {
                        tr.learned {
                            td { (page.name(line.row)) } td { (line.trained_on) }
                            @for d in 0..datasets.len() { (cell(line, d)) }
                        }
                    } }
                }
            }
            p.note {
                "Iterations, seconds: median ratios to the best classical row of each dataset (below 1 the learned row "
                "takes less). Framed: tested on the dataset that it was trained on; the others are out of its "
                "distribution."
            }
        }
    })
}

fn cell(line: &Generalisation, dataset: usize) -> Markup {
    let tested: Option<&Tested> = line.tested.iter().find(|t| t.dataset == dataset);
    let ratio = |r: Option<f64>| match r {
        Some(r) if r.is_infinite() => "∞".into(),
        Some(r) => format!("{r:.2}"),
        None => "–".to_string(),
    };
    // From blue (takes less) over white to red.
    let shade = |r: Option<f64>| {
        let t = r.unwrap_or(1.0).max(1e-3).log2().clamp(-2.0, 2.0) / 2.0;
        let colour = if t < 0.0 { "0,114,178" } else { "213,94,0" };
        format!("background:rgba({colour},{:.2})", 0.35 * t.abs())
    };
    html! {
        @match tested {
            None => td { "–" },
            Some(t) => td class=[t.own.then_some("own")] style=(shade(t.iterations)) {
                (ratio(t.iterations)) ", " (ratio(t.seconds))
                @if t.failures > 0 { span.failed { " " (t.failures) " failed" } }
            },
        }
    }
}
