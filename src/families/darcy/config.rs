//! The `[darcy]` table of a recipe.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::NAME;
use crate::entry;
use crate::error::{Error, Result};
use crate::families::boundary::{self, Condition};
use crate::families::discretisation::{Medium, MediumKeys, Scheme};
use crate::families::given::{Given, Parameters};
use crate::families::{keys, solution};
use crate::fem::difference::Faces;
use crate::field::two_phase::PHASES;
use crate::mesh::recipe::MeshRecipe;

/// The `[darcy]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DarcyConfig {
    /// 2 or 3.
    pub dim: i64,
    /// Squares (or cubes) a side; (cells − 1)^dim unknowns. With a mesh: of the grid over its bounding box that the
    /// Gaussian field is drawn on.
    pub cells: i64,
    /// Elements or differences. With a mesh its cells decide.
    #[serde(alias = "discretization")]
    pub discretisation: Scheme,
    /// A mesh instead of the regular grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<MeshRecipe>,
    /// Values of w on faces; for "fd".
    pub faces: Option<Faces>,
    /// What becomes of the Gaussian field.
    pub medium: Medium,
    /// α of the Gaussian field's spectrum (4π²|k|² + τ²)^−α.
    pub alpha: f64,
    /// τ of that spectrum.
    pub tau: f64,
    /// max w / min w in every sample; without it w = exp(g) as drawn.
    pub contrast: Option<f64>,
    /// The two values of "two-phase".
    pub phases: Option<[f64; 2]>,
    /// The share of the points where a "two-phase" w has its second value, those of largest g; by the sign of g if not
    /// given.
    pub fraction: Option<f64>,
    /// w instead of a random field: a number, an expression in x, y, z and the parameters ("1 + a*x^2"), or a .npy file
    /// with a number a node (on the grid an array (y, x)), or one such array a sample; its path is relative to the
    /// recipe. Positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub w: Option<Given>,
    /// The source: a number, an expression or a .npy file, as w.
    pub f: Given,
    /// Numbers that are drawn for each sample and that expressions name: a = { uniform = [0.0, 1.0] }, or log_uniform,
    /// normal = [mean, deviation], integer, choice = [1.0, 2.0, 5.0].
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// What holds on parts of the boundary, one table a condition: { part = "left", condition = "dirichlet", value =
    /// "1 + y" }, u = value; or condition = "neumann", flux = …, w ∂u/∂n = flux; or condition = "robin", alpha = …,
    /// value = …, w ∂u/∂n = alpha (value − u). u = 0 on all that none names. Sides of a grid: left, right (x), bottom,
    /// top (y), front, back (z).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boundary: Vec<Condition>,
    /// Whether to store x = A⁻¹ b, and how it is found.
    pub solution: solution::Wanted,
}

impl Default for DarcyConfig {
    fn default() -> Self {
        DarcyConfig {
            dim: 2,
            cells: 64,
            discretisation: Scheme::P1,
            mesh: None,
            faces: None,
            medium: Medium::Exponential,
            alpha: 2.0,
            tau: 3.0,
            contrast: None,
            phases: None,
            fraction: None,
            w: None,
            f: Given::Number(1.0),
            parameters: Parameters::new(),
            boundary: Vec::new(),
            solution: solution::Wanted::default(),
        }
    }
}

impl DarcyConfig {
    /// Every key that has a meaning written out.
    pub(super) fn resolved(mut self) -> Self {
        if self.discretisation == Scheme::Fd {
            self.faces = Some(self.faces.unwrap_or_default());
        }
        if self.medium == Medium::TwoPhase {
            self.phases = Some(self.phases.unwrap_or(PHASES));
        }
        self
    }

    pub(super) fn medium_keys(&self) -> MediumKeys {
        MediumKeys {
            medium: self.medium,
            alpha: self.alpha,
            tau: self.tau,
            contrast: self.contrast,
            phases: self.phases,
            fraction: self.fraction,
        }
    }

    /// Reads a recipe's table.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is unknown, of the wrong type, out of range or without meaning beside
    /// another.
    pub(super) fn read(table: &Table, origin: &str) -> Result<Self> {
        let config: DarcyConfig = entry::config(table, NAME, origin)?;
        if let Given::Number(f) = config.f {
            keys::within(f, -1e12..=1e12, "darcy.f", origin)?;
        }
        match config.idle().iter().find(|key| table.contains_key(**key)) {
            Some(key) => {
                Err(Error::recipe(origin, format!("{NAME}.{key}: is of a random field, but {NAME}.w is given")))
            }
            None => Ok(config),
        }
    }

    /// Keys without meaning where w is given.
    fn idle(&self) -> &'static [&'static str] {
        match (&self.w, &self.mesh) {
            (None, _) => &[],
            (Some(_), None) => &["medium", "alpha", "tau", "contrast", "phases", "fraction"],
            (Some(_), Some(_)) => &["medium", "alpha", "tau", "contrast", "phases", "fraction", "cells"],
        }
    }

    /// Every key that has a meaning.
    pub(super) fn table(&self) -> Table {
        let mut table = keys::table(self, self.mesh.as_ref());
        self.idle().iter().for_each(|key| drop(table.remove(*key)));
        table
    }

    /// The files that it names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let given = self.w.iter().chain([&self.f]).filter_map(Given::file);
        let mesh = self.mesh.iter().flat_map(|mesh| mesh.file.clone());
        mesh.chain(given).chain(boundary::files(&self.boundary)).collect()
    }

    /// w in words.
    pub(super) fn w_in_words(&self) -> String {
        self.w.as_ref().map_or_else(|| self.medium_keys().in_words(), |w| format!("w = {w}"))
    }
}
