//! All rows on all datasets at all tolerances in one table that can be sorted and filtered.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::Report;
use crate::evaluate::analysis::Role;
use crate::evaluate::columns::{self, Column, FAILURES, KIND, Mark, Place, ROW, Shown, SummaryRow};
use crate::evaluate::noise;
use crate::evaluate::render::page::Page;
use crate::evaluate::summary::Verdict;

type Heads = Vec<(&'static Column, &'static Shown)>;

/// The table and its filters.
pub fn section(report: &Report) -> Option<Markup> {
    let page = &report.page;
    let all: Vec<&SummaryRow> = page.rows.iter().collect();
    let shown = heads(&all);
    let name = |d: usize| page.results.datasets[d].name.clone();
    let datasets: Vec<String> = (0..page.results.datasets.len()).map(name).collect();
    let targets: Vec<String> = page.results.recipe.targets().iter().map(ToString::to_string).collect();
    let kinds: Vec<String> =
        all.iter().map(|r| r.text(&KIND).to_string()).collect::<BTreeSet<_>>().into_iter().collect();
    Some(html! {
        div.filters {
            input type="search" id="filter" placeholder="filter methods" aria-label="filter methods";
            (choice("dataset", "all datasets", &datasets))
            (choice("target", "all tolerances", &targets))
            (choice("kind", "all kinds", &kinds))
            span.note id="count" aria-live="polite" {}
        }
        div.wide {
            table id="rows" {
                thead { tr { @for (column, s) in &shown {
                    th scope="col" title=(column.help) { button type="button" { (s.heading(column)) } }
                } } }
                tbody { @for verdict in page.verdicts { @for (i, row) in verdict.block(page.rows) {
                    (line(page, &shown, verdict, i, row))
                } } }
            }
        }
        p.note {
            "Click a heading to sort. Green: the best of its dataset and tolerance among rows without failures, and "
            "what cannot be told from it in time. " (noise::in_words(page.results.recipe.repeats))
         }
    })
}

/// The method first, as it stays in sight; columns that tell rows apart; those that some row has something in.
pub fn heads(rows: &[&SummaryRow]) -> Heads {
    let mut shown = columns::shown_for(Place::Html, rows);
    shown.sort_by_key(|(column, _)| !std::ptr::eq(*column, &ROW));
    let same = |(column, s): &(&'static Column, &'static Shown)| {
        let of = |row: &&SummaryRow| s.of_row(column, row);
        rows.windows(2).all(|w| of(&w[0]) == of(&w[1]))
    };
    let labels: [&Column; 3] = [&columns::DATASET, &columns::N, &columns::RTOL];
    let is_label = |column: &Column| labels.iter().any(|label| std::ptr::eq(*label, column));
    shown.retain(|head| !(is_label(head.0) && rows.len() > 1 && same(head)));
    shown
}

fn choice(name: &str, all: &str, values: &[String]) -> Markup {
    html! {
        @if values.len() > 1 {
            select data-filter=(name) aria-label=(name) {
                option value="" { (all) }
                @for value in values { option value=(value) { (value) } }
            }
        }
    }
}

fn line(page: &Page, shown: &Heads, verdict: &Verdict, i: usize, row: &SummaryRow) -> Markup {
    let dataset = &page.results.datasets[row.dataset].name;
    html! {
        tr class=(role(page, row)) data-dataset=(dataset) data-target=(row.target) data-kind=(row.text(&KIND))
            data-rtol=(format!("{:e}", row.target.rtol)) data-measure=(row.target.measure.name())
            data-row=(row.text(&ROW)) {
            @for (column, s) in shown {
                td class=[class(s, verdict, i, row)] { (s.of_row(column, row).unwrap_or_else(|| "–".into())) }
            }
        }
    }
}

fn class(shown: &Shown, verdict: &Verdict, i: usize, row: &SummaryRow) -> Option<&'static str> {
    match shown.mark {
        Mark::FewestIterations => verdict.as_few_iterations.contains(&i).then_some("best"),
        Mark::LeastTime => verdict.as_fast.contains(&i).then_some("best"),
        Mark::Failures => (row.count(&FAILURES) > 0).then_some("failed"),
        Mark::Never => None,
    }
}

/// What a line looks like.
fn role(page: &Page, row: &SummaryRow) -> &'static str {
    match page.role(row.dataset, row.row) {
        Role::Learned => "learned",
        Role::Constant | Role::Untrained => "trivial",
        Role::Oracle => "oracle",
        Role::Classical | Role::Direct => "classical",
    }
}
