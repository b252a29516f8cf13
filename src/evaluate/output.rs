//! What an evaluation leaves on disk: results.csv, summary.csv, summary.json, report.html, the plots, the recipe.

use std::fs;
use std::path::{Path, PathBuf};

use super::columns::SummaryRow;
use super::render::{csv, figures, html, json};
use super::summary::Verdict;
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
const RECOGNISED: [&str; 8] = [
    SUMMARY,
    "recipe.toml",
    "results.csv",
    "summary.csv",
    "report.html",
    "iterations.svg",
    "condition.svg",
    "density.svg",
];

const SUMMARY: &str = "summary.json";

/// The files that an evaluation writes into a directory, figures that it need not have among them.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    RECOGNISED.iter().map(|name| dir.join(name)).collect()
}

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
pub fn write(dir: &Path, results: &Results, rows: &[SummaryRow], verdicts: &[Verdict]) -> Result<PathBuf> {
    claim(dir)?;
    let recipe = results.recipe.with_absolute_paths()?.to_toml()?;
    let figures = figures::figures(results, rows);
    let put = |name: &str, text: &str| atomic::write(dir.join(name), text);
    // First, since by this file the directory is known as an evaluation's.
    put(SUMMARY, &format!("{:#}\n", json::json(results, rows, verdicts)))?;
    put("recipe.toml", &recipe)?;
    put("results.csv", &csv::results(results)?)?;
    put("summary.csv", &csv::summary(rows)?)?;
    for figure in &figures {
        put(&format!("{}.svg", figure.name), &figure.svg)?;
    }
    put("report.html", &html::page(results, rows, verdicts, &figures, &recipe))?;
    Ok(dir.join("report.html"))
}

#[cfg(test)]
mod tests {
    use super::super::sample::results;
    use super::super::summary::{summarize, verdicts};
    use super::*;

    #[test]
    fn an_evaluation_replaces_itself_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("run");
        let results = results();
        let rows = summarize(&results);
        let again = || write(&dir, &results, &rows, &verdicts(&results, &rows));
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
}
