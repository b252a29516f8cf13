//! Restarted GMRES.

use serde::{Deserialize, Serialize};

use super::convergence_test::ConvergenceTest;
use super::hessenberg::Hessenberg;
use super::orthogonal::orthogonalize;
use super::requirements::{Need, Requirements};
use super::side::Side;
use super::split::split;
use super::stop::Norm;
use super::{KrylovMethod, Memory, Method, Monitor, Outcome, Reason, Stop, Workspace};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, vector};

/// `gmres`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    name: "gmres",
    help: "restarted GMRES, M on the right, left or either side of A",
    source: "Saad & Schultz (1986), doi:10.1137/0907058",
    needs: "A and M linear",
    positional: &["restart"],
    defaults: defaults::<GmresParams>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, GmresParams::check)?)),
};

/// Parameters of [`gmres`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GmresParams {
    /// Directions kept before a restart.
    pub restart: usize,
    /// Where M stands.
    pub side: Side,
}

impl Default for GmresParams {
    /// Restart 30, as PETSc; right preconditioning, so that the residual minimised is the true one.
    fn default() -> Self {
        GmresParams { restart: 30, side: Side::Right }
    }
}

impl GmresParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] if restart is 0.
    pub fn check(&self) -> Result<()> {
        if self.restart == 0 {
            return Err(Error::Argument("gmres: restart = 0 must be at least 1".into()));
        }
        Ok(())
    }
}

impl KrylovMethod for GmresParams {
    fn requirements(&self) -> Requirements {
        let (method, norms): (_, &[Norm]) = match self.side {
            Side::Right => ("gmres on the right", &[Norm::Unpreconditioned]),
            Side::Left => ("gmres on the left", &[Norm::Unpreconditioned, Norm::Preconditioned]),
            Side::Symmetric => ("gmres", &[Norm::Unpreconditioned, Norm::Preconditioned, Norm::Natural]),
        };
        Requirements { method, matrix: Need::Linear, preconditioner: Need::Linear, norms }
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
        match self.side {
            Side::Symmetric => {
                let inner = GmresParams { side: Side::Right, ..*self };
                split(&Method::new(&ENTRY, Box::new(inner)), ws, a, m, b, x, stop, monitor)
            }
            _ => gmres(ws.of(), self, a, m, b, x, stop, monitor),
        }
    }
    fn sides(&self) -> &'static [Side] {
        &[Side::Right, Side::Left, Side::Symmetric]
    }
    fn holds_iterates(&self) -> bool {
        false
    }
}

/// Workspace of [`gmres`]: restart + 3 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Gmres {
    /// Orthonormal basis, one n-vector after the other.
    basis: Vec<f64>,
    w: Vec<f64>,
    z: Vec<f64>,
    small: Hessenberg,
}

impl Memory for Gmres {}

/// GMRES(m) for A x = b with any square A, M ≈ A⁻¹; Gram–Schmidt in blocks of four, Givens rotations.
///
/// Right preconditioning minimises ‖b − A x‖₂ over x₀ + M K_k(A M, r₀), so that the residual it notes is the true one
/// up to rounding; left preconditioning minimises ‖M (b − A x)‖₂ and notes it scaled to ‖b − A x‖₂ at the last
/// restart. Either way the true residual is computed before convergence is reported, and the iteration goes on where
/// it is not met. A basis that cannot grow and has not solved the system (singular A M) ends with
/// [`Reason::DivergedBreakdown`]. Needs: A and M linear. Memory: restart + 3 n-vectors. Reference: Saad & Schultz
/// (1986), doi:10.1137/0907058; Saad (2003), algorithms 9.4 and 9.5.
///
/// # Errors
/// [`Error::Argument`] if restart is 0 or A or M is not promised linear; sizes and values as all methods, see
/// [`super`].
#[allow(clippy::too_many_arguments)] // the arguments of every method and the parameters
pub fn gmres(
    ws: &mut Gmres,
    params: &GmresParams,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    params.check()?;
    params.requirements().check(a, m, stop)?;
    if params.side == Side::Symmetric {
        return Err(Error::Argument("gmres itself has M on the left or right: solve through split".into()));
    }
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    let n = b.len();
    // More directions than unknowns are never built.
    let restart = params.restart.min(n.max(1));
    ws.basis.resize(n * (restart + 1), 0.0);
    ws.w.resize(n, 0.0);
    ws.z.resize(n, 0.0);
    let mut stopped = run.begin(x, &mut ws.w);
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        // ws.w holds b − A x, the last noted residual is its norm.
        let before = run.last();
        if params.side == Side::Left {
            m.apply(&ws.w, &mut ws.z);
            ws.w.copy_from_slice(&ws.z);
        }
        let beta = vector::norm2(&ws.w);
        if !beta.is_finite() {
            break Reason::DivergedNan;
        }
        let end = ws.cycle(params.side, restart, beta, a, m, &mut run);
        if !matches!(end, End::Stopped(Some(Reason::DivergedNan))) {
            ws.update(params.side, m, x);
        }
        let confirmed = run.confirm(x, &mut ws.w);
        stopped = end.verdict(confirmed, before, run.last());
    };
    Ok(run.finish(reason, x, &mut ws.w))
}

/// How a cycle of an Arnoldi method ended.
pub(super) enum End {
    /// By the stopping rule, or (`None`) because the basis is full.
    Stopped(Option<Reason>),
    /// The Krylov space cannot grow.
    NoGrowth,
}

impl End {
    /// The verdict on a cycle, from the confirmed one and the true residual before and after it.
    pub(super) fn verdict(self, confirmed: Option<Reason>, before: f64, after: f64) -> Option<Reason> {
        if confirmed.is_some_and(Reason::converged) {
            return confirmed;
        }
        match self {
            End::Stopped(Some(claim)) if !claim.converged() => Some(claim),
            End::NoGrowth if after > 0.5 * before => Some(Reason::DivergedBreakdown),
            _ => confirmed,
        }
    }
}

impl Gmres {
    /// Builds the basis from ws.w of norm beta until the rule, the restart length or a full space ends it.
    fn cycle(
        &mut self,
        side: Side,
        restart: usize,
        beta: f64,
        a: &dyn LinOp,
        m: &dyn LinOp,
        run: &mut ConvergenceTest,
    ) -> End {
        let n = self.w.len();
        self.small.begin(restart, beta);
        if beta == 0.0 {
            return End::NoGrowth;
        }
        // Left: ‖M r‖ is noted in the scale of ‖r‖ at the start of the cycle.
        let scale = run.last() / beta;
        scaled(1.0 / beta, &self.w, &mut self.basis[..n]);
        for k in 0..restart {
            let (known, next) = self.basis.split_at_mut((k + 1) * n);
            let (first, second) = match side {
                Side::Left => (a, m),
                _ => (m, a),
            };
            first.apply(&known[k * n..], &mut self.z);
            second.apply(&self.z, &mut self.w);
            let before = vector::norm2(&self.w);
            let column = &mut self.small.column()[..=k];
            let norm = orthogonalize(|j| &known[j * n..(j + 1) * n], &mut self.w, column);
            if !norm.is_finite() {
                return End::Stopped(Some(Reason::DivergedNan));
            }
            let grows = norm > f64::EPSILON * before;
            self.small.column()[k + 1] = if grows { norm } else { 0.0 };
            let accepted = self.small.accept(f64::EPSILON * before);
            let stopped = run.note(scale * self.small.residual());
            if stopped.is_some() {
                return End::Stopped(stopped);
            }
            if !grows || accepted.is_none() {
                return End::NoGrowth;
            }
            scaled(1.0 / norm, &self.w, &mut next[..n]);
        }
        End::Stopped(None)
    }

    /// x ← x + V y (left) or x + M V y (right), with y from the least-squares problem.
    fn update(&mut self, side: Side, m: &dyn LinOp, x: &mut [f64]) {
        self.w.fill(0.0);
        for (v, &y) in self.basis.chunks_exact(x.len()).zip(self.small.solve()) {
            vector::axpy(y, v, &mut self.w);
        }
        match side {
            Side::Left => vector::axpy(1.0, &self.w, x),
            _ => {
                m.apply(&self.w, &mut self.z);
                vector::axpy(1.0, &self.z, x);
            }
        }
    }
}

/// y ← a x.
pub(super) fn scaled(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = a * x;
    }
}
