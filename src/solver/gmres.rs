//! Restarted GMRES.

use serde::{Deserialize, Serialize};

use super::run::Run;
use super::{Monitor, Outcome, Reason, Stop, need};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, vector};

/// On which side of A the preconditioner stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// M A x = M b: minimises ‖M (b − A x)‖₂.
    Left,
    /// A M u = b, x = M u: minimises the true ‖b − A x‖₂.
    #[default]
    Right,
}

/// Parameters of [`gmres`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GmresParams {
    /// Directions kept before a restart.
    pub restart: usize,
    pub side: Side,
}

impl Default for GmresParams {
    /// Restart 30, as PETSc; right preconditioning, so that the residual minimised is the true one.
    fn default() -> Self {
        GmresParams {
            restart: 30,
            side: Side::Right,
        }
    }
}

impl GmresParams {
    /// # Errors
    /// [`Error::Argument`] if restart is 0.
    pub fn check(&self) -> Result<()> {
        if self.restart == 0 {
            return Err(Error::Argument("gmres: restart = 0 must be at least 1".into()));
        }
        Ok(())
    }
}

/// Workspace of [`gmres`]: restart + 3 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Gmres {
    /// Orthonormal basis, one n-vector after the other.
    basis: Vec<f64>,
    w: Vec<f64>,
    z: Vec<f64>,
    /// Hessenberg matrix turned triangular, column k of restart + 1 entries.
    h: Vec<f64>,
    rotations: Vec<(f64, f64)>,
    /// Rotated right-hand side of the least-squares problem.
    g: Vec<f64>,
    /// Columns of h in use.
    columns: usize,
}

impl Gmres {
    fn resize(&mut self, n: usize, restart: usize) {
        self.basis.resize(n * (restart + 1), 0.0);
        self.w.resize(n, 0.0);
        self.z.resize(n, 0.0);
        self.h.resize(restart * (restart + 1), 0.0);
        self.rotations.resize(restart, (1.0, 0.0));
        self.g.resize(restart + 1, 0.0);
    }
}

/// GMRES(m) for A x = b with any square A, M ≈ A⁻¹; modified Gram–Schmidt, Givens rotations.
///
/// Right preconditioning minimises ‖b − A x‖₂ over x₀ + M K_k(A M, r₀), so that the residual it notes is the true one up
/// to rounding; left preconditioning minimises ‖M (b − A x)‖₂ and notes it scaled to ‖b − A x‖₂ at the last restart. Either way the true residual is computed
/// before convergence is reported, and the iteration goes on where it is not met. A basis that cannot grow and has not
/// solved the system (singular A M) ends with [`Reason::DivergedBreakdown`].
/// Needs: A and M linear. Memory: restart + 3 n-vectors.
/// Reference: Saad & Schultz (1986), doi:10.1137/0907058; Saad (2003), algorithms 9.4 and 9.5.
///
/// # Errors
/// [`Error::Argument`] if restart is 0 or A or M is not promised linear; sizes and values as all methods, see [`super`].
#[allow(clippy::too_many_arguments)] // the house signature and the parameters
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
    need::linear("gmres", a, m)?;
    let mut run = Run::start(a, m, b, x, stop, monitor)?;
    let n = b.len();
    // More directions than unknowns are never built.
    let restart = params.restart.min(n.max(1));
    ws.resize(n, restart);
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
        stopped = run.confirm(x, &mut ws.w);
        if stopped.is_none_or(|r| !r.converged()) {
            match end {
                End::Stopped(Some(claim)) if !claim.converged() => stopped = Some(claim),
                End::NoGrowth if run.last() > 0.5 * before => stopped = Some(Reason::DivergedBreakdown),
                _ => {}
            }
        }
    };
    Ok(run.finish(reason, x, &mut ws.w))
}

/// How a cycle ended.
enum End {
    /// By the stopping rule, or (`None`) because the basis is full.
    Stopped(Option<Reason>),
    /// The Krylov space cannot grow.
    NoGrowth,
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
        run: &mut Run,
    ) -> End {
        let n = self.w.len();
        self.columns = 0;
        self.g.fill(0.0);
        self.g[0] = beta;
        if beta == 0.0 {
            return End::NoGrowth;
        }
        // Left: ‖M r‖ is noted in the scale of ‖r‖ at the start of the cycle.
        let scale = run.last() / beta;
        for (v, w) in self.basis[..n].iter_mut().zip(&self.w) {
            *v = w / beta;
        }
        for k in 0..restart {
            let old = &self.basis[..(k + 1) * n];
            let (first, second): (&dyn LinOp, &dyn LinOp) = match side {
                Side::Left => (a, m),
                Side::Right => (m, a),
            };
            first.apply(&old[k * n..], &mut self.z);
            second.apply(&self.z, &mut self.w);
            let column = &mut self.h[k * (restart + 1)..][..restart + 1];
            let before = vector::norm2(&self.w);
            for (v, h) in old.chunks_exact(n).zip(column.iter_mut()) {
                *h = vector::dot(v, &self.w);
                vector::axpy(-*h, v, &mut self.w);
            }
            let norm = vector::norm2(&self.w);
            if !norm.is_finite() {
                return End::Stopped(Some(Reason::DivergedNan));
            }
            let grows = norm > f64::EPSILON * before;
            column[k + 1] = if grows { norm } else { 0.0 };
            self.rotate(k, restart);
            let column = &self.h[k * (restart + 1)..];
            if column[k].abs() <= f64::EPSILON * before {
                // A M is singular on this space: the column adds nothing.
                run.note(scale * self.g[k].abs());
                return End::NoGrowth;
            }
            self.columns = k + 1;
            let stopped = run.note(scale * self.g[k + 1].abs());
            if stopped.is_some() {
                return End::Stopped(stopped);
            }
            if !grows {
                return End::NoGrowth;
            }
            if k + 1 < restart {
                for (v, w) in self.basis[(k + 1) * n..][..n].iter_mut().zip(&self.w) {
                    *v = w / norm;
                }
            }
        }
        End::Stopped(None)
    }

    /// Applies the old Givens rotations to column k, and makes and applies the one that clears its subdiagonal.
    fn rotate(&mut self, k: usize, restart: usize) {
        let column = &mut self.h[k * (restart + 1)..][..k + 2];
        for (i, &(c, s)) in self.rotations[..k].iter().enumerate() {
            let (upper, lower) = (column[i], column[i + 1]);
            column[i] = c * upper + s * lower;
            column[i + 1] = c * lower - s * upper;
        }
        let r = column[k].hypot(column[k + 1]);
        let (c, s) = if r == 0.0 {
            (1.0, 0.0)
        } else {
            (column[k] / r, column[k + 1] / r)
        };
        (column[k], column[k + 1]) = (r, 0.0);
        self.rotations[k] = (c, s);
        self.g[k + 1] = -s * self.g[k];
        self.g[k] *= c;
    }

    /// x ← x + V y (left) or x + M V y (right), with y from the triangular system.
    fn update(&mut self, side: Side, m: &dyn LinOp, x: &mut [f64]) {
        let (n, stride) = (x.len(), self.rotations.len() + 1);
        for k in (0..self.columns).rev() {
            let mut sum = self.g[k];
            for j in k + 1..self.columns {
                sum -= self.h[j * stride + k] * self.g[j];
            }
            self.g[k] = sum / self.h[k * stride + k];
        }
        self.w.fill(0.0);
        for (v, &y) in self.basis.chunks_exact(n).zip(&self.g[..self.columns]) {
            vector::axpy(y, v, &mut self.w);
        }
        match side {
            Side::Left => vector::axpy(1.0, &self.w, x),
            Side::Right => {
                m.apply(&self.w, &mut self.z);
                vector::axpy(1.0, &self.z, x);
            }
        }
    }
}
