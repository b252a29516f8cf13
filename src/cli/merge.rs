//! `fempipe merge`: joins the parts that several processes made.

use std::path::PathBuf;

use super::Common;
use super::generate::{report, with_bars};
use crate::error::Result;
use crate::generate;

/// Join the parts that `generate --shard` made into one dataset
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fempipe generate recipe.toml --shard 1/2 & fempipe generate recipe.toml --shard 2/2; wait
  fempipe merge recipe.h5")]
pub struct Args {
    /// The dataset to write; its parts lie in FILE.parts/
    file: PathBuf,
    /// Further directories with parts (they are read, not removed)
    dirs: Vec<PathBuf>,
    /// Replace what is at FILE
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe merge`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let done = with_bars(common, |progress| generate::merge(&args.file, &args.dirs, args.force, progress))?;
    report(&done, None, common)
}
