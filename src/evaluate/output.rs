//! What an evaluation leaves on disk: results.csv, summary.csv, summary.json, report.html, the plots, the recipe.

use std::fs;
use std::path::{Path, PathBuf};

use super::report;
use super::summary::{Cell, Verdict};
use super::sweep::Results;
use crate::error::{Error, Result};
use crate::models::checkpoint::write_atomic;

/// Makes the directory and checks that it can be written, before any work.
///
/// # Errors
/// [`Error::Io`].
pub fn claim(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "create", e))?;
    let probe = dir.join(".writable");
    fs::write(&probe, b"").map_err(|e| Error::io(dir, "write into", e))?;
    fs::remove_file(&probe).map_err(|e| Error::io(&probe, "remove", e))
}

/// Writes everything; returns the report's path.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub fn write(dir: &Path, results: &Results, cells: &[Cell], verdicts: &[Verdict]) -> Result<PathBuf> {
    claim(dir)?;
    let recipe = results.recipe.to_toml()?;
    let figures = report::figures(results, cells);
    let put = |name: &str, text: &str| write_atomic(&dir.join(name), text.as_bytes());
    put("recipe.toml", &recipe)?;
    put("results.csv", &results_csv(results))?;
    put("summary.csv", &summary_csv(results, cells))?;
    let json = serde_json::json!({
        "fempipe_version": env!("CARGO_PKG_VERSION"),
        "title": results.recipe.title,
        "interrupted": results.interrupted,
        "datasets": results.datasets,
        "cells": cells,
        "verdicts": verdicts,
    });
    put("summary.json", &format!("{json:#}\n"))?;
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
         relative_residual,relative_error,pc_nnz,note\n",
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
            format!("{:e}", s.rtol),
            s.converged.to_string(),
            s.reason.clone(),
            s.iterations.to_string(),
            format!("{:e}", s.setup_seconds),
            format!("{:e}", s.solve_seconds),
            format!("{:e}", s.relative_residual),
            s.relative_error.map_or(String::new(), |e| format!("{e:e}")),
            s.pc_nnz.to_string(),
            field(s.note.as_deref().unwrap_or("")),
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
         kappa_before,kappa_after,kappa_after_by\n",
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
            format!("{:e}", c.rtol),
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
        ];
        out += &fields.join(",");
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn csv_fields_are_quoted_where_needed() {
        assert_eq!(field("cg + icc(0)"), "cg + icc(0)");
        assert_eq!(field("gmres(30, side = left)"), "\"gmres(30, side = left)\"");
        assert_eq!(field("a \"b\""), "\"a \"\"b\"\"\"");
    }
}
