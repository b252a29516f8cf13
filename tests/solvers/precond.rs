//! Preconditioners keep their promises.

use fempipe::Error;
use fempipe::linalg::op::{LinOp, Props};
use fempipe::linalg::{Csr, dense, vector};
use fempipe::precond::{self, Spec};
use fempipe::solver::{Method, Quiet, Stop, Workspace};

use crate::systems::{convection, poisson, random_spd, random_vector};
use crate::tables::members;

/// Parameters worth a test; `sine` and `fast-poisson` take no matrices of other sizes and have their tests elsewhere.
const PARAMETERS: [(&str, &[&str]); 16] = [
    ("ilut", &["ilut", "ilut(0, fill = 3)"]),
    ("jacobi", &["jacobi", "jacobi(0.7)"]),
    ("sor", &["sor", "sor(1.5, sweeps = 2)"]),
    ("ssor", &["ssor(1.3)", "ssor(1, sweeps = 3)"]),
    ("icc", &["icc", "icc(2)", "icc(1, storage = f32)"]),
    ("mic", &["mic", "mic(1, relaxation = 1)", "mic(storage = f32)"]),
    ("mict", &["mict", "mict(0.1, relaxation = 1)", "mict(0, fill = 2, storage = f32)"]),
    ("dic", &["dic", "dic(1)", "dic(0)"]),
    ("ilu", &["ilu", "ilu(2)"]),
    ("bjacobi", &["bjacobi", "bjacobi(3, inner = cholesky)", "bjacobi(4, inner = icc)"]),
    (
        "asm",
        &["asm", "asm(3, overlap = 2, inner = cholesky)", "asm(3, overlap = 1, restricted = false, inner = icc(1))"],
    ),
    ("amg", &["amg", "amg(0.08, smoothing = half)"]),
    ("ict", &["ict", "ict(0.1)", "ict(0, fill = 2)", "ict(0.1, storage = f32)"]),
    ("fsai", &["fsai", "fsai(2)", "fsai(1, extra = 0.2)"]),
    ("sine", &[]),
    ("fast-poisson", &[]),
];

/// Every preconditioner there is.
fn all() -> impl Iterator<Item = &'static str> {
    members(&precond::ENTRIES, &PARAMETERS)
}

/// Those that promise to be symmetric positive definite where A is.
const DEFINITE: [&str; 28] = [
    "icc(1, storage = f32)",
    "mic",
    "mic(1, relaxation = 1)",
    "mic(storage = f32)",
    "mict",
    "mict(0.1, relaxation = 1)",
    "mict(0, fill = 2, storage = f32)",
    "dic",
    "dic(1)",
    "dic(0)",
    "ict(0.1, storage = f32)",
    "none",
    "jacobi",
    "ssor(1.3)",
    "ssor(1, sweeps = 3)",
    "icc",
    "cholesky",
    "bjacobi(3, inner = cholesky)",
    "bjacobi(4, inner = icc)",
    "asm(3, overlap = 1, restricted = false, inner = icc(1))",
    "amg",
    "amg(0.08, smoothing = half)",
    "ict",
    "ict(0.1)",
    "ict(0, fill = 2)",
    "fsai",
    "fsai(2)",
    "koptimal",
];

pub fn build(text: &str, a: &Csr) -> Box<dyn LinOp + Send> {
    text.parse::<Spec>().unwrap().build(a).unwrap().op
}

/// xᵀ M y, to see symmetry and sign.
pub fn form(m: &dyn LinOp, x: &[f64], y: &[f64]) -> f64 {
    let mut my = vec![0.0; y.len()];
    m.apply(y, &mut my);
    vector::dot(x, &my)
}

#[test]
fn promises_hold() {
    for a in [poisson(6), poisson(30), random_spd(20)] {
        let n = a.nrows();
        for text in all() {
            let m = build(text, &a);
            assert_eq!(m.shape(), (n, n), "{text}");
            assert_eq!(m.props(), text.parse::<Spec>().unwrap().props(), "{text}");
            for trial in 0..5 {
                let (x, y) = (random_vector(n, 20 + trial), random_vector(n, 40 + trial));
                let (xy, yx, xx) = (form(&*m, &x, &y), form(&*m, &y, &x), form(&*m, &x, &x));
                let size = (form(&*m, &x, &x) * form(&*m, &y, &y)).abs().sqrt();
                if m.props().symmetric {
                    assert!((xy - yx).abs() <= 1e-12 * size, "{text}: {xy} {yx}");
                }
                if m.props().positive_definite {
                    assert!(xx > 0.0, "{text}: {xx}");
                }
                let sum: Vec<f64> = x.iter().zip(&y).map(|(a, b)| 2.0 * a - 3.0 * b).collect();
                let linear = 2.0 * xx - 3.0 * xy;
                assert!((form(&*m, &x, &sum) - linear).abs() <= 1e-10 * size, "{text}");
            }
        }
        for text in DEFINITE {
            assert_eq!(build(text, &a).props(), Props::SPD, "{text}");
        }
        for text in ["sor", "ilu", "ilut", "spai", "lu", "bjacobi", "asm(3, inner = cholesky)"] {
            assert_eq!(build(text, &a).props(), Props::GENERAL, "{text}");
        }
    }
    assert_eq!(build("ssor", &convection(4)).props(), Props::GENERAL);
}

/// M A with M and A dense.
pub fn product(m: &dyn LinOp, a: &Csr) -> dense::Dense {
    dense::from_op(m) * dense::from_csr(a)
}

pub fn assert_identity(m: &dense::Dense, tolerance: f64) {
    for i in 0..m.nrows() {
        for j in 0..m.ncols() {
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((m[(i, j)] - expected).abs() <= tolerance, "({i}, {j}): {}", m[(i, j)]);
        }
    }
}

#[test]
fn what_a_matrix_does_not_allow_is_an_error() {
    let no_diagonal = Csr::from_triplets(2, 2, &[(0, 1, 1.0), (1, 0, 1.0)]).unwrap();
    let lopsided = convection(3);
    let indefinite = Csr::from_triplets(2, 2, &[(0, 0, 1.0), (1, 1, -1.0)]).unwrap();
    let wide = Csr::from_triplets(2, 3, &[(0, 0, 1.0)]).unwrap();
    let mut nan = poisson(3);
    nan.values_mut()[3] = f64::NAN;
    let refused = |text: &str, a: &Csr| match text.parse::<Spec>().unwrap().build(a) {
        Ok(_) => panic!("{text} took it"),
        Err(e) => e,
    };
    for text in all() {
        assert!(matches!(refused(text, &wide), Error::Shape { .. }), "{text}");
        assert!(refused(text, &nan).to_string().contains("NaN"), "{text}");
    }
    assert!(refused("jacobi", &no_diagonal).to_string().contains("a_0,0"));
    assert!(refused("sor", &no_diagonal).to_string().contains("a_0,0"));
    let zero = Csr::from_triplets(600, 600, &[(0, 0, 1.0)]).unwrap();
    assert!(refused("amg", &zero).to_string().starts_with("amg divides by the diagonal"));
    assert!(refused("icc", &lopsided).to_string().contains("symmetric"));
    for text in ["cholesky", "ict", "fsai", "koptimal", "bjacobi(2, inner = icc)"] {
        assert!(refused(text, &lopsided).to_string().contains("symmetric"), "{text}");
    }
    assert!("bjacobi(0)".parse::<Spec>().is_err() && "asm(inner = foo)".parse::<Spec>().is_err());
    for text in ["amg(1)", "ict(-1)", "ilut(-1)", "fsai(0)", "fsai(1, extra = -0.1)"] {
        assert!(text.parse::<Spec>().is_err(), "{text}");
    }
    for text in ["fsai", "koptimal"] {
        assert!(refused(text, &indefinite).to_string().contains("positive definite"), "{text}");
    }
    assert!(refused("cholesky", &indefinite).to_string().contains("positive definite"));
    assert_eq!(build("jacobi", &indefinite).props(), Props::SYMMETRIC);
    assert_eq!(build("ssor", &indefinite).props(), Props::SYMMETRIC);
}

#[test]
fn empty_matrices_have_every_preconditioner() {
    let a = Csr::from_triplets(0, 0, &[]).unwrap();
    for text in all() {
        build(text, &a).apply(&[], &mut []);
    }
}

pub fn iterations(method: &str, text: &str, a: &Csr) -> usize {
    let m = build(text, a);
    let n = a.nrows();
    let out = method
        .parse::<Method>()
        .unwrap()
        .solve(
            &mut Workspace::default(),
            &a.promised(Props::SPD),
            &*m,
            &vec![1.0; n],
            &mut vec![0.0; n],
            &Stop::default(),
            &mut Quiet,
        )
        .unwrap();
    assert!(out.converged(), "{method} {text}");
    out.iterations
}

/// M^½ A M^½ has the spectrum of the symmetric Lᵀ M L with A = L Lᵀ.
pub fn symmetrised(m: &dyn LinOp, a: &Csr) -> dense::Dense {
    let llt = dense::from_csr(a).llt(faer::Side::Lower).unwrap();
    let l = llt.L();
    l.transpose() * dense::from_op(m) * l
}
