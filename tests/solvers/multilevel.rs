//! Blocks, multigrid and two levels.

use fempipe::Error;
use fempipe::linalg::op::{Identity, LinOp, Props};
use fempipe::linalg::{Csr, dense};
use fempipe::precond::{Amg, AmgParams, Joined, Spec, TwoLevel, sine_modes};
use fempipe::solver::{Method, Quiet, Stop, Workspace};

use crate::precond::{build, form, iterations, symmetrised};
use crate::systems::{poisson, random_spd, random_vector};

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

#[test]
fn overlap_helps_and_fewer_blocks_help() {
    let a = poisson(24);
    let layers: Vec<usize> =
        (0..4).map(|o| iterations("gmres", &format!("asm(8, overlap = {o}, inner = lu)"), &a)).collect();
    assert!(layers[1] < layers[0] && layers[3] < layers[1], "{layers:?}");
    let blocks = [16, 8, 4, 1].map(|b| iterations("cg", &format!("bjacobi({b}, inner = cholesky)"), &a));
    assert!(blocks.is_sorted_by(|a, b| a > b) && blocks[3] == 1, "{blocks:?}");
}

#[test]
fn multigrid_needs_as_many_iterations_on_any_grid() {
    let counts = [32, 64, 128].map(|k| iterations("cg", "amg", &poisson(k)));
    assert!(counts[0] >= 5 && counts[2] <= counts[0] + 4 && counts[2] <= 14, "{counts:?}");
    let built = "amg".parse::<Spec>().unwrap().build(&poisson(64)).unwrap();
    let note = built.note.unwrap();
    assert!(note.contains("levels of [4096, "), "{note}");
}

#[test]
fn multigrid_uses_the_candidates_it_is_given() {
    // A = S P S with S = diag(s): the near-null vector is 1/s, and constants are far from it.
    let k = 32;
    let p = poisson(k);
    let s: Vec<f64> = random_vector(k * k, 82).iter().map(|v| 10f64.powf(1.5 * v)).collect();
    let mut entries = Vec::new();
    for i in 0..k * k {
        let (cols, vals) = p.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            entries.push((i, j as usize, s[i] * v * s[j as usize]));
        }
    }
    let a = Csr::from_triplets(k * k, k * k, &entries).unwrap();
    let params = AmgParams { coarse: 50, ..AmgParams::default() };
    let near = dense::Dense::from_fn(k * k, 1, |i, _| 1.0 / s[i]);
    let both = dense::Dense::from_fn(k * k, 2, |i, j| if j == 0 { 1.0 / s[i] } else { 1.0 });
    let mut counts = Vec::new();
    for m in [
        Amg::with_candidates(&a, params, &near, 1).unwrap(),
        Amg::with_candidates(&a, params, &both, 1).unwrap(),
        Amg::new(&a, params).unwrap(),
    ] {
        let out = Method::cg()
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
    assert!(counts[0] < counts[2] && counts[0] <= 16 && counts[1] <= 16, "{counts:?}");
    let bad = dense::Dense::zeros(3, 1);
    assert!(matches!(Amg::with_candidates(&a, params, &bad, 1), Err(Error::Shape { .. })));
    assert!(matches!(Amg::with_candidates(&a, params, &near, 3), Err(Error::Shape { .. })));
}

#[test]
fn two_levels_remove_the_coarse_space() {
    let k = 16;
    let (n, modes) = (k * k, 9);
    let a = poisson(k);
    let spd = a.promised(Props::SPD);
    let space = sine_modes(k, modes).unwrap();
    let identity = Identity(n);
    let two = TwoLevel::new(&spd, &identity, &space.clone().into(), Joined::Balancing).unwrap();
    assert_eq!(two.props(), Props::SPD);
    for trial in 0..3 {
        let (x, y) = (random_vector(n, 91 + trial), random_vector(n, 95 + trial));
        assert!((form(&two, &x, &y) - form(&two, &y, &x)).abs() <= 1e-12 * n as f64);
        assert!(form(&two, &x, &x) > 0.0);
    }
    // The sine modes are eigenvectors: `modes` ones, then λ_{modes+1} … λ_n.
    let mut spectrum = dense::singular_values(&symmetrised(&two, &a)).unwrap();
    let mut expected = dense::eigenvalues_symmetric(&dense::from_csr(&a)).unwrap().split_off(modes);
    expected.extend(vec![1.0; modes]);
    spectrum.sort_by(f64::total_cmp);
    expected.sort_by(f64::total_cmp);
    assert!(spectrum.iter().zip(&expected).all(|(s, e)| (s - e).abs() <= 1e-9), "{spectrum:?}");
    // Added, they are moved by one.
    let added = TwoLevel::new(&spd, &identity, &space.clone().into(), Joined::Additive).unwrap();
    assert_eq!(added.props(), Props::SPD);
    let mut spectrum = dense::singular_values(&symmetrised(&added, &a)).unwrap();
    let mut expected = dense::eigenvalues_symmetric(&dense::from_csr(&a)).unwrap();
    expected[..modes].iter_mut().for_each(|v| *v += 1.0);
    spectrum.sort_by(f64::total_cmp);
    expected.sort_by(f64::total_cmp);
    assert!(spectrum.iter().zip(&expected).all(|(s, e)| (s - e).abs() <= 1e-9), "{spectrum:?}");
    for (text, joined) in [("jacobi", Joined::Balancing), ("icc", Joined::Balancing), ("icc", Joined::Additive)] {
        let one = build(text, &a);
        let two = TwoLevel::new(&spd, &*one, &space.clone().into(), joined).unwrap();
        let out = Method::cg()
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
        assert!(out.converged() && out.iterations < iterations("cg", text, &a), "{text}");
    }
    assert!(sine_modes(2, 5).is_err());
    let foreign = dense::Dense::zeros(3, 1);
    assert!(matches!(TwoLevel::new(&spd, &identity, &foreign.into(), Joined::Balancing), Err(Error::Shape { .. })));
    assert!(matches!(TwoLevel::new(&a, &identity, &space.clone().into(), Joined::Additive), Err(Error::Argument(_))));
    let twice = dense::Dense::from_fn(n, 2, |_, _| 1.0);
    assert!(matches!(TwoLevel::new(&spd, &identity, &twice.into(), Joined::Additive), Err(Error::Numeric(_))));
}

#[test]
fn threads_change_no_bit() {
    let a = poisson(160);
    let n = 160 * 160;
    let x = random_vector(n, 110);
    for text in ["bjacobi(5, inner = icc)", "asm(3)", "amg", "fsai"] {
        let results = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut y = vec![0.0; n];
                build(text, &a).apply(&x, &mut y);
                y
            })
        });
        assert!(results[0] == results[1] && results[0] == results[2], "{text}");
    }
}

#[test]
fn a_sine_coarse_space_is_one_more_preconditioner() {
    let a = poisson(24);
    for one_level in ["none", "jacobi", "ssor(1.2)", "icc", "ict(0.01)", "amg", "cholesky"] {
        let text = format!("sine(12, one-level = {one_level})");
        let spec: Spec = text.parse().unwrap();
        assert_eq!(spec.to_string(), text.replace("icc)", "icc(0))"));
        let m = spec.build(&a).unwrap().op;
        assert_eq!(m.props(), Props::SPD, "{text}");
        let (x, y) = (random_vector(576, 1), random_vector(576, 2));
        let size = form(&*m, &x, &x);
        assert!((form(&*m, &x, &y) - form(&*m, &y, &x)).abs() <= 1e-10 * size, "{text}");
        assert!(iterations("cg", &text, &a) <= iterations("cg", one_level, &a), "{text}");
    }
    assert!(iterations("cg", "sine(12)", &a) < iterations("cg", "none", &a));
    let table = r#"{ "type": "sine", "k": 5, "one-level": "icc(1)" }"#;
    let spec: Spec = serde_json::from_str(table).unwrap();
    assert_eq!(spec.to_string(), "sine(5, one-level = icc(1))");
    assert!("sine(0)".parse::<Spec>().is_err());
    let error = spec.build(&random_spd(20)).err().unwrap();
    assert!(error.to_string().contains("square grid"), "{error}");
}
