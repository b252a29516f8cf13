//! `fempipe merge`: joins the parts of a dataset, or the shares of an evaluation, that several processes made.

use std::path::PathBuf;

use super::Common;
use super::evaluate;
use super::generate::{report, with_bars};
use crate::error::{Error, Result};
use crate::evaluate::shards;
use crate::generate;

/// Join the parts that `generate --shard` made into a dataset, or the shares of `evaluate --shard` into an evaluation
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fempipe generate recipe.toml --shard 1/2 & fempipe generate recipe.toml --shard 2/2; wait
  fempipe merge recipe.h5
  fempipe evaluate e.toml -o e --shard 1/2 & fempipe evaluate e.toml -o e --shard 2/2; wait
  fempipe merge e")]
pub struct Args {
    /// The dataset to write, whose parts lie in FILE.parts/, or the directory of an evaluation, whose shares lie in
    /// FILE.shards/
    file: PathBuf,
    /// Further directories with parts (they are read, not removed)
    dirs: Vec<PathBuf>,
    /// Replace what is at FILE
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe merge`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    if shards::place(&args.file).is_dir() {
        if let Some(further) = args.dirs.first() {
            return Err(Error::file(further, "shares of an evaluation are all in one place: move it there"));
        }
        return evaluate::merge(&args.file, args.force, common);
    }
    let done = with_bars(common, |progress| generate::merge(&args.file, &args.dirs, args.force, progress))?;
    report(&done, None, common)
}
