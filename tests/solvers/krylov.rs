//! Krylov methods against their theory.

use fempipe::linalg::op::{Identity, LinOp, Props};
use fempipe::linalg::{Csr, dense};
use fempipe::precond::Spec;
use fempipe::solver::{Cg, Method, Outcome, Quiet, Stop, Workspace, cg};

use crate::systems::{convection, poisson, random_vector, residual};

pub fn solve(method: &str, a: &Csr, props: Props, m: &dyn LinOp, b: &[f64], stop: &Stop) -> (Outcome, Vec<f64>) {
    let mut x = vec![0.0; b.len()];
    let out = method
        .parse::<Method>()
        .unwrap()
        .solve(&mut Workspace::default(), &a.promised(props), m, b, &mut x, stop, &mut Quiet)
        .unwrap();
    (out, x)
}

/// The Laplacian minus σ: symmetric, indefinite for σ between eigenvalues.
pub fn helmholtz(k: usize, sigma: f64) -> Csr {
    let a = poisson(k);
    let mut entries: Vec<_> = (0..k * k).map(|i| (i, i, -sigma)).collect();
    for i in 0..k * k {
        let (cols, vals) = a.row(i);
        entries.extend(cols.iter().zip(vals).map(|(&j, &v)| (i, j as usize, v)));
    }
    Csr::from_triplets(k * k, k * k, &entries).unwrap()
}

/// The sine modes of the k×k Laplacian with the `count` lowest eigenvalues, and all eigenvalues, rising.
pub fn modes(k: usize, count: usize) -> (dense::Dense, Vec<f64>) {
    let h = std::f64::consts::PI / (k as f64 + 1.0);
    let value = |p: usize| 2.0 - 2.0 * (p as f64 * h).cos();
    let mut pairs: Vec<(usize, usize)> = (1..=k).flat_map(|p| (1..=k).map(move |q| (p, q))).collect();
    pairs.sort_by(|x, y| (value(x.0) + value(x.1)).total_cmp(&(value(y.0) + value(y.1))));
    let space = dense::Dense::from_fn(k * k, count, |i, j| {
        let (p, q) = pairs[j];
        ((p * (i / k + 1)) as f64 * h).sin() * ((q * (i % k + 1)) as f64 * h).sin()
    });
    (space, pairs.iter().map(|&(p, q)| value(p) + value(q)).collect())
}

#[test]
fn minres_converges_monotonically_on_indefinite_systems() {
    let a = helmholtz(14, 0.9);
    let eigenvalues = dense::eigenvalues_symmetric(&dense::from_csr(&a)).unwrap();
    assert!(eigenvalues[0] < -0.1 && eigenvalues[195] > 0.1, "indefinite");
    let b = random_vector(196, 60);
    let (out, x) = solve("minres", &a, Props::SYMMETRIC, &Identity(196), &b, &Stop::rtol(1e-9));
    assert!(out.converged());
    assert!(residual(&a, &b, &x) <= 1.0001e-9 * out.b_norm);
    assert!(out.history.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-12)));
    // Full GMRES minimises over the same spaces: the same residuals, up to the loss of orthogonality.
    let (full, _) = solve("gmres(196)", &a, Props::SYMMETRIC, &Identity(196), &b, &Stop::rtol(1e-9));
    for (m, g) in out.history.iter().zip(&full.history).take(40) {
        assert!((m / g - 1.0).abs() < 1e-6, "{m} {g}");
    }
    // With an SPD preconditioner the noted residual is still the true one.
    let m = "jacobi".parse::<Spec>().unwrap().build(&poisson(14)).unwrap();
    let stop = Stop { rtol: 1e-30, max_it: 25, ..Stop::default() };
    let (out, x) = solve("minres", &a, Props::SYMMETRIC, &*m.op, &b, &stop);
    assert!((out.history[25] / residual(&a, &b, &x) - 1.0).abs() < 1e-8);
}

#[test]
fn cg_meets_its_bound_and_its_lanczos_matrix_finds_the_spectrum() {
    let a = poisson(15);
    let (_, eigenvalues) = modes(15, 1);
    let (low, high) = (eigenvalues[0], eigenvalues[224]);
    let b = random_vector(225, 61);
    let mut ws = Cg::default();
    let mut x = vec![0.0; 225];
    let stop = Stop::rtol(1e-10);
    let spd = a.promised(Props::SPD);
    let out = cg(&mut ws, &spd, &Identity(225), &b, &mut x, &stop, &mut Quiet).unwrap();
    let (small, large) = ws.spectrum().unwrap();
    assert!((small / low - 1.0).abs() < 1e-5, "{small} {low}");
    assert!((large / high - 1.0).abs() < 1e-5, "{large} {high}");
    // ‖r_k‖ ≤ 2 √κ ((√κ − 1)/(√κ + 1))^k ‖r₀‖.
    let root = (high / low).sqrt();
    for (k, r) in out.history.iter().enumerate() {
        let bound = 2.0 * root * ((root - 1.0) / (root + 1.0)).powi(k as i32) * out.history[0];
        assert!(*r <= bound * (1.0 + 1e-6), "{k}: {r} {bound}");
    }
    // Preconditioned: the spectrum of M A, so that jacobi divides it by 4.
    let m = "jacobi".parse::<Spec>().unwrap().build(&a).unwrap();
    cg(&mut ws, &spd, &*m.op, &b, &mut [0.0; 225], &stop, &mut Quiet).unwrap();
    assert!((ws.spectrum().unwrap().1 / (high / 4.0) - 1.0).abs() < 1e-5);
}

#[test]
fn fcg_is_cg_and_fgmres_is_gmres_where_the_preconditioner_stands_still() {
    let a = poisson(12);
    let b = random_vector(144, 62);
    for pc in ["none", "jacobi", "icc"] {
        let m = pc.parse::<Spec>().unwrap().build(&a).unwrap();
        let stop = Stop::default();
        let (plain, _) = solve("cg", &a, Props::SPD, &*m.op, &b, &stop);
        for flexible in ["fcg", "fcg(1)"] {
            let (out, _) = solve(flexible, &a, Props::SPD, &*m.op, &b, &stop);
            assert_eq!(out.iterations, plain.iterations, "{flexible} {pc}");
        }
        let (plain, _) = solve("gmres(15)", &a, Props::SPD, &*m.op, &b, &stop);
        let (out, _) = solve("fgmres(15)", &a, Props::SPD, &*m.op, &b, &stop);
        assert_eq!(out.iterations, plain.iterations, "fgmres {pc}");
    }
}

/// A few CG steps: a preconditioner that is not linear.
struct Inner<'a>(&'a Csr);

impl LinOp for Inner<'_> {
    fn shape(&self) -> (usize, usize) {
        (self.0.nrows(), self.0.nrows())
    }
    fn props(&self) -> Props {
        Props { linear: false, ..Props::SPD }
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        y.fill(0.0);
        let spd = self.0.promised(Props::SPD);
        let stop = Stop { rtol: 1e-1, ..Stop::default() };
        cg(&mut Cg::default(), &spd, &Identity(x.len()), x, y, &stop, &mut Quiet).unwrap();
    }
}

#[test]
fn flexible_methods_take_an_inner_iteration() {
    let a = poisson(16);
    let b = random_vector(256, 63);
    for method in ["fcg", "fgmres"] {
        let (out, x) = solve(method, &a, Props::SPD, &Inner(&a), &b, &Stop::default());
        assert!(out.converged(), "{method}");
        assert!(out.iterations <= 12, "{method}: {}", out.iterations);
        assert!(residual(&a, &b, &x) <= 1.0001e-8 * out.b_norm, "{method}");
    }
}

#[test]
fn bcgs_and_gcrodr_solve_nonsymmetric_systems() {
    let a = convection(16);
    let b = random_vector(256, 64);
    for pc in ["none", "jacobi", "sor", "ssor"] {
        let m = pc.parse::<Spec>().unwrap().build(&a).unwrap();
        for method in ["bcgs", "gcrodr(15, 5)", "fgmres(15)"] {
            let (out, x) = solve(method, &a, Props::GENERAL, &*m.op, &b, &Stop::default());
            assert!(out.converged(), "{method} {pc}");
            assert!(residual(&a, &b, &x) <= 1.0001e-8 * out.b_norm, "{method} {pc}");
        }
    }
}

#[test]
fn chebyshev_converges_at_the_rate_of_its_interval() {
    let a = poisson(15);
    let (_, eigenvalues) = modes(15, 1);
    let (low, high) = (eigenvalues[0], eigenvalues[224]);
    let b = random_vector(225, 65);
    let exact = format!("chebyshev({low}, {high})");
    let (out, _) = solve(&exact, &a, Props::SPD, &Identity(225), &b, &Stop::rtol(1e-8));
    let root = (high / low).sqrt();
    let rate = (root - 1.0) / (root + 1.0);
    let bound = ((2.0e8f64).ln() / -rate.ln()).ceil() as usize;
    assert!(out.converged() && out.iterations <= bound, "{} {bound}", out.iterations);
    let too_low = format!("chebyshev({low}, {})", high / 2.0);
    let (out, _) = solve(&too_low, &a, Props::SPD, &Identity(225), &b, &Stop::default());
    assert!(!out.converged(), "an eigenvalue beyond the interval makes it diverge");
    assert!("chebyshev(2, 1)".parse::<Method>().is_err());
}

/// Stopped at an error of 1e-4 against the known solution: the iterate before is not that good, this one is, and a run
/// cut off at the same count ends at the same x.
#[test]
fn a_known_solution_stops_where_the_error_is_small() {
    use fempipe::solver::{KnownSolution, Quiet, Reason, Stop, Workspace};
    let a = crate::systems::poisson(12);
    let n = a.nrows();
    let exact: Vec<f64> = (0..n).map(|i| (0.3 * i as f64).sin()).collect();
    let mut b = vec![0.0; n];
    a.spmv(&exact, &mut b);
    let error = |x: &[f64]| -> f64 {
        let square = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
        let d: Vec<f64> = x.iter().zip(&exact).map(|(x, e)| x - e).collect();
        (square(&d) / square(&exact)).sqrt()
    };
    let m = fempipe::linalg::op::Identity(n);
    for method in ["cg", "fcg", "minres", "bcgs", "richardson(scale = 0.2)"] {
        let method: fempipe::solver::Method = method.parse().unwrap();
        assert!(method.holds_iterates());
        let mut ws = Workspace::default();
        let stop = Stop { atol: 0.0, ..Stop::rtol(0.0) };
        let mut x = vec![0.0; n];
        let a = a.promised(fempipe::linalg::Props::SPD);
        let mut monitor = KnownSolution::new(&exact, 1e-4);
        let out = method.solve(&mut ws, &a, &m, &b, &mut x, &stop, &mut monitor).unwrap();
        assert_eq!((out.reason, out.converged()), (Reason::ConvergedUser, true), "{method}");
        assert!(out.iterations > 3 && error(&x) <= 1e-4, "{method}");
        for (its, good) in [(out.iterations, true), (out.iterations - 1, false)] {
            let stop = Stop { max_it: its, ..stop };
            let mut y = vec![0.0; n];
            method.solve(&mut ws, &a, &m, &b, &mut y, &stop, &mut Quiet).unwrap();
            assert_eq!(error(&y) <= 1e-4, good, "{method} after {its}");
            assert!(!good || x == y, "{method}");
        }
        // A start that is good enough is left alone.
        let out = method.solve(&mut ws, &a, &m, &b, &mut x, &stop, &mut monitor).unwrap();
        assert_eq!(out.iterations, 0);
    }
    assert!(!"gmres".parse::<fempipe::solver::Method>().unwrap().holds_iterates());
}
