//! [`Method`]: every solver with its parameters behind one door, for recipes and the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cg::{Cg, cg};
use super::gmres::{Gmres, GmresParams, Side, gmres};
use super::richardson::{self, Richardson, richardson};
use super::{Monitor, Outcome, Stop};
use crate::error::{Error, Result};
use crate::linalg::LinOp;
use crate::notation;

/// A solver and its parameters.
///
/// Written `cg`, `gmres(50)`, `gmres(30, side = left)`, `richardson(0.7)`, or as a table
/// `{ type = "gmres", restart = 50 }`. Names and defaults are PETSc's.
///
/// ```
/// use fempipe::solver::Method;
/// let m: Method = "gmres(50)".parse()?;
/// assert_eq!((m.name(), m.to_string().as_str()), ("gmres", "gmres(50)"));
/// # Ok::<(), fempipe::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// [`richardson`] with its damping ω.
    Richardson { scale: f64 },
    /// [`cg`].
    Cg,
    /// [`gmres`].
    Gmres { restart: usize, side: Side },
}

/// The workspaces of all methods; each stays empty until its method is used.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    richardson: Richardson,
    cg: Cg,
    gmres: Gmres,
}

impl Method {
    /// PETSc's name of the method.
    pub fn name(&self) -> &'static str {
        match self {
            Method::Richardson { .. } => "richardson",
            Method::Cg => "cg",
            Method::Gmres { .. } => "gmres",
        }
    }

    /// # Errors
    /// [`Error::Argument`] for a parameter out of range.
    pub fn check(&self) -> Result<()> {
        match *self {
            Method::Richardson { scale } => richardson::check(scale),
            Method::Cg => Ok(()),
            Method::Gmres { restart, side } => GmresParams { restart, side }.check(),
        }
    }

    /// Solves A x = b from the given x with M ≈ A⁻¹.
    ///
    /// # Errors
    /// As the method itself; not converging is no error.
    #[allow(clippy::too_many_arguments)] // the house signature
    pub fn solve(
        &self,
        ws: &mut Workspace,
        a: &dyn LinOp,
        m: &dyn LinOp,
        b: &[f64],
        x: &mut [f64],
        stop: &Stop,
        monitor: &mut dyn Monitor,
    ) -> Result<Outcome> {
        match *self {
            Method::Richardson { scale } => richardson(&mut ws.richardson, scale, a, m, b, x, stop, monitor),
            Method::Cg => cg(&mut ws.cg, a, m, b, x, stop, monitor),
            Method::Gmres { restart, side } => {
                let params = GmresParams { restart, side };
                gmres(&mut ws.gmres, &params, a, m, b, x, stop, monitor)
            }
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Method::Richardson { scale } => write!(f, "richardson({scale})"),
            Method::Cg => f.write_str("cg"),
            Method::Gmres { restart, side } => match side {
                Side::Right => write!(f, "gmres({restart})"),
                Side::Left => write!(f, "gmres({restart}, side = left)"),
            },
        }
    }
}

/// The table form.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Table {
    Richardson {
        #[serde(default = "one", alias = "omega")]
        scale: f64,
    },
    Cg {},
    Gmres {
        #[serde(default = "default_restart")]
        restart: usize,
        #[serde(default)]
        side: Side,
    },
}

fn one() -> f64 {
    1.0
}

fn default_restart() -> usize {
    GmresParams::default().restart
}

impl TryFrom<Table> for Method {
    type Error = Error;
    fn try_from(table: Table) -> Result<Self> {
        let method = match table {
            Table::Richardson { scale } => Method::Richardson { scale },
            Table::Cg {} => Method::Cg,
            Table::Gmres { restart, side } => Method::Gmres { restart, side },
        };
        method.check()?;
        Ok(method)
    }
}

impl FromStr for Method {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        notation::parse::<Table>("solver", text, |name| match name {
            "richardson" => &["scale"],
            "gmres" => &["restart"],
            _ => &[],
        })
        .and_then(Method::try_from)
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        notation::text_or_table::<Method, Table, D>(deserializer)
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
