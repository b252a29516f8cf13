//! Flexible restarted GMRES: the preconditioner may change from step to step.

use serde::{Deserialize, Serialize};

use super::convergence_test::ConvergenceTest;
use super::gmres::{End, scaled};
use super::hessenberg::Hessenberg;
use super::orthogonal::orthogonalize;
use super::requirements::{Need, Requirements};
use super::{KrylovMethod, Memory, Monitor, Outcome, Reason, Side, Stop, Workspace};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, vector};

/// `fgmres`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    name: "fgmres",
    help: "flexible restarted GMRES: M may change from step to step",
    source: "Saad (1993), doi:10.1137/0914028",
    needs: "",
    positional: &["restart"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Directions before a restart.
    restart: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { restart: 30 }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        check(self.restart)
    }
}

const REQUIREMENTS: Requirements = Requirements::of("fgmres", Need::Nothing, Need::Nothing);

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
        fgmres(ws.of(), self.restart, a, m, b, x, stop, monitor)
    }
    fn sides(&self) -> &'static [Side] {
        &[Side::Right]
    }
    fn holds_iterates(&self) -> bool {
        false
    }
}

/// Workspace of [`fgmres`]: 2 restart + 2 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Fgmres {
    /// Orthonormal basis V, one n-vector after the other.
    basis: Vec<f64>,
    /// zₖ = Mₖ vₖ.
    preconditioned: Vec<f64>,
    w: Vec<f64>,
    small: Hessenberg,
}

impl Memory for Fgmres {}

/// Flexible GMRES(m) for A x = b with any square A; M ≈ A⁻¹ may differ from call to call (an inner iteration).
///
/// Right preconditioned: minimises ‖b − A x‖₂ over x₀ + span(z₁ … zₖ), zᵢ = Mᵢ vᵢ; with a linear M it is
/// right-preconditioned [`super::gmres`] at twice the memory. A space that cannot grow without a solution ends with
/// [`Reason::DivergedBreakdown`]. Needs: A linear. Memory: 2 restart + 2 n-vectors. Reference: Saad (1993),
/// doi:10.1137/0914028.
///
/// # Errors
/// [`Error::Argument`] if restart is 0; sizes and values as all methods, see [`super`].
#[allow(clippy::too_many_arguments)] // the arguments of every method and the one parameter
pub fn fgmres(
    ws: &mut Fgmres,
    restart: usize,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    check(restart)?;
    REQUIREMENTS.check(a, m, stop)?;
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    let n = b.len();
    let restart = restart.min(n.max(1));
    ws.basis.resize(n * (restart + 1), 0.0);
    ws.preconditioned.resize(n * restart, 0.0);
    ws.w.resize(n, 0.0);
    let mut stopped = run.begin(x, &mut ws.w);
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        let before = run.last();
        let end = ws.cycle(restart, a, m, &mut run);
        if !matches!(end, End::Stopped(Some(Reason::DivergedNan))) {
            for (z, &y) in ws.preconditioned.chunks_exact(n).zip(ws.small.solve()) {
                vector::axpy(y, z, x);
            }
        }
        let confirmed = run.confirm(x, &mut ws.w);
        stopped = end.verdict(confirmed, before, run.last());
    };
    Ok(run.finish(reason, x, &mut ws.w))
}

/// # Errors
/// [`Error::Argument`] if restart is 0.
pub(super) fn check(restart: usize) -> Result<()> {
    if restart == 0 {
        return Err(Error::Argument("fgmres: restart = 0 must be at least 1".into()));
    }
    Ok(())
}

impl Fgmres {
    /// Builds both bases from ws.w, the true residual.
    fn cycle(&mut self, restart: usize, a: &dyn LinOp, m: &dyn LinOp, run: &mut ConvergenceTest) -> End {
        let n = self.w.len();
        let beta = run.last();
        self.small.begin(restart, beta);
        scaled(1.0 / beta, &self.w, &mut self.basis[..n]);
        for k in 0..restart {
            let (known, next) = self.basis.split_at_mut((k + 1) * n);
            let z = &mut self.preconditioned[k * n..][..n];
            m.apply(&known[k * n..], z);
            a.apply(z, &mut self.w);
            let before = vector::norm2(&self.w);
            let column = &mut self.small.column()[..=k];
            let norm = orthogonalize(|j| &known[j * n..(j + 1) * n], &mut self.w, column);
            if !norm.is_finite() {
                return End::Stopped(Some(Reason::DivergedNan));
            }
            let grows = norm > f64::EPSILON * before;
            self.small.column()[k + 1] = if grows { norm } else { 0.0 };
            let accepted = self.small.accept(f64::EPSILON * before);
            let stopped = run.note(self.small.residual());
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
}
