//! Matrices that somebody else wrote: which methods converge, and none claims what is not true.
//!
//! The files are not part of the repository; where they are missing the tests say so and do nothing.

use std::path::PathBuf;

use fempipe::io::npz::{self, Npz};
use fempipe::io::{Unpack, matrix_market, npy};
use fempipe::linalg::op::Props;
use fempipe::linalg::{Csr, dense, vector};
use fempipe::precond::Spec;
use fempipe::solver::{Method, Quiet, Stop, Workspace};

use crate::systems::{poisson, residual};

/// `FEMPIPE_TEST_DATA`, or `../shared/data` beside the checkout.
fn data(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FEMPIPE_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = root.join(file);
    if !path.exists() {
        println!("skipped: {file} is not there (FEMPIPE_TEST_DATA names its folder)");
        return None;
    }
    Some(path)
}

/// Iterations of each method × preconditioner; negative where it did not converge. Every claim is checked.
fn table(name: &str, a: &Csr, b: &[f64], rtol: f64, max_it: usize) -> Vec<(String, i64)> {
    let stop = Stop { rtol, max_it, ..Stop::default() };
    let spd = a.promised(Props::SPD);
    let mut rows = Vec::new();
    for pc in ["none", "jacobi", "ssor", "icc", "cholesky"] {
        let built = pc.parse::<Spec>().unwrap().build(a).unwrap();
        for method in ["cg", "fcg", "minres", "gmres(30)", "fgmres(30)", "bcgs", "gcrodr(30, 10)", "chebyshev"] {
            let mut x = vec![0.0; b.len()];
            let out = method
                .parse::<Method>()
                .unwrap()
                .solve(&mut Workspace::default(), &spd, &*built.op, b, &mut x, &stop, &mut Quiet)
                .unwrap();
            let truth = residual(a, b, &x);
            let size = vector::norm2(b);
            if out.converged() {
                assert!(truth <= rtol * size * 1.01, "{name} {method} {pc}: claimed, but {}", truth / size);
            }
            if x.iter().all(|v| v.is_finite()) {
                // Rounding of A x itself, in whatever order it is summed.
                let rounding = 1e-14 * a.max_abs() * vector::norm2(&x);
                assert!((out.residual - truth).abs() <= 1e-6 * truth + rounding, "{name} {method} {pc}");
            }
            let its = out.iterations as i64;
            println!("{name:<10} {method:<15} {pc:<9} {its:6} {} {:.2e}", out.reason.name(), truth / size);
            rows.push((format!("{method} {pc}"), if out.converged() { its } else { -its.max(1) }));
        }
    }
    rows
}

fn its(rows: &[(String, i64)], what: &str) -> i64 {
    rows.iter().find(|r| r.0 == what).unwrap().1
}

#[test]
fn small_stiffness_matrix() {
    let Some(path) = data("matrix-market/bcsstk01.mtx") else {
        return;
    };
    let a = matrix_market::read(path).unwrap();
    assert_eq!((a.nrows(), a.nnz()), (48, 400));
    let rows = table("bcsstk01", &a, &[1.0; 48], 1e-8, 5000);
    for what in ["cg jacobi", "cg icc", "minres icc", "gcrodr(30, 10) icc", "cg cholesky"] {
        assert!(its(&rows, what) > 0, "{what}");
    }
    assert!(its(&rows, "cg icc") < its(&rows, "cg jacobi"));
}

#[test]
fn dam_stiffness_matrix() {
    let Some(path) = data("matrix-market/bcsstk16.mtx") else {
        return;
    };
    let a = matrix_market::read(path).unwrap();
    assert_eq!((a.nrows(), a.nnz()), (4884, 290_378));
    let rows = table("bcsstk16", &a, &vec![1.0; 4884], 1e-8, 1000);
    for what in ["cg jacobi", "cg ssor", "cg icc", "gmres(30) icc", "minres icc"] {
        assert!(its(&rows, what) > 0, "{what}");
    }
    assert!(its(&rows, "cg icc") < its(&rows, "cg ssor") && its(&rows, "cg ssor") < its(&rows, "cg jacobi"));
}

#[test]
fn static_analysis_systems() {
    for i in (0..20).step_by(2) {
        let Some(path) = data(&format!("stand/batch_{i}.npz")) else {
            return;
        };
        let a = npz::read_matrix(&path).unwrap();
        let npz = Npz::open(&path, Unpack::default()).unwrap();
        let (b, known) = (npz.vector("b").unwrap(), npz.vector("x_real").unwrap());
        assert!(residual(&a, &b, &known) <= 1e-9 * vector::norm2(&b), "A x = b holds in {i}");
        let rows = table(&format!("stand {i}"), &a, &b, 1e-8, 1000);
        for what in ["cg icc", "minres icc", "cg cholesky", "fgmres(30) cholesky"] {
            assert!(its(&rows, what) > 0, "{what} in {i}");
        }
    }
}

#[test]
fn elasticity_and_convection_that_others_assembled() {
    // Two unknowns a node, numbered component by component; iterations of PyAMG 5.4.1 with the same candidates: 14, 27.
    for (i, most) in [(3207, 16), (3335, 30)] {
        let (Some(path), Some(rhs)) = (data(&format!("fe-zoo/A_{i}.npz")), data(&format!("fe-zoo/b_{i}.npy"))) else {
            return;
        };
        let (a, b) = (npz::read_matrix(&path).unwrap(), vector_of(&rhs));
        let count = |pc: &str| {
            let m = pc.parse::<Spec>().unwrap().build(&a).unwrap().op;
            let (mut ws, mut x) = (Workspace::default(), vec![0.0; b.len()]);
            let spd = a.promised(Props::SPD);
            let out = Method::cg().solve(&mut ws, &spd, &*m, &b, &mut x, &Stop::default(), &mut Quiet).unwrap();
            assert!(out.converged() && residual(&a, &b, &x) <= 1.01e-8 * out.b_norm, "{i} {pc}");
            out.iterations
        };
        let (one, two) = (count("amg"), count("amg(block = 2)"));
        println!("{i}: amg {one}, amg(block = 2) {two}");
        assert!(two <= most && 2 * two < one, "{i}: {one} {two}");
    }
    // Not symmetric.
    let (Some(path), Some(rhs)) = (data("fe-zoo/A_2951.npz"), data("fe-zoo/b_2951.npy")) else {
        return;
    };
    let (a, b) = (npz::read_matrix(&path).unwrap(), vector_of(&rhs));
    assert!(!a.is_symmetric(1e-12));
    let m = "amg".parse::<Spec>().unwrap().build(&a).unwrap().op;
    let (mut ws, mut x, gmres) = (Workspace::default(), vec![0.0; b.len()], "gmres".parse::<Method>().unwrap());
    let out = gmres.solve(&mut ws, &a, &*m, &b, &mut x, &Stop::default(), &mut Quiet).unwrap();
    assert!(out.converged() && out.iterations <= 8, "{:?} {}", out.reason, out.iterations);
}

fn vector_of(path: &std::path::Path) -> Vec<f64> {
    match npy::read_npy(path).unwrap().data {
        npy::Data::Float(v) => v,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pattern_file_and_malformed_files() {
    let Some(path) = data("matrix-market/can___24.mtx") else {
        return;
    };
    let a = matrix_market::read(path).unwrap();
    assert_eq!((a.nrows(), a.nnz()), (24, 160));
    assert!(a.values().iter().all(|&v| v == 1.0));
    for (file, says) in [
        ("fullcrud.mtx", "line 7: the file ends before entry (2, 2)"),
        ("fullcrud1.mtx", "line 1: a Matrix Market file begins"),
        ("mangle1.mtx", "line 1: object \"junk\": must be matrix"),
        ("mangle2.mtx", "line 1: format \"junk\": must be coordinate or array"),
    ] {
        let Some(path) = data(&format!("matrix-market/malformed/{file}")) else {
            return;
        };
        let error = matrix_market::read(path).unwrap_err().to_string();
        assert!(error.contains(says), "{file}: {error}");
    }
}

#[test]
fn graded_matrices_up_to_a_condition_of_ten_to_the_ten() {
    // S P S with S from 1 to 10^(g/2) over the nodes: κ grows to about 10^g κ(P).
    let k = 12;
    let p = poisson(k);
    let n = p.nrows();
    for grade in [4, 7, 10] {
        let s = |i: usize| 10f64.powf(f64::from(grade) / 2.0 * ((i * 37) % n) as f64 / n as f64);
        let mut entries = Vec::new();
        for i in 0..n {
            let (cols, vals) = p.row(i);
            entries.extend(cols.iter().zip(vals).map(|(&j, v)| (i, j as usize, s(i) * v * s(j as usize))));
        }
        let a = Csr::from_triplets(n, n, &entries).unwrap();
        let values = dense::eigenvalues_symmetric(&dense::from_csr(&a)).unwrap();
        println!("graded {grade}: condition {:.1e}", values[n - 1] / values[0]);
        let rows = table(&format!("graded {grade}"), &a, &vec![1.0; n], 1e-8, 2000);
        // Diagonal scaling undoes the grading.
        for what in ["cg jacobi", "cg ssor", "cg icc", "minres icc", "gmres(30) icc", "cg cholesky"] {
            assert!(its(&rows, what) > 0, "{what} at {grade}");
        }
        assert!(its(&rows, "cg jacobi") <= 90 && its(&rows, "cg icc") < its(&rows, "cg jacobi"));
    }
}
