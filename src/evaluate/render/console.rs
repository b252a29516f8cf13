//! The table on the console.

use crate::evaluate::columns::SummaryRow;
use crate::evaluate::columns::{self, Column, Mark, Place, Shown};
use crate::evaluate::summary::Verdict;
use crate::evaluate::sweep::Results;
use crate::io::text::aligned;

/// One block per dataset and tolerance, then who wins.
pub fn console(results: &Results, rows: &[SummaryRow], verdicts: &[Verdict]) -> String {
    let mut out = String::new();
    if results.interrupted {
        out.push_str("interrupted: rows and systems are missing\n\n");
    }
    if let Some(note) = results.note() {
        out.push_str(&format!("{note}\n\n"));
    }
    for verdict in verdicts {
        let info = &results.datasets[verdict.dataset];
        out.push_str(&format!(
            "{} (n = {}, {} systems, {})\n",
            info.name,
            info.unknowns(),
            info.systems,
            verdict.target
        ));
        out.push_str(&block(results, rows, verdict));
        out.push('\n');
    }
    for v in verdicts {
        out.push_str(&v.text);
        out.push('\n');
    }
    out
}

/// The rows of one dataset and tolerance, then what else there is to say of each.
fn block(results: &Results, rows: &[SummaryRow], verdict: &Verdict) -> String {
    let here: Vec<&SummaryRow> = verdict.block(rows).map(|(_, row)| row).collect();
    let shown = columns::shown_for(Place::Console, &here);
    let mut table = vec![shown.iter().map(|(column, s)| s.heading(column)).collect()];
    let mut notes = String::new();
    if verdict.fewest_iterations.is_some() || verdict.least_time.is_some() {
        let alike = match (verdict.as_fast.len(), verdict.faster_by_ratio.len()) {
            (0 | 1, _) => "",
            (_, 0) => " and what cannot be told from it",
            _ => " and what cannot be told from it, or is faster by the median ratio,",
        };
        let once =
            if results.recipe.repeats > 1 { "" } else { "; timed once, without the noise of the machine (--repeats)" };
        notes += &format!("* the fewest iterations, the least time{alike} of the rows without failures{once}\n");
    }
    if here.iter().any(|row| row.failures > 0) {
        notes += &format!(">= with failures: {}\n", results.recipe.failures_in_words());
    }
    for (i, row) in verdict.block(rows) {
        let cell = |(column, s): &(&Column, &Shown)| {
            let text = s.of_row(column, row).unwrap_or_else(|| "-".into());
            let wins = match s.mark {
                Mark::FewestIterations => verdict.as_few_iterations.contains(&i),
                Mark::LeastTime => verdict.as_fast.contains(&i),
                Mark::Failures | Mark::Never => false,
            };
            if wins { text + " *" } else { text }
        };
        table.push(shown.iter().map(cell).collect());
        for note in columns::shown(Place::Note).filter_map(|(column, s)| s.of_row(column, row)) {
            notes += &note;
            notes.push('\n');
        }
    }
    aligned(&table, 2) + &notes
}
