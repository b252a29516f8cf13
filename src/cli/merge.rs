//! `fempipe merge`: joins the parts that several processes made.

use std::cell::RefCell;
use std::path::PathBuf;

use super::{Common, generate as generate_command};
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
}

/// Runs `fempipe merge`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let bars = RefCell::new(None);
    let done = generate::merge(&args.file, &args.dirs, &|event| {
        generate_command::show(common, &bars, event);
    });
    if let Some(bar) = bars.take() {
        bar.finish_and_clear();
    }
    generate_command::report(&done?, None, common)
}
