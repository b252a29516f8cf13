//! Every method through the same inputs, each with its documented answer.

use fempipe::Error;
use fempipe::linalg::op::{Identity, LinOp, Promised, Props};
use fempipe::linalg::{Csr, vector};
use fempipe::precond::Spec;
use fempipe::solver::{self, Method, Monitor, Outcome, Quiet, Reason, Stop, Timeline, Workspace};

use crate::systems::{convection, neumann, poisson, random_spd, random_vector, residual};
use crate::tables::members;

/// Parameters under which methods solve the small Laplacians below, where others than the defaults are worth a test.
const PARAMETERS: [(&str, &[&str]); 6] = [
    ("fcg", &["fcg", "fcg(2)"]),
    ("gmres", &["gmres(30)", "gmres(5)", "gmres(30, side = left)"]),
    ("fgmres", &["fgmres(30)"]),
    ("gcrodr", &["gcrodr(12, 4)"]),
    ("chebyshev", &["chebyshev", "chebyshev(0.05, 8)"]),
    ("richardson", &["richardson(0.24)"]),
];

/// Those that do not end in n steps, even without rounding; the others do.
const ENDLESS: [&str; 5] = ["fcg(2)", "gmres(5)", "chebyshev", "chebyshev(0.05, 8)", "richardson(0.24)"];

/// Every method there is.
fn methods() -> impl Iterator<Item = &'static str> {
    members(&solver::ENTRIES, &PARAMETERS)
}

/// Those that end in n steps, were it not for rounding.
fn exact() -> impl Iterator<Item = &'static str> {
    methods().filter(|method| !ENDLESS.contains(method))
}

fn solve(method: &str, a: &Csr, m: &dyn LinOp, b: &[f64], x: &mut [f64], stop: &Stop) -> Outcome {
    let mut ws = Workspace::default();
    method.parse::<Method>().unwrap().solve(&mut ws, &a.promised(Props::SPD), m, b, x, stop, &mut Quiet).unwrap()
}

#[test]
fn every_method_solves_poisson_and_reports_the_truth() {
    let a = poisson(9);
    let b = random_vector(81, 0);
    for method in methods() {
        let mut x = vec![0.0; 81];
        let out = solve(method, &a, &Identity(81), &b, &mut x, &Stop::rtol(1e-9));
        assert_eq!(out.reason, Reason::ConvergedRtol, "{method}");
        let truth = residual(&a, &b, &x);
        assert!(truth <= 1.0001e-9 * vector::norm2(&b), "{method}: {truth}");
        assert!((out.residual - truth).abs() <= 1e-13, "{method}");
        assert_eq!(out.history.len(), out.iterations + 1, "{method}");
        assert_eq!(out.history[0], vector::norm2(&b), "{method}");
    }
}

#[test]
fn zero_rhs_gives_zero_whatever_the_guess() {
    let a = poisson(4);
    for method in methods() {
        let mut x = random_vector(16, 1);
        let out = solve(method, &a, &Identity(16), &[0.0; 16], &mut x, &Stop::default());
        assert_eq!((out.reason, out.iterations, out.residual), (Reason::ConvergedAtol, 0, 0.0), "{method}");
        assert_eq!(x, [0.0; 16], "{method}");
    }
}

#[test]
fn empty_and_one_by_one() {
    let empty = Csr::from_triplets(0, 0, &[]).unwrap();
    let one = Csr::from_triplets(1, 1, &[(0, 0, 4.0)]).unwrap();
    for method in methods() {
        let out = solve(method, &empty, &Identity(0), &[], &mut [], &Stop::default());
        assert_eq!((out.reason, out.iterations), (Reason::ConvergedAtol, 0), "{method}");
        let mut x = [0.0];
        let out = solve(method, &one, &Identity(1), &[2.0], &mut x, &Stop::default());
        assert!(out.converged(), "{method}");
        assert!((x[0] - 0.5).abs() < 1e-8, "{method}");
        if !ENDLESS.contains(&method) {
            assert_eq!(out.iterations, 1, "{method}");
        }
    }
}

#[test]
fn a_guess_that_is_good_enough_is_left_alone() {
    let a = poisson(5);
    let x_true = random_vector(25, 2);
    let mut b = vec![0.0; 25];
    a.spmv(&x_true, &mut b);
    for method in methods() {
        let mut x = x_true.clone();
        let out = solve(method, &a, &Identity(25), &b, &mut x, &Stop::default());
        assert!(out.converged() && out.iterations == 0, "{method}");
        assert_eq!(x, x_true, "{method}");
    }
}

#[test]
fn sizes_that_differ_and_values_that_are_no_numbers_are_errors() {
    let a = poisson(3);
    let wide = Csr::from_triplets(2, 3, &[(0, 0, 1.0)]).unwrap();
    for method in methods() {
        let parsed: Method = method.parse().unwrap();
        let mut ws = Workspace::default();
        let mut run = |a: &Csr, m: usize, b: &[f64], x: &mut [f64]| {
            let a = a.promised(Props::SPD);
            parsed.solve(&mut ws, &a, &Identity(m), b, x, &Stop::default(), &mut Quiet)
        };
        let ok = vec![1.0; 9];
        assert!(matches!(run(&wide, 2, &[0.0; 2], &mut [0.0; 3]), Err(Error::Shape { .. })), "{method}");
        assert!(matches!(run(&a, 8, &ok, &mut [0.0; 9]), Err(Error::Shape { .. })), "{method}");
        assert!(matches!(run(&a, 9, &ok[..8], &mut [0.0; 9]), Err(Error::Shape { .. })), "{method}");
        assert!(matches!(run(&a, 9, &ok, &mut [0.0; 8]), Err(Error::Shape { .. })), "{method}");
        let mut nan = ok.clone();
        nan[4] = f64::NAN;
        let error = run(&a, 9, &nan, &mut [0.0; 9]).unwrap_err().to_string();
        assert!(error.contains("right-hand side: entry 4 is NaN"), "{method}: {error}");
        nan[4] = f64::INFINITY;
        let error = run(&a, 9, &ok, &mut nan).unwrap_err().to_string();
        assert!(error.contains("initial guess: entry 4 is inf"), "{method}: {error}");
    }
}

#[test]
fn nan_in_the_matrix_is_said_not_hidden() {
    let mut a = poisson(3);
    a.values_mut()[7] = f64::NAN;
    for method in methods() {
        let out = solve(method, &a, &Identity(9), &[1.0; 9], &mut [0.0; 9], &Stop::default());
        assert_eq!(out.reason, Reason::DivergedNan, "{method}");
    }
}

#[test]
fn singular_systems_converge_only_where_a_solution_exists() {
    let a = neumann(12);
    let mut consistent = random_vector(12, 3);
    let mean = consistent.iter().sum::<f64>() / 12.0;
    consistent.iter_mut().for_each(|v| *v -= mean);
    for method in exact() {
        let mut x = vec![0.0; 12];
        let out = solve(method, &a, &Identity(12), &consistent, &mut x, &Stop::default());
        assert!(out.converged(), "{method}: {:?}", out.reason);
        assert!(residual(&a, &consistent, &x) <= 1e-7, "{method}");
    }
    let stop = Stop { max_it: 500, ..Stop::default() };
    for method in methods() {
        let mut x = vec![0.0; 12];
        let out = solve(method, &a, &Identity(12), &[1.0; 12], &mut x, &stop);
        assert!(!out.converged(), "{method}: {:?}", out.reason);
        assert!(out.residual >= 3.0, "{method}: {}", out.residual);
    }
}

#[test]
fn an_indefinite_matrix_ends_cg_and_not_gmres() {
    let a = Csr::from_triplets(2, 2, &[(0, 0, 1.0), (1, 1, -1.0)]).unwrap();
    let b = [1.0, 1.0];
    let out = solve("cg", &a, &Identity(2), &b, &mut [0.0; 2], &Stop::default());
    assert_eq!(out.reason, Reason::DivergedIndefiniteMat);
    let out = solve("gmres", &a, &Identity(2), &b, &mut [0.0; 2], &Stop::default());
    assert!(out.converged());
    let minus = Csr::from_triplets(2, 2, &[(0, 0, -1.0), (1, 1, -1.0)]).unwrap();
    let spd = Csr::identity(2);
    let lying = Promised { op: &minus, props: Props::SPD };
    let out = solve("cg", &spd, &lying, &b, &mut [0.0; 2], &Stop::default());
    assert_eq!(out.reason, Reason::DivergedIndefinitePc);
}

#[test]
fn methods_refuse_what_they_cannot_use_and_name_one_that_can() {
    let a = poisson(3);
    let mut ws = Workspace::default();
    let (b, stop) = (vec![1.0; 9], Stop::default());
    let sor = "sor".parse::<Spec>().unwrap().build(&a).unwrap();
    let identity = Identity(9);
    let spd = a.promised(Props::SPD);
    let symmetric = a.promised(Props::SYMMETRIC);
    let varying = Promised { op: &identity, props: Props { linear: false, ..Props::SPD } };
    let cases: [(&str, &dyn LinOp, &dyn LinOp, &str, &str); 12] = [
        ("cg", &a, &identity, "A promised", "gmres"),
        ("cg", &symmetric, &identity, "A promised", "minres"),
        ("cg", &spd, &*sor.op, "the preconditioner promised", "fcg or gmres"),
        ("cg", &spd, &varying, "the preconditioner promised", "fcg or fgmres"),
        ("fcg", &symmetric, &identity, "A promised", "minres"),
        ("chebyshev", &symmetric, &identity, "A promised", "minres"),
        ("minres", &a, &identity, "A promised symmetric", "gmres"),
        ("minres", &symmetric, &*sor.op, "the preconditioner promised", "gmres"),
        ("gmres", &spd, &varying, "the preconditioner promised linear", "fgmres"),
        ("bcgs", &spd, &varying, "the preconditioner promised linear", "fgmres"),
        ("gcrodr", &spd, &varying, "the preconditioner promised linear", "fgmres"),
        ("minres", &spd, &varying, "the preconditioner promised", "fgmres"),
    ];
    for (method, a, m, text, other) in cases {
        let error = method
            .parse::<Method>()
            .unwrap()
            .solve(&mut ws, a, m, &b, &mut [0.0; 9], &stop, &mut Quiet)
            .unwrap_err()
            .to_string();
        assert!(error.contains(text) && error.contains(other), "{method}: {error}");
    }
    for method in ["fcg", "fgmres"] {
        let out = method
            .parse::<Method>()
            .unwrap()
            .solve(&mut ws, &spd, &varying, &b, &mut [0.0; 9], &stop, &mut Quiet)
            .unwrap();
        assert!(out.converged(), "{method}");
    }
}

#[test]
fn krylov_methods_end_in_n_steps() {
    let a = random_spd(10);
    let b = random_vector(10, 4);
    for method in exact() {
        let mut x = vec![0.0; 10];
        let out = solve(method, &a, &Identity(10), &b, &mut x, &Stop::rtol(1e-8));
        assert!(out.converged(), "{method}");
        assert!(out.iterations <= 11, "{method}: {}", out.iterations);
    }
}

#[test]
fn gmres_solves_nonsymmetric_systems_and_its_residual_never_rises() {
    let a = convection(12);
    let b = random_vector(144, 5);
    for pc in ["none", "jacobi", "sor", "ssor"] {
        let m = pc.parse::<Spec>().unwrap().build(&a).unwrap();
        let mut x = vec![0.0; 144];
        let out = solve("gmres(20)", &a, &*m.op, &b, &mut x, &Stop::default());
        assert!(out.converged(), "{pc}");
        assert!(residual(&a, &b, &x) <= 1.0001e-8 * out.b_norm, "{pc}");
        assert!(out.history.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-12)), "{pc}");
    }
}

#[test]
fn a_target_below_rounding_is_never_claimed() {
    let a = poisson(12);
    let b = random_vector(144, 6);
    let stop = Stop { rtol: 1e-18, max_it: 400, ..Stop::default() };
    for method in methods() {
        let mut x = vec![0.0; 144];
        let out = solve(method, &a, &Identity(144), &b, &mut x, &stop);
        let truth = residual(&a, &b, &x);
        assert!(!out.converged() || truth <= stop.target(out.b_norm), "{method}: {:?} {truth}", out.reason);
        assert!(out.iterations <= 400, "{method}");
    }
}

#[test]
fn limits_divergence_and_the_monitor_stop_a_solve() {
    let a = poisson(12);
    let b = random_vector(144, 7);
    for method in methods() {
        let stop = Stop { max_it: 3, ..Stop::default() };
        let out = solve(method, &a, &Identity(144), &b, &mut [0.0; 144], &stop);
        assert_eq!((out.reason, out.iterations), (Reason::DivergedIts, 3), "{method}");
        let stop = Stop { max_it: 0, ..Stop::default() };
        let out = solve(method, &a, &Identity(144), &b, &mut [0.0; 144], &stop);
        assert_eq!((out.reason, out.iterations), (Reason::DivergedIts, 0), "{method}");
    }
    let out = solve("richardson(1)", &a, &Identity(144), &b, &mut [0.0; 144], &Stop::default());
    assert_eq!(out.reason, Reason::DivergedDtol);

    struct Until(usize);
    impl Monitor for Until {
        fn iteration(&mut self, it: usize, _residual: f64) -> bool {
            it < self.0
        }
    }
    for method in methods() {
        let out = method
            .parse::<Method>()
            .unwrap()
            .solve(
                &mut Workspace::default(),
                &a.promised(Props::SPD),
                &Identity(144),
                &b,
                &mut [0.0; 144],
                &Stop::default(),
                &mut Until(2),
            )
            .unwrap();
        assert_eq!((out.reason, out.iterations), (Reason::DivergedIts, 2), "{method}");
    }
}

#[test]
fn a_dirty_workspace_changes_no_bit() {
    let (big, small) = (poisson(9), poisson(4));
    let b = random_vector(16, 8);
    let mut dirty = Workspace::default();
    for method in methods() {
        let parsed: Method = method.parse().unwrap();
        let stop = Stop::default();
        let mut x = vec![0.0; 81];
        let rhs = random_vector(81, 9);
        let a = big.promised(Props::SPD);
        parsed.solve(&mut dirty, &a, &Identity(81), &rhs, &mut x, &stop, &mut Quiet).unwrap();
        let (mut x, mut y) = (vec![0.0; 16], vec![0.0; 16]);
        let a = small.promised(Props::SPD);
        let used = parsed.solve(&mut dirty, &a, &Identity(16), &b, &mut x, &stop, &mut Quiet).unwrap();
        let fresh = solve(method, &small, &Identity(16), &b, &mut y, &stop);
        assert_eq!(used, fresh, "{method}");
        assert_eq!(x, y, "{method}");
    }
}

#[test]
fn a_timeline_has_a_point_per_residual() {
    let a = poisson(6);
    let mut timeline = Timeline::new();
    let out = Method::cg()
        .solve(
            &mut Workspace::default(),
            &a.promised(Props::SPD),
            &Identity(36),
            &random_vector(36, 10),
            &mut [0.0; 36],
            &Stop::default(),
            &mut timeline,
        )
        .unwrap();
    let residuals: Vec<f64> = timeline.points().iter().map(|p| p.1).collect();
    // The outcome's last residual is the recomputed one.
    let last = out.iterations;
    assert_eq!((residuals.len(), &residuals[..last]), (last + 1, &out.history[..last]));
    assert!(timeline.points().is_sorted_by(|a, b| a.0 <= b.0));
}
