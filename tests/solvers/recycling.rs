//! Deflation and recycling against their theory.

use fempipe::Error;
use fempipe::linalg::op::{Identity, LinOp, Promised, Props};
use fempipe::linalg::{CoarseFactor, CoarseSpace, Columns, Csr, dense, vector};
use fempipe::precond::Spec;
use fempipe::solver::{DeflatedCg, Gcrodr, GcrodrParams, Method, Quiet, Stop, Workspace, deflated_cg, gcrodr};

use crate::krylov::{helmholtz, modes, solve};
use crate::systems::{poisson, random_vector, residual};

/// The space as deflated cg and gcrodr take it.
fn deflation(a: &dyn LinOp, space: &dense::Dense) -> fempipe::Result<CoarseSpace> {
    CoarseSpace::new(a, &space.clone().into(), Columns::Orthonormal, CoarseFactor::Cholesky)
}

#[test]
fn deflating_exact_eigenvectors_leaves_the_deflated_spectrum() {
    let (k, count) = (20, 12);
    let a = poisson(k);
    let n = k * k;
    let (space, eigenvalues) = modes(k, count);
    let spd = a.promised(Props::SPD);
    let coarse = deflation(&spd, &space).unwrap();
    assert_eq!(coarse.dim(), count);
    let b = random_vector(n, 66);
    let stop = Stop::rtol(1e-10);
    let mut x = vec![0.0; n];
    let mut ws = DeflatedCg::default();
    let out = deflated_cg(&mut ws, &coarse, &spd, &Identity(n), &b, &mut x, &stop, &mut Quiet).unwrap();
    assert!(out.converged() && residual(&a, &b, &x) <= 1.0001e-10 * out.b_norm);
    // CG on b without those modes is the same iteration; its target must be that of b.
    let mut rest = b.clone();
    for j in 0..count {
        let column: Vec<f64> = (0..n).map(|i| space[(i, j)]).collect();
        let along = vector::dot(&column, &rest) / vector::dot(&column, &column);
        vector::axpy(-along, &column, &mut rest);
    }
    let same = Stop { rtol: 0.0, atol: stop.target(out.b_norm), ..stop };
    let (projected, _) = solve("cg", &a, Props::SPD, &Identity(n), &rest, &same);
    assert_eq!(out.iterations, projected.iterations);
    // And within the bound of κ = λ_n / λ_{k+1}.
    let root = (eigenvalues[n - 1] / eigenvalues[count]).sqrt();
    let rate = (root - 1.0) / (root + 1.0);
    let bound = ((2.0 * root * 1e10).ln() / -rate.ln()).ceil() as usize;
    let (plain, _) = solve("cg", &a, Props::SPD, &Identity(n), &b, &stop);
    assert!(out.iterations <= bound && out.iterations < plain.iterations);
    // GMRES augmented with the same space needs no more iterations than deflated CG.
    let mut recycler = Gcrodr::default();
    recycler.set_space(&coarse);
    let params = GcrodrParams { restart: 200, recycle: 1 };
    let mut y = vec![0.0; n];
    let augmented = gcrodr(&mut recycler, &params, &spd, &Identity(n), &b, &mut y, &stop, &mut Quiet).unwrap();
    assert!(augmented.converged() && augmented.iterations <= out.iterations);
    assert_eq!(recycler.recycled(), count);
}

#[test]
fn a_deflation_space_may_be_dependent_whole_or_empty_but_not_foreign() {
    let a = poisson(4);
    let spd = a.promised(Props::SPD);
    let b = random_vector(16, 67);
    let mut ws = DeflatedCg::default();
    let mut run = |space: &dense::Dense| {
        let coarse = deflation(&spd, space).unwrap();
        let mut x = vec![0.0; 16];
        let stop = Stop::default();
        let out = deflated_cg(&mut ws, &coarse, &spd, &Identity(16), &b, &mut x, &stop, &mut Quiet).unwrap();
        assert!(out.converged() && residual(&a, &b, &x) <= 1.0001e-8 * out.b_norm);
        (coarse.dim(), out.iterations)
    };
    let twice = dense::Dense::from_fn(16, 2, |i, _| i as f64);
    assert_eq!(run(&twice).0, 1);
    let (whole, _) = modes(4, 16);
    assert_eq!(run(&whole), (16, 0), "the coarse problem is the whole problem");
    let (plain, _) = solve("cg", &a, Props::SPD, &Identity(16), &b, &Stop::default());
    assert_eq!(run(&dense::Dense::zeros(16, 0)), (0, plain.iterations));
    let foreign = deflation(&spd, &dense::Dense::zeros(9, 1));
    assert!(matches!(foreign, Err(Error::Shape { .. })));
    let minus = Promised { op: &Csr::from_triplets(1, 1, &[(0, 0, -1.0)]).unwrap(), props: Props::SPD };
    let space = dense::Dense::from_fn(1, 1, |_, _| 1.0);
    assert!(matches!(deflation(&minus, &space), Err(Error::Numeric(_))));
}

#[test]
fn recycling_helps_within_a_system_and_across_systems() {
    let a = poisson(30);
    let b = random_vector(900, 68);
    let stop = Stop::rtol(1e-8);
    let (restarted, _) = solve("gmres(20)", &a, Props::SPD, &Identity(900), &b, &stop);
    let method: Method = "gcrodr(20, 8)".parse().unwrap();
    let mut ws = Workspace::default();
    let spd = a.promised(Props::SPD);
    let mut counts = Vec::new();
    for index in 0..3 {
        let b = random_vector(900, 68 + index);
        let mut x = vec![0.0; 900];
        let out = method.solve(&mut ws, &spd, &Identity(900), &b, &mut x, &stop, &mut Quiet).unwrap();
        assert!(out.converged() && residual(&a, &b, &x) <= 1.0001e-8 * out.b_norm);
        counts.push(out.iterations);
    }
    assert!(counts[0] < restarted.iterations * 3 / 4, "{counts:?} {}", restarted.iterations);
    assert!(counts[1] < counts[0] && counts[2] < counts[0], "{counts:?}");
    // The same right-hand side again, on a matrix that changed a little, and after forgetting.
    let near = helmholtz(30, -1e-3);
    let b = random_vector(900, 68);
    let mut x = vec![0.0; 900];
    let near = near.promised(Props::SPD);
    let out = method.solve(&mut ws, &near, &Identity(900), &b, &mut x, &stop, &mut Quiet).unwrap();
    assert!(out.converged() && out.iterations < counts[0], "{} {counts:?}", out.iterations);
    ws.forget();
    let mut x = vec![0.0; 900];
    let out = method.solve(&mut ws, &spd, &Identity(900), &b, &mut x, &stop, &mut Quiet).unwrap();
    assert_eq!(out.iterations, counts[0]);
}

#[test]
fn minres_deflates_modes_on_both_sides_of_zero() {
    let a = poisson(12);
    // Between the third and the fourth eigenvalue: three negative ones.
    let shift = 0.4;
    let diagonal = |(i, j): (usize, usize)| if i == j { shift } else { 0.0 };
    let rows = (0..144).flat_map(|i| a.row(i).0.iter().zip(a.row(i).1).map(move |(&j, &v)| (i, j as usize, v)));
    let entries: Vec<_> = rows.map(|(i, j, v)| (i, j, v - diagonal((i, j)))).collect();
    let a = Csr::from_triplets(144, 144, &entries).unwrap();
    let symmetric = a.promised(Props::SYMMETRIC);
    let (b, (space, _), stop) = (random_vector(144, 71), modes(12, 8), Stop::default());
    let minres: Method = "minres".parse().unwrap();
    let (plain, _) = solve("minres", &a, Props::SYMMETRIC, &Identity(144), &b, &stop);
    let coarse = minres.coarse_space(&symmetric, &space.clone().into()).unwrap();
    let mut ws = Workspace::default();
    let mut x = random_vector(144, 3);
    let built = "jacobi".parse::<Spec>().unwrap().build(&poisson(12)).unwrap();
    for m in [&Identity(144) as &dyn LinOp, &*built.op] {
        let out = minres.solve_with_space(&mut ws, &coarse, &symmetric, m, &b, &mut x, &stop, &mut Quiet).unwrap();
        assert!(out.converged() && residual(&a, &b, &x) <= 1.0001e-8 * out.b_norm);
        assert!(4 * out.iterations < 3 * plain.iterations, "{} of {}", out.iterations, plain.iterations);
        x.fill(0.0);
    }
    // Without a factor of Wᵀ A W it is refused.
    let bare = "gcrodr".parse::<Method>().unwrap().coarse_space(&symmetric, &space.clone().into()).unwrap();
    assert!(
        minres.solve_with_space(&mut ws, &bare, &symmetric, &Identity(144), &b, &mut x, &stop, &mut Quiet).is_err()
    );
}

#[test]
fn a_method_takes_a_space_or_names_those_that_do() {
    let a = poisson(12);
    let spd = a.promised(Props::SPD);
    let b = random_vector(144, 71);
    let (space, _) = modes(12, 8);
    let mut ws = Workspace::default();
    let stop = Stop::default();
    for method in ["cg", "minres", "gcrodr(40, 8)"] {
        let parsed: Method = method.parse().unwrap();
        let (plain, _) = solve(method, &a, Props::SPD, &Identity(144), &b, &stop);
        let coarse = parsed.coarse_space(&spd, &space.clone().into()).unwrap();
        let mut run = || {
            let mut x = vec![0.0; 144];
            let out =
                parsed.solve_with_space(&mut ws, &coarse, &spd, &Identity(144), &b, &mut x, &stop, &mut Quiet).unwrap();
            assert!(out.converged() && residual(&a, &b, &x) <= 1.0001e-8 * out.b_norm);
            out
        };
        let first = run();
        assert!(first.iterations < plain.iterations, "{method}");
        assert_eq!(first, run(), "{method} remembers nothing");
    }
    let fcg: Method = "fcg".parse().unwrap();
    let coarse = deflation(&spd, &space).unwrap();
    let mut x = [0.0; 144];
    let out = fcg.solve_with_space(&mut ws, &coarse, &spd, &Identity(144), &b, &mut x, &stop, &mut Quiet);
    for refused in [fcg.coarse_space(&spd, &space.clone().into()).map(drop), out.map(drop)] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Argument(_)) && error.to_string().ends_with("take cg, minres or gcrodr"));
    }
    // A that is not promised definite is refused by its promise, before anything is computed.
    let unpromised = Method::cg().coarse_space(&a, &space.clone().into());
    assert!(matches!(unpromised, Err(Error::Unsuitable(_))));
    // And a space without the factor is not for cg.
    let plain = CoarseSpace::new(&spd, &space.clone().into(), Columns::Orthonormal, CoarseFactor::None).unwrap();
    let out = Method::cg().solve_with_space(&mut ws, &plain, &spd, &Identity(144), &b, &mut x, &stop, &mut Quiet);
    assert!(matches!(out, Err(Error::Argument(_))));
}

#[test]
fn a_given_space_is_multiplied_by_each_matrix_after_its_own() {
    let (a, other) = (poisson(12), helmholtz(12, -0.5));
    let (space, _) = modes(12, 8);
    let coarse = deflation(&a.promised(Props::SPD), &space).unwrap();
    let (params, b) = (GcrodrParams::default(), random_vector(144, 72));
    let run = |ws: &mut Gcrodr, a: &Csr, b: &[f64]| {
        let mut x = vec![0.0; 144];
        let (m, stop) = (Identity(144), Stop::default());
        let out = gcrodr(ws, &params, a, &m, b, &mut x, &stop, &mut Quiet).unwrap();
        assert!(out.converged() && residual(a, b, &x) <= 1.0001e-8 * out.b_norm);
        out
    };
    let mut fresh = Gcrodr::default();
    fresh.set_space(&deflation(&other, &space).unwrap());
    let expected = run(&mut fresh, &other, &b);
    // Also where the solve before had nothing to do.
    for first in [&b, &vec![0.0; 144]] {
        let mut ws = Gcrodr::default();
        ws.set_space(&coarse);
        run(&mut ws, &a, first);
        assert!(run(&mut ws, &other, &b).iterations.abs_diff(expected.iterations) <= 1);
    }
}

#[test]
fn gcrodr_refuses_a_space_that_does_not_fit() {
    let a = poisson(4);
    let b = random_vector(16, 70);
    let params = GcrodrParams { restart: 8, recycle: 3 };
    for columns in [(9, 2), (16, 8)] {
        let mut ws = Gcrodr::default();
        let space = dense::Dense::from_fn(columns.0, columns.1, |i, j| f64::from(u8::from(i == j)));
        ws.set_space(&deflation(&Identity(columns.0), &space).unwrap());
        let out = gcrodr(&mut ws, &params, &a, &Identity(16), &b, &mut [0.0; 16], &Stop::default(), &mut Quiet);
        assert!(matches!(out, Err(Error::Shape { .. })), "{columns:?}");
    }
    assert!("gcrodr(8, 8)".parse::<Method>().is_err());
    assert!("gcrodr(8, 0)".parse::<Method>().is_err());
}

#[test]
fn a_space_to_start_from_is_renewed_and_recycled() {
    let a = poisson(30);
    let spd = a.promised(Props::SPD);
    let (exact, _) = modes(30, 8);
    // Slow modes seen through noise: worth something, but not what a cycle finds.
    let rough = dense::Dense::from_fn(900, 8, |i, j| exact[(i, j)] + 0.05 * random_vector(900, 120 + j as u64)[i]);
    let params = GcrodrParams { restart: 20, recycle: 8 };
    let run = |ws: &mut Gcrodr, m: &dyn LinOp, index: u64| {
        let b = random_vector(900, index);
        let mut x = vec![0.0; 900];
        let out = gcrodr(ws, &params, &spd, m, &b, &mut x, &Stop::rtol(1e-8), &mut Quiet).unwrap();
        assert!(out.converged() && residual(&a, &b, &x) <= 1.0001e-8 * out.b_norm);
        out.iterations
    };
    let icc = "icc".parse::<Spec>().unwrap().build(&a).unwrap().op;
    for m in [&Identity(900) as &dyn LinOp, &*icc] {
        let [mut nothing, mut fixed, mut started, mut known] = [(); 4].map(|()| Gcrodr::default());
        fixed.set_space(&deflation(&spd, &rough).unwrap());
        started.start_space(&deflation(&spd, &rough).unwrap());
        known.set_space(&deflation(&spd, &exact).unwrap());
        let counts: Vec<[usize; 4]> = (0..3)
            .map(|k| [&mut nothing, &mut fixed, &mut started, &mut known].map(|ws| run(ws, m, 130 + k)))
            .collect();
        println!("nothing, fixed, started, known: {counts:?}");
        // Renewed while the first systems are solved, it beats the same space held fast, and ends as good as exact
        // eigenvectors.
        assert!(20 * counts[0][2] <= 21 * counts[0][0], "{counts:?}");
        assert!(counts[1..].iter().all(|c| c[2] < c[1]), "{counts:?}");
        assert!(10 * counts[2][2] <= 11 * counts[2][3], "{counts:?}");
        started.forget();
        assert_eq!(started.recycled(), 0);
    }
}
