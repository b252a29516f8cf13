//! What classical preconditioners leave to do on the held-out systems: what a network's iterations are seen beside.

use serde::{Deserialize, Serialize};

use super::metrics::SolverMetrics;
use super::recipe::Validation;
use super::validate::{HeldOut, validate};
use crate::error::{Error, Result};
use crate::models::{Model, PredictOptions};
use crate::precond::Spec;
use crate::solve::Acceleration;
use crate::system::{LinearSystem, SampleSource};

/// Strong ones and cheap ones.
const PRECONDITIONERS: [&str; 6] = ["amg", "ict(0.01)", "icc", "ilu", "jacobi", "none"];

/// Most iterations of a baseline on a system, if the validation allows more.
const MOST_ITERATIONS: usize = 10_000;

/// A classical preconditioner beside the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its notation.
    pub pc: String,
    /// What the solver of the validation made of it.
    pub solver: SolverMetrics,
}

/// Predicts a classical preconditioner.
struct Classical(Spec);

impl Model for Classical {
    fn name(&self) -> &'static str {
        "classical"
    }

    fn parameters(&self) -> usize {
        0
    }

    fn predict(&self, system: &LinearSystem, _options: &PredictOptions) -> Result<Acceleration> {
        Ok(self.0.build(&system.matrix)?.into())
    }
}

/// The held-out systems solved with classical preconditioners, by the solver and to the tolerance of the validation;
/// those that its method or these systems cannot take are left out, and those that are direct solvers on systems as
/// small as the first. The preconditioner that the validation puts beside the network is one of them.
///
/// # Errors
/// [`Error::Interrupted`], or if a system cannot be loaded.
pub fn baselines(held_out: &HeldOut, how: &Validation) -> Result<Vec<Baseline>> {
    let alone = Validation { pc: None, max_it: how.max_it.min(MOST_ITERATIONS), ..how.clone() };
    let beside = how.pc.iter().map(Spec::to_string);
    let usual = PRECONDITIONERS.iter().map(|pc| pc.to_string());
    let first = held_out.ids.first().map(|&id| held_out.source.load(&[id], held_out.source.parts())).transpose()?;
    let mut out: Vec<Baseline> = Vec::new();
    for pc in beside.chain(usual) {
        if out.iter().any(|b| b.pc == pc) {
            continue;
        }
        let spec: Spec = pc.parse()?;
        let solves = |system: &LinearSystem| spec.build(&system.matrix).is_ok_and(|built| built.direct);
        if first.iter().flatten().any(|system| solves(system)) {
            continue;
        }
        match validate(&Classical(spec), held_out, &alone) {
            Ok(solver) => out.push(Baseline { pc, solver }),
            Err(e @ (Error::Interrupted(_) | Error::Io { .. } | Error::File { .. })) => return Err(e),
            Err(_) => {}
        }
    }
    Ok(out)
}
