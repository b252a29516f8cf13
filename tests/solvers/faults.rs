//! Kinds of systems that were found to go wrong, each with its right outcome.

use fempipe::linalg::op::{Identity, LinOp, Props};
use fempipe::linalg::{Csr, vector};
use fempipe::precond::{Amg, AmgParams, Spec};
use fempipe::rng::{Purpose, stream};
use fempipe::solver::{self, Method, Monitor, Norm, Outcome, Quiet, Reason, Stop, Workspace, split};
use rand::RngExt;

use crate::systems::{convection, neumann, poisson, random_vector, residual};
use crate::tables::members;

fn solve(method: &str, a: &Csr, props: Props, pc: &str, b: &[f64], stop: &Stop) -> (Outcome, Vec<f64>) {
    let m = pc.parse::<Spec>().unwrap().build(a).unwrap().op;
    let mut x = vec![0.0; b.len()];
    let out = method
        .parse::<Method>()
        .unwrap()
        .solve(&mut Workspace::default(), &a.promised(props), &*m, b, &mut x, stop, &mut Quiet)
        .unwrap();
    (out, x)
}

fn scaled(a: &Csr, factor: f64) -> Csr {
    let mut a = a.clone();
    vector::scale(factor, a.values_mut());
    a
}

/// A ⊗ I + I ⊗ A for a k×k A: on a grid what A is on a line.
fn on_a_grid(a: &Csr) -> Csr {
    let k = a.nrows();
    let mut entries = Vec::new();
    for i in 0..k {
        let (cols, vals) = a.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            for l in 0..k {
                entries.push((i * k + l, j as usize * k + l, v));
                entries.push((l * k + i, l * k + j as usize, v));
            }
        }
    }
    Csr::from_triplets(k * k, k * k, &entries).unwrap()
}

/// Blocks of Kershaw's matrix on a k×k grid, weakly coupled: SPD, and IC(0) meets negative pivots.
fn kershaw(k: usize) -> Csr {
    let block = [[3.0, -2.0, 0.0, 2.0], [-2.0, 3.0, -2.0, 0.0], [0.0, -2.0, 3.0, -2.0], [2.0, 0.0, -2.0, 3.0]];
    let grid = poisson(k);
    let mut entries = Vec::new();
    for node in 0..k * k {
        for (i, row) in block.iter().enumerate() {
            let values = row.iter().enumerate().filter(|e| *e.1 != 0.0);
            entries.extend(values.map(|(j, &v)| (4 * node + i, 4 * node + j, v)));
            let (cols, vals) = grid.row(node);
            let coupled = cols.iter().zip(vals).map(|(&j, &v)| (4 * node + i, 4 * j as usize + i, 0.02 * v));
            entries.extend(coupled);
        }
    }
    Csr::from_triplets(4 * k * k, 4 * k * k, &entries).unwrap()
}

/// −∇·(w ∇u) on a k×k grid of cells, w one of two values at random, harmonic means at the sides.
fn two_phases(k: usize, contrast: f64) -> Csr {
    let mut rng = stream(3, Purpose::Measure, k as u64);
    let w: Vec<f64> = (0..k * k).map(|_| if rng.random_range(0.0..1.0) < 0.25 { contrast } else { 1.0 }).collect();
    let mut entries = Vec::new();
    for i in 0..k * k {
        let (row, col) = (i / k, i % k);
        for (inside, j) in
            [(row > 0, i.wrapping_sub(k)), (row + 1 < k, i + k), (col > 0, i.wrapping_sub(1)), (col + 1 < k, i + 1)]
        {
            let side = if inside { 2.0 * w[i] * w[j] / (w[i] + w[j]) } else { w[i] };
            entries.push((i, i, side));
            if inside {
                entries.push((i, j, -side));
            }
        }
    }
    Csr::from_triplets(k * k, k * k, &entries).unwrap()
}

#[test]
fn units_of_b_change_no_iterate() {
    let a = poisson(9);
    let b = random_vector(81, 200);
    for method in members(&solver::ENTRIES, &[("richardson", &["richardson(0.24)"])]) {
        for pc in ["none", "icc"] {
            let one = Stop { atol: 0.0, ..Stop::rtol(1e-6) };
            let (plain, x) = solve(method, &a, Props::SPD, pc, &b, &one);
            assert!(plain.converged() || method.starts_with("richardson"), "{method}: {:?}", plain.reason);
            // Powers of two, so that nothing is rounded.
            for power in [-1040i32, -560, -500, 560, 1000] {
                let unit = 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
                let other: Vec<f64> = b.iter().map(|b| b * unit).collect();
                let (out, y) = solve(method, &a, Props::SPD, pc, &other, &one);
                assert_eq!((out.reason, out.iterations), (plain.reason, plain.iterations), "{method} {pc} 2^{power}");
                let error = (out.relative_residual() / plain.relative_residual() - 1.0).abs();
                // Subnormal numbers are rounded.
                assert!(
                    error < if power > -1000 { 1e-6 } else { 1e-2 },
                    "{method} {pc} 2^{power}: {}",
                    out.relative_residual()
                );
                if power > -1000 {
                    assert!(x.iter().zip(&y).all(|(x, y)| x * unit == *y), "{method} {pc} 2^{power}");
                    assert!(out.history.iter().zip(&plain.history).all(|(r, s)| *r == s * unit), "{method} {pc}");
                }
            }
        }
    }
    // The absolute tolerance and the monitor are told in the units of b.
    struct Seen(Vec<f64>);
    impl Monitor for Seen {
        fn iteration(&mut self, _it: usize, residual: f64) -> bool {
            self.0.push(residual);
            true
        }
    }
    let tiny: Vec<f64> = b.iter().map(|b| b * 1e-180).collect();
    let (mut seen, mut x) = (Seen(Vec::new()), vec![0.0; 81]);
    let stop = Stop { atol: 1e-184, ..Stop::rtol(0.0) };
    let spd = a.promised(Props::SPD);
    let mut ws = Workspace::default();
    let out = Method::cg().solve(&mut ws, &spd, &Identity(81), &tiny, &mut x, &stop, &mut seen).unwrap();
    assert_eq!(out.reason, Reason::ConvergedAtol);
    assert!((out.history[0] / vector::norm2(&tiny) - 1.0).abs() < 1e-12);
    // The last one is the recomputed one.
    assert_eq!(seen.0[..out.iterations], out.history[..out.iterations]);
    // From a guess that is far away in these units.
    let mut x = random_vector(81, 201);
    let out = Method::cg().solve(&mut ws, &spd, &Identity(81), &tiny, &mut x, &Stop::rtol(1e-8), &mut Quiet).unwrap();
    assert!(!out.reason.converged() || out.residual <= Stop::rtol(1e-8).target(out.b_norm), "{:?}", out.reason);
}

#[test]
fn ilut_is_the_same_in_all_units() {
    let a = poisson(20);
    let b = random_vector(400, 202);
    let shape = |a: &Csr, b: &[f64]| {
        let nnz = "ilut".parse::<Spec>().unwrap().build(a).unwrap().op.nnz();
        (nnz, solve("gmres", a, Props::GENERAL, "ilut", b, &Stop::default()).0.iterations)
    };
    let known = shape(&a, &b);
    for unit in [1e-200, 1e-12, 100.0, 1e200] {
        assert_eq!(shape(&scaled(&a, unit), &b), known, "{unit:e}");
    }
    // Rows in units of their own.
    let mut rows = a.clone();
    for i in 0..400 {
        let unit = 2f64.powi((i as i32 * 7) % 40 - 20);
        let range = a.pattern().range(i);
        vector::scale(unit, &mut rows.values_mut()[range]);
    }
    assert_eq!("ilut".parse::<Spec>().unwrap().build(&rows).unwrap().op.nnz(), known.0);
}

#[test]
fn a_penalty_hides_no_asymmetry() {
    // Dirichlet rows by a penalty of 1e30.
    let mut a = convection(8);
    let entries: Vec<usize> = (0..8).map(|i| a.pattern().find(i, i).unwrap()).collect();
    entries.into_iter().for_each(|k| a.values_mut()[k] = 1e30);
    assert!(!a.is_symmetric(1e-12));
    for pc in ["icc", "ict", "cholesky", "ldlt", "koptimal", "fsai"] {
        let refused = pc.parse::<Spec>().unwrap().build(&a).err().unwrap().to_string();
        assert!(refused.contains("symmetric"), "{pc}: {refused}");
    }
    let (out, _) = solve("gmres", &a, Props::GENERAL, "ilu", &[1.0; 64], &Stop::default());
    assert!(out.converged());
    // A symmetric one is symmetric with the penalty too.
    let mut a = poisson(8);
    a.values_mut()[0] = 1e30;
    assert!(a.is_symmetric(0.0));
}

#[test]
fn what_rounding_does_not_allow_ends_soon_with_the_best_x() {
    let a = two_phases(31, 1e8);
    let b = vec![1.0; 961];
    for (method, pc) in [
        ("cg", "ict"),
        ("cg", "icc"),
        ("fcg", "ict"),
        ("minres", "ict"),
        ("gmres", "ict"),
        ("gmres(30, side = left)", "ict"),
        ("fgmres", "ict"),
        ("gcrodr", "ict"),
        ("bcgs", "ict"),
    ] {
        let stop = Stop::rtol(1e-14);
        let (out, x) = solve(method, &a, Props::SPD, pc, &b, &stop);
        println!("{method} {pc}: {} {} {:.1e}", out.iterations, out.reason.name(), out.relative_residual());
        assert_eq!(out.reason, Reason::DivergedStagnation, "{method} {pc} after {}", out.iterations);
        assert!(out.iterations < 3000, "{method} {pc}: {}", out.iterations);
        assert!(out.relative_residual() < 1e-4, "{method} {pc}: {}", out.relative_residual());
        let truth = residual(&a, &b, &x);
        assert!((out.residual / truth - 1.0).abs() < 1e-2, "{method} {pc}: {} {truth}", out.residual);
        assert!(out.reason.advice(method).contains("rounding"));
    }
    // A run that the limit ends after claims proved false returns the best x too.
    let (short, _) = solve("cg", &a, Props::SPD, "ict", &b, &Stop { max_it: 25, ..Stop::rtol(1e-14) });
    assert!(short.relative_residual() < 1e-4, "{}", short.relative_residual());
    let m = "icc".parse::<Spec>().unwrap().build(&a).unwrap().op;
    let (mut x, stop) = (vec![0.0; 961], Stop::rtol(1e-14));
    let spd = a.promised(Props::SPD);
    let out = split(&Method::cg(), &mut Workspace::default(), &spd, &*m, &b, &mut x, &stop, &mut Quiet).unwrap();
    assert_eq!(out.reason, Reason::DivergedStagnation);
    assert!(out.relative_residual() < 1e-4 && out.iterations < 3000, "{} {}", out.iterations, out.relative_residual());
}

#[test]
fn minres_minimises_the_residual_of_a_singular_inconsistent_system() {
    for k in [5, 12, 30] {
        let a = on_a_grid(&neumann(k));
        let n = k * k;
        let b: Vec<f64> = random_vector(n, 203).iter().map(|v| v + 1.0).collect();
        let mean = b.iter().sum::<f64>() / n as f64;
        // The null space holds the constants: what no x can change.
        let least = mean.abs() * (n as f64).sqrt();
        for pc in ["none", "jacobi"] {
            let (out, x) = solve("minres", &a, Props::SYMMETRIC, pc, &b, &Stop::default());
            println!("{k} {pc}: {} {} {:.6e} of {least:.6e}", out.iterations, out.reason.name(), out.residual);
            assert_eq!(out.reason, Reason::DivergedInconsistent, "{k} {pc}");
            assert!(out.iterations < 40 * k, "{k} {pc}: {}", out.iterations);
            if pc == "none" {
                assert!((out.residual / least - 1.0).abs() < 1e-6, "{k}: {} {least}", out.residual);
            }
            assert!(vector::norm2(&x) < 1e3 * n as f64 * vector::norm2(&b), "{k} {pc}: {}", vector::norm2(&x));
            let truth = residual(&a, &b, &x);
            assert!((out.residual - truth).abs() <= 1e-9 * truth, "{k} {pc}");
            // What the monitor saw last is true.
            let last = out.history[out.iterations];
            assert!(pc == "jacobi" || (last / truth - 1.0).abs() < 1e-3, "{k} {pc}: {last} {truth}");
        }
        // Consistent: solved.
        let c: Vec<f64> = b.iter().map(|b| b - mean).collect();
        for pc in ["none", "jacobi"] {
            let (out, _) = solve("minres", &a, Props::SYMMETRIC, pc, &c, &Stop::default());
            assert_eq!(out.reason, Reason::ConvergedRtol, "{k} {pc}");
        }
    }
}

#[test]
fn the_default_shift_is_no_worse_than_no_preconditioner() {
    let a = kershaw(12);
    let b = random_vector(576, 204);
    let its = |pc: &str, a: &Csr| solve("cg", a, Props::SPD, pc, &b, &Stop::default()).0.iterations;
    let plain = its("none", &a);
    let [default, petsc, smallest] =
        ["icc", "icc(0, shift = positive_definite)", "icc(0, shift = smallest)"].map(|pc| its(pc, &a));
    println!("none {plain}, icc {default}, positive_definite {petsc}, smallest {smallest}");
    assert!(default <= plain && default <= petsc && smallest > plain, "{default} {petsc} {smallest} {plain}");
    for power in [-100, -46, 46] {
        assert_eq!(its("icc", &scaled(&a, 2f64.powi(power))), default, "2^{power}");
    }
    // Singular and weakly dominant: a shift relative to A.
    let a = on_a_grid(&neumann(9));
    let c: Vec<f64> = (0..81).map(|i| f64::from(i) - 40.0).collect();
    for unit in [1e-20, 1.0, 1e20] {
        let (out, _) = solve("cg", &scaled(&a, unit), Props::SPD, "icc", &c, &Stop::default());
        assert!(out.converged(), "{unit:e}: {:?}", out.reason);
    }
}

#[test]
fn multigrid_takes_singular_indefinite_and_unsymmetric_matrices() {
    // Singular: below and above the size of the coarsest level.
    for k in [9, 15, 30, 50] {
        let a = on_a_grid(&neumann(k));
        let mut b = random_vector(k * k, 205);
        let mean = b.iter().sum::<f64>() / (k * k) as f64;
        b.iter_mut().for_each(|b| *b -= mean);
        for method in ["cg", "minres", "gmres"] {
            let (out, _) = solve(method, &a, Props::SPD, "amg", &b, &Stop::default());
            assert!(out.converged() && out.iterations <= 15, "{method} {k}: {:?} {}", out.reason, out.iterations);
        }
    }
    // Convection: as on a symmetric matrix, nearly independent of the grid.
    let counts = [32, 64].map(|k| {
        let a = convection(k);
        let m = Amg::new(&a, AmgParams { coarse: 50, ..AmgParams::default() }).unwrap();
        assert_eq!(m.props(), Props::GENERAL);
        let b = random_vector(k * k, 206);
        let (out, _) = solve("gmres", &a, Props::GENERAL, "amg(coarse = 50)", &b, &Stop::default());
        assert!(out.converged(), "{k}: {:?}", out.reason);
        out.iterations
    });
    assert!(counts[1] <= counts[0] + 4 && counts[1] <= 20, "{counts:?}");
    // Indefinite: symmetric, no more; cg refuses it by that, gmres takes it.
    let mut a = poisson(40);
    let diagonal: Vec<usize> = (0..1600).map(|i| a.pattern().find(i, i).unwrap()).collect();
    diagonal.into_iter().for_each(|k| a.values_mut()[k] -= 0.02);
    let built = "amg".parse::<Spec>().unwrap().build(&a).unwrap();
    assert_eq!(built.op.props(), Props::SYMMETRIC);
    let b = random_vector(1600, 207);
    let (out, _) = solve("gmres", &a, Props::SYMMETRIC, "amg", &b, &Stop::default());
    let (plain, _) = solve("gmres", &a, Props::SYMMETRIC, "none", &b, &Stop { max_it: 1000, ..Stop::default() });
    assert!(out.converged() && 2 * out.iterations < plain.iterations, "{} {}", out.iterations, plain.iterations);
    let zero = Csr::from_triplets(600, 600, &(0..599).map(|i| (i, i, 1.0)).collect::<Vec<_>>()).unwrap();
    let error = "amg".parse::<Spec>().unwrap().build(&zero).err().unwrap().to_string();
    assert!(error.starts_with("amg"), "{error}");
}

/// Linear elasticity, plane strain, on a k×k grid of square bilinear elements held at the left: two unknowns a node.
fn elasticity(k: usize) -> Csr {
    let (lambda, mu) = (2.0, 1.0);
    let gauss = [0.5 - 0.5 / 3f64.sqrt(), 0.5 + 0.5 / 3f64.sqrt()];
    let mut element = [[0.0; 8]; 8];
    for s in gauss {
        for t in gauss {
            let slope = [[-(1.0 - t), -(1.0 - s)], [1.0 - t, -s], [t, s], [-t, 1.0 - s]];
            for (p, g) in slope.iter().enumerate() {
                for (q, h) in slope.iter().enumerate() {
                    let inner = g[0] * h[0] + g[1] * h[1];
                    for c in 0..2 {
                        for d in 0..2 {
                            let both = if c == d { mu * inner } else { 0.0 };
                            let value = lambda * g[c] * h[d] + mu * g[d] * h[c] + both;
                            element[2 * p + c][2 * q + d] += 0.25 * value;
                        }
                    }
                }
            }
        }
    }
    // Columns of k + 1 nodes; those at the left are left away.
    let number = |column: usize, row: usize| (column > 0).then(|| (column - 1) * (k + 1) + row);
    let mut entries = Vec::new();
    for column in 0..k {
        for row in 0..k {
            let nodes =
                [number(column, row), number(column + 1, row), number(column + 1, row + 1), number(column, row + 1)];
            for (i, values) in element.iter().enumerate() {
                for (j, v) in values.iter().enumerate() {
                    if let (Some(p), Some(q)) = (nodes[i / 2], nodes[j / 2]) {
                        entries.push((2 * p + i % 2, 2 * q + j % 2, *v));
                    }
                }
            }
        }
    }
    Csr::from_triplets(2 * k * (k + 1), 2 * k * (k + 1), &entries).unwrap()
}

#[test]
fn multigrid_is_told_the_unknowns_of_a_node() {
    let counts = [20, 40].map(|k| {
        let a = elasticity(k);
        let b = random_vector(a.nrows(), 208);
        ["amg", "amg(block = 2)"].map(|pc| {
            let (out, _) = solve("cg", &a, Props::SPD, pc, &b, &Stop::default());
            assert!(out.converged(), "{k} {pc}");
            out.iterations
        })
    });
    println!("{counts:?}");
    assert!(counts.iter().all(|[one, two]| 3 * two < 2 * one), "{counts:?}");
    // Numbered component by component: the same preconditioner.
    let a = elasticity(40);
    let n = a.nrows();
    let order: Vec<u32> = (0..n as u32).map(|k| 2 * k % n as u32 + u32::from(2 * k >= n as u32)).collect();
    let other = a.permuted(&order).unwrap();
    let (x, mut y, mut z) = (random_vector(n, 209), vec![0.0; n], vec![0.0; n]);
    let permuted: Vec<f64> = order.iter().map(|&k| x[k as usize]).collect();
    "amg(block = 2)".parse::<Spec>().unwrap().build(&a).unwrap().op.apply(&x, &mut y);
    "amg(block = 2)".parse::<Spec>().unwrap().build(&other).unwrap().op.apply(&permuted, &mut z);
    assert!(order.iter().zip(&z).all(|(&k, z)| y[k as usize] == *z));
    let error = "amg(block = 11)".parse::<Spec>().unwrap().build(&elasticity(20)).err().unwrap().to_string();
    assert!(error.contains("block = 11"), "{error}");
    assert!("amg(block = 0)".parse::<Spec>().is_err());
    assert_eq!("amg(block = 2)".parse::<Spec>().unwrap().to_string(), "amg(0, block = 2)");
}

#[test]
fn reasons_are_true() {
    let a = poisson(12);
    let m = "icc".parse::<Spec>().unwrap().build(&a).unwrap().op;
    let spd = a.promised(Props::SPD);
    let b = vec![1.0; 144];
    for norm in [Norm::Natural, Norm::Unpreconditioned] {
        for (rtol, atol, reason) in [
            (1e-20, 1e3, Reason::ConvergedAtol),
            (1e-20, 1e-3, Reason::ConvergedAtol),
            (1e-6, 1e-50, Reason::ConvergedRtol),
        ] {
            let (mut x, stop) = (vec![0.0; 144], Stop { rtol, atol, norm, ..Stop::default() });
            let mut ws = Workspace::default();
            let out = split(&Method::cg(), &mut ws, &spd, &*m, &b, &mut x, &stop, &mut Quiet).unwrap();
            assert_eq!(out.reason, reason, "{norm:?} {rtol:e} {atol:e}");
        }
    }
    for (rtol, good) in [(0.999, true), (1.0, false), (7.0, false), (-0.1, false), (f64::NAN, false)] {
        assert_eq!(Stop::rtol(rtol).check().is_ok(), good, "{rtol}");
    }
    // Column 1 is empty, so that A never looks at x₁; M lets it grow to infinity.
    let zero = Csr::from_triplets(2, 2, &[(0, 0, 1.0)]).unwrap();
    let grows = Csr::from_triplets(2, 2, &[(0, 0, 1.0), (1, 0, f64::INFINITY)]).unwrap();
    for method in ["bcgs", "gmres", "richardson", "fgmres"] {
        let mut x = vec![0.0; 2];
        let mut ws = Workspace::default();
        let out = method
            .parse::<Method>()
            .unwrap()
            .solve(&mut ws, &zero, &grows, &[1.0, 0.0], &mut x, &Stop::default(), &mut Quiet)
            .unwrap();
        let finite = vector::all_finite(&x);
        assert!(finite || (out.reason == Reason::DivergedNan && out.residual.is_nan()), "{method}: {:?} {x:?}", out);
    }
    // Nobody is sent to where he comes from.
    for method in members(&solver::ENTRIES, &[]) {
        for reason in [Reason::DivergedBreakdown, Reason::DivergedDtol] {
            let advice = reason.advice(method);
            assert!(!advice.contains("take gmres") || !method.contains("gmres"), "{method}: {advice}");
            let krylov = !["richardson", "chebyshev"].contains(&method);
            assert!(!advice.contains("take a Krylov") || !krylov, "{method}: {advice}");
        }
    }
}
