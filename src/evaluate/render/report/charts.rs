//! The charts, and what else there is to see of each dataset.

use maud::{Markup, PreEscaped, html};

use super::Report;
use super::sample;
use crate::evaluate::render::charts::Figure;

/// Those of all datasets together.
pub fn of_all(report: &Report) -> Option<Markup> {
    let here: Vec<&Figure> = report.figures.iter().filter(|f| f.dataset.is_none()).collect();
    (!here.is_empty()).then(|| html! {
        div.charts { @for figure in here { (PreEscaped(figure.chart.figure(&figure.name))) } }
        p.note { "Hover for numbers, drag to zoom, double-click for all of it; names below switch lines off and on." }
    })
}

/// Dataset by dataset; all but the first folded.
pub fn of_each(report: &Report) -> Option<Markup> {
    let datasets = &report.page.results.datasets;
    (!datasets.is_empty()).then(|| {
        html! {
            @for (d, info) in datasets.iter().enumerate() {
                details.dataset open[d == 0] {
                    summary {
                        (info.name)
                        span.note { " n = " (info.unknowns()) ", " (info.systems) " systems · " (info.equation) }
                    }
                    div.charts {
                        @for figure in report.figures.iter().filter(|f| f.dataset == Some(d)) {
                            (PreEscaped(figure.chart.figure(&figure.name)))
                        }
                    }
                    @if let Some(picture) = sample::picture(&report.page, d) { (picture) }
                }
            }
        }
    })
}
