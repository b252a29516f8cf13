//! The `[heat]` table of a recipe.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::NAME;
use crate::error::{Error, Result};
use crate::families::boundary::{self, Condition};
use crate::families::discretisation::{Medium, MediumKeys, Scheme};
use crate::families::given::{Given, Parameters};
use crate::families::keys;
use crate::families::solution::Wanted;
use crate::fem::difference::Faces;
use crate::mesh::recipe::MeshRecipe;

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
    /// Squares (or cubes) a side; (cells − 1)^dim unknowns. With a mesh: of the grid over its bounding box that random
    /// fields are drawn on.
    pub cells: i64,
    /// Elements or differences. With a mesh its cells decide.
    #[serde(alias = "discretization")]
    pub discretisation: Scheme,
    /// A mesh instead of the regular grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<MeshRecipe>,
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
    /// w instead of a random field: a number, an expression in x, y, z and the parameters ("1 + a*x^2"), or a .npy file
    /// with a number a node (on the grid an array (y, x)), or one such array a trajectory; its path is relative to the
    /// recipe. Positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub w: Option<Given>,
    /// s instead of a random field (of 1 where steady), as w; expressions may name the time t.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s: Option<Given>,
    /// u at t = 0 instead of a random field, as w.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<Given>,
    /// p instead of random numbers, as w; only for steady = true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<Given>,
    /// Numbers that are drawn for each trajectory and that expressions name: a = { uniform = [0.0, 1.0] }, or
    /// log_uniform, normal = [mean, deviation], integer, choice = [1.0, 2.0, 5.0].
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// What holds on parts of the boundary, one table a condition: { part = "left", condition = "dirichlet", value =
    /// "sin(t)" }, u = value; or condition = "neumann", flux = …, w ∂u/∂n = flux; or condition = "robin", alpha = …,
    /// value = …, w ∂u/∂n = alpha (value − u). u = 0 on all that none names. Sides of a grid: left, right (x), bottom,
    /// top (y), front, back (z). Both value and flux may name the time t.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boundary: Vec<Condition>,
    /// Whether to store x = A⁻¹ b, and how it is found.
    pub solution: Wanted,
}

impl Default for HeatConfig {
    fn default() -> Self {
        HeatConfig {
            dim: 2,
            cells: 64,
            discretisation: Scheme::P1,
            mesh: None,
            faces: None,
            alpha: 2.0,
            tau: 3.0,
            contrast: None,
            theta: None,
            dt: None,
            steps: None,
            keep: None,
            steady: false,
            w: None,
            s: None,
            initial: None,
            p: None,
            parameters: Parameters::new(),
            boundary: Vec::new(),
            solution: Wanted::default(),
        }
    }
}

impl HeatConfig {
    /// # Errors
    /// [`Error::Recipe`] naming the key that is out of range or does not go with `steady`.
    pub(super) fn check(&self, table: &Table, origin: &str) -> Result<()> {
        keys::within(self.theta(), 0.5..=1.0, "heat.theta", origin)?;
        keys::within(self.dt(), 1e-12..=1e6, "heat.dt", origin)?;
        keys::within(self.steps.unwrap_or(STEPS), 1..=1_000_000, "heat.steps", origin)?;
        let in_time = [
            ("theta", self.theta.is_some()),
            ("dt", self.dt.is_some()),
            ("steps", self.steps.is_some()),
            ("keep", self.keep.is_some()),
            ("initial", self.initial.is_some()),
        ];
        if let Some((key, _)) = in_time.iter().find(|key| self.steady && key.1) {
            return Err(Error::recipe(origin, format!("{NAME}.{key}: only for steady = false")));
        }
        if self.p.is_some() && !self.steady {
            return Err(Error::recipe(origin, format!("{NAME}.p: only for steady = true")));
        }
        if self.mesh.is_some() && !self.draws_fields() && table.contains_key("cells") {
            let reason = "is of the grid that random fields are drawn on, but none is drawn";
            return Err(Error::recipe(origin, format!("{NAME}.cells: {reason}")));
        }
        match self.w.is_some() && self.contrast.is_some() {
            true => Err(Error::recipe(origin, format!("{NAME}.contrast: is of a random field, but {NAME}.w is given"))),
            false => Ok(()),
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

    /// Whether there is a Gaussian field among what is drawn.
    pub(super) fn draws_fields(&self) -> bool {
        self.w.is_none() || !self.steady && (self.s.is_none() || self.initial.is_none())
    }

    /// Every key that has a meaning.
    pub(super) fn table(&self) -> Table {
        let mut table = keys::table(self, self.mesh.as_ref());
        // A mesh has a size of its own; fields are drawn on a grid.
        if self.mesh.is_some() && !self.draws_fields() {
            table.remove("cells");
        }
        table
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

    /// The files that it names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let given = [&self.w, &self.s, &self.initial, &self.p].into_iter().flatten().filter_map(Given::file);
        let mesh = self.mesh.iter().flat_map(|mesh| mesh.file.clone());
        mesh.chain(given).chain(boundary::files(&self.boundary)).collect()
    }

    /// w in words.
    pub(super) fn w_in_words(&self) -> String {
        self.w.as_ref().map_or_else(|| self.medium_keys().in_words(), |w| format!("w = {w}"))
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
