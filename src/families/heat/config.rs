//! The `[heat]` table of a recipe.

use serde::{Deserialize, Serialize};

use super::NAME;
use crate::error::{Error, Result};
use crate::families::grid::{CELLS, CUBES, Medium, MediumKeys, Scheme};
use crate::families::keys;
use crate::families::solution::Wanted;
use crate::fem::difference::Faces;

/// Steps of a trajectory where a recipe does not say.
const STEPS: i64 = 20;

/// What one sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// One step.
    #[default]
    Step,
    /// The first step, and all states of the trajectory.
    Trajectory,
}

/// The `[heat]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HeatConfig {
    /// 2 or 3.
    pub dim: i64,
    /// Squares (or cubes) a side; (cells − 1)^dim unknowns.
    pub cells: i64,
    /// Elements or differences.
    #[serde(alias = "discretization")]
    pub discretisation: Scheme,
    /// Values of w on faces; for "fd".
    pub faces: Option<Faces>,
    /// α of the Gaussian field's spectrum (4π²|k|² + τ²)^−α.
    pub alpha: f64,
    /// τ of that spectrum.
    pub tau: f64,
    /// max w / min w; without it w = exp(g) as drawn.
    pub contrast: Option<f64>,
    /// θ from 1/2 (Crank–Nicolson) to 1 (backward Euler). Default 0.5.
    pub theta: Option<f64>,
    /// Δt. Default 0.01.
    pub dt: Option<f64>,
    /// Steps of a trajectory. Default 20.
    pub steps: Option<i64>,
    /// What of a trajectory becomes the sample.
    pub keep: Option<Keep>,
    /// −∇·(w ∇u) + p² u = 1 instead.
    pub steady: bool,
    /// Whether to store x = A⁻¹ b, and how it is found.
    pub solution: Wanted,
}

impl Default for HeatConfig {
    fn default() -> Self {
        HeatConfig {
            dim: 2,
            cells: 64,
            discretisation: Scheme::P1,
            faces: None,
            alpha: 2.0,
            tau: 3.0,
            contrast: None,
            theta: None,
            dt: None,
            steps: None,
            keep: None,
            steady: false,
            solution: Wanted::default(),
        }
    }
}

impl HeatConfig {
    /// # Errors
    /// [`Error::Recipe`] naming the key that is out of range or does not go with `steady`.
    pub fn check(&self, origin: &str) -> Result<()> {
        keys::within(self.dim, 2..=3, "heat.dim", origin)?;
        keys::within(self.cells, if self.dim == 3 { CUBES } else { CELLS }, "heat.cells", origin)?;
        keys::within(self.theta(), 0.5..=1.0, "heat.theta", origin)?;
        keys::within(self.dt(), 1e-12..=1e6, "heat.dt", origin)?;
        keys::within(self.steps.unwrap_or(STEPS), 1..=1_000_000, "heat.steps", origin)?;
        let in_time = [
            ("theta", self.theta.is_some()),
            ("dt", self.dt.is_some()),
            ("steps", self.steps.is_some()),
            ("keep", self.keep.is_some()),
        ];
        match in_time.iter().find(|key| self.steady && key.1) {
            Some((key, _)) => Err(Error::recipe(origin, format!("{NAME}.{key}: only for steady = false"))),
            None => Ok(()),
        }
    }

    /// Every key that has a meaning written out.
    pub(super) fn resolved(mut self) -> Self {
        if self.discretisation == Scheme::Fd {
            self.faces = Some(self.faces.unwrap_or_default());
        }
        if !self.steady {
            (self.theta, self.dt) = (Some(self.theta()), Some(self.dt()));
            self.steps = Some(self.steps.unwrap_or(STEPS));
            self.keep = Some(self.keep.unwrap_or_default());
        }
        self
    }

    /// θ.
    pub fn theta(&self) -> f64 {
        self.theta.unwrap_or(0.5)
    }

    /// Δt.
    pub fn dt(&self) -> f64 {
        self.dt.unwrap_or(0.01)
    }

    /// Steps of a trajectory.
    pub fn steps(&self) -> u64 {
        self.steps.unwrap_or(STEPS).unsigned_abs()
    }

    /// The keys of w.
    pub fn medium_keys(&self) -> MediumKeys {
        MediumKeys {
            medium: Medium::Exponential,
            alpha: self.alpha,
            tau: self.tau,
            contrast: self.contrast,
            phases: None,
            fraction: None,
        }
    }
}
