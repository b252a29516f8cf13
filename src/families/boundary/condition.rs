//! One condition of a recipe, and which part of the boundary it holds on.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::families::given::{Given, Range, Scope, Source};
use crate::system::BoundaryPart;

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
    /// All of them.
    pub fn list(&self) -> &[String] {
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

/// What a condition says, its fields read.
#[derive(Debug, Clone)]
pub enum Said {
    /// u = value.
    Dirichlet(Source),
    /// c ∂u/∂n = flux.
    Neumann(Source),
    /// c ∂u/∂n = alpha (value − u).
    Robin {
        /// 0 or above.
        alpha: Source,
        /// What u tends to.
        value: Source,
    },
}

impl Said {
    /// Whether it gives u as something else than 0.
    pub fn lifts(&self) -> bool {
        matches!(self, Said::Dirichlet(value) if !value.is_zero())
    }

    /// How many samples there are arrays for.
    pub fn samples(&self) -> Option<usize> {
        match self {
            Said::Dirichlet(of) | Said::Neumann(of) => of.samples(),
            Said::Robin { alpha, value } => alpha.samples().into_iter().chain(value.samples()).min(),
        }
    }
}

impl Condition {
    /// Reads the fields of condition `c` of a table.
    ///
    /// # Errors
    /// [`crate::Error::Recipe`] naming a key that does not go with the condition, and as [`Scope::read`].
    pub fn read(&self, c: usize, scope: &Scope) -> Result<Said> {
        self.check_keys(c, scope)?;
        let key = |name: &str| format!("boundary[{c}].{name}");
        let read = |name: &str, given: &Option<Given>| scope.read_or_zero(&key(name), given.as_ref(), Range::Any);
        Ok(match self.condition {
            Kind::Dirichlet => Said::Dirichlet(read("value", &self.value)?),
            Kind::Neumann => Said::Neumann(read("flux", &self.flux)?),
            Kind::Robin => Said::Robin {
                alpha: scope.read_steady(&key("alpha"), self.alpha.as_ref(), Range::NotNegative)?,
                value: read("value", &self.value)?,
            },
        })
    }

    /// The condition in words; `flow` is c ∂u/∂n.
    pub fn in_words(&self, flow: &str) -> String {
        let text = |given: &Option<Given>| given.as_ref().map_or("0".into(), Given::to_string);
        let (on, value) = (self.part.list().join(", "), text(&self.value));
        match self.condition {
            Kind::Dirichlet => format!("u = {value} on {on}, eliminated"),
            Kind::Neumann => format!("{flow} = {} on {on}", text(&self.flux)),
            Kind::Robin => format!("{flow} = ({}) ({value} - u) on {on}", text(&self.alpha)),
        }
    }

    /// Keys that go with the condition alone.
    fn check_keys(&self, c: usize, scope: &Scope) -> Result<()> {
        let kind = self.condition;
        let name = match kind {
            Kind::Dirichlet => "dirichlet",
            Kind::Neumann => "neumann",
            Kind::Robin => "robin",
        };
        for (key, given, goes) in [
            ("value", &self.value, kind != Kind::Neumann),
            ("flux", &self.flux, kind == Kind::Neumann),
            ("alpha", &self.alpha, kind == Kind::Robin),
        ] {
            if given.is_some() && !goes {
                let reason = format!("has no meaning for condition = {name:?}");
                return Err(scope.bad(&format!("boundary[{c}].{key}"), reason));
            }
        }
        match kind == Kind::Robin && self.alpha.is_none() {
            true => Err(scope.bad(&format!("boundary[{c}].alpha"), "is missing, for condition = \"robin\"")),
            false => Ok(()),
        }
    }
}

/// All conditions in words, and what holds where none does, if there is such a place.
pub(in crate::families) fn in_words(conditions: &[Condition], rest: bool, flow: &str) -> String {
    let rest = rest.then(|| "u = 0 on the rest of the boundary, eliminated".to_string());
    conditions.iter().map(|c| c.in_words(flow)).chain(rest).collect::<Vec<_>>().join("; ")
}

/// Per facet of the boundary, given by their corners, the condition that holds there.
///
/// # Errors
/// [`crate::Error::Recipe`] naming the condition and the part that is not there, with those that are; a facet of two
/// conditions, or inside of the mesh.
pub(in crate::families) fn claim<'f>(
    conditions: &[Condition],
    facets: impl Iterator<Item = &'f [u32]>,
    parts: &[BoundaryPart],
    scope: &Scope,
) -> Result<Vec<Option<usize>>> {
    let sorted = |nodes: &[u32]| {
        let mut key = nodes.to_vec();
        key.sort_unstable();
        key
    };
    let number: HashMap<Vec<u32>, usize> = facets.enumerate().map(|(f, nodes)| (sorted(nodes), f)).collect();
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
