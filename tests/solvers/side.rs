//! Sides of the preconditioner and norms of the stopping rule.

use fempipe::Error;
use fempipe::linalg::op::{LinOp, Props};
use fempipe::linalg::{Csr, vector};
use fempipe::precond::Spec;
use fempipe::solver::{Method, Norm, Outcome, Quiet, Reason, Side, Stop, Workspace, split};

use crate::systems::{convection, poisson, random_vector, residual};

fn build(pc: &str, a: &Csr) -> Box<dyn LinOp + Send> {
    pc.parse::<Spec>().unwrap().build(a).unwrap().op
}

fn solve(method: &str, a: &Csr, props: Props, m: &dyn LinOp, stop: &Stop) -> Result<(Outcome, Vec<f64>), Error> {
    let (b, mut x) = (random_vector(a.nrows(), 7), vec![0.0; a.nrows()]);
    let method: Method = method.parse().unwrap();
    let mut ws = Workspace::default();
    let out = method.solve(&mut ws, &a.promised(props), m, &b, &mut x, stop, &mut Quiet)?;
    Ok((out, x))
}

/// ‖M r‖₂ and √(rᵀ M r) of the residual of x, computed plainly.
fn norms(a: &Csr, m: &dyn LinOp, x: &[f64]) -> [f64; 2] {
    let n = x.len();
    let (mut r, mut z) = (vec![0.0; n], vec![0.0; n]);
    a.spmv(x, &mut r);
    r.iter_mut().zip(random_vector(n, 7)).for_each(|(r, b)| *r = b - *r);
    m.apply(&r, &mut z);
    [vector::norm2(&z), vector::dot(&r, &z).sqrt()]
}

#[test]
fn every_method_stops_by_the_norm_it_is_told() {
    let a = poisson(12);
    let m = build("icc", &a);
    let zero = vec![0.0; 144];
    for method in ["cg", "fcg", "minres", "gmres(30, side = left)", "chebyshev", "richardson(0.9)"] {
        for (k, norm) in [Norm::Preconditioned, Norm::Natural].into_iter().enumerate() {
            let stop = Stop { norm, ..Stop::rtol(1e-6) };
            let (out, x) = match solve(method, &a, Props::SPD, &*m, &stop) {
                Ok(done) => done,
                Err(e) => {
                    // Minres has no ‖M r‖, gmres no rᵀ M r; both say so.
                    assert!(method.starts_with(["minres", "gmres"][k]), "{method}: {e}");
                    assert!(e.to_string().contains("residual norm: take"), "{e}");
                    continue;
                }
            };
            assert_eq!(out.reason, Reason::ConvergedRtol, "{method} {norm:?}");
            let (reached, size) = (norms(&a, &*m, &x)[k], norms(&a, &*m, &zero)[k]);
            assert!(reached <= 1.001e-6 * size, "{method} {norm:?}: {}", reached / size);
            let last = out.history[out.iterations];
            assert!((last - reached).abs() <= 1e-6 * reached, "{method} {norm:?}");
            assert!((out.history[0] - size).abs() <= 1e-12 * size, "{method} {norm:?}");
            // It did not stop later than it had to.
            assert!(out.history[..out.iterations].iter().all(|&r| r > 1e-6 * size), "{method} {norm:?}");
            let truth = residual(&a, &random_vector(144, 7), &x);
            assert!((out.residual - truth).abs() <= 1e-9 * truth, "{method} {norm:?}");
        }
    }
}

#[test]
fn no_norm_means_all_iterations() {
    let a = poisson(12);
    let m = build("jacobi", &a);
    for method in
        ["cg", "fcg", "minres", "gmres(7)", "fgmres(7)", "bcgs", "gcrodr(7, 2)", "chebyshev", "richardson(0.9)"]
    {
        let stop = Stop { norm: Norm::None, max_it: 17, ..Stop::default() };
        let (out, _) = solve(method, &a, Props::SPD, &*m, &stop).unwrap();
        assert_eq!((out.reason, out.iterations), (Reason::ConvergedIts, 17), "{method}");
        assert_eq!(out.reason.name(), "CONVERGED_ITS");
    }
    for method in ["bcgs", "fgmres", "gcrodr", "gmres"] {
        let stop = Stop { norm: Norm::Preconditioned, ..Stop::default() };
        assert!(matches!(solve(method, &a, Props::SPD, &*m, &stop), Err(Error::Argument(_))), "{method}");
    }
}

fn split_solve(method: &str, a: &Csr, props: Props, pc: &str, stop: &Stop) -> Result<(Outcome, Vec<f64>), Error> {
    let m = build(pc, a);
    let (b, mut x) = (random_vector(a.nrows(), 7), vec![0.0; a.nrows()]);
    let method: Method = method.parse().unwrap();
    let mut ws = Workspace::default();
    let out = split(&method, &mut ws, &a.promised(props), &*m, &b, &mut x, stop, &mut Quiet)?;
    Ok((out, x))
}

#[test]
fn split_cg_is_preconditioned_cg() {
    let a = poisson(20);
    for pc in ["none", "jacobi(0.8)", "icc", "ict(0.01)", "koptimal"] {
        let stop = Stop { norm: Norm::Natural, ..Stop::rtol(1e-6) };
        let (one, x) = split_solve("cg", &a, Props::SPD, pc, &stop).unwrap();
        let (other, y) = solve("cg", &a, Props::SPD, &*build(pc, &a), &stop).unwrap();
        assert_eq!((one.reason, one.iterations), (Reason::ConvergedRtol, other.iterations), "{pc}");
        let scale = vector::norm2(&y);
        assert!(x.iter().zip(&y).all(|(x, y)| (x - y).abs() <= 1e-9 * scale), "{pc}");
        for (r, s) in one.history.iter().zip(&other.history) {
            assert!((r - s).abs() <= 1e-8 * other.history[0], "{pc}");
        }
    }
}

#[test]
fn split_solves_meet_the_true_norm_where_that_is_asked_for() {
    let b = random_vector(400, 7);
    for (a, props, methods) in [
        (poisson(20), Props::SPD, &["cg", "fcg", "minres", "gmres(20)", "bcgs", "chebyshev"][..]),
        (convection(20), Props::GENERAL, &["gmres(20, side = symmetric)", "bcgs"]),
    ] {
        for method in methods {
            let pc = if props == Props::SPD { "icc" } else { "jacobi" };
            let (out, x) = split_solve(method, &a, props, pc, &Stop::rtol(1e-9)).unwrap();
            assert_eq!(out.reason, Reason::ConvergedRtol, "{method}");
            let truth = residual(&a, &b, &x);
            assert!(truth <= 1.0001e-9 * vector::norm2(&b) && (out.residual - truth).abs() <= 1e-6 * truth, "{method}");
            assert_eq!(out.history.len(), out.iterations + 1, "{method}");
        }
    }
    // Through its recipe, gmres does the same; never a claim beyond the limit.
    let a = convection(20);
    let m = build("jacobi", &a);
    let (out, _) = solve("gmres(20, side = symmetric)", &a, Props::GENERAL, &*m, &Stop::rtol(1e-9)).unwrap();
    assert!(out.converged() && out.relative_residual() <= 1e-9);
    let short = Stop { max_it: 5, ..Stop::rtol(1e-9) };
    let (out, _) = split_solve("cg", &poisson(20), Props::SPD, "icc", &short).unwrap();
    assert_eq!((out.reason, out.iterations), (Reason::DivergedIts, 5));
    let zero = split(
        &Method::cg(),
        &mut Workspace::default(),
        &poisson(3).promised(Props::SPD),
        &*build("icc", &poisson(3)),
        &[0.0; 9],
        &mut [1.0; 9],
        &Stop::default(),
        &mut Quiet,
    );
    let zero = zero.unwrap();
    assert_eq!((zero.reason, zero.iterations), (Reason::ConvergedAtol, 0));
}

#[test]
fn sides_that_do_not_go_are_refused() {
    for (method, side, says) in [
        ("cg", Side::Right, "on the left"),
        ("bcgs", Side::Left, "on the right"),
        ("fgmres", Side::Left, "right only"),
        ("gcrodr", Side::Symmetric, "right only"),
    ] {
        let error = method.parse::<Method>().unwrap().with_side(side).unwrap_err();
        assert!(error.to_string().contains(says), "{method}: {error}");
    }
    let gmres: Method = "gmres(5)".parse().unwrap();
    assert_eq!(gmres.with_side(Side::Left).unwrap().to_string(), "gmres(5, side = left)");
    for pc in ["ssor", "amg", "ilu", "cholesky"] {
        let error = split_solve("cg", &poisson(4), Props::SPD, pc, &Stop::default()).unwrap_err();
        assert!(error.to_string().contains("take jacobi, icc"), "{pc}: {error}");
    }
}
