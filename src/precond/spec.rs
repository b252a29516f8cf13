//! [`Spec`]: every classical preconditioner with its parameters behind one door, for recipes and the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::amg::{Amg, AmgParams, Smoothing};
use super::table::Table;
use super::{
    Blocks, BlocksParams, FastPoisson, Fsai, Icc, IctParams, Ilu, IlutParams, Inner, Jacobi, Lu, Sor,
    SorParams, Spai,
};
use crate::error::{Error, Result};
use crate::linalg::op::Identity;
use crate::linalg::{Cholesky, Csr, LinOp};
use crate::notation;

/// A preconditioner and its parameters.
///
/// Written `none`, `jacobi`, `sor(1.5)`, `ssor(1, sweeps = 2)`, `icc(1)`, `ict(1e-3, fill = 20)`, `ilu(0)`, `ilut(1e-3)`,
/// `fsai(2)`, `spai`, `koptimal`, `cholesky`, `lu`, `bjacobi(8, inner = icc)`, `asm(8, overlap = 2)`, `amg`, or as a
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
    /// [`Jacobi`], scaled by ω.
    Jacobi { omega: f64 },
    /// [`Sor`], forward sweeps: Gauss–Seidel at ω = 1.
    Sor { omega: f64, sweeps: usize },
    /// [`Sor`], symmetric sweeps.
    Ssor { omega: f64, sweeps: usize },
    /// [`Icc`] with this level of fill.
    Icc { levels: usize },
    /// [`Cholesky`]: M = A⁻¹.
    Cholesky,
    /// [`Ilu`] with this level of fill.
    Ilu { levels: usize },
    /// [`Lu`]: M = A⁻¹.
    Lu,
    /// [`Blocks`] without overlap.
    Bjacobi { blocks: usize, inner: Inner },
    /// [`Blocks`] with overlap.
    Asm {
        blocks: usize,
        overlap: usize,
        restricted: bool,
        inner: Inner,
    },
    /// [`Amg`] with the constant vector as near-null space.
    Amg { theta: f64, smoothing: Smoothing },
    /// [`Icc::threshold`].
    Ict { droptol: f64, fill: usize },
    /// [`Ilu::threshold`].
    Ilut { droptol: f64, fill: usize },
    /// [`Spai`] on the pattern of A.
    Spai,
    /// [`Fsai`] on the pattern of A to this power.
    Fsai { power: usize },
    /// [`Icc::k_optimal`]: small n only.
    Koptimal,
    /// [`FastPoisson`]: the inverse of the unperturbed grid's Poisson matrix.
    FastPoisson,
}

/// A preconditioner set up for one matrix.
pub struct Built {
    /// z = M r.
    pub op: Box<dyn LinOp + Send>,
    /// Seconds of setup.
    pub setup_seconds: f64,
    /// What is worth knowing: a shift that was needed, the levels of a hierarchy.
    pub note: Option<String>,
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
            Spec::Lu => "lu",
            Spec::Ict { .. } => "ict",
            Spec::Ilut { .. } => "ilut",
            Spec::Spai => "spai",
            Spec::Fsai { .. } => "fsai",
            Spec::Koptimal => "koptimal",
            Spec::Bjacobi { .. } => "bjacobi",
            Spec::Asm { .. } => "asm",
            Spec::Amg { .. } => "amg",
            Spec::FastPoisson => "fast-poisson",
        }
    }

    /// Sets the preconditioner up for A.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Argument`] for a parameter out of range; [`Error::Numeric`] where
    /// A does not allow this preconditioner (zero diagonal, not symmetric, not positive definite, not finite).
    pub fn build(&self, a: &Csr) -> Result<Built> {
        self.check()?;
        let start = Instant::now();
        let mut note = None;
        let op: Box<dyn LinOp + Send> = match *self {
            Spec::None => {
                super::check_square_finite(a)?;
                Box::new(Identity(a.nrows()))
            }
            Spec::Jacobi { omega } => Box::new(Jacobi::new(a, omega)?),
            Spec::Sor { omega, sweeps } => Box::new(Sor::new(a, sor(omega, sweeps, false))?),
            Spec::Ssor { omega, sweeps } => Box::new(Sor::new(a, sor(omega, sweeps, true))?),
            Spec::Icc { levels } => {
                let icc = Icc::new(a, levels)?;
                note = icc.shift().note();
                Box::new(icc)
            }
            Spec::Ilu { levels } => {
                let ilu = Ilu::new(a, levels)?;
                note = ilu.shift().note();
                Box::new(ilu)
            }
            Spec::Lu => Box::new(Lu::new(a)?),
            Spec::Ict { droptol, fill } => {
                let ict = Icc::threshold(a, IctParams { droptol, fill })?;
                note = ict.shift().note();
                Box::new(ict)
            }
            Spec::Ilut { droptol, fill } => {
                let ilut = Ilu::threshold(a, IlutParams { droptol, fill })?;
                note = ilut.shift().note();
                Box::new(ilut)
            }
            Spec::Spai => Box::new(Spai::new(a)?),
            Spec::Fsai { power } => Box::new(Fsai::new(a, power)?),
            Spec::Koptimal => Box::new(Icc::k_optimal(a)?),
            Spec::Bjacobi { .. } | Spec::Asm { .. } => {
                let blocks = Blocks::new(a, self.blocks())?;
                note = blocks.note();
                Box::new(blocks)
            }
            Spec::Amg { .. } => {
                let amg = Amg::new(a, self.amg())?;
                note = Some(format!(
                    "levels of {:?} unknowns, operator complexity {:.2}",
                    amg.sizes(),
                    amg.operator_complexity()
                ));
                Box::new(amg)
            }
            Spec::Cholesky => Box::new(cholesky(a)?),
            Spec::FastPoisson => {
                super::check_square_finite(a)?;
                Box::new(FastPoisson::new(a.nrows())?)
            }
        };
        Ok(Built {
            op,
            setup_seconds: start.elapsed().as_secs_f64(),
            note,
        })
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
            _ => Ok(()),
        }
    }
}

impl Spec {
    /// Parameters of `bjacobi` and `asm`.
    fn blocks(&self) -> BlocksParams {
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
    fn amg(&self) -> AmgParams {
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

fn sor(omega: f64, sweeps: usize, symmetric: bool) -> SorParams {
    SorParams {
        omega,
        sweeps,
        symmetric,
    }
}

pub(super) fn cholesky(a: &Csr) -> Result<Cholesky> {
    super::check_square_finite(a)?;
    if !a.is_symmetric(super::SYMMETRY) {
        return Err(Error::Numeric(
            "cholesky needs a symmetric matrix; this one is not".into(),
        ));
    }
    Cholesky::new(a)
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = self.name();
        match *self {
            Spec::None | Spec::Cholesky | Spec::Lu | Spec::Spai | Spec::Koptimal | Spec::FastPoisson => {
                f.write_str(name)
            }
            Spec::Jacobi { omega: 1.0 } => f.write_str(name),
            Spec::Jacobi { omega } => write!(f, "{name}({omega})"),
            Spec::Sor { omega, sweeps: 1 } | Spec::Ssor { omega, sweeps: 1 } => write!(f, "{name}({omega})"),
            Spec::Sor { omega, sweeps } | Spec::Ssor { omega, sweeps } => {
                write!(f, "{name}({omega}, sweeps = {sweeps})")
            }
            Spec::Icc { levels } | Spec::Ilu { levels } => write!(f, "{name}({levels})"),
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
