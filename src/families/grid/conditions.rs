//! Boundary conditions of a recipe, and its own fields, on a grid.

use super::{Elements, Grid, Inner, Scheme, Wanted, plane};
use crate::error::Result;
use crate::families::boundary::{Boundary, Condition};
use crate::families::given::{Drawn, Scope, Source};
use crate::fem::difference::Faces;
use crate::fem::dofs::{Dofs, Order};
use crate::mesh::parts;
use crate::mesh::{AnyMesh, structured};

/// The discretisation of a family's table.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    /// 2 or 3.
    pub dim: usize,
    /// Squares (or cubes) a side.
    pub cells: usize,
    /// Elements or differences.
    pub scheme: Scheme,
    /// For differences.
    pub faces: Faces,
    /// Whether c u is wanted beside −∇·(w ∇u).
    pub mass: bool,
}

impl Grid {
    /// The grid of a family's table with the conditions on its sides; `flow` is w ∂u/∂n in words.
    ///
    /// # Errors
    /// [`crate::Error::Recipe`] naming the key for conditions on what has no boundary elements, and as
    /// [`Boundary::new`]; for a discretisation that is not there in three dimensions; if the grid is too large.
    pub fn with_conditions(keys: Keys, conditions: &[Condition], scope: &Scope, flow: &str) -> Result<Self> {
        let Keys { dim, cells, scheme, faces, mass } = keys;
        let has_space = dim == 2 && scheme != Scheme::Fd;
        if !conditions.is_empty() && !has_space {
            return Err(scope.bad("boundary", "needs dim = 2 and the discretisation p1 or q1"));
        }
        if dim == 3 {
            return Grid::cube(cells, scheme, faces).map_err(|e| scope.bad("discretisation", e));
        }
        let (Some(space), data) = plane(cells, scheme) else {
            return Grid::new(cells, scheme, faces, Wanted { mass, boundary: false });
        };
        if conditions.is_empty() {
            return Grid::new(cells, scheme, faces, Wanted { mass, boundary: false });
        }
        let mesh = match scheme {
            Scheme::P1 => AnyMesh::Triangles(structured::triangles(cells, cells)),
            _ => AnyMesh::Quads(structured::quads(cells, cells)),
        };
        let mut boundary = Boundary::new(conditions, &space, &parts::sides(&mesh), scope, flow)?;
        let dofs = Dofs::of_space(&space, |v| !boundary.is_fixed(v), Order::Natural)?;
        let mut elements = Elements::new(space, dofs, mass)?;
        boundary.bind(&elements.assembler);
        let mut data = data;
        if !boundary.is_homogeneous() {
            data.boundary_value = None;
        }
        elements.boundary = Some(boundary);
        Ok(Grid::on_plane(cells, scheme, Inner::Elements(Box::new(elements)), data))
    }

    fn conditioned(&self) -> Option<(&Elements, &Boundary<2>)> {
        match &self.inner {
            Inner::Elements(e) => Some((&**e, e.boundary.as_ref()?)),
            _ => None,
        }
    }

    /// The conditions, if a recipe gave some.
    pub fn boundary(&self) -> Option<&Boundary<2>> {
        self.conditioned().map(|(_, boundary)| boundary)
    }

    /// The conditions in words.
    pub fn conditions_in_words(&self) -> &str {
        self.boundary().map_or("u = 0 on the whole boundary, eliminated", Boundary::in_words)
    }

    /// The values of a given field at all grid points.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn evaluate(&self, source: &Source, drawn: &Drawn) -> Result<Vec<f64>> {
        match self.dim {
            3 => source.at_nodes::<3>(self.data.points.as_chunks().0, drawn),
            _ => source.at_nodes::<2>(self.data.points.as_chunks().0, drawn),
        }
    }

    /// u at all grid points where it is given, 0 elsewhere; None if it is 0 wherever it is given.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn known(&self, drawn: &Drawn) -> Result<Option<Vec<f64>>> {
        self.conditioned().map_or(Ok(None), |(e, boundary)| boundary.values(&e.space, drawn))
    }

    /// values ← values + what Robin conditions add to the matrix of −∇·(w ∇u).
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn add_conditions(&self, drawn: &Drawn, values: &mut [f64]) -> Result<()> {
        self.conditioned().map_or(Ok(()), |(e, boundary)| boundary.add_matrix(&e.assembler, drawn, values))
    }

    /// rhs ← rhs + scale · (what natural conditions add to ∫ f φ_i).
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn add_boundary_load(&self, drawn: &Drawn, scale: f64, rhs: &mut [f64]) -> Result<()> {
        self.conditioned().map_or(Ok(()), |(e, boundary)| boundary.add_load(&e.assembler, drawn, scale, rhs))
    }

    /// rhs ← rhs − diffusion.1 · K g − reaction.1 · M g, g the nodal values `known` where u is given, K with the Robin
    /// conditions of the coefficient diffusion.0 and M of reaction.0, both on the grid.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn lift(
        &self,
        diffusion: (&[f64], f64),
        reaction: Option<(&[f64], f64)>,
        drawn: &Drawn,
        known: &[f64],
        rhs: &mut [f64],
    ) -> Result<()> {
        let Some((e, boundary)) = self.conditioned() else { return Ok(()) };
        let terms = [Some((&e.stiffness, diffusion)), reaction.map(|r| e.mass().map(|m| (m, r))).transpose()?];
        for ((integrals, _), (coefficient, scale)) in terms.into_iter().flatten() {
            let mut at = integrals.at_points(coefficient);
            at.iter_mut().for_each(|c| *c *= scale);
            e.assembler.lift(integrals, &at, known, rhs);
        }
        boundary.lift(&e.assembler, drawn, diffusion.1, known, rhs)
    }
}
