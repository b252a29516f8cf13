//! Deflated conjugate gradients: slow modes given beforehand are solved for directly.

use super::convergence_test::ConvergenceTest;
use super::requirements::{Need, Requirements};
use super::{Memory, Monitor, Outcome, Reason, Stop};
use crate::error::{Error, Result};
use crate::linalg::{CoarseSpace, LinOp, vector};

/// Workspace of [`deflated_cg`]: 4 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct DeflatedCg {
    r: Vec<f64>,
    z: Vec<f64>,
    p: Vec<f64>,
    ap: Vec<f64>,
    c: Vec<f64>,
}

impl Memory for DeflatedCg {}

pub(super) const REQUIREMENTS: Requirements = Requirements::of("deflated cg", Need::Spd, Need::Spd);

/// CG with every direction A-orthogonal to W: p = z − W (Wᵀ A W)⁻¹ (A W)ᵀ z + β p.
///
/// Starts by solving for the part of x in span W, which is not counted as an iteration; the first residual noted is
/// the one after it. Converges as CG does on the spectrum that is left: with W the k lowest eigenvectors of A and M =
/// I, on λ_{k+1} … λ_n. Needs: A and M promised SPD. Memory: 4 n-vectors beside the space. Reference: Saad, Yeung,
/// Erhel & Guyomarc'h (2000), doi:10.1137/S1064829598339761.
///
/// # Errors
/// [`Error::Shape`] if the space is of another size, [`Error::Argument`] where a promise or the factor of Wᵀ A W is
/// missing; else as all methods, see [`super`].
#[allow(clippy::too_many_arguments)] // the arguments of all methods and the space
pub fn deflated_cg(
    ws: &mut DeflatedCg,
    space: &CoarseSpace,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    REQUIREMENTS.check(a, m, stop)?;
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    if space.nrows() != b.len() {
        return Err(Error::shape("rows of the coarse space", b.len(), space.nrows()));
    }
    if !space.is_factorized() {
        return Err(Error::Argument("deflated cg needs a coarse space with the Cholesky factor of Wᵀ A W".into()));
    }
    let DeflatedCg { r, z, p, ap, c } = ws;
    for v in [&mut *r, z, p, ap] {
        v.resize(b.len(), 0.0);
    }
    c.resize(space.dim(), 0.0);
    run.residual(x, r);
    space.restrict(r, c);
    space.prolong(1.0, c, x);
    let mut stopped = run.begin(x, r);
    let mut rz_before = 0.0;
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        m.apply(r, z);
        let rz = vector::dot(r, z);
        if !rz.is_finite() {
            break Reason::DivergedNan;
        }
        if rz <= 0.0 {
            break Reason::DivergedIndefinitePc;
        }
        if rz_before == 0.0 {
            p.copy_from_slice(z);
        } else {
            vector::xpby(z, rz / rz_before, p);
        }
        space.project(z, c);
        space.prolong(-1.0, c, p);
        rz_before = rz;
        a.apply(p, ap);
        let pap = vector::dot(p, ap);
        if !pap.is_finite() {
            break Reason::DivergedNan;
        }
        if pap <= 0.0 {
            break Reason::DivergedIndefiniteMat;
        }
        let norm = vector::advance(rz / pap, p, ap, x, r);
        stopped = run.note(norm);
        if stopped.is_some_and(Reason::converged) {
            stopped = run.confirm(x, r);
            if stopped.is_none() {
                // Drift has brought the deflated part back: take it out again.
                space.restrict(r, c);
                space.prolong(1.0, c, x);
                run.residual(x, r);
                rz_before = 0.0;
            }
        }
        stopped = run.show(stopped, x);
    };
    Ok(run.finish(reason, x, r))
}
