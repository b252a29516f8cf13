//! The family `elliptic`: what `fempipe verify` claims of it, coefficients, determinism, wrong keys, scikit-fem's
//! matrix.

use fempipe::families::Family;
use fempipe::fem::integrals::{Integrals, Kind};
use fempipe::fem::space::Space;
use fempipe::field::polynomial::Monomials;
use fempipe::mesh::delaunay;
use fempipe::system::{LinearSystem, Location};

use crate::common;
use crate::python::relative_difference;

fn family(keys: &str) -> Box<dyn Family> {
    common::family("elliptic", keys)
}

fn sample(keys: &str, index: u64) -> LinearSystem {
    family(keys).sampler().unwrap().sample(3, index).unwrap()
}

#[test]
fn what_it_claims_is_measured() {
    let report = fempipe::families::measure("elliptic").unwrap();
    assert!(report.holds(), "{report:#?}");
}

#[test]
fn the_default_is_as_large_as_in_the_paper() {
    let n = family("").pattern().unwrap().nrows();
    assert!((1750..=1900).contains(&n), "{n} unknowns");
}

#[test]
fn a_sample_depends_on_seed_and_index_alone() {
    common::depends_on_seed_and_index_alone(&*family("mesh = { shape = 'disc', area = 0.005 }"));
}

#[test]
fn coefficients_run_from_one_to_the_contrast_over_the_quadrature_points() {
    let s = sample("contrast = 50.0\ndegree = 4\nmesh = { area = 0.001 }", 1);
    let mesh = delaunay::polygon(&delaunay::square(), 0.001, 25.0).unwrap();
    let points = Integrals::new(&Space::p1(&mesh), Kind::Stiffness, 4).unwrap();
    let terms = &s.field("coefficient_terms").unwrap().values;
    let values = points.points().iter().map(|&x| Monomials::<2>::new(4).value(terms, x));
    let (low, high) = values.fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    assert!((low - 1.0).abs() < 1e-12 && (high - 50.0).abs() < 1e-11, "{low} to {high}");
    let cells = s.field("coefficient").unwrap();
    assert_eq!((cells.location, cells.values.len()), (Location::Cells, mesh.cells.len()));
    assert!(cells.values.iter().all(|v| (1.0..=50.0).contains(v)));
}

#[test]
fn wrong_keys_are_named_with_what_would_be_right() {
    common::refused(
        "elliptic",
        &[
            ("degree = 9", "elliptic.degree = 9: must be from 0 to 8"),
            ("contrast = 0.5", "elliptic.contrast = 0.5: must be from 1"),
            ("mesh = { area = 0.0 }", "elliptic.mesh.area = 0"),
            ("mesh = { angle = 40.0 }", "elliptic.mesh.angle = 40"),
            ("mesh = { shape = 'quads', cells = 1 }", "elliptic.mesh.cells = 1"),
            ("mesh = { shape = 'star' }", "elliptic] mesh.shape = \"star\": must be one of `square`"),
            ("mesh = { shape = 'quads' }\nelements = 'quadratic'", "on triangles only"),
            ("source = 3", "unknown field `source`"),
            ("mesh = { file = 'a.msh', area = 0.01 }", "elliptic.mesh.file and elliptic.mesh.area: take one"),
        ],
    );
}

/// From what the file holds alone: nodes, cells, and the terms of f and g.
const SCIKIT_FEM: &str = r#"
import json, sys
try:
    import numpy as np, skfem
    from scipy.spatial import cKDTree
except ImportError:
    print("skip"); sys.exit()
d = json.load(sys.stdin)
dim = d["dim"]
nodes = np.array(d["nodes"]).reshape(-1, dim)
corners = np.array(d["cells"]).reshape(-1, d["cell_size"])
corners = corners[:, :3].T if d["cell_type"] == "triangle6" else corners.T
used = np.unique(corners)
assert (used == np.arange(len(used))).all()
p = nodes[:len(used)].T
mesh, element = {
    "triangle": lambda: (skfem.MeshTri(p, corners), skfem.ElementTriP1()),
    "triangle6": lambda: (skfem.MeshTri(p, corners), skfem.ElementTriP2()),
    "quad": lambda: (skfem.MeshQuad(p, corners), skfem.ElementQuad1()),
    "tetra": lambda: (skfem.MeshTet(p, corners), skfem.ElementTetP1()),
}[d["cell_type"]]()
def poly(terms, x):
    return sum(c * np.prod([x[k] ** e for k, e in enumerate(q)], axis=0) for c, q in zip(terms, d["powers"]))
@skfem.BilinearForm
def form(u, v, w):
    return poly(d["f"], w.x) * sum(u.grad[k] * v.grad[k] for k in range(dim))
@skfem.LinearForm
def load(v, w):
    return poly(d["g"], w.x) * v
basis = skfem.Basis(mesh, element, intorder=5)
at = cKDTree(basis.doflocs.T).query(nodes)[1][d["free"]]
A = form.assemble(basis)[at][:, at].toarray()
b = load.assemble(basis)[at]
B = np.zeros_like(A)
for i, (s, e) in enumerate(zip(d["indptr"], d["indptr"][1:])):
    B[i, d["indices"][s:e]] = d["values"][s:e]
print(max(abs(A - B).max() / abs(A).max(), abs(b - d["rhs"]).max() / abs(b).max()))
"#;

fn compare<const D: usize>(keys: &str) {
    let s = sample(keys, 5);
    let mesh = s.mesh.as_ref().unwrap();
    assert_eq!(mesh.dim, D);
    let powers: Vec<_> = Monomials::<D>::new(3).powers().iter().map(|p| p.to_vec()).collect();
    let input = serde_json::json!({
        "dim": D, "nodes": mesh.points, "cells": mesh.cells, "cell_size": mesh.cell_size, "cell_type": mesh.cell_type,
        "free": mesh.free_dofs, "powers": powers,
        "f": s.field("coefficient_terms").unwrap().values, "g": s.field("source_terms").unwrap().values,
        "rhs": s.rhs, "values": s.matrix.values(),
        "indptr": s.matrix.pattern().indptr(), "indices": s.matrix.pattern().indices(),
    });
    if let Some(difference) = relative_difference(SCIKIT_FEM, &input) {
        assert!(difference < 1e-12, "{keys}: relative difference {difference}");
    }
}

#[test]
fn samples_can_be_made_again_with_scikit_fem() {
    compare::<2>("mesh = { area = 0.005 }\ncontrast = 100.0");
    compare::<2>("mesh = { shape = 'l-shape', area = 0.01 }\nelements = 'quadratic'");
    compare::<2>("mesh = { shape = 'quads', cells = 9 }");
    compare::<3>("mesh = { shape = 'cube', cells = 5 }");
}
