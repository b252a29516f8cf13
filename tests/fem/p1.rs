//! Linear elements: convergence orders, the oracles, the mesh's promises.

use std::f64::consts::PI;

use fempipe::fem::dofs::{Dofs, Order};
use fempipe::fem::p1::P1;
use fempipe::fem::quadrature::TriangleRule;
use fempipe::fem::{norms, oracle};
use fempipe::linalg::{Cholesky, Csr};
use fempipe::mesh::perturb::Perturbation;
use fempipe::mesh::{TriangleMesh, structured};
use fempipe::rng::{Purpose, stream};
use proptest::prelude::*;

/// A perturbed mesh: topology and moved points.
fn perturbed(level: u32, share: f64, index: u64) -> (TriangleMesh, Vec<[f64; 2]>) {
    let mesh = structured::unit_square(level);
    let reach = share / f64::from(1u32 << level);
    let mut points = Vec::new();
    Perturbation::new(&mesh, reach).draw(&mesh, &mut stream(11, Purpose::Sample, index), &mut points).unwrap();
    (mesh, points)
}

fn stiffness(mesh: &TriangleMesh, points: &[[f64; 2]], dofs: &Dofs) -> Csr {
    let p1 = P1::new(mesh, dofs).unwrap();
    let mut values = vec![f64::NAN; p1.pattern().nnz()];
    p1.stiffness(points, &mut values);
    Csr::new(p1.pattern().clone(), values).unwrap()
}

/// max |A − B| / max |A|, entries of both patterns.
fn difference(a: &Csr, b: &Csr) -> f64 {
    let mut worst: f64 = 0.0;
    for i in 0..a.nrows() {
        for &j in a.row(i).0.iter().chain(b.row(i).0) {
            worst = worst.max((a.get(i, j as usize) - b.get(i, j as usize)).abs());
        }
    }
    worst / a.max_abs()
}

#[test]
fn order_two_in_l2_and_one_in_h1_on_perturbed_meshes() {
    // u = sin πx sin πy · e^x: not symmetric, not an eigenfunction.
    let u = |x: [f64; 2]| (PI * x[0]).sin() * (PI * x[1]).sin() * x[0].exp();
    let gradient = |x: [f64; 2]| {
        let e = x[0].exp();
        let (sx, cx, sy, cy) = ((PI * x[0]).sin(), (PI * x[0]).cos(), (PI * x[1]).sin(), (PI * x[1]).cos());
        [e * sy * (PI * cx + sx), e * PI * sx * cy]
    };
    let f = |x: [f64; 2]| {
        let (sx, cx, sy) = ((PI * x[0]).sin(), (PI * x[0]).cos(), (PI * x[1]).sin());
        -x[0].exp() * sy * ((1.0 - 2.0 * PI * PI) * sx + 2.0 * PI * cx)
    };
    let rule = TriangleRule::new(5).unwrap();
    let errors: Vec<(f64, f64)> = (3..=7)
        .map(|level| {
            let (mesh, points) = perturbed(level, 0.2, 0);
            let dofs = Dofs::new(&mesh, Order::Natural).unwrap();
            let a = stiffness(&mesh, &points, &dofs);
            let mut x = vec![0.0; dofs.count()];
            P1::new(&mesh, &dofs).unwrap().load(&points, &rule, f, &mut x);
            Cholesky::new(&a).unwrap().solve_in_place(&mut x);
            let mut values = vec![0.0; points.len()];
            for (i, &v) in dofs.points.iter().enumerate() {
                values[v as usize] = x[i];
            }
            norms::errors(&mesh, &points, &values, u, gradient).unwrap()
        })
        .collect();
    for pair in errors.windows(2) {
        let (l2, h1) = ((pair[0].0 / pair[1].0).log2(), (pair[0].1 / pair[1].1).log2());
        assert!((l2 - 2.0).abs() < 0.2, "L2 order {l2}: {errors:?}");
        assert!((h1 - 1.0).abs() < 0.15, "H1 order {h1}: {errors:?}");
    }
    // Over all levels the rates settle.
    let span = 4.0;
    let l2 = (errors[0].0 / errors[4].0).log2() / span;
    let h1 = (errors[0].1 / errors[4].1).log2() / span;
    assert!((l2 - 2.0).abs() < 0.1 && (h1 - 1.0).abs() < 0.1, "orders {l2} and {h1}");
}

#[test]
fn load_of_a_constant_is_the_same_by_formula_and_by_quadrature() {
    let (mesh, points) = perturbed(4, 0.3, 1);
    let dofs = Dofs::new(&mesh, Order::Natural).unwrap();
    let p1 = P1::new(&mesh, &dofs).unwrap();
    let (mut exact, mut summed) = (vec![0.0; dofs.count()], vec![0.0; dofs.count()]);
    p1.load_constant(&points, 3.0, &mut exact);
    p1.load(&points, &TriangleRule::new(2).unwrap(), |_| 3.0, &mut summed);
    for (e, s) in exact.iter().zip(&summed) {
        assert!((e - s).abs() < 1e-16, "{e} against {s}");
    }
}

#[test]
fn stiffness_agrees_with_fenris() {
    for order in [Order::Natural, Order::Rcm] {
        let (mesh, points) = perturbed(4, 0.4, 2);
        let dofs = Dofs::new(&mesh, order).unwrap();
        let ours = stiffness(&mesh, &points, &dofs);
        let theirs = oracle::stiffness(&mesh, &points, &dofs).unwrap();
        let d = difference(&ours, &theirs);
        assert!(d < 1e-12, "{order:?}: relative difference {d}");
        assert!(ours.is_symmetric(1e-15));
    }
}

#[test]
fn rcm_is_the_same_matrix_renumbered_with_a_smaller_or_equal_band() {
    let (mesh, points) = perturbed(3, 0.2, 3);
    let natural = Dofs::new(&mesh, Order::Natural).unwrap();
    let rcm = Dofs::new(&mesh, Order::Rcm).unwrap();
    let a = stiffness(&mesh, &points, &natural);
    let b = stiffness(&mesh, &points, &rcm);
    let permutation: Vec<u32> = rcm.points.iter().map(|&v| natural.of_point[v as usize]).collect();
    assert!(difference(&a.permuted(&permutation).unwrap(), &b) < 1e-15);
    let band = |m: &Csr| (0..m.nrows()).map(|i| i - m.row(i).0[0] as usize).max().unwrap();
    assert!(band(&b) <= band(&a) + 1, "bands {} and {}", band(&b), band(&a));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_triangle_is_ever_turned_over(level in 2u32..=5, share in 0.0..=0.5f64, index in 0u64..1_000_000) {
        let (mesh, points) = perturbed(level, share, index);
        let reach = share / f64::from(1u32 << level);
        for t in 0..mesh.cells.len() {
            prop_assert!(mesh.double_area(&points, t) > 0.0, "triangle {t}");
        }
        for (p, q) in points.iter().zip(&mesh.points) {
            prop_assert!((p[0] - q[0]).abs() <= reach + 1e-15 && (p[1] - q[1]).abs() <= reach + 1e-15);
        }
        for (v, &fixed) in mesh.boundary.iter().enumerate() {
            prop_assert!(!fixed || points[v] == mesh.points[v]);
        }
    }
}
