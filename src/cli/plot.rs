//! `fempipe plot`: a sample as a picture.

use std::path::PathBuf;

use super::Common;
use super::output::print;
use crate::dataset::Dataset;
use crate::draw;
use crate::error::{Error, Result};
use crate::io::{atomic, outputs};

/// Draw a sample: mesh, coefficients, solution, sparsity pattern
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe plot elliptic.h5                        writes elliptic-0.svg
  fempipe plot darcy.h5 --sample 4 -o darcy.svg")]
pub struct Args {
    /// The dataset
    file: PathBuf,
    /// Which sample
    #[arg(long, value_name = "I", default_value_t = 0)]
    sample: usize,
    /// File to write, .svg [default: the dataset's name and the sample]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe plot`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let output = args.output.clone();
    let output = output.unwrap_or_else(|| args.file.with_file_name(format!("{stem}-{}.svg", args.sample)));
    if !output.extension().is_some_and(|e| e.eq_ignore_ascii_case("svg")) {
        return Err(Error::Argument(format!("{}: pictures are written as .svg", output.display())));
    }
    outputs::check(&[&output], &[&args.file], args.force)?;
    let dataset = Dataset::open(&args.file)?;
    let system = dataset.read(args.sample)?;
    let title = format!("{stem}, sample {}: n = {}", args.sample, system.n());
    atomic::write(&output, draw::sample(&system, &title))?;
    let name = output.display().to_string();
    if common.json {
        return print(&format!("{}\n", serde_json::json!({ "file": name })));
    }
    print(&format!("{name}\n"))
}
