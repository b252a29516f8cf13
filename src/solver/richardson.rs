//! Damped Richardson iteration: with `jacobi` the Jacobi method, with `sor` Gauss–Seidel and SOR.

use serde::{Deserialize, Serialize};

use super::cg::ALL;
use super::convergence_test::ConvergenceTest;
use super::requirements::{Need, Requirements};
use super::{KrylovMethod, Memory, Method, Monitor, Outcome, Stop, Workspace};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::LinOp;

/// `richardson`.
pub(super) static ENTRY: Entry<dyn KrylovMethod> = Entry {
    name: "richardson",
    help: "damped Richardson iteration: with jacobi the Jacobi method, with sor Gauss–Seidel and SOR",
    source: "Saad (2003), section 4.2.1, doi:10.1137/1.9780898718003",
    needs: "",
    positional: &["scale"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// ω.
    #[serde(alias = "omega")]
    scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { scale: 1.0 }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        check(self.scale)
    }
}

const REQUIREMENTS: Requirements =
    Requirements { method: "richardson", matrix: Need::Nothing, preconditioner: Need::Nothing, norms: &ALL };

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
        richardson(ws.of(), self.scale, a, m, b, x, stop, monitor)
    }
    fn damping(&self) -> Option<f64> {
        Some(self.scale)
    }
}

impl Method {
    /// `richardson` with its damping ω.
    pub fn richardson(scale: f64) -> Method {
        Method::new(&ENTRY, Box::new(Config { scale }))
    }
}

/// Workspace of [`richardson`]: 2 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct Richardson {
    r: Vec<f64>,
    z: Vec<f64>,
}

impl Memory for Richardson {}

/// x ← x + ω M (b − A x), M ≈ A⁻¹, from the given x.
///
/// Needs: nothing of A or M but their sizes. Converges iff the spectral radius of I − ω M A is below 1.
/// Every noted residual is the true one. Memory: 2 n-vectors. Reference: Saad (2003), section 4.2.1,
/// doi:10.1137/1.9780898718003.
///
/// # Errors
/// [`Error::Argument`] unless ω (`scale`) is finite and not 0; sizes and values as all methods, see [`super`].
#[allow(clippy::too_many_arguments)] // the arguments of every method and the one parameter
pub fn richardson(
    ws: &mut Richardson,
    scale: f64,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    check(scale)?;
    REQUIREMENTS.check(a, m, stop)?;
    let mut run = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
    let (r, z) = (&mut ws.r, &mut ws.z);
    r.resize(b.len(), 0.0);
    z.resize(b.len(), 0.0);
    let mut stopped = run.begin(x, r);
    // Whether z = M r already, because the rule's norm asked for it.
    let mut fresh = false;
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        if !fresh {
            m.apply(r, z);
        }
        for (x, z) in x.iter_mut().zip(&*z) {
            *x += scale * z;
        }
        let norm = run.true_residual(x, r);
        fresh = run.uses_z();
        if fresh {
            m.apply(r, z);
        }
        stopped = run.note_true(run.norm_with(norm, r, z));
        stopped = run.show(stopped, x);
    };
    Ok(run.finish(reason, x, r))
}

/// # Errors
/// [`Error::Argument`] unless the damping is finite and not 0.
pub(super) fn check(scale: f64) -> Result<()> {
    if !scale.is_finite() || scale == 0.0 {
        return Err(Error::Argument(format!("richardson: scale = {scale} must be finite and not 0")));
    }
    Ok(())
}
