//! `darcy`: −∇·(w ∇u) = f on the unit square or cube, u = 0 on its boundary, w a random field on a regular grid.
//!
//! With `discretisation = "fd"`, `cells = 401` and the rest at its default these are the systems of NeurKItt (Luo et
//! al. 2024, NeurIPS): w = exp(Gaussian field, α = 2, τ = 3) on 402² grid points, arithmetic means on the faces,
//! 400² unknowns, f = 1. `medium = "two-phase"` is the flow of Li et al. (2021, arXiv:2010.08895).
//!
//! With a `[darcy.mesh]` table, as that of `elliptic`, it is posed on any mesh instead; the Gaussian field is drawn on
//! a grid over its bounding box and interpolated to the nodes.

mod mesh;
mod verify;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::grid::{self, CELLS, CUBES, Grid, Medium, MediumKeys, Scheme, Wanted};
use super::{Family, Sampler, keys, solution};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::fem::difference::Faces;
use crate::field::coefficient::Coefficient;
use crate::field::gaussian::{Workspace, range};
use crate::field::two_phase::PHASES;
use crate::linalg::{Csr, Pattern, Props, SideBySide};
use crate::mesh::recipe::MeshRecipe;
use crate::rng::{Purpose, stream};
use crate::system::{Description, LinearSystem, MeshData};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "darcy";

/// `darcy` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "−∇·(w ∇u) = f; P1, Q1, 5-point; w the exponential of a Gaussian random field, of set contrast, \
           or two phases",
    source: "Li et al. 2021, arXiv:2010.08895; Luo et al. 2024 (NeurKItt)",
    needs: "",
    positional: &[],
    defaults: || entry::to_table(&DarcyConfig::default().resolved()),
    schema: Some(entry::schema::<DarcyConfig>),
    parse: |table, _, origin| build(table, origin),
};

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
    /// The constant source.
    pub f: f64,
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
            f: 1.0,
            solution: solution::Wanted::default(),
        }
    }
}

impl DarcyConfig {
    /// Every key that has a meaning written out.
    fn resolved(mut self) -> Self {
        if self.discretisation == Scheme::Fd {
            self.faces = Some(self.faces.unwrap_or_default());
        }
        if self.medium == Medium::TwoPhase {
            self.phases = Some(self.phases.unwrap_or(PHASES));
        }
        self
    }

    fn medium_keys(&self) -> MediumKeys {
        MediumKeys {
            medium: self.medium,
            alpha: self.alpha,
            tau: self.tau,
            contrast: self.contrast,
            phases: self.phases,
            fraction: self.fraction,
        }
    }
}

/// The family with its grid and pattern made.
pub struct Darcy {
    config: DarcyConfig,
    grid: Grid,
    coefficient: Coefficient,
    rhs: Vec<f64>,
    solver: Option<solution::Solver>,
}

/// The family of a recipe's table.
///
/// # Errors
/// [`crate::Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
fn build(table: &Table, origin: &str) -> Result<Box<dyn Family>> {
    let config: DarcyConfig = entry::config(table, NAME, origin)?;
    keys::within(config.f, -1e12..=1e12, "darcy.f", origin)?;
    if config.mesh.is_some() {
        return mesh::build(config, table, origin);
    }
    keys::within(config.dim, 2..=3, "darcy.dim", origin)?;
    keys::within(config.cells, if config.dim == 3 { CUBES } else { CELLS }, "darcy.cells", origin)?;
    Ok(Box::new(Darcy::new(config, origin)?))
}

impl Darcy {
    /// The family on a regular grid, its keys in range but those of the coefficient.
    fn new(config: DarcyConfig, origin: &str) -> Result<Self> {
        let cube = config.dim == 3;
        let faces = grid::faces(config.faces, config.discretisation, NAME, origin)?;
        let cells = config.cells as usize;
        let coefficient = config.medium_keys().coefficient(cells + 1, config.dim as usize, NAME, origin)?;
        let wanted = Wanted { mass: false, boundary: false };
        let grid = match cube {
            true => Grid::cube(cells, config.discretisation, faces)
                .map_err(|e| Error::recipe(origin, format!("darcy.discretisation: {e}")))?,
            false => Grid::new(cells, config.discretisation, faces, wanted)?,
        };
        let solver = config.solution.solver(grid.pattern())?;
        let stored = config.solution.resolved(solver.as_ref());
        Ok(Darcy {
            rhs: grid.load(&vec![config.f; grid.points()]),
            config: DarcyConfig { solution: stored, ..config.resolved() },
            grid,
            coefficient,
            solver,
        })
    }
}

impl Family for Darcy {
    fn parameters(&self) -> Table {
        entry::to_table(&self.config)
    }

    fn description(&self) -> Description {
        let (scheme, f, dim) = (self.config.discretisation, self.config.f, self.grid.dim);
        let weak_form = match scheme {
            Scheme::Fd => {
                let faces = self.config.faces.unwrap_or_default();
                format!("{}, w on faces the {faces:?} mean of the two grid points", scheme.in_words(dim)).to_lowercase()
            }
            _ => format!(
                "find u in V: integral(w grad u . grad v) = integral({f} v) for all v in V, V = {}, 0 on the \
                 boundary; w the function of the same space with the values of the field w",
                scheme.in_words(dim)
            ),
        };
        let equation = format!("-div(w grad u) = {f} in (0,1)^{dim}, {}", self.config.medium_keys().in_words());
        Description {
            weak_form,
            boundary_conditions: "u = 0 on the whole boundary, eliminated".into(),
            ..Description::new(NAME, equation, Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.grid.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.grid.pattern().clone())
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(DarcySampler { family: self, workspace: Workspace::default(), beside: SideBySide::default() }))
    }
}

struct DarcySampler<'a> {
    family: &'a Darcy,
    workspace: Workspace,
    beside: SideBySide,
}

impl Sampler for DarcySampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        self.samples(seed, &[index]).remove(0)
    }

    fn lanes(&self) -> usize {
        solution::lanes(self.family.solver.as_ref())
    }

    fn samples(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        let drawn = indices.iter().map(|&index| self.draw(seed, index)).collect();
        solution::complete(self.family.solver.as_ref(), &mut self.beside, drawn)
    }
}

impl DarcySampler<'_> {
    /// The sample without its solution.
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let Darcy { grid, rhs, .. } = self.family;
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut w = Vec::new();
        self.family.coefficient.draw(&mut rng, &mut self.workspace, &mut w);
        let mut values = vec![0.0; grid.pattern().nnz()];
        grid.add_diffusion(&w, 1.0, &mut values);
        let matrix = Csr::new(grid.pattern().clone(), values)?;
        let (low, high) = range(&w);
        Ok(LinearSystem {
            matrix,
            rhs: rhs.clone(),
            solution: None,
            props: Props::SPD,
            fields: vec![grid::field("w", w)],
            labels: Vec::new(),
            params: vec![("contrast".into(), high / low)],
            mesh: Some(grid.data.clone()),
            index,
        })
    }
}
