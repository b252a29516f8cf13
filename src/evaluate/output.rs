//! What an evaluation leaves on disk: results.csv, summary.csv, summary.json, report.html, the plots, the recipe.

use std::fs;
use std::path::{Path, PathBuf};

use super::report;
use super::summary::{Cell, Verdict};
use super::sweep::Results;
use crate::error::{Error, Result};
use crate::io::atomic;

/// Makes the directory and checks that it can be written, before any work. An earlier evaluation there may be replaced;
/// files of these names that are no evaluation's (a training run's recipe.toml) may not.
///
/// # Errors
/// [`Error::File`] if such a file is there, [`Error::Io`] if nothing can be written.
pub fn claim(dir: &Path) -> Result<()> {
    if !is_evaluation(dir)
        && let Some(name) = RECOGNISED.iter().find(|name| dir.join(name).exists())
    {
        return Err(Error::file(
            dir,
            format!(
                "has a {name} that is no evaluation's, which would be overwritten: choose another directory with -o"
            ),
        ));
    }
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "create", e))?;
    let probe = dir.join(".writable");
    fs::write(&probe, b"").map_err(|e| Error::io(dir, "write into", e))?;
    fs::remove_file(&probe).map_err(|e| Error::io(&probe, "remove", e))
}

/// Names that an evaluation writes.
const RECOGNISED: [&str; 6] = [
    SUMMARY,
    "recipe.toml",
    "results.csv",
    "summary.csv",
    "report.html",
    "iterations.svg",
];

const SUMMARY: &str = "summary.json";

/// Whether summary.json, the first file that an evaluation writes, is one of ours.
fn is_evaluation(dir: &Path) -> bool {
    fs::read(dir.join(SUMMARY))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .is_some_and(|v| v.get("fempipe_version").is_some() && v.get("verdicts").is_some())
}

/// Writes everything; returns the report's path.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub fn write(dir: &Path, results: &Results, cells: &[Cell], verdicts: &[Verdict]) -> Result<PathBuf> {
    claim(dir)?;
    let recipe = results.recipe.to_toml()?;
    let figures = report::figures(results, cells);
    let put = |name: &str, text: &str| atomic::write(dir.join(name), text);
    let json = serde_json::json!({
        "fempipe_version": env!("CARGO_PKG_VERSION"),
        "title": results.recipe.title,
        "interrupted": results.interrupted,
        "datasets": results.datasets,
        "cells": cells,
        "verdicts": verdicts,
    });
    // First, since by this file the directory is known as an evaluation's.
    put(SUMMARY, &format!("{json:#}\n"))?;
    put("recipe.toml", &recipe)?;
    put("results.csv", &results_csv(results))?;
    put("summary.csv", &summary_csv(results, cells))?;
    for figure in &figures {
        put(&format!("{}.svg", figure.name), &figure.svg)?;
    }
    put(
        "report.html",
        &report::html(results, cells, verdicts, &figures, &recipe),
    )?;
    Ok(dir.join("report.html"))
}

/// A field of a CSV file (RFC 4180).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}

/// One line a solve.
fn results_csv(results: &Results) -> String {
    let mut out = String::from(
        "dataset,family,n,sample,row,kind,ksp,rtol,converged,reason,iterations,setup_seconds,solve_seconds,\
         relative_residual,relative_error,guess_error,guess_mean_error,label_cosine,pc_nnz,note,measure\n",
    );
    for s in &results.solves {
        let (info, row) = (&results.datasets[s.dataset], &results.recipe.rows[s.row]);
        let fields = [
            field(&info.name),
            field(&info.family),
            s.n.to_string(),
            s.sample.to_string(),
            field(&row.name()),
            row.kind().map_or("", |k| k.name()).into(),
            field(&row.ksp.to_string()),
            format!("{:e}", s.target.rtol),
            s.converged.to_string(),
            s.reason.clone(),
            s.iterations.to_string(),
            format!("{:e}", s.setup_seconds),
            format!("{:e}", s.solve_seconds),
            format!("{:e}", s.relative_residual),
            s.relative_error.map_or(String::new(), |e| format!("{e:e}")),
            s.guess_error.map_or(String::new(), |e| format!("{e:e}")),
            s.guess_mean_error.map_or(String::new(), |e| format!("{e:e}")),
            s.label_cosine.map_or(String::new(), |c| format!("{c:.6}")),
            s.pc_nnz.to_string(),
            field(s.note.as_deref().unwrap_or("")),
            s.target.measure.name().into(),
        ];
        out += &fields.join(",");
        out.push('\n');
    }
    out
}

/// One line a cell.
fn summary_csv(results: &Results, cells: &[Cell]) -> String {
    let mut out = String::from(
        "dataset,n,row,kind,rtol,solves,failures,iterations_mean,iterations_q1,iterations_median,iterations_q3,\
         iterations_worst,setup_seconds_median,solve_seconds_median,total_seconds_median,fill,worst_residual,\
         kappa_before,kappa_after,kappa_after_by,contraction,measure\n",
    );
    let number = |v: Option<f64>| v.map_or(String::new(), |v| format!("{v}"));
    for c in cells {
        let info = &results.datasets[c.dataset];
        let its = |f: &dyn Fn(&super::Quartiles) -> f64| number(c.iterations.as_ref().map(f));
        let by = match (c.kappa_after, c.spectral) {
            (None, _) => "",
            (_, true) => "eigenvalues",
            (_, false) => "singular values",
        };
        let fields = [
            field(&info.name),
            info.n.to_string(),
            field(&c.label),
            c.kind.into(),
            format!("{:e}", c.target.rtol),
            c.solves.to_string(),
            c.failures.to_string(),
            its(&|q| q.mean),
            its(&|q| q.q1),
            its(&|q| q.median),
            its(&|q| q.q3),
            its(&|q| q.max),
            number(c.setup.map(|q| q.median)),
            number(c.solve.map(|q| q.median)),
            number(c.total.map(|q| q.median)),
            format!("{:.4}", c.fill),
            format!("{:e}", c.worst_residual),
            number(c.kappa_before),
            number(c.kappa_after),
            by.into(),
            number(c.contraction),
            c.target.measure.name().into(),
        ];
        out += &fields.join(",");
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample::results;
    use super::super::summary::{summarize, verdicts};
    use super::{claim, field, results_csv, summary_csv, write};
    use std::fs;

    /// Fields of a CSV line, quotes understood.
    fn fields(line: &str) -> Vec<String> {
        let (mut out, mut quoted) = (vec![String::new()], false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => out.push(String::new()),
                c => out.last_mut().unwrap().push(c),
            }
        }
        out
    }

    #[test]
    fn csv_lines_have_a_field_for_every_column() {
        let results = results();
        let cells = summarize(&results);
        for (text, lines) in [(results_csv(&results), 9), (summary_csv(&results, &cells), 3)] {
            let columns = fields(text.lines().next().unwrap()).len();
            assert_eq!(text.lines().count(), 1 + lines);
            for line in text.lines() {
                assert_eq!(fields(line).len(), columns, "{line}");
            }
        }
        let failed = results_csv(&results);
        let failed = fields(failed.lines().nth(3).unwrap());
        assert_eq!(
            (failed[8].as_str(), failed[9].as_str()),
            ("false", "DIVERGED_ITS")
        );
        assert_eq!(failed[19], "shifted by 0.1, then once more");
    }

    #[test]
    fn an_evaluation_replaces_itself_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("run");
        let results = results();
        let cells = summarize(&results);
        let again = || write(&dir, &results, &cells, &verdicts(&results, &cells));
        again().unwrap();
        again().unwrap();

        for name in ["recipe.toml", "report.html", "summary.json"] {
            let dir = place.path().join(name);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join(name), "{}").unwrap();
            let error = claim(&dir).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("-o"), "{error}");
            assert_eq!(fs::read_to_string(dir.join(name)).unwrap(), "{}");
            assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing left behind");
        }
    }

    #[test]
    fn csv_fields_are_quoted_where_needed() {
        assert_eq!(field("cg + icc(0)"), "cg + icc(0)");
        assert_eq!(field("gmres(30, side = left)"), "\"gmres(30, side = left)\"");
        assert_eq!(field("a \"b\""), "\"a \"\"b\"\"\"");
    }
}
