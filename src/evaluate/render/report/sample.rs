//! The first system of a dataset on its mesh: coefficients, solution, and what some rows leave of the error.

use maud::{Markup, PreEscaped, html};

use crate::draw;
use crate::evaluate::analysis::{Against, Quantity, Role};
use crate::evaluate::measure::Solve;
use crate::evaluate::render::finding::findings;
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

/// The learned row of the verdict and the classical one that it is compared with, those whose solution is exact to the
/// last bit left out; rows of the recipe from its first one where there are fewer.
fn errors<'a>(page: &Page<'a>, dataset: usize) -> Vec<&'a Solve> {
    let Some(target) = page.tightest() else { return Vec::new() };
    let finding = findings(page).into_iter().find(|f| page.verdicts[f.verdict].dataset == dataset);
    let compared = page.analysis.comparisons.iter().find(|c| {
        (c.dataset, c.target, c.quantity, c.against) == (dataset, target, Quantity::Iterations, Against::Classical)
            && Some(c.row) == finding.as_ref().and_then(|f| f.row)
    });
    let mut rows: Vec<usize> = compared.map_or(Vec::new(), |c| vec![c.row, c.other]);
    rows.extend((0..page.results.recipe.rows.len()).filter(|r| page.role(dataset, *r) == Role::Classical));
    let with = |row: usize| {
        let mut all = page.results.solves.iter();
        let first = all.find(|s| (s.dataset, s.row, s.target) == (dataset, row, target));
        first.filter(|s| s.error.iter().any(|e| *e != 0.0))
    };
    let mut out: Vec<&Solve> = Vec::new();
    for solve in rows.into_iter().filter_map(with) {
        if out.len() < ERRORS && out.iter().all(|s| s.row != solve.row) {
            out.push(solve);
        }
    }
    out
}
