//! Fields that a recipe gives: a number, an expression in the coordinates and in parameters that are drawn for each
//! sample, or an array out of a file.
//!
//! A family has a [`Given`] as a key, reads it once with a [`Scope`], and evaluates the [`Source`] for each sample.

mod array;
mod parameters;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::array::Array;
use crate::error::{Error, Result};
use crate::fem::integrals::Integrals;
use crate::field::expression::Expression;

pub use array::Nodes;
pub use parameters::{Distribution, Parameters};

/// A key that gives a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(
    untagged,
    expecting = "must be a number, an expression such as \"sin(pi*x)*y\" or a file of numbers such as \"f.npy\""
)]
pub enum Given {
    /// An expression in x, y, z and the parameters, or the path of a `.npy` file.
    Text(String),
    /// The same everywhere.
    Number(f64),
}

impl From<f64> for Given {
    fn from(value: f64) -> Self {
        Given::Number(value)
    }
}

impl std::fmt::Display for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Given::Number(v) => write!(f, "{v}"),
            Given::Text(text) => f.write_str(text),
        }
    }
}

impl Given {
    /// The file that it names, if it does.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Given::Text(text) if is_file(text) => Some(PathBuf::from(text)),
            _ => None,
        }
    }
}

/// Whether a text names a file: it ends in `.npy`, which no expression does.
fn is_file(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"))
}

/// What the values of a field must be, besides finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Any number.
    Any,
    /// Above 0.
    Positive,
    /// 0 or above.
    NotNegative,
}

impl Range {
    fn holds(self, v: f64) -> bool {
        v.is_finite()
            && match self {
                Range::Any => true,
                Range::Positive => v > 0.0,
                Range::NotNegative => v >= 0.0,
            }
    }

    fn in_words(self) -> &'static str {
        match self {
            Range::Any => "finite",
            Range::Positive => "positive",
            Range::NotNegative => "0 or above",
        }
    }
}

/// Where the fields of a recipe are read: the family's table, its parameters, the space.
pub struct Scope<'a> {
    family: &'static str,
    origin: &'a str,
    dim: usize,
    nodes: Nodes<'a>,
    parameters: &'a Parameters,
    /// What expressions may name besides the coordinates: t, where there is time, then the parameters.
    names: Vec<&'a str>,
    used: RefCell<Vec<bool>>,
}

/// The numbers of one sample that expressions name.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    index: u64,
    values: Vec<f64>,
    in_time: bool,
}

impl Drawn {
    /// The parameters of sample `index`; for a family in time, at t = 0.
    pub fn new(parameters: &Parameters, seed: u64, index: u64, in_time: bool) -> Self {
        let mut values = if in_time { vec![0.0] } else { Vec::new() };
        values.extend(parameters::draw(parameters, seed, index));
        Drawn { index, values, in_time }
    }

    /// At another time.
    #[must_use]
    pub fn at(mut self, t: f64) -> Self {
        if self.in_time {
            self.values[0] = t;
        }
        self
    }

    /// What evaluates fields that are the same for all samples.
    pub(super) fn nothing() -> Self {
        Drawn { index: 0, values: Vec::new(), in_time: false }
    }

    /// " with a = 1, b = 2", for errors; nothing where no number is drawn.
    pub(super) fn in_words(&self, names: &[String]) -> String {
        let with: Vec<String> = names.iter().zip(&self.values).map(|(n, v)| format!("{n} = {v}")).collect();
        if with.is_empty() { String::new() } else { format!(" with {}", with.join(", ")) }
    }

    /// The parameters with their names, as a sample keeps them.
    pub fn named<'a>(&'a self, parameters: &'a Parameters) -> impl Iterator<Item = (String, f64)> + 'a {
        parameters.keys().cloned().zip(self.values[usize::from(self.in_time)..].iter().copied())
    }
}

impl<'a> Scope<'a> {
    /// The scope of a family's table; `in_time` says whether expressions may name the time t.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming a parameter that has a name or a range that it must not have.
    pub fn new(
        family: &'static str,
        origin: &'a str,
        dim: usize,
        nodes: Nodes<'a>,
        parameters: &'a Parameters,
        in_time: bool,
    ) -> Result<Self> {
        parameters::check(parameters, family, origin)?;
        let names: Vec<&str> =
            in_time.then_some("t").into_iter().chain(parameters.keys().map(String::as_str)).collect();
        let used = RefCell::new(vec![false; names.len()]);
        Ok(Scope { family, origin, dim, nodes, parameters, names, used })
    }

    /// The table's name.
    pub fn family(&self) -> &'static str {
        self.family
    }

    /// File, family and key, for errors.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}: {}.{key}", self.origin, self.family)
    }

    /// What expressions may name besides the coordinates, in the order of what is drawn.
    pub(super) fn names(&self) -> Vec<String> {
        self.names.iter().map(|name| name.to_string()).collect()
    }

    /// An error in the recipe; `key` is one of the table's.
    pub fn bad(&self, key: &str, reason: impl std::fmt::Display) -> Error {
        Error::recipe(self.origin, format!("{}.{key}: {reason}", self.family))
    }

    /// Reads the field of a key.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming file, key and the place in the expression; [`Error::File`] for an array of the wrong
    /// shape.
    pub fn read(&self, key: &str, given: &Given, range: Range) -> Result<Source> {
        let what = match given {
            Given::Number(v) => format!("{}.{key} = {v}", self.family),
            Given::Text(text) => format!("{}.{key} = {text:?}", self.family),
        };
        let kind = match given {
            Given::Number(v) => match range.holds(*v) {
                true => Kind::Number(*v),
                false => return Err(Error::recipe(self.origin, format!("{what}: must be {}", range.in_words()))),
            },
            Given::Text(text) if is_file(text) => Kind::Array(Array::read(Path::new(text), self.nodes)?),
            Given::Text(text) => {
                let read = Expression::new(text, self.dim, &self.names)
                    .map_err(|e| Error::recipe(self.origin, format!("{what}: {e}")))?;
                self.used.borrow_mut().iter_mut().enumerate().for_each(|(k, used)| *used |= read.uses(k));
                Kind::Expression(read)
            }
        };
        let what = format!("{}: {what}", self.origin);
        Ok(Source { what, kind, range, names: self.names() })
    }

    /// As [`Scope::read`], 0 if it is not given.
    ///
    /// # Errors
    /// As [`Scope::read`].
    pub fn read_or_zero(&self, key: &str, given: Option<&Given>, range: Range) -> Result<Source> {
        self.read(key, given.unwrap_or(&Given::Number(0.0)), range)
    }

    /// As [`Scope::read_or_zero`], of what enters A, which is the same at all times.
    ///
    /// # Errors
    /// As [`Scope::read`], and for an expression that names the time.
    pub fn read_steady(&self, key: &str, given: Option<&Given>, range: Range) -> Result<Source> {
        let source = self.read_or_zero(key, given, range)?;
        match (&source.kind, self.names.first()) {
            (Kind::Expression(e), Some(&"t")) if e.uses(0) => {
                Err(self.bad(key, "must not depend on t: A is the same in all steps of a trajectory"))
            }
            _ => Ok(source),
        }
    }

    /// Refuses parameters that no expression names; to be called when all are read.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the parameter.
    pub fn finish(&self) -> Result<()> {
        let first = self.names.len() - self.parameters.len();
        let used = self.used.borrow();
        match (first..self.names.len()).find(|&k| !used[k]) {
            Some(k) => Err(self.bad(&format!("parameters.{}", self.names[k]), "no expression of the recipe names it")),
            None => Ok(()),
        }
    }
}

/// What could be drawn, in words, in a family's table where nothing is; `constant` is the key that makes a random field
/// constant, `random` are keys that are random fields or polynomials where they are not given.
pub fn nothing_drawn(family: &str, constant: Option<&str>, random: &[&str]) -> String {
    let keys: Vec<String> = random.iter().map(|key| format!("{family}.{key}")).collect();
    let constant = constant.map_or(String::new(), |key| format!("{key} makes the coefficient constant, and "));
    let or = match keys.is_empty() {
        true => String::new(),
        false => format!(", or leave out {}, which is random then", keys.join(" or ")),
    };
    format!(
        "{constant}nothing is drawn for them; let expressions name numbers of [{family}.parameters], give a .npy file \
         with one row a sample{or}"
    )
}

/// A field that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// File, key and value, for errors.
    what: String,
    kind: Kind,
    range: Range,
    names: Vec<String>,
}

#[derive(Debug, Clone)]
enum Kind {
    Number(f64),
    Expression(Expression),
    Array(Array),
}

impl Source {
    /// How many samples there are values for, if it is an array with one row a sample.
    pub fn samples(&self) -> Option<usize> {
        match &self.kind {
            Kind::Array(array) => array.samples(),
            _ => None,
        }
    }

    /// The number that it is.
    pub fn number(&self) -> Option<f64> {
        match self.kind {
            Kind::Number(v) => Some(v),
            _ => None,
        }
    }

    /// Whether it is the number 0.
    pub fn is_zero(&self) -> bool {
        self.number() == Some(0.0)
    }

    /// Whether it is 0 everywhere as it is written: the number, or an expression of numbers alone.
    pub fn is_zero_everywhere(&self) -> bool {
        match &self.kind {
            Kind::Expression(e) => e.constant() == Some(0.0),
            _ => self.is_zero(),
        }
    }

    /// Whether samples have values of their own.
    pub fn by_sample(&self) -> bool {
        match &self.kind {
            Kind::Number(_) => false,
            Kind::Expression(e) => (0..self.names.len()).any(|name| e.uses(name)),
            Kind::Array(array) => array.samples().is_some(),
        }
    }

    /// The values at all nodes of the space.
    ///
    /// # Errors
    /// [`Error::Numeric`] naming the key and the place where a value is out of range.
    pub fn at_nodes<const D: usize>(&self, nodes: &[[f64; D]], drawn: &Drawn) -> Result<Vec<f64>> {
        let mut values = Vec::new();
        match &self.kind {
            Kind::Number(v) => values.resize(nodes.len(), *v),
            Kind::Expression(e) => e.evaluate(nodes, &drawn.values, &mut values),
            Kind::Array(array) => values.extend_from_slice(array.of(drawn.index)?),
        }
        self.checked(values, nodes, drawn)
    }

    /// The values at some of the nodes of the space.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn at_some<const D: usize>(&self, nodes: &[[f64; D]], chosen: &[u32], drawn: &Drawn) -> Result<Vec<f64>> {
        let points: Vec<[f64; D]> = chosen.iter().map(|&v| nodes[v as usize]).collect();
        match &self.kind {
            Kind::Array(array) => {
                let all = array.of(drawn.index)?;
                self.checked(chosen.iter().map(|&v| all[v as usize]).collect(), &points, drawn)
            }
            _ => self.at_nodes(&points, drawn),
        }
    }

    /// The values at the quadrature points of integrals over the space; those of an array are those of the function of
    /// the space with its values at the nodes.
    ///
    /// # Errors
    /// As [`Source::at_nodes`].
    pub fn at_quadrature<const D: usize>(&self, integrals: &Integrals<D>, drawn: &Drawn) -> Result<Vec<f64>> {
        let points = integrals.points();
        match &self.kind {
            Kind::Array(array) => self.checked(integrals.at_points(array.of(drawn.index)?), points, drawn),
            _ => self.at_nodes(points, drawn),
        }
    }

    fn checked<const D: usize>(&self, values: Vec<f64>, points: &[[f64; D]], drawn: &Drawn) -> Result<Vec<f64>> {
        let Some((v, x)) = values.iter().zip(points).find(|(v, _)| !self.range.holds(**v)) else {
            return Ok(values);
        };
        let at = x.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        let (what, must, with) = (&self.what, self.range.in_words(), drawn.in_words(&self.names));
        Err(Error::Numeric(format!("{what}: is {v} at ({at}){with}: must be {must}")))
    }
}
