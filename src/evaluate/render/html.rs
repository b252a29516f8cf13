//! report.html: tables and plots in one file that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::figures::Figure;
use crate::evaluate::columns::SummaryRow;
use crate::evaluate::columns::{self, FAILURES, KIND, Mark, Place, Shown};
use crate::evaluate::summary::Verdict;
use crate::evaluate::sweep::Results;
use crate::io::plain;

const STYLE: &str = include_str!("report.css");

/// The whole page; `recipe` as TOML.
pub fn page(results: &Results, rows: &[SummaryRow], verdicts: &[Verdict], figures: &[Figure], recipe: &str) -> String {
    let title = match results.recipe.title.as_str() {
        "" => "fempipe evaluation",
        title => title,
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                @if results.interrupted {
                    p { strong { "Interrupted: rows and systems are missing." } }
                }
                @if let Some(note) = results.note() {
                    p.note { (note) "." }
                }
                h2 { "Who wins" }
                ul { @for v in verdicts { li { (v.text) " (" (v.target) ")" } } }
                p.note {
                    "Only rows that solved every system compete; direct solvers compete in time alone. "
                    "Times are medians per system on one process; setup includes a model's inference; training is "
                    "not counted, nor the symbolic analysis of cholesky where systems share a pattern, which is made "
                    "once for all of them. ≥: the row has failures; " (results.recipe.failures_in_words()) ". κ(MA) is "
                    "λmax/λmin where M is symmetric positive definite, σmax/σmin where marked (σ). A Richardson "
                    "iteration with damping ω converges from every start where ρ(I − ωMA) < 1."
                }
                @for v in verdicts { (block(results, rows, v)) }
                h2 { "Plots" }
                @for figure in figures { (PreEscaped(&figure.svg)) }
                h2 { "Recipe" }
                pre { (recipe) }
                p.note { "fempipe " (env!("CARGO_PKG_VERSION")) }
            }
        }
    };
    // Names may hold control characters.
    plain::lines(&page.into_string()).into_owned() + "\n"
}

/// The table of one dataset and tolerance.
fn block(results: &Results, rows: &[SummaryRow], verdict: &Verdict) -> Markup {
    let info = &results.datasets[verdict.dataset];
    let here: Vec<&SummaryRow> = verdict.block(rows).map(|(_, row)| row).collect();
    let shown = columns::shown_for(Place::Html, &here);
    html! {
        h2 { (info.name) ", " (verdict.target) }
        p.note {
            (info.equation) " · n = " (info.unknowns()) " · " (info.systems) " systems of the "
            (results.recipe.split) " split"
            @if !info.kappa.is_empty() { " · κ: median of " (info.kappa.len()) }
        }
        div.wide {
            table {
                tr { @for (column, s) in &shown { th title=(column.help) { (s.heading(column)) } } }
                @for (i, row) in verdict.block(rows) {
                    tr class=(row.text(&KIND)) {
                        @for (column, s) in &shown {
                            td class=[class(s, verdict, i, row)] {
                                (s.of_row(column, row).unwrap_or_else(|| "–".into()))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class(shown: &Shown, verdict: &Verdict, i: usize, row: &SummaryRow) -> Option<&'static str> {
    match shown.mark {
        Mark::FewestIterations => (verdict.fewest_iterations == Some(i)).then_some("best"),
        Mark::LeastTime => (verdict.least_time == Some(i)).then_some("best"),
        Mark::Failures => (row.count(&FAILURES) > 0).then_some("failed"),
        Mark::Never => None,
    }
}
