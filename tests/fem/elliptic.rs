//! The family `elliptic` and its elements: scikit-fem assembles the same matrices; keys; determinism.

use fempipe::families;
use fempipe::fem::assembler::Assembler;
use fempipe::fem::dofs::{Dofs, Order};
use fempipe::fem::integrals::{Integrals, Kind};
use fempipe::fem::space::Space;
use fempipe::linalg::{Cholesky, Csr};
use fempipe::mesh::structured;
use fempipe::system::LinearSystem;

use crate::python::relative_difference;

fn sample(keys: &str, index: u64) -> LinearSystem {
    let family = families::build("elliptic", &keys.parse().unwrap(), "test").unwrap();
    family.sampler().unwrap().sample(1, index).unwrap()
}

fn error(keys: &str) -> String {
    match families::build("elliptic", &keys.parse().unwrap(), "r.toml") {
        Ok(_) => panic!("{keys} was accepted"),
        Err(e) => e.to_string(),
    }
}

/// Matches nodes by their coordinates: scikit-fem numbers edges in an order of its own.
const SCIKIT_FEM: &str = r#"
import json, sys
try:
    import numpy as np, skfem
except ImportError:
    print("skip"); sys.exit()
d = json.load(sys.stdin)
dim = d["dim"]
p = np.array(d["points"]).reshape(-1, dim)
t = np.array(d["cells"]).reshape(-1, d["cell_size"])
corners = {"triangle": 3, "triangle6": 3, "quad": 4, "tetra": 4}[d["cell_type"]]
used = t[:, :corners].max() + 1
mesh, element = {
    "triangle": (skfem.MeshTri, skfem.ElementTriP1()), "triangle6": (skfem.MeshTri, skfem.ElementTriP2()),
    "quad": (skfem.MeshQuad, skfem.ElementQuad1()), "tetra": (skfem.MeshTet, skfem.ElementTetP1()),
}[d["cell_type"]]
basis = skfem.Basis(mesh(p[:used].T, t[:, :corners].T), element, intorder=9)
powers = [q for total in range(9) for q in sorted(
    [(i, j, k) for i in range(total + 1) for j in range(total + 1) for k in range(total + 1) if i + j + k == total
     and (dim == 3 or k == 0)], reverse=True)]
def polynomial(c, x):
    y = [x[0], x[1], x[2] if dim == 3 else 1.0 + 0 * x[0]]
    return sum(c * y[0]**i * y[1]**j * y[2]**k for c, (i, j, k) in zip(c, powers))
kind = d["kind"]
@skfem.BilinearForm
def form(u, v, e):
    if kind == "mass":
        return polynomial(d["f"], e.x) * u * v
    return polynomial(d["f"], e.x) * sum(u.grad[i] * v.grad[i] for i in range(dim))
@skfem.LinearForm
def load(v, e):
    return polynomial(d["g"], e.x) * v
if kind == "boundary":
    basis = basis.boundary()
    form = skfem.BilinearForm(lambda u, v, e: polynomial(d["f"], e.x) * u * v)
key = lambda x: tuple(np.round(x, 9))
ours = {key(x): i for i, x in enumerate(p)}
to = np.array([ours[key(x)] for x in basis.doflocs.T])
back = np.empty_like(to); back[to] = np.arange(len(to))
free = back[np.array(d["free"])]
A = form.assemble(basis)[free][:, free].toarray()
B = np.zeros_like(A)
for i, (s, e) in enumerate(zip(d["indptr"], d["indptr"][1:])):
    B[i, d["indices"][s:e]] = d["values"][s:e]
out = abs(A - B).max() / abs(A).max()
if kind == "stiffness":
    b = load.assemble(basis)[free]
    out = max(out, abs(b - d["rhs"]).max() / abs(b).max())
print(out)
"#;

#[test]
fn scikit_fem_assembles_the_same_stiffness_and_load() {
    for (keys, what) in [
        ("[mesh]\narea = 0.01", "P1 on Delaunay triangles"),
        (
            "order = \"natural\"\n[mesh]\nshape = \"l-shape\"\narea = 0.01",
            "P1 on an L-shape",
        ),
        ("elements = \"quadratic\"\n[mesh]\narea = 0.02", "P2"),
        ("[mesh]\nshape = \"quads\"\ncells = 7", "Q1"),
        (
            "degree = 2\nsource_degree = 1\n[mesh]\nshape = \"cube\"\ncells = 4",
            "P1 on tetrahedra",
        ),
    ] {
        let s = sample(keys, 3);
        let mesh = s.mesh.as_ref().unwrap();
        let terms = |name: &str| s.field(name).unwrap().values.clone();
        let input = serde_json::json!({
            "kind": "stiffness", "dim": mesh.dim, "points": mesh.points, "cells": mesh.cells,
            "cell_size": mesh.cell_size, "cell_type": mesh.cell_type, "free": mesh.free_dofs,
            "f": terms("coefficient_terms"), "g": terms("source_terms"), "rhs": s.rhs,
            "values": s.matrix.values(), "indptr": s.matrix.pattern().indptr(),
            "indices": s.matrix.pattern().indices(),
        });
        if let Some(difference) = relative_difference(SCIKIT_FEM, &input) {
            assert!(difference < 1e-12, "{what}: relative difference {difference}");
        }
    }
}

#[test]
fn scikit_fem_assembles_the_same_mass_and_boundary_matrices() {
    let quads = structured::quads(5, 4);
    let triangles = structured::triangles(4, 5);
    for space in [Space::p1(&triangles), Space::p2(&triangles), Space::q1(&quads)] {
        let assembler =
            Assembler::new(&space, Dofs::of_space(&space, |_| true, Order::Rcm).unwrap()).unwrap();
        // f = 1 + 2x + 0.5y
        let f = [1.0, 2.0, 0.5];
        for (kind, name) in [(Kind::Mass, "mass"), (Kind::BoundaryMass, "boundary")] {
            let integrals = Integrals::new(&space, kind, 5).unwrap();
            let coefficient: Vec<f64> = integrals
                .points()
                .iter()
                .map(|x| f[0] + f[1] * x[0] + f[2] * x[1])
                .collect();
            let mut values = vec![0.0; assembler.pattern().nnz()];
            assembler.add(
                &integrals,
                &assembler.scatter(&integrals),
                &coefficient,
                &mut values,
            );
            let mesh = space.to_data(assembler.dofs().points.clone());
            let input = serde_json::json!({
                "kind": name, "dim": 2, "points": mesh.points, "cells": mesh.cells,
                "cell_size": mesh.cell_size, "cell_type": mesh.cell_type, "free": mesh.free_dofs, "f": f, "g": [0.0],
                "values": values, "indptr": assembler.pattern().indptr(), "indices": assembler.pattern().indices(),
            });
            if let Some(difference) = relative_difference(SCIKIT_FEM, &input) {
                assert!(difference < 1e-12, "{name}: relative difference {difference}");
            }
        }
    }
}

#[test]
fn samples_are_definite_symmetric_and_alone_in_their_stream() {
    let keys = "contrast = 1000.0\n[mesh]\narea = 0.003";
    let family = families::build("elliptic", &keys.parse().unwrap(), "test").unwrap();
    let mut sampler = family.sampler().unwrap();
    let forward: Vec<_> = (0..5).map(|i| sampler.sample(9, i).unwrap()).collect();
    for i in (0..5u64).rev() {
        let again = sampler.sample(9, i).unwrap();
        let first = &forward[i as usize];
        assert_eq!(again.matrix.values(), first.matrix.values());
        assert_eq!((&again.rhs, &again.fields), (&first.rhs, &first.fields));
    }
    let a: &Csr = &forward[0].matrix;
    assert!(a.is_symmetric(1e-14) && Cholesky::new(a).is_ok());
    let f = &forward[1].field("coefficient").unwrap().values;
    assert!(f.iter().all(|v| (1.0..=1000.0).contains(v)));
    assert_ne!(forward[0].matrix.values(), forward[1].matrix.values());
}

#[test]
fn the_default_has_the_published_size() {
    let n = sample("solution = false", 0).n();
    // Li, Wang & Jimack: up to 1873.
    assert!((1750..=1900).contains(&n), "n = {n}");
}

#[test]
fn wrong_keys_are_named_with_what_would_be_right() {
    for (keys, expected) in [
        ("contrast = 0.5", "elliptic.contrast = 0.5: must be from 1 to"),
        ("degree = 9", "elliptic.degree = 9: must be from 0 to 8"),
        ("[mesh]\narea = 0.0", "elliptic.mesh.area = 0"),
        ("[mesh]\nangle = 45.0", "elliptic.mesh.angle = 45"),
        ("[mesh]\nshape = \"quads\"\ncells = 1", "elliptic.mesh.cells = 1"),
        (
            "elements = \"quadratic\"\n[mesh]\nshape = \"quads\"",
            "on triangles only",
        ),
        ("[mesh]\nshape = \"star\"", "unknown variant `star`"),
        ("size = 3", "unknown field `size`"),
    ] {
        let message = error(keys);
        assert!(
            message.starts_with("r.toml: ") && message.contains(expected),
            "{keys}: {message}"
        );
    }
}
