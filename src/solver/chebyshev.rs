//! Chebyshev semi-iteration: no inner products, given bounds on the spectrum.

use serde::{Deserialize, Serialize};

use super::cg::{ALL, Cg, cg};
use super::convergence_test::ConvergenceTest;
use super::requirements::{Need, Requirements};
use super::{KrylovMethod, Memory, Monitor, Outcome, Quiet, Reason, Stop, Workspace};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, vector};
use crate::rng::{Purpose, stream};
use rand::RngExt;

/// CG steps on noise that find the largest eigenvalue where it is not given.
const ESTIMATE_STEPS: usize = 10;
/// The interval taken around an estimate λ: [0.1 λ, 1.1 λ], as in PETSc.
const INTERVAL: (f64, f64) = (0.1, 1.1);

/// `chebyshev`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    name: "chebyshev",
    help: "Chebyshev semi-iteration, without inner products; bounds on the spectrum of M A given or estimated",
    source: "Saad (2003), algorithm 12.1, doi:10.1137/1.9780898718003",
    needs: "A and M symmetric positive definite",
    positional: &["min", "max"],
    defaults: defaults::<ChebyshevParams>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, ChebyshevParams::check)?)),
};

/// Parameters of [`chebyshev`]: bounds on the eigenvalues of M A, found by ten CG steps where not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChebyshevParams {
    /// Default: 0.1 of the estimated largest eigenvalue.
    pub min: Option<f64>,
    /// Default: 1.1 of the estimated largest eigenvalue.
    pub max: Option<f64>,
}

const REQUIREMENTS: Requirements =
    Requirements { method: "chebyshev", matrix: Need::Spd, preconditioner: Need::Spd, norms: &ALL };

impl KrylovMethod for ChebyshevParams {
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
        chebyshev(ws.of(), self, a, m, b, x, stop, monitor)
    }
    fn arguments(&self) -> Option<String> {
        Some(match (self.min, self.max) {
            (None, None) => String::new(),
            (Some(min), None) => format!("min = {min}"),
            (None, Some(max)) => format!("max = {max}"),
            (Some(min), Some(max)) => format!("{min}, {max}"),
        })
    }
}

/// Workspace of [`chebyshev`]: 3 n-vectors, and that of [`cg`] where it estimates.
#[derive(Debug, Clone, Default)]
pub struct Chebyshev {
    r: Vec<f64>,
    z: Vec<f64>,
    d: Vec<f64>,
    cg: Cg,
}

impl Memory for Chebyshev {}

/// Chebyshev iteration for A x = b, A (n×n) and M ≈ A⁻¹ symmetric positive definite, spectrum of M A in [min, max].
///
/// The error polynomial is the smallest possible on [min, max]; eigenvalues between 0 and min are damped less, ones
/// above max make it diverge. Needs: A and M promised SPD. Memory: 3 n-vectors (7 with the estimate). Reference: Saad
/// (2003), algorithm 12.1.
///
/// # Errors
/// [`Error::Argument`] unless 0 < min < max, or where a promise is missing; sizes and values as all methods, see
/// [`super`].
#[allow(clippy::too_many_arguments)] // the arguments of every method and the parameters
pub fn chebyshev(
    ws: &mut Chebyshev,
    params: &ChebyshevParams,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    params.check()?;
    REQUIREMENTS.check(a, m, stop)?;
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    for u in [&mut ws.r, &mut ws.z, &mut ws.d] {
        u.resize(b.len(), 0.0);
    }
    let mut stopped = run.begin(x, &mut ws.r);
    let (min, max) = match stopped {
        None => ws.bounds(params, a, m)?,
        Some(_) => (0.1, 1.0),
    };
    let Chebyshev { r, z, d, .. } = ws;
    let (theta, delta) = ((max + min) / 2.0, (max - min) / 2.0);
    let sigma = theta / delta;
    let mut rho = 0.0;
    // Whether z = M r already, because the rule's norm asked for it.
    let mut fresh = false;
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        if !fresh {
            m.apply(r, z);
        }
        if rho == 0.0 {
            rho = 1.0 / sigma;
            for (d, z) in d.iter_mut().zip(&*z) {
                *d = z / theta;
            }
        } else {
            let next = 1.0 / (2.0 * sigma - rho);
            let (old, new) = (next * rho, 2.0 * next / delta);
            for (d, z) in d.iter_mut().zip(&*z) {
                *d = old * *d + new * z;
            }
            rho = next;
        }
        vector::axpy(1.0, d, x);
        a.apply(d, z);
        vector::axpy(-1.0, z, r);
        fresh = run.uses_z();
        if fresh {
            m.apply(r, z);
        }
        stopped = run.note(run.norm_with(vector::norm2(r), r, z));
        if stopped.is_some_and(Reason::converged) {
            stopped = run.confirm(x, r);
            (rho, fresh) = (0.0, false);
        }
        stopped = run.show(stopped, x);
    };
    Ok(run.finish(reason, x, r))
}

impl ChebyshevParams {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`Error::Argument`] for bounds that are not positive and in order.
    pub fn check(&self) -> Result<()> {
        let good = |v: Option<f64>| v.is_none_or(|v| v > 0.0 && v.is_finite());
        let ordered = !matches!((self.min, self.max), (Some(min), Some(max)) if min >= max);
        if good(self.min) && good(self.max) && ordered {
            return Ok(());
        }
        Err(Error::Argument("chebyshev: 0 < min < max must bound the eigenvalues of M A".into()))
    }
}

impl Chebyshev {
    /// The interval: as given, else around the largest Ritz value of a few CG steps on noise.
    fn bounds(&mut self, params: &ChebyshevParams, a: &dyn LinOp, m: &dyn LinOp) -> Result<(f64, f64)> {
        if let (Some(min), Some(max)) = (params.min, params.max) {
            return Ok((min, max));
        }
        let mut rng = stream(0, Purpose::Measure, 0);
        for z in &mut self.z {
            *z = rng.random_range(-1.0..1.0);
        }
        self.d.fill(0.0);
        let stop = Stop { rtol: 1e-14, max_it: ESTIMATE_STEPS, ..Stop::default() };
        cg(&mut self.cg, a, m, &self.z, &mut self.d, &stop, &mut Quiet)?;
        let Some((_, largest)) = self.cg.spectrum() else {
            return Err(Error::Numeric(
                "chebyshev: no CG step could estimate the spectrum of M A; give min and max".into(),
            ));
        };
        let min = params.min.unwrap_or(INTERVAL.0 * largest);
        let max = params.max.unwrap_or(INTERVAL.1 * largest);
        ChebyshevParams { min: Some(min), max: Some(max) }.check()?;
        Ok((min, max))
    }
}
