//! report.html: one file that needs nothing else, one file of code a section.

mod charts;
mod comparisons;
mod generalisation;
mod provenance;
mod sample;
mod scaling;
mod seeds;
mod table;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::charts::Figure;
use super::page::Page;
use crate::io::{charts as drawing, plain};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// What sections draw on.
struct Report<'a> {
    page: Page<'a>,
    figures: &'a [Figure],
    recipe: &'a str,
}

/// A section: its name in the address, its heading, what stands under it.
struct Section {
    id: &'static str,
    heading: &'static str,
    body: fn(&Report) -> Option<Markup>,
}

/// The sections in their order; those with nothing to show are left out.
const SECTIONS: &[Section] = &[
    Section { id: "verdict", heading: "Verdict", body: verdict::section },
    Section { id: "table", heading: "All rows", body: table::section },
    Section { id: "comparisons", heading: "Learned rows, system by system", body: comparisons::section },
    Section { id: "overview", heading: "All datasets together", body: charts::of_all },
    Section { id: "scaling", heading: "Growth with n", body: scaling::section },
    Section { id: "generalisation", heading: "Trained on × tested on", body: generalisation::section },
    Section { id: "seeds", heading: "Between training seeds", body: seeds::section },
    Section { id: "datasets", heading: "Dataset by dataset", body: charts::of_each },
    Section { id: "provenance", heading: "Provenance", body: provenance::section },
];

/// The whole page; `recipe` as TOML.
pub fn page(page: &Page, figures: &[Figure], recipe: &str) -> String {
    let report = Report { page: *page, figures, recipe };
    let made = SECTIONS.iter().filter_map(|s| Some((s, (s.body)(&report)?)));
    let sections: Vec<(&Section, Markup)> = made.collect();
    let (results, title) = (page.results, page.title());
    let machine = &results.machine;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { (drawing::head(title, STYLE)) }
            body {
                header {
                    h1 { (title) }
                    p.note {
                        (results.datasets.len()) " datasets × " (results.recipe.rows.len()) " rows × "
                        (results.recipe.targets().len()) " tolerances, " (results.solves.len()) " solves · "
                        (machine.date) " UTC · " (machine.processor) ", " (machine.threads) " threads"
                    }
                    nav { @for (s, _) in &sections { a href={ "#" (s.id) } { (s.heading) } } }
                }
                main {
                    @if results.interrupted {
                        p.warning { strong { "Interrupted: rows and systems are missing." } }
                    }
                    @if let Some(note) = results.note() { p.note { (note) "." } }
                    @for (s, body) in &sections {
                        section id=(s.id) { h2 { (s.heading) } (body) }
                    }
                }
                script { (PreEscaped(drawing::SCRIPT)) (PreEscaped(SCRIPT)) }
            }
        }
    };
    // Names may hold control characters.
    plain::lines(&page.into_string()).into_owned() + "\n"
}
