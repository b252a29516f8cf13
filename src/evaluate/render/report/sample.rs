//! The first system of a dataset on its mesh: coefficients, solution, and what some rows leave of the error.

use maud::{Markup, PreEscaped, html};

use crate::draw;
use crate::evaluate::analysis::{Against, Quantity};
use crate::evaluate::measure::Solve;
use crate::evaluate::render::page::Page;

/// Rows whose errors are drawn.
const ERRORS: usize = 2;

/// The picture; None where the system is not at hand.
pub fn picture(page: &Page, dataset: usize) -> Option<Markup> {
    let info = &page.results.datasets[dataset];
    let system = info.first.as_ref()?;
    let errors = errors(page, dataset);
    let named: Vec<(String, Vec<f64>)> = errors
        .iter()
        .map(|s| {
            let name = format!("|x − x*|, {}", page.name(s.row));
            (name, s.error.iter().map(|e| e.abs()).collect())
        })
        .collect();
    let title = format!("{}, system {}", info.name, system.index);
    let svg = draw::sample_with_errors(system, &title, &named);
    Some(html! {
        div.picture { (PreEscaped(svg)) }
        @if !errors.is_empty() {
            p.note { "Errors against the stored solution where the solve stopped, " (errors[0].target) "." }
        }
    })
}

/// The first learned row and the classical one that it is compared with; without a learned row the first row.
fn errors<'a>(page: &Page<'a>, dataset: usize) -> Vec<&'a Solve> {
    let Some(target) = page.tightest() else { return Vec::new() };
    let compared = page.analysis.comparisons.iter().find(|c| {
        (c.dataset, c.target, c.quantity, c.against) == (dataset, target, Quantity::Iterations, Against::Classical)
    });
    let rows = compared.map_or(vec![0], |c| vec![c.row, c.other]);
    let with = |row: usize| {
        let mut all = page.results.solves.iter();
        all.find(|s| (s.dataset, s.row, s.target) == (dataset, row, target)).filter(|s| !s.error.is_empty())
    };
    rows.into_iter().filter_map(with).take(ERRORS).collect()
}
