//! The `[biharmonic]` table of a recipe.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::families::keys;
use crate::fem::dofs::Order;
use crate::fem::plate::Penalty;
use crate::fem::plate::space::{Continuity, Space};
use crate::mesh::recipe::{MeshRecipe, Shape};
use crate::mesh::{AnyMesh, structured};

/// How the cells hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Discretisation {
    /// Fully discontinuous.
    #[default]
    Dg,
    /// Continuous, with an interior penalty on ∂n u.
    C0ip,
}

/// Shape of the cells of the unit square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cells {
    /// P2.
    Triangle,
    /// Q2.
    Quad,
}

/// What holds u on the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// The penalty; boundary nodes are unknowns.
    #[default]
    Weak,
    /// Boundary nodes are eliminated (c0ip only).
    Strong,
}

/// u and Δu on the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Data {
    /// Both 0.
    #[default]
    Zero,
    /// Random polynomials of the degree of g, another two in every sample.
    Random,
}

/// The `[biharmonic]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BiharmonicConfig {
    /// How cells hang together.
    #[serde(alias = "discretization")]
    pub discretisation: Discretisation,
    /// Triangles for c0ip, quads for dg unless said otherwise.
    pub cells: Option<Cells>,
    /// Squares along a side (triangles: each cut in two).
    pub grid: Option<i64>,
    /// Any mesh of triangles of a convex domain, or of quads; instead of `cells` and `grid`.
    pub mesh: Option<MeshRecipe>,
    /// How u is held on the boundary.
    pub boundary: Hold,
    /// Penalty on jumps of u, in units of f / h³: 200 on triangles, 300 on quads, times √(contrast/10) where that is
    /// more than 1.
    pub sigma: Option<f64>,
    /// Penalty on jumps of ∂n u, in units of f / h: 10.
    pub tau: Option<f64>,
    /// Total degree of f.
    pub degree: u32,
    /// max f / min f over the quadrature points; f is positive in between too.
    pub contrast: f64,
    /// Total degree of g.
    pub source_degree: u32,
    /// What u and Δu are on the boundary.
    pub data: Data,
    /// Numbering of the unknowns.
    pub order: Order,
    /// Whether to store x = A⁻¹ b.
    pub solution: bool,
}

impl Default for BiharmonicConfig {
    fn default() -> Self {
        BiharmonicConfig {
            discretisation: Discretisation::Dg,
            cells: None,
            grid: None,
            mesh: None,
            boundary: Hold::Weak,
            sigma: None,
            tau: None,
            degree: 3,
            contrast: 10.0,
            source_degree: 3,
            data: Data::Zero,
            order: Order::Natural,
            solution: true,
        }
    }
}

/// Highest degree of a polynomial.
const MOST_DEGREE: u32 = 8;

/// Largest contrast.
const MOST_CONTRAST: f64 = 1e6;

/// Most squares along a side.
const MOST_GRID: i64 = 512;

/// Largest penalty.
const MOST_PENALTY: f64 = 1e6;

impl BiharmonicConfig {
    /// # Errors
    /// [`Error::Recipe`] naming the key that is out of range.
    pub(super) fn check(&self, origin: &str) -> Result<()> {
        keys::within(self.degree, 0..=MOST_DEGREE, "biharmonic.degree", origin)?;
        keys::within(self.source_degree, 0..=MOST_DEGREE, "biharmonic.source_degree", origin)?;
        keys::within(self.contrast, 1.0..=MOST_CONTRAST, "biharmonic.contrast", origin)?;
        for (penalty, key) in [(self.sigma, "biharmonic.sigma"), (self.tau, "biharmonic.tau")] {
            penalty.map_or(Ok(()), |p| keys::within(p, 0.0..=MOST_PENALTY, key, origin))?;
        }
        Ok(())
    }

    /// σ and τ; where not given, such that A is definite with a margin: half of σ would do (found by Cholesky over
    /// grids, degrees and contrasts). How much f varies in a cell counts: σ grows as √contrast beyond 10.
    pub fn penalty(&self, triangles: bool) -> Penalty {
        let base = if triangles { 200.0 } else { 300.0 };
        Penalty {
            sigma: self.sigma.unwrap_or(base * (self.contrast / 10.0).max(1.0).sqrt()),
            tau: self.tau.unwrap_or(10.0),
        }
    }

    /// Every key that has a meaning written out, on triangles or quads.
    pub(super) fn resolved(mut self, triangles: bool) -> Self {
        let Penalty { sigma, tau } = self.penalty(triangles);
        (self.sigma, self.tau) = (Some(sigma), Some(tau));
        if self.mesh.is_none() {
            (self.cells, self.grid) = (Some(self.cells()), Some(self.grid()));
        }
        self
    }

    /// Elements on the mesh asked for.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that does not go with the others.
    pub(super) fn space(&self, origin: &str) -> Result<Space> {
        let continuity = match (self.discretisation, self.boundary) {
            (Discretisation::Dg, Hold::Weak) => Continuity::Broken,
            (Discretisation::C0ip, Hold::Weak) => Continuity::Weak,
            (Discretisation::C0ip, Hold::Strong) => Continuity::Strong,
            (Discretisation::Dg, Hold::Strong) => {
                return Err(Error::recipe(
                    origin,
                    "biharmonic.boundary = \"strong\": dg has no nodes to eliminate; take \"weak\", or discretisation \
                     = \"c0ip\"",
                ));
            }
        };
        match self.mesh(origin)? {
            AnyMesh::Triangles(mesh) => Ok(Space::triangles(&mesh, continuity)),
            AnyMesh::Quads(mesh) => Space::quads(&mesh, continuity),
            AnyMesh::Tetrahedra(_) => Err(Error::recipe(origin, "biharmonic.mesh.shape = \"cube\": plane meshes only")),
        }
    }

    /// Shape of the cells.
    fn cells(&self) -> Cells {
        self.cells.unwrap_or(match self.discretisation {
            Discretisation::Dg => Cells::Quad,
            Discretisation::C0ip => Cells::Triangle,
        })
    }

    /// Squares along a side.
    fn grid(&self) -> i64 {
        self.grid.unwrap_or(match (self.discretisation, self.cells()) {
            (Discretisation::C0ip, _) => 16,
            (Discretisation::Dg, Cells::Quad) => 11,
            (Discretisation::Dg, Cells::Triangle) => 10,
        })
    }

    /// The mesh asked for.
    fn mesh(&self, origin: &str) -> Result<AnyMesh> {
        if let Some(recipe) = &self.mesh {
            if self.cells.is_some() || self.grid.is_some() {
                return Err(Error::recipe(
                    origin,
                    "biharmonic.mesh: goes without biharmonic.cells and biharmonic.grid",
                ));
            }
            if recipe.shape == Shape::LShape {
                // At a reentrant corner u is not in H², and the two second-order problems have another solution.
                return Err(Error::recipe(origin, "biharmonic.mesh.shape = \"l-shape\": convex domains only"));
            }
            return recipe.build("biharmonic.mesh", origin);
        }
        let grid = self.grid();
        keys::within(grid, 2..=MOST_GRID, "biharmonic.grid", origin)?;
        let n = grid as usize;
        Ok(match self.cells() {
            Cells::Triangle => AnyMesh::Triangles(structured::triangles(n, n)),
            Cells::Quad => AnyMesh::Quads(structured::quads(n, n)),
        })
    }
}
