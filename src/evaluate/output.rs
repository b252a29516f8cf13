//! What an evaluation leaves on disk: solves, summaries and comparisons as CSV and JSON, tables for papers, the plots,
//! the report, the recipe.

use std::fs;
use std::path::{Path, PathBuf};

use super::analysis::Analysis;
use super::columns::SummaryRow;
use super::journal;
use super::recipe::EvalRecipe;
use super::render::page::Page;
use super::render::{charts, comparisons, csv, json, report as page, statistics, tables};
use super::summary::Verdict;
use super::sweep::Results;
use crate::error::{Error, Result};
use crate::io::atomic;

/// Makes the directory and checks that it can be written, before any work. What the evaluation of this identity has
/// left there may be written again, another one's only with `force`; files of these names that are no evaluation's (a
/// training run's recipe.toml) never.
///
/// # Errors
/// [`Error::File`] if such a file is there, [`Error::Io`] if nothing can be written.
pub fn claim(dir: &Path, identity: u64, force: bool) -> Result<()> {
    match standing(dir, identity) {
        Standing::Foreign(name) => {
            return Err(Error::file(
                dir,
                format!(
                    "has a {name} that is no evaluation's, which would be overwritten: choose another directory with -o"
                ),
            ));
        }
        Standing::Other if !force => {
            return Err(Error::file(
                dir,
                "holds another evaluation (of other systems, rows, checkpoints, tolerances or threads), which would be \
                 overwritten: choose another directory with -o, or replace it with --force",
            ));
        }
        _ => {}
    }
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "create", e))?;
    let probe = dir.join(".writable");
    fs::write(&probe, b"").map_err(|e| Error::io(dir, "write into", e))?;
    fs::remove_file(&probe).map_err(|e| Error::io(&probe, "remove", e))
}

/// Whether a directory holds all of the evaluation of this identity.
pub fn is_whole(dir: &Path, identity: u64) -> bool {
    let files = [SUMMARY, RECIPE, "results.csv", "summary.csv", REPORT];
    let whole = |summary: Summary| (summary.identity, summary.interrupted) == (Some(identity), false);
    files.iter().all(|name| dir.join(name).is_file()) && summary(dir).is_some_and(whole)
}

/// What a directory is to an evaluation.
pub(super) enum Standing {
    /// It has no results of an evaluation.
    Unused,
    /// The same evaluation has been there.
    Same,
    /// Another one has.
    Other,
    /// It has such a file, but no evaluation has been there.
    Foreign(&'static str),
}

/// What a directory is to the evaluation of this identity.
pub(super) fn standing(dir: &Path, identity: u64) -> Standing {
    match (summary(dir), RECOGNISED.iter().find(|name| dir.join(name).exists())) {
        (Some(summary), _) if summary.identity == Some(identity) => Standing::Same,
        (Some(_), _) => Standing::Other,
        // An interrupted evaluation may have left a journal and its recipe alone.
        (None, Some(name)) if !journal::is_in(dir) => Standing::Foreign(name),
        (None, _) => Standing::Unused,
    }
}

/// Names that an evaluation writes.
const RECOGNISED: [&str; 15] = [
    SUMMARY,
    RECIPE,
    "results.csv",
    "summary.csv",
    REPORT,
    "iterations.svg",
    "condition.svg",
    "density.svg",
    "seconds.svg",
    "profile-iterations.svg",
    "profile-seconds.svg",
    "statistics.json",
    "comparisons.csv",
    "tables.md",
    "tables.tex",
];

const SUMMARY: &str = "summary.json";

const RECIPE: &str = "recipe.toml";

const REPORT: &str = "report.html";

/// The files that an evaluation writes into a directory, figures that it need not have among them.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    RECOGNISED.iter().map(|name| dir.join(name)).collect()
}

/// What summary.json, the first file that an evaluation writes, says of it.
struct Summary {
    /// None in one of an older version.
    identity: Option<u64>,
    interrupted: bool,
}

/// That of a directory, if it is one of ours.
fn summary(dir: &Path) -> Option<Summary> {
    let json: serde_json::Value = serde_json::from_slice(&fs::read(dir.join(SUMMARY)).ok()?).ok()?;
    json.get("fempipe_version").and(json.get("verdicts"))?;
    let identity = json["identity"].as_str().and_then(|text| u64::from_str_radix(text, 16).ok());
    Some(Summary { identity, interrupted: json["interrupted"] != serde_json::Value::Bool(false) })
}

/// Where the report of an evaluation lies.
pub fn report(dir: &Path) -> PathBuf {
    dir.join(REPORT)
}

/// Writes the recipe alone, so that [`recipe_in`] finds it where an evaluation was interrupted before its first solve.
///
/// # Errors
/// [`Error::Io`].
pub fn write_recipe(dir: &Path, recipe: &EvalRecipe) -> Result<()> {
    atomic::write(dir.join(RECIPE), recipe.with_absolute_paths()?.to_toml()?)
}

/// The recipe of the evaluation in a directory.
///
/// # Errors
/// [`Error::File`] if there is none.
pub fn recipe_in(dir: &Path) -> Result<PathBuf> {
    let path = dir.join(RECIPE);
    if path.is_file() && (summary(dir).is_some() || journal::is_in(dir)) {
        return Ok(path);
    }
    Err(Error::file(dir, "is a directory without an evaluation: name a recipe, or datasets with --data"))
}

/// Writes everything; returns the report's path.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub fn write(dir: &Path, results: &Results, rows: &[SummaryRow], verdicts: &[Verdict]) -> Result<PathBuf> {
    claim(dir, results.identity, true)?;
    let recipe = results.recipe.with_absolute_paths()?.to_toml()?;
    let analysis = Analysis::of(results);
    let of = Page { results, rows, verdicts, analysis: &analysis };
    let figures = charts::figures(&of);
    let put = |name: &str, text: &str| atomic::write(dir.join(name), text);
    // First, since by this file the directory is known as an evaluation's.
    put(SUMMARY, &format!("{:#}\n", json::json(results, rows, verdicts)))?;
    put(RECIPE, &recipe)?;
    put("results.csv", &csv::results(results)?)?;
    put("summary.csv", &csv::summary(rows)?)?;
    for figure in &figures {
        put(&format!("{}.svg", figure.name), &figure.chart.svg())?;
        atomic::write(dir.join(format!("{}.pdf", figure.name)), figure.chart.pdf())?;
    }
    put("comparisons.csv", &comparisons::csv(&of)?)?;
    put("statistics.json", &format!("{}\n", statistics::json(&of)))?;
    put("tables.md", &tables::markdown(&of))?;
    put("tables.tex", &tables::latex(&of))?;
    put(REPORT, &page::page(&of, &figures, &recipe))?;
    Ok(report(dir))
}

#[cfg(test)]
mod tests {
    use super::super::journal::Journal;
    use super::super::machine::Machine;
    use super::super::sample::{many, results};
    use super::super::summary::{summarize, verdicts};
    use super::*;

    /// The report stays small and fast, whatever the number of solves.
    ///
    /// With --nocapture it says how fast and how large. FEMPIPE_REPORT names a directory to keep it in, for `python
    /// tests/python/report.py DIR` to open it in a browser.
    #[test]
    fn report_of_100_000_solves() {
        let place = tempfile::tempdir().unwrap();
        let dir = std::env::var_os("FEMPIPE_REPORT").map_or_else(|| place.path().join("large"), PathBuf::from);
        let results = many(1000);
        assert_eq!(results.solves.len(), 100_000);
        let clock = std::time::Instant::now();
        let rows = summarize(&results);
        let verdicts = verdicts(&results, &rows);
        let summarized = clock.elapsed();
        let report = write(&dir, &results, &rows, &verdicts).unwrap();
        let size = fs::metadata(report).unwrap().len();
        println!("tables in {summarized:.1?}, all in {:.1?}, report.html {} kB", clock.elapsed(), size / 1000);
        assert!(size < 3_000_000);
    }

    #[test]
    fn a_report_grows_with_rows_and_not_with_solves() {
        let size = |systems| {
            let results = many(systems);
            let rows = summarize(&results);
            let dir = tempfile::tempdir().unwrap();
            let report = write(dir.path(), &results, &rows, &verdicts(&results, &rows)).unwrap();
            fs::metadata(report).unwrap().len() as f64
        };
        assert!(size(60) < 1.5 * size(20));
    }

    #[test]
    fn an_evaluation_replaces_itself_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("run");
        let results = results();
        let rows = summarize(&results);
        let again = || write(&dir, &results, &rows, &verdicts(&results, &rows));
        again().unwrap();
        again().unwrap();
        claim(&dir, results.identity, false).unwrap();
        assert!(is_whole(&dir, results.identity) && !is_whole(&dir, 1));
        let error = claim(&dir, 1, false).unwrap_err().to_string();
        assert!(error.contains("another evaluation") && error.contains("--force"), "{error}");
        claim(&dir, 1, true).unwrap();
        // By default others go beside it, with the date of today.
        let today = &Machine::here().date[..10];
        let beside = |end: &str| place.path().join(format!("run-{today}{end}"));
        fs::write(beside("-2"), "").unwrap();
        let of = |identity, plain| super::super::place::place(&dir, identity, plain);
        assert_eq!((of(results.identity, false), of(1, true)), (dir.clone(), beside("")));
        fs::create_dir(beside("")).unwrap();
        let mut journal = Journal::open(&beside("")).unwrap();
        journal.belongs_to(1).unwrap();
        assert_eq!((of(1, false), of(2, false)), (beside(""), beside("-3")));
        drop(journal);
        let new = place.path().join("new");
        let place_of = |plain| super::super::place::place(&new, 1, plain);
        assert_eq!((place_of(true), place_of(false)), (new.clone(), place.path().join(format!("new-{today}"))));
        fs::remove_file(dir.join("results.csv")).unwrap();
        assert!(!is_whole(&dir, results.identity));

        for name in ["recipe.toml", "report.html", "summary.json"] {
            let dir = place.path().join(name);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join(name), "{}").unwrap();
            for force in [false, true] {
                let error = claim(&dir, 1, force).unwrap_err().to_string();
                assert!(error.contains(name) && error.contains("-o"), "{error}");
            }
            assert_eq!(fs::read_to_string(dir.join(name)).unwrap(), "{}");
            assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing left behind");
        }
    }
}
