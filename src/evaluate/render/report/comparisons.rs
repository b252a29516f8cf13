//! Every learned row against the best classical and the best trivial one.

use maud::{Markup, html};

use super::Report;
use crate::evaluate::analysis::Comparison;
use crate::evaluate::render::comparisons::{HEAD, cells};

/// The table; none without learned rows.
pub fn section(report: &Report) -> Option<Markup> {
    let (page, all) = (&report.page, &report.page.analysis.comparisons);
    (!all.is_empty()).then(|| {
        html! {
            div.wide {
                table.sortable {
                    thead { tr {
                        @for head in row_first(HEAD) { th scope="col" { button type="button" { (head) } } }
                        th scope="col" { button type="button" { "paid after, solves" } }
                    } }
                    tbody { @for c in all {
                        tr class=(outcome(c)) {
                            @for cell in row_first(cells(page, c)) { td { (cell) } }
                            td { (paid(c)) }
                        }
                    } }
                }
            }
            p.note {
                "Ratio: median over systems of what the learned row takes over what the other takes; a system that one "
                "of both alone solves counts as 0 or ∞. Paid after: solves until the seconds of training, data and "
                "labels are saved."
            }
        }
    })
}

/// The learned row first, as it stays in sight.
fn row_first<T>(mut line: [T; HEAD.len()]) -> [T; HEAD.len()] {
    line[..3].rotate_right(1);
    line
}

fn outcome(c: &Comparison) -> &'static str {
    match (c.wins(), c.loses()) {
        (true, _) => "wins",
        (_, true) => "loses",
        _ => "even",
    }
}

fn paid(c: &Comparison) -> String {
    match &c.break_even {
        None => "–".into(),
        Some(b) => b.solves.map_or_else(|| "never".into(), |s| format!("{s:.0}")),
    }
}
