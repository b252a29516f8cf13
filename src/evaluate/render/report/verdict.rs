//! First of all: who wins, in a sentence a dataset.

use maud::{Markup, html};

use super::Report;
use crate::evaluate::noise;
use crate::evaluate::render::finding::{Finding, Number, Piece, findings};
use crate::evaluate::{Distribution, Trained};

/// One sentence a dataset, the numbers marked with the line and column of comparisons.csv that they are from.
pub fn section(report: &Report) -> Option<Markup> {
    let findings = findings(&report.page);
    Some(html! {
        @for f in &findings { (finding(report, f)) }
        p.note {
            "Medians over systems; [95 % intervals] by the bootstrap, of shares by Wilson's formula. "
            (noise::in_words(report.page.results.recipe.repeats))
            " A row wins or loses where the interval of the median ratio lies on one side of 1; no difference can be "
            "told where it contains 1. The best classical row is chosen on these very systems, which is in "
            "its favour; direct solvers compete in time alone. Setup includes a model's "
            "inference, not its training, nor the symbolic analysis of cholesky where systems share a pattern. "
            "≥: the row has failures; " (report.page.results.recipe.failures_in_words()) "."
        }
    })
}

fn finding(report: &Report, finding: &Finding) -> Markup {
    let page = &report.page;
    let verdict = &page.verdicts[finding.verdict];
    let info = &page.results.datasets[verdict.dataset];
    let row = finding.row.map(|r| page.name(r)).unwrap_or_default();
    let rtol = format!("{:e}", verdict.target.rtol);
    html! {
        article.finding data-dataset=(info.name) data-rtol=(rtol) data-measure=(verdict.target.measure.name())
            data-row=(row) {
            h3 {
                (info.name)
                span.note { " n = " (info.unknowns()) ", " (info.systems) " systems, " (verdict.target) }
                @for (what, outcome) in &finding.outcomes {
                    span class={ "badge " (outcome.name()) } { (what) ": " (outcome.words()) }
                }
            }
            @for line in finding.pieces.split(|p| *p == Piece::Line).filter(|line| !line.is_empty()) {
                p { @for piece in line { (this(piece)) } }
            }
            @if let Some(leak) = finding.row.and_then(|r| info.leaks.get(r)).filter(|leak| !leak.is_empty()) {
                p.warning { (leak) ": they are no test of it." }
            }
            @if let Some(t) = finding.row.and_then(|r| info.trained.get(r)?.as_ref()).filter(|t| is_elsewhere(t)) {
                p.note { "Out of its distribution: it was trained on " (t.data) "." }
            }
        }
    }
}

fn is_elsewhere(trained: &Trained) -> bool {
    trained.distribution == Distribution::Other
}

fn this(piece: &Piece) -> Markup {
    match piece {
        Piece::Text(text) => html! { (text) },
        Piece::Row(name, learned) => html! { em class=[learned.then_some("learned")] { (name) } },
        Piece::Line => html! {},
        Piece::Number(n) => number(n),
    }
}

fn number(n: &Number) -> Markup {
    html! {
        span class=[is_main(n).then_some("main")] data-against=(n.against) data-quantity=(n.quantity)
            data-column=(n.column) data-scale=(n.shown.0) data-digits=(n.shown.1) { (n.text()) }
    }
}

/// Whether it stands out: the numbers themselves, not their intervals.
fn is_main(n: &Number) -> bool {
    matches!(n.column, "median" | "other_median" | "ratio" | "share_won" | "break_even_solves")
}
