//! Conjugate gradients.

use serde::{Deserialize, Serialize};

use super::convergence_test::ConvergenceTest;
use super::deflated::{self, deflated_cg};
use super::eisenstat::{EisenstatCg, eisenstat_cg};
use super::lanczos::Lanczos;
use super::requirements::{Need, Requirements};
use super::stop::Norm;
use super::{KrylovMethod, Memory, Method, Monitor, Outcome, Reason, Stop, Workspace};
use crate::entry::Entry;
use crate::error::Result;
use crate::linalg::{CoarseFactor, CoarseSpace, Columns, LinOp, Space, vector};

/// The norms a method has that makes M r anyway.
pub(super) const ALL: [Norm; 3] = [Norm::Unpreconditioned, Norm::Preconditioned, Norm::Natural];

/// `cg`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    source: "Hestenes & Stiefel (1952), doi:10.6028/jres.049.044",
    needs: "A and M symmetric positive definite",
    ..Entry::of::<Config>("cg", "preconditioned conjugate gradients")
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

const REQUIREMENTS: Requirements =
    Requirements { method: "cg", matrix: Need::Spd, preconditioner: Need::Spd, norms: &ALL };

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
        cg(ws.of(), a, m, b, x, stop, monitor)
    }
    fn coarse_space(&self, a: &dyn LinOp, space: &Space) -> Option<Result<CoarseSpace>> {
        let allowed = deflated::REQUIREMENTS.check_matrix(a.props());
        Some(allowed.and_then(|()| CoarseSpace::new(a, space, Columns::Orthonormal, CoarseFactor::Cholesky)))
    }
    fn solve_with_space(
        &self,
        ws: &mut Workspace,
        space: &CoarseSpace,
        a: &dyn LinOp,
        m: &dyn LinOp,
        b: &[f64],
        x: &mut [f64],
        stop: &Stop,
        monitor: &mut dyn Monitor,
    ) -> Option<Result<Outcome>> {
        Some(deflated_cg(ws.of(), space, a, m, b, x, stop, monitor))
    }
}

impl Workspace {
    /// Ritz bounds of the spectrum of M A from the last [`cg`] solve, see [`Cg::spectrum`].
    pub fn cg_spectrum(&mut self) -> Option<(f64, f64)> {
        self.of::<Cg>().spectrum()
    }
}

impl Method {
    /// `cg`.
    pub fn cg() -> Method {
        Method::new(&ENTRY, Box::new(Config {}))
    }
}

/// Workspace of [`cg`]: 4 n-vectors, or 6 where M shares the triangles of A, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Cg {
    r: Vec<f64>,
    z: Vec<f64>,
    p: Vec<f64>,
    ap: Vec<f64>,
    lanczos: Lanczos,
    eisenstat: EisenstatCg,
}

impl Memory for Cg {}

impl Cg {
    /// The smallest and largest Ritz value of M A from the last solve's Lanczos coefficients, to about six digits.
    ///
    /// They lie inside the spectrum and reach its ends as the solve converges, so that their quotient bounds the
    /// condition number of M A from below. `None` if the last solve took no step. Reference: Saad (2003), section
    /// 6.7.3.
    pub fn spectrum(&self) -> Option<(f64, f64)> {
        self.lanczos.extremes()
    }
}

/// Preconditioned conjugate gradients for A x = b, A (n×n) symmetric positive definite, M ≈ A⁻¹.
///
/// Minimises ‖x − x*‖_A over x₀ + K_k(M A, M r₀); stops at ‖b − A x‖₂ ≤ max(rtol ‖b‖₂, atol), or by another [`Norm`].
/// Where the recurrence's residual meets that and the true one does not, it starts again from the true residual.
/// pᵀ A p ≤ 0 ends with [`Reason::DivergedIndefiniteMat`], rᵀ M r ≤ 0 with [`Reason::DivergedIndefinitePc`].
/// Needs: A and M promised SPD. Memory: 4 n-vectors. Where M shares the triangles of A ([`LinOp::eisenstat`]) no
/// product with A is made.
/// Reference: Hestenes & Stiefel (1952), doi:10.6028/jres.049.044.
///
/// # Errors
/// [`crate::Error::Argument`] unless A and M are promised SPD; sizes and values as all methods, see [`super`].
pub fn cg(
    ws: &mut Cg,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    REQUIREMENTS.check(a, m, stop)?;
    let norm_of_r = matches!(stop.norm, Norm::Unpreconditioned | Norm::None);
    if let Some(parts) = m.eisenstat().filter(|_| norm_of_r) {
        let own = (&mut ws.eisenstat, &mut ws.lanczos);
        if let Some(outcome) = eisenstat_cg(own, parts, a, m, b, x, stop, monitor)? {
            return Ok(outcome);
        }
    }
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    let Cg { r, z, p, ap, lanczos, .. } = ws;
    lanczos.begin(stop.max_it);
    for v in [&mut *r, z, p, ap] {
        v.resize(b.len(), 0.0);
    }
    let mut stopped = run.begin(x, r);
    // rᵀ M r of the iteration before; 0 makes the next direction p = M r.
    let mut rz_before = 0.0;
    // Whether z = M r already, because the rule's norm asked for it.
    let mut fresh = false;
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        if !fresh {
            m.apply(r, z);
        }
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
            let beta = rz / rz_before;
            lanczos.beta(beta);
            vector::xpby(z, beta, p);
        }
        rz_before = rz;
        a.apply(p, ap);
        let pap = vector::dot(p, ap);
        if !pap.is_finite() {
            break Reason::DivergedNan;
        }
        if pap <= 0.0 {
            break Reason::DivergedIndefiniteMat;
        }
        let alpha = rz / pap;
        lanczos.alpha(alpha);
        let norm = vector::advance(alpha, p, ap, x, r);
        fresh = run.uses_z();
        if fresh {
            m.apply(r, z);
        }
        stopped = run.note(run.norm_with(norm, r, z));
        if stopped.is_some_and(Reason::converged) {
            stopped = run.confirm(x, r);
            (rz_before, fresh) = (0.0, false);
            lanczos.close();
        }
        stopped = run.show(stopped, x);
    };
    Ok(run.finish(reason, x, r))
}
