//! `fempipe split`: an imported dataset divided anew into sets.

use std::path::PathBuf;

use super::Common;
use super::import::report;
use super::progress::bar;
use crate::dataset::{Dataset, Sizes};
use crate::error::Result;
use crate::io::outputs;
use crate::transfer;

/// Divide an imported dataset into sets to train on, to validate with and to test on
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe split own.h5 0.8,0.1,0.1 -o split.h5
  fempipe split own.h5 400,50,50 --seed 2 -o split.h5
  fempipe split own.h5 train=0.9,hard-test=0.1 -o split.h5
Generated datasets are split by their recipe: fempipe generate --from FILE --set split.train=0.5 ...")]
pub struct Args {
    /// The dataset
    file: PathBuf,
    /// Shares or numbers of samples for train, validation and test, or of named sets
    #[arg(value_name = "SIZES")]
    sizes: Sizes,
    /// Dataset to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Decides which sample goes to which set
    #[arg(long, value_name = "S", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    seed: u64,
    /// Replace what is at the output
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe split`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    outputs::check(&[&args.output], &[&args.file], args.force)?;
    let data = Dataset::open(&args.file)?;
    let progress = bar(common, "splitting", data.len(), "samples");
    let done = transfer::resplit(&data, &args.sizes, args.seed, &args.output, &|k| progress.set_position(k as u64));
    progress.finish_and_clear();
    report(&done?, &args.output, common)
}
