//! `darcy` on a mesh: triangles, quadrilaterals or tetrahedra, structured, Delaunay or from Gmsh.

use std::path::PathBuf;
use std::sync::Arc;

use toml::Table;

use super::{DarcyConfig, Medium, NAME, natural, where_given};
use crate::error::{Error, Result};
use crate::families::boundary::{self, Boundary};
use crate::families::given::{Drawn, Nodes, Range, Scope, Source};
use crate::families::grid::{CELLS, CUBES, Scheme};
use crate::families::solution::{self, Draw, Solved};
use crate::families::{Family, Sampler, keys};
use crate::fem::assembler::{Assembler, Scatter};
use crate::fem::dofs::{Dofs, Order};
use crate::fem::integrals::{Integrals, Kind};
use crate::fem::space::Space;
use crate::field::gaussian::{Workspace, range};
use crate::linalg::{Pattern, Props};
use crate::mesh::AnyMesh;
use crate::rng::{Purpose, stream};
use crate::system::{BoundaryPart, Description, Field, LinearSystem, Location, MeshData};
use crate::verify::Report;

/// Exact for a linear coefficient times two basis functions.
const STRENGTH: usize = 3;

/// −∇·(w ∇u) = f on a mesh of D dimensions.
///
/// A given w is the function of the element space with its values at the nodes, and so is f.
///
/// The Gaussian field g is drawn on a regular grid of (cells + 1)^D points over a cube whose side is the longest one of
/// the mesh's bounding box, and interpolated linearly in each coordinate to the nodes; contrast, phases and shares are
/// then those of the nodes. w is the function of the element space with these values, integrated exactly where it is
/// linear.
pub(super) struct OnMesh<const D: usize> {
    config: DarcyConfig,
    space: Space<D>,
    assembler: Assembler,
    stiffness: Integrals<D>,
    scatter: Scatter,
    medium: Medium,
    places: Vec<Place>,
    f: Source,
    /// For an f that is no number.
    load: Option<Integrals<D>>,
    /// Of a number f, which all samples share.
    rhs: Option<Vec<f64>>,
    boundary: Boundary<D>,
    solver: Option<solution::Solver>,
    data: Arc<MeshData>,
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
    let recipe = config.mesh.clone().unwrap_or_default();
    let (mesh, parts) = match config.boundary.is_empty() {
        true => (recipe.build("darcy.mesh", origin)?, Vec::new()),
        false => {
            let (mesh, parts, _) = recipe.build_with_parts("darcy.mesh", origin)?;
            (mesh, parts)
        }
    };
    let dim = if matches!(mesh, AnyMesh::Tetrahedra(_)) { 3 } else { 2 };
    if table.contains_key("dim") && config.dim != dim {
        let message = format!("{NAME}.dim = {}: the cells of {NAME}.mesh have {dim} dimensions", config.dim);
        return Err(Error::recipe(origin, message));
    }
    keys::within(config.cells, if dim == 3 { CUBES } else { CELLS }, "darcy.cells", origin)?;
    config.dim = dim;
    config.discretisation = if matches!(mesh, AnyMesh::Quads(_)) { Scheme::Q1 } else { Scheme::P1 };
    match mesh {
        AnyMesh::Triangles(mesh) => Ok(Box::new(OnMesh::new(config, Space::p1(&mesh), &parts, origin)?)),
        AnyMesh::Quads(mesh) => Ok(Box::new(OnMesh::new(config, Space::q1(&mesh), &parts, origin)?)),
        AnyMesh::Tetrahedra(mesh) => Ok(Box::new(OnMesh::new(config, Space::p1_tet(&mesh), &parts, origin)?)),
    }
}

impl<const D: usize> OnMesh<D> {
    fn new(config: DarcyConfig, space: Space<D>, parts: &[BoundaryPart], origin: &str) -> Result<Self> {
        let nodes = Nodes { count: space.len(), grid: &[] };
        let scope = Scope::new(NAME, origin, D, nodes, &config.parameters, false)?;
        let mut boundary = Boundary::new(&config.boundary, &space, parts, &scope, "w du/dn")?;
        if boundary.leaves_a_constant() {
            return Err(scope.bad("boundary", boundary::SINGULAR));
        }
        let dofs = Dofs::of_space(&space, |v| !boundary.is_fixed(v), Order::Rcm)?;
        if dofs.count() == 0 {
            return Err(Error::recipe(origin, format!("{NAME}.mesh: has no inner node: make it finer")));
        }
        let medium = Medium::new(&config, config.cells as usize + 1, D, &scope, origin)?;
        let f = scope.read("f", &config.f, Range::Any)?;
        scope.finish()?;
        let assembler = Assembler::new(&space, dofs)?;
        boundary.bind(&assembler);
        let stiffness = Integrals::new(&space, Kind::Stiffness, STRENGTH)?;
        let load = Integrals::new(&space, Kind::Load, STRENGTH)?;
        let of_number = |f| assembler.restrict(&load.load(&load.at_points(&vec![f; space.len()]), space.len()));
        let rhs = f.number().map(of_number);
        let solver = config.solution.solver(assembler.pattern())?;
        let stored = config.solution.resolved(solver.as_ref());
        let mut data = space.to_data(assembler.dofs().points.clone());
        if !boundary.is_homogeneous() {
            data.boundary_value = None;
        }
        Ok(OnMesh {
            scatter: assembler.scatter(&stiffness),
            places: match medium {
                Medium::Random(_) => places(&space.nodes, config.cells as usize),
                Medium::Given(_) => Vec::new(),
            },
            load: rhs.is_none().then_some(load),
            rhs,
            data: Arc::new(data),
            config: DarcyConfig { solution: stored, ..config.resolved() },
            space,
            assembler,
            stiffness,
            medium,
            f,
            boundary,
            solver,
        })
    }

    /// w at the nodes.
    fn w(&self, seed: u64, index: u64, drawn: &Drawn, workspace: &mut Workspace) -> Result<Vec<f64>> {
        let coefficient = match &self.medium {
            Medium::Given(source) => return source.at_nodes(&self.space.nodes, drawn),
            Medium::Random(coefficient) => coefficient,
        };
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut g = Vec::new();
        coefficient.gaussian.draw(&mut rng, workspace, &mut g);
        let at = |Place(corners): &Place| corners.iter().map(|&(i, weight)| weight * g[i as usize]).sum();
        let mut w: Vec<f64> = self.places.iter().map(at).collect();
        coefficient.shape.apply(&mut w);
        Ok(w)
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
        self.config.table()
    }

    fn description(&self) -> Description {
        let f = &self.config.f;
        let drawn = match self.medium {
            Medium::Given(_) => String::new(),
            Medium::Random(_) => format!(
                ", g on a regular grid over the mesh's bounding box, {} cells along its longest side, interpolated to \
                 the nodes",
                self.config.cells
            ),
        };
        let equation = format!("-div(w grad u) = {f} on the mesh, {}{drawn}", self.config.w_in_words());
        Description {
            weak_form: format!(
                "find u in V: integral(w grad u . grad v) = integral({f} v){} for all v in V, V = continuous functions \
                 on the mesh, {} on every cell, 0 {}; w the function of the same space with the values of the field w",
                natural(&self.config),
                self.space.element.name(),
                where_given(&self.config)
            ),
            boundary_conditions: self.boundary.in_words().into(),
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
        self.config.files()
    }

    fn samples(&self) -> Option<usize> {
        [self.medium.samples(), self.f.samples(), self.boundary.samples()].into_iter().flatten().min()
    }

    fn measure(&self) -> Result<Report> {
        super::verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        let draw = MeshSampler { family: self, workspace: Workspace::default() };
        Ok(Box::new(Solved::new(draw, self.solver.as_ref())))
    }
}

struct MeshSampler<'a, const D: usize> {
    family: &'a OnMesh<D>,
    workspace: Workspace,
}

impl<const D: usize> Draw for MeshSampler<'_, D> {
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let OnMesh { config, space, assembler, stiffness, boundary, .. } = self.family;
        let drawn = Drawn::new(&config.parameters, seed, index, false);
        let w = self.family.w(seed, index, &drawn, &mut self.workspace)?;
        let field = |name: &str, values| Field { name: name.into(), location: Location::Points, components: 1, values };
        let (mut rhs, source) = match (&self.family.rhs, &self.family.load) {
            (None, Some(load)) => {
                let f = self.family.f.at_nodes(&space.nodes, &drawn)?;
                (assembler.restrict(&load.load(&load.at_points(&f), space.len())), Some(field("f", f)))
            }
            (rhs, _) => (rhs.clone().unwrap_or_default(), None),
        };
        let at_points = stiffness.at_points(&w);
        let form = (stiffness, &self.family.scatter, &at_points[..]);
        let (matrix, known) = boundary.assemble((space, assembler), form, &drawn, &mut rhs)?;
        let (low, high) = range(&w);
        let mut params = vec![("contrast".into(), high / low)];
        params.extend(drawn.named(&config.parameters));
        let mut fields = vec![field("w", w)];
        fields.extend(source);
        fields.extend(known.map(|u| field("boundary_values", u)));
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: None,
            props: Props::SPD,
            fields,
            labels: Vec::new(),
            params,
            mesh: Some(self.family.data.clone()),
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
