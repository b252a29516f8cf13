//! [`Method`]: every solver with its parameters behind one door, for recipes and the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bcgs::{Bcgs, bcgs};
use super::cg::{Cg, cg};
use super::chebyshev::{Chebyshev, ChebyshevParams, chebyshev};
use super::deflated::{DeflatedCg, deflated_cg};
use super::fcg::{self, Fcg, fcg};
use super::fgmres::{self, Fgmres, fgmres};
use super::gcrodr::{Gcrodr, GcrodrParams, gcrodr};
use super::gmres::{Gmres, GmresParams, gmres};
use super::minres::{Minres, minres};
use super::richardson::{self, Richardson, richardson};
use super::side::{Side, split};
use super::{Monitor, Outcome, Stop, need};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{CoarseFactor, CoarseSpace, Columns, LinOp};
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
    /// [`chebyshev`] on an interval given or estimated.
    Chebyshev { min: Option<f64>, max: Option<f64> },
    /// [`cg`].
    Cg,
    /// [`fcg`] with the directions it keeps.
    Fcg { directions: usize },
    /// [`minres`].
    Minres,
    /// [`gmres`].
    Gmres { restart: usize, side: Side },
    /// [`fgmres`].
    Fgmres { restart: usize },
    /// [`bcgs`].
    Bcgs,
    /// [`gcrodr`], which recycles from system to system as long as the workspace lives.
    Gcrodr { restart: usize, recycle: usize },
}

/// The workspaces of all methods; each stays empty until its method is used.
///
/// Only `gcrodr`'s remembers anything of the systems before: [`Workspace::forget`] makes it start anew.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    richardson: Richardson,
    chebyshev: Chebyshev,
    cg: Cg,
    fcg: Fcg,
    minres: Minres,
    gmres: Gmres,
    fgmres: Fgmres,
    bcgs: Bcgs,
    gcrodr: Gcrodr,
    deflated: DeflatedCg,
}

impl Workspace {
    /// Ritz bounds of the spectrum of M A from the last [`cg`] solve, see [`Cg::spectrum`].
    pub fn cg_spectrum(&self) -> Option<(f64, f64)> {
        self.cg.spectrum()
    }

    /// Forgets the space that [`gcrodr`] recycles.
    pub fn forget(&mut self) {
        self.gcrodr.forget();
    }
}

impl Method {
    /// PETSc's name of the method (`gcrodr` is HPDDM's).
    pub fn name(&self) -> &'static str {
        match self {
            Method::Richardson { .. } => "richardson",
            Method::Chebyshev { .. } => "chebyshev",
            Method::Cg => "cg",
            Method::Fcg { .. } => "fcg",
            Method::Minres => "minres",
            Method::Gmres { .. } => "gmres",
            Method::Fgmres { .. } => "fgmres",
            Method::Bcgs => "bcgs",
            Method::Gcrodr { .. } => "gcrodr",
        }
    }

    /// Whether x is at hand after each iteration; the GMRES family makes it at restarts only.
    pub fn holds_iterates(&self) -> bool {
        !matches!(
            self,
            Method::Gmres { .. } | Method::Fgmres { .. } | Method::Gcrodr { .. }
        )
    }

    /// # Errors
    /// [`Error::Argument`] for a parameter out of range.
    pub fn check(&self) -> Result<()> {
        match *self {
            Method::Richardson { scale } => richardson::check(scale),
            Method::Chebyshev { min, max } => ChebyshevParams { min, max }.check(),
            Method::Fcg { directions } => fcg::check(directions),
            Method::Gmres { restart, side } => GmresParams { restart, side }.check(),
            Method::Fgmres { restart } => fgmres::check(restart),
            Method::Gcrodr { restart, recycle } => GcrodrParams { restart, recycle }.check(),
            Method::Cg | Method::Minres | Method::Bcgs => Ok(()),
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
            Method::Chebyshev { min, max } => {
                let params = ChebyshevParams { min, max };
                chebyshev(&mut ws.chebyshev, &params, a, m, b, x, stop, monitor)
            }
            Method::Cg => cg(&mut ws.cg, a, m, b, x, stop, monitor),
            Method::Fcg { directions } => fcg(&mut ws.fcg, directions, a, m, b, x, stop, monitor),
            Method::Minres => minres(&mut ws.minres, a, m, b, x, stop, monitor),
            Method::Gmres {
                side: Side::Symmetric,
                ..
            } => split(self, ws, a, m, b, x, stop, monitor),
            Method::Gmres { restart, side } => {
                let params = GmresParams { restart, side };
                gmres(&mut ws.gmres, &params, a, m, b, x, stop, monitor)
            }
            Method::Fgmres { restart } => fgmres(&mut ws.fgmres, restart, a, m, b, x, stop, monitor),
            Method::Bcgs => bcgs(&mut ws.bcgs, a, m, b, x, stop, monitor),
            Method::Gcrodr { restart, recycle } => {
                let params = GcrodrParams { restart, recycle };
                gcrodr(&mut ws.gcrodr, &params, a, m, b, x, stop, monitor)
            }
        }
    }
}

impl Method {
    /// Sets the span of the columns of `space` (n×j) up for [`Method::solve_with_space`]: j products with A, for `cg` also the factor of
    /// Wᵀ A W.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the method is `cg` (and A promised SPD) or `gcrodr`; else as [`CoarseSpace::new`].
    pub fn coarse_space(&self, a: &dyn LinOp, space: &Dense) -> Result<CoarseSpace> {
        let factor = match self {
            Method::Cg => {
                need::spd_matrix("deflated cg", a)?;
                CoarseFactor::Cholesky
            }
            Method::Gcrodr { .. } => CoarseFactor::None,
            _ => return Err(self.without_space()),
        };
        CoarseSpace::new(a, space, Columns::Orthonormal, factor)
    }

    /// As [`Method::solve`], helped by a space that [`Method::coarse_space`] has set up for A: `cg` deflates it ([`deflated_cg`]), `gcrodr`
    /// solves on it first ([`Gcrodr::set_space`]; it must be smaller than `restart`).
    ///
    /// # Errors
    /// [`Error::Argument`] for the other methods; else as the method.
    #[allow(clippy::too_many_arguments)] // the arguments of all methods and the space
    pub fn solve_with_space(
        &self,
        ws: &mut Workspace,
        space: &CoarseSpace,
        a: &dyn LinOp,
        m: &dyn LinOp,
        b: &[f64],
        x: &mut [f64],
        stop: &Stop,
        monitor: &mut dyn Monitor,
    ) -> Result<Outcome> {
        match self {
            Method::Cg => deflated_cg(&mut ws.deflated, space, a, m, b, x, stop, monitor),
            Method::Gcrodr { .. } => {
                ws.gcrodr.set_space(space);
                let outcome = self.solve(ws, a, m, b, x, stop, monitor);
                ws.gcrodr.forget();
                outcome
            }
            _ => Err(self.without_space()),
        }
    }

    fn without_space(&self) -> Error {
        Error::Argument(format!("{} cannot use a space: take cg or gcrodr", self.name()))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = self.name();
        match self {
            Method::Richardson { scale } => write!(f, "{name}({scale})"),
            Method::Chebyshev { min, max } => match (min, max) {
                (None, None) => f.write_str(name),
                (Some(min), None) => write!(f, "{name}(min = {min})"),
                (None, Some(max)) => write!(f, "{name}(max = {max})"),
                (Some(min), Some(max)) => write!(f, "{name}({min}, {max})"),
            },
            Method::Cg | Method::Minres | Method::Bcgs => f.write_str(name),
            Method::Fcg { directions } => write!(f, "{name}({directions})"),
            Method::Gmres { restart, side } => match side {
                Side::Right => write!(f, "{name}({restart})"),
                Side::Left => write!(f, "{name}({restart}, side = left)"),
                Side::Symmetric => write!(f, "{name}({restart}, side = symmetric)"),
            },
            Method::Fgmres { restart } => write!(f, "{name}({restart})"),
            Method::Gcrodr { restart, recycle } => write!(f, "{name}({restart}, {recycle})"),
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
    Chebyshev {
        min: Option<f64>,
        max: Option<f64>,
    },
    Cg {},
    Fcg {
        #[serde(default = "thirty")]
        directions: usize,
    },
    Minres {},
    Gmres {
        #[serde(default = "thirty")]
        restart: usize,
        #[serde(default)]
        side: Side,
    },
    Fgmres {
        #[serde(default = "thirty")]
        restart: usize,
    },
    Bcgs {},
    Gcrodr {
        #[serde(default = "thirty")]
        restart: usize,
        #[serde(default = "ten")]
        recycle: usize,
    },
}

fn one() -> f64 {
    1.0
}

fn ten() -> usize {
    GcrodrParams::default().recycle
}

/// PETSc's restart length, and the directions its fcg keeps.
fn thirty() -> usize {
    GmresParams::default().restart
}

impl TryFrom<Table> for Method {
    type Error = Error;
    fn try_from(table: Table) -> Result<Self> {
        let method = match table {
            Table::Richardson { scale } => Method::Richardson { scale },
            Table::Chebyshev { min, max } => Method::Chebyshev { min, max },
            Table::Cg {} => Method::Cg,
            Table::Fcg { directions } => Method::Fcg { directions },
            Table::Minres {} => Method::Minres,
            Table::Gmres { restart, side } => Method::Gmres { restart, side },
            Table::Fgmres { restart } => Method::Fgmres { restart },
            Table::Bcgs {} => Method::Bcgs,
            Table::Gcrodr { restart, recycle } => Method::Gcrodr { restart, recycle },
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
            "chebyshev" => &["min", "max"],
            "fcg" => &["directions"],
            "gmres" | "fgmres" => &["restart"],
            "gcrodr" => &["restart", "recycle"],
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
