//! The table on the console.

use super::summary::{Cell, Verdict, changes};
use super::sweep::Results;

/// One block per dataset and tolerance, then who wins.
pub fn console(results: &Results, cells: &[Cell], verdicts: &[Verdict]) -> String {
    let mut out = String::new();
    if results.interrupted {
        out.push_str("interrupted: rows and systems are missing\n\n");
    }
    let changes = changes(results, cells);
    for verdict in verdicts {
        let info = &results.datasets[verdict.dataset];
        let here: Vec<(usize, &Cell)> = cells
            .iter()
            .enumerate()
            .filter(|(_, c)| c.dataset == verdict.dataset && c.target == verdict.target)
            .collect();
        out.push_str(&format!(
            "{} (n = {}, {} systems, {})\n",
            info.name,
            info.unknowns(),
            info.systems,
            verdict.target
        ));
        let mut rows = vec![HEADER.map(String::from).to_vec()];
        let mut guesses = String::new();
        for (i, c) in here {
            if let Some(q) = &c.guess_error {
                guesses += &format!(
                    "guess of {}: relative error mean {:.4}, median {:.4}, worst {:.4}; mean absolute error {:.3e}\n",
                    c.label,
                    q.mean,
                    q.median,
                    q.max,
                    c.guess_mean_error.map_or(f64::NAN, |e| e.mean)
                );
            }
            if let Some((_, change)) = changes.iter().find(|(k, _)| *k == i) {
                guesses += &format!(
                    "{} against {} from zero: {:+.1} % iterations (mean)\n",
                    c.label,
                    results.recipe.rows[c.row].ksp,
                    1e2 * change
                );
            }
            if let Some(q) = &c.label_cosine {
                guesses += &format!(
                    "factor of {}: cosine with its target mean {:.4}, median {:.4}, worst {:.4}\n",
                    c.label, q.mean, q.median, q.min
                );
            }
            rows.push(line(
                c,
                verdict.fewest_iterations == Some(i),
                verdict.least_time == Some(i),
            ));
        }
        out.push_str(&align(&rows));
        out.push_str(&guesses);
        out.push('\n');
    }
    for v in verdicts {
        out.push_str(&v.text);
        out.push('\n');
    }
    out
}

const HEADER: [&str; 13] = [
    "method",
    "kind",
    "mean it",
    "median",
    "q1-q3",
    "worst",
    "failed",
    "setup ms",
    "solve ms",
    "total ms",
    "pc nnz/nnz(A)",
    "kappa(A) -> kappa(MA)",
    "rho(I-wMA)",
];

fn line(c: &Cell, fewest: bool, fastest: bool) -> Vec<String> {
    let mark = |s: String, best: bool| if best { format!("{s} *") } else { s };
    let ms = |q: Option<super::Quartiles>| q.map_or("-".into(), |q| format!("{:.3}", 1e3 * q.median));
    let its = |f: &dyn Fn(&super::Quartiles) -> String| c.iterations.as_ref().map_or("-".into(), f);
    let kappa = match (c.kappa_before, c.kappa_after) {
        (Some(b), Some(a)) => format!(
            "{} -> {}{}",
            short(b),
            short(a),
            if c.spectral { "" } else { " (sigma)" }
        ),
        _ => "-".into(),
    };
    vec![
        c.label.clone(),
        c.kind.into(),
        mark(its(&|q| format!("{:.1}", q.mean)), fewest),
        its(&|q| number(q.median)),
        its(&|q| format!("{}-{}", number(q.q1), number(q.q3))),
        its(&|q| number(q.max)),
        if c.failures == 0 {
            "0".into()
        } else {
            format!("{} of {}", c.failures, c.solves)
        },
        ms(c.setup),
        ms(c.solve),
        mark(ms(c.total), fastest),
        format!("{:.2}", c.fill),
        kappa,
        c.contraction.map_or("-".into(), |rho| format!("{rho:.4}")),
    ]
}

fn number(v: f64) -> String {
    if v.fract() == 0.0 {
        format!("{v:.0}")
    } else {
        format!("{v:.1}")
    }
}

fn short(v: f64) -> String {
    if v < 1000.0 {
        format!("{v:.1}")
    } else {
        format!("{v:.2e}")
    }
}

/// Columns: the first two to the left, the others to the right.
fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|c| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(c, (s, &w))| {
                if c < 2 {
                    format!("{s:<w$}")
                } else {
                    format!("{s:>w$}")
                }
            })
            .collect();
        out.push_str("  ");
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample::results;
    use super::super::summary::{summarize, verdicts};
    use super::{align, console, number, short};

    #[test]
    fn columns_line_up() {
        let rows = [["a", "bb", "1"], ["ccc", "d", "20"]].map(|r| r.map(String::from).to_vec());
        assert_eq!(align(&rows), "  a    bb   1\n  ccc  d   20\n");
        assert_eq!((number(4.0), number(4.25)), ("4".into(), "4.2".into()));
        assert_eq!((short(29.81), short(1.11e4)), ("29.8".into(), "1.11e4".into()));
    }

    #[test]
    fn winners_and_failures_are_marked() {
        let mut results = results();
        let cells = summarize(&results);
        let verdicts = verdicts(&results, &cells);
        let text = console(&results, &cells, &verdicts);
        let row = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap();
        assert!(text.starts_with("p (n = 9, 3 systems, rtol 1.5e-5)\n"), "{text}");
        assert!(row("  cg + none").contains("1 of 3"), "{text}");
        assert!(
            row("  cg + icc").contains("5.0 *") && !row("  cg + none").contains('*'),
            "{text}"
        );
        assert!(row("  cg + cholesky").contains("1.000 *"), "{text}");
        results.interrupted = true;
        assert!(console(&results, &cells, &verdicts).starts_with("interrupted"));
    }
}
