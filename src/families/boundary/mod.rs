//! Boundary conditions by named parts of the mesh.
//!
//! ```toml
//! [[elliptic.boundary]]
//! part = "left"             # or several: ["left", "right"]
//! condition = "dirichlet"   # u = value
//! value = "1 + y"
//!
//! [[elliptic.boundary]]
//! part = "top"
//! condition = "neumann"     # f ∂u/∂n = flux, f the coefficient, n the outer normal
//! flux = "x"
//!
//! [[elliptic.boundary]]
//! part = "right"
//! condition = "robin"       # f ∂u/∂n = alpha (value − u)
//! alpha = 2.0
//! value = 20.0
//! ```
//!
//! u = 0 on all that no condition names. A node that touches a Dirichlet part belongs to it, the last one if there are
//! several; values of u are eliminated, their columns moved to the right-hand side.

mod condition;
mod pieces;

use super::given::{Drawn, Scope};
use crate::error::Result;
use crate::fem::assembler::{Assembler, Scatter};
use crate::fem::integrals::Integrals;
use crate::fem::space::Space;
use crate::linalg::Csr;
use crate::system::BoundaryPart;

pub use condition::{Condition, Kind, Names, Said, files};
pub(super) use condition::{claim, in_words};
pub(super) use pieces::Pieces;

/// Degree up to which products of data and basis functions are integrated exactly over facets.
const STRENGTH: usize = 6;

/// A condition and where it holds.
struct Data<const D: usize> {
    said: Said,
    /// Where u is given.
    nodes: Vec<u32>,
    /// Where it is not.
    facets: Integrals<D>,
    /// Of a matrix of those facets.
    scatter: Option<Scatter>,
}

impl<const D: usize> Data<D> {
    /// A node of each facet where u tends to something: alpha is above 0 at a quadrature point.
    fn tending(&self, drawn: &Drawn) -> Result<Vec<u32>> {
        let Said::Robin { alpha, .. } = &self.said else {
            return Ok(Vec::new());
        };
        let alpha = alpha.at_quadrature(&self.facets, drawn)?;
        let facets = self.facets.each_nodes().zip(alpha.chunks_exact(self.facets.rule_len()));
        Ok(facets.filter(|(_, alpha)| alpha.iter().any(|a| *a > 0.0)).map(|(nodes, _)| nodes[0]).collect())
    }
}

/// The conditions of a recipe on a space.
pub struct Boundary<const D: usize> {
    data: Vec<Data<D>>,
    /// Per node: whether u is given there.
    fixed: Vec<bool>,
    words: String,
    /// None where u = 0 on the whole boundary.
    pieces: Option<Pieces>,
}

impl<const D: usize> Boundary<D> {
    /// u = 0 on the whole boundary.
    pub fn homogeneous(space: &Space<D>) -> Self {
        let words = "u = 0 on the whole boundary, eliminated".into();
        Boundary { data: Vec::new(), fixed: space.boundary.clone(), words, pieces: None }
    }

    /// The conditions on a space whose boundary has these parts; `flow` is c ∂u/∂n in words.
    ///
    /// # Errors
    /// [`crate::Error::Recipe`] naming the condition and the part that is not there, with those that are; a key that
    /// does not go with the condition; a facet of two conditions.
    pub fn new(
        conditions: &[Condition],
        space: &Space<D>,
        parts: &[BoundaryPart],
        scope: &Scope,
        flow: &str,
    ) -> Result<Self> {
        if conditions.is_empty() {
            return Ok(Self::homogeneous(space));
        }
        let (k, count) = (space.facet_element.nodes(), space.facets.len() / space.facet_element.nodes());
        let corners = space.facet_element.geometry().nodes();
        let claimed = claim(conditions, space.facets.chunks_exact(k).map(|f| &f[..corners]), parts, scope)?;
        let nodes_of = |f: usize| space.facets[f * k..(f + 1) * k].iter().copied();
        let mut fixed = vec![false; space.len()];
        let is_fixed = |f: &usize| claimed[*f].is_none_or(|c| conditions[c].condition == Kind::Dirichlet);
        (0..count).filter(is_fixed).flat_map(nodes_of).for_each(|v| fixed[v as usize] = true);
        let mut data = Vec::new();
        for (c, condition) in conditions.iter().enumerate() {
            let said = condition.read(c, scope)?;
            let given = matches!(said, Said::Dirichlet(_));
            let here = |f: usize| claimed[f] == Some(c);
            let mut nodes: Vec<u32> = (0..count).filter(|&f| given && here(f)).flat_map(nodes_of).collect();
            nodes.sort_unstable();
            nodes.dedup();
            let facets = Integrals::on_facets(space, STRENGTH, &|f| !given && here(f))?;
            data.push(Data { said, nodes, facets, scatter: None });
        }
        let words = in_words(conditions, claimed.contains(&None), flow);
        let mut pieces = Pieces::new(space.pieces(), &space.nodes, scope);
        (0u32..).zip(&fixed).filter(|(_, fixed)| **fixed).for_each(|(v, _)| pieces.hold(v, false));
        for said in &data {
            let Said::Robin { alpha, .. } = &said.said else { continue };
            pieces.hold_robin(alpha, |drawn| said.tending(drawn), said.facets.each_nodes().map(|nodes| nodes[0]));
        }
        Ok(Boundary { data, fixed, words, pieces: Some(pieces) })
    }

    /// Whether u is given at a node.
    pub fn is_fixed(&self, node: usize) -> bool {
        self.fixed[node]
    }

    /// Whether u is 0 wherever it is given.
    pub fn is_homogeneous(&self) -> bool {
        !self.data.iter().any(|d| d.said.lifts())
    }

    /// Why A is singular, if u + constant is as good as u on the mesh or a piece of it, where the equation has
    /// derivatives of u alone.
    pub fn singular(&self) -> Option<&str> {
        self.pieces.as_ref().and_then(Pieces::singular)
    }

    /// Refuses a sample whose A is singular for that reason; `reaction` has the values at all nodes of what stands
    /// before u in the equation.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] saying so; as [`crate::families::given::Source::at_nodes`].
    pub fn check_regular(&self, reaction: Option<&[f64]>, drawn: &Drawn) -> Result<()> {
        let Some(pieces) = &self.pieces else { return Ok(()) };
        pieces.check(reaction, drawn, || {
            let nodes = self.data.iter().map(|data| data.tending(drawn));
            Ok(nodes.collect::<Result<Vec<_>>>()?.concat())
        })
    }

    /// The conditions in words.
    pub fn in_words(&self) -> &str {
        &self.words
    }

    /// How many samples there are arrays for, if some have one row a sample.
    pub fn samples(&self) -> Option<usize> {
        self.data.iter().filter_map(|d| d.said.samples()).min()
    }

    /// Makes the scatter maps into the pattern of the space's matrices.
    pub fn bind(&mut self, assembler: &Assembler) {
        for data in &mut self.data {
            if let Said::Robin { .. } = data.said {
                data.scatter = Some(assembler.scatter(&data.facets));
            }
        }
    }

    /// u at all nodes where it is given, 0 elsewhere; None if it is 0 wherever it is given.
    ///
    /// # Errors
    /// As [`crate::families::given::Source::at_nodes`].
    pub fn values(&self, space: &Space<D>, drawn: &Drawn) -> Result<Option<Vec<f64>>> {
        if self.is_homogeneous() {
            return Ok(None);
        }
        let mut nodal = vec![0.0; space.len()];
        for data in &self.data {
            if let Said::Dirichlet(value) = &data.said {
                let values = value.at_some(&space.nodes, &data.nodes, drawn)?;
                data.nodes.iter().zip(values).for_each(|(&v, u)| nodal[v as usize] = u);
            }
        }
        Ok(Some(nodal))
    }

    /// What Robin conditions add to A: values ← values + ∫ alpha φ_i φ_j on the pattern.
    ///
    /// # Errors
    /// As [`crate::families::given::Source::at_nodes`].
    pub fn add_matrix(&self, assembler: &Assembler, drawn: &Drawn, values: &mut [f64]) -> Result<()> {
        for data in &self.data {
            if let (Said::Robin { alpha, .. }, Some(scatter)) = (&data.said, &data.scatter) {
                assembler.add(&data.facets, scatter, &alpha.at_quadrature(&data.facets, drawn)?, values);
            }
        }
        Ok(())
    }

    /// What natural conditions add to b: rhs ← rhs + scale · (∫ flux φ_i + ∫ alpha value φ_i).
    ///
    /// # Errors
    /// As [`crate::families::given::Source::at_nodes`].
    pub fn add_load(&self, assembler: &Assembler, drawn: &Drawn, scale: f64, rhs: &mut [f64]) -> Result<()> {
        for data in &self.data {
            let facets = &data.facets;
            let density = match &data.said {
                Said::Dirichlet(_) => continue,
                Said::Neumann(flux) => flux.at_quadrature(facets, drawn)?,
                Said::Robin { alpha, value } => {
                    let alpha = alpha.at_quadrature(facets, drawn)?;
                    alpha.iter().zip(value.at_quadrature(facets, drawn)?).map(|(a, v)| a * v).collect()
                }
            };
            let load = assembler.restrict(&facets.load(&density, self.fixed.len()));
            rhs.iter_mut().zip(load).for_each(|(b, l)| *b += scale * l);
        }
        Ok(())
    }

    /// rhs ← rhs − scale · ∫ alpha g φ_i for Robin conditions, g with the nodal values `known` where u is given.
    ///
    /// # Errors
    /// As [`crate::families::given::Source::at_nodes`].
    pub fn lift(&self, assembler: &Assembler, drawn: &Drawn, scale: f64, known: &[f64], rhs: &mut [f64]) -> Result<()> {
        for data in &self.data {
            if let Said::Robin { alpha, .. } = &data.said {
                let mut alpha = alpha.at_quadrature(&data.facets, drawn)?;
                alpha.iter_mut().for_each(|a| *a *= scale);
                assembler.lift(&data.facets, &alpha, known, rhs);
            }
        }
        Ok(())
    }

    /// A of a problem without time, out of `values`, those of its stiffness, and u at all nodes where it is given, as
    /// [`Boundary::values`]; `rhs`, the load, becomes b. `at_points` makes the coefficient at the quadrature points of
    /// the stiffness.
    ///
    /// # Errors
    /// As [`Boundary::check_regular`].
    pub fn complete(
        &self,
        (space, assembler): (&Space<D>, &Assembler),
        mut values: Vec<f64>,
        (stiffness, at_points): (&Integrals<D>, &dyn Fn() -> Vec<f64>),
        drawn: &Drawn,
        rhs: &mut [f64],
    ) -> Result<(Csr, Option<Vec<f64>>)> {
        self.check_regular(None, drawn)?;
        let known = self.values(space, drawn)?;
        self.add_matrix(assembler, drawn, &mut values)?;
        self.add_load(assembler, drawn, 1.0, rhs)?;
        if let Some(known) = &known {
            self.lift(assembler, drawn, 1.0, known, rhs)?;
            assembler.lift(stiffness, &at_points(), known, rhs);
        }
        Ok((Csr::new(assembler.pattern().clone(), values)?, known))
    }
}
