//! The table form of [`Spec`], with the default of every parameter.

use serde::Deserialize;

use super::amg::Smoothing;
use super::{Inner, Shifting, Spec};
use crate::error::{Error, Result};

/// The table form.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Table {
    None {},
    Jacobi {
        #[serde(default = "one")]
        omega: f64,
    },
    Sor {
        #[serde(default = "one")]
        omega: f64,
        #[serde(default = "once")]
        sweeps: usize,
    },
    Ssor {
        #[serde(default = "one")]
        omega: f64,
        #[serde(default = "once")]
        sweeps: usize,
    },
    Icc {
        #[serde(default)]
        levels: usize,
        #[serde(default = "smallest")]
        shift: Shifting,
    },
    Cholesky {},
    Ilu {
        #[serde(default)]
        levels: usize,
        #[serde(default = "nonzero")]
        shift: Shifting,
    },
    Ldlt {},
    Lu {},
    Ict {
        #[serde(default = "milli")]
        droptol: f64,
        #[serde(default)]
        fill: usize,
    },
    Ilut {
        #[serde(default = "milli")]
        droptol: f64,
        #[serde(default)]
        fill: usize,
    },
    Spai {},
    Fsai {
        #[serde(default = "once")]
        power: usize,
    },
    Koptimal {},
    Bjacobi {
        #[serde(default = "eight")]
        blocks: usize,
        #[serde(default = "ilu0")]
        inner: Inner,
    },
    Asm {
        #[serde(default = "eight")]
        blocks: usize,
        #[serde(default = "once")]
        overlap: usize,
        #[serde(default = "yes")]
        restricted: bool,
        #[serde(default = "ilu0")]
        inner: Inner,
    },
    Amg {
        #[serde(default)]
        theta: f64,
        #[serde(default)]
        smoothing: Smoothing,
    },
    Sine {
        #[serde(default = "twenty")]
        k: usize,
        #[serde(rename = "one-level", default = "none")]
        one_level: Inner,
    },
    #[serde(rename = "fast-poisson")]
    FastPoisson {},
}

fn smallest() -> Shifting {
    Shifting::Smallest
}

fn nonzero() -> Shifting {
    Shifting::Nonzero
}

fn twenty() -> usize {
    20
}

fn none() -> Inner {
    Inner::None
}

fn milli() -> f64 {
    1e-3
}

fn eight() -> usize {
    8
}

fn yes() -> bool {
    true
}

fn ilu0() -> Inner {
    Inner::Ilu { levels: 0 }
}

fn one() -> f64 {
    1.0
}

fn once() -> usize {
    1
}

impl TryFrom<Table> for Spec {
    type Error = Error;
    fn try_from(table: Table) -> Result<Self> {
        let spec = match table {
            Table::None {} => Spec::None,
            Table::Jacobi { omega } => Spec::Jacobi { omega },
            Table::Sor { omega, sweeps } => Spec::Sor { omega, sweeps },
            Table::Ssor { omega, sweeps } => Spec::Ssor { omega, sweeps },
            Table::Icc { levels, shift } => Spec::Icc { levels, shift },
            Table::Cholesky {} => Spec::Cholesky,
            Table::Ilu { levels, shift } => Spec::Ilu { levels, shift },
            Table::Ldlt {} => Spec::Ldlt,
            Table::Lu {} => Spec::Lu,
            Table::Ict { droptol, fill } => Spec::Ict { droptol, fill },
            Table::Ilut { droptol, fill } => Spec::Ilut { droptol, fill },
            Table::Spai {} => Spec::Spai,
            Table::Fsai { power } => Spec::Fsai { power },
            Table::Koptimal {} => Spec::Koptimal,
            Table::Bjacobi { blocks, inner } => Spec::Bjacobi { blocks, inner },
            Table::Asm {
                blocks,
                overlap,
                restricted,
                inner,
            } => Spec::Asm {
                blocks,
                overlap,
                restricted,
                inner,
            },
            Table::Amg { theta, smoothing } => Spec::Amg { theta, smoothing },
            Table::Sine { k, one_level } => Spec::Sine { k, one_level },
            Table::FastPoisson {} => Spec::FastPoisson,
        };
        spec.check()?;
        Ok(spec)
    }
}
