//! `fempipe export`: a sample as files of other programs.

use std::path::PathBuf;

use super::Common;
use super::choice::{Choice, one_of};
use super::output::print;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::io::outputs;
use crate::transfer::{self, Format};

const FORMATS: [Choice<Format>; 4] = [
    (Format::Mtx, "mtx", "Matrix Market: NAME.mtx, NAME_b.mtx, NAME_x.mtx"),
    (Format::Npz, "npz", "SciPy's save_npz, with b and x as further arrays"),
    (Format::Petsc, "petsc", "PETSc binary: Mat, Vec b, Vec x one after the other"),
    (Format::Vtu, "vtu", "VTK: the mesh with coefficients and solution, for ParaView"),
];

/// Export a sample for other programs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe export p3.h5 --sample 4 --to mtx -o system.mtx   writes system.mtx, system_b.mtx, system_x.mtx
  fempipe export p3.h5 --to npz       scipy.sparse.load_npz; numpy.load has b and x
  fempipe export p3.h5 --to petsc     PETSc.Mat().load(viewer), then Vec b, Vec x
  fempipe export p3.h5 --to vtu       mesh, coefficients and solution for ParaView")]
pub struct Args {
    /// The dataset
    file: PathBuf,
    /// Which sample
    #[arg(long, value_name = "I", default_value_t = 0)]
    sample: usize,
    /// Format
    #[arg(long, value_parser = one_of(&FORMATS))]
    to: Format,
    /// File to write [default: the dataset's name, the sample, the format's ending]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe export`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let system = Dataset::open(&args.file)?.read(args.sample)?;
    let output = args.output.clone().unwrap_or_else(|| {
        let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
        args.file.with_file_name(format!("{stem}-{}.{}", args.sample, args.to.extension()))
    });
    outputs::check(&transfer::files(&system, args.to, &output), &[&args.file], args.force)?;
    let files = transfer::export(&system, args.to, &output)?;
    let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    if common.json {
        return print(&format!("{}\n", serde_json::json!({ "files": names })));
    }
    print(&format!("{}\n", names.join("\n")))
}
