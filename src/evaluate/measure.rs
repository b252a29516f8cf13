//! One solve, measured: setup and solve apart, the residual recomputed, the error against the stored solution.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::reached;
use super::recipe::Target;
use super::row::{Row, RowKind};
use super::seconds::Seconds;
use super::until::{Until, further_right_hand_side};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::vector::{all_finite, norm2};
use crate::models::constants::{self, Fitted};
use crate::models::{Device, Model};
use crate::precond::{Reuse, Spec};
use crate::solve::{Acceleration, Prepared, Problem};
use crate::solver::{Quiet, Reason, Stop, Workspace};
use crate::system::LinearSystem;

/// Unknowns up to which an error is kept entry by entry.
const MOST_OF_ERROR: usize = 5000;

/// One system solved one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Solve {
    /// Number of the dataset in the recipe.
    pub dataset: usize,
    /// Number of the row in the recipe.
    pub row: usize,
    /// What it was to reach.
    pub target: Target,
    /// The system's id in its dataset.
    pub sample: u64,
    /// Unknowns.
    pub n: usize,
    /// Whether it got there.
    pub converged: bool,
    /// PETSc's name of the reason; "SETUP_FAILED" where the preconditioner could not be made, "UNSUITABLE" where the
    /// system is of another kind than the method or the model is for.
    pub reason: String,
    /// Iterations, those before the method began included.
    pub iterations: usize,
    /// Those before it began: [`Acceleration::setup_iterations`].
    pub setup_iterations: usize,
    /// A model's inference.
    #[serde(with = "super::exact")]
    pub inference_seconds: f64,
    /// Setup, a model's inference and products of A with a space included.
    #[serde(with = "super::exact")]
    pub setup_seconds: f64,
    /// Seconds of the iterations alone.
    #[serde(with = "super::exact")]
    pub solve_seconds: f64,
    /// The seconds of each round where there are several, in their order; those above are then medians over them. A
    /// journal has each round by itself.
    #[serde(skip)]
    pub rounds: Vec<Seconds>,
    /// Half the range of setup and solve together over the rounds (`repeats` in a recipe), as a part of their median;
    /// None for a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
    /// ‖b − A x‖₂ / ‖b‖₂, recomputed.
    #[serde(with = "super::exact")]
    pub relative_residual: f64,
    /// ‖x − x*‖₂ / ‖x*‖₂ against the stored solution.
    #[serde(with = "super::exact")]
    pub relative_error: Option<f64>,
    /// δ = ‖x̂ − x*‖₂ / ‖x*‖₂ of a model's guess, before any iteration.
    #[serde(with = "super::exact")]
    pub guess_error: Option<f64>,
    /// ε = ‖x̂ − x*‖₁ / n of it, in the units of x.
    #[serde(with = "super::exact")]
    pub guess_mean_error: Option<f64>,
    /// cos(L, L*) between what a model says and the label it was trained on ([`Model::agreement`]); of a constant space
    /// the cosine of the largest principal angle to the stored eigenvectors ([`constants::agreement`]).
    #[serde(with = "super::exact")]
    pub label_cosine: Option<f64>,
    /// Stored numbers of the preconditioner.
    pub pc_nnz: usize,
    /// What setup had to say (a shift that was needed), or why there was no solve.
    pub note: Option<String>,
    /// Whether a model's answer was worse than what it started from, and the start was taken.
    pub fell_back: bool,
    /// Whether M is a direct solver on this very system, whatever it is called: its iterations say nothing.
    #[serde(default)]
    pub direct: bool,
    /// Relative residual before the first and after each iteration; kept for the first systems only.
    #[serde(with = "super::exact")]
    pub history: Vec<f64>,
    /// Iterations from one entry of the history to the next.
    pub history_every: usize,
    /// For each of the levels 10^(−1/4), 10^(−2/4), … in turn the iterations after which the relative residual was
    /// first below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reached: Vec<u32>,
    /// x − x*; kept for the first system of a dataset, if it is small.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "super::exact")]
    pub error: Vec<f64>,
}

impl Solve {
    /// What it took; of several rounds the medians over them.
    pub fn seconds(&self) -> Seconds {
        let (inference, setup, solving) = (self.inference_seconds, self.setup_seconds, self.solve_seconds);
        Seconds { inference, setup, solving }
    }

    /// Nothing done yet: what stands where the setup breaks down.
    fn unsolved(system: &LinearSystem, target: Target) -> Self {
        Solve {
            dataset: 0,
            row: 0,
            target,
            sample: system.index,
            n: system.n(),
            converged: false,
            reason: "SETUP_FAILED".into(),
            iterations: 0,
            setup_iterations: 0,
            inference_seconds: 0.0,
            setup_seconds: 0.0,
            solve_seconds: 0.0,
            rounds: Vec::new(),
            spread: None,
            relative_residual: 1.0,
            relative_error: None,
            guess_error: None,
            guess_mean_error: None,
            label_cosine: None,
            pc_nnz: 0,
            note: None,
            fell_back: false,
            direct: false,
            history: Vec::new(),
            history_every: 1,
            reached: Vec::new(),
            error: Vec::new(),
        }
    }

    /// The same where no solve came about, `broken` being the reason for what breaks down numerically; misuse and
    /// broken files stay errors.
    fn without_solve(self, e: Error, broken: &str) -> Result<Self> {
        let (reason, why) = match e {
            Error::Numeric(why) => (broken, why),
            Error::Unsuitable(why) => ("UNSUITABLE", why),
            e => return Err(e),
        };
        Ok(Solve { reason: reason.into(), note: Some(why), ..self })
    }
}

/// What a row needs that is made once per dataset.
pub enum Source {
    /// One made from A alone.
    Classical(Classical),
    /// The best constant, ready to use, and the classical preconditioner beside it.
    Constant(Fitted, Option<Classical>),
    /// A model, and the classical preconditioner beside it.
    Model(Box<dyn Model>, Option<Classical>),
}

/// A classical preconditioner, set up for every system; what systems of one pattern share is kept.
pub struct Classical {
    spec: Spec,
    reuse: Mutex<Reuse>,
}

impl Classical {
    fn new(spec: Spec) -> Self {
        Classical { spec, reuse: Mutex::default() }
    }

    fn build(&self, system: &LinearSystem) -> Result<Acceleration> {
        // A half-made analysis is thrown away by the next build.
        let mut reuse = self.reuse.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.spec.build_again(&system.matrix, &mut reuse)?.into())
    }
}

impl Source {
    /// What a row puts beside one system.
    ///
    /// # Errors
    /// If it cannot be made: a factorisation that breaks down, a model for another size, a part given twice.
    fn accelerate(&self, row: &Row, system: &LinearSystem) -> Result<Acceleration> {
        match self {
            Source::Classical(classical) => classical.build(system),
            Source::Constant(fitted, beside) => {
                let clock = Instant::now();
                let constant = fitted.make(system)?;
                let setup_seconds = constant.setup_seconds + clock.elapsed().as_secs_f64();
                with(Acceleration { setup_seconds, ..constant }, beside, system)
            }
            Source::Model(model, beside) => {
                with(Acceleration::predicted(|| model.predict(system, &row.options()))?, beside, system)
            }
        }
    }
}

impl Source {
    /// How near it comes to the label of a system; None where there is nothing to compare.
    fn agreement(&self, system: &LinearSystem) -> Result<Option<f64>> {
        match self {
            Source::Classical(_) => Ok(None),
            Source::Constant(fitted, _) => fitted.agreement(system),
            Source::Model(model, _) => model.agreement(system),
        }
    }
}

/// What is given and the classical preconditioner beside it.
fn with(given: Acceleration, beside: &Option<Classical>, system: &LinearSystem) -> Result<Acceleration> {
    match beside {
        Some(classical) => given.and(classical.build(system)?),
        None => Ok(given),
    }
}

/// Sets up what a row puts beside one system.
///
/// # Errors
/// If it cannot be made: a factorisation that breaks down, a model for another size, a space for a method without use
/// for it.
pub fn prepare(source: &Source, row: &Row, system: &LinearSystem) -> Result<Prepared> {
    problem(row, system, Stop::default()).prepare(source.accelerate(row, system)?)
}

/// Refuses a method without use for a space, and a coarse level for A that is not definite.
///
/// # Errors
/// [`Error::Argument`] naming the methods that have one.
pub fn can_use_a_space(row: &Row, system: &LinearSystem) -> Result<()> {
    let any = Acceleration::space(Dense::from_fn(system.n(), 1, |_, _| 1.0));
    match problem(row, system, Stop::default()).prepare(any) {
        Ok(_) | Err(Error::Numeric(_) | Error::Unsuitable(_)) => Ok(()),
        Err(e) => Err(e),
    }
}

fn problem<'a>(row: &Row, system: &'a LinearSystem, stop: Stop) -> Problem<'a> {
    Problem { space_as: row.space_as, ..Problem::new(system, row.ksp.clone(), stop) }
}

/// Solves one system one way. A setup that breaks down numerically, a right-hand side or guess that is not finite and a
/// system of a kind that the method or the model is not for are failed solves; misuse is an error.
///
/// # Errors
/// If the model is for another size, or the solver cannot use what stands beside A.
pub fn solve(ws: &mut Workspace, source: &Source, row: &Row, system: &LinearSystem, until: Until) -> Result<Solve> {
    let mut out = Solve::unsolved(system, until.target);
    let (stop, mut monitor) = until.rule(system)?;
    let clock = Instant::now();
    let prepared = match prepare(source, row, system) {
        Ok(p) => p,
        Err(e) => {
            out.setup_seconds = clock.elapsed().as_secs_f64();
            return out.without_solve(e, "SETUP_FAILED");
        }
    };
    out.label_cosine = source.agreement(system).unwrap_or(None);
    let known = system.solution.as_ref().filter(|exact| norm2(exact) > 0.0);
    let guess = prepared.guess.as_ref();
    let given = |x: &&Vec<f64>| all_finite(x) && x.iter().any(|&v| v != 0.0);
    if let (Some(exact), Some(x)) = (known, guess.filter(given)) {
        out.guess_error = Some(distance(x, exact));
        let sum: f64 = x.iter().zip(exact).map(|(x, e)| (x - e).abs()).sum();
        out.guess_mean_error = Some(sum / x.len() as f64);
    }
    if until.right_hand_sides > 1 && guess.is_some() {
        return Err(Error::Argument(
            "right_hand_sides: an initial guess is for one right-hand side; leave the row away".into(),
        ));
    }
    out.setup_iterations = prepared.setup_iterations;
    out.direct = prepared.direct;
    // What features and guess took is taken from the most there may be.
    let stop = Stop { max_it: stop.max_it.saturating_sub(prepared.setup_iterations).max(1), ..stop };
    let solution = match problem(row, system, stop).solve(ws, &prepared, &mut *monitor) {
        Ok(solution) => solution,
        Err(e) => {
            out.setup_seconds = prepared.inference_seconds + prepared.setup_seconds;
            return out.without_solve(e, Reason::DivergedNan.name());
        }
    };
    let outcome = solution.outcome;
    out.inference_seconds = solution.inference_seconds;
    out.setup_seconds = solution.inference_seconds + solution.setup_seconds;
    out.solve_seconds = solution.solve_seconds;
    out.converged = outcome.converged();
    out.reason = Reason::name(outcome.reason).into();
    out.iterations = prepared.setup_iterations + outcome.iterations;
    out.relative_residual = outcome.relative_residual();
    out.pc_nnz = prepared.nnz();
    out.fell_back = prepared.fell_back;
    out.relative_error = known.map(|exact| distance(&solution.x, exact));
    let scale = if outcome.b_norm > 0.0 { outcome.b_norm } else { 1.0 };
    out.history_every = outcome.history_every;
    out.history = outcome.history.iter().map(|r| r / scale).collect();
    out.reached = reached::levels(&out.history, out.history_every, out.setup_iterations);
    if let Some(exact) = known.filter(|exact| exact.len() <= MOST_OF_ERROR) {
        out.error = solution.x.iter().zip(exact).map(|(x, e)| x - e).collect();
    }
    for k in 1..until.right_hand_sides {
        let b = further_right_hand_side(system, k);
        let solution = problem(row, system, stop).solve_for(ws, &prepared, &b, &mut Quiet)?;
        out.iterations += solution.outcome.iterations;
        out.solve_seconds += solution.solve_seconds;
        out.relative_residual = out.relative_residual.max(solution.outcome.relative_residual());
        if out.converged && !solution.outcome.converged() {
            out.converged = false;
            out.reason = Reason::name(solution.outcome.reason).into();
        }
    }
    out.note = prepared.note;
    Ok(out)
}

/// ‖x − e‖₂ / ‖e‖₂.
fn distance(x: &[f64], exact: &[f64]) -> f64 {
    let difference: Vec<f64> = x.iter().zip(exact).map(|(x, e)| x - e).collect();
    norm2(&difference) / norm2(exact)
}

/// What a row needs for the dataset at a place among its own; models predict `on` a device.
///
/// # Errors
/// If a model cannot be loaded or the training split is missing.
pub fn source(
    kind: &RowKind,
    (place, on): (usize, Device),
    fit: impl FnOnce(&constants::Spec) -> Result<Fitted>,
) -> Result<Source> {
    match kind {
        RowKind::Classical(spec) => Ok(Source::Classical(Classical::new(spec.clone()))),
        RowKind::Constant(spec, beside) => Ok(Source::Constant(fit(spec)?, beside.clone().map(Classical::new))),
        RowKind::Model(paths, beside) => {
            let missing = || Error::Argument(format!("no model is named for dataset {place}"));
            let path = paths.of(place).ok_or_else(missing)?;
            Ok(Source::Model(crate::models::load(path, on)?, beside.clone().map(Classical::new)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::condition_after;
    use crate::evaluate::recipe::Measure;
    use crate::families;
    use crate::linalg::{Csr, Props};
    use crate::models::PredictOptions;
    use crate::models::testing::SineModes;

    const TARGET: Until =
        Until { target: Target { rtol: 1e-8, measure: Measure::Residual }, max_it: 1000, right_hand_sides: 1 };

    #[test]
    fn further_right_hand_sides_share_one_setup() {
        let family = families::build("poisson", &toml::toml! { level = 4 }, "test").unwrap();
        let system = family.sampler().unwrap().sample(1, 0).unwrap();
        let row = Row::classical("cg".parse().unwrap(), "icc");
        let source = Source::Classical(classical("icc"));
        let run = |right_hand_sides| {
            solve(&mut Workspace::default(), &source, &row, &system, Until { right_hand_sides, ..TARGET }).unwrap()
        };
        let (one, three) = (run(1), run(3));
        let further: usize = [1, 2]
            .map(|k| {
                let other = LinearSystem { rhs: further_right_hand_side(&system, k), ..system.clone() };
                solve(&mut Workspace::default(), &source, &row, &other, TARGET).unwrap().iterations
            })
            .iter()
            .sum();
        assert!(three.converged && further > 0 && three.relative_residual <= 1e-8);
        assert_eq!((three.iterations, three.pc_nnz), (one.iterations + further, one.pc_nnz));
        assert_ne!(further_right_hand_side(&system, 1), further_right_hand_side(&system, 2));
        // One that does not converge is a failure of the whole.
        let short = Until { max_it: one.iterations, right_hand_sides: 3, ..TARGET };
        let out = solve(&mut Workspace::default(), &source, &row, &system, short).unwrap();
        assert_eq!((out.converged, out.reason.as_str()), (false, "DIVERGED_ITS"));
        // A guess is for one right-hand side.
        let row = Row::learned("cg".parse().unwrap(), "run".into());
        let guess = Source::Model(Box::new(Nonsense), None);
        let refused = solve(&mut Workspace::default(), &guess, &row, &system, Until { right_hand_sides: 2, ..TARGET });
        assert!(refused.unwrap_err().to_string().contains("one right-hand side"));
    }

    fn classical(pc: &str) -> Classical {
        Classical::new(pc.parse().unwrap())
    }

    fn learned(pc: Option<&str>) -> Source {
        Source::Model(Box::new(SineModes(10)), pc.map(classical))
    }

    #[test]
    fn a_predicted_space_goes_with_a_classical_preconditioner() {
        let family = families::build("poisson", &toml::toml! { level = 4 }, "test").unwrap();
        let system = family.sampler().unwrap().sample(1, 0).unwrap();
        for ksp in ["cg", "gcrodr(30, 10)"] {
            let row = Row::learned(ksp.parse().unwrap(), "modes".into());
            let run = |source: &Source| {
                let ws = &mut Workspace::default();
                let out = solve(ws, source, &row, &system, TARGET).unwrap();
                assert!(out.converged && out.relative_error.unwrap() < 1e-6, "{out:?}");
                out
            };
            let icc = run(&Source::Classical(classical("icc")));
            let [space, both] = [None, Some("icc")].map(|pc| run(&learned(pc)));
            assert!(both.iterations < icc.iterations && both.iterations < space.iterations);
            assert!(icc.inference_seconds == 0.0 && both.inference_seconds > 0.0);
            assert!(both.setup_seconds > both.inference_seconds);
            assert_eq!(both.pc_nnz, icc.pc_nnz + 2 * 10 * 225);
        }
        // What is deflated does not count for the condition number.
        let row = Row::learned("cg".parse().unwrap(), "modes".into());
        let [before, after] = [Source::Classical(classical("icc")), learned(Some("icc"))].map(|source| {
            let made = prepare(&source, &row, &system).unwrap();
            let (a, m) = (&system.matrix, &*made.preconditioner);
            condition_after(a, system.props, m, made.space.as_ref(), None).unwrap()
        });
        assert!(2.0 * after.unwrap().kappa < before.unwrap().kappa);
        // Other methods name those that use a space.
        let row = Row::learned("bcgs".parse().unwrap(), "modes".into());
        let refused = solve(&mut Workspace::default(), &learned(None), &row, &system, TARGET);
        assert!(refused.unwrap_err().to_string().contains("take cg, minres or gcrodr"));
    }

    /// Guesses what is no number.
    struct Nonsense;

    impl Model for Nonsense {
        fn name(&self) -> &'static str {
            "nonsense"
        }
        fn parameters(&self) -> usize {
            0
        }
        fn predict(&self, system: &LinearSystem, _: &PredictOptions) -> Result<Acceleration> {
            Ok(Acceleration::guess(vec![f64::NAN; system.n()]))
        }
    }

    #[test]
    fn what_is_not_finite_or_of_another_kind_is_a_failed_solve_with_its_reason() {
        let family = families::build("poisson", &toml::toml! { level = 4 }, "test").unwrap();
        let system = family.sampler().unwrap().sample(1, 0).unwrap();
        let row = Row::learned("cg".parse().unwrap(), "run".into());
        let run = |source: &Source, system: &LinearSystem| {
            let out = solve(&mut Workspace::default(), source, &row, system, TARGET).unwrap();
            assert!(!out.converged && out.guess_error.is_none(), "{out:?}");
            (out.reason, out.note.unwrap())
        };
        let (reason, note) = run(&Source::Model(Box::new(Nonsense), None), &system);
        assert_eq!((reason.as_str(), note.contains("initial guess: entry 0 is NaN")), ("DIVERGED_NANORINF", true));
        let mut broken = system.clone();
        broken.rhs[2] = f64::INFINITY;
        let (reason, note) = run(&Source::Classical(classical("icc")), &broken);
        assert_eq!((reason.as_str(), note.contains("right-hand side: entry 2")), ("DIVERGED_NANORINF", true));
        // With a space, which the method refuses to set up, and without one alike.
        let general = LinearSystem { props: Props::SYMMETRIC, ..system };
        for source in [learned(None), Source::Classical(classical("none"))] {
            let (reason, note) = run(&source, &general);
            assert_eq!((reason.as_str(), note.contains("take minres or gmres")), ("UNSUITABLE", true), "{note}");
        }
    }

    #[test]
    fn a_space_that_cannot_be_set_up_is_a_failed_solve() {
        let minus: Vec<_> = (0..16).map(|i| (i, i, -1.0)).collect();
        let a = Csr::from_triplets(16, 16, &minus).unwrap();
        let system = LinearSystem::plain(a, vec![1.0; 16], Props::SPD);
        let row = Row::learned("cg".parse().unwrap(), "modes".into());
        let out = solve(&mut Workspace::default(), &learned(None), &row, &system, TARGET).unwrap();
        assert!(!out.converged && out.reason == "SETUP_FAILED" && out.setup_seconds > 0.0);
        assert!(out.note.unwrap().contains("not positive definite"));
    }
}
