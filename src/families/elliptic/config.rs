//! The `[elliptic]` table of a recipe.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::NAME;
use crate::entry;
use crate::error::{Error, Result};
use crate::families::boundary::{self, Condition};
use crate::families::given::{Given, Parameters};
use crate::families::{keys, solution};
use crate::fem::dofs::Order;
use crate::mesh::recipe::MeshRecipe;

/// Degree of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Degree {
    /// Linear on simplices, bilinear on quadrilaterals.
    #[default]
    Linear,
    /// Quadratic, triangles only.
    Quadratic,
}

/// The `[elliptic]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EllipticConfig {
    /// The domain and its mesh.
    pub mesh: MeshRecipe,
    /// Linear or quadratic.
    pub elements: Degree,
    /// Total degree of f.
    pub degree: u32,
    /// max f / min f over the quadrature points; f is positive in between too.
    pub contrast: f64,
    /// Total degree of g.
    pub source_degree: u32,
    /// f instead of a random polynomial: a number, an expression in x, y, z and the parameters ("1 + a*x^2"), or a .npy
    /// file with a number a node, or one row of them a sample; its path is relative to the recipe. Positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f: Option<Given>,
    /// g instead of a random polynomial, as f.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub g: Option<Given>,
    /// Numbers that are drawn for each sample and that expressions name: a = { uniform = [0.0, 1.0] }, or log_uniform,
    /// normal = [mean, deviation], integer, choice = [1.0, 2.0, 5.0].
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// What holds on parts of the boundary, one table a condition: { part = "left", condition = "dirichlet", value =
    /// "1 + y" }, u = value; or condition = "neumann", flux = …, f ∂u/∂n = flux; or condition = "robin", alpha = …,
    /// value = …, f ∂u/∂n = alpha (value − u). u = 0 on all that none names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boundary: Vec<Condition>,
    /// Numbering of the unknowns.
    pub order: Order,
    /// Whether to store x = A⁻¹ b, and how it is found.
    pub solution: solution::Wanted,
}

impl Default for EllipticConfig {
    fn default() -> Self {
        EllipticConfig {
            mesh: MeshRecipe::default(),
            elements: Degree::Linear,
            degree: 3,
            contrast: 10.0,
            source_degree: 3,
            f: None,
            g: None,
            parameters: Parameters::new(),
            boundary: Vec::new(),
            order: Order::Rcm,
            solution: solution::Wanted::default(),
        }
    }
}

/// Highest degree of a polynomial.
const MOST_DEGREE: u32 = 8;

/// Largest contrast.
const MOST_CONTRAST: f64 = 1e8;

impl EllipticConfig {
    /// Reads a recipe's table.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is unknown, of the wrong type, out of range or without meaning beside
    /// another.
    pub(super) fn read(table: &Table, origin: &str) -> Result<Self> {
        let config: EllipticConfig = entry::config(table, NAME, origin)?;
        keys::within(config.degree, 0..=MOST_DEGREE, "elliptic.degree", origin)?;
        keys::within(config.source_degree, 0..=MOST_DEGREE, "elliptic.source_degree", origin)?;
        keys::within(config.contrast, 1.0..=MOST_CONTRAST, "elliptic.contrast", origin)?;
        match config.idle().into_iter().find(|(key, _)| table.contains_key(*key)) {
            Some((key, instead)) => {
                let reason = format!("{NAME}.{key}: is of a random polynomial, but {NAME}.{instead} is given");
                Err(Error::recipe(origin, reason))
            }
            None => Ok(config),
        }
    }

    /// Keys without meaning, each with the one that takes it.
    fn idle(&self) -> Vec<(&'static str, &'static str)> {
        let mut idle = Vec::new();
        if self.f.is_some() {
            idle.extend([("degree", "f"), ("contrast", "f")]);
        }
        if self.g.is_some() {
            idle.push(("source_degree", "g"));
        }
        idle
    }

    /// Every key that has a meaning.
    pub(super) fn table(&self) -> Table {
        let mut table = keys::table(self, Some(&self.mesh));
        self.idle().into_iter().for_each(|(key, _)| drop(table.remove(key)));
        table
    }

    /// The files that it names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let given = [&self.f, &self.g].into_iter().flatten().filter_map(Given::file);
        self.mesh.file.iter().cloned().chain(given).chain(boundary::files(&self.boundary)).collect()
    }
}
