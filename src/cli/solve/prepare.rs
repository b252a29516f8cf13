//! What stands beside A: a classical preconditioner, or what a trained model predicts.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use super::Args;
use crate::error::{Error, Result};
use crate::linalg::LinOp;
use crate::linalg::dense::Dense;
use crate::linalg::op::Identity;
use crate::models::{self, PredictOptions, Prediction};
use crate::precond::{Spec, rigid_body_modes, sine_modes};
use crate::system::LinearSystem;

/// `--pc`: a specification, or a run directory or checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum Pc {
    Classical(Spec),
    Learned(PathBuf),
}

impl FromStr for Pc {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let path = Path::new(text);
        match text.parse::<Spec>() {
            Ok(spec) => Ok(Pc::Classical(spec)),
            Err(_) if path.exists() => Ok(Pc::Learned(path.into())),
            Err(_) if text.contains('/') || text.ends_with(".safetensors") => Err(Error::Argument(format!(
                "{text}: no such run directory or checkpoint"
            ))),
            Err(e) => Err(e),
        }
    }
}

impl std::fmt::Display for Pc {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Pc::Classical(spec) => spec.fmt(f),
            Pc::Learned(path) => path.display().fmt(f),
        }
    }
}

/// Ready to solve.
pub struct Prepared {
    /// z = M r.
    pub op: Box<dyn LinOp + Send>,
    /// Where x starts.
    pub start: Vec<f64>,
    /// To deflate or recycle.
    pub space: Option<Dense>,
    /// Setup, or loading apart from it, inference.
    pub seconds: f64,
    pub note: Option<String>,
}

/// Sets up what `--pc` and `--deflate` ask for.
///
/// # Errors
/// As [`Spec::build`] or the model; [`Error::Argument`] for options that do not apply.
pub fn prepare(args: &Args, system: &LinearSystem) -> Result<Prepared> {
    let mut prepared = match &args.pc {
        Pc::Classical(_) if args.symmetrize || args.filter > 0.0 => {
            return Err(Error::Argument(
                "--symmetrize and --filter shape a learned preconditioner: --pc must be a run directory"
                    .into(),
            ));
        }
        Pc::Classical(spec) => classical(spec, system, args.rigid_body)?,
        Pc::Learned(_) if args.rigid_body => {
            return Err(Error::Argument("--rigid-body is for --pc amg".into()));
        }
        Pc::Learned(path) => learned(path, args, system)?,
    };
    if let Some(count) = args.deflate {
        if prepared.space.is_some() {
            return Err(Error::Argument(
                "--deflate: the model gives a space already; leave one of them".into(),
            ));
        }
        prepared.space = Some(modes(system.n(), count)?);
    }
    Ok(prepared)
}

fn classical(spec: &Spec, system: &LinearSystem, rigid_body: bool) -> Result<Prepared> {
    let built = match rigid_body {
        true => spec.build_with_candidates(&system.matrix, &rigid_modes(system)?, 6)?,
        false => spec.build(&system.matrix)?,
    };
    Ok(Prepared {
        op: built.op,
        start: vec![0.0; system.n()],
        space: None,
        seconds: built.setup_seconds,
        note: built.note,
    })
}

fn learned(path: &Path, args: &Args, system: &LinearSystem) -> Result<Prepared> {
    let model = models::load(path)?;
    let options = PredictOptions {
        symmetrize: args.symmetrize,
        filter: args.filter,
    };
    let clock = Instant::now();
    let prediction = model.predict(system, &options).map_err(|e| match e {
        Error::Io { .. } | Error::File { .. } => e,
        other => Error::Argument(format!(
            "{} ({}) cannot take {}: {other}",
            path.display(),
            model.name(),
            args.matrix.display()
        )),
    })?;
    let mut prepared = Prepared {
        op: Box::new(Identity(system.n())),
        start: vec![0.0; system.n()],
        space: None,
        seconds: clock.elapsed().as_secs_f64(),
        note: None,
    };
    let what = match prediction {
        Prediction::Preconditioner(op) => {
            prepared.op = op;
            "a preconditioner"
        }
        Prediction::Guess(x) => {
            prepared.start = x;
            "an initial guess"
        }
        Prediction::Subspace(space) => {
            prepared.space = Some(space);
            "a subspace"
        }
    };
    prepared.note = Some(format!("{}: {what}", model.name()));
    Ok(prepared)
}

/// The rigid-body modes of a frame's free nodes, which come first.
fn rigid_modes(system: &LinearSystem) -> Result<Dense> {
    let nodes = system.n() / 6;
    let points = system.field("points").filter(|f| f.components == 3);
    match points.and_then(|f| f.values.get(..3 * nodes)) {
        Some(points) if system.n() == 6 * nodes => rigid_body_modes(points),
        _ => Err(Error::Argument(
            "--rigid-body needs a frame: a field \"points\" of three coordinates a node, six unknowns a node"
                .into(),
        )),
    }
}

/// The sine modes of the square grid that n unknowns are.
fn modes(n: usize, count: usize) -> Result<Dense> {
    let side = n.isqrt();
    if side * side != n {
        return Err(Error::Argument(format!(
            "--deflate needs a square grid, and {n} unknowns are none"
        )));
    }
    sine_modes(side, count)
}
