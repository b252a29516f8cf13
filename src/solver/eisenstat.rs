//! Conjugate gradients without products with A, for preconditioners that share its triangles.

use super::convergence_test::ConvergenceTest;
use super::lanczos::Lanczos;
use super::{Monitor, Outcome, Reason, Stop};
use crate::error::Result;
use crate::linalg::op::Eisenstat;
use crate::linalg::{LinOp, vector};

/// Workspace of [`eisenstat_cg`]: 6 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct EisenstatCg {
    r: Vec<f64>,
    w: Vec<f64>,
    p: Vec<f64>,
    u: Vec<f64>,
    q: Vec<f64>,
    t: Vec<f64>,
}

/// How far q may be from A u, relative to it, before M is taken for the preconditioner of another matrix.
const OTHER_MATRIX: f64 = 1e-8;

/// [`super::cg`] for M = (P + U)⁻¹ P (P + L)⁻¹, A = L + D + U: the same iterates, but for rounding, and the same
/// residuals. An iteration reads U once and L once; [`super::cg`] reads both triangles of M and all of A. None where M
/// belongs to another matrix than A, which one product tells.
///
/// It keeps w = (P + L)⁻¹ r beside r, so that rᵀ M r = wᵀ P w; directions are p ← w + β p with u = (P + U)⁻¹ P p, and
/// (P + L)⁻¹ A u = u + t comes with A u from one substitution. Reference: Eisenstat (1981), doi:10.1137/0902001.
///
/// # Errors
/// As [`super::cg`], whose requirements the caller checks; the rule's norm must not be one of M r.
#[allow(clippy::too_many_arguments)] // the arguments of every method
pub fn eisenstat_cg(
    (ws, lanczos): (&mut EisenstatCg, &mut Lanczos),
    parts: &dyn Eisenstat,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Option<Outcome>> {
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    let EisenstatCg { r, w, p, u, q, t } = ws;
    for v in [&mut *r, w, p, u, q, t] {
        v.resize(b.len(), 0.0);
    }
    lanczos.begin(stop.max_it);
    let mut stopped = run.begin(x, r);
    // rᵀ M r of this iteration and of the one before; 0 begins with the direction M r.
    let (mut rz, mut rz_before) = (0.0, 0.0);
    let mut checked = false;
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        if rz_before == 0.0 {
            parts.forward(r, w);
            rz = weighted_square(w, parts.pivots());
        }
        if !rz.is_finite() {
            break Reason::DivergedNan;
        }
        if rz <= 0.0 {
            break Reason::DivergedIndefinitePc;
        }
        if rz_before == 0.0 {
            p.copy_from_slice(w);
        } else {
            let beta = rz / rz_before;
            lanczos.beta(beta);
            vector::xpby(w, beta, p);
        }
        rz_before = rz;
        parts.backward(p, u);
        let pap = parts.product(p, u, q, t);
        if !std::mem::replace(&mut checked, true) && !is_product(a, u, q) {
            return Ok(None);
        }
        if !pap.is_finite() {
            break Reason::DivergedNan;
        }
        if pap <= 0.0 {
            break Reason::DivergedIndefiniteMat;
        }
        let alpha = rz / pap;
        lanczos.alpha(alpha);
        let norm = vector::advance(alpha, u, q, x, r);
        rz = vector::advance_weighted(alpha, u, t, w, parts.pivots());
        stopped = run.note(norm);
        if stopped.is_some_and(Reason::converged) {
            stopped = run.confirm(x, r);
            rz_before = 0.0;
            lanczos.close();
        }
        stopped = run.show(stopped, x);
    };
    Ok(Some(run.finish(reason, x, r)))
}

/// Σ pᵢ wᵢ².
fn weighted_square(w: &[f64], pivots: &[f64]) -> f64 {
    w.iter().zip(pivots).map(|(w, p)| p * w * w).sum()
}

/// Whether q = A u up to rounding; where u or q is not finite the iteration will tell.
fn is_product(a: &dyn LinOp, u: &[f64], q: &[f64]) -> bool {
    let mut au = vec![0.0; u.len()];
    a.apply(u, &mut au);
    let size = vector::norm_inf(&au);
    let apart = au.iter().zip(q).fold(0.0, |most: f64, (a, q)| most.max((a - q).abs()));
    !(size.is_finite() && apart > OTHER_MATRIX * size)
}
