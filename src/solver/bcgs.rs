//! BiCGStab.

use serde::{Deserialize, Serialize};

use super::convergence_test::ConvergenceTest;
use super::requirements::{Need, Requirements};
use super::{KrylovMethod, Memory, Monitor, Outcome, Reason, Side, Stop, Workspace};
use crate::entry::Entry;
use crate::error::Result;
use crate::linalg::{LinOp, vector};

/// `bcgs`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    source: "van der Vorst (1992), doi:10.1137/0913035",
    needs: "A and M linear",
    ..Entry::of::<Config>("bcgs", "BiCGStab, M on the right")
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

const REQUIREMENTS: Requirements = Requirements::of("bcgs", Need::Linear, Need::Linear);

impl KrylovMethod for Config {
    fn requirements(&self) -> Requirements {
        REQUIREMENTS
    }
    fn solve(
        &self,
        ws: &mut Workspace,
        a: &dyn LinOp,
        m: &dyn LinOp,
        b: &[f64],
        x: &mut [f64],
        stop: &Stop,
        monitor: &mut dyn Monitor,
    ) -> Result<Outcome> {
        bcgs(ws.of(), a, m, b, x, stop, monitor)
    }
    fn sides(&self) -> &'static [Side] {
        &[Side::Right, Side::Symmetric]
    }
}

/// Workspace of [`bcgs`]: 6 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Bcgs {
    r: Vec<f64>,
    /// The fixed shadow residual.
    shadow: Vec<f64>,
    p: Vec<f64>,
    v: Vec<f64>,
    t: Vec<f64>,
    /// M p, later M s.
    z: Vec<f64>,
}

impl Memory for Bcgs {}

/// BiCGStab for A x = b with any square A, M ≈ A⁻¹ on the right: the residual noted is the true one up to rounding.
///
/// One iteration applies A and M twice, and is counted once, as in PETSc. Vanishing ρ = r̂ᵀ r or r̂ᵀ A M p starts it
/// again with a new shadow residual; where that does not help, or ω = 0, it ends with [`Reason::DivergedBreakdown`].
/// Needs: A and M linear. Memory: 6 n-vectors. Reference: van der Vorst (1992), doi:10.1137/0913035.
///
/// # Errors
/// [`crate::Error::Argument`] where a promise is missing; sizes and values as all methods, see [`super`].
pub fn bcgs(
    ws: &mut Bcgs,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    REQUIREMENTS.check(a, m, stop)?;
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    let Bcgs { r, shadow, p, v, t, z } = ws;
    for u in [&mut *r, shadow, p, v, t, z] {
        u.resize(b.len(), 0.0);
    }
    let mut stopped = run.begin(x, r);
    // r̂ᵀ r, α and ω of the iteration before; ρ = 0 asks for a start from r.
    let (mut rho_old, mut alpha, mut omega, mut shadow_norm) = (0.0, 1.0, 1.0, 0.0);
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        let norm = run.last();
        let mut rho = vector::dot(shadow, r);
        let fresh = rho_old == 0.0 || rho.abs() <= f64::EPSILON * norm * shadow_norm;
        if fresh {
            shadow.copy_from_slice(r);
            shadow_norm = norm;
            p.copy_from_slice(r);
            rho = norm * norm;
        } else {
            let beta = (rho / rho_old) * (alpha / omega);
            for ((p, r), v) in p.iter_mut().zip(&*r).zip(&*v) {
                *p = r + beta * (*p - omega * v);
            }
        }
        m.apply(p, z);
        a.apply(z, v);
        let sigma = vector::dot(shadow, v);
        if !sigma.is_finite() {
            break Reason::DivergedNan;
        }
        if sigma == 0.0 {
            if fresh {
                break Reason::DivergedBreakdown;
            }
            rho_old = 0.0;
            continue;
        }
        alpha = rho / sigma;
        rho_old = rho;
        vector::axpy(alpha, z, x);
        vector::axpy(-alpha, v, r);
        m.apply(r, z);
        a.apply(z, t);
        let tt = vector::dot(t, t);
        // A s = 0 with s = 0 is the solution; with s ≠ 0 it is a breakdown, seen below.
        omega = if tt > 0.0 { vector::dot(t, r) / tt } else { 0.0 };
        vector::axpy(omega, z, x);
        vector::axpy(-omega, t, r);
        stopped = run.note(vector::norm2(r));
        if stopped.is_some_and(Reason::converged) {
            stopped = run.confirm(x, r);
            rho_old = 0.0;
        } else if stopped.is_none() && omega == 0.0 {
            stopped = Some(Reason::DivergedBreakdown);
        }
        stopped = run.show(stopped, x);
    };
    Ok(run.finish(reason, x, r))
}
