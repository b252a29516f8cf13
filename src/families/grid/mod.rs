//! What the families on regular grids share: one operator for three discretisations, and the keys of a coefficient.
//!
//! Coefficients are given by their values on the (cells + 1)² grid points, row by row, x fastest (fields of location
//! "grid"). Finite elements take the function of the element space with these values and integrate exactly;
//! differences take the values themselves.

pub mod conditions;
mod medium;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::boundary::Boundary;
use crate::error::{Error, Result};
use crate::fem::assembler::{Assembler, Scatter};
use crate::fem::cube::CubeElements;
use crate::fem::difference::{Differences, Faces};
use crate::fem::dofs::{Dofs, Order};
use crate::fem::integrals::{Integrals, Kind};
use crate::fem::space::Space;
use crate::linalg::Pattern;
use crate::mesh::structured;
use crate::system::{Field, Location, MeshData};

pub use medium::{Medium, MediumKeys, faces, gaussian};

/// The discretisations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Linear elements, every square cut along the diagonal from lower left to upper right.
    P1,
    /// Bilinear elements on the squares.
    Q1,
    /// 5-point differences.
    Fd,
}

impl Scheme {
    /// The space of the discretisation in `dim` dimensions in words.
    pub fn in_words(self, dim: usize) -> &'static str {
        match self {
            Scheme::P1 if dim == 3 => {
                "continuous piecewise linear functions (P1) on cubes of six tetrahedra around the diagonal from the \
                 lowest to the highest corner"
            }
            Scheme::Fd if dim == 3 => "7-point differences at the inner grid points",
            Scheme::P1 => {
                "continuous piecewise linear functions (P1) on squares cut along the diagonal from lower left to \
                 upper right"
            }
            Scheme::Q1 => "continuous piecewise bilinear functions (Q1) on squares",
            Scheme::Fd => "5-point differences at the inner grid points",
        }
    }
}

/// Exact for a coefficient of the space times two basis functions.
const STRENGTH: usize = 3;

/// Squares a side on offer.
pub const CELLS: std::ops::RangeInclusive<i64> = 2..=2048;

/// Cubes a side on offer.
pub const CUBES: std::ops::RangeInclusive<i64> = 2..=200;

/// A grid with its pattern and scatter maps made.
pub struct Grid {
    /// Squares (or cubes) a side.
    pub cells: usize,
    /// 2 or 3.
    pub dim: usize,
    /// Elements or differences.
    pub scheme: Scheme,
    /// The grid as files keep it.
    pub data: Arc<MeshData>,
    inner: Inner,
}

enum Inner {
    Elements(Box<Elements>),
    /// Linear elements on the cube, by stencils.
    Cube(CubeElements),
    Differences(Differences),
}

/// Finite elements: the space and its integrals.
pub struct Elements {
    /// Its nodes are the grid points.
    pub space: Space<2>,
    /// The unknowns and their pattern.
    pub assembler: Assembler,
    stiffness: (Integrals<2>, Scatter),
    /// Made where a mass matrix is needed.
    mass: Option<(Integrals<2>, Scatter)>,
    /// Conditions of a recipe; None for u = 0 on the whole boundary (or boundary points that are all unknowns).
    boundary: Option<Boundary<2>>,
}

/// Which parts of a grid's operator are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// c u beside −∇·(w ∇u).
    pub mass: bool,
    /// Boundary points are unknowns too (finite elements only).
    pub boundary: bool,
}

impl Grid {
    /// # Errors
    /// [`Error::Argument`] for fewer than two squares a side or unknowns on the boundary with differences; otherwise if
    /// the grid is too large.
    pub fn new(cells: usize, scheme: Scheme, faces: Faces, wanted: Wanted) -> Result<Self> {
        if cells < 2 {
            return Err(Error::Argument(format!("a grid needs 2 squares a side, not {cells}")));
        }
        let (space, data) = plane(cells, scheme);
        let inner = match space {
            Some(space) => {
                let free = |v: usize| wanted.boundary || !space.boundary[v];
                let dofs = Dofs::of_space(&space, free, Order::Natural)?;
                Inner::Elements(Box::new(Elements::new(space, dofs, wanted.mass)?))
            }
            None if wanted.boundary => {
                return Err(Error::Argument("unknowns on the boundary need the discretisation p1 or q1".into()));
            }
            None => Inner::Differences(Differences::new(cells, 2, faces)?),
        };
        Ok(Grid::on_plane(cells, scheme, inner, data))
    }

    fn on_plane(cells: usize, scheme: Scheme, inner: Inner, mut data: MeshData) -> Self {
        let width = cells as u32 + 1;
        data.free_dofs = match &inner {
            Inner::Elements(e) => e.assembler.dofs().points.clone(),
            _ => (1..width - 1).flat_map(|y| (1..width - 1).map(move |x| y * width + x)).collect(),
        };
        data.grid = vec![cells + 1; 2];
        Grid { cells, dim: 2, scheme, data: Arc::new(data), inner }
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
        let width = cells as u32 + 1;
        let line = 1..width - 1;
        let plane =
            move |z: u32| line.clone().flat_map(move |y| (1..width - 1).map(move |x| (z * width + y) * width + x));
        let free = (1..width - 1).flat_map(plane).collect();
        let mut data = structured::tetrahedra(cells).to_data(free);
        data.grid = vec![cells + 1; 3];
        let data = Arc::new(data);
        Ok(Grid { cells, dim: 3, scheme, data, inner })
    }

    /// Points a side: fields on the grid have side^dim values.
    pub fn side(&self) -> usize {
        self.cells + 1
    }

    /// Points in all.
    pub fn points(&self) -> usize {
        self.side().pow(self.dim as u32)
    }

    /// The pattern of all matrices.
    pub fn pattern(&self) -> &Arc<Pattern> {
        match &self.inner {
            Inner::Elements(e) => e.assembler.pattern(),
            Inner::Cube(c) => c.pattern(),
            Inner::Differences(d) => d.pattern(),
        }
    }

    /// The elements, if the grid is one of the plane and has them.
    pub fn elements(&self) -> Option<&Elements> {
        match &self.inner {
            Inner::Elements(e) => Some(e),
            Inner::Cube(_) | Inner::Differences(_) => None,
        }
    }

    /// values ← values + scale · (∫ w ∇φ_i·∇φ_j, or −∇·(w ∇·) by differences), w on the grid.
    pub fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        match &self.inner {
            Inner::Elements(e) => e.add(&e.stiffness, w, scale, values),
            Inner::Cube(c) => c.add_diffusion(w, scale, values),
            Inner::Differences(d) => d.add_diffusion(w, scale, values),
        }
    }

    /// values ← values + scale · (∫ c φ_i φ_j, or c on the diagonal), c on the grid.
    ///
    /// # Errors
    /// [`Error::Argument`] if the grid was made without mass.
    pub fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) -> Result<()> {
        match &self.inner {
            Inner::Elements(e) => e.add(e.mass()?, c, scale, values),
            Inner::Cube(cube) => cube.add_reaction(c, scale, values),
            Inner::Differences(d) => d.add_reaction(c, scale, values),
        }
        Ok(())
    }

    /// ∫ f φ_i (f the function of the space with these values on the grid), or f at the unknowns.
    pub fn load(&self, f: &[f64]) -> Vec<f64> {
        match &self.inner {
            Inner::Elements(e) => {
                let (integrals, _) = e.mass.as_ref().unwrap_or(&e.stiffness);
                let nodal = integrals.load(&integrals.at_points(f), e.space.len());
                e.assembler.restrict(&nodal)
            }
            Inner::Cube(c) => c.load(f),
            Inner::Differences(d) => d.inner(f),
        }
    }

    /// Values on the grid → those of the unknowns.
    pub fn restrict(&self, nodal: &[f64]) -> Vec<f64> {
        self.data.free_dofs.iter().map(|&v| nodal[v as usize]).collect()
    }

    /// Values of the unknowns → values on the grid, 0 where there is no unknown.
    pub fn prolong(&self, unknowns: &[f64]) -> Vec<f64> {
        let mut nodal = vec![0.0; self.points()];
        for (&v, x) in self.data.free_dofs.iter().zip(unknowns) {
            nodal[v as usize] = *x;
        }
        nodal
    }

    /// A function's values on the grid in the plane.
    pub fn interpolate(&self, f: impl Fn([f64; 2]) -> f64) -> Vec<f64> {
        self.interpolate_in(f)
    }

    /// A function's values on the grid, which has D dimensions.
    pub fn interpolate_in<const D: usize>(&self, f: impl Fn([f64; D]) -> f64) -> Vec<f64> {
        self.data.points.chunks_exact(D).map(|p| f(std::array::from_fn(|d| p[d]))).collect()
    }
}

impl Elements {
    fn new(space: Space<2>, dofs: Dofs, mass: bool) -> Result<Self> {
        let assembler = Assembler::new(&space, dofs)?;
        let integrals = |kind| -> Result<(Integrals<2>, Scatter)> {
            let integrals = Integrals::new(&space, kind, STRENGTH)?;
            let scatter = assembler.scatter(&integrals);
            Ok((integrals, scatter))
        };
        Ok(Elements {
            stiffness: integrals(Kind::Stiffness)?,
            mass: if mass { Some(integrals(Kind::Mass)?) } else { None },
            space,
            assembler,
            boundary: None,
        })
    }

    fn add(&self, what: &(Integrals<2>, Scatter), nodal: &[f64], scale: f64, values: &mut [f64]) {
        let mut coefficient = what.0.at_points(nodal);
        if scale != 1.0 {
            coefficient.iter_mut().for_each(|c| *c *= scale);
        }
        self.assembler.add(&what.0, &what.1, &coefficient, values);
    }

    fn mass(&self) -> Result<&(Integrals<2>, Scatter)> {
        self.mass.as_ref().ok_or_else(|| Error::Argument("this grid was made without a mass matrix".into()))
    }
}

/// The space on the unit square, if the discretisation has one, and its mesh.
fn plane(cells: usize, scheme: Scheme) -> (Option<Space<2>>, MeshData) {
    match scheme {
        Scheme::P1 => {
            let mesh = structured::triangles(cells, cells);
            (Some(Space::p1(&mesh)), mesh.to_data(Vec::new()))
        }
        Scheme::Q1 => {
            let mesh = structured::quads(cells, cells);
            (Some(Space::q1(&mesh)), mesh.to_data(Vec::new()))
        }
        Scheme::Fd => (None, structured::quads(cells, cells).to_data(Vec::new())),
    }
}

/// A scalar field on the grid.
pub fn field(name: &str, values: Vec<f64>) -> Field {
    Field { name: name.into(), location: Location::Grid, components: 1, values }
}
