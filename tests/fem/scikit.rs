//! Stiffness, mass and boundary mass with a variable coefficient, entry by entry beside scikit-fem's and fenris'.

use fempipe::fem::assembler::Assembler;
use fempipe::fem::dofs::{Dofs, Order};
use fempipe::fem::integrals::{Integrals, Kind};
use fempipe::fem::oracle;
use fempipe::fem::space::Space;
use fempipe::linalg::Csr;
use fempipe::mesh::{QuadMesh, TriangleMesh, delaunay, structured};
use serde_json::json;

use crate::python::relative_difference;

/// Of the rules: enough for f times products of quadratic shape functions.
const STRENGTH: usize = 6;

/// Degrees of freedom are matched by where they lie. The integrands are polynomials that both sides integrate exactly;
/// on quadrilaterals, where the stiffness is rational, both take the same Gauss points.
const SCRIPT: &str = r#"
import json, sys
try:
    import numpy as np, skfem
    from scipy.spatial import cKDTree
except ImportError:
    print("skip"); sys.exit()
d = json.load(sys.stdin)
dim = d["dim"]
nodes = np.array(d["nodes"]).reshape(-1, dim)
p = nodes[:d["vertices"]].T
corners = np.array(d["cells"]).reshape(-1, d["cell_size"])[:, :d["corners"]].T
mesh, element = {
    "triangle": lambda: (skfem.MeshTri(p, corners), skfem.ElementTriP1()),
    "triangle6": lambda: (skfem.MeshTri(p, corners), skfem.ElementTriP2()),
    "quad": lambda: (skfem.MeshQuad(p, corners), skfem.ElementQuad1()),
    "tetra": lambda: (skfem.MeshTet(p, corners), skfem.ElementTetP1()),
}[d["cell_type"]]()
def f(x):
    return 1 + x[0] + x[0] * x[1] + 2 * x[-1] ** 2
@skfem.BilinearForm
def stiffness(u, v, w):
    return f(w.x) * sum(u.grad[k] * v.grad[k] for k in range(dim))
@skfem.BilinearForm
def mass(u, v, w):
    return f(w.x) * u * v
cells = skfem.Basis(mesh, element, intorder=6)
border = skfem.FacetBasis(mesh, element, intorder=6)
distance, at = cKDTree(cells.doflocs.T).query(nodes)
assert distance.max() < 1e-12 and len(set(at)) == cells.N == len(nodes)
worst = 0.0
for name, form, basis in [("stiffness", stiffness, cells), ("mass", mass, cells), ("boundary", mass, border)]:
    theirs = form.assemble(basis).tocsr()[at][:, at].toarray()
    ours = np.zeros_like(theirs)
    for i, (s, e) in enumerate(zip(d["indptr"], d["indptr"][1:])):
        ours[i, d["indices"][s:e]] = d[name][s:e]
    worst = max(worst, abs(ours - theirs).max() / abs(theirs).max())
print(worst)
"#;

fn f<const D: usize>(x: &[f64; D]) -> f64 {
    1.0 + x[0] + x[0] * x[1] + 2.0 * x[D - 1] * x[D - 1]
}

/// No node is eliminated.
fn assembler<const D: usize>(space: &Space<D>) -> Assembler {
    Assembler::new(space, Dofs::of_space(space, |_| true, Order::Natural).unwrap()).unwrap()
}

fn matrix<const D: usize>(space: &Space<D>, assembler: &Assembler, kind: Kind) -> Csr {
    let integrals = Integrals::new(space, kind, STRENGTH).unwrap();
    let coefficient: Vec<f64> = integrals.points().iter().map(f).collect();
    let mut values = vec![0.0; assembler.pattern().nnz()];
    assembler.add(&integrals, &assembler.scatter(&integrals), &coefficient, &mut values);
    Csr::new(assembler.pattern().clone(), values).unwrap()
}

fn compare<const D: usize>(what: &str, space: &Space<D>, vertices: usize) {
    let assembler = assembler(space);
    let [stiffness, mass, boundary] =
        [Kind::Stiffness, Kind::Mass, Kind::BoundaryMass].map(|kind| matrix(space, &assembler, kind).values().to_vec());
    let input = json!({
        "dim": D, "nodes": space.nodes.as_flattened(), "vertices": vertices, "cells": space.cells,
        "cell_size": space.element.nodes(), "corners": space.element.geometry().nodes(),
        "cell_type": space.element.cell_type(), "indptr": assembler.pattern().indptr(),
        "indices": assembler.pattern().indices(), "stiffness": stiffness, "mass": mass, "boundary": boundary,
    });
    if let Some(difference) = relative_difference(SCRIPT, &input) {
        assert!(difference < 1e-12, "{what}: relative difference {difference}");
    }
}

/// Squares pulled out of shape, the boundary too.
fn skewed(n: usize) -> QuadMesh {
    let mut mesh = structured::quads(n, n);
    for p in &mut mesh.points {
        let [x, y] = *p;
        *p = [x + 0.1 * y * y, y + 0.15 * x * (1.0 - y)];
    }
    mesh
}

fn l_shape() -> TriangleMesh {
    delaunay::polygon(&delaunay::l_shape(), 0.01, 25.0).unwrap()
}

#[test]
fn all_elements_agree_with_scikit_fem() {
    let mesh = l_shape();
    compare("P1", &Space::p1(&mesh), mesh.points.len());
    compare("P2", &Space::p2(&mesh), mesh.points.len());
    let mesh = skewed(7);
    compare("Q1", &Space::q1(&mesh), mesh.points.len());
    let mut mesh = structured::tetrahedra(3);
    for p in &mut mesh.points {
        let [x, y, z] = *p;
        *p = [x + 0.1 * y * z, y + 0.1 * z * z, z - 0.1 * x * y];
    }
    compare("tetrahedra", &Space::p1_tet(&mesh), mesh.points.len());
}

/// f = 1: fenris' assembler knows no other without a parameter a quadrature point.
#[test]
fn linear_stiffness_agrees_with_fenris_on_a_delaunay_mesh() {
    let mesh = l_shape();
    let dofs = Dofs::new(&mesh, Order::Rcm).unwrap();
    let space = Space::p1(&mesh);
    let assembler = Assembler::new(&space, dofs.clone()).unwrap();
    let integrals = Integrals::new(&space, Kind::Stiffness, 1).unwrap();
    let mut values = vec![0.0; assembler.pattern().nnz()];
    let ones = vec![1.0; integrals.points().len()];
    assembler.add(&integrals, &assembler.scatter(&integrals), &ones, &mut values);
    let ours = Csr::new(assembler.pattern().clone(), values).unwrap();
    let theirs = oracle::stiffness(&mesh, &mesh.points, &dofs).unwrap();
    for i in 0..ours.nrows() {
        for &j in ours.row(i).0 {
            let (a, b) = (ours.get(i, j as usize), theirs.get(i, j as usize));
            assert!((a - b).abs() < 1e-12 * theirs.max_abs(), "({i}, {j}): {a} for {b}");
        }
    }
}

/// Constants have no gradient; the mass of 1 is the integral of f.
#[test]
fn rows_sum_to_what_they_must_and_matrices_are_symmetric() {
    let mesh = skewed(6);
    let space = Space::q1(&mesh);
    let assembler = assembler(&space);
    let mut image = vec![0.0; space.len()];
    let stiffness = matrix(&space, &assembler, Kind::Stiffness);
    stiffness.spmv(&vec![1.0; space.len()], &mut image);
    assert!(image.iter().all(|v| v.abs() < 1e-13 * stiffness.max_abs()));
    let mass = matrix(&space, &assembler, Kind::Mass);
    mass.spmv(&vec![1.0; space.len()], &mut image);
    let cells = Integrals::new(&space, Kind::Mass, STRENGTH).unwrap();
    let load = cells.load(&cells.points().iter().map(f).collect::<Vec<_>>(), space.len());
    assert!(image.iter().zip(&load).all(|(a, b)| (a - b).abs() < 1e-15));
    assert!(stiffness.is_symmetric(0.0) && mass.is_symmetric(0.0));
}
