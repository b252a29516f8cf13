//! Incomplete factors and sparse approximate inverses are what their formulas say.

use fempipe::linalg::op::{LinOp, Props};
use fempipe::linalg::{Csr, dense, vector};
use fempipe::precond::{Icc, Reuse, Shifting, Spec};
use fempipe::solver::{Method, Quiet, Stop, Workspace};

use crate::precond::{assert_identity, build, form, iterations, product, symmetrised};
use crate::systems::{convection, poisson, random_spd, random_vector};

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
    let inverse =
        Csr::from_triplets(12, 12, &left).unwrap().matmul(&Csr::from_triplets(12, 12, &right).unwrap()).unwrap();
    let unit = product(&*build("ssor(1.3)", &a), &inverse);
    assert_identity(&unit, 1e-10);
}

#[test]
fn enough_fill_makes_icc_exact() {
    let a = poisson(5);
    assert_identity(&product(&*build("icc(25)", &a), &a), 1e-12);
    assert_identity(&product(&*build("icc", &random_spd(9)), &random_spd(9)), 1e-8);
    let lopsided = convection(5);
    assert_identity(&product(&*build("ilu(25)", &lopsided), &lopsided), 1e-12);
    for text in ["cholesky", "lu", "bjacobi(1, inner = lu)", "asm(2, overlap = 5, inner = lu)"] {
        assert_identity(&product(&*build(text, &a), &a), 1e-12);
    }
    assert_identity(&product(&*build("lu", &lopsided), &lopsided), 1e-12);
}

#[test]
fn icc_zero_agrees_with_a_on_its_pattern() {
    // The defining property of IC(0): L D Lᵀ = A wherever a_ij is stored.
    let a = poisson(5);
    let inverse = dense::from_op(&*build("icc", &a));
    let entries: Vec<_> =
        (0..25).flat_map(|i| (0..25).map(move |j| (i, j))).map(|(i, j)| (i, j, inverse[(i, j)])).collect();
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
        let out = Method::cg()
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
        assert!(out.converged() && out.iterations < last, "{text}: {}", out.iterations);
        last = out.iterations;
    }
    assert_eq!(last, 1, "a direct solve takes one iteration");
}

#[test]
fn icc_shifts_where_a_pivot_is_negative_and_says_so() {
    // Kershaw's matrix: SPD, yet IC(0) meets a negative pivot.
    let rows = [[3.0, -2.0, 0.0, 2.0], [-2.0, 3.0, -2.0, 0.0], [0.0, -2.0, 3.0, -2.0], [2.0, 0.0, -2.0, 3.0]];
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
    assert!("icc".parse::<Spec>().unwrap().build(&poisson(4)).unwrap().note.is_none());
}

#[test]
fn ilu_zero_agrees_with_a_on_its_pattern() {
    let a = convection(5);
    let inverse = dense::from_op(&*build("ilu", &a));
    let entries: Vec<_> =
        (0..25).flat_map(|i| (0..25).map(move |j| (i, j))).map(|(i, j)| (i, j, inverse[(i, j)])).collect();
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
fn ldlt_inverts_indefinite_matrices_and_knows_their_signs() {
    // [[2, 1], [1, −3]] and a saddle point with a zero diagonal.
    let a = Csr::from_triplets(2, 2, &[(0, 0, 2.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, -3.0)]).unwrap();
    let m = build("ldlt", &a);
    assert_eq!(m.props(), Props::SYMMETRIC);
    assert_identity(&product(&*m, &a), 1e-14);
    let saddle =
        Csr::from_triplets(3, 3, &[(0, 0, 2.0), (1, 1, 2.0), (0, 2, 1.0), (2, 0, 1.0), (1, 2, -1.0), (2, 1, -1.0)])
            .unwrap();
    assert_identity(&product(&*build("ldlt", &saddle), &saddle), 1e-13);
    assert_eq!(build("ldlt", &poisson(6)).props(), Props::SPD);
    assert!("ldlt".parse::<Spec>().unwrap().build(&convection(4)).is_err());
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
    assert!(sizes.is_sorted_by(|a, b| a < b) && counts.is_sorted_by(|a, b| a > b), "{sizes:?} {counts:?}");
    // The fill limit is kept, and a threshold spends its entries no worse than levels do.
    assert!(build("ict(0, fill = 2)", &a).nnz() <= 3 * 144);
    let b = poisson(40);
    assert!(build("ict(0.02)", &b).nnz() <= build("icc(2)", &b).nnz());
    assert!(iterations("cg", "ict(0.02)", &b) <= iterations("cg", "icc(2)", &b));
}

#[test]
fn ict_drops_relative_to_the_column() {
    // Column 0 before the division is (4, −1, −0.5), of length 4.15: −1 stays up to 0.240, −0.5 up to 0.120.
    // In column 1 the fill −0.125 stands below 3.75: it stays up to 0.033.
    let entries = [(0, 0, 4.0), (1, 0, -1.0), (2, 0, -0.5), (0, 1, -1.0), (0, 2, -0.5), (1, 1, 4.0), (2, 2, 4.0)];
    let a = Csr::from_triplets(3, 3, &entries).unwrap();
    for (text, expected) in [("ict(0.03)", 3 + 3), ("ict(0.04)", 3 + 2), ("ict(0.2)", 3 + 1), ("ict(0.3)", 3)] {
        assert_eq!(build(text, &a).nnz(), expected, "{text}");
        // Whatever the scale of A.
        let mut scaled = a.clone();
        scaled.values_mut().iter_mut().for_each(|v| *v *= 1e9);
        assert_eq!(build(text, &scaled).nnz(), expected, "{text}");
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

#[test]
fn the_k_optimal_factor_has_the_smallest_k_condition_number() {
    let a = poisson(6);
    let k = kaporin(&*build("koptimal", &a), &a);
    assert!(k >= 0.0 && k < kaporin(&*build("icc", &a), &a), "{k}");
    // FSAI is the best in its own class, but no factor of A on this pattern.
    assert!(k < kaporin(&*build("jacobi", &a), &a));
}

#[test]
fn ilut_runs_to_lu_and_keeps_its_limits() {
    let a = convection(12);
    assert_identity(&product(&*build("ilut(0)", &a), &a), 1e-11);
    let sizes = ["ilut(0.1)", "ilut(0.01)", "ilut(0.001)"].map(|text| build(text, &a).nnz());
    let counts = ["ilut(0.1)", "ilut(0.01)", "ilut(0.001)"].map(|text| iterations("gmres", text, &a));
    assert!(sizes.is_sorted_by(|a, b| a < b) && counts.is_sorted_by(|a, b| a > b), "{sizes:?} {counts:?}");
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
                assert!(gradient[(i, j)].abs() <= 1e-12, "({i}, {j}): {}", gradient[(i, j)]);
            } else {
                assert_eq!(m[(i, j)], 0.0, "({i}, {j})");
            }
        }
    }
    assert!(iterations("gmres", "spai", &a) < iterations("gmres", "jacobi", &a));
}

#[test]
fn shifts_are_those_of_petsc_on_demand() {
    // Kershaw's matrix: SPD, yet IC(0) meets a negative pivot.
    let rows = [[3.0, -2.0, 0.0, 2.0], [-2.0, 3.0, -2.0, 0.0], [0.0, -2.0, 3.0, -2.0], [2.0, 0.0, -2.0, 3.0]];
    let entries: Vec<_> = (0..16).map(|k| (k / 4, k % 4, rows[k / 4][k % 4])).filter(|e| e.2 != 0.0).collect();
    let a = Csr::from_triplets(4, 4, &entries).unwrap();
    let spec = |text: &str| text.parse::<Spec>().unwrap();
    // Dominance takes 4 − 3 = 1; PETSc begins at 1.1 / 2 and stays there.
    let note = spec("icc(0, shift = positive_definite)").build(&a).unwrap().note.unwrap();
    assert!(note.contains("5.500e-1 after 2 attempts"), "{note}");
    assert!(Icc::with_shift(&a, 0, Shifting::Smallest).unwrap().shift().amount < 0.55);
    // In four steps CG is done with either: the nearer to A.
    assert_eq!(Icc::new(&a, 0).unwrap().shift().amount, 0.55);
    // A pivot that is only negative is none of these three's concern.
    for shift in ["none", "nonzero", "inblocks"] {
        let built = spec(&format!("icc(0, shift = {shift})")).build(&a).unwrap();
        assert_eq!((built.op.props(), built.note), (Props::SYMMETRIC, None), "{shift}");
        assert!(built.op.halves().is_none());
    }
    let ones = Csr::from_triplets(2, 2, &[(0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 1.0)]).unwrap();
    for pc in ["icc", "ilu"] {
        assert!(spec(&format!("{pc}(0, shift = none)")).build(&ones).is_err(), "{pc}");
        let note = spec(&format!("{pc}(0, shift = inblocks)")).build(&ones).unwrap().note.unwrap();
        assert!(note.contains("2.220e-14 after 2"), "{note}");
    }
    assert_eq!(spec("icc(1, shift = none)").to_string(), "icc(1, shift = none)");
    assert_eq!(spec("ilu(1, shift = nonzero)").to_string(), "ilu(1)");
    assert!("icc(shift = some)".parse::<Spec>().is_err());
}

#[test]
fn an_analysis_is_reused_for_matrices_of_one_pattern_only() {
    let spec: Spec = "cholesky".parse().unwrap();
    let mut reuse = Reuse::default();
    let mut scaled = poisson(9);
    scaled.values_mut().iter_mut().for_each(|v| *v *= 3.0);
    for (a, known) in
        [(poisson(9), false), (scaled, true), (random_spd(9), false), (poisson(9), false), (poisson(9), true)]
    {
        let built = spec.build_again(&a, &mut reuse).unwrap();
        assert_eq!(built.note.is_some_and(|n| n.contains("analysed once")), known);
        assert_identity(&product(&*built.op, &a), 1e-10);
    }
}

/// x, outcome and applications of A of cg with M, hiding that M shares the triangles of A or not.
fn cg(a: &Csr, m: &dyn LinOp, rtol: f64) -> (Vec<f64>, fempipe::solver::Outcome, usize) {
    let (counted, b) = (Counted::new(a), random_vector(a.nrows(), 3));
    let mut x = vec![0.0; b.len()];
    let stop = Stop::rtol(rtol);
    let method: Method = "cg".parse().unwrap();
    let out = method.solve(&mut Workspace::default(), &counted, m, &b, &mut x, &stop, &mut Quiet).unwrap();
    (x, out, counted.applied.into_inner())
}

struct Counted<'a> {
    a: &'a Csr,
    applied: std::sync::atomic::AtomicUsize,
}

impl<'a> Counted<'a> {
    fn new(a: &'a Csr) -> Self {
        Counted { a, applied: 0.into() }
    }
}

impl LinOp for Counted<'_> {
    fn shape(&self) -> (usize, usize) {
        self.a.shape()
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.applied.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.a.spmv(x, y);
    }
}

/// M without its parts.
struct Plain<'a>(&'a dyn LinOp);

impl LinOp for Plain<'_> {
    fn shape(&self) -> (usize, usize) {
        self.0.shape()
    }
    fn props(&self) -> Props {
        self.0.props()
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.0.apply(x, y);
    }
}

#[test]
fn cg_makes_no_products_with_a_where_the_preconditioner_shares_its_triangles() {
    let a = poisson(40);
    for text in ["dic", "dic(0)", "dic(1)"] {
        let m = build(text, &a);
        let (x, fast, products) = cg(&a, &*m, 1e-9);
        let (y, plain, of_plain) = cg(&a, &Plain(&*m), 1e-9);
        // The residual at the start, the check of M, the residual at the end.
        assert_eq!((fast.converged(), fast.iterations, products), (true, plain.iterations, 3), "{text}");
        assert_eq!(of_plain, plain.iterations + 2);
        assert!(fast.history.iter().zip(&plain.history).all(|(f, p)| (f - p).abs() < 1e-4 * p), "{text}");
        let size = vector::norm_inf(&y);
        assert!(x.iter().zip(&y).all(|(x, y)| (x - y).abs() < 1e-8 * size), "{text}");
    }
    // Near the limit of rounding the recurrences are restarted from the true residual.
    let (_, out, _) = cg(&a, &*build("dic", &a), 1e-15);
    assert!(out.residual <= 1e-13 * out.b_norm, "{}", out.residual);
    // The preconditioner of another matrix is one like any other.
    let mut doubled = a.clone();
    doubled.values_mut().iter_mut().filter(|v| **v > 0.0).for_each(|v| *v *= 2.0);
    let other = build("dic", &doubled);
    let (_, fast, _) = cg(&a, &*other, 1e-6);
    let (_, plain, _) = cg(&a, &Plain(&*other), 1e-6);
    assert_eq!((fast.reason, fast.history), (plain.reason, plain.history));
}

/// A ⊗ B, so many unknowns a node, B positive definite.
fn in_blocks(a: &Csr, block: usize) -> Csr {
    let mut entries = Vec::new();
    for i in 0..a.nrows() {
        let (cols, vals) = a.row(i);
        for (&j, v) in cols.iter().zip(vals) {
            for (r, c) in (0..block).flat_map(|r| (0..block).map(move |c| (r, c))) {
                let weight = if r == c { 1.0 + r as f64 } else { 0.3 };
                entries.push((block * i + r, block * j as usize + c, weight * v));
            }
        }
    }
    Csr::from_triplets(block * a.nrows(), block * a.nrows(), &entries).unwrap()
}

#[test]
fn entries_in_single_precision_cost_hardly_an_iteration() {
    for block in [1, 3] {
        let a = in_blocks(&poisson(20), block);
        for text in ["icc(1", "mic(1", "ict(0.01", "mict(0.01"] {
            let [double, single] = ["", ", storage = f32"].map(|s| build(&format!("{text}{s})"), &a));
            assert_eq!(double.nnz(), single.nnz());
            let x = random_vector(a.nrows(), 1);
            let (mut y, mut z) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            double.apply(&x, &mut y);
            single.apply(&x, &mut z);
            let apart = y.iter().zip(&z).map(|(y, z)| (y - z).abs()).fold(0.0, f64::max);
            let size = vector::norm_inf(&y);
            assert!(apart > 0.0 && apart < 1e-5 * size, "{block} {text}: {apart:e} of {size:e}");
        }
    }
}
