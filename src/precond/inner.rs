//! [`Inner`]: the solvers that [`super::Blocks`] has for its blocks.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Icc, Ilu, Lu, Shift};
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp};
use crate::notation;

/// A solver for one block: `icc`, `ilu`, with levels as in `ilu(1)`, `cholesky` or `lu`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inner {
    Icc { levels: usize },
    Ilu { levels: usize },
    Cholesky,
    Lu,
}

impl Inner {
    /// The operator, and what is worth knowing about it.
    pub(super) fn build(self, a: &Csr) -> Result<(Box<dyn LinOp + Send>, Option<String>)> {
        Ok(match self {
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
            Inner::Cholesky => (Box::new(super::spec::cholesky(a)?), None),
            Inner::Lu => (Box::new(Lu::new(a)?), None),
        })
    }
}

impl Shift {
    /// In words, where one was needed.
    pub(super) fn note(self) -> Option<String> {
        (self.amount > 0.0).then(|| {
            format!(
                "diagonal shifted by {:.3e} after {} attempts",
                self.amount, self.attempts
            )
        })
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
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

impl FromStr for Inner {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let table = notation::parse("inner solver", text, |name| match name {
            "icc" | "ilu" => &["levels"],
            _ => &[],
        })?;
        Ok(match table {
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
