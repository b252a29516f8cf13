//! Flexible conjugate gradients: the preconditioner may change from step to step.

use serde::{Deserialize, Serialize};

use super::cg::ALL;
use super::convergence_test::ConvergenceTest;
use super::requirements::{Need, Requirements};
use super::{KrylovMethod, Memory, Monitor, Outcome, Reason, Stop, Workspace};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, vector};

/// `fcg`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    name: "fcg",
    help: "flexible conjugate gradients: M may change from step to step",
    source: "Notay (2000), doi:10.1137/S1064827599362314",
    needs: "A symmetric positive definite",
    positional: &["directions"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Directions kept.
    directions: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { directions: 30 }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        check(self.directions)
    }
}

/// Directions that are kept at most: two n-vectors each.
const MOST_DIRECTIONS: usize = 10_000;

const REQUIREMENTS: Requirements =
    Requirements { method: "fcg", matrix: Need::Spd, preconditioner: Need::Nothing, norms: &ALL };

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
        fcg(ws.of(), self.directions, a, m, b, x, stop, monitor)
    }
}

/// Workspace of [`fcg`]: 2 directions + 2 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Fcg {
    r: Vec<f64>,
    z: Vec<f64>,
    /// The last directions p and their images A p, one n-vector after the other.
    p: Vec<f64>,
    ap: Vec<f64>,
    /// pᵀ A p of each.
    pap: Vec<f64>,
}

impl Memory for Fcg {}

/// Flexible CG for A x = b, A (n×n) symmetric positive definite, any M ≈ A⁻¹, which may differ from call to call.
///
/// Each new direction is made A-orthogonal to the last ones explicitly: with mₖ = max(1, k mod (`directions` + 1)) of
/// them, Notay's truncation and restart. rᵀ M r ≤ 0 ends with [`Reason::DivergedIndefinitePc`], pᵀ A p ≤ 0 with
/// [`Reason::DivergedIndefiniteMat`]. Needs: A promised SPD. Memory: 2 directions + 2 n-vectors.
/// Reference: Notay (2000), doi:10.1137/S1064827599362314.
///
/// # Errors
/// [`Error::Argument`] if `directions` is 0 or A is not promised SPD; sizes and values as all methods, see [`super`].
#[allow(clippy::too_many_arguments)] // the arguments of every method and the one parameter
pub fn fcg(
    ws: &mut Fcg,
    directions: usize,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    check(directions)?;
    REQUIREMENTS.check(a, m, stop)?;
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    let n = b.len();
    let Fcg { r, z, p, ap, pap } = ws;
    r.resize(n, 0.0);
    z.resize(n, 0.0);
    p.resize(n * directions, 0.0);
    ap.resize(n * directions, 0.0);
    pap.resize(directions, 0.0);
    let mut stopped = run.begin(x, r);
    // Directions made since the last start.
    let mut made = 0;
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
        let kept = if made == 0 { 0 } else { (made % (directions + 1)).max(1) };
        for back in 1..=kept {
            let j = (made - back) % directions;
            let old = j * n..(j + 1) * n;
            let coefficient = vector::dot(z, &ap[old.clone()]) / pap[j];
            vector::axpy(-coefficient, &p[old], z);
        }
        let slot = made % directions;
        let new = slot * n..(slot + 1) * n;
        p[new.clone()].copy_from_slice(z);
        a.apply(&p[new.clone()], &mut ap[new.clone()]);
        pap[slot] = vector::dot(&p[new.clone()], &ap[new.clone()]);
        if !pap[slot].is_finite() {
            break Reason::DivergedNan;
        }
        if pap[slot] <= 0.0 {
            break Reason::DivergedIndefiniteMat;
        }
        let alpha = vector::dot(&p[new.clone()], r) / pap[slot];
        vector::axpy(alpha, &p[new.clone()], x);
        vector::axpy(-alpha, &ap[new], r);
        made += 1;
        fresh = run.uses_z();
        if fresh {
            m.apply(r, z);
        }
        stopped = run.note(run.norm_with(vector::norm2(r), r, z));
        if stopped.is_some_and(Reason::converged) {
            stopped = run.confirm(x, r);
            (made, fresh) = (0, false);
        }
        stopped = run.show(stopped, x);
    };
    Ok(run.finish(reason, x, r))
}

/// # Errors
/// [`Error::Argument`] if no direction is kept.
pub(super) fn check(directions: usize) -> Result<()> {
    if (1..=MOST_DIRECTIONS).contains(&directions) {
        return Ok(());
    }
    Err(Error::Argument(format!("fcg: directions = {directions} must be from 1 to {MOST_DIRECTIONS}")))
}
