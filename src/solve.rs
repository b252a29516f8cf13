//! The one way to solve: a system, a method, and what stands beside A, with inference, setup and solve timed apart.
//!
//! ```
//! # use fempipe::{families, precond::Spec, solve::Problem, solver::Stop};
//! # let system = families::build("poisson", &toml::toml! { level = 3 }, "doc")?.sampler()?.sample(1, 0)?;
//! let problem = Problem::new(&system, "cg".parse()?, Stop::rtol(1e-5));
//! let solution = problem.solve_once("icc".parse::<Spec>()?.build(&system.matrix)?)?;
//! assert!(solution.outcome.converged());
//! # Ok::<(), fempipe::Error>(())
//! ```

pub mod classical;

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::interrupt;
use crate::linalg::op::{Identity, Promised};
use crate::linalg::{CoarseSpace, LinOp, Space};
use crate::precond::{Built, Joined, TwoLevel};
use crate::solver::{Method, Monitor, Outcome, Quiet, Side, Stop, Workspace, split};
use crate::system::LinearSystem;

/// What a space is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceAs {
    /// The method deflates it or, `gcrodr`, starts with it.
    #[default]
    Deflation,
    /// The coarse level of a two-level preconditioner around M, for any method: [`Joined::Balancing`].
    TwoLevel,
    /// The same, added to M: [`Joined::Additive`].
    Additive,
}

impl SpaceAs {
    /// All of them.
    pub const ALL: [SpaceAs; 3] = [SpaceAs::Deflation, SpaceAs::TwoLevel, SpaceAs::Additive];

    /// As recipes have it.
    pub fn name(self) -> &'static str {
        match self {
            SpaceAs::Deflation => "deflation",
            SpaceAs::TwoLevel => "two-level",
            SpaceAs::Additive => "additive",
        }
    }

    /// Whether the method itself uses the space.
    pub fn is_deflation(&self) -> bool {
        *self == SpaceAs::Deflation
    }
}

impl fmt::Display for SpaceAs {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SpaceAs {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::Argument(format!("space as {text:?}: must be deflation, two-level or additive"));
        Self::ALL.into_iter().find(|s| s.name() == text).ok_or_else(unknown)
    }
}

/// What stands beside A, predicted by a model or computed from A. Any part may be missing; parts of different origin
/// combine.
#[derive(Default)]
pub struct Acceleration {
    /// z = M r ≈ A⁻¹ r (n×n); the identity where there is none.
    pub preconditioner: Option<Box<dyn LinOp + Send>>,
    /// Where x starts (n), in the units of x; zero where there is none.
    pub guess: Option<Vec<f64>>,
    /// Slow modes, as columns (n×k); what they are used for is the [`Problem`]'s.
    pub space: Option<Space>,
    /// What is worth knowing: a shift that was needed.
    pub note: Option<String>,
    /// Whether a model's own answer was worse than what it started from, and the start stands in its place.
    pub fell_back: bool,
    /// Whether M is a direct solver: A⁻¹ up to rounding.
    pub direct: bool,
    /// Products with A that its making took, as iterations: those of a classical method whose iterates are features of
    /// a model or the guess, and those that put the guess together.
    pub setup_iterations: usize,
    /// Seconds that a model took.
    pub inference_seconds: f64,
    /// Seconds of setup from A alone.
    pub setup_seconds: f64,
}

impl Acceleration {
    /// M alone.
    pub fn preconditioner(op: impl LinOp + Send + 'static) -> Self {
        Acceleration { preconditioner: Some(Box::new(op)), ..Self::default() }
    }

    /// An initial guess alone (n).
    pub fn guess(x: Vec<f64>) -> Self {
        Acceleration { guess: Some(x), ..Self::default() }
    }

    /// A space alone (n×k), columns everywhere or of local support.
    pub fn space(columns: impl Into<Space>) -> Self {
        Acceleration { space: Some(columns.into()), ..Self::default() }
    }

    /// What a model predicts, with the seconds it takes.
    ///
    /// # Errors
    /// Those of the prediction.
    pub fn predicted(predict: impl FnOnce() -> Result<Acceleration>) -> Result<Self> {
        let clock = Instant::now();
        let prediction = predict()?;
        Ok(Acceleration {
            // What it set up from A alone is counted as setup.
            inference_seconds: (clock.elapsed().as_secs_f64() - prediction.setup_seconds).max(0.0),
            ..prediction
        })
    }

    /// The parts of both.
    ///
    /// # Errors
    /// [`Error::Argument`] if both have the same part.
    pub fn and(self, other: Acceleration) -> Result<Self> {
        Ok(Acceleration {
            preconditioner: either(self.preconditioner, other.preconditioner, PARTS[0])?,
            guess: either(self.guess, other.guess, PARTS[1])?,
            space: either(self.space, other.space, PARTS[2])?,
            note: match (self.note, other.note) {
                (Some(a), Some(b)) => Some(format!("{a}; {b}")),
                (a, b) => a.or(b),
            },
            fell_back: self.fell_back || other.fell_back,
            direct: self.direct || other.direct,
            setup_iterations: self.setup_iterations + other.setup_iterations,
            inference_seconds: self.inference_seconds + other.inference_seconds,
            setup_seconds: self.setup_seconds + other.setup_seconds,
        })
    }

    /// Its parts in words: "a preconditioner and an initial guess".
    pub fn parts(&self) -> String {
        let has = [self.preconditioner.is_some(), self.guess.is_some(), self.space.is_some()];
        let parts: Vec<&str> = PARTS.into_iter().zip(has).filter_map(|(p, has)| has.then_some(p)).collect();
        parts.join(" and ")
    }
}

const PARTS: [&str; 3] = ["a preconditioner", "an initial guess", "a subspace"];

/// Refuses M of another size than A (n×n).
pub(crate) fn same_size(m: &dyn LinOp, n: usize) -> Result<()> {
    match m.shape() {
        (p, q) if (p, q) == (n, n) => Ok(()),
        (p, q) => Err(Error::shape("preconditioner", format!("{n}×{n}"), format!("{p}×{q}"))),
    }
}

fn either<T>(a: Option<T>, b: Option<T>, part: &str) -> Result<Option<T>> {
    match (a, b) {
        (Some(_), Some(_)) => Err(Error::Argument(format!("both give {part}: leave one of them away"))),
        (a, b) => Ok(a.or(b)),
    }
}

impl From<Built> for Acceleration {
    fn from(built: Built) -> Self {
        Acceleration {
            preconditioner: Some(built.op),
            note: built.note,
            direct: built.direct,
            setup_seconds: built.setup_seconds,
            ..Self::default()
        }
    }
}

/// One linear system, and how to solve it.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    /// A, b and what is known of them.
    pub system: &'a LinearSystem,
    /// The Krylov method.
    pub method: Method,
    /// Where M stands; the method's own side where none is given.
    pub side: Option<Side>,
    /// When to stop.
    pub stop: Stop,
    /// What a space is for.
    pub space_as: SpaceAs,
}

/// An acceleration set up for one problem, for any number of solves.
pub struct Prepared {
    /// M (n×n).
    pub preconditioner: Box<dyn LinOp + Send>,
    /// Where x starts (n).
    pub guess: Option<Vec<f64>>,
    /// The given space with A W and what else the method needs of it.
    pub space: Option<CoarseSpace>,
    /// What a user should know of the setup: a repair, a fallback.
    pub note: Option<String>,
    /// As [`Acceleration::fell_back`].
    pub fell_back: bool,
    /// As [`Acceleration::direct`].
    pub direct: bool,
    /// As [`Acceleration::setup_iterations`].
    pub setup_iterations: usize,
    /// Seconds that a model took.
    pub inference_seconds: f64,
    /// Seconds of setup, inference not included; products of A with a space are.
    pub setup_seconds: f64,
}

impl Prepared {
    /// Stored numbers of M and the space.
    pub fn nnz(&self) -> usize {
        self.preconditioner.nnz() + self.space.as_ref().map_or(0, CoarseSpace::nnz)
    }
}

/// x and how it came about.
#[derive(Debug, Clone)]
pub struct Solution {
    /// x (n).
    pub x: Vec<f64>,
    /// Why the method stopped, and after how many iterations of its own.
    pub outcome: Outcome,
    /// Iterations before it began ([`Acceleration::setup_iterations`]), to be added to those.
    pub setup_iterations: usize,
    /// Seconds that a model took.
    pub inference_seconds: f64,
    /// Seconds of setup, inference not included.
    pub setup_seconds: f64,
    /// Seconds of the iteration.
    pub solve_seconds: f64,
}

impl<'a> Problem<'a> {
    /// With M on the method's own side.
    pub fn new(system: &'a LinearSystem, method: Method, stop: Stop) -> Self {
        Problem { system, method, side: None, stop, space_as: SpaceAs::default() }
    }

    /// The method with M on the side asked for.
    ///
    /// # Errors
    /// [`Error::Argument`] if it cannot have M there.
    pub fn method(&self) -> Result<Method> {
        match self.side {
            Some(side) => self.method.with_side(side),
            None => Ok(self.method.clone()),
        }
    }

    /// A with what is promised of it.
    fn matrix(&self) -> Promised<'a> {
        self.system.matrix.promised(self.system.props)
    }

    /// Sets up what is left to set up: the space, for A and the method, or as a coarse level of M.
    ///
    /// # Errors
    /// [`Error::Shape`] if M is of another size than A, [`Error::Argument`] if the method cannot use a space, or there
    /// is none for a coarse level; as [`Method::coarse_space`] or [`TwoLevel::new`] where the space does not fit A.
    pub fn prepare(&self, acceleration: impl Into<Acceleration>) -> Result<Prepared> {
        let given = acceleration.into();
        if let Some(m) = &given.preconditioner {
            same_size(&**m, self.system.n())?;
        }
        let clock = Instant::now();
        let mut preconditioner = given.preconditioner.unwrap_or_else(|| Box::new(Identity(self.system.n())));
        let joined = match self.space_as {
            SpaceAs::Deflation => None,
            SpaceAs::TwoLevel => Some(Joined::Balancing),
            SpaceAs::Additive => Some(Joined::Additive),
        };
        let space = match (given.space, joined) {
            (Some(_), _) if self.side == Some(Side::Symmetric) => {
                return Err(Error::Argument(
                    "a space goes with M on the method's own side: leave symmetric preconditioning away".into(),
                ));
            }
            (Some(space), None) => Some(self.method.coarse_space(&self.matrix(), &space)?),
            (Some(space), Some(joined)) => {
                preconditioner = Box::new(TwoLevel::new(&self.matrix(), preconditioner, &space, joined)?);
                None
            }
            (None, None) => None,
            (None, Some(_)) => {
                return Err(Error::Argument(format!("a space as {}: what is given has no space", self.space_as)));
            }
        };
        Ok(Prepared {
            preconditioner,
            guess: given.guess,
            space,
            note: given.note,
            fell_back: given.fell_back,
            direct: given.direct,
            setup_iterations: given.setup_iterations,
            inference_seconds: given.inference_seconds,
            setup_seconds: given.setup_seconds + clock.elapsed().as_secs_f64(),
        })
    }

    /// Solves with what was prepared for this problem.
    ///
    /// # Errors
    /// [`Error::Argument`] if the method cannot have M on that side; [`Error::Interrupted`] after Ctrl-C; else as
    /// [`Method::solve`]. Not converging is no error.
    pub fn solve(&self, ws: &mut Workspace, with: &Prepared, monitor: &mut dyn Monitor) -> Result<Solution> {
        self.solve_from(ws, with, &self.system.rhs, with.guess.clone(), monitor)
    }

    /// Solves for another right-hand side, from x = 0: a guess is for the system's own.
    ///
    /// # Errors
    /// As [`Problem::solve`].
    pub fn solve_for(
        &self,
        ws: &mut Workspace,
        with: &Prepared,
        b: &[f64],
        monitor: &mut dyn Monitor,
    ) -> Result<Solution> {
        self.solve_from(ws, with, b, None, monitor)
    }

    fn solve_from(
        &self,
        ws: &mut Workspace,
        with: &Prepared,
        b: &[f64],
        guess: Option<Vec<f64>>,
        monitor: &mut dyn Monitor,
    ) -> Result<Solution> {
        let (a, m, stop) = (&self.matrix(), &*with.preconditioner, &self.stop);
        let method = self.method()?;
        let mut x = guess.unwrap_or_else(|| vec![0.0; b.len()]);
        let clock = Instant::now();
        let outcome = match &with.space {
            Some(space) => method.solve_with_space(ws, space, a, m, b, &mut x, stop, monitor),
            None if self.side == Some(Side::Symmetric) => split(&method, ws, a, m, b, &mut x, stop, monitor),
            None => method.solve(ws, a, m, b, &mut x, stop, monitor),
        }?;
        if !outcome.converged() && interrupt::requested() {
            let (its, reached) = (outcome.iterations, outcome.relative_residual());
            return Err(Error::Interrupted(format!("after {its} iterations, {reached:e} reached")));
        }
        Ok(Solution {
            x,
            outcome,
            setup_iterations: with.setup_iterations,
            inference_seconds: with.inference_seconds,
            setup_seconds: with.setup_seconds,
            solve_seconds: clock.elapsed().as_secs_f64(),
        })
    }

    /// Prepares and solves once, in a workspace of its own.
    ///
    /// # Errors
    /// As [`Problem::prepare`] and [`Problem::solve`].
    pub fn solve_once(&self, acceleration: impl Into<Acceleration>) -> Result<Solution> {
        let prepared = self.prepare(acceleration)?;
        self.solve(&mut Workspace::default(), &prepared, &mut Quiet)
    }
}
