//! `report.html`: tables and plots in one file that needs nothing else.

use super::recipe::Target;
use super::summary::{Cell, Verdict};
use super::sweep::Results;
use crate::io::charts::{self, Scale, Series, escape};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:86rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .5rem;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}
th{white-space:normal;vertical-align:bottom}
th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}
tr.learned td:first-child{border-left:3px solid #0072B2}tr.classical td:first-child{border-left:3px solid #bbb}
tr.constant td:first-child{border-left:3px solid #E69F00}
td.best{font-weight:700;background:#e8f3ec}td.failed{color:#b00020}
pre{background:#f5f5f5;padding:.8rem;overflow:auto;font-size:.82rem}
.wide{overflow-x:auto}svg{max-width:100%;height:auto}.note{color:#555;font-size:.9rem}";

/// A plot with the name its own file gets.
pub struct Figure {
    pub name: String,
    pub svg: String,
}

/// The plots of an evaluation.
pub fn figures(results: &Results, cells: &[Cell]) -> Vec<Figure> {
    let (mut out, targets) = (Vec::new(), results.recipe.targets());
    if let Some(&first) = targets.first().filter(|_| results.datasets.len() > 1) {
        out.push(Figure {
            name: "iterations".into(),
            svg: against_size(results, cells, first),
        });
    }
    for (d, info) in results.datasets.iter().enumerate() {
        // There is one: a recipe without any is refused.
        let tightest = targets.iter().copied().min_by(|a, b| a.rtol.total_cmp(&b.rtol));
        let Some(tightest) = tightest else { continue };
        out.push(Figure {
            name: format!("residuals-{}", info.name),
            svg: residuals(results, d, tightest),
        });
        out.push(Figure {
            name: format!("time-{}", info.name),
            svg: time(results, cells, d, tightest),
        });
    }
    out
}

fn against_size(results: &Results, cells: &[Cell], target: Target) -> String {
    let series: Vec<Series> = (0..results.recipe.rows.len())
        .map(|r| Series {
            name: results.recipe.rows[r].name(),
            points: cells
                .iter()
                .filter(|c| c.row == r && c.target == target && c.failures == 0)
                .filter_map(|c| Some((results.datasets[c.dataset].n as f64, c.iterations?.mean)))
                .collect(),
            marks: true,
        })
        .collect();
    charts::lines(
        &format!(
            "Mean iterations to a relative {} of {:e}",
            target.measure.name(),
            target.rtol
        ),
        "unknowns n",
        "iterations",
        Scale::Log,
        Scale::Log,
        &series,
    )
}

fn residuals(results: &Results, d: usize, target: Target) -> String {
    let series: Vec<Series> = results
        .solves
        .iter()
        .filter(|s| s.dataset == d && s.target == target && !s.history.is_empty())
        .map(|s| Series {
            name: results.recipe.rows[s.row].name(),
            points: s
                .history
                .iter()
                .enumerate()
                .map(|(k, &r)| ((k + 1) as f64, r))
                .collect(),
            marks: s.history.len() < 30,
        })
        .collect();
    charts::lines(
        &format!("Residual history, first system of {}", results.datasets[d].name),
        "iteration + 1",
        "relative residual",
        Scale::Log,
        Scale::Log,
        &series,
    )
}

fn time(results: &Results, cells: &[Cell], d: usize, target: Target) -> String {
    let rows: Vec<(String, [f64; 2])> = cells
        .iter()
        .filter(|c| c.dataset == d && c.target == target)
        .filter_map(|c| Some((c.label.clone(), [1e3 * c.setup?.median, 1e3 * c.solve?.median])))
        .collect();
    charts::bars(
        &format!("Median time per system of {}", results.datasets[d].name),
        "milliseconds",
        ["setup", "solve"],
        &rows,
    )
}

/// The whole page.
pub fn html(
    results: &Results,
    cells: &[Cell],
    verdicts: &[Verdict],
    figures: &[Figure],
    recipe: &str,
) -> String {
    let title = if results.recipe.title.is_empty() {
        "fempipe evaluation"
    } else {
        &results.recipe.title
    };
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light\"><title>{0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>",
        escape(title)
    );
    if results.interrupted {
        out += "<p><strong>Interrupted: rows and systems are missing.</strong></p>";
    }
    out += "<h2>Who wins</h2><ul>";
    for v in verdicts {
        out += &format!("<li>{} ({})</li>", escape(&v.text), v.target);
    }
    out += "</ul><p class=\"note\">Only rows that solved every system compete; direct solvers compete in time alone. \
            Times are medians per system on one process; setup includes a model's inference; training is not counted. \
            κ(MA) is λmax/λmin where M is symmetric positive definite, σmax/σmin where marked (σ). \
            A Richardson iteration with damping ω converges from every start where ρ(I − ωMA) < 1.</p>";
    for v in verdicts {
        out += &block(results, cells, v);
    }
    out += "<h2>Plots</h2>";
    for f in figures {
        out += &f.svg;
    }
    out += &format!(
        "<h2>Recipe</h2><pre>{}</pre><p class=\"note\">fempipe {}</p></body></html>\n",
        escape(recipe),
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn block(results: &Results, cells: &[Cell], v: &Verdict) -> String {
    let info = &results.datasets[v.dataset];
    let mut out = format!(
        "<h2>{}, {}</h2><p class=\"note\">{} · n = {} · {} systems of the {} split{}</p><div class=\"wide\"><table><tr>",
        escape(&info.name),
        v.target,
        escape(&info.equation),
        info.unknowns(),
        info.systems,
        escape(&results.recipe.split),
        match info.kappa.len() {
            0 => String::new(),
            k => format!(" · κ: median of {k}"),
        }
    );
    for head in [
        "method",
        "kind",
        "mean it",
        "median",
        "q1–q3",
        "worst",
        "failed",
        "setup ms",
        "solve ms",
        "total ms",
        "nnz(M)/nnz(A)",
        "worst residual",
        "κ(A)",
        "κ(MA)",
        "ρ(I − ωMA)",
    ] {
        out += &format!("<th>{head}</th>");
    }
    out += "</tr>";
    for (i, c) in cells.iter().enumerate() {
        if c.dataset == v.dataset && c.target == v.target {
            out += &row(c, v.fewest_iterations == Some(i), v.least_time == Some(i));
        }
    }
    out + "</table></div>"
}

fn row(c: &Cell, fewest: bool, fastest: bool) -> String {
    let cell = |text: String, class: &str| {
        if class.is_empty() {
            format!("<td>{text}</td>")
        } else {
            format!("<td class=\"{class}\">{text}</td>")
        }
    };
    let best = |yes: bool| if yes { "best" } else { "" };
    let its = |f: &dyn Fn(&super::Quartiles) -> f64| {
        c.iterations
            .as_ref()
            .map_or("–".into(), |q| format!("{:.1}", f(q)))
    };
    let ms = |q: Option<super::Quartiles>| q.map_or("–".into(), |q| format!("{:.3}", 1e3 * q.median));
    let kappa = |k: Option<f64>| k.map_or("–".into(), |k| format!("{k:.1}"));
    let sigma = if c.spectral || c.kappa_after.is_none() {
        ""
    } else {
        " (σ)"
    };
    let failed = if c.failures > 0 { "failed" } else { "" };
    let mut out = format!("<tr class=\"{}\">", c.kind);
    out += &cell(escape(&c.label), "");
    out += &cell(c.kind.into(), "");
    out += &cell(its(&|q| q.mean), best(fewest));
    out += &cell(its(&|q| q.median), "");
    out += &cell(
        c.iterations
            .as_ref()
            .map_or("–".into(), |q| format!("{:.1}–{:.1}", q.q1, q.q3)),
        "",
    );
    out += &cell(its(&|q| q.max), "");
    out += &cell(format!("{} of {}", c.failures, c.solves), failed);
    out += &cell(ms(c.setup), "");
    out += &cell(ms(c.solve), "");
    out += &cell(ms(c.total), best(fastest));
    out += &cell(format!("{:.2}", c.fill), "");
    out += &cell(format!("{:.1e}", c.worst_residual), "");
    out += &cell(kappa(c.kappa_before), "");
    out += &cell(kappa(c.kappa_after) + sigma, "");
    out += &cell(c.contraction.map_or("–".into(), |rho| format!("{rho:.4}")), "");
    out + "</tr>"
}
