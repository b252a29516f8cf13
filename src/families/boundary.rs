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

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::given::{Drawn, Given, Range, Scope, Source};
use crate::error::Result;
use crate::fem::assembler::{Assembler, Scatter};
use crate::fem::integrals::Integrals;
use crate::fem::space::Space;
use crate::linalg::Csr;
use crate::system::BoundaryPart;

/// Degree up to which products of data and basis functions are integrated exactly over facets.
const STRENGTH: usize = 6;

/// Why conditions are refused that leave u free up to a constant.
pub const SINGULAR: &str = "neumann conditions on the whole boundary leave u free up to a constant, A is singular: \
                            give some part the condition \"dirichlet\" or \"robin\" (with alpha above 0)";

/// The kinds of condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// u = value.
    Dirichlet,
    /// c ∂u/∂n = flux, c the coefficient of the equation, n the outer normal.
    Neumann,
    /// c ∂u/∂n = alpha (value − u).
    Robin,
}

/// One name or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged, expecting = "must be the name of a part of the boundary, or several: [\"left\", \"right\"]")]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Names {
    fn list(&self) -> &[String] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Several(names) => names,
        }
    }
}

/// One table of the key `boundary`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Parts of the boundary: a mesh file's physical groups, or the sides of a shape (`fempipe mesh` lists them).
    pub part: Names,
    /// What holds there.
    pub condition: Kind,
    /// u, or what u tends to ("robin"). Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Given>,
    /// Only for "neumann". Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flux: Option<Given>,
    /// Only for "robin"; 0 or above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<Given>,
}

/// The files that conditions name.
pub fn files(conditions: &[Condition]) -> impl Iterator<Item = std::path::PathBuf> + '_ {
    let given = conditions.iter().flat_map(|c| [&c.value, &c.flux, &c.alpha]);
    given.flatten().filter_map(Given::file)
}

/// What was read for some facets.
enum Data<const D: usize> {
    Dirichlet { nodes: Vec<u32>, value: Source },
    Neumann { facets: Integrals<D>, flux: Source },
    Robin { facets: Integrals<D>, scatter: Option<Scatter>, alpha: Source, value: Source },
}

/// The conditions of a recipe on a space.
pub struct Boundary<const D: usize> {
    data: Vec<Data<D>>,
    /// Per node: whether u is given there.
    fixed: Vec<bool>,
    words: String,
}

impl<const D: usize> Boundary<D> {
    /// u = 0 on the whole boundary.
    pub fn homogeneous(space: &Space<D>) -> Self {
        let words = "u = 0 on the whole boundary, eliminated".into();
        Boundary { data: Vec::new(), fixed: space.boundary.clone(), words }
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
        let claimed = claim(conditions, space, parts, scope)?;
        let (k, count) = (space.facet_element.nodes(), space.facets.len() / space.facet_element.nodes());
        let nodes_of = |f: usize| space.facets[f * k..(f + 1) * k].iter().copied();
        let mut fixed = vec![false; space.len()];
        let is_fixed = |f: &usize| claimed[*f].is_none_or(|c| conditions[c].condition == Kind::Dirichlet);
        (0..count).filter(is_fixed).flat_map(nodes_of).for_each(|v| fixed[v as usize] = true);
        let mut data = Vec::new();
        let mut words = Vec::new();
        for (c, condition) in conditions.iter().enumerate() {
            let key = |name: &str| format!("boundary[{c}].{name}");
            let read = |name: &str, given: &Option<Given>, range| scope.read_or_zero(&key(name), given.as_ref(), range);
            check_keys(condition, c, scope)?;
            let on = condition.part.list().join(", ");
            let facets = || Integrals::on_facets(space, STRENGTH, &|f| claimed[f] == Some(c));
            let text = |given: &Option<Given>| given.as_ref().map_or("0".into(), Given::to_string);
            let value = text(&condition.value);
            match condition.condition {
                Kind::Dirichlet => {
                    let mut nodes: Vec<u32> =
                        (0..count).filter(|&f| claimed[f] == Some(c)).flat_map(nodes_of).collect();
                    nodes.sort_unstable();
                    nodes.dedup();
                    data.push(Data::Dirichlet { nodes, value: read("value", &condition.value, Range::Any)? });
                    words.push(format!("u = {value} on {on}, eliminated"));
                }
                Kind::Neumann => {
                    data.push(Data::Neumann { facets: facets()?, flux: read("flux", &condition.flux, Range::Any)? });
                    words.push(format!("{flow} = {} on {on}", text(&condition.flux)));
                }
                Kind::Robin => {
                    data.push(Data::Robin {
                        facets: facets()?,
                        scatter: None,
                        alpha: scope.read_steady(&key("alpha"), condition.alpha.as_ref(), Range::NotNegative)?,
                        value: read("value", &condition.value, Range::Any)?,
                    });
                    words.push(format!("{flow} = ({}) ({value} - u) on {on}", text(&condition.alpha)));
                }
            }
        }
        if (0..count).any(|f| claimed[f].is_none()) {
            words.push("u = 0 on the rest of the boundary, eliminated".into());
        }
        Ok(Boundary { data, fixed, words: words.join("; ") })
    }

    /// Whether u is given at a node.
    pub fn is_fixed(&self, node: usize) -> bool {
        self.fixed[node]
    }

    /// Whether u is 0 wherever it is given.
    pub fn is_homogeneous(&self) -> bool {
        let zero = |d: &Data<D>| !matches!(d, Data::Dirichlet { value, .. } if !value.is_zero());
        self.data.iter().all(zero)
    }

    /// Whether u + constant is as good as u, where the equation has derivatives of u alone.
    pub fn leaves_a_constant(&self) -> bool {
        let held = |d: &Data<D>| matches!(d, Data::Robin { alpha, .. } if !alpha.is_zero());
        !self.fixed.contains(&true) && !self.data.iter().any(held)
    }

    /// The conditions in words.
    pub fn in_words(&self) -> &str {
        &self.words
    }

    /// How many samples there are arrays for, if some have one row a sample.
    pub fn samples(&self) -> Option<usize> {
        let of = |d: &Data<D>| match d {
            Data::Dirichlet { value, .. } => value.samples(),
            Data::Neumann { flux, .. } => flux.samples(),
            Data::Robin { alpha, value, .. } => alpha.samples().into_iter().chain(value.samples()).min(),
        };
        self.data.iter().filter_map(of).min()
    }

    /// Makes the scatter maps into the pattern of the space's matrices.
    pub fn bind(&mut self, assembler: &Assembler) {
        for data in &mut self.data {
            if let Data::Robin { facets, scatter, .. } = data {
                *scatter = Some(assembler.scatter(facets));
            }
        }
    }

    /// u at all nodes where it is given, 0 elsewhere; None if it is 0 wherever it is given.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn values(&self, space: &Space<D>, drawn: &Drawn) -> Result<Option<Vec<f64>>> {
        if self.is_homogeneous() {
            return Ok(None);
        }
        let mut nodal = vec![0.0; space.len()];
        for data in &self.data {
            if let Data::Dirichlet { nodes, value } = data {
                let values = value.at_some(&space.nodes, nodes, drawn)?;
                nodes.iter().zip(values).for_each(|(&v, u)| nodal[v as usize] = u);
            }
        }
        Ok(Some(nodal))
    }

    /// What Robin conditions add to A: values ← values + ∫ alpha φ_i φ_j on the pattern.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn add_matrix(&self, assembler: &Assembler, drawn: &Drawn, values: &mut [f64]) -> Result<()> {
        for data in &self.data {
            if let Data::Robin { facets, scatter: Some(scatter), alpha, .. } = data {
                assembler.add(facets, scatter, &alpha.at_quadrature(facets, drawn)?, values);
            }
        }
        Ok(())
    }

    /// What natural conditions add to b: rhs ← rhs + scale · (∫ flux φ_i + ∫ alpha value φ_i).
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn add_load(&self, assembler: &Assembler, drawn: &Drawn, scale: f64, rhs: &mut [f64]) -> Result<()> {
        for data in &self.data {
            let (facets, density) = match data {
                Data::Dirichlet { .. } => continue,
                Data::Neumann { facets, flux } => (facets, flux.at_quadrature(facets, drawn)?),
                Data::Robin { facets, alpha, value, .. } => {
                    let alpha = alpha.at_quadrature(facets, drawn)?;
                    let value = value.at_quadrature(facets, drawn)?;
                    (facets, alpha.iter().zip(value).map(|(a, v)| a * v).collect())
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
    /// As [`Source::at_nodes`].
    pub fn lift(&self, assembler: &Assembler, drawn: &Drawn, scale: f64, known: &[f64], rhs: &mut [f64]) -> Result<()> {
        for data in &self.data {
            if let Data::Robin { facets, alpha, .. } = data {
                let mut alpha = alpha.at_quadrature(facets, drawn)?;
                alpha.iter_mut().for_each(|a| *a *= scale);
                assembler.lift(facets, &alpha, known, rhs);
            }
        }
        Ok(())
    }

    /// A of a problem without time, out of the stiffness whose coefficient has the values `at_points` at the quadrature
    /// points, and u at all nodes where it is given, as [`Boundary::values`]; `rhs`, the load, becomes b.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn assemble(
        &self,
        (space, assembler): (&Space<D>, &Assembler),
        (stiffness, scatter, at_points): (&Integrals<D>, &Scatter, &[f64]),
        drawn: &Drawn,
        rhs: &mut [f64],
    ) -> Result<(Csr, Option<Vec<f64>>)> {
        let mut values = vec![0.0; assembler.pattern().nnz()];
        assembler.add(stiffness, scatter, at_points, &mut values);
        let known = self.values(space, drawn)?;
        self.add_matrix(assembler, drawn, &mut values)?;
        self.add_load(assembler, drawn, 1.0, rhs)?;
        if let Some(known) = &known {
            self.lift(assembler, drawn, 1.0, known, rhs)?;
            assembler.lift(stiffness, at_points, known, rhs);
        }
        Ok((Csr::new(assembler.pattern().clone(), values)?, known))
    }
}

/// Per facet of the space the condition that holds there.
fn claim<const D: usize>(
    conditions: &[Condition],
    space: &Space<D>,
    parts: &[BoundaryPart],
    scope: &Scope,
) -> Result<Vec<Option<usize>>> {
    let (k, corners) = (space.facet_element.nodes(), space.facet_element.geometry().nodes());
    let sorted = |nodes: &[u32]| {
        let mut key = nodes.to_vec();
        key.sort_unstable();
        key
    };
    let facets = space.facets.chunks_exact(k).enumerate();
    let number: HashMap<Vec<u32>, usize> = facets.map(|(f, nodes)| (sorted(&nodes[..corners]), f)).collect();
    let mut claimed: Vec<Option<usize>> = vec![None; number.len()];
    for (c, condition) in conditions.iter().enumerate() {
        let bad = |reason: String| Err(scope.bad(&format!("boundary[{c}].part"), reason));
        if condition.part.list().is_empty() {
            return bad("must name a part of the boundary".into());
        }
        for name in condition.part.list() {
            let Some(part) = parts.iter().find(|p| p.name == *name) else {
                let known: Vec<String> = parts.iter().map(|p| format!("{:?}", p.name)).collect();
                return bad(format!("the mesh has no part {name:?} (its parts: {})", known.join(", ")));
            };
            for facet in &part.facets {
                let Some(&f) = number.get(&sorted(facet)) else {
                    return bad(format!("part {name:?} lies inside of the mesh: conditions hold on its boundary"));
                };
                match claimed[f].replace(c) {
                    Some(other) if other != c => {
                        let reason =
                            format!("part {name:?} has sides that condition {other} names too (counted from 0)");
                        return bad(reason);
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(claimed)
}

/// Keys that go with the condition alone.
fn check_keys(condition: &Condition, c: usize, scope: &Scope) -> Result<()> {
    let kind = condition.condition;
    let name = match kind {
        Kind::Dirichlet => "dirichlet",
        Kind::Neumann => "neumann",
        Kind::Robin => "robin",
    };
    for (key, given, goes) in [
        ("value", &condition.value, kind != Kind::Neumann),
        ("flux", &condition.flux, kind == Kind::Neumann),
        ("alpha", &condition.alpha, kind == Kind::Robin),
    ] {
        if given.is_some() && !goes {
            let reason = format!("has no meaning for condition = {name:?}");
            return Err(scope.bad(&format!("boundary[{c}].{key}"), reason));
        }
    }
    match kind == Kind::Robin && condition.alpha.is_none() {
        true => Err(scope.bad(&format!("boundary[{c}].alpha"), "is missing, for condition = \"robin\"")),
        false => Ok(()),
    }
}
