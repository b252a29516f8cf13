//! Preconditioners keep their promises, and are what their formulas say.

use fempipe::Error;
use fempipe::linalg::op::{Identity, LinOp, Props};
use fempipe::linalg::{Csr, dense, vector};
use fempipe::precond::{Amg, AmgParams, Icc, Spec, TwoLevel, sine_modes};
use fempipe::solver::{Method, Quiet, Stop, Workspace};

use crate::systems::{convection, poisson, random_spd, random_vector};

const ALL: [&str; 30] = [
    "ilut",
    "ilut(0, fill = 3)",
    "spai",
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
    "ilu",
    "ilu(2)",
    "lu",
    "bjacobi",
    "bjacobi(3, inner = cholesky)",
    "bjacobi(4, inner = icc)",
    "asm",
    "asm(3, overlap = 2, inner = cholesky)",
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

/// Those that promise to be symmetric positive definite where A is.
const DEFINITE: [&str; 17] = [
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
    for a in [poisson(6), poisson(30), random_spd(20)] {
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
        for text in DEFINITE {
            assert_eq!(build(text, &a).props(), Props::SPD, "{text}");
        }
        for text in [
            "sor",
            "ilu",
            "ilut",
            "spai",
            "lu",
            "bjacobi",
            "asm(3, inner = cholesky)",
        ] {
            assert_eq!(build(text, &a).props(), Props::GENERAL, "{text}");
        }
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
    let lopsided = convection(5);
    assert_identity(&product(&*build("ilu(25)", &lopsided), &lopsided), 1e-12);
    for text in [
        "cholesky",
        "lu",
        "bjacobi(1, inner = lu)",
        "asm(2, overlap = 5, inner = lu)",
    ] {
        assert_identity(&product(&*build(text, &a), &a), 1e-12);
    }
    assert_identity(&product(&*build("lu", &lopsided), &lopsided), 1e-12);
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
    for text in [
        "cholesky",
        "amg",
        "ict",
        "fsai",
        "koptimal",
        "bjacobi(2, inner = icc)",
    ] {
        assert!(
            refused(text, &lopsided).to_string().contains("symmetric"),
            "{text}"
        );
    }
    assert!("bjacobi(0)".parse::<Spec>().is_err() && "asm(inner = foo)".parse::<Spec>().is_err());
    for text in ["amg(1)", "ict(-1)", "ilut(-1)", "fsai(0)"] {
        assert!(text.parse::<Spec>().is_err(), "{text}");
    }
    for text in ["fsai", "koptimal"] {
        assert!(
            refused(text, &indefinite)
                .to_string()
                .contains("positive definite"),
            "{text}"
        );
    }
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

#[test]
fn ilu_zero_agrees_with_a_on_its_pattern() {
    let a = convection(5);
    let inverse = dense::from_op(&*build("ilu", &a));
    let entries: Vec<_> = (0..25)
        .flat_map(|i| (0..25).map(move |j| (i, j)))
        .map(|(i, j)| (i, j, inverse[(i, j)]))
        .collect();
    let lu = build("lu", &Csr::from_triplets(25, 25, &entries).unwrap());
    let m = dense::from_op(&*lu);
    for i in 0..25 {
        for &j in a.row(i).0 {
            let error = (m[(i, j as usize)] - a.get(i, j as usize)).abs();
            assert!(error <= 1e-10, "({i}, {j}): {error}");
        }
    }
}

#[test]
fn on_symmetric_matrices_ilu_is_icc() {
    let a = poisson(8);
    for (ilu, icc) in [("ilu", "icc"), ("ilu(2)", "icc(2)")] {
        let (x, mut y, mut z) = (random_vector(64, 80), vec![0.0; 64], vec![0.0; 64]);
        build(ilu, &a).apply(&x, &mut y);
        build(icc, &a).apply(&x, &mut z);
        assert!(y.iter().zip(&z).all(|(y, z)| (y - z).abs() <= 1e-13), "{ilu}");
    }
}

#[test]
fn ilu_shifts_a_zero_pivot_and_lu_refuses_a_singular_matrix() {
    let a = Csr::from_triplets(2, 2, &[(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 1.0)]).unwrap();
    let built = "ilu".parse::<Spec>().unwrap().build(&a).unwrap();
    assert!(built.note.unwrap().contains("shifted"));
    assert!("lu".parse::<Spec>().unwrap().build(&a).is_err());
    let swap = Csr::from_triplets(2, 2, &[(0, 1, 2.0), (1, 0, 4.0)]).unwrap();
    assert_identity(&product(&*build("lu", &swap), &swap), 1e-15);
}

#[test]
fn block_jacobi_is_its_blocks_alone() {
    // Blocks of 13, 12 and 12 rows, each solved exactly.
    let a = random_spd(37);
    let m = build("bjacobi(3, inner = cholesky)", &a);
    let x = random_vector(37, 81);
    let mut y = vec![0.0; 37];
    m.apply(&x, &mut y);
    for (start, end) in [(0, 13), (13, 25), (25, 37)] {
        for (i, x) in x.iter().enumerate().take(end).skip(start) {
            let row: f64 = (start..end).map(|j| a.get(i, j) * y[j]).sum();
            assert!((row - x).abs() <= 1e-10, "row {i}");
        }
    }
    // More blocks than rows: jacobi.
    let (mut y, mut z) = (vec![0.0; 37], vec![0.0; 37]);
    build("bjacobi(99, inner = cholesky)", &a).apply(&x, &mut y);
    build("jacobi", &a).apply(&x, &mut z);
    assert!(y.iter().zip(&z).all(|(y, z)| (y - z).abs() <= 1e-14));
}

fn iterations(method: &str, text: &str, a: &Csr) -> usize {
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

#[test]
fn overlap_helps_and_fewer_blocks_help() {
    let a = poisson(24);
    let layers: Vec<usize> = (0..4)
        .map(|o| iterations("gmres", &format!("asm(8, overlap = {o}, inner = lu)"), &a))
        .collect();
    assert!(layers[1] < layers[0] && layers[3] < layers[1], "{layers:?}");
    let blocks = [16, 8, 4, 1].map(|b| iterations("cg", &format!("bjacobi({b}, inner = cholesky)"), &a));
    assert!(blocks.is_sorted_by(|a, b| a > b) && blocks[3] == 1, "{blocks:?}");
}

#[test]
fn multigrid_needs_as_many_iterations_on_any_grid() {
    let counts = [32, 64, 128].map(|k| iterations("cg", "amg", &poisson(k)));
    assert!(
        counts[0] >= 5 && counts[2] <= counts[0] + 4 && counts[2] <= 14,
        "{counts:?}"
    );
    let built = "amg".parse::<Spec>().unwrap().build(&poisson(64)).unwrap();
    let note = built.note.unwrap();
    assert!(note.contains("levels of [4096, "), "{note}");
}

#[test]
fn multigrid_uses_the_candidates_it_is_given() {
    // A = S P S with S = diag(s): the near-null vector is 1/s, and constants are far from it.
    let k = 32;
    let p = poisson(k);
    let s: Vec<f64> = random_vector(k * k, 82)
        .iter()
        .map(|v| 10f64.powf(1.5 * v))
        .collect();
    let mut entries = Vec::new();
    for i in 0..k * k {
        let (cols, vals) = p.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            entries.push((i, j as usize, s[i] * v * s[j as usize]));
        }
    }
    let a = Csr::from_triplets(k * k, k * k, &entries).unwrap();
    let params = AmgParams {
        coarse: 50,
        ..AmgParams::default()
    };
    let near = dense::Dense::from_fn(k * k, 1, |i, _| 1.0 / s[i]);
    let both = dense::Dense::from_fn(k * k, 2, |i, j| if j == 0 { 1.0 / s[i] } else { 1.0 });
    let mut counts = Vec::new();
    for m in [
        Amg::with_candidates(&a, params, &near, 1).unwrap(),
        Amg::with_candidates(&a, params, &both, 1).unwrap(),
        Amg::new(&a, params).unwrap(),
    ] {
        let out = Method::Cg
            .solve(
                &mut Workspace::default(),
                &a.promised(Props::SPD),
                &m,
                &random_vector(k * k, 83),
                &mut vec![0.0; k * k],
                &Stop::default(),
                &mut Quiet,
            )
            .unwrap();
        assert!(out.converged());
        counts.push(out.iterations);
    }
    assert!(
        counts[0] < counts[2] && counts[0] <= 16 && counts[1] <= 16,
        "{counts:?}"
    );
    let bad = dense::Dense::zeros(3, 1);
    assert!(matches!(
        Amg::with_candidates(&a, params, &bad, 1),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        Amg::with_candidates(&a, params, &near, 3),
        Err(Error::Shape { .. })
    ));
}

#[test]
fn threshold_factors_run_from_jacobi_to_cholesky() {
    let a = poisson(12);
    // Nothing dropped: exact. Everything dropped: only the diagonal, which still is Jacobi's.
    assert_identity(&product(&*build("ict(0)", &a), &a), 1e-12);
    let (x, mut y, mut z) = (random_vector(144, 90), vec![0.0; 144], vec![0.0; 144]);
    build("ict(10)", &a).apply(&x, &mut y);
    build("jacobi", &a).apply(&x, &mut z);
    assert!(y.iter().zip(&z).all(|(y, z)| (y - z).abs() <= 1e-15));
    let sizes = ["ict(0.1)", "ict(0.01)", "ict(0.001)"].map(|text| build(text, &a).nnz());
    let counts = ["ict(0.1)", "ict(0.01)", "ict(0.001)"].map(|text| iterations("cg", text, &a));
    assert!(
        sizes.is_sorted_by(|a, b| a < b) && counts.is_sorted_by(|a, b| a > b),
        "{sizes:?} {counts:?}"
    );
    // The fill limit is kept, and a threshold spends its entries no worse than levels do.
    assert!(build("ict(0, fill = 2)", &a).nnz() <= 3 * 144);
    let b = poisson(40);
    assert!(build("ict(0.008)", &b).nnz() <= build("icc(2)", &b).nnz());
    assert!(iterations("cg", "ict(0.008)", &b) <= iterations("cg", "icc(2)", &b));
}

#[test]
fn ict_drops_by_matlabs_rule() {
    // Column 0 of L is a_i0 / √a_00; kept where that is at least droptol · ‖A(:, 0)‖₁.
    let entries = [
        (0, 0, 4.0),
        (1, 0, -1.0),
        (2, 0, -0.5),
        (0, 1, -1.0),
        (0, 2, -0.5),
        (1, 1, 4.0),
        (2, 2, 4.0),
    ];
    let a = Csr::from_triplets(3, 3, &entries).unwrap();
    // ‖A(:, 0)‖₁ = 5.5; l_10 = −0.5, l_20 = −0.25.
    // The fill −0.06 in column 1 is below 0.04 · 4.
    for (text, expected) in [("ict(0.04)", 3 + 2), ("ict(0.05)", 3 + 1), ("ict(0.1)", 3)] {
        assert_eq!(build(text, &a).nnz(), expected, "{text}");
    }
}

#[test]
fn fsai_and_the_k_optimal_factor_are_exact_on_the_full_pattern() {
    let a = random_spd(12);
    for text in ["fsai", "koptimal"] {
        assert_identity(&product(&*build(text, &a), &a), 1e-9);
    }
    let p = poisson(16);
    assert!(iterations("cg", "fsai(2)", &p) < iterations("cg", "fsai", &p));
    assert!(iterations("cg", "fsai", &p) < iterations("cg", "jacobi", &p));
}

/// log of tr(M A)ⁿ / det(M A), up to n log n.
fn kaporin(m: &dyn LinOp, a: &Csr) -> f64 {
    let spectrum = dense::singular_values(&symmetrised(m, a)).unwrap();
    let n = spectrum.len() as f64;
    n * (spectrum.iter().sum::<f64>() / n).ln() - spectrum.iter().map(|s| s.ln()).sum::<f64>()
}

/// M^½ A M^½ has the spectrum of the symmetric Lᵀ M L with A = L Lᵀ.
fn symmetrised(m: &dyn LinOp, a: &Csr) -> dense::Dense {
    let llt = dense::from_csr(a).llt(faer::Side::Lower).unwrap();
    let l = llt.L();
    l.transpose() * dense::from_op(m) * l
}

#[test]
fn the_k_optimal_factor_has_the_smallest_k_condition_number() {
    let a = poisson(6);
    let k = kaporin(&*build("koptimal", &a), &a);
    assert!(k >= 0.0 && k < kaporin(&*build("icc", &a), &a), "{k}");
    // FSAI is the best in its own class, but no factor of A on this pattern.
    assert!(k < kaporin(&*build("jacobi", &a), &a));
}

#[test]
fn two_levels_remove_the_coarse_space() {
    let k = 16;
    let (n, modes) = (k * k, 9);
    let a = poisson(k);
    let spd = a.promised(Props::SPD);
    let space = sine_modes(k, modes).unwrap();
    let identity = Identity(n);
    let two = TwoLevel::new(&spd, &identity, &space).unwrap();
    assert_eq!(two.props(), Props::SPD);
    for trial in 0..3 {
        let (x, y) = (random_vector(n, 91 + trial), random_vector(n, 95 + trial));
        assert!((form(&two, &x, &y) - form(&two, &y, &x)).abs() <= 1e-12 * n as f64);
        assert!(form(&two, &x, &x) > 0.0);
    }
    // The sine modes are eigenvectors: `modes` ones, then λ_{modes+1} … λ_n.
    let mut spectrum = dense::singular_values(&symmetrised(&two, &a)).unwrap();
    let mut expected = dense::eigenvalues_symmetric(&dense::from_csr(&a))
        .unwrap()
        .split_off(modes);
    expected.extend(vec![1.0; modes]);
    spectrum.sort_by(f64::total_cmp);
    expected.sort_by(f64::total_cmp);
    assert!(
        spectrum.iter().zip(&expected).all(|(s, e)| (s - e).abs() <= 1e-9),
        "{spectrum:?}"
    );
    for text in ["jacobi", "icc"] {
        let one = build(text, &a);
        let two = TwoLevel::new(&spd, &*one, &space).unwrap();
        let out = Method::Cg
            .solve(
                &mut Workspace::default(),
                &spd,
                &two,
                &vec![1.0; n],
                &mut vec![0.0; n],
                &Stop::default(),
                &mut Quiet,
            )
            .unwrap();
        assert!(
            out.converged() && out.iterations < iterations("cg", text, &a),
            "{text}"
        );
    }
    assert!(sine_modes(2, 5).is_err());
    let foreign = dense::Dense::zeros(3, 1);
    assert!(matches!(
        TwoLevel::new(&spd, &identity, &foreign),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        TwoLevel::new(&a, &identity, &space),
        Err(Error::Argument(_))
    ));
    let twice = dense::Dense::from_fn(n, 2, |_, _| 1.0);
    assert!(matches!(
        TwoLevel::new(&spd, &identity, &twice),
        Err(Error::Numeric(_))
    ));
}

#[test]
fn ilut_runs_to_lu_and_keeps_its_limits() {
    let a = convection(12);
    assert_identity(&product(&*build("ilut(0)", &a), &a), 1e-11);
    let sizes = ["ilut(0.1)", "ilut(0.01)", "ilut(0.001)"].map(|text| build(text, &a).nnz());
    let counts = ["ilut(0.1)", "ilut(0.01)", "ilut(0.001)"].map(|text| iterations("gmres", text, &a));
    assert!(
        sizes.is_sorted_by(|a, b| a < b) && counts.is_sorted_by(|a, b| a > b),
        "{sizes:?} {counts:?}"
    );
    assert!(build("ilut(0, fill = 2)", &a).nnz() <= 5 * 144);
    let swap = Csr::from_triplets(2, 2, &[(0, 1, 2.0), (1, 0, 4.0)]).unwrap();
    let note = "ilut".parse::<Spec>().unwrap().build(&swap).unwrap().note;
    assert!(note.unwrap().contains("shifted"));
}

#[test]
fn spai_is_the_least_squares_inverse_on_its_pattern() {
    let full = random_spd(10);
    assert_identity(&product(&*build("spai", &full), &full), 1e-9);
    let a = convection(6);
    let m = dense::from_op(&*build("spai", &a));
    let dense_a = dense::from_csr(&a);
    let error = &dense_a * &m - dense::Dense::identity(36, 36);
    // At the minimum of ‖A M − I‖_F its gradient Aᵀ (A M − I) vanishes on the pattern, and M does outside it.
    let gradient = dense_a.transpose() * &error;
    for i in 0..36 {
        for j in 0..36 {
            if a.pattern().find(i, j).is_some() {
                assert!(
                    gradient[(i, j)].abs() <= 1e-12,
                    "({i}, {j}): {}",
                    gradient[(i, j)]
                );
            } else {
                assert_eq!(m[(i, j)], 0.0, "({i}, {j})");
            }
        }
    }
    assert!(iterations("gmres", "spai", &a) < iterations("gmres", "jacobi", &a));
}

#[test]
fn threads_change_no_bit() {
    let a = poisson(160);
    let n = 160 * 160;
    let x = random_vector(n, 110);
    for text in ["bjacobi(5, inner = icc)", "asm(3)", "amg", "fsai"] {
        let results = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let mut y = vec![0.0; n];
                build(text, &a).apply(&x, &mut y);
                y
            })
        });
        assert!(results[0] == results[1] && results[0] == results[2], "{text}");
    }
}
