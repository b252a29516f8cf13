//! `fempipe import`: matrix files of others as a dataset.

use std::cell::RefCell;
use std::path::PathBuf;

use super::Common;
use super::choice::{Choice, one_of};
use super::output::print;
use super::progress::{bar, say, tell};
use crate::dataset::{Sizes, split};
use crate::error::Result;
use crate::io::{Unpack, outputs, shell};
use crate::transfer::{self, Import, ImportEvent, Imported, Rhs};

const RIGHT_HAND_SIDES: [Choice<Rhs>; 2] = [
    (Rhs::Ones, "ones", "b = (1, …, 1)"),
    (Rhs::ImageOfOnes, "image-of-ones", "b = A (1, …, 1), so that x = (1, …, 1)"),
];

/// Import matrices of your own into a dataset: Matrix Market, SciPy, StAnD, PETSc
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe import matrices/ --split 0.8,0.1,0.1 -o own.h5      to train on: fempipe train --model spai-gnn --data own.h5
  fempipe import bcsstk16.mtx -o bcsstk16.h5                  all in the set test, as without --split
  fempipe import stand/*.npz -o stand.h5; fempipe evaluate --data stand.h5 --pc jacobi,icc,amg
b is the file's own (.npz: array b; PETSc: the vector after the matrix) or that of NAME_b.mtx, NAME_b.mtx.gz or \
NAME_b.npy beside NAME.mtx, else as --rhs says. Files NAME_b and NAME_x beside a matrix NAME are its b and x.")]
pub struct Args {
    /// Files or directories: .mtx, .mtx.gz (Matrix Market), .npz (SciPy save_npz, StAnD), .petsc (PETSc binary)
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
    /// Shares or numbers of samples for train, validation and test: 0.8,0.1,0.1; or of named sets: train=0.9,test=0.1
    #[arg(long, value_name = "SIZES", default_value = "test=1.0")]
    split: Sizes,
    /// Decides which sample goes to which set
    #[arg(long, value_name = "S", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    seed: u64,
    /// Most that an array of a .npz or a .mtx.gz may unpack to, e.g. 4G [default: 256 MiB, or 32 times the file]
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<Unpack>,
    /// Leave out files that cannot be imported (without it nothing is written if there are any)
    #[arg(long)]
    skip_failed: bool,
    /// Replace what is at the output
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe import`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let files = transfer::matrices(&args.files)?;
    let inputs: Vec<&PathBuf> =
        args.files.iter().chain(files.iter().flat_map(|f| f.rhs.iter().chain([&f.matrix]))).collect();
    outputs::check(&[&args.output], &inputs, args.force)?;
    let progress = bar(common, "importing", files.len(), "files");
    let import = Import {
        files,
        rhs: args.rhs,
        solution: !args.no_solution,
        split: args.split.clone(),
        seed: args.seed,
        unpack: args.max_bytes.unwrap_or_default(),
        skip_failed: args.skip_failed,
    };
    let failed = RefCell::new(Vec::new());
    let done = transfer::import(&import, &args.output, &|event| match event {
        ImportEvent::Done(files) => progress.set_position(files as u64),
        ImportEvent::Failed(e) => failed.borrow_mut().push(e.to_string()),
    });
    progress.finish_and_clear();
    let failed = failed.into_inner();
    // One that stops the import is told by its error.
    if done.is_ok() || failed.len() > 1 {
        failed.iter().for_each(|line| tell(line));
    }
    report(&done?, &args.output, common)
}

/// Says what is in the dataset: the file on stdout, the rest on stderr.
pub(super) fn report(done: &Imported, output: &std::path::Path, common: &Common) -> Result<()> {
    let file = output.display();
    let samples: usize = done.split.values().map(Vec::len).sum();
    if common.json {
        let sets: serde_json::Map<_, _> = done.split.iter().map(|(set, ids)| (set.clone(), ids.len().into())).collect();
        let result = serde_json::json!({
            "output": file.to_string(), "samples": samples, "split": sets, "repeated_matrices": done.repeated,
            "failed": done.failed,
        });
        print(&format!("{result}\n"))?;
    } else {
        print(&format!("{file}\n"))?;
    }
    if done.failed > 0 {
        let files = if done.failed == 1 { "file is" } else { "files are" };
        say(common, &format!("{} {files} left out", done.failed));
    }
    let sets = split::ordered(&done.split).into_iter().map(|(set, ids)| format!("{set} {}", ids.len()));
    say(common, &format!("{samples} samples: {}", sets.collect::<Vec<_>>().join(", ")));
    if done.repeated > 0 {
        let repeated = done.repeated;
        say(
            common,
            &format!(
                "{repeated} samples outside of train have a matrix of it too: what is measured on them is no test"
            ),
        );
    }
    let word = shell::path(output);
    let next = match done.split.get("train").is_some_and(|ids| !ids.is_empty()) {
        true => format!("fempipe train --model spai-gnn --data {word}"),
        false => format!("fempipe evaluate --data {word} --ksp cg --pc jacobi,icc,amg"),
    };
    say(common, &format!("next: fempipe inspect {word}; {next}"));
    Ok(())
}
