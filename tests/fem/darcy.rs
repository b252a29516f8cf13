//! The family `darcy`: orders, entries, coefficients, determinism, and scikit-fem's matrix.

use fempipe::families::Family;
use fempipe::system::LinearSystem;

use crate::common;
use crate::python::relative_difference;

fn family(keys: &str) -> Box<dyn Family> {
    common::family("darcy", keys)
}

fn sample(keys: &str, index: u64) -> LinearSystem {
    common::sample("darcy", keys, index)
}

#[test]
fn what_it_claims_is_measured() {
    let report = fempipe::families::measure("darcy").unwrap();
    assert!(report.holds(), "{report:#?}");
}

#[test]
fn sizes_residuals_and_symmetry() {
    for scheme in ["p1", "q1", "fd"] {
        for medium in ["exponential", "two-phase"] {
            let keys = format!("cells = 13\ndiscretisation = '{scheme}'\nmedium = '{medium}'");
            let s = sample(&keys, 3);
            assert_eq!((s.n(), s.matrix.nrows(), s.index), (144, 144, 3));
            assert!(s.matrix.is_symmetric(1e-15), "{keys}");
            assert!(common::residual(&s) < 1e-12, "{keys}");
            assert_eq!(s.field("w").unwrap().values.len(), 14 * 14);
        }
    }
}

#[test]
fn a_sample_depends_on_seed_and_index_alone() {
    common::depends_on_seed_and_index_alone(&*family("cells = 12"));
}

#[test]
fn contrast_and_phases_are_as_asked() {
    let s = sample("cells = 20\ncontrast = 1e6", 0);
    assert!((s.params[0].1 / 1e6 - 1.0).abs() < 1e-12, "{:?}", s.params);
    let drawn = sample("cells = 20", 0);
    assert!(drawn.params[0].1 > 1.0 && drawn.params[0].1 < 100.0, "{:?}", drawn.params);
    let s = sample("cells = 20\nmedium = 'two-phase'", 0);
    let w = &s.field("w").unwrap().values;
    assert!(w.iter().all(|&v| v == 3.0 || v == 12.0) && w.contains(&3.0) && w.contains(&12.0));
    let s = sample("cells = 20\nmedium = 'two-phase'\nphases = [0.1, 7]", 0);
    assert_eq!(s.params[0].1, 7.0 / 0.1);
}

/// The regular grid as a mesh: the same unknowns in another order, with the same coefficient and solution.
#[test]
fn a_mesh_of_the_regular_grid_gives_its_systems() {
    for (grid, mesh) in [
        ("cells = 9\ncontrast = 1e4", "cells = 9\ncontrast = 1e4\nmesh = { shape = 'triangles', cells = 9 }"),
        ("cells = 9\ndiscretisation = 'q1'", "cells = 9\nmesh = { shape = 'quads', cells = 9 }"),
        (
            "dim = 3\ncells = 5\nmedium = 'two-phase'",
            "dim = 3\ncells = 5\nmedium = 'two-phase'\nmesh = { shape = 'cube', cells = 5 }",
        ),
    ] {
        let nodal = |s: &LinearSystem| {
            let data = s.mesh.as_ref().unwrap();
            let mut at = vec![0.0; data.points.len() / data.dim];
            let x = s.solution.as_ref().unwrap();
            data.free_dofs.iter().zip(x).for_each(|(&v, x)| at[v as usize] = *x);
            (s.field("w").unwrap().values.clone(), at)
        };
        let ((w, x), (w_mesh, x_mesh)) = (nodal(&sample(grid, 2)), nodal(&sample(mesh, 2)));
        assert!(common::difference(&w_mesh, &w) < 1e-12, "{mesh}");
        assert!(common::difference(&x_mesh, &x) < 1e-11, "{mesh}");
    }
}

#[test]
fn meshes_of_any_kind() {
    for (keys, dim) in [
        ("cells = 16\ncontrast = 1e6\nmesh = { shape = 'l-shape', area = 2e-3 }", 2),
        ("cells = 8\ncontrast = 1e6\nmesh = { file = 'meshes/cube.msh' }", 3),
    ] {
        let f = family(keys);
        let s = f.sampler().unwrap().sample(1, 3).unwrap();
        assert_eq!(f.parameters()["dim"].as_integer(), Some(dim));
        assert!(s.matrix.is_symmetric(1e-14) && common::residual(&s) < 1e-11, "{keys}");
        assert!((s.params[0].1 / 1e6 - 1.0).abs() < 1e-12, "{:?}", s.params);
        common::depends_on_seed_and_index_alone(&*f);
    }
    common::refused(
        "darcy",
        &[
            ("discretisation = 'fd'\nmesh = { shape = 'square' }", "darcy.discretisation"),
            ("dim = 2\nmesh = { shape = 'cube', cells = 4 }", "darcy.dim"),
            ("cells = 1\nmesh = { shape = 'square' }", "darcy.cells"),
            ("mesh = { area = -1 }", "mesh.area"),
        ],
    );
}

/// The published 5-point matrix entry by entry: arithmetic means of w on the faces, divided by h².
#[test]
fn differences_are_the_published_ones() {
    let s = sample("cells = 6\ndiscretisation = 'fd'", 4);
    let w = &s.field("w").unwrap().values;
    let at = |x: usize, y: usize| w[y * 7 + x];
    for i in 0..25usize {
        for j in 0..25usize {
            let ((x, y), (p, q)) = ((i % 5 + 1, i / 5 + 1), (j % 5 + 1, j / 5 + 1));
            let expected = match x.abs_diff(p) + y.abs_diff(q) {
                0 => {
                    let around = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
                    0.5 * (around + 4.0 * at(x, y)) * 36.0
                }
                1 => -0.5 * (at(x, y) + at(p, q)) * 36.0,
                _ => 0.0,
            };
            let found = s.matrix.get(i, j);
            assert!((found - expected).abs() < 1e-11, "({i}, {j}): {found} against {expected}");
        }
    }
    assert!(s.rhs.iter().all(|&b| b == 1.0));
}

#[test]
fn wrong_keys_are_named_with_what_would_be_right() {
    common::refused(
        "darcy",
        &[
            ("cells = 1", "darcy.cells = 1: must be from 2 to 2048"),
            ("cells = -5", "darcy.cells = -5: must be from 2"),
            ("cell = 5", "unknown field `cell`"),
            ("alpha = 1.0", "darcy.alpha = 1: must be from 1.05"),
            ("tau = nan", "darcy.tau = NaN"),
            ("contrast = 0.5", "darcy.contrast = 0.5: must be from 1 to"),
            ("f = inf", "darcy.f = inf"),
            ("medium = 'two-phase'\ncontrast = 5.0", "darcy.contrast: only for"),
            ("phases = [1, 2]", "darcy.phases: only for"),
            ("medium = 'two-phase'\nphases = [0.0, 2.0]", "darcy.phases = 0: must be from"),
            ("faces = 'harmonic'", "darcy.faces: only for discretisation = \"fd\""),
            ("discretisation = 'p2'", "darcy] discretisation = \"p2\": must be one of `p1`"),
        ],
    );
}

const SCIKIT_FEM: &str = r#"
import json, sys
try:
    import numpy as np, skfem
except ImportError:
    print("skip"); sys.exit()
d = json.load(sys.stdin)
p, t = np.array(d["points"]).reshape(-1, 2).T, np.array(d["cells"])
if d["scheme"] == "p1":
    basis = skfem.Basis(skfem.MeshTri(p, t.reshape(-1, 3).T), skfem.ElementTriP1(), intorder=4)
else:
    basis = skfem.Basis(skfem.MeshQuad(p, t.reshape(-1, 4).T), skfem.ElementQuad1(), intorder=6)
@skfem.BilinearForm
def form(u, v, e):
    return e["w"] * (u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1])
@skfem.LinearForm
def load(v, e):
    return 1.0 * v
free = np.array(d["free"])
A = form.assemble(basis, w=basis.interpolate(np.array(d["w"])))[free][:, free].toarray()
b = load.assemble(basis)[free]
B = np.zeros_like(A)
for i, (s, e) in enumerate(zip(d["indptr"], d["indptr"][1:])):
    B[i, d["indices"][s:e]] = d["values"][s:e]
print(max(abs(A - B).max() / abs(A).max(), abs(b - d["rhs"]).max() / abs(b).max()))
"#;

#[test]
fn matrices_and_loads_agree_with_scikit_fem() {
    for scheme in ["p1", "q1"] {
        let s = sample(&format!("cells = 11\ndiscretisation = '{scheme}'\ncontrast = 100.0"), 2);
        let mesh = s.mesh.as_ref().unwrap();
        let input = serde_json::json!({
            "scheme": scheme, "points": mesh.points, "cells": mesh.cells, "free": mesh.free_dofs,
            "w": s.field("w").unwrap().values, "rhs": s.rhs, "values": s.matrix.values(),
            "indptr": s.matrix.pattern().indptr(), "indices": s.matrix.pattern().indices(),
        });
        if let Some(difference) = relative_difference(SCIKIT_FEM, &input) {
            assert!(difference < 1e-12, "{scheme}: relative difference {difference}");
        }
    }
}
