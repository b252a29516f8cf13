//! `fempipe inspect`: what is in a dataset, and whether it is what it says.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Common;
use super::output::{bytes, number, print};
use super::progress::{bar, say};
use crate::dataset::statistics::{self, Statistics, Summary};
use crate::dataset::verify::{self, Report};
use crate::dataset::{Dataset, Entry, split};
use crate::error::{Error, Result};
use crate::io::shell;
use crate::io::text::aligned;

/// Show what is in a dataset: contents, sizes, sparsity, statistics, provenance, split
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The dataset
    file: PathBuf,
    /// Recompute every digest and residual; exit 1 if any differs
    #[arg(long)]
    verify: bool,
}

/// Runs `fempipe inspect`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let data = Dataset::open(&args.file)?;
    let report = match args.verify {
        true => {
            let b = bar(common, "verifying", data.len(), "samples");
            let report = verify::verify(&data, &|done| b.set_position(done as u64));
            b.finish_and_clear();
            Some(report?)
        }
        false => None,
    };
    // Rows that cannot even be read have no statistics; the verification says which.
    let readable = report.as_ref().is_none_or(|r| r.faults.is_empty());
    let numbers = match readable {
        true => {
            let b = bar(common, "reading", data.len(), "samples");
            let numbers = statistics::statistics(&data, &|done| b.set_position(done as u64));
            b.finish_and_clear();
            numbers?
        }
        false => Statistics::new(),
    };
    if common.json {
        print(&format!("{:#}\n", as_json(&data, &numbers, report.as_ref())?))?;
    } else {
        print(&as_text(&data, &numbers, report.as_ref())?)?;
    }
    conclude(&data, args, report.as_ref(), common)
}

/// Fails if the verification found something, and says what to do next if not.
fn conclude(data: &Dataset, args: &Args, report: Option<&Report>, common: &Common) -> Result<()> {
    match report {
        Some(r) if !r.faults.is_empty() => {
            let first = &r.faults[0];
            let more = match r.faults.len() {
                1 => String::new(),
                n => format!(" ({n} samples in all)"),
            };
            let reason = format!("sample {} {}{more}", first.sample, first.reason);
            return Err(Error::file(&args.file, reason));
        }
        Some(_) => {}
        None => say(common, &format!("next: fempipe inspect --verify {}", shell::path(&args.file))),
    }
    if let Some(part) = data.header().part {
        say(common, &format!("this is part {} of {}: fempipe merge joins them", part.number + 1, part.parts));
    }
    Ok(())
}

/// Least and greatest of n and nnz.
fn sizes(data: &Dataset) -> [usize; 4] {
    let all = (0..data.len()).map(|i| data.size(i));
    all.fold([usize::MAX, 0, usize::MAX, 0], |[a, b, c, d], (n, nnz)| [a.min(n), b.max(n), c.min(nnz), d.max(nnz)])
}

/// "3", or "3 to 5".
fn range(low: usize, high: usize) -> String {
    if low == high { low.to_string() } else { format!("{low} to {high}") }
}

fn file_size(data: &Dataset) -> u64 {
    std::fs::metadata(data.path()).map_or(0, |m| m.len())
}

fn as_text(data: &Dataset, numbers: &Statistics, report: Option<&Report>) -> Result<String> {
    let h = data.header();
    let contents = data.contents()?;
    let mut out = format!("{}\n", data.path().display());
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            out.push_str(&format!("  {name:<12}{text}\n"));
        }
    };
    line("family", h.description.family.clone());
    line("equation", h.description.equation.clone());
    line("weak form", h.description.weak_form.clone());
    line("boundary", h.description.boundary_conditions.clone());
    line("units", h.description.units.clone());
    let made = format!("fempipe {}, seed {}, run {:016x}", h.fempipe_version, h.seed, h.origin);
    line("made by", made);
    h.files.iter().for_each(|file| line("made from", format!("{} (XXH3 {:016x})", file.path.display(), file.digest)));
    line("samples", samples(data));
    line("matrix", matrix(data));
    line("mesh", mesh(data));
    let packed = contents.iter().any(|e| e.filters);
    let packed = if packed { "compressed" } else { "not compressed" };
    let checksum = match data.has_checksum() {
        true => "checksum of headers and tables holds",
        false => "no checksum of headers and tables (of an older version, or changed by another program)",
    };
    line("file", format!("{}, {packed}, {checksum}", bytes(file_size(data))));
    out.push_str("\ncontents\n");
    out.push_str(&aligned(&contents.iter().map(entry).collect::<Vec<_>>(), 1));
    if !numbers.is_empty() {
        out.push_str("\nstatistics\n");
        let head = ["", "min", "mean", "max", "deviation"].map(String::from).to_vec();
        let rows = numbers.iter().map(|(name, s)| statistic(name, s));
        out.push_str(&aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), 1));
    }
    out.push_str("\nrecipe\n");
    for l in h.recipe.lines() {
        out.push_str(format!("  {l}").trim_end());
        out.push('\n');
    }
    if let Some(r) = report {
        out.push_str(&format!("\n{}\n", verdict(r, data.has_checksum())));
        for f in &r.faults {
            out.push_str(&format!("  sample {} {}\n", f.sample, f.reason));
        }
    }
    Ok(out)
}

fn verdict(r: &Report, checksum: bool) -> String {
    if r.faults.is_empty() {
        let rest = if checksum { "" } else { "; what headers and tables say besides has no checksum to hold" };
        let worst = r.worst_residual;
        format!("verified: {} digests and residuals hold (worst ‖b − A x‖/‖b‖ = {worst:.1e}){rest}", r.samples)
    } else {
        format!("NOT verified: {} of {} samples do not hold", r.faults.len(), r.samples)
    }
}

fn samples(data: &Dataset) -> String {
    let sets: Vec<String> =
        split::ordered(data.splits()).into_iter().map(|(n, ids)| format!("{n} {}", ids.len())).collect();
    match sets.is_empty() {
        true => data.len().to_string(),
        false => format!("{} ({})", data.len(), sets.join(", ")),
    }
}

fn matrix(data: &Dataset) -> String {
    let [n0, n1, z0, z1] = sizes(data);
    let totals = data.totals();
    let per_row = totals.nnz as f64 / totals.rows.max(1) as f64;
    let cells: f64 = (0..data.len()).map(|i| (data.size(i).0 as f64).powi(2)).sum();
    let dense = 100.0 * totals.nnz as f64 / cells.max(1.0);
    let whose = match data.pattern() {
        Some(p) => {
            let rows = (0..p.nrows()).flat_map(|i| p.row(i).iter().map(move |&j| i.abs_diff(j as usize)));
            format!("one pattern for all, half bandwidth {}", rows.max().unwrap_or(0))
        }
        None => "each sample its own pattern".to_string(),
    };
    format!("n = {}, nnz = {} ({per_row:.2} a row, {dense:.3} % dense), {whose}", range(n0, n1), range(z0, z1))
}

fn mesh(data: &Dataset) -> String {
    data.mesh().map_or(String::new(), |m| {
        format!(
            "{} points, {} cells ({}), {} free degrees of freedom",
            m.points.len() / m.dim.max(1),
            m.cells.len() / m.cell_size.max(1),
            m.cell_type,
            m.free_dofs.len()
        )
    })
}

fn entry(e: &Entry) -> Vec<String> {
    let shape: Vec<String> = e.shape.iter().map(usize::to_string).collect();
    vec![e.path.clone(), shape.join(" × "), bytes(e.bytes)]
}

fn statistic(name: &str, s: &Summary) -> Vec<String> {
    let cells = [s.min, s.mean(), s.max, s.deviation()].map(number);
    std::iter::once(name.to_string()).chain(cells).collect()
}

fn as_json(data: &Dataset, numbers: &Statistics, report: Option<&Report>) -> Result<Value> {
    let h = data.header();
    let [n0, n1, z0, z1] = sizes(data);
    let contents: Vec<Value> =
        data.contents()?.iter().map(|e| json!({"path": e.path, "shape": e.shape, "bytes": e.bytes})).collect();
    let statistics: serde_json::Map<String, Value> = numbers
        .iter()
        .map(|(name, s)| {
            let v = json!({"count": s.count, "min": s.min, "mean": s.mean(), "max": s.max, "deviation": s.deviation()});
            (name.clone(), v)
        })
        .collect();
    let split: serde_json::Map<String, Value> =
        data.splits().iter().map(|(n, ids)| (n.clone(), ids.len().into())).collect();
    let verification = report.map(|r| {
        let faults: Vec<Value> = r.faults.iter().map(|f| json!({"sample": f.sample, "reason": f.reason})).collect();
        json!({"samples": r.samples, "worst_residual": r.worst_residual, "faults": faults})
    });
    let files: Vec<Value> =
        h.files.iter().map(|f| json!({"path": f.path, "xxh3": format!("{:016x}", f.digest)})).collect();
    let digests: Vec<String> = data.digests().iter().map(|d| format!("{d:016x}")).collect();
    Ok(json!({
        "file": data.path(), "bytes": file_size(data), "samples": data.len(),
        "family": h.description.family, "equation": h.description.equation, "weak_form": h.description.weak_form,
        "boundary_conditions": h.description.boundary_conditions, "units": h.description.units,
        "seed": h.seed, "fempipe_version": h.fempipe_version, "run": format!("{:016x}", h.origin),
        "recipe": h.recipe, "split": split, "checksum": data.has_checksum(), "files": files,
        "n": {"min": n0, "max": n1}, "nnz": {"min": z0, "max": z1}, "shared_pattern": data.pattern().is_some(),
        "statistics": statistics, "contents": contents, "verification": verification, "digests": digests,
    }))
}
