//! What stands beside A: a classical preconditioner, or what a trained model predicts.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Args;
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::models::{self, PredictOptions};
use crate::precond::{Spec, rigid_body_modes, sine_modes};
use crate::solve::Acceleration;
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
            Err(_) if text.contains('/') || text.ends_with(".safetensors") => {
                Err(Error::Argument(format!("{text}: no such run directory or checkpoint")))
            }
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

/// Puts together what `--pc`, `--model` and `--deflate` ask for.
///
/// # Errors
/// As [`Spec::build`] or the model; [`Error::Argument`] for options that do not apply, or a part given twice.
pub fn accelerate(args: &Args, system: &LinearSystem) -> Result<Acceleration> {
    let pc = args.pc();
    let spec = match &pc {
        Some(Pc::Classical(spec)) => Some(spec),
        _ => None,
    };
    let runs: Vec<&PathBuf> = args.runs().collect();
    PredictOptions { filter: args.filter, ..Default::default() }.check()?;
    if runs.is_empty() && (args.symmetrize || args.filter > 0.0 || args.unguarded) {
        return Err(Error::Argument(
            "--symmetrize, --filter and --unguarded are for a learned preconditioner: --pc must be a run directory"
                .into(),
        ));
    }
    let mut all = Acceleration::default();
    for path in runs {
        all = both(args, all, learned(path, args, system)?)?;
    }
    match spec {
        Some(spec) => all = both(args, all, classical(spec, system, args.rigid_body)?)?,
        None if args.rigid_body => return Err(Error::Argument("--rigid-body is for --pc amg".into())),
        None => {}
    }
    match args.deflate {
        Some(_) if all.space.is_some() => {
            Err(Error::Argument("--deflate: the model gives a space already; leave one of them".into()))
        }
        Some(count) => all.and(Acceleration::space(modes(system.n(), count)?)),
        None => Ok(all),
    }
}

/// The parts of `--model` and of `--pc`.
fn both(args: &Args, model: Acceleration, pc: Acceleration) -> Result<Acceleration> {
    model.and(pc).map_err(|e| Error::Argument(format!("--model and --pc {}: {e}", args.pc_name())))
}

fn classical(spec: &Spec, system: &LinearSystem, rigid_body: bool) -> Result<Acceleration> {
    let built = match rigid_body {
        true => spec.build_with_candidates(&system.matrix, &rigid_modes(system)?, 6)?,
        false => spec.build(&system.matrix)?,
    };
    Ok(built.into())
}

fn learned(path: &Path, args: &Args, system: &LinearSystem) -> Result<Acceleration> {
    let model = models::load(path, args.device)?;
    let options = PredictOptions {
        symmetrize: args.symmetrize,
        filter: args.filter,
        unguarded: args.unguarded,
        ..Default::default()
    };
    let predicted = Acceleration::predicted(|| model.predict(system, &options)).map_err(|e| match e {
        Error::Io { .. } | Error::File { .. } => e,
        other => Error::Argument(format!(
            "{} ({}) cannot take {}: {other}",
            path.display(),
            model.name(),
            args.matrix.display()
        )),
    })?;
    Ok(Acceleration {
        note: Some(match &predicted.note {
            Some(own) => format!("{}: {}; {own}", model.name(), predicted.parts()),
            None => format!("{}: {}", model.name(), predicted.parts()),
        }),
        ..predicted
    })
}

/// The rigid-body modes of a frame's free nodes, which come first.
fn rigid_modes(system: &LinearSystem) -> Result<Dense> {
    let nodes = system.n() / 6;
    let points = system.field("points").filter(|f| f.components == 3);
    match points.and_then(|f| f.values.get(..3 * nodes)) {
        Some(points) if system.n() == 6 * nodes => rigid_body_modes(points),
        _ => Err(Error::Argument(
            "--rigid-body needs a frame: a field \"points\" of three coordinates a node, six unknowns a node".into(),
        )),
    }
}

/// The sine modes of the square grid that n unknowns are.
fn modes(n: usize, count: usize) -> Result<Dense> {
    let side = n.isqrt();
    if side * side != n {
        return Err(Error::Argument(format!("--deflate needs a square grid, and {n} unknowns are none")));
    }
    sine_modes(side, count)
}
