//! What `darcy`, `heat` and `helmholtz` share: the operator −∇·(w ∇u) + c u on regular grids of the square and the cube
//! and on meshes, boundary conditions, random fields on all of them, and the keys of a coefficient.
//!
//! Coefficients are given by their values at the nodes: the (cells + 1)^dim points of a grid, row by row, x fastest
//! (fields of location "grid"), or those of a mesh ("points"). Finite elements take the function of the element space
//! with these values and integrate exactly where it is linear; differences take the values themselves.

mod differences;
mod domain;
mod elements;
mod medium;
mod on_mesh;
mod operator;
mod scheme;

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use self::differences::OnSides;
use self::on_mesh::OnMesh;
use self::operator::Operator;
use super::given::{Drawn, Source};
use crate::error::{Error, Result};
use crate::fem::cube::CubeElements;
use crate::fem::difference::{Differences, Faces};
use crate::fem::dofs::{Dofs, Order};
use crate::fem::space::Space;
use crate::field::coefficient::Coefficient;
use crate::field::gaussian::{Gaussian, Workspace};
use crate::linalg::{Csr, Pattern};
use crate::mesh::structured;
use crate::system::{Field, Location, MeshData};

pub use domain::{Domain, Keys};
pub use elements::Elements;
pub use medium::{Medium, MediumKeys, constant, faces, gaussian};
pub use scheme::Scheme;

/// Squares a side on offer.
pub const CELLS: std::ops::RangeInclusive<i64> = 2..=2048;

/// Cubes a side on offer.
pub const CUBES: std::ops::RangeInclusive<i64> = 2..=200;

/// A domain with its pattern and scatter maps made.
pub struct Discretisation {
    /// Squares (or cubes) a side; with a mesh of the grid that random fields are drawn on.
    pub cells: usize,
    /// 2 or 3.
    pub dim: usize,
    /// Elements or differences.
    pub scheme: Scheme,
    /// Nodes and cells as files keep them.
    pub data: Arc<MeshData>,
    inner: Inner,
    mesh: Option<OnMesh>,
}

enum Inner {
    Plane(Box<Elements<2>>),
    Space(Box<Elements<3>>),
    /// Linear elements on the cube, by stencils.
    Cube(CubeElements),
    Differences(Differences),
    /// Differences with conditions on the sides.
    SquareSides(Box<OnSides<2>>),
    CubeSides(Box<OnSides<3>>),
}

/// Which parts of an operator are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// c u beside −∇·(w ∇u).
    pub mass: bool,
    /// Boundary points are unknowns too (finite elements only); where there are no conditions.
    pub boundary: bool,
}

/// A term of an equation: its coefficient at all nodes, and a factor.
pub type Term<'a> = (&'a [f64], f64);

impl Discretisation {
    /// The unit square in a regular grid.
    ///
    /// # Errors
    /// [`Error::Argument`] for fewer than two squares a side or unknowns on the boundary with differences; otherwise if
    /// the grid is too large.
    pub fn square(cells: usize, scheme: Scheme, faces: Faces, wanted: Wanted) -> Result<Self> {
        if cells < 2 {
            return Err(Error::Argument(format!("a grid needs 2 squares a side, not {cells}")));
        }
        let space = match scheme {
            Scheme::P1 => Space::p1(&structured::triangles(cells, cells)),
            Scheme::Q1 => Space::q1(&structured::quads(cells, cells)),
            Scheme::Fd if wanted.boundary => {
                return Err(Error::Argument("unknowns on the boundary need the discretisation p1 or q1".into()));
            }
            Scheme::Fd => {
                let inner = Inner::Differences(Differences::new(cells, 2, faces)?);
                return Ok(Self::on_grid(cells, 2, scheme, inner));
            }
        };
        let dofs = Dofs::of_space(&space, |v| wanted.boundary || !space.boundary[v], Order::Natural)?;
        let elements = Elements::new(space, dofs, wanted.mass, None)?;
        Ok(Self::on_grid(cells, 2, scheme, Inner::Plane(Box::new(elements))))
    }

    /// The unit cube, its boundary points no unknowns.
    ///
    /// # Errors
    /// [`Error::Argument`] for fewer than two cubes a side or a discretisation that is not there in three dimensions.
    pub fn cube(cells: usize, scheme: Scheme, faces: Faces) -> Result<Self> {
        if cells < 2 {
            return Err(Error::Argument(format!("a grid needs 2 cubes a side, not {cells}")));
        }
        let inner = match scheme {
            Scheme::P1 => Inner::Cube(CubeElements::new(cells)?),
            Scheme::Fd => Inner::Differences(Differences::new(cells, 3, faces)?),
            Scheme::Q1 => {
                return Err(Error::Argument("three dimensions have the discretisations p1 and fd, not q1".into()));
            }
        };
        Ok(Self::on_grid(cells, 3, scheme, inner))
    }

    fn on_grid(cells: usize, dim: usize, scheme: Scheme, inner: Inner) -> Self {
        let mut data = match &inner {
            Inner::Plane(e) => e.to_data(),
            Inner::Space(e) => e.to_data(),
            _ => {
                let mut data = match dim {
                    3 => structured::tetrahedra(cells).to_data(Vec::new()),
                    _ => structured::quads(cells, cells).to_data(Vec::new()),
                };
                let (unknowns, given) = match &inner {
                    Inner::SquareSides(d) => (d.unknowns().to_vec(), !d.is_homogeneous()),
                    Inner::CubeSides(d) => (d.unknowns().to_vec(), !d.is_homogeneous()),
                    _ => ((0u32..).zip(&data.point_markers).filter(|(_, m)| **m == 0).map(|(v, _)| v).collect(), false),
                };
                data.free_dofs = unknowns;
                data.boundary_value = data.boundary_value.filter(|_| !given);
                data
            }
        };
        data.grid = vec![cells + 1; dim];
        Discretisation { cells, dim, scheme, data: Arc::new(data), inner, mesh: None }
    }

    fn on_mesh(cells: usize, scheme: Scheme, inner: Inner) -> Result<Self> {
        let (dim, data, mesh) = match &inner {
            Inner::Plane(e) => (2, e.to_data(), OnMesh::new(&e.space, cells)),
            Inner::Space(e) => (3, e.to_data(), OnMesh::new(&e.space, cells)),
            _ => {
                return Err(Error::Argument("a mesh has elements, no stencils".into()));
            }
        };
        Ok(Discretisation { cells, dim, scheme, data: Arc::new(data), inner, mesh: Some(mesh) })
    }

    fn operator(&self) -> &dyn Operator {
        match &self.inner {
            Inner::Plane(e) => &**e,
            Inner::Space(e) => &**e,
            Inner::Cube(c) => c,
            Inner::Differences(d) => d,
            Inner::SquareSides(d) => &**d,
            Inner::CubeSides(d) => &**d,
        }
    }

    /// Whether it is one of a mesh.
    pub fn is_on_mesh(&self) -> bool {
        self.mesh.is_some()
    }

    /// Nodes in all.
    pub fn points(&self) -> usize {
        self.data.points.len() / self.dim
    }

    /// How often the longest edge of a cell (the side of a grid's square) goes into a length.
    pub fn edges_in(&self, length: f64) -> f64 {
        self.mesh.as_ref().map_or(length * self.cells as f64, |mesh| length / mesh.longest_edge)
    }

    /// The pattern of all matrices.
    pub fn pattern(&self) -> &Arc<Pattern> {
        self.operator().pattern()
    }

    /// The elements, if it has some in the plane.
    pub fn elements(&self) -> Option<&Elements<2>> {
        match &self.inner {
            Inner::Plane(e) => Some(e),
            _ => None,
        }
    }

    /// values ← values + scale · (∫ w ∇φ_i·∇φ_j, or −∇·(w ∇·) by differences), w at the nodes.
    pub fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        self.operator().add_diffusion(w, scale, values);
    }

    /// values ← values + scale · (∫ c φ_i φ_j, or c on the diagonal), c at the nodes.
    ///
    /// # Errors
    /// [`Error::Argument`] if it was made without mass.
    pub fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) -> Result<()> {
        self.operator().add_reaction(c, scale, values)
    }

    /// ∫ f φ_i (f the function of the space with these values at the nodes), or f at the unknowns.
    pub fn load(&self, f: &[f64]) -> Vec<f64> {
        self.operator().load(f)
    }

    /// The conditions in words.
    pub fn conditions_in_words(&self) -> &str {
        self.operator().conditions_in_words()
    }

    /// How many samples the conditions have arrays for, if some have one row a sample.
    pub fn condition_samples(&self) -> Option<usize> {
        self.operator().condition_samples()
    }

    /// Why −∇·(w ∇·) is singular under the conditions, if it is.
    pub fn singular(&self) -> Option<&str> {
        self.operator().singular()
    }

    /// The values of a given field at all nodes.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn evaluate(&self, source: &Source, drawn: &Drawn) -> Result<Vec<f64>> {
        match self.dim {
            3 => source.at_nodes::<3>(self.data.points.as_chunks().0, drawn),
            _ => source.at_nodes::<2>(self.data.points.as_chunks().0, drawn),
        }
    }

    /// u at all nodes where it is given, 0 elsewhere; None if it is 0 wherever it is given.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn known(&self, drawn: &Drawn) -> Result<Option<Vec<f64>>> {
        self.operator().known(drawn)
    }

    /// values ← values + what the conditions add to the matrix of −∇·(w ∇u).
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn add_conditions(&self, drawn: &Drawn, values: &mut [f64]) -> Result<()> {
        self.operator().add_conditions(drawn, values)
    }

    /// rhs ← rhs + scale · (what natural conditions add to ∫ f φ_i).
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn add_boundary_load(&self, drawn: &Drawn, scale: f64, rhs: &mut [f64]) -> Result<()> {
        self.operator().add_boundary_load(drawn, scale, rhs)
    }

    /// rhs ← rhs − diffusion.1 · K g − reaction.1 · M g, g the nodal values `known` where u is given, K with the Robin
    /// conditions of the coefficient diffusion.0 and M of reaction.0.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn lift(
        &self,
        diffusion: Term,
        reaction: Option<Term>,
        drawn: &Drawn,
        known: &[f64],
        rhs: &mut [f64],
    ) -> Result<()> {
        self.operator().lift(diffusion, reaction, drawn, known, rhs)
    }

    /// The numbers of −∇·(w ∇·) for some w at the nodes.
    pub fn diffusion_each(&self, w: &[&[f64]]) -> Vec<Vec<f64>> {
        self.operator().diffusion_each(w)
    }

    /// The numbers of −∇·(w ∇·), w at the nodes.
    pub fn diffusion(&self, w: &[f64]) -> Vec<f64> {
        self.diffusion_each(&[w]).remove(0)
    }

    /// A of −∇·(w ∇u) + sign · c u = f, `reaction` being (c, sign), and u at all nodes where it is given, as
    /// [`Discretisation::known`]; `rhs`, the load of f, becomes b. w comes with the numbers of −∇·(w ∇·).
    ///
    /// # Errors
    /// [`Error::Numeric`] if A is singular since the conditions and c leave u free up to a constant; as
    /// [`Source::at_nodes`].
    pub fn assemble(
        &self,
        (w, mut values): (&[f64], Vec<f64>),
        reaction: Option<Term>,
        drawn: &Drawn,
        rhs: &mut [f64],
    ) -> Result<(Csr, Option<Vec<f64>>)> {
        self.operator().check_regular(reaction.map(|(c, _)| c), drawn)?;
        if let Some((c, sign)) = reaction {
            self.add_reaction(c, sign, &mut values)?;
        }
        self.add_conditions(drawn, &mut values)?;
        self.add_boundary_load(drawn, 1.0, rhs)?;
        let known = self.known(drawn)?;
        if let Some(known) = &known {
            self.lift((w, 1.0), reaction, drawn, known, rhs)?;
        }
        Ok((Csr::new(self.pattern().clone(), values)?, known))
    }

    /// `field` ← a draw at the nodes: on a grid at its points; on a mesh drawn on a grid over its bounding box, `cells`
    /// along the longest side, and interpolated.
    pub fn draw(&self, gaussian: &Gaussian, rng: &mut ChaCha8Rng, workspace: &mut Workspace, field: &mut Vec<f64>) {
        gaussian.draw(rng, workspace, field);
        if let Some(mesh) = &self.mesh {
            *field = mesh.places.interpolate(field);
        }
    }

    /// As [`Discretisation::draw`]; contrast, phases and shares of the coefficient are those of the nodes.
    pub fn draw_coefficient(
        &self,
        coefficient: &Coefficient,
        rng: &mut ChaCha8Rng,
        workspace: &mut Workspace,
        field: &mut Vec<f64>,
    ) {
        self.draw(&coefficient.gaussian, rng, workspace, field);
        coefficient.shape.apply(field);
    }

    /// A function at the nodes that is 0 on the boundary and positive inside, 1 at most: Π 4 x_d (1 − x_d) on a grid,
    /// the solution of −Δv = 1 over its maximum on a mesh.
    ///
    /// # Errors
    /// If that cannot be solved for.
    pub fn bubble(&self) -> Result<Vec<f64>> {
        match (&self.mesh, &self.inner) {
            (Some(_), Inner::Plane(e)) => e.torsion(),
            (Some(_), Inner::Space(e)) => e.torsion(),
            _ => {
                let scale = 4f64.powi(self.dim as i32);
                let bubble = |x: &[f64]| x.iter().fold(scale, |product, x| product * x * (1.0 - x));
                Ok(self.data.points.chunks_exact(self.dim).map(bubble).collect())
            }
        }
    }

    /// Values at the nodes → those of the unknowns.
    pub fn restrict(&self, nodal: &[f64]) -> Vec<f64> {
        self.data.free_dofs.iter().map(|&v| nodal[v as usize]).collect()
    }

    /// Values of the unknowns → values at the nodes, 0 where there is no unknown.
    pub fn prolong(&self, unknowns: &[f64]) -> Vec<f64> {
        let mut nodal = vec![0.0; self.points()];
        for (&v, x) in self.data.free_dofs.iter().zip(unknowns) {
            nodal[v as usize] = *x;
        }
        nodal
    }

    /// A function's values at the nodes in the plane.
    pub fn interpolate(&self, f: impl Fn([f64; 2]) -> f64) -> Vec<f64> {
        self.interpolate_in(f)
    }

    /// A function's values at the nodes, which have D dimensions.
    pub fn interpolate_in<const D: usize>(&self, f: impl Fn([f64; D]) -> f64) -> Vec<f64> {
        self.data.points.chunks_exact(D).map(|p| f(std::array::from_fn(|d| p[d]))).collect()
    }

    /// A scalar field at the nodes.
    pub fn field(&self, name: &str, values: Vec<f64>) -> Field {
        let location = if self.is_on_mesh() { Location::Points } else { Location::Grid };
        Field { name: name.into(), location, components: 1, values }
    }

    /// Where the equation holds in words.
    pub fn domain_in_words(&self) -> String {
        if self.is_on_mesh() { "on the mesh".into() } else { format!("in (0,1)^{}", self.dim) }
    }

    /// The space in words.
    pub fn space_in_words(&self) -> String {
        match &self.mesh {
            Some(mesh) => format!("continuous functions on the mesh, {} on every cell", mesh.element),
            None => self.scheme.in_words(self.dim).into(),
        }
    }

    /// How random fields come to the nodes in words.
    pub fn drawn_in_words(&self) -> String {
        match self.is_on_mesh() {
            true => format!(
                ", random fields drawn on a regular grid over the mesh's bounding box, {} cells along its longest \
                 side, and interpolated to the nodes",
                self.cells
            ),
            false => String::new(),
        }
    }
}
