//! [`Spec`]: every classical preconditioner with its parameters behind one door, for recipes and the command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::amg::{AmgParams, Smoothing};
use super::table::Table;
use super::{BlocksParams, IctParams, IlutParams, Inner, Shifting, SorParams};
use crate::error::{Error, Result};
use crate::notation;

/// A preconditioner and its parameters.
///
/// Written `none`, `jacobi`, `sor(1.5)`, `ssor(1, sweeps = 2)`, `icc(1)`, `ict(1e-3, fill = 20)`, `ilu(0)`, `ilut(1e-3)`,
/// `fsai(2)`, `spai`, `koptimal`, `cholesky`, `lu`, `bjacobi(8, inner = icc)`, `asm(8, overlap = 2)`, `amg`, `sine(20, one-level = icc)`, or as a
/// table `{ type = "sor", omega = 1.5 }`. Names and defaults are PETSc's, but that `sor` is the forward sweep and `ssor`
/// the symmetric one (PETSc's `-pc_type sor` is our `ssor`), and that `bjacobi` and `asm` have 8 blocks where PETSc has
/// one a process. `amg` is PyAMG's smoothed aggregation.
///
/// ```
/// use fempipe::precond::Spec;
/// let spec: Spec = "icc".parse()?;
/// assert_eq!((spec.name(), spec.to_string().as_str()), ("icc", "icc(0)"));
/// # Ok::<(), fempipe::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spec {
    /// M = I.
    None,
    /// [`Jacobi`](super::Jacobi), scaled by ω.
    Jacobi { omega: f64 },
    /// [`Sor`](super::Sor), forward sweeps: Gauss–Seidel at ω = 1.
    Sor { omega: f64, sweeps: usize },
    /// [`Sor`](super::Sor), symmetric sweeps.
    Ssor { omega: f64, sweeps: usize },
    /// [`Icc`](super::Icc) with this level of fill.
    Icc { levels: usize, shift: Shifting },
    /// [`Cholesky`](crate::linalg::Cholesky): M = A⁻¹.
    Cholesky,
    /// [`Ilu`](super::Ilu) with this level of fill.
    Ilu { levels: usize, shift: Shifting },
    /// [`Ldlt`](super::Ldlt): M = A⁻¹ of a symmetric A.
    Ldlt,
    /// [`Lu`](super::Lu): M = A⁻¹.
    Lu,
    /// [`Blocks`](super::Blocks) without overlap.
    Bjacobi { blocks: usize, inner: Inner },
    /// [`Blocks`](super::Blocks) with overlap.
    Asm {
        blocks: usize,
        overlap: usize,
        restricted: bool,
        inner: Inner,
    },
    /// [`Amg`](super::Amg) with the constant vector as near-null space.
    Amg { theta: f64, smoothing: Smoothing },
    /// [`Icc::threshold`](super::Icc::threshold).
    Ict { droptol: f64, fill: usize },
    /// [`Ilu::threshold`](super::Ilu::threshold).
    Ilut { droptol: f64, fill: usize },
    /// [`Spai`](super::Spai) on the pattern of A.
    Spai,
    /// [`Fsai`](super::Fsai) on the pattern of A to this power.
    Fsai { power: usize },
    /// [`Icc::k_optimal`](super::Icc::k_optimal): small n only.
    Koptimal,
    /// [`TwoLevel`](super::TwoLevel) with the lowest sine modes of the unit square as coarse space.
    Sine { k: usize, one_level: Inner },
    /// [`FastPoisson`](super::FastPoisson): the inverse of the unperturbed grid's Poisson matrix.
    FastPoisson,
}

impl Spec {
    /// The name without parameters.
    pub fn name(&self) -> &'static str {
        match self {
            Spec::None => "none",
            Spec::Jacobi { .. } => "jacobi",
            Spec::Sor { .. } => "sor",
            Spec::Ssor { .. } => "ssor",
            Spec::Icc { .. } => "icc",
            Spec::Cholesky => "cholesky",
            Spec::Ilu { .. } => "ilu",
            Spec::Ldlt => "ldlt",
            Spec::Lu => "lu",
            Spec::Ict { .. } => "ict",
            Spec::Ilut { .. } => "ilut",
            Spec::Spai => "spai",
            Spec::Fsai { .. } => "fsai",
            Spec::Koptimal => "koptimal",
            Spec::Bjacobi { .. } => "bjacobi",
            Spec::Asm { .. } => "asm",
            Spec::Amg { .. } => "amg",
            Spec::Sine { .. } => "sine",
            Spec::FastPoisson => "fast-poisson",
        }
    }

    /// # Errors
    /// [`Error::Argument`] for a parameter out of range.
    pub fn check(&self) -> Result<()> {
        match *self {
            Spec::Jacobi { omega } if !(omega > 0.0 && omega.is_finite()) => Err(Error::Argument(format!(
                "jacobi: omega = {omega} must be positive and finite"
            ))),
            Spec::Sor { omega, sweeps } | Spec::Ssor { omega, sweeps } => sor(omega, sweeps, false).check(),
            Spec::Bjacobi { .. } | Spec::Asm { .. } => self.blocks().check(),
            Spec::Amg { .. } => self.amg().check(),
            Spec::Ict { droptol, fill } => IctParams { droptol, fill }.check(),
            Spec::Ilut { droptol, fill } => IlutParams { droptol, fill }.check(),
            Spec::Fsai { power } => super::fsai::check(power),
            Spec::Sine { k: 0, .. } => Err(Error::Argument(
                "sine: k = 0 leaves no coarse space: must be at least 1".into(),
            )),
            _ => Ok(()),
        }
    }
}

impl Spec {
    /// Parameters of `bjacobi` and `asm`.
    pub(super) fn blocks(&self) -> BlocksParams {
        let (blocks, overlap, restricted, inner) = match *self {
            Spec::Asm {
                blocks,
                overlap,
                restricted,
                inner,
            } => (blocks, overlap, restricted, inner),
            Spec::Bjacobi { blocks, inner } => (blocks, 0, false, inner),
            _ => (1, 0, false, Inner::Lu),
        };
        BlocksParams {
            blocks,
            overlap,
            restricted,
            inner,
        }
    }

    /// Parameters of `amg`.
    pub(super) fn amg(&self) -> AmgParams {
        match *self {
            Spec::Amg { theta, smoothing } => AmgParams {
                theta,
                smoothing,
                ..AmgParams::default()
            },
            _ => AmgParams::default(),
        }
    }
}

pub(super) fn sor(omega: f64, sweeps: usize, symmetric: bool) -> SorParams {
    SorParams {
        omega,
        sweeps,
        symmetric,
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = self.name();
        match *self {
            Spec::None
            | Spec::Cholesky
            | Spec::Ldlt
            | Spec::Lu
            | Spec::Spai
            | Spec::Koptimal
            | Spec::FastPoisson => f.write_str(name),
            Spec::Jacobi { omega: 1.0 } => f.write_str(name),
            Spec::Jacobi { omega } => write!(f, "{name}({omega})"),
            Spec::Sor { omega, sweeps: 1 } | Spec::Ssor { omega, sweeps: 1 } => write!(f, "{name}({omega})"),
            Spec::Sor { omega, sweeps } | Spec::Ssor { omega, sweeps } => {
                write!(f, "{name}({omega}, sweeps = {sweeps})")
            }
            Spec::Icc {
                levels,
                shift: Shifting::Smallest,
            }
            | Spec::Ilu {
                levels,
                shift: Shifting::Nonzero,
            } => write!(f, "{name}({levels})"),
            Spec::Icc { levels, shift } | Spec::Ilu { levels, shift } => {
                write!(f, "{name}({levels}, shift = {})", shift.name())
            }
            Spec::Sine { k, one_level } => write!(f, "{name}({k}, one-level = {one_level})"),
            Spec::Ict { droptol, fill: 0 } | Spec::Ilut { droptol, fill: 0 } => {
                write!(f, "{name}({droptol})")
            }
            Spec::Ict { droptol, fill } | Spec::Ilut { droptol, fill } => {
                write!(f, "{name}({droptol}, fill = {fill})")
            }
            Spec::Fsai { power } => write!(f, "{name}({power})"),
            Spec::Bjacobi { blocks, inner } => write!(f, "{name}({blocks}, inner = {inner})"),
            Spec::Asm {
                blocks,
                overlap,
                restricted,
                inner,
            } => {
                let kind = if restricted { "" } else { ", restricted = false" };
                write!(f, "{name}({blocks}, overlap = {overlap}{kind}, inner = {inner})")
            }
            Spec::Amg { theta, smoothing } => {
                let half = smoothing == Smoothing::Half;
                match (theta == 0.0, half) {
                    (true, false) => f.write_str(name),
                    (false, false) => write!(f, "{name}({theta})"),
                    (_, true) => write!(f, "{name}({theta}, smoothing = half)"),
                }
            }
        }
    }
}

impl FromStr for Spec {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let table: Table = notation::parse("preconditioner", text, |name| match name {
            "jacobi" => &["omega"],
            "sor" | "ssor" => &["omega", "sweeps"],
            "icc" | "ilu" => &["levels"],
            "bjacobi" => &["blocks"],
            "asm" => &["blocks", "overlap"],
            "amg" => &["theta"],
            "ict" | "ilut" => &["droptol", "fill"],
            "fsai" => &["power"],
            "sine" => &["k", "one-level"],
            _ => &[],
        })?;
        Spec::try_from(table)
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        notation::text_or_table::<Spec, Table, D>(deserializer)
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
