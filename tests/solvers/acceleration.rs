//! What stands beside A: parts of a model and classical ones, together and refused.

use fempipe::linalg::{Csr, Props, dense::Dense};
use fempipe::models::{Model, PredictOptions};
use fempipe::precond::{Spec, sine_modes};
use fempipe::solve::{Acceleration, Problem, Solution, SpaceAs};
use fempipe::solver::{Method, Quiet, Side, Stop, Workspace, split};
use fempipe::system::LinearSystem;
use fempipe::{Error, Result};

use crate::systems::{convection, poisson, random_vector, residual};

/// A model as small as one can be: slow modes, a guess, or both, on a k×k grid.
struct Known {
    modes: usize,
    guess: Option<Vec<f64>>,
}

impl Model for Known {
    fn name(&self) -> &'static str {
        "known"
    }
    fn parameters(&self) -> usize {
        0
    }
    fn predict(&self, system: &LinearSystem, _: &PredictOptions) -> Result<Acceleration> {
        let space = match self.modes {
            0 => None,
            k => Some(sine_modes(system.n().isqrt(), k)?),
        };
        Ok(Acceleration { guess: self.guess.clone(), space: space.map(Into::into), ..Acceleration::default() })
    }
}

fn system(a: Csr, seed: u64, props: Props) -> (LinearSystem, Vec<f64>) {
    let x = random_vector(a.nrows(), seed);
    let mut b = vec![0.0; a.nrows()];
    a.spmv(&x, &mut b);
    (LinearSystem::plain(a, b, props), x)
}

/// The model's parts, and those of a classical preconditioner beside them.
fn solve(system: &LinearSystem, method: &str, model: &Known, pc: &str) -> Result<Solution> {
    let predicted = Acceleration::predicted(|| model.predict(system, &PredictOptions::default()))?;
    let classical = pc.parse::<Spec>()?.build(&system.matrix)?;
    let problem = Problem::new(system, method.parse()?, Stop::default());
    problem.solve_once(predicted.and(classical.into())?)
}

fn count(system: &LinearSystem, method: &str, model: &Known, pc: &str) -> usize {
    let solution = solve(system, method, model, pc).unwrap();
    let out = &solution.outcome;
    assert!(out.converged(), "{method} {pc}: {:?}", out.reason);
    assert!(residual(&system.matrix, &system.rhs, &solution.x) <= 1.0001e-8 * out.b_norm);
    out.iterations
}

#[test]
fn spaces_and_guesses_of_a_model_go_with_classical_preconditioners() {
    let (s, exact) = system(poisson(24), 140, Props::SPD);
    let near: Vec<f64> = exact.iter().zip(random_vector(576, 141)).map(|(x, e)| x + 1e-4 * e).collect();
    let model = |modes, guess: Option<&Vec<f64>>| Known { modes, guess: guess.cloned() };
    let nothing = model(0, None);
    for (method, pc) in [("cg", "icc"), ("gcrodr(40, 8)", "icc"), ("cg", "ssor")] {
        let [plain, space, guess, both] = [&nothing, &model(8, None), &model(0, Some(&near)), &model(8, Some(&near))]
            .map(|m| count(&s, method, m, pc));
        println!("{method} {pc}: {plain}, space {space}, guess {guess}, both {both}");
        assert!(space < plain && guess < plain, "{method} {pc}");
        assert!(both < space && both < guess, "{method} {pc}");
    }
    // Multigrid has solved for the slow modes already.
    let amg = |m: &Known| count(&s, "cg", m, "amg");
    assert!(amg(&model(8, None)) <= amg(&nothing) && amg(&model(8, Some(&near))) < amg(&nothing));
    // The whole solution leaves nothing to do, the space alone more than with a preconditioner beside it.
    assert_eq!(count(&s, "cg", &model(8, Some(&exact)), "icc"), 0);
    assert!(count(&s, "cg", &model(8, None), "icc") < count(&s, "cg", &model(8, None), "none"));
    // A guess is for every method.
    for method in ["richardson", "minres", "bcgs", "gmres"] {
        assert!(count(&s, method, &model(0, Some(&near)), "ssor") < count(&s, method, &nothing, "ssor"));
    }
}

#[test]
fn seconds_are_told_apart() {
    let (s, _) = system(poisson(60), 142, Props::SPD);
    let model = Known { modes: 20, guess: None };
    let problem = Problem::new(&s, "cg".parse().unwrap(), Stop::default());
    let predicted = Acceleration::predicted(|| model.predict(&s, &PredictOptions::default())).unwrap();
    assert!(predicted.inference_seconds > 0.0 && predicted.setup_seconds == 0.0);
    assert_eq!(predicted.parts(), "a subspace");
    let inference = predicted.inference_seconds;
    let prepared = problem.prepare(predicted).unwrap();
    // The products of A with the space are setup.
    assert!(prepared.setup_seconds > 0.0 && prepared.inference_seconds == inference);
    assert_eq!(prepared.nnz(), 2 * 20 * 3600);
    let solution = problem.solve(&mut Workspace::default(), &prepared, &mut Quiet).unwrap();
    assert_eq!(solution.setup_seconds, prepared.setup_seconds);
    assert!(solution.solve_seconds > 0.0);
    let built = "icc".parse::<Spec>().unwrap().build(&s.matrix).unwrap();
    let seconds = built.setup_seconds;
    let both = Acceleration::guess(vec![0.0; 3600]).and(built.into()).unwrap();
    assert!(both.setup_seconds == seconds && both.parts() == "a preconditioner and an initial guess");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let (s, _) = system(poisson(6), 143, Props::SPD);
    let pc = |text: &str| Acceleration::from(text.parse::<Spec>().unwrap().build(&s.matrix).unwrap());
    let space = || Acceleration::space(sine_modes(6, 3).unwrap());
    for (twice, part) in [
        (pc("icc").and(pc("jacobi")), "a preconditioner"),
        (space().and(space()), "a subspace"),
        (Acceleration::guess(vec![]).and(Acceleration::guess(vec![])), "an initial guess"),
    ] {
        let error = twice.err().unwrap().to_string();
        assert!(error.contains(part) && error.contains("leave one of them"), "{error}");
    }
    let problem = |method: &str| Problem::new(&s, method.parse().unwrap(), Stop::default());
    for method in ["fcg", "gmres", "fgmres", "bcgs", "richardson", "chebyshev"] {
        let error = problem(method).prepare(space()).err().unwrap().to_string();
        assert!(error.contains(method) && error.contains("take cg, minres or gcrodr"), "{error}");
    }
    let symmetric = Problem { side: Some(Side::Symmetric), ..problem("cg") };
    assert!(matches!(symmetric.prepare(space()), Err(Error::Argument(_))));
    let foreign = Acceleration::space(Dense::zeros(5, 2));
    assert!(matches!(problem("cg").prepare(foreign), Err(Error::Shape { .. })));
    let short = Acceleration::guess(vec![0.0; 3]);
    assert!(matches!(problem("cg").solve_once(short), Err(Error::Shape { .. })));
    // What A or M does not promise is the method's to refuse.
    let (general, _) = system(convection(6), 144, Props::GENERAL);
    let cg = Problem::new(&general, "cg".parse().unwrap(), Stop::default());
    for part in [Acceleration::default(), space()] {
        assert!(matches!(cg.solve_once(part), Err(Error::Unsuitable(_))));
    }
    // A coarse level needs a space, and A definite.
    for space_as in [SpaceAs::TwoLevel, SpaceAs::Additive] {
        let coarse = |system| Problem { space_as, ..Problem::new(system, "gmres".parse().unwrap(), Stop::default()) };
        let error = coarse(&s).prepare(pc("icc")).err().unwrap().to_string();
        assert!(error.contains(space_as.name()) && error.contains("no space"), "{error}");
        let error = coarse(&general).prepare(space()).err().unwrap().to_string();
        assert!(error.contains("symmetric positive definite"), "{error}");
    }
    // A space on which Wᵀ A W is singular is a failed setup.
    let zero = LinearSystem::plain(Csr::from_triplets(1, 1, &[(0, 0, 0.0)]).unwrap(), vec![1.0], Props::SPD);
    let one = Acceleration::space(Dense::from_fn(1, 1, |_, _| 1.0));
    let cg = Problem::new(&zero, "cg".parse().unwrap(), Stop::default());
    assert!(matches!(cg.prepare(one), Err(Error::Numeric(_))));
}

#[test]
fn a_space_is_a_coarse_level_for_any_method() {
    let (s, exact) = system(poisson(30), 151, Props::SPD);
    let solve = |method: &str, space_as, modes: usize| {
        let icc = Acceleration::from("icc".parse::<Spec>().unwrap().build(&s.matrix).unwrap());
        let space = Acceleration::space(sine_modes(30, modes).unwrap());
        let given = if modes > 0 { icc.and(space).unwrap() } else { icc };
        let problem = Problem { space_as, ..Problem::new(&s, method.parse().unwrap(), Stop::rtol(1e-10)) };
        let prepared = problem.prepare(given).unwrap();
        let solution = problem.solve(&mut Workspace::default(), &prepared, &mut Quiet).unwrap();
        assert!(solution.outcome.converged(), "{method}");
        assert!(solution.x.iter().zip(&exact).all(|(x, e)| (x - e).abs() < 1e-7), "{method}");
        (solution.outcome.iterations, prepared.nnz())
    };
    let deflated = solve("cg", SpaceAs::Deflation, 10);
    for method in ["cg", "fcg", "gmres", "bcgs", "minres"] {
        let plain = solve(method, SpaceAs::Deflation, 0);
        let [balancing, additive] = [SpaceAs::TwoLevel, SpaceAs::Additive].map(|a| solve(method, a, 10));
        assert!(balancing.0 < plain.0 && additive.0 < plain.0, "{method}: {plain:?} {balancing:?} {additive:?}");
        assert!(balancing.1 == deflated.1 && additive.1 == deflated.1);
        if method == "cg" {
            // The same spectrum but for ones.
            assert!(balancing.0.abs_diff(deflated.0) <= 1, "{balancing:?} {deflated:?}");
        }
    }
}

#[test]
fn the_side_is_the_problems() {
    let (s, _) = system(poisson(12), 145, Props::SPD);
    let icc = || "icc".parse::<Spec>().unwrap().build(&s.matrix).unwrap();
    let a = s.matrix.promised(Props::SPD);
    let stop = Stop::default();
    let on = |method: &str, side| {
        let problem = Problem { side: Some(side), ..Problem::new(&s, method.parse().unwrap(), stop) };
        problem.solve_once(icc()).map(|solution| (solution.x, solution.outcome))
    };
    let (ws, mut x) = (&mut Workspace::default(), vec![0.0; 144]);
    let left: Method = "gmres(30, side = left)".parse().unwrap();
    let out = left.solve(ws, &a, &icc().op, &s.rhs, &mut x, &stop, &mut Quiet).unwrap();
    assert_eq!(on("gmres", Side::Left).unwrap(), (x, out));
    let mut x = vec![0.0; 144];
    let cg: Method = "cg".parse().unwrap();
    let out = split(&cg, ws, &a, &icc().op, &s.rhs, &mut x, &stop, &mut Quiet).unwrap();
    assert_eq!(on("cg", Side::Symmetric).unwrap(), (x, out));
    assert!(matches!(on("cg", Side::Right), Err(Error::Argument(_))));
}

#[test]
fn setup_inside_a_prediction_is_counted_once() {
    let predicted = |setup_seconds| {
        let wait = std::time::Duration::from_millis(20);
        let predicted = Acceleration::predicted(|| {
            std::thread::sleep(wait);
            Ok(Acceleration { setup_seconds, ..Acceleration::default() })
        });
        let Acceleration { inference_seconds, setup_seconds, .. } = predicted.unwrap();
        (inference_seconds >= wait.as_secs_f64(), inference_seconds, setup_seconds)
    };
    assert!(predicted(0.0).0);
    // More than the clock can have seen.
    let (_, inference, setup) = predicted(1000.0);
    assert_eq!((inference, setup), (0.0, 1000.0));
}

#[test]
fn a_preconditioner_of_another_size_is_refused_before_the_solve() {
    let (system, _) = system(poisson(6), 3, Props::SPD);
    let problem = Problem::new(&system, Method::cg(), Stop::default());
    let refused = problem.prepare(Acceleration::preconditioner(Csr::identity(9))).err();
    let message = refused.unwrap().to_string();
    assert!(message.contains("preconditioner") && message.contains("9×9"), "{message}");
}

#[test]
fn a_method_from_outside_cannot_forget_what_it_needs() {
    use fempipe::linalg::LinOp;
    use fempipe::solver::{KrylovMethod, Monitor, Need, Outcome, Requirements, Workspace};
    #[derive(Debug, serde::Serialize)]
    struct Careless {}
    impl KrylovMethod for Careless {
        fn requirements(&self) -> Requirements {
            Requirements::of("careless", Need::Spd, Need::Spd)
        }
        fn solve(
            &self,
            _: &mut Workspace,
            _: &dyn LinOp,
            _: &dyn LinOp,
            _: &[f64],
            _: &mut [f64],
            _: &Stop,
            _: &mut dyn Monitor,
        ) -> Result<Outcome> {
            Err(Error::Argument("it was let through".into()))
        }
    }
    static ENTRY: fempipe::entry::Entry<dyn KrylovMethod> = fempipe::entry::Entry {
        name: "careless",
        help: "checks nothing",
        source: "none",
        needs: "A and M symmetric positive definite",
        positional: &[],
        defaults: toml::Table::new,
        schema: None,
        parse: |_, _, _| Ok(Box::new(Careless {})),
    };
    let (system, _) = system(convection(6), 3, Props::GENERAL);
    let problem = Problem::new(&system, Method::new(&ENTRY, Box::new(Careless {})), Stop::default());
    let message = problem.solve_once(Acceleration::default()).unwrap_err().to_string();
    assert!(message.contains("careless needs A promised symmetric positive definite"), "{message}");
}
