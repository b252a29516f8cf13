//! Finite elements on a grid or a mesh.

use std::sync::Arc;

use super::operator::Operator;
use crate::error::{Error, Result};
use crate::families::boundary::Boundary;
use crate::families::given::Drawn;
use crate::families::solution::Solver;
use crate::fem::assembler::{Assembler, Scatter};
use crate::fem::dofs::{Dofs, Order};
use crate::fem::integrals::{Integrals, Kind};
use crate::fem::space::Space;
use crate::linalg::lanes::{self, LANES};
use crate::linalg::{Csr, Pattern};
use crate::system::MeshData;

/// Exact for a linear coefficient times two linear basis functions.
const STRENGTH: usize = 3;

/// A space and its integrals; coefficients are the functions of the space with the values given at its nodes.
pub struct Elements<const D: usize> {
    /// Where the nodes are.
    pub space: Space<D>,
    /// The unknowns and their pattern.
    pub assembler: Assembler,
    stiffness: (Integrals<D>, Scatter),
    /// Made where a mass matrix is needed.
    mass: Option<(Integrals<D>, Scatter)>,
    /// Conditions of a recipe; None for u = 0 on the whole boundary (or boundary points that are all unknowns).
    boundary: Option<Boundary<D>>,
}

impl<const D: usize> Elements<D> {
    pub(super) fn new(space: Space<D>, dofs: Dofs, mass: bool, mut boundary: Option<Boundary<D>>) -> Result<Self> {
        let assembler = Assembler::new(&space, dofs)?;
        let integrals = |kind| -> Result<(Integrals<D>, Scatter)> {
            let integrals = Integrals::new(&space, kind, STRENGTH)?;
            let scatter = assembler.scatter(&integrals);
            Ok((integrals, scatter))
        };
        let (stiffness, mass) = (integrals(Kind::Stiffness)?, if mass { Some(integrals(Kind::Mass)?) } else { None });
        if let Some(boundary) = &mut boundary {
            boundary.bind(&assembler);
        }
        Ok(Elements { stiffness, mass, space, assembler, boundary })
    }

    /// Nodes and cells as files keep them.
    pub(super) fn to_data(&self) -> MeshData {
        let mut data = self.space.to_data(self.assembler.dofs().points.clone());
        if !self.boundary.as_ref().is_none_or(Boundary::is_homogeneous) {
            data.boundary_value = None;
        }
        data
    }

    /// The solution of −Δv = 1, v = 0 on the boundary, over its maximum, at the nodes.
    ///
    /// # Errors
    /// If it cannot be solved for.
    pub(super) fn torsion(&self) -> Result<Vec<f64>> {
        let space = &self.space;
        let dofs = Dofs::of_space(space, |v| !space.boundary[v], Order::Rcm)?;
        let ones = vec![1.0; space.len()];
        if dofs.count() == 0 {
            return Ok(vec![0.0; space.len()]);
        }
        let assembler = Assembler::new(space, dofs)?;
        let (stiffness, _) = &self.stiffness;
        let at_points = stiffness.at_points(&ones);
        let mut values = vec![0.0; assembler.pattern().nnz()];
        assembler.add(stiffness, &assembler.scatter(stiffness), &at_points, &mut values);
        let matrix = Csr::new(assembler.pattern().clone(), values)?;
        let load = assembler.restrict(&stiffness.load(&at_points, space.len()));
        let mut v = Solver::for_pattern(assembler.pattern())?.solve(&matrix, &load)?;
        let most = v.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        v.iter_mut().for_each(|v| *v /= most);
        Ok(assembler.prolong(&v, vec![0.0; space.len()]))
    }

    fn add(&self, what: &(Integrals<D>, Scatter), nodal: &[f64], scale: f64, values: &mut [f64]) {
        let mut coefficient = what.0.at_points(nodal);
        if scale != 1.0 {
            coefficient.iter_mut().for_each(|c| *c *= scale);
        }
        self.assembler.add(&what.0, &what.1, &coefficient, values);
    }

    /// The numbers of −∇·(w ∇·) for at most W coefficients, side by side.
    fn diffusion_beside<const W: usize>(&self, w: &[&[f64]]) -> Vec<Vec<f64>> {
        let (integrals, scatter) = &self.stiffness;
        let mut coefficient = vec![[0.0; W]; integrals.points().len()];
        integrals.at_points_each(&lanes::together(w), &mut coefficient);
        let mut values = vec![[0.0; W]; self.assembler.pattern().nnz()];
        self.assembler.add_each(integrals, scatter, &coefficient, &mut values);
        lanes::apart(&mut values, w.len())
    }

    fn mass(&self) -> Result<&(Integrals<D>, Scatter)> {
        self.mass.as_ref().ok_or_else(|| Error::Argument("this discretisation was made without a mass matrix".into()))
    }
}

impl<const D: usize> Operator for Elements<D> {
    fn pattern(&self) -> &Arc<Pattern> {
        self.assembler.pattern()
    }

    fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        self.add(&self.stiffness, w, scale, values);
    }

    fn diffusion_each(&self, w: &[&[f64]]) -> Vec<Vec<f64>> {
        lanes::groups(w, |group| match group.len() {
            1 => self.diffusion_beside::<1>(group),
            _ => self.diffusion_beside::<LANES>(group),
        })
    }

    fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) -> Result<()> {
        self.add(self.mass()?, c, scale, values);
        Ok(())
    }

    fn load(&self, f: &[f64]) -> Vec<f64> {
        let (integrals, _) = self.mass.as_ref().unwrap_or(&self.stiffness);
        self.assembler.restrict(&integrals.load(&integrals.at_points(f), self.space.len()))
    }

    fn conditions_in_words(&self) -> &str {
        self.boundary.as_ref().map_or("u = 0 on the whole boundary, eliminated", Boundary::in_words)
    }

    fn condition_samples(&self) -> Option<usize> {
        self.boundary.as_ref().and_then(Boundary::samples)
    }

    fn singular(&self) -> Option<&str> {
        self.boundary.as_ref().and_then(Boundary::singular)
    }

    fn check_regular(&self, reaction: Option<&[f64]>, drawn: &Drawn) -> Result<()> {
        self.boundary.as_ref().map_or(Ok(()), |b| b.check_regular(reaction, drawn))
    }

    fn known(&self, drawn: &Drawn) -> Result<Option<Vec<f64>>> {
        self.boundary.as_ref().map_or(Ok(None), |b| b.values(&self.space, drawn))
    }

    fn add_conditions(&self, drawn: &Drawn, values: &mut [f64]) -> Result<()> {
        self.boundary.as_ref().map_or(Ok(()), |b| b.add_matrix(&self.assembler, drawn, values))
    }

    fn add_boundary_load(&self, drawn: &Drawn, scale: f64, rhs: &mut [f64]) -> Result<()> {
        self.boundary.as_ref().map_or(Ok(()), |b| b.add_load(&self.assembler, drawn, scale, rhs))
    }

    fn lift(
        &self,
        diffusion: (&[f64], f64),
        reaction: Option<(&[f64], f64)>,
        drawn: &Drawn,
        known: &[f64],
        rhs: &mut [f64],
    ) -> Result<()> {
        let Some(boundary) = &self.boundary else { return Ok(()) };
        let terms = [Some((&self.stiffness, diffusion)), reaction.map(|r| self.mass().map(|m| (m, r))).transpose()?];
        for ((integrals, _), (coefficient, scale)) in terms.into_iter().flatten() {
            let mut at = integrals.at_points(coefficient);
            at.iter_mut().for_each(|c| *c *= scale);
            self.assembler.lift(integrals, &at, known, rhs);
        }
        boundary.lift(&self.assembler, drawn, diffusion.1, known, rhs)
    }
}
