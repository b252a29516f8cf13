//! The family `helmholtz`: orders, inertia, plane waves, determinism, scikit-fem's matrices, the published anchor.

use fempipe::families::Family;
use fempipe::linalg::vector::norm2;
use fempipe::linalg::{Props, dense};
use fempipe::system::LinearSystem;

use crate::common::{self, param};
use crate::python::relative_difference;

fn family(keys: &str) -> Box<dyn Family> {
    common::family("helmholtz", keys)
}

fn sample(keys: &str, index: u64) -> LinearSystem {
    common::sample("helmholtz", keys, index)
}

#[test]
fn what_it_claims_is_measured() {
    let report = fempipe::families::measure("helmholtz").unwrap();
    assert!(report.holds(), "{report:#?}");
}

#[test]
fn sizes_residuals_symmetry_and_promises() {
    for (keys, n, props) in [
        ("kind = 'dirichlet'", 144, Props::SYMMETRIC),
        ("kind = 'dirichlet'\ndiscretisation = 'q1'", 144, Props::SYMMETRIC),
        ("kind = 'dirichlet'\ndiscretisation = 'fd'\nf = 2.0", 144, Props::SYMMETRIC),
        ("kind = 'absorbing'", 2 * 196, Props::SYMMETRIC),
        ("kind = 'absorbing'\nf = 'random'", 2 * 196, Props::SYMMETRIC),
        ("kind = 'absorbing'\ndiscretisation = 'q1'\nf = 1.0", 2 * 196, Props::SYMMETRIC),
        ("kind = 'absorbing'\nform = 'general'", 2 * 196, Props::GENERAL),
        ("kind = 'shifted'", 144, Props::SPD),
        ("kind = 'shifted'\ndiscretisation = 'p1'\nf = 'random'", 144, Props::SPD),
    ] {
        let s = sample(&format!("cells = 13\n{keys}"), 3);
        assert_eq!((s.n(), s.matrix.nrows(), s.props), (n, n, props), "{keys}");
        assert_eq!(s.mesh.as_ref().unwrap().free_dofs.len(), n, "{keys}");
        assert_eq!(s.matrix.is_symmetric(1e-15), props.symmetric, "{keys}");
        let mut r = vec![0.0; n];
        s.matrix.spmv(s.solution.as_ref().unwrap(), &mut r);
        r.iter_mut().zip(&s.rhs).for_each(|(r, b)| *r -= b);
        assert!(norm2(&r) < 1e-11 * norm2(&s.rhs), "{keys}");
    }
}

#[test]
fn negative_eigenvalues_are_counted_and_k_is_as_asked() {
    for scheme in ["p1", "q1", "fd"] {
        let s = sample(&format!("cells = 16\ndiscretisation = '{scheme}'\nvariation = 0.5"), 2);
        let values = dense::eigenvalues_symmetric(&dense::from_csr(&s.matrix)).unwrap();
        let negative = values.iter().filter(|&&v| v < 0.0).count();
        assert!(negative > 5);
        assert_eq!(param(&s, "negative_eigenvalues"), negative as f64, "{scheme}");
        let k = &s.field("k").unwrap().values;
        let worst = k.iter().map(|k| (k / 20.0 - 1.0).abs()).fold(0.0, f64::max);
        assert!((worst - 0.5).abs() < 1e-12, "{worst}");
        let highest = k.iter().copied().fold(0.0, f64::max);
        let points = 2.0 * std::f64::consts::PI / highest * 16.0;
        assert!((param(&s, "points_per_wavelength") - points).abs() < 1e-12);
    }
}

#[test]
fn a_sample_depends_on_seed_and_index_alone() {
    for kind in ["dirichlet", "absorbing", "shifted"] {
        let f = family(&format!("cells = 10\nkind = '{kind}'"));
        common::depends_on_seed_and_index_alone(&*f);
    }
}

#[test]
fn both_real_forms_have_one_solution() {
    let keys = "kind = 'absorbing'\ncells = 8\nk = 9.0";
    let (symmetric, general) = (sample(keys, 1), sample(&format!("{keys}\nform = 'general'"), 1));
    assert_eq!(symmetric.solution, general.solution);
    let n = symmetric.n() / 2;
    for i in 0..2 * n {
        let sign = if i < n { 1.0 } else { -1.0 };
        assert_eq!(general.rhs[i], sign * symmetric.rhs[i]);
        for j in 0..2 * n {
            assert_eq!(general.matrix.get(i, j), sign * symmetric.matrix.get(i, j));
        }
    }
}

/// n = 62500: plain CG to 1e-10 needs about 905 iterations, with 20 constant sine modes deflated about 390.
#[test]
fn the_published_positive_problem_is_as_hard_as_it_was() {
    use fempipe::precond::sine_modes;
    use fempipe::solver::{Method, Quiet, Stop, Workspace};
    let s = sample("kind = 'shifted'\ncells = 251\nsolution = false", 0);
    assert_eq!(s.n(), 62500);
    let a = s.matrix.promised(Props::SPD);
    let identity = fempipe::linalg::op::Identity(s.n());
    let (mut ws, stop) = (Workspace::default(), Stop::rtol(1e-10));
    let mut x = vec![0.0; s.n()];
    let plain = Method::cg().solve(&mut ws, &a, &identity, &s.rhs, &mut x, &stop, &mut Quiet).unwrap();
    assert!((870..=930).contains(&plain.iterations), "{}", plain.iterations);
    x.fill(0.0);
    let modes = sine_modes(250, 20).unwrap();
    let space = Method::cg().coarse_space(&a, &modes.into()).unwrap();
    let deflated =
        Method::cg().solve_with_space(&mut ws, &space, &a, &identity, &s.rhs, &mut x, &stop, &mut Quiet).unwrap();
    assert!((380..=400).contains(&deflated.iterations), "{}", deflated.iterations);
}

#[test]
fn wrong_keys_are_named_with_what_would_be_right() {
    common::refused(
        "helmholtz",
        &[
            ("cells = 1", "helmholtz.cells = 1: must be from 2"),
            ("k = 0.0", "helmholtz.k = 0: must be from"),
            ("variation = 1.0", "helmholtz.variation = 1: must be from 0 to 0.9"),
            ("kind = 'shifted'\nk = 5.0", "helmholtz.k: kind \"shifted\" has no wave number"),
            ("power = 2.0", "helmholtz.power: only for kind = \"shifted\""),
            ("kind = 'absorbing'\ndiscretisation = 'fd'", "helmholtz.discretisation: kind"),
            ("form = 'general'", "helmholtz.form: only for kind = \"absorbing\""),
            ("f = 'plane-wave'", "helmholtz.f: \"plane-wave\" is only for"),
            ("f = nan", "helmholtz.f = NaN"),
            ("kind = 'neumann'", "helmholtz] kind = \"neumann\": must be one of `dirichlet`"),
        ],
    );
}

const SCIKIT_FEM: &str = r#"
import json, sys
try:
    import numpy as np, skfem
    from scipy.sparse import bmat
except ImportError:
    print("skip"); sys.exit()
d = json.load(sys.stdin)
p, t = np.array(d["points"]).reshape(-1, 2).T, np.array(d["cells"])
if d["scheme"] == "p1":
    mesh, element = skfem.MeshTri(p, t.reshape(-1, 3).T), skfem.ElementTriP1()
else:
    mesh, element = skfem.MeshQuad(p, t.reshape(-1, 4).T), skfem.ElementQuad1()
inner, sides = skfem.Basis(mesh, element, intorder=6), skfem.FacetBasis(mesh, element, intorder=8)
k = np.array(d["k"])
@skfem.BilinearForm
def s(u, v, e):
    return u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1] - e["c"] * u * v
@skfem.BilinearForm
def b(u, v, e):
    return e["k"] * u * v
S, B = s.assemble(inner, c=inner.interpolate(k**2)), b.assemble(sides, k=sides.interpolate(k))
A = bmat([[S, B], [B, -S]]).toarray()
angle, wave = d["angle"], d["wave"]
dx, dy = np.cos(angle), np.sin(angle)
def g(e):
    w = np.exp(1j * wave * (dx * e.x[0] + dy * e.x[1]))
    return 1j * (wave * (dx * e.n[0] + dy * e.n[1]) - e["k"]) * w
F = skfem.LinearForm(lambda v, e: g(e) * v, dtype=complex).assemble(sides, k=sides.interpolate(k))
C = np.zeros_like(A)
for i, (lo, hi) in enumerate(zip(d["indptr"], d["indptr"][1:])):
    C[i, d["indices"][lo:hi]] = d["values"][lo:hi]
f = np.concatenate([F.real, -F.imag])
# The load is integrated by other rules: it agrees to their accuracy.
assert abs(f - d["rhs"]).max() < 1e-4 * abs(f).max(), abs(f - d["rhs"]).max() / abs(f).max()
print(abs(A - C).max() / abs(A).max())
"#;

#[test]
fn absorbing_matrices_agree_with_scikit_fem() {
    for scheme in ["p1", "q1"] {
        let s = sample(&format!("kind = 'absorbing'\ncells = 9\nk = 9.0\ndiscretisation = '{scheme}'"), 2);
        let mesh = s.mesh.as_ref().unwrap();
        let input = serde_json::json!({
            "scheme": scheme, "points": mesh.points, "cells": mesh.cells, "wave": 9.0, "angle": param(&s, "angle"),
            "k": s.field("k").unwrap().values, "rhs": s.rhs, "values": s.matrix.values(),
            "indptr": s.matrix.pattern().indptr(), "indices": s.matrix.pattern().indices(),
        });
        if let Some(difference) = relative_difference(SCIKIT_FEM, &input) {
            assert!(difference < 1e-12, "{scheme}: relative difference {difference}");
        }
    }
}
