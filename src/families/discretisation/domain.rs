//! Where a family's equation holds, by its table: the unit square or cube in a regular grid, or a mesh.

use toml::{Table, Value};

use super::differences::OnSides;
use super::elements::Elements;
use super::{CELLS, CUBES, Discretisation, Inner, Scheme, Wanted, faces};
use crate::error::{Error, Result};
use crate::families::boundary::{Boundary, Condition};
use crate::families::given::{Nodes, Scope};
use crate::families::keys;
use crate::fem::difference::Faces;
use crate::fem::dofs::{Dofs, Order};
use crate::fem::space::Space;
use crate::mesh::recipe::MeshRecipe;
use crate::mesh::{AnyMesh, parts, structured};
use crate::system::BoundaryPart;

/// The keys of a family's table that decide it.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The family.
    pub family: &'static str,
    /// Its table, for what was given and what was not.
    pub table: &'a Table,
    /// The recipe's file.
    pub origin: &'a str,
    /// A mesh instead of the grid.
    pub mesh: Option<&'a MeshRecipe>,
    /// 2 or 3; that of the mesh where there is one.
    pub dim: i64,
    /// Squares (or cubes) a side; with a mesh of the grid that random fields are drawn on.
    pub cells: i64,
    /// Elements or differences; that of the mesh's cells where there is one.
    pub scheme: Scheme,
    /// For differences.
    pub faces: Option<Faces>,
}

/// The domain with its nodes, before there are conditions on its boundary.
pub struct Domain {
    pub(super) cells: usize,
    dim: usize,
    scheme: Scheme,
    faces: Faces,
    /// Points along each axis of a grid, the slowest first; empty for a mesh.
    shape: Vec<usize>,
    on: On,
}

enum On {
    Grid,
    Plane(Space<2>, Vec<BoundaryPart>),
    Space(Space<3>, Vec<BoundaryPart>),
}

impl Domain {
    /// The domain of a family's table; the parts of a mesh's boundary are read if there are conditions.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is out of range or does not go with a mesh; those of the mesh.
    pub fn new(keys: Keys, conditions: &[Condition]) -> Result<Self> {
        match keys.mesh {
            Some(mesh) => Self::of_mesh(keys, mesh, conditions),
            None => Self::of_grid(keys),
        }
    }

    fn of_grid(keys: Keys) -> Result<Self> {
        let Keys { family, origin, dim, cells, scheme, .. } = keys;
        keys::within(dim, 2..=3, &format!("{family}.dim"), origin)?;
        keys::within(cells, if dim == 3 { CUBES } else { CELLS }, &format!("{family}.cells"), origin)?;
        let faces = faces(keys.faces, scheme, family, origin)?;
        let (cells, dim) = (cells as usize, dim as usize);
        Ok(Domain { cells, dim, scheme, faces, shape: vec![cells + 1; dim], on: On::Grid })
    }

    fn of_mesh(keys: Keys, recipe: &MeshRecipe, conditions: &[Condition]) -> Result<Self> {
        let Keys { family, origin, table, cells, .. } = keys;
        let key = format!("{family}.mesh");
        let (mesh, parts) = match conditions.is_empty() {
            true => (recipe.build(&key, origin)?, Vec::new()),
            false => {
                let (mesh, parts, _) = recipe.build_with_parts(&key, origin)?;
                (mesh, parts)
            }
        };
        let (on, dim, scheme) = match &mesh {
            AnyMesh::Triangles(mesh) => (On::Plane(Space::p1(mesh), parts), 2, Scheme::P1),
            AnyMesh::Quads(mesh) => (On::Plane(Space::q1(mesh), parts), 2, Scheme::Q1),
            AnyMesh::Tetrahedra(mesh) => (On::Space(Space::p1_tet(mesh), parts), 3, Scheme::P1),
        };
        // A dataset's recipe has these keys written out.
        let own = [
            ("discretisation", Value::from(scheme.name())),
            ("discretization", Value::from(scheme.name())),
            ("dim", Value::from(dim)),
        ];
        for (key, decided) in own {
            if let Some(given) = table.get(key).filter(|given| **given != decided) {
                let reason = format!("{family}.{key} = {given}: the cells of {family}.mesh decide it: {decided}");
                return Err(Error::recipe(origin, reason));
            }
        }
        faces(keys.faces, scheme, family, origin)?;
        keys::within(cells, if dim == 3 { CUBES } else { CELLS }, &format!("{family}.cells"), origin)?;
        let (cells, dim) = (cells as usize, dim as usize);
        Ok(Domain { cells, dim, scheme, faces: Faces::Arithmetic, shape: Vec::new(), on })
    }

    /// 2 or 3.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// What is discretised with.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Points along each axis of a grid, the slowest first; none for a mesh.
    pub fn shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    /// The nodes that arrays give values for; `shape` is [`Domain::shape`].
    pub fn nodes<'a>(&self, shape: &'a [usize]) -> Nodes<'a> {
        let count = match &self.on {
            On::Grid => shape.iter().product(),
            On::Plane(space, _) => space.len(),
            On::Space(space, _) => space.len(),
        };
        Nodes { count, grid: shape }
    }

    /// The discretisation with conditions on the boundary; `flow` is w ∂u/∂n in words.
    ///
    /// # Errors
    /// [`Error::Recipe`] as [`Boundary::new`]; for a discretisation that is not there in three dimensions; for a mesh
    /// without unknowns; if the grid is too large.
    pub fn discretise(
        self,
        wanted: Wanted,
        conditions: &[Condition],
        scope: &Scope,
        flow: &str,
    ) -> Result<Discretisation> {
        let Domain { cells, dim, scheme, faces, .. } = self;
        let of_scheme = |e: Error| scope.bad("discretisation", e);
        let made = Made { wanted, conditions, scope, flow };
        match self.on {
            On::Plane(space, parts) => {
                let elements = made.elements(space, &parts, Order::Rcm)?;
                Discretisation::on_mesh(cells, scheme, Inner::Plane(Box::new(elements)))
            }
            On::Space(space, parts) => {
                let elements = made.elements(space, &parts, Order::Rcm)?;
                Discretisation::on_mesh(cells, scheme, Inner::Space(Box::new(elements)))
            }
            On::Grid if conditions.is_empty() => match dim {
                3 => Discretisation::cube(cells, scheme, faces).map_err(of_scheme),
                _ => Discretisation::square(cells, scheme, faces, wanted),
            },
            On::Grid => {
                let inner = match (dim, scheme) {
                    (2, Scheme::P1) => {
                        let mesh = structured::triangles(cells, cells);
                        let space = Space::p1(&mesh);
                        let parts = parts::sides(&AnyMesh::Triangles(mesh));
                        Inner::Plane(Box::new(made.elements(space, &parts, Order::Natural)?))
                    }
                    (2, Scheme::Q1) => {
                        let mesh = structured::quads(cells, cells);
                        let space = Space::q1(&mesh);
                        let parts = parts::sides(&AnyMesh::Quads(mesh));
                        Inner::Plane(Box::new(made.elements(space, &parts, Order::Natural)?))
                    }
                    (3, Scheme::P1) => {
                        let mesh = structured::tetrahedra(cells);
                        let space = Space::p1_tet(&mesh);
                        let parts = parts::sides(&AnyMesh::Tetrahedra(mesh));
                        Inner::Space(Box::new(made.elements(space, &parts, Order::Natural)?))
                    }
                    (3, Scheme::Q1) => return Discretisation::cube(cells, scheme, faces).map_err(of_scheme),
                    (3, _) => Inner::CubeSides(Box::new(OnSides::new(cells, faces, conditions, scope, flow)?)),
                    _ => Inner::SquareSides(Box::new(OnSides::new(cells, faces, conditions, scope, flow)?)),
                };
                Ok(Discretisation::on_grid(cells, dim, scheme, inner))
            }
        }
    }
}

/// What elements are made with.
struct Made<'a, 'b> {
    wanted: Wanted,
    conditions: &'a [Condition],
    scope: &'a Scope<'b>,
    flow: &'a str,
}

impl Made<'_, '_> {
    fn elements<const D: usize>(&self, space: Space<D>, parts: &[BoundaryPart], order: Order) -> Result<Elements<D>> {
        let boundary = match self.conditions {
            [] => None,
            conditions => Some(Boundary::new(conditions, &space, parts, self.scope, self.flow)?),
        };
        let free = |v: usize| match &boundary {
            Some(boundary) => !boundary.is_fixed(v),
            None => self.wanted.boundary || !space.boundary[v],
        };
        let dofs = Dofs::of_space(&space, free, order)?;
        if dofs.count() == 0 {
            return Err(self.scope.bad("mesh", "has no inner node: make it finer"));
        }
        Elements::new(space, dofs, self.wanted.mass, boundary)
    }
}
