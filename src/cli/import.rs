//! `fempipe import`: matrix files of others as a dataset.

use std::path::PathBuf;

use super::Common;
use super::choice::{Choice, one_of};
use super::output::print;
use super::progress::{bar, say};
use crate::error::{Error, Result};
use crate::io::{Unpack, matrix_market, outputs};
use crate::transfer::{self, Import, Rhs};

const RIGHT_HAND_SIDES: [Choice<Rhs>; 2] = [
    (Rhs::Ones, "ones", "b = (1, …, 1)"),
    (Rhs::ImageOfOnes, "image-of-ones", "b = A (1, …, 1), so that x = (1, …, 1)"),
];

/// Import Matrix Market files, SciPy or StAnD archives into a dataset
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe import bcsstk16.mtx -o bcsstk16.h5
  fempipe import stand/*.npz -o stand.h5
  fempipe evaluate --data stand.h5 --split test
b is the file's own (.npz: array b; NAME.mtx: NAME_b.mtx beside it), else as --rhs says.")]
pub struct Args {
    /// Files: .mtx (Matrix Market), .npz (SciPy save_npz, StAnD)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Dataset to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Right-hand side of matrices that come without one
    #[arg(long, value_parser = one_of(&RIGHT_HAND_SIDES), default_value = "ones")]
    rhs: Rhs,
    /// Do not solve
    #[arg(long)]
    no_solution: bool,
    /// Name of the set that holds all of them
    #[arg(long, value_name = "NAME", default_value = "test")]
    set: String,
    /// Most that an array of a .npz or a .mtx.gz may unpack to, e.g. 4G [default: 256 MiB, or 32 times the file]
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<Unpack>,
    /// Replace what is at the output
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe import`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let beside: Vec<PathBuf> = args.files.iter().filter_map(|f| matrix_market::right_hand_side_beside(f)).collect();
    let inputs: Vec<&PathBuf> = args.files.iter().chain(&beside).collect();
    outputs::check(&[&args.output], &inputs, args.force)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if args.set.is_empty() || !args.set.chars().all(plain) {
        return Err(Error::Argument(format!("--set {}: names are letters, digits, '-' and '_'", args.set)));
    }
    let files = transfer::matrices(&args.files);
    let count = files.len();
    let progress = bar(common, "importing", count, "files");
    let import = Import {
        files,
        rhs: args.rhs,
        solution: !args.no_solution,
        set: args.set.clone(),
        unpack: args.max_bytes.unwrap_or_default(),
    };
    let done = transfer::import(&import, &args.output, &|k| progress.set_position(k as u64));
    progress.finish_and_clear();
    done?;
    let file = args.output.display();
    if common.json {
        print(&format!("{}\n", serde_json::json!({ "output": file.to_string(), "samples": count })))?;
    } else {
        print(&format!("{file}\n"))?;
    }
    say(common, &format!("{count} samples\nnext: fempipe inspect {file}"));
    Ok(())
}
