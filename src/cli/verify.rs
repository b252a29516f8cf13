//! `fempipe verify`: what the families claim, measured.

use serde_json::json;

use super::Common;
use super::output::print;
use super::progress::bar;
use crate::error::{Error, Result};
use crate::families;
use crate::interrupt;
use crate::io::text::aligned;
use crate::verify::{Report, Study};

/// Measure convergence orders, symmetry, definiteness and known values of the families
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe verify
  fempipe verify poisson darcy
Errors fall like h^order; 'wanted' is the order expected of the discretisation. Exit code 1 if anything does not \
hold.")]
pub struct Args {
    /// Families to measure [default: all]
    families: Vec<String>,
}

/// Runs `fempipe verify`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let names: Vec<&str> = match args.families.is_empty() {
        true => families::ENTRIES.names(),
        false => args.families.iter().map(String::as_str).collect(),
    };
    for name in &names {
        families::ENTRIES.find(name)?;
    }
    let progress = bar(common, "verifying", names.len(), "families");
    let mut reports = Vec::new();
    for name in names {
        if interrupt::requested() {
            return Err(Error::Interrupted(format!("before family {name}")));
        }
        reports.push((name, families::measure(name)?));
        progress.inc(1);
    }
    progress.finish_and_clear();
    if common.json {
        let all: Vec<_> = reports.iter().map(|(n, r)| as_json(n, r)).collect();
        print(&format!("{:#}\n", json!(all)))?;
    } else {
        let texts: Vec<String> = reports.iter().map(|(n, r)| as_text(n, r)).collect();
        print(&texts.join("\n"))?;
    }
    let failed: Vec<&str> = reports.iter().filter(|(_, r)| !r.holds()).map(|(n, _)| *n).collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Error::Numeric(format!("does not hold: {}", failed.join(", ")))),
    }
}

fn mark(holds: bool) -> String {
    if holds { "ok" } else { "FAILS" }.to_string()
}

fn as_text(name: &str, report: &Report) -> String {
    let mut out = String::new();
    for study in &report.studies {
        out += &format!("{name}: {}  {}\n", study.what, mark(study.holds()));
        out += &aligned(&rows(study), 1);
    }
    if !report.checks.is_empty() {
        out += &format!("{name}: checks\n");
        let head = ["", "expected", "found", ""].map(String::from).to_vec();
        let rows =
            report.checks.iter().map(|c| vec![c.what.clone(), c.expected.clone(), c.found.clone(), mark(c.holds)]);
        out += &aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), 1);
    }
    out
}

/// A line a level: h, unknowns, then error and order in each norm.
fn rows(study: &Study) -> Vec<Vec<String>> {
    let mut head = vec!["h".to_string(), "unknowns".into()];
    for norm in &study.norms {
        head.extend([norm.name.to_string(), format!("order (wanted {})", norm.order)]);
    }
    let mut out = vec![head];
    for (l, level) in study.levels.iter().enumerate() {
        let mut row = vec![format!("{:.5}", level.h), level.unknowns.to_string()];
        for (k, e) in level.errors.iter().enumerate() {
            let order = if l == 0 { String::new() } else { format!("{:.2}", study.order(k, l)) };
            row.extend([format!("{e:.3e}"), order]);
        }
        out.push(row);
    }
    out
}

fn as_json(name: &str, report: &Report) -> serde_json::Value {
    let studies = report.studies.iter().map(|s| {
        let levels = s.levels.iter().map(|l| json!({ "h": l.h, "unknowns": l.unknowns, "errors": l.errors }));
        let norms = s.norms.iter().map(|n| json!({ "name": n.name, "order": n.order }));
        json!({
            "what": s.what, "norms": norms.collect::<Vec<_>>(), "levels": levels.collect::<Vec<_>>(),
            "holds": s.holds(),
        })
    });
    let checks = report
        .checks
        .iter()
        .map(|c| json!({ "what": c.what, "expected": c.expected, "found": c.found, "holds": c.holds }));
    json!({
        "family": name, "studies": studies.collect::<Vec<_>>(), "checks": checks.collect::<Vec<_>>(),
        "holds": report.holds(),
    })
}
