//! From a [`Spec`] and a matrix to a preconditioner.

use std::time::Instant;

use super::spec::sor;
use super::{
    Amg, Blocks, FastPoisson, Fsai, Icc, IctParams, Ilu, IlutParams, Inner, Jacobi, Ldlt, Lu, Sor, Spai,
    Spec, TwoLevel, sine_modes,
};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::op::Identity;
use crate::linalg::{Cholesky, Csr, LinOp, Props, SymbolicCholesky};

/// A preconditioner set up for one matrix.
pub struct Built {
    /// z = M r.
    pub op: Box<dyn LinOp + Send>,
    /// Seconds of setup.
    pub setup_seconds: f64,
    /// What is worth knowing: a shift that was needed, the levels of a hierarchy.
    pub note: Option<String>,
}

/// What preconditioners keep from matrix to matrix of one pattern: the analysis of a sparse Cholesky factor.
#[derive(Default)]
pub struct Reuse {
    cholesky: Option<SymbolicCholesky>,
    seconds: f64,
    /// Matrices since the analysis.
    used: usize,
}

impl Reuse {
    /// In words, where the analysis was another matrix's.
    fn note(&self) -> Option<String> {
        (self.used > 1).then(|| format!("analysed once for this pattern in {:.1e} s", self.seconds))
    }
}

impl Spec {
    /// Sets the preconditioner up for A.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Argument`] for a parameter out of range; [`Error::Numeric`] where
    /// A does not allow this preconditioner (zero diagonal, not symmetric, not positive definite, not finite).
    pub fn build(&self, a: &Csr) -> Result<Built> {
        self.build_again(a, &mut Reuse::default())
    }

    /// As [`Spec::build`], with what matrices of one pattern have in common kept in `reuse` from one to the next.
    ///
    /// # Errors
    /// As [`Spec::build`].
    pub fn build_again(&self, a: &Csr, reuse: &mut Reuse) -> Result<Built> {
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
            Spec::Icc { levels, shift } => {
                let icc = Icc::with_shift(a, levels, shift)?;
                note = icc.shift().note();
                Box::new(icc)
            }
            Spec::Ilu { levels, shift } => {
                let ilu = Ilu::with_shift(a, levels, shift)?;
                note = ilu.shift().note();
                Box::new(ilu)
            }
            Spec::Ldlt => Box::new(Ldlt::new(a)?),
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
                note = Some(levels(&amg));
                Box::new(amg)
            }
            Spec::Cholesky => {
                let cholesky = cholesky(a, reuse)?;
                note = reuse.note();
                Box::new(cholesky)
            }
            Spec::Sine { k, one_level } => {
                let (two, inside) = sine(a, k, one_level)?;
                note = inside;
                two
            }
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
}

fn levels(amg: &Amg) -> String {
    format!(
        "levels of {:?} unknowns, operator complexity {:.2}",
        amg.sizes(),
        amg.operator_complexity()
    )
}

impl Spec {
    /// Sets `amg` up with near-null-space vectors, see [`Amg::with_candidates`].
    ///
    /// # Errors
    /// [`Error::Argument`] for another preconditioner; else as [`Amg::with_candidates`].
    pub fn build_with_candidates(&self, a: &Csr, candidates: &Dense, block: usize) -> Result<Built> {
        if !matches!(self, Spec::Amg { .. }) {
            return Err(Error::Argument(format!(
                "{} has no use for near-null-space vectors: take amg",
                self.name()
            )));
        }
        let start = Instant::now();
        let amg = Amg::with_candidates(a, self.amg(), candidates, block)?;
        Ok(Built {
            note: Some(levels(&amg)),
            op: Box::new(amg),
            setup_seconds: start.elapsed().as_secs_f64(),
        })
    }
}

pub(super) fn cholesky(a: &Csr, reuse: &mut Reuse) -> Result<Cholesky> {
    super::check_square_finite(a)?;
    if !a.is_symmetric(super::SYMMETRY) {
        return Err(Error::Numeric(
            "cholesky needs a symmetric matrix; this one is not".into(),
        ));
    }
    let known = reuse.cholesky.take().filter(|s| s.fits(a));
    let symbolic = match known {
        Some(symbolic) => symbolic,
        None => {
            let start = Instant::now();
            let symbolic = SymbolicCholesky::new(a.pattern())?;
            (reuse.seconds, reuse.used) = (start.elapsed().as_secs_f64(), 0);
            symbolic
        }
    };
    reuse.used += 1;
    let factor = symbolic.factorize(a);
    reuse.cholesky = Some(symbolic);
    factor
}

/// Any one level and the sine modes of the square grid that the unknowns are, row by row.
fn sine(a: &Csr, k: usize, one_level: Inner) -> Result<(Box<dyn LinOp + Send>, Option<String>)> {
    super::check_square_finite(a)?;
    if !a.is_symmetric(super::SYMMETRY) {
        return Err(Error::Numeric(
            "sine needs a symmetric matrix; this one is not".into(),
        ));
    }
    let side = a.nrows().isqrt();
    if side * side != a.nrows() {
        return Err(Error::Argument(format!(
            "sine needs the nodes of a square grid, n = m²; the system has n = {}",
            a.nrows()
        )));
    }
    let (one, note) = one_level.build(a)?;
    let space = sine_modes(side, k.min(a.nrows()))?;
    let two = TwoLevel::new(&a.promised(Props::SPD), one, &space)?;
    Ok((Box::new(two), note))
}
