//! Preconditioners keep their promises, and are what their formulas say.

use fempipe::Error;
use fempipe::linalg::op::{LinOp, Props};
use fempipe::linalg::{Csr, dense, vector};
use fempipe::precond::{Icc, Spec};
use fempipe::solver::{Method, Quiet, Stop, Workspace};

use crate::systems::{convection, poisson, random_spd, random_vector};

const ALL: [&str; 10] = [
    "none",
    "jacobi",
    "jacobi(0.7)",
    "sor",
    "sor(1.5, sweeps = 2)",
    "ssor(1.3)",
    "ssor(1, sweeps = 3)",
    "icc",
    "icc(2)",
    "cholesky",
];

fn build(text: &str, a: &Csr) -> Box<dyn LinOp + Send> {
    text.parse::<Spec>().unwrap().build(a).unwrap().op
}

/// xᵀ M y, to see symmetry and sign.
fn form(m: &dyn LinOp, x: &[f64], y: &[f64]) -> f64 {
    let mut my = vec![0.0; y.len()];
    m.apply(y, &mut my);
    vector::dot(x, &my)
}

#[test]
fn promises_hold() {
    for a in [poisson(6), random_spd(20)] {
        let n = a.nrows();
        for text in ALL {
            let m = build(text, &a);
            assert_eq!(m.shape(), (n, n), "{text}");
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
        for text in [
            "none",
            "jacobi",
            "ssor(1.3)",
            "ssor(1, sweeps = 3)",
            "icc",
            "cholesky",
        ] {
            assert_eq!(build(text, &a).props(), Props::SPD, "{text}");
        }
        assert_eq!(build("sor", &a).props(), Props::GENERAL);
    }
    assert_eq!(build("ssor", &convection(4)).props(), Props::GENERAL);
}

/// M A with M and A dense.
fn product(m: &dyn LinOp, a: &Csr) -> dense::Dense {
    dense::from_op(m) * dense::from_csr(a)
}

#[test]
fn symmetric_sor_is_its_formula() {
    // M⁻¹ = (D + ω L) D⁻¹ (D + ω U) / (ω (2 − ω)): M times that is the identity.
    let a = random_spd(12);
    let omega = 1.3;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for i in 0..12 {
        let (cols, vals) = a.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            let j = j as usize;
            let d = a.get(j, j) * omega * (2.0 - omega);
            match j.cmp(&i) {
                std::cmp::Ordering::Less => left.push((i, j, omega * v / d)),
                std::cmp::Ordering::Equal => {
                    left.push((i, i, v / d));
                    right.push((i, i, v));
                }
                std::cmp::Ordering::Greater => right.push((i, j, omega * v)),
            }
        }
    }
    let inverse = Csr::from_triplets(12, 12, &left)
        .unwrap()
        .matmul(&Csr::from_triplets(12, 12, &right).unwrap())
        .unwrap();
    let unit = product(&*build("ssor(1.3)", &a), &inverse);
    assert_identity(&unit, 1e-10);
}

fn assert_identity(m: &dense::Dense, tolerance: f64) {
    for i in 0..m.nrows() {
        for j in 0..m.ncols() {
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!(
                (m[(i, j)] - expected).abs() <= tolerance,
                "({i}, {j}): {}",
                m[(i, j)]
            );
        }
    }
}

#[test]
fn enough_fill_makes_icc_exact() {
    let a = poisson(5);
    assert_identity(&product(&*build("icc(25)", &a), &a), 1e-12);
    assert_identity(&product(&*build("icc", &random_spd(9)), &random_spd(9)), 1e-8);
    assert_identity(&product(&*build("cholesky", &a), &a), 1e-12);
}

#[test]
fn icc_zero_agrees_with_a_on_its_pattern() {
    // The defining property of IC(0): L D Lᵀ = A wherever a_ij is stored.
    let a = poisson(5);
    let inverse = dense::from_op(&*build("icc", &a));
    let entries: Vec<_> = (0..25)
        .flat_map(|i| (0..25).map(move |j| (i, j)))
        .map(|(i, j)| (i, j, inverse[(i, j)]))
        .collect();
    let m = dense::inverse_spd(&Csr::from_triplets(25, 25, &entries).unwrap()).unwrap();
    let mut off_pattern: f64 = 0.0;
    for i in 0..25 {
        for j in 0..25 {
            let error = (m[(i, j)] - a.get(i, j)).abs();
            if a.pattern().find(i, j).is_some() {
                assert!(error <= 1e-10, "({i}, {j}): {error}");
            } else {
                off_pattern = off_pattern.max(error);
            }
        }
    }
    assert!(off_pattern > 0.1, "poisson has fill: IC(0) is not exact");
}

#[test]
fn more_fill_needs_fewer_iterations() {
    let a = poisson(24);
    let b = vec![1.0; 576];
    let mut last = usize::MAX;
    for text in ["none", "icc(0)", "icc(1)", "icc(4)", "cholesky"] {
        let m = build(text, &a);
        let out = Method::Cg
            .solve(
                &mut Workspace::default(),
                &a.promised(Props::SPD),
                &*m,
                &b,
                &mut vec![0.0; 576],
                &Stop::default(),
                &mut Quiet,
            )
            .unwrap();
        assert!(
            out.converged() && out.iterations < last,
            "{text}: {}",
            out.iterations
        );
        last = out.iterations;
    }
    assert_eq!(last, 1, "a direct solve takes one iteration");
}

#[test]
fn icc_shifts_where_a_pivot_is_negative_and_says_so() {
    // Kershaw's matrix: SPD, yet IC(0) meets a negative pivot.
    let rows = [
        [3.0, -2.0, 0.0, 2.0],
        [-2.0, 3.0, -2.0, 0.0],
        [0.0, -2.0, 3.0, -2.0],
        [2.0, 0.0, -2.0, 3.0],
    ];
    let mut entries = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        for (j, &v) in row.iter().enumerate().filter(|e| *e.1 != 0.0) {
            entries.push((i, j, v));
        }
    }
    let a = Csr::from_triplets(4, 4, &entries).unwrap();
    let shift = Icc::new(&a, 0).unwrap().shift();
    assert!(shift.amount > 0.0 && shift.attempts > 1, "{shift:?}");
    let built = "icc".parse::<Spec>().unwrap().build(&a).unwrap();
    assert!(built.note.unwrap().contains("shifted"));
    assert!(form(&*built.op, &[1.0, -1.0, 1.0, -1.0], &[1.0, -1.0, 1.0, -1.0]) > 0.0);
    assert!(
        "icc"
            .parse::<Spec>()
            .unwrap()
            .build(&poisson(4))
            .unwrap()
            .note
            .is_none()
    );
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
    for text in ALL {
        assert!(matches!(refused(text, &wide), Error::Shape { .. }), "{text}");
        assert!(refused(text, &nan).to_string().contains("NaN"), "{text}");
    }
    assert!(refused("jacobi", &no_diagonal).to_string().contains("a_0,0"));
    assert!(refused("sor", &no_diagonal).to_string().contains("a_0,0"));
    assert!(refused("icc", &lopsided).to_string().contains("symmetric"));
    assert!(refused("cholesky", &lopsided).to_string().contains("symmetric"));
    assert!(
        refused("cholesky", &indefinite)
            .to_string()
            .contains("positive definite")
    );
    assert_eq!(build("jacobi", &indefinite).props(), Props::SYMMETRIC);
    assert_eq!(build("ssor", &indefinite).props(), Props::SYMMETRIC);
}

#[test]
fn empty_matrices_have_every_preconditioner() {
    let a = Csr::from_triplets(0, 0, &[]).unwrap();
    for text in ALL {
        build(text, &a).apply(&[], &mut []);
    }
}
