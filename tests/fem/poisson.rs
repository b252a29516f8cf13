//! The family `poisson`: its samples are what its recipe says, the same whatever was sampled before.

use fempipe::families::{self, Family};
use fempipe::linalg::dense;
use fempipe::system::LinearSystem;

use crate::common;
use crate::python::relative_difference;

fn family(keys: &str) -> Box<dyn Family> {
    common::family("poisson", keys)
}

fn error(keys: &str) -> String {
    match families::build("poisson", &keys.parse().unwrap(), "r.toml") {
        Ok(_) => panic!("{keys} was accepted"),
        Err(e) => e.to_string(),
    }
}

fn sample(f: &dyn Family, index: u64) -> LinearSystem {
    f.sampler().unwrap().sample(1, index).unwrap()
}

#[test]
fn sizes_and_solutions() {
    for (level, n) in [(2, 9), (3, 49), (4, 225), (5, 961), (6, 3969), (7, 16129)] {
        let s = sample(&*family(&format!("level = {level}")), 5);
        assert_eq!((s.n(), s.matrix.nrows(), s.index), (n, n, 5));
        assert!(common::residual(&s) < 1e-12, "level {level}");
        assert!(s.matrix.is_symmetric(1e-14));
    }
}

#[test]
fn a_sample_depends_on_seed_and_index_alone() {
    common::depends_on_seed_and_index_alone(&*family("level = 4\nf = \"random\""));
}

#[test]
fn condition_numbers_are_near_the_published_ones() {
    // Ruelmann, Geveler & Turek print 5.9, 29.8 and 127.3 for levels 2, 3, 4.
    for (level, published) in [(2, 5.9), (3, 29.8), (4, 127.3)] {
        let f = family(&format!("level = {level}\nsolution = false"));
        let mut sampler = f.sampler().unwrap();
        let count = 40;
        let mean = (0..count)
            .map(|i| {
                let a = sampler.sample(3, i).unwrap().matrix;
                let values = dense::eigenvalues_symmetric(&dense::from_csr(&a)).unwrap();
                values[values.len() - 1] / values[0]
            })
            .sum::<f64>()
            / count as f64;
        assert!((mean / published - 1.0).abs() < 0.12, "level {level}: {mean} against {published}");
    }
}

#[test]
fn unperturbed_it_is_the_five_point_matrix() {
    let s = sample(&*family("level = 2\nperturbation = 0.0"), 0);
    for i in 0..9 {
        for j in 0..9 {
            let (dx, dy) = ((i % 3usize).abs_diff(j % 3), (i / 3usize).abs_diff(j / 3));
            let expected = match (dx, dy) {
                (0, 0) => 4.0,
                (1, 0) | (0, 1) => -1.0,
                _ => 0.0,
            };
            assert!((s.matrix.get(i, j) - expected).abs() < 1e-15, "({i}, {j})");
        }
        assert!((s.rhs[i] - 1.0 / 16.0).abs() < 1e-16);
    }
}

#[test]
fn bad_keys_are_named() {
    for (keys, words) in [
        ("level = 0", &["r.toml", "poisson.level = 0", "2 to 7"][..]),
        ("level = -3", &["poisson.level = -3"]),
        ("level = 8", &["poisson.level = 8"]),
        ("level = \"x\"", &["poisson.level"]),
        ("lvel = 3", &["unknown field `lvel`", "level"]),
        ("perturbation = 0.7", &["poisson.perturbation = 0.7", "0.5"]),
        ("f = \"cosine\"", &["r.toml"]),
    ] {
        let e = error(keys);
        for word in words {
            assert!(e.contains(word), "{keys}: {e:?} lacks {word:?}");
        }
        assert!(!e.contains('\n'), "{e}");
    }
    let e = families::build("poison", &toml::Table::new(), "r.toml").err().unwrap();
    assert!(e.to_string().contains("unknown family \"poison\""), "{e}");
}

const SCIKIT_FEM: &str = r#"
import json, sys
try:
    import numpy as np, skfem
    from skfem.models.poisson import laplace
except ImportError:
    print("skip"); sys.exit(0)
d = json.load(sys.stdin)
mesh = skfem.MeshTri(np.array(d["points"]).reshape(-1, 2).T.copy(), np.array(d["cells"]).reshape(-1, 3).T.copy())
A = laplace.assemble(skfem.Basis(mesh, skfem.ElementTriP1())).tocsr()
free = np.array(d["free"])
A = A[free][:, free].toarray()
B = np.zeros_like(A)
for i, (a, b) in enumerate(zip(d["indptr"], d["indptr"][1:])):
    B[i, d["indices"][a:b]] = d["values"][a:b]
print(abs(A - B).max() / abs(A).max())
"#;

#[test]
fn matrix_agrees_with_scikit_fem() {
    let s = sample(&*family("level = 4\nperturbation = 0.4"), 2);
    let mesh = s.mesh.as_ref().unwrap();
    let input = serde_json::json!({
        "points": s.field("points").unwrap().values, "cells": mesh.cells, "free": mesh.free_dofs,
        "indptr": s.matrix.pattern().indptr(), "indices": s.matrix.pattern().indices(), "values": s.matrix.values(),
    });
    let Some(difference) = relative_difference(SCIKIT_FEM, &input) else {
        return;
    };
    assert!(difference < 1e-12, "relative difference {difference}");
}
