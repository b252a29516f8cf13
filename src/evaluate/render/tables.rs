//! tables.md and tables.tex: the tables for a text.

use super::comparisons;
use super::finding::findings;
use super::page::Page;
use crate::evaluate::columns::{self, Place, SummaryRow};
use crate::evaluate::summary::Verdict;

/// A table as texts.
struct Table {
    caption: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// One a dataset and target, then the comparisons.
fn tables(page: &Page) -> Vec<Table> {
    let mut out: Vec<Table> = page.verdicts.iter().map(|v| of_verdict(page, v)).collect();
    if !page.analysis.comparisons.is_empty() {
        out.push(Table {
            caption: "Learned rows against the best classical and the best trivial row, system by system".into(),
            head: comparisons::HEAD.map(String::from).to_vec(),
            rows: page.analysis.comparisons.iter().map(|c| comparisons::cells(page, c).to_vec()).collect(),
        });
    }
    out
}

fn of_verdict(page: &Page, verdict: &Verdict) -> Table {
    let info = &page.results.datasets[verdict.dataset];
    let here: Vec<&SummaryRow> = verdict.block(page.rows).map(|(_, row)| row).collect();
    let shown = columns::shown_for(Place::Paper, &here);
    let cell = |row: &SummaryRow| {
        shown.iter().map(|(c, s)| s.of_row(c, row).unwrap_or_else(|| "–".into())).collect::<Vec<String>>()
    };
    Table {
        caption: format!(
            "{}: n = {}, {} systems, {}; medians with 95 % bootstrap intervals",
            info.name,
            info.unknowns(),
            info.systems,
            verdict.target
        ),
        head: shown.iter().map(|(c, s)| s.heading(c)).collect(),
        rows: here.into_iter().map(cell).collect(),
    }
}

/// GitHub's Markdown.
pub fn markdown(page: &Page) -> String {
    let escape = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|c| escape(c)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut out = format!("# {}\n\n", page.title());
    for finding in findings(page) {
        let verdict = &page.verdicts[finding.verdict];
        let name = &page.results.datasets[verdict.dataset].name;
        out += &format!("- **{name}** ({}): {}\n", verdict.target, finding.text().trim_end());
    }
    for table in tables(page) {
        out += &format!("\n{}\n\n", table.caption);
        out += &line(&table.head);
        out += &format!("|{}\n", "---|".repeat(table.head.len()));
        table.rows.iter().for_each(|row| out += &line(row));
    }
    out
}

/// LaTeX with the package booktabs.
pub fn latex(page: &Page) -> String {
    let mut out = String::from("% \\usepackage{booktabs}\n");
    for table in tables(page) {
        let row = |cells: &[String]| cells.iter().map(|c| tex(c)).collect::<Vec<_>>().join(" & ") + " \\\\\n";
        out += "\\begin{table}\n\\centering\n";
        out += &format!("\\caption{{{}}}\n", tex(&table.caption));
        out += &format!("\\begin{{tabular}}{{l{}}}\n\\toprule\n", "r".repeat(table.head.len().saturating_sub(1)));
        out += &row(&table.head);
        out += "\\midrule\n";
        table.rows.iter().for_each(|cells| out += &row(cells));
        out += "\\bottomrule\n\\end{tabular}\n\\end{table}\n\n";
    }
    out
}

/// Text as LaTeX has it.
fn tex(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '<' => out += "\\textless{}",
            '>' => out += "\\textgreater{}",
            '&' | '%' | '_' | '#' | '$' | '{' | '}' => out.extend(['\\', c]),
            '≥' => out += "$\\ge$",
            '∞' => out += "$\\infty$",
            'κ' => out += "$\\kappa$",
            'ω' => out += "$\\omega$",
            'ρ' => out += "$\\rho$",
            '−' => out += "$-$",
            '–' => out += "--",
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::tex;

    #[test]
    fn what_means_something_to_latex_is_escaped() {
        assert_eq!(tex("a_b & 5 % ≥ {x}^2 \\"), "a\\_b \\& 5 \\% $\\ge$ \\{x\\}\\textasciicircum{}2 \\textbackslash{}");
    }
}
