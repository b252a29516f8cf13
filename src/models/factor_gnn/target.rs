//! The factors to learn.

use serde::{Deserialize, Serialize};

use super::{NAME, lower};
use crate::error::{Error, Result};
use crate::linalg::op::Props;
use crate::precond::Icc;
use crate::solver::{Method, Quiet, Stop, Workspace};
use crate::system::{LinearSystem, Location, Names};

/// Which factor is the target. Labels of the dataset are used where they are there; IC(0) and the K-optimal factor are
/// computed where they are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// The exact factor, where it has no fill: the label of the family `tridiagonal`.
    #[default]
    Cholesky,
    /// Incomplete Cholesky without fill.
    Icc,
    /// The sparse factor whose inverse has the least Kaporin number (Algorithm 1 of the paper).
    Koptimal,
    /// Of the two, whichever takes conjugate gradients fewer iterations on the sample itself.
    Better,
}

impl TargetKind {
    /// As recipes have it.
    pub(in crate::models) fn name(self) -> &'static str {
        match self {
            TargetKind::Cholesky => "cholesky",
            TargetKind::Icc => "icc",
            TargetKind::Koptimal => "koptimal",
            TargetKind::Better => "better",
        }
    }

    /// The labels of the dataset that hold it, or those that it is chosen from.
    pub(in crate::models) fn labels(self) -> Names {
        let names: &[&str] = match self {
            TargetKind::Cholesky => &["cholesky"],
            TargetKind::Icc => &["icc"],
            TargetKind::Koptimal => &["koptimal"],
            TargetKind::Better => &["icc", "koptimal"],
        };
        Names::Only(names.iter().map(|&n| n.into()).collect())
    }

    /// The target's entries on tril(A), row by row.
    ///
    /// # Errors
    /// [`Error::Argument`] if the exact factor is asked for and the dataset does not hold it, [`Error::Numeric`] if an
    /// incomplete one breaks down.
    pub fn entries(self, system: &LinearSystem) -> Result<Vec<f64>> {
        let labels = self.labels();
        let label = system.labels.iter().find(|l| labels.contain(&l.name));
        if let Some(label) = label.filter(|_| self != TargetKind::Better) {
            if (label.location, label.components) != (Location::Lower, 1) {
                let reason = format!("the label '{}' is no factor on tril(A): one number an entry is", label.name);
                return Err(Error::Argument(reason));
            }
            return Ok(label.values.clone());
        }
        let a = &system.matrix;
        match self {
            TargetKind::Cholesky => Err(Error::Argument(format!(
                "{NAME}.target = \"cholesky\" needs the label \"cholesky\", which the dataset does not hold (the \
                 family tridiagonal has it); for other systems set target = \"koptimal\", \"icc\" or \"better\""
            ))),
            TargetKind::Icc => Ok(Icc::new(a, 0)?.factor()?.on_lower(a.pattern())),
            TargetKind::Koptimal => Ok(Icc::k_optimal(a)?.factor()?.on_lower(a.pattern())),
            TargetKind::Better => {
                let icc = TargetKind::Icc.entries(system);
                let koptimal = TargetKind::Koptimal.entries(system)?;
                // A breakdown of IC(0) leaves the other, which always exists.
                let Ok(icc) = icc else {
                    return Ok(koptimal);
                };
                let fewer = iterations(system, &koptimal)? < iterations(system, &icc)?;
                Ok(if fewer { koptimal } else { icc })
            }
        }
    }
}

/// Iterations of preconditioned conjugate gradients to 1e-6.
fn iterations(system: &LinearSystem, entries: &[f64]) -> Result<usize> {
    let pc = Icc::from_factor(&lower(&system.matrix, entries.iter().copied())?)?;
    let stop = Stop { rtol: 1e-6, max_it: 10 * system.n().max(100), ..Stop::default() };
    let mut x = vec![0.0; system.n()];
    let a = system.matrix.promised(Props::SPD);
    let ws = &mut Workspace::default();
    let outcome = Method::cg().solve(ws, &a, &pc, &system.rhs, &mut x, &stop, &mut Quiet)?;
    Ok(match outcome.converged() {
        true => outcome.iterations,
        false => usize::MAX,
    })
}
