//! `darcy` on a mesh: triangles, quadrilaterals or tetrahedra, structured, Delaunay or from Gmsh.

use std::path::PathBuf;
use std::sync::Arc;

use toml::Table;

use super::{DarcyConfig, NAME};
use crate::entry;
use crate::error::{Error, Result};
use crate::families::grid::{CELLS, CUBES, Scheme};
use crate::families::{Family, Sampler, keys, solution};
use crate::fem::assembler::{Assembler, Scatter};
use crate::fem::dofs::{Dofs, Order};
use crate::fem::integrals::{Integrals, Kind};
use crate::fem::space::Space;
use crate::field::coefficient::Coefficient;
use crate::field::gaussian::{Workspace, range};
use crate::linalg::{Csr, Pattern, Props, SideBySide};
use crate::mesh::AnyMesh;
use crate::rng::{Purpose, stream};
use crate::system::{Description, Field, LinearSystem, Location, MeshData};
use crate::verify::Report;

/// Exact for a linear coefficient times two basis functions.
const STRENGTH: usize = 3;

/// −∇·(w ∇u) = f on a mesh of D dimensions, u = 0 on its boundary.
///
/// The Gaussian field g is drawn on a regular grid of (cells + 1)^D points over a cube whose side is the longest one of
/// the mesh's bounding box, and interpolated linearly in each coordinate to the nodes; contrast, phases and shares are
/// then those of the nodes. w is the function of the element space with these values, integrated exactly where it is
/// linear.
pub(super) struct OnMesh<const D: usize> {
    config: DarcyConfig,
    assembler: Assembler,
    stiffness: Integrals<D>,
    scatter: Scatter,
    coefficient: Coefficient,
    places: Vec<Place>,
    rhs: Vec<f64>,
    solver: Option<solution::Solver>,
    data: Arc<MeshData>,
    what: &'static str,
}

/// Where a node stands in the grid: corners of its cell with their weights.
struct Place(Vec<(u32, f64)>);

/// The family of a table that has a mesh.
///
/// # Errors
/// [`Error::Recipe`] naming the key that does not go with a mesh or is out of range; those of the mesh.
pub(super) fn build(mut config: DarcyConfig, table: &Table, origin: &str) -> Result<Box<dyn Family>> {
    for key in ["discretisation", "discretization", "faces"] {
        if table.contains_key(key) {
            return Err(Error::recipe(origin, format!("{NAME}.{key}: the cells of {NAME}.mesh decide it")));
        }
    }
    let mesh = config.mesh.clone().unwrap_or_default().build("darcy.mesh", origin)?;
    let dim = if matches!(mesh, AnyMesh::Tetrahedra(_)) { 3 } else { 2 };
    if table.contains_key("dim") && config.dim != dim {
        let message = format!("{NAME}.dim = {}: the cells of {NAME}.mesh have {dim} dimensions", config.dim);
        return Err(Error::recipe(origin, message));
    }
    keys::within(config.cells, if dim == 3 { CUBES } else { CELLS }, "darcy.cells", origin)?;
    config.dim = dim;
    config.discretisation = if matches!(mesh, AnyMesh::Quads(_)) { Scheme::Q1 } else { Scheme::P1 };
    match mesh {
        AnyMesh::Triangles(mesh) => Ok(Box::new(OnMesh::new(config, Space::p1(&mesh), origin)?)),
        AnyMesh::Quads(mesh) => Ok(Box::new(OnMesh::new(config, Space::q1(&mesh), origin)?)),
        AnyMesh::Tetrahedra(mesh) => Ok(Box::new(OnMesh::new(config, Space::p1_tet(&mesh), origin)?)),
    }
}

impl<const D: usize> OnMesh<D> {
    fn new(config: DarcyConfig, space: Space<D>, origin: &str) -> Result<Self> {
        let dofs = Dofs::of_space(&space, |v| !space.boundary[v], Order::Rcm)?;
        if dofs.count() == 0 {
            return Err(Error::recipe(origin, format!("{NAME}.mesh: has no inner node: make it finer")));
        }
        let side = config.cells as usize + 1;
        let coefficient = config.medium_keys().coefficient(side, D, NAME, origin)?;
        let assembler = Assembler::new(&space, dofs)?;
        let stiffness = Integrals::new(&space, Kind::Stiffness, STRENGTH)?;
        let load = Integrals::new(&space, Kind::Mass, STRENGTH)?;
        let ones = vec![config.f; space.len()];
        let solver = config.solution.solver(assembler.pattern())?;
        let stored = config.solution.resolved(solver.as_ref());
        Ok(OnMesh {
            scatter: assembler.scatter(&stiffness),
            rhs: assembler.restrict(&load.load(&load.at_points(&ones), space.len())),
            places: places(&space.nodes, config.cells as usize),
            data: Arc::new(space.to_data(assembler.dofs().points.clone())),
            what: space.element.name(),
            config: DarcyConfig { solution: stored, ..config.resolved() },
            assembler,
            stiffness,
            coefficient,
            solver,
        })
    }
}

/// The places of nodes in a grid of `cells` a side over the cube around them.
fn places<const D: usize>(nodes: &[[f64; D]], cells: usize) -> Vec<Place> {
    let least = |d: usize| nodes.iter().map(|x| x[d]).fold(f64::INFINITY, f64::min);
    let most = |d: usize| nodes.iter().map(|x| x[d]).fold(f64::NEG_INFINITY, f64::max);
    let low: [f64; D] = std::array::from_fn(least);
    let length = (0..D).map(|d| most(d) - low[d]).fold(0.0, f64::max);
    let place = |x: &[f64; D]| {
        let mut corners = vec![(0, 1.0)];
        for d in (0..D).rev() {
            let at = (x[d] - low[d]) / length * cells as f64;
            let first = (at as usize).min(cells - 1);
            let share = at - first as f64;
            let ends = [(first, 1.0 - share), (first + 1, share)];
            let next = |&(index, weight): &(u32, f64)| {
                ends.map(|(at, share)| (index * (cells as u32 + 1) + at as u32, weight * share))
            };
            corners = corners.iter().flat_map(next).collect();
        }
        Place(corners)
    };
    nodes.iter().map(place).collect()
}

impl<const D: usize> Family for OnMesh<D> {
    fn parameters(&self) -> Table {
        let mut table = entry::to_table(&self.config);
        if let Some(mesh) = &self.config.mesh {
            table.insert("mesh".into(), mesh.to_table().into());
        }
        table
    }

    fn description(&self) -> Description {
        let f = self.config.f;
        let equation = format!(
            "-div(w grad u) = {f} on the mesh, {}, g on a regular grid over the mesh's bounding box, {} cells along \
             its longest side, interpolated to the nodes",
            self.config.medium_keys().in_words(),
            self.config.cells
        );
        Description {
            weak_form: format!(
                "find u in V: integral(w grad u . grad v) = integral({f} v) for all v in V, V = continuous functions \
                 on the mesh, {} on every cell, 0 on the boundary; w the function of the same space with the values \
                 of the field w",
                self.what
            ),
            boundary_conditions: "u = 0 on the whole boundary, eliminated".into(),
            ..Description::new(NAME, equation, Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.assembler.pattern().clone())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.config.mesh.iter().flat_map(|mesh| mesh.file.clone()).collect()
    }

    fn measure(&self) -> Result<Report> {
        super::verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(MeshSampler { family: self, workspace: Workspace::default(), beside: SideBySide::default() }))
    }
}

struct MeshSampler<'a, const D: usize> {
    family: &'a OnMesh<D>,
    workspace: Workspace,
    beside: SideBySide,
}

impl<const D: usize> Sampler for MeshSampler<'_, D> {
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

impl<const D: usize> MeshSampler<'_, D> {
    /// The sample without its solution.
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let family = self.family;
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut g = Vec::new();
        family.coefficient.gaussian.draw(&mut rng, &mut self.workspace, &mut g);
        let at = |Place(corners): &Place| corners.iter().map(|&(i, weight)| weight * g[i as usize]).sum();
        let mut w: Vec<f64> = family.places.iter().map(at).collect();
        family.coefficient.shape.apply(&mut w);
        let mut values = vec![0.0; family.assembler.pattern().nnz()];
        family.assembler.add(&family.stiffness, &family.scatter, &family.stiffness.at_points(&w), &mut values);
        let matrix = Csr::new(family.assembler.pattern().clone(), values)?;
        let rhs = family.rhs.clone();
        let (low, high) = range(&w);
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: None,
            props: Props::SPD,
            fields: vec![Field { name: "w".into(), location: Location::Points, components: 1, values: w }],
            labels: Vec::new(),
            params: vec![("contrast".into(), high / low)],
            mesh: Some(family.data.clone()),
            index,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_functions_are_interpolated_exactly() {
        let nodes = [[2.0, -1.0, 0.5], [4.0, 1.0, 0.5], [3.2, 0.3, 0.9], [2.5, -0.9, 1.0]];
        let cells = 5;
        // Values of 1 + x − 2 y + 3 z on the grid over the cube of side 2 that starts at (2, −1, 1/2).
        let f = |x: [f64; 3]| 1.0 + x[0] - 2.0 * x[1] + 3.0 * x[2];
        let mut grid = Vec::new();
        for k in 0..=cells {
            for j in 0..=cells {
                for i in 0..=cells {
                    let step = |k: usize| 2.0 * k as f64 / cells as f64;
                    grid.push(f([2.0 + step(i), -1.0 + step(j), 0.5 + step(k)]));
                }
            }
        }
        for (Place(corners), node) in places(&nodes, cells).iter().zip(nodes) {
            let sum: f64 = corners.iter().map(|&(i, weight)| weight * grid[i as usize]).sum();
            assert!((sum - f(node)).abs() < 1e-13, "{sum} at {node:?}");
        }
    }
}
