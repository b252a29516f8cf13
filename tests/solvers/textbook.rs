//! Stationary iterations against loops written from the textbook, and the notation.

use fempipe::linalg::op::Props;
use fempipe::linalg::{Csr, vector};
use fempipe::precond::Spec;
use fempipe::solver::{Method, Quiet, Stop, Workspace};

use crate::systems::{poisson, residual};

fn count(method: &str, pc: &str, a: &Csr, b: &[f64], stop: &Stop) -> usize {
    let m = pc.parse::<Spec>().unwrap().build(a).unwrap();
    let method: Method = method.parse().unwrap();
    let mut x = vec![0.0; b.len()];
    let out =
        method.solve(&mut Workspace::default(), &a.promised(Props::SPD), &*m.op, b, &mut x, stop, &mut Quiet).unwrap();
    assert!(out.converged(), "{method} {pc}");
    out.iterations
}

/// Sweeps of xᵢ ← (1 − ω) xᵢ + ω (bᵢ − Σ_{j≠i} a_ij x_j) / a_ii until the residual meets the tolerance.
fn textbook(a: &Csr, b: &[f64], omega: f64, in_place: bool, rtol: f64) -> usize {
    let mut x = vec![0.0; b.len()];
    for it in 0.. {
        if residual(a, b, &x) <= rtol * vector::norm2(b) {
            return it;
        }
        let old = x.clone();
        for i in 0..b.len() {
            let (cols, vals) = a.row(i);
            let off: f64 = cols
                .iter()
                .zip(vals)
                .filter(|&(&j, _)| j as usize != i)
                .map(|(&j, &v)| v * if in_place { x[j as usize] } else { old[j as usize] })
                .sum();
            x[i] = (1.0 - omega) * old[i] + omega * (b[i] - off) / a.get(i, i);
        }
    }
    unreachable!()
}

#[test]
fn richardson_is_jacobi_gauss_seidel_and_sor() {
    let stop = Stop::rtol(1e-5);
    for k in [3, 7, 15] {
        let (a, b) = (poisson(k), vec![1.0; k * k]);
        assert_eq!(count("richardson(0.7)", "jacobi", &a, &b, &stop), textbook(&a, &b, 0.7, false, 1e-5));
        assert_eq!(count("richardson(1)", "jacobi(0.7)", &a, &b, &stop), textbook(&a, &b, 0.7, false, 1e-5));
        assert_eq!(count("richardson", "sor(1)", &a, &b, &stop), textbook(&a, &b, 1.0, true, 1e-5));
        assert_eq!(count("richardson", "sor(1.4)", &a, &b, &stop), textbook(&a, &b, 1.4, true, 1e-5));
    }
}

#[test]
fn jacobi_takes_as_many_iterations_as_its_spectral_radius_says() {
    // ρ = 1 − ω (1 − cos πh); b the eigenvector, so that the residual falls by ρ each time.
    let k = 7;
    let h = std::f64::consts::PI / 8.0;
    let b: Vec<f64> = (0..k * k).map(|i| ((i / k + 1) as f64 * h).sin() * ((i % k + 1) as f64 * h).sin()).collect();
    let rho = 1.0 - 0.7 * (1.0 - h.cos());
    let expected = (1e-5f64.ln() / rho.ln()).ceil() as usize;
    assert_eq!(count("richardson(0.7)", "jacobi", &poisson(k), &b, &Stop::rtol(1e-5)), expected);
}

#[test]
fn several_sweeps_are_several_iterations() {
    let (a, b) = (poisson(7), vec![1.0; 49]);
    let stop = Stop::rtol(1e-6);
    for (one, three) in [("sor(1.3)", "sor(1.3, sweeps = 3)"), ("ssor", "ssor(sweeps = 3)")] {
        let single = count("richardson", one, &a, &b, &stop);
        assert_eq!(count("richardson", three, &a, &b, &stop), single.div_ceil(3));
    }
}

#[test]
fn text_and_table_mean_the_same() {
    #[derive(serde::Deserialize, serde::Serialize, PartialEq, Debug)]
    struct Recipe {
        ksp: Vec<Method>,
        pc: Vec<Spec>,
    }
    let text = r#"
        ksp = ["cg", "gmres(50)", "richardson(0.7)", "gmres(10, side = left)"]
        pc = ["sor(1.5)", "ssor(1, sweeps = 2)", "icc(1)", "jacobi", "none", "cholesky", "lu", "ilu(2)",
              "bjacobi(4, inner = icc(1))", "asm(2, overlap = 3, restricted = false, inner = lu)", "amg(0.1)",
              "amg(0, smoothing = half)", "ict(0.01, fill = 5)", "fsai", "koptimal", "ilut(0.1)", "spai"]"#;
    let table = r#"
        ksp = [{ type = "cg" }, { type = "gmres", restart = 50 }, { type = "richardson", omega = 0.7 },
               { type = "gmres", restart = 10, side = "left" }]
        pc = [{ type = "sor", omega = 1.5 }, { type = "ssor", sweeps = 2 }, { type = "icc", levels = 1 },
              { type = "jacobi" }, { type = "none" }, { type = "cholesky" }, { type = "lu" },
              { type = "ilu", levels = 2 },
              { type = "bjacobi", blocks = 4, inner = "icc(1)" },
              { type = "asm", blocks = 2, overlap = 3, restricted = false, inner = "lu" },
              { type = "amg", theta = 0.1 }, { type = "amg", smoothing = "half" },
              { type = "ict", droptol = 0.01, fill = 5 },
              { type = "fsai" }, { type = "koptimal" }, { type = "ilut", droptol = 0.1 }, { type = "spai" }]"#;
    let from_text: Recipe = toml::from_str(text).unwrap();
    assert_eq!(from_text, toml::from_str(table).unwrap());
    let written = toml::to_string(&from_text).unwrap();
    assert_eq!(from_text, toml::from_str(&written).unwrap());
}

#[test]
fn bad_notation_is_refused_with_what_would_be_right() {
    for (text, says) in [
        ("gmress", "unknown solver \"gmress\" (known: richardson, chebyshev,"),
        ("gmres(50", "parenthesis"),
        ("gmres(0)", "at least 1"),
        ("gmres(-3)", "[gmres] restart = -3: must be a whole number"),
        ("gmres(restrat = 3)", "expected `restart`"),
        ("gmres(3, restart = 4)", "given twice"),
        ("cg(3)", "needs a name"),
        ("richardson(0)", "not 0"),
        ("richardson(fast)", "= \"fast\": must be a number"),
    ] {
        let error = text.parse::<Method>().unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    for (text, says) in [
        ("sor(2)", "between 0 and 2"),
        ("ssor(1, 0)", "from 1 to 1000"),
        ("jacobi(-1)", "positive"),
        ("icc(x)", "[icc] levels = \"x\": must be a whole number"),
        ("ic", "unknown preconditioner \"ic\" (known: none, jacobi,"),
    ] {
        let error = text.parse::<Spec>().unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    let error = toml::from_str::<std::collections::BTreeMap<String, Spec>>("pc = { type = \"sor\", w = 1 }")
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown field `w`"), "{error}");
}
