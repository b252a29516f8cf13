//! [`Inner`]: the solvers that [`super::Blocks`] has for its blocks.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::build::Reuse;
use super::{Amg, AmgParams, Icc, IctParams, Ilu, Jacobi, Lu, Sor, SorParams};
use crate::error::{Error, Result};
use crate::linalg::op::Identity;
use crate::linalg::{Csr, LinOp};
use crate::notation;

/// A solver for one block or one level: `none`, `jacobi`, `ssor`, `icc`, `ilu`, with levels as in `ilu(1)`, `ict(1e-3)`, `amg`,
/// `cholesky` or `lu`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inner {
    None,
    Jacobi,
    Ssor { omega: f64 },
    Ict { droptol: f64 },
    Amg,
    Icc { levels: usize },
    Ilu { levels: usize },
    Cholesky,
    Lu,
}

impl Inner {
    /// The operator, and what is worth knowing about it.
    pub(super) fn build(self, a: &Csr) -> Result<(Box<dyn LinOp + Send>, Option<String>)> {
        Ok(match self {
            Inner::None => {
                super::check_square_finite(a)?;
                (Box::new(Identity(a.nrows())), None)
            }
            Inner::Jacobi => (Box::new(Jacobi::new(a, 1.0)?), None),
            Inner::Ssor { omega } => {
                let params = SorParams {
                    omega,
                    sweeps: 1,
                    symmetric: true,
                };
                (Box::new(Sor::new(a, params)?), None)
            }
            Inner::Ict { droptol } => {
                let ict = Icc::threshold(a, IctParams { droptol, fill: 0 })?;
                let note = ict.shift().note();
                (Box::new(ict), note)
            }
            Inner::Amg => (Box::new(Amg::new(a, AmgParams::default())?), None),
            Inner::Icc { levels } => {
                let icc = Icc::new(a, levels)?;
                let note = icc.shift().note();
                (Box::new(icc), note)
            }
            Inner::Ilu { levels } => {
                let ilu = Ilu::new(a, levels)?;
                let note = ilu.shift().note();
                (Box::new(ilu), note)
            }
            Inner::Cholesky => (Box::new(super::build::cholesky(a, &mut Reuse::default())?), None),
            Inner::Lu => (Box::new(Lu::new(a)?), None),
        })
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Inner::None => f.write_str("none"),
            Inner::Jacobi => f.write_str("jacobi"),
            Inner::Ssor { omega } => write!(f, "ssor({omega})"),
            Inner::Ict { droptol } => write!(f, "ict({droptol})"),
            Inner::Amg => f.write_str("amg"),
            Inner::Icc { levels } => write!(f, "icc({levels})"),
            Inner::Ilu { levels } => write!(f, "ilu({levels})"),
            Inner::Cholesky => f.write_str("cholesky"),
            Inner::Lu => f.write_str("lu"),
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Table {
    None {},
    Jacobi {},
    Ssor {
        #[serde(default = "one")]
        omega: f64,
    },
    Ict {
        #[serde(default = "milli")]
        droptol: f64,
    },
    Amg {},
    Icc {
        #[serde(default)]
        levels: usize,
    },
    Ilu {
        #[serde(default)]
        levels: usize,
    },
    Cholesky {},
    Lu {},
}

fn one() -> f64 {
    1.0
}

fn milli() -> f64 {
    1e-3
}

impl FromStr for Inner {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let table = notation::parse("inner solver", text, |name| match name {
            "icc" | "ilu" => &["levels"],
            "ssor" => &["omega"],
            "ict" => &["droptol"],
            _ => &[],
        })?;
        Ok(match table {
            Table::None {} => Inner::None,
            Table::Jacobi {} => Inner::Jacobi,
            Table::Ssor { omega } => Inner::Ssor { omega },
            Table::Ict { droptol } => Inner::Ict { droptol },
            Table::Amg {} => Inner::Amg,
            Table::Icc { levels } => Inner::Icc { levels },
            Table::Ilu { levels } => Inner::Ilu { levels },
            Table::Cholesky {} => Inner::Cholesky,
            Table::Lu {} => Inner::Lu,
        })
    }
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
