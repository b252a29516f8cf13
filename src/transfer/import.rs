//! Matrix files of others → a dataset.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::files::MatrixFile;
use crate::dataset::digest::Digest;
use crate::dataset::{Header, Record, Shape, Sizes, Split, parts, split};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::io::npz::Npz;
use crate::io::{Unpack, input, matrix_market, npy, petsc};
use crate::linalg::refine::refine;
use crate::linalg::vector::{axpy, norm2};
use crate::linalg::{Cholesky, Csr, LinOp, Props, SYMMETRY};
use crate::precond::Lu;
use crate::system::{Description, LinearSystem};

/// Relative residual that a solution must reach.
const RESIDUAL: f64 = 1e-10;

/// Rounds of iterative refinement at most.
const REFINEMENTS: usize = 6;

/// The right-hand side of a matrix that comes without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rhs {
    /// b = (1, …, 1).
    #[default]
    Ones,
    /// b = A (1, …, 1), so that x = (1, …, 1).
    ImageOfOnes,
}

/// What to import, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// One sample each, in this order.
    pub files: Vec<MatrixFile>,
    /// b where a file has none.
    pub rhs: Rhs,
    /// Whether to solve (directly, refined).
    pub solution: bool,
    /// Sizes of the sets.
    pub split: Sizes,
    /// Decides which sample goes to which set.
    pub seed: u64,
    /// What compressed files may unpack to.
    pub unpack: Unpack,
    /// Whether files that cannot be imported are left out.
    pub skip_failed: bool,
}

/// What an import tells of its progress.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// So many files are done.
    Done(usize),
    /// Why a file cannot be imported, with its name.
    Failed(&'a Error),
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The sets.
    pub split: Split,
    /// Samples outside of `train` whose matrix is that of a sample in it as well.
    pub repeated: usize,
    /// Files that are left out.
    pub failed: usize,
}

/// Reads all files, solves, and writes `output`, whole or not at all. `tell` learns of each file that cannot be
/// imported: it is not what it should be, or its system cannot be solved to a relative residual of 1e-10.
///
/// # Errors
/// Unless they are to be left out, what is wrong with the file, if it is one; else how many there are. [`Error::Io`] if
/// `output` cannot be written.
pub fn import(import: &Import, output: &Path, tell: &dyn Fn(Event)) -> Result<Imported> {
    parts::check_output(output)?;
    // A split that cannot be made is told before the work.
    let mut sets = split::split(&import.split, import.files.len(), 1, import.seed)?;
    let (mut systems, mut names) = (Vec::<(LinearSystem, f64)>::new(), Vec::new());
    let mut failed = Vec::new();
    for (done, file) in import.files.iter().enumerate() {
        if interrupt::requested() {
            return Err(Error::Interrupted(format!("{done} of {} files read, nothing written", import.files.len())));
        }
        let clock = Instant::now();
        let mut system = match system(file, import) {
            Ok(system) => system,
            Err(e) => {
                tell(Event::Failed(&e));
                failed.push(e);
                tell(Event::Done(done + 1));
                continue;
            }
        };
        system.index = systems.len() as u64;
        names.extend(file.matrix.file_name().map(|name| name.to_string_lossy().into_owned()));
        // Samples of one pattern share it.
        if let Some((first, _)) = systems.first()
            && first.matrix.pattern() == system.matrix.pattern()
        {
            system.matrix = Csr::new(first.matrix.pattern().clone(), system.matrix.values().to_vec())?;
        }
        systems.push((system, clock.elapsed().as_secs_f64()));
        tell(Event::Done(done + 1));
    }
    let failed = check_failed(failed, import)?;
    if failed > 0 {
        sets = split::split(&import.split, systems.len(), 1, import.seed)?;
    }
    let Some((first, _)) = systems.first() else {
        return Err(Error::Argument("no files to import".into()));
    };
    // What holds for all.
    let props = Props {
        symmetric: systems.iter().all(|(s, _)| s.props.symmetric),
        positive_definite: systems.iter().all(|(s, _)| s.props.positive_definite),
        linear: true,
    };
    let pattern = first.matrix.pattern().clone();
    let shared = systems.iter().all(|(s, _)| Arc::ptr_eq(s.matrix.pattern(), &pattern));
    let shape = Shape::of(first, shared.then_some(pattern), None);
    let records: Vec<Record> = systems
        .into_iter()
        .map(|(mut s, seconds)| {
            s.props = props;
            Record::new(s, seconds)
        })
        .collect();
    parts::write_whole(output, &header(import, names, props, &records), &shape, &records, &sets)?;
    let matrices: Vec<u64> = records.iter().map(|r| matrix_digest(&r.system.matrix)).collect();
    Ok(Imported { repeated: repeated(&matrices, &sets), split: sets, failed })
}

/// How many files are left out.
///
/// # Errors
/// If they are not to be, or no other is there.
fn check_failed(failed: Vec<Error>, import: &Import) -> Result<usize> {
    let (count, all) = (failed.len(), import.files.len());
    if count == 0 || import.skip_failed && count < all {
        return Ok(count);
    }
    let nothing = "nothing is written, --skip-failed leaves";
    Err(match failed.into_iter().next() {
        Some(only) if all == 1 => only,
        Some(only) if count == 1 => Error::Numeric(format!("{only}; {nothing} this file out")),
        _ if count == all => Error::Numeric(format!("none of the {all} files can be imported")),
        _ => Error::Numeric(format!("{count} of {all} files cannot be imported: {nothing} them out")),
    })
}

/// The system of a file, solved if it is to be; errors name the file.
fn system(file: &MatrixFile, import: &Import) -> Result<LinearSystem> {
    let mut system = read(file, import.rhs, import.unpack)?;
    if import.solution {
        solve(&mut system).map_err(|e| Error::Numeric(format!("{}: {e}", file.matrix.display())))?;
    }
    Ok(system)
}

/// Tells matrices apart.
pub(super) fn matrix_digest(a: &Csr) -> u64 {
    let pattern = a.pattern();
    Digest::new().integers(pattern.indptr()).integers(pattern.indices()).reals(a.values()).finish()
}

/// Samples outside of `train` whose matrix is that of a sample in it as well.
pub(super) fn repeated(matrices: &[u64], sets: &Split) -> usize {
    let of = |ids: &Vec<u32>| ids.iter().map(|&id| matrices[id as usize]).collect::<Vec<_>>();
    let train: BTreeSet<u64> = sets.get("train").map(of).unwrap_or_default().into_iter().collect();
    let others = sets.iter().filter(|(name, _)| *name != "train").flat_map(|(_, ids)| of(ids));
    others.filter(|matrix| train.contains(matrix)).count()
}

/// The tables of a recipe that say how a dataset of others was split.
pub(super) fn note_split(own: &mut toml::Table, split: &Sizes, seed: u64) {
    own.insert("split".into(), split.table().into());
    own.insert("seed".into(), (seed as i64).into());
}

fn header(import: &Import, names: Vec<String>, props: Props, records: &[Record]) -> Header {
    let mut own = toml::Table::new();
    own.insert("files".into(), names.into());
    if let Ok(rhs) = toml::Value::try_from(import.rhs) {
        own.insert("rhs".into(), rhs);
    }
    note_split(&mut own, &import.split, import.seed);
    let mut recipe = toml::Table::new();
    recipe.insert("family".into(), "import".into());
    recipe.insert("import".into(), own.into());
    let recipe = recipe.to_string();
    let mut origin = Digest::new();
    origin.text(&recipe);
    records.iter().for_each(|r| {
        origin.number(r.digest);
    });
    Header {
        description: Description {
            family: "import".into(),
            equation: "A x = b, imported (the recipe names the files)".into(),
            weak_form: "unknown".into(),
            boundary_conditions: "unknown".into(),
            units: "those of the files".into(),
            props,
        },
        recipe,
        seed: import.seed,
        fempipe_version: env!("CARGO_PKG_VERSION").into(),
        samples: records.len(),
        origin: origin.finish(),
        files: Vec::new(),
        part: None,
    }
}

/// The matrix of a file with its b: the file's own (`.npz`, PETSc), that of the file beside it, or as `rhs` says.
fn read(file: &MatrixFile, rhs: Rhs, unpack: Unpack) -> Result<LinearSystem> {
    let path = &file.matrix;
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let (matrix, own) = match extension.as_deref() {
        Some("npz") => {
            let archive = Npz::open(path, unpack)?;
            let b = archive.has("b").then(|| archive.vector("b")).transpose()?;
            (archive.matrix()?, b)
        }
        Some("mtx" | "gz") => (matrix_market::read_within(path, unpack)?, None),
        Some("petsc") => of_petsc(path)?,
        _ if petsc::is_matrix(path) => of_petsc(path)?,
        _ => {
            // One that cannot be opened says so.
            input::open(path)?;
            let reason =
                "is neither a Matrix Market file (.mtx, .mtx.gz), a NumPy archive (.npz) nor a PETSc binary file";
            return Err(Error::file(path, reason));
        }
    };
    let of_rhs = file.rhs.as_ref().filter(|_| own.is_none());
    let b = match of_rhs {
        Some(beside) => Some(vector(beside, unpack)?),
        None => own,
    };
    let of_rhs = of_rhs.unwrap_or(path);
    let file = path;
    let n = matrix.nrows();
    if matrix.ncols() != n || n == 0 {
        let reason = format!("holds a {n} × {} matrix: must be square, not empty", matrix.ncols());
        return Err(Error::file(file, reason));
    }
    if let Some(k) = matrix.values().iter().position(|v| !v.is_finite()) {
        return Err(Error::file(file, format!("stored entry {k} is {}", matrix.values()[k])));
    }
    let rhs = b.unwrap_or_else(|| {
        let ones = vec![1.0; n];
        if rhs == Rhs::Ones {
            return ones;
        }
        let mut b = vec![0.0; n];
        matrix.spmv(&ones, &mut b);
        b
    });
    if rhs.len() != n {
        let reason = format!("its right-hand side has {} entries, the matrix {n} rows", rhs.len());
        return Err(Error::file(of_rhs, reason));
    }
    if let Some(k) = rhs.iter().position(|v| !v.is_finite()) {
        return Err(Error::file(of_rhs, format!("entry {k} of the right-hand side is {}: must be finite", rhs[k])));
    }
    let symmetric = matrix.is_symmetric(SYMMETRY);
    // Definite is what Cholesky says.
    let props = match symmetric && Cholesky::new(&matrix).is_ok() {
        true => Props::SPD,
        false if symmetric => Props::SYMMETRIC,
        false => Props::GENERAL,
    };
    Ok(LinearSystem::plain(matrix, rhs, props))
}

/// A and, where a vector follows it, b.
fn of_petsc(path: &Path) -> Result<(Csr, Option<Vec<f64>>)> {
    let (matrix, vectors) = petsc::read(path)?;
    Ok((matrix, vectors.into_iter().next()))
}

/// A right-hand side in a file of its own.
fn vector(path: &Path, unpack: Unpack) -> Result<Vec<f64>> {
    if path.extension().is_none_or(|e| e != "npy") {
        return matrix_market::read_vector_within(path, unpack);
    }
    let array = npy::read_npy(path)?;
    match array.data {
        npy::Data::Float(values) => Ok(values),
        npy::Data::Int(values) => Ok(values.into_iter().map(|v| v as f64).collect()),
        npy::Data::Text(_) => Err(Error::file(path, "holds texts, not the numbers of a right-hand side")),
    }
}

/// x by a direct method, refined.
fn solve(s: &mut LinearSystem) -> Result<()> {
    let inverse: Result<Box<dyn LinOp>> = match s.props.positive_definite {
        true => Cholesky::new(&s.matrix).map(|c| Box::new(c) as _),
        false => Lu::new(&s.matrix).map(|lu| Box::new(lu) as _),
    };
    let inverse = inverse.map_err(|_| {
        Error::Numeric("is singular, A x = b has no unique solution; --no-solution imports it unsolved".into())
    })?;
    let (n, size) = (s.n(), norm2(&s.rhs));
    let solve = |r: &mut [f64]| {
        let right = r.to_vec();
        inverse.apply(&right, r);
    };
    let (mut x, mut first) = (vec![0.0; n], s.rhs.clone());
    solve(&mut first);
    axpy(1.0, &first, &mut x);
    let (mut best, mut least) = (x.clone(), f64::INFINITY);
    refine(&s.matrix, &s.rhs, &mut x, REFINEMENTS, solve, |x, now| {
        let halved = now < 0.5 * least;
        if halved {
            (least, best) = (now, x.to_vec());
        }
        halved
    });
    if least > RESIDUAL * size || least.is_infinite() {
        return Err(Error::Numeric(format!(
            "cannot be solved to a relative residual of {RESIDUAL:.0e}: {:.1e} reached; --no-solution imports it \
             unsolved",
            least / size
        )));
    }
    s.solution = Some(best);
    Ok(())
}
