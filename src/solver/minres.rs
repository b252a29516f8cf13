//! MINRES for symmetric indefinite systems.

use serde::{Deserialize, Serialize};

use super::convergence_test::ConvergenceTest;
use super::requirements::{Need, Requirements};
use super::stop::Norm;
use super::{KrylovMethod, Memory, Monitor, Outcome, Reason, Stop, Workspace};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::linalg::{CoarseFactor, CoarseSpace, Columns, LinOp, Space, vector};

/// `minres`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    source: "Paige & Saunders (1975), doi:10.1137/0712047",
    needs: "A symmetric, M symmetric positive definite",
    ..Entry::of::<Config>("minres", "MINRES for symmetric indefinite A")
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

/// ‖A M r‖ relative to ‖M A‖ ‖r‖ at which r counts as a residual that cannot be made smaller.
const NORMAL_TOLERANCE: f64 = 1e-9;

const REQUIREMENTS: Requirements = Requirements {
    method: "minres",
    matrix: Need::Symmetric,
    preconditioner: Need::Spd,
    norms: &[Norm::Unpreconditioned, Norm::Natural],
};

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
        minres(ws.of(), a, m, b, x, stop, monitor)
    }
    fn coarse_space(&self, a: &dyn LinOp, space: &Space) -> Option<Result<CoarseSpace>> {
        let allowed = REQUIREMENTS.check_matrix(a.props());
        Some(allowed.and_then(|()| CoarseSpace::new(a, space, Columns::Orthonormal, CoarseFactor::Lu)))
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
        Some(deflated_minres(ws.of(), space, a, m, b, x, stop, monitor))
    }
}

/// Workspace of [`minres`]: 7 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Minres {
    /// Lanczos vectors vₖ₋₁ and vₖ, with vᵀ M v = 1.
    v_old: Vec<f64>,
    v: Vec<f64>,
    /// z = M v.
    z: Vec<f64>,
    az: Vec<f64>,
    /// Directions wₖ₋₂ and wₖ₋₁.
    w_old: Vec<f64>,
    w: Vec<f64>,
    /// The residual's direction: r = φ q.
    q: Vec<f64>,
    /// Coefficients in a space to deflate.
    c: Vec<f64>,
    /// The x of the smallest ‖A M r‖, empty until that is nearly 0.
    best: Vec<f64>,
}

impl Memory for Minres {}

/// Preconditioned MINRES for A x = b, A (n×n) symmetric, definite or not, M ≈ |A|⁻¹ symmetric positive definite.
///
/// Minimises ‖b − A x‖ in the norm of M over x₀ + K_k(M A, M r₀); what is noted, and stopped by, is ‖b − A x‖₂, which
/// falls monotonically for M = I. The residual itself is carried along by qₖ = sₖ qₖ₋₁ − cₖ vₖ₊₁, r = φ q; where it
/// has not fallen for a while it is compared with b − A x. On a singular system without a solution A M r vanishes and r
/// does not: x then minimises the residual, and the solve ends with [`Reason::DivergedInconsistent`]. vᵀ M v < 0 ends
/// with [`Reason::DivergedIndefinitePc`]. Needs: A promised symmetric, M promised SPD. Memory: 7 n-vectors. Reference:
/// Paige & Saunders (1975), doi:10.1137/0712047; ‖A r‖: Choi, Paige & Saunders (2011), doi:10.1137/100787921.
///
/// # Errors
/// [`crate::Error::Argument`] where a promise is missing; sizes and values as all methods, see [`super`].
pub fn minres(
    ws: &mut Minres,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    iterate(ws, None, a, m, b, x, stop, monitor)
}

/// MINRES with the slow modes of a space W solved for directly: A is replaced by A − A W E⁻¹ (A W)ᵀ, E = Wᵀ A W.
///
/// Starts by solving for the part of x in span W, which is not counted as an iteration; each z = M v loses its part
/// z ← z − W E⁻¹ (A W)ᵀ z, so that what is minimised is the residual orthogonal to W. Converges as MINRES does on the
/// spectrum that is left: with W the eigenvectors of smallest |λ| the gap around zero widens. Needs: A promised
/// symmetric, M promised SPD, E invertible. Memory: 7 n-vectors beside the space. Reference: Gaul, Gutknecht, Liesen &
/// Nabben (2013), doi:10.1137/110820713, section 3.
///
/// # Errors
/// As [`minres`]; [`Error::Shape`] if the space is of another size, [`Error::Argument`] if E has no factor.
#[allow(clippy::too_many_arguments)] // the arguments of all methods and the space
pub fn deflated_minres(
    ws: &mut Minres,
    space: &CoarseSpace,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    iterate(ws, Some(space), a, m, b, x, stop, monitor)
}

/// Both methods.
#[allow(clippy::too_many_arguments)] // the arguments of all methods and the space
fn iterate(
    ws: &mut Minres,
    space: Option<&CoarseSpace>,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    REQUIREMENTS.check(a, m, stop)?;
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    if let Some(space) = space {
        if space.nrows() != b.len() {
            return Err(Error::shape("rows of the coarse space", b.len(), space.nrows()));
        }
        if !space.is_factorized() {
            return Err(Error::Argument("deflated minres needs a coarse space with a factor of Wᵀ A W".into()));
        }
    }
    let Minres { v_old, v, z, az, w_old, w, q, c: coefficients, best } = ws;
    for u in [&mut *v_old, v, z, az, w_old, w, q] {
        u.resize(b.len(), 0.0);
    }
    coefficients.resize(space.map_or(0, CoarseSpace::dim), 0.0);
    if space.is_some() {
        run.residual(x, q);
    }
    deflate(space, coefficients, &run, x, q);
    let mut stopped = run.begin(x, q);
    // The size of M A, as the Lanczos matrix shows it.
    let mut size = 0.0_f64;
    let mut normal = Normal::new(best);
    let reason = 'solve: loop {
        if let Some(reason) = stopped {
            break reason;
        }
        // (Re)start: q holds b − A x.
        m.apply(q, z);
        let mut beta = vector::dot(q, z);
        if !beta.is_finite() {
            break Reason::DivergedNan;
        }
        if beta <= 0.0 {
            break Reason::DivergedIndefinitePc;
        }
        beta = beta.sqrt();
        let mut phi = beta;
        for (v, q) in v.iter_mut().zip(q.iter_mut()) {
            *q /= beta;
            *v = *q;
        }
        vector::scale(1.0 / beta, z);
        for u in [&mut *v_old, w_old, w] {
            u.fill(0.0);
        }
        let (mut c_old, mut s_old, mut c, mut s) = (1.0, 0.0, -1.0, 0.0);
        beta = 0.0;
        let mut plateau = Plateau::new(run.last());
        normal.begin();
        loop {
            // Lanczos: β₊ v₊ = A z − α v − β v₋.
            if let Some(space) = space {
                space.project(z, coefficients);
                space.prolong(-1.0, coefficients, z);
            }
            a.apply(z, az);
            let alpha = vector::dot(z, az);
            for ((old, v), az) in v_old.iter_mut().zip(&*v).zip(&*az) {
                *old = az - alpha * v - beta * *old;
            }
            std::mem::swap(v_old, v);
            m.apply(v, az);
            let square = vector::dot(v, az);
            if !(alpha.is_finite() && square.is_finite()) {
                break 'solve Reason::DivergedNan;
            }
            if square < 0.0 {
                break 'solve Reason::DivergedIndefinitePc;
            }
            let beta_next = square.sqrt();
            // QR of the tridiagonal matrix by reflections [c s; s −c].
            let epsilon = s_old * beta;
            let delta = -c_old * beta;
            (c_old, s_old) = (c, s);
            let (delta, gamma_bar) = (c * delta + s * alpha, s * delta - c * alpha);
            size = size.max(alpha.hypot(beta).hypot(beta_next));
            // ‖A M r‖ / ‖r‖ in the norm of M, r as the iteration before has left it.
            let root = gamma_bar.hypot(c_old * beta_next);
            if normal.has_risen(root, size, run.last(), x) || root == 0.0 {
                let residual = run.true_residual(x, q);
                m.apply(q, z);
                a.apply(z, az);
                m.apply(az, v);
                let (of_r, of_normal) = (vector::dot(q, z).sqrt(), vector::dot(az, v).sqrt());
                if of_normal <= f64::EPSILON * size * of_r || !normal.falls() {
                    break 'solve match of_normal <= 10.0 * NORMAL_TOLERANCE * size * of_r {
                        true => Reason::DivergedInconsistent,
                        false => Reason::DivergedStagnation,
                    };
                }
                if !residual.is_finite() {
                    break 'solve Reason::DivergedNan;
                }
                deflate(space, coefficients, &run, x, q);
                continue 'solve;
            }
            let gamma = gamma_bar.hypot(beta_next);
            if gamma <= f64::EPSILON * alpha.abs().max(beta) {
                break 'solve Reason::DivergedBreakdown;
            }
            (c, s) = (gamma_bar / gamma, beta_next / gamma);
            for (((old, w), z), x) in w_old.iter_mut().zip(&*w).zip(&*z).zip(x.iter_mut()) {
                *old = (z - delta * w - epsilon * *old) / gamma;
                *x += c * phi * *old;
            }
            std::mem::swap(w_old, w);
            phi *= s;
            if beta_next > 0.0 {
                vector::scale(1.0 / beta_next, v);
                vector::scale(1.0 / beta_next, az);
            }
            std::mem::swap(z, az);
            for (q, v) in q.iter_mut().zip(&*v) {
                *q = s * *q - c * v;
            }
            beta = beta_next;
            // qᵀ M q = 1.
            stopped = run.note(match stop.norm {
                Norm::Natural => phi.abs(),
                _ => phi.abs() * vector::norm2(q),
            });
            if stopped.is_some_and(Reason::converged) {
                stopped = run.confirm(x, q);
                if stopped.is_none() {
                    deflate(space, coefficients, &run, x, q);
                }
                continue 'solve;
            }
            if stopped.is_none() && plateau.reached(run.last()) {
                let noted = phi.abs() * vector::norm2(q);
                if run.residual(x, az) > 2.0 * noted {
                    stopped = run.deny(x, q);
                    if stopped.is_none() {
                        deflate(space, coefficients, &run, x, q);
                    }
                    continue 'solve;
                }
            }
            stopped = run.show(stopped, x);
            if stopped.is_some() {
                continue 'solve;
            }
        }
    };
    Ok(run.finish(reason, x, q))
}

/// Takes the part of the residual q that the space solves for out of it: drift brings it back.
fn deflate(space: Option<&CoarseSpace>, c: &mut [f64], run: &ConvergenceTest, x: &mut [f64], q: &mut [f64]) {
    if let Some(space) = space {
        space.restrict(q, c);
        space.prolong(1.0, c, x);
        run.residual(x, q);
    }
}

/// How ‖A M r‖ / ‖r‖ goes where A is singular and b not in its range: down as far as rounding lets it, then up again
/// while x grows beyond all bounds. The solve then starts again from the x before that; that it is singular shows where
/// a new start brings nothing.
struct Normal<'a> {
    least: f64,
    /// The residual there, and x.
    residual: f64,
    x: &'a mut Vec<f64>,
    /// The least of the start before.
    before: f64,
}

impl<'a> Normal<'a> {
    /// Relative to ‖M A‖: above it nothing is noted.
    const SMALL: f64 = 1e-7;
    /// A rise that is no fluctuation.
    const RISE: f64 = 1e3;

    fn new(x: &'a mut Vec<f64>) -> Self {
        x.clear();
        Normal { least: f64::INFINITY, residual: 0.0, x, before: f64::INFINITY }
    }

    /// A (re)start of the iteration.
    fn begin(&mut self) {
        self.before = self.before.min(self.least);
        self.least = f64::INFINITY;
    }

    /// Notes the `root` of x; where it has risen since, and the residual not fallen, x is put back.
    fn has_risen(&mut self, root: f64, size: f64, residual: f64, x: &mut [f64]) -> bool {
        if root <= Self::SMALL * size && root < 0.1 * self.least {
            (self.least, self.residual) = (root, residual);
            self.x.clear();
            self.x.extend_from_slice(x);
        }
        let risen = root >= Self::RISE * self.least && residual >= 0.5 * self.residual;
        if risen {
            x.copy_from_slice(self.x);
        }
        risen
    }

    /// Whether this start has brought less than the one before.
    fn falls(&self) -> bool {
        self.least < 0.1 * self.before
    }
}

/// Where the residual has not halved over [`Plateau::STEPS`] iterations, so that drift may be what it shows.
struct Plateau {
    mark: f64,
    steps: usize,
}

impl Plateau {
    /// Iterations between two looks: one product with A in as many is no cost.
    const STEPS: usize = 50;

    fn new(residual: f64) -> Self {
        Plateau { mark: residual, steps: 0 }
    }

    fn reached(&mut self, residual: f64) -> bool {
        self.steps += 1;
        if self.steps < Self::STEPS {
            return false;
        }
        let before = std::mem::replace(self, Plateau::new(residual)).mark;
        residual > 0.5 * before
    }
}
