//! GCRO-DR: restarted GMRES that keeps a space of slow modes, over restarts and over systems.

use serde::{Deserialize, Serialize};

use super::convergence_test::ConvergenceTest;
use super::gmres::{End, scaled};
use super::harmonic;
use super::hessenberg::Hessenberg;
use super::orthogonal::orthogonalize;
use super::requirements::{Need, Requirements};
use super::{KrylovMethod, Memory, Monitor, Outcome, Reason, Side, Stop, Workspace};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{CoarseFactor, CoarseSpace, Columns, LinOp, Space, vector};

/// `gcrodr`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    name: "gcrodr",
    help: "GCRO-DR: restarted GMRES that recycles a space of slow modes over restarts and systems",
    source: "Parks, de Sturler, Mackey, Johnson & Maiti (2006), doi:10.1137/040607277",
    needs: "A and M linear",
    positional: &["restart", "recycle"],
    defaults: defaults::<GcrodrParams>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, GcrodrParams::check)?)),
};

/// Parameters of [`gcrodr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GcrodrParams {
    /// Directions before a restart, the recycled ones included.
    pub restart: usize,
    /// Directions recycled.
    pub recycle: usize,
}

impl Default for GcrodrParams {
    fn default() -> Self {
        GcrodrParams { restart: 30, recycle: 10 }
    }
}

impl GcrodrParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] unless 0 < recycle < restart.
    pub fn check(&self) -> Result<()> {
        if self.recycle == 0 || self.recycle >= self.restart {
            return Err(Error::Argument(format!(
                "gcrodr: recycle = {} must be at least 1 and below restart = {}",
                self.recycle, self.restart
            )));
        }
        Ok(())
    }
}

const REQUIREMENTS: Requirements = Requirements::of("gcrodr", Need::Linear, Need::Linear);

impl KrylovMethod for GcrodrParams {
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
        gcrodr(ws.of(), self, a, m, b, x, stop, monitor)
    }
    fn coarse_space(&self, a: &dyn LinOp, space: &Space) -> Option<Result<CoarseSpace>> {
        Some(CoarseSpace::new(a, space, Columns::Orthonormal, CoarseFactor::None))
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
        let ws: &mut Gcrodr = ws.of();
        ws.set_space(space);
        let outcome = gcrodr(ws, self, a, m, b, x, stop, monitor);
        ws.forget();
        Some(outcome)
    }
    fn sides(&self) -> &'static [Side] {
        &[Side::Right]
    }
    fn holds_iterates(&self) -> bool {
        false
    }
    fn arguments(&self) -> Option<String> {
        Some(format!("{}, {}", self.restart, self.recycle))
    }
}

/// Workspace of [`gcrodr`] and its memory from system to system: 2 restart + recycle + 3 n-vectors.
#[derive(Debug, Clone, Default)]
pub struct Gcrodr {
    /// Orthonormal basis V of the current cycle and zᵢ = M vᵢ.
    v: Vec<Vec<f64>>,
    z: Vec<Vec<f64>>,
    /// The recycled space: A U = C with CᵀC = I, and Û with U = M Û (empty for a space given from outside).
    c: Vec<Vec<f64>>,
    u: Vec<Vec<f64>>,
    u_hat: Vec<Vec<f64>>,
    w: Vec<f64>,
    small: Hessenberg,
    /// Columns of H̄ (j + 2 entries each) and of B = Cᵀ A Z, untouched by rotations.
    h: Vec<Vec<f64>>,
    b: Vec<Vec<f64>>,
    /// U was given from outside: there is no Û.
    given: bool,
    /// And C with it, A U not yet orthonormal.
    mapped: bool,
    /// And is renewed all the same.
    renewed: bool,
}

impl Memory for Gcrodr {
    fn forget(&mut self) {
        Gcrodr::forget(self);
    }
}

impl Gcrodr {
    /// Gives a space of slow modes that stays as it is, instead of one found on the way. A W serves the next solve,
    /// which must be with the A that the space was set up for; solves after it multiply by their own.
    pub fn set_space(&mut self, space: &CoarseSpace) {
        [self.u, self.c] = space.columns();
        self.u_hat.clear();
        (self.given, self.mapped, self.renewed) = (true, true, false);
    }

    /// Gives a space of slow modes to start from, as [`Gcrodr::set_space`]: it is renewed after every cycle and kept
    /// from system to system, as one that was found. With M ≠ I the renewal then goes by the harmonic Ritz vectors of
    /// A, not of A M, on the space at hand.
    pub fn start_space(&mut self, space: &CoarseSpace) {
        self.set_space(space);
        self.renewed = true;
    }

    /// Forgets the space, given or found.
    pub fn forget(&mut self) {
        for space in [&mut self.c, &mut self.u, &mut self.u_hat] {
            space.clear();
        }
        (self.given, self.mapped, self.renewed) = (false, false, false);
    }

    /// Dimension of the space kept.
    pub fn recycled(&self) -> usize {
        self.u.len()
    }
}

/// GCRO-DR(m, k) for A x = b with any square A, M ≈ A⁻¹ on the right, so that the residual noted is the true one.
///
/// Every cycle first solves on the recycled space U, then builds m − k directions with A M orthogonal to C = A U,
/// then takes the k harmonic Ritz vectors of smallest modulus as the new U. The space stays in the workspace for the
/// next system, of this or another matrix of the same size, at k products with A and M (not counted as iterations);
/// one given by [`Gcrodr::set_space`] is used unchanged, one by [`Gcrodr::start_space`] renewed. Without a space the
/// first cycle is GMRES(m). Allocates once a cycle for the k-dimensional eigenproblem. Needs: A and M linear. Memory:
/// 2 m + k + 3 n-vectors. Reference: Parks, de Sturler, Mackey, Johnson & Maiti (2006), doi:10.1137/040607277.
///
/// # Errors
/// [`Error::Argument`] unless 0 < recycle < restart, or where a promise is missing; [`Error::Shape`] if the given space
/// is of another size or fills the restart length; else as all methods, see [`super`].
#[allow(clippy::too_many_arguments)] // the arguments of every method and the parameters
pub fn gcrodr(
    ws: &mut Gcrodr,
    params: &GcrodrParams,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    let mapped = std::mem::take(&mut ws.mapped);
    params.check()?;
    REQUIREMENTS.check(a, m, stop)?;
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    ws.prepare(params, b.len())?;
    let mut stopped = run.begin(x, &mut ws.w);
    if stopped.is_none() && !ws.u.is_empty() {
        ws.map_space(mapped, a, m);
        ws.project(x);
        stopped = run.confirm(x, &mut ws.w);
    }
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        let before = run.last();
        ws.project(x);
        let end = ws.cycle(params.restart.min(b.len()), a, m, &mut run);
        if !matches!(end, End::Stopped(Some(Reason::DivergedNan))) {
            ws.update(x);
            if !ws.given || ws.renewed {
                ws.renew(params.recycle);
            }
        }
        let confirmed = run.confirm(x, &mut ws.w);
        stopped = end.verdict(confirmed, before, run.last());
    };
    Ok(run.finish(reason, x, &mut ws.w))
}

impl Gcrodr {
    fn prepare(&mut self, params: &GcrodrParams, n: usize) -> Result<()> {
        let known = self.u.first().map_or(n, Vec::len);
        if known != n && self.given {
            return Err(Error::shape("rows of the recycled space", n, known));
        }
        if known != n {
            self.forget();
        }
        if self.u.len() >= params.restart {
            return Err(Error::shape(
                "dimension of the recycled space",
                format!("below restart = {}", params.restart),
                self.u.len(),
            ));
        }
        self.w.resize(n, 0.0);
        let restart = params.restart.min(n);
        for (set, len) in [(&mut self.v, restart + 1), (&mut self.z, restart)] {
            set.resize(len.max(set.len()), Vec::new());
            set.iter_mut().for_each(|v| v.resize(n, 0.0));
        }
        self.h.resize_with(restart, || Vec::with_capacity(restart + 1));
        self.b.resize_with(restart, Vec::new);
        Ok(())
    }

    /// For a new A or M: U ← M Û (or as given), then C ← A U unless it is `mapped`, both multiplied by what makes C
    /// orthonormal.
    fn map_space(&mut self, mapped: bool, a: &dyn LinOp, m: &dyn LinOp) {
        if !self.given {
            for (u, u_hat) in self.u.iter_mut().zip(&self.u_hat) {
                m.apply(u_hat, u);
            }
        }
        self.c.resize(self.u.len(), vec![0.0; self.w.len()]);
        let mut kept = 0;
        for j in 0..self.u.len() {
            self.c[j].resize(self.w.len(), 0.0);
            let (done, rest) = self.c.split_at_mut(j);
            if !mapped {
                a.apply(&self.u[j], &mut rest[0]);
            }
            let size = vector::norm2(&rest[0]);
            let (u_done, u_rest) = self.u.split_at_mut(j);
            for _ in 0..2 {
                for i in 0..kept {
                    let along = vector::dot(&done[i], &rest[0]);
                    vector::axpy(-along, &done[i], &mut rest[0]);
                    vector::axpy(-along, &u_done[i], &mut u_rest[0]);
                    if !self.given {
                        let (old, new) = self.u_hat.split_at_mut(j);
                        vector::axpy(-along, &old[i], &mut new[0]);
                    }
                }
            }
            let left = vector::norm2(&rest[0]);
            if left.is_nan() || left <= 1e-12 * size {
                continue;
            }
            let spaces = if self.given {
                [Some(&mut self.c), Some(&mut self.u), None]
            } else {
                [Some(&mut self.c), Some(&mut self.u), Some(&mut self.u_hat)]
            };
            for space in spaces.into_iter().flatten() {
                vector::scale(1.0 / left, &mut space[j]);
                space.swap(kept, j);
            }
            kept += 1;
        }
        for space in [&mut self.c, &mut self.u, &mut self.u_hat] {
            space.truncate(kept);
        }
    }

    /// x ← x + U Cᵀ r, r ← r − C Cᵀ r, with r in w.
    fn project(&mut self, x: &mut [f64]) {
        for (c, u) in self.c.iter().zip(&self.u) {
            let along = vector::dot(c, &self.w);
            vector::axpy(along, u, x);
            vector::axpy(-along, c, &mut self.w);
        }
    }

    /// Arnoldi on (I − C Cᵀ) A M from w until the rule, the restart length or a full space ends it.
    fn cycle(&mut self, restart: usize, a: &dyn LinOp, m: &dyn LinOp, run: &mut ConvergenceTest) -> End {
        let steps = restart.saturating_sub(self.c.len());
        let beta = vector::norm2(&self.w);
        self.small.begin(steps.max(1), beta);
        if !beta.is_finite() {
            return End::Stopped(Some(Reason::DivergedNan));
        }
        if beta == 0.0 || steps == 0 {
            return End::NoGrowth;
        }
        scaled(1.0 / beta, &self.w, &mut self.v[0]);
        for k in 0..steps {
            m.apply(&self.v[k], &mut self.z[k]);
            a.apply(&self.z[k], &mut self.w);
            let before = vector::norm2(&self.w);
            self.b[k].resize(self.c.len(), 0.0);
            orthogonalize(|j| &self.c[j], &mut self.w, &mut self.b[k]);
            let column = &mut self.h[k];
            column.clear();
            column.resize(k + 1, 0.0);
            let norm = orthogonalize(|j| &self.v[j], &mut self.w, column);
            if !norm.is_finite() {
                return End::Stopped(Some(Reason::DivergedNan));
            }
            let grows = norm > f64::EPSILON * before;
            column.push(if grows { norm } else { 0.0 });
            self.small.column()[..k + 2].copy_from_slice(column);
            let accepted = self.small.accept(f64::EPSILON * before);
            let stopped = run.note(self.small.residual());
            if stopped.is_some() {
                return End::Stopped(stopped);
            }
            if !grows || accepted.is_none() {
                return End::NoGrowth;
            }
            scaled(1.0 / norm, &self.w, &mut self.v[k + 1]);
        }
        End::Stopped(None)
    }

    /// Replaces the recycled space by the k harmonic Ritz vectors of smallest modulus of the cycle just done; it
    /// stays as it was where they are not to be had.
    fn renew(&mut self, k: usize) {
        let cycle = harmonic::Cycle {
            v: &self.v,
            z: &self.z,
            c: &self.c,
            u: &self.u,
            u_hat: &self.u_hat,
            h: &self.h,
            b: &self.b,
            given: self.given,
            steps: self.small.columns(),
        };
        if let Some(space) = harmonic::renewed(&cycle, k) {
            [self.c, self.u, self.u_hat] = space;
        }
    }

    /// x ← x + Z y − U B y.
    fn update(&mut self, x: &mut [f64]) {
        let y = self.small.solve();
        for (z, &y) in self.z.iter().zip(y) {
            vector::axpy(y, z, x);
        }
        for (i, u) in self.u.iter().enumerate() {
            let by: f64 = self.b.iter().zip(y).map(|(b, y)| b[i] * y).sum();
            vector::axpy(-by, u, x);
        }
    }
}
