//! `fempipe export`: a sample as files of other programs.

use std::path::PathBuf;

use super::Common;
use super::choice::{Choice, one_of};
use super::output::print;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::io::{atomic, outputs};
use crate::transfer::{self, About, Format};

const FORMATS: [Choice<Format>; 4] = [
    (Format::Mtx, "mtx", "Matrix Market: NAME.mtx, NAME_b.mtx, NAME_x.mtx"),
    (Format::Npz, "npz", "SciPy's save_npz, with b and x as further arrays"),
    (Format::Petsc, "petsc", "PETSc binary: Mat, Vec b, Vec x one after the other"),
    (Format::Vtu, "vtu", "VTK: the mesh with coefficients and solution, for ParaView"),
];

/// Export a sample for other programs, or metadata of the dataset for catalogues
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe export p3.h5 --sample 4 --to mtx -o system.mtx   writes system.mtx, system_b.mtx, system_x.mtx
  fempipe export p3.h5 --to npz       scipy.sparse.load_npz; numpy.load has b and x
  fempipe export p3.h5 --to petsc     PETSc.Mat().load(viewer), then Vec b, Vec x
  fempipe export p3.h5 --to vtu       mesh, coefficients and solution for ParaView
  fempipe export p3.h5 --croissant --license https://spdx.org/licenses/CC-BY-4.0.html    metadata for catalogues")]
pub struct Args {
    /// The dataset
    file: PathBuf,
    /// Which sample
    #[arg(long, value_name = "I", default_value_t = 0)]
    sample: usize,
    /// Format
    #[arg(long, value_parser = one_of(&FORMATS), required_unless_present = "croissant")]
    to: Option<Format>,
    /// Write metadata of the whole dataset instead: Croissant 1.0 (JSON-LD)
    #[arg(long, conflicts_with_all = ["to", "sample"])]
    croissant: bool,
    #[command(flatten)]
    about: AboutArgs,
    /// File to write [default: the dataset's name, the sample, the format's ending; NAME.croissant.json]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

/// What a dataset does not say of itself, for --croissant.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "With --croissant")]
struct AboutArgs {
    /// Licence, best as a URL
    #[arg(long, value_name = "URL", requires = "croissant", conflicts_with = "to")]
    license: Option<String>,
    /// Who made the dataset
    #[arg(long, value_name = "NAME", requires = "croissant", conflicts_with = "to")]
    creator: Option<String>,
    /// Where it is found
    #[arg(long, value_name = "URL", requires = "croissant", conflicts_with = "to")]
    url: Option<String>,
    /// How to cite it
    #[arg(long, value_name = "TEXT", requires = "croissant", conflicts_with = "to")]
    cite_as: Option<String>,
    /// When it was published: 2026-05-31
    #[arg(long, value_name = "DATE", requires = "croissant", conflicts_with = "to")]
    published: Option<String>,
}

/// Runs `fempipe export`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let to =
        |ending: String| args.output.clone().unwrap_or_else(|| args.file.with_file_name(format!("{stem}{ending}")));
    let data = Dataset::open(&args.file)?;
    let files = match args.to {
        Some(format) => {
            let system = data.read(args.sample)?;
            let output = to(format!("-{}.{}", args.sample, format.extension()));
            outputs::check(&transfer::files(&system, format, &output), &[&args.file], args.force)?;
            transfer::export(&system, format, &output)?
        }
        None => {
            let output = to(".croissant.json".into());
            outputs::check(&[&output], &[&args.file], args.force)?;
            let a = &args.about;
            let [license, creator, url, cite_as, published] =
                [&a.license, &a.creator, &a.url, &a.cite_as, &a.published].map(Clone::clone);
            let about = About { license, creator, url, cite_as, published };
            atomic::write(&output, format!("{:#}\n", transfer::croissant(&data, &about)?))?;
            vec![output]
        }
    };
    let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    if common.json {
        return print(&format!("{}\n", serde_json::json!({ "files": names })));
    }
    print(&format!("{}\n", names.join("\n")))
}
