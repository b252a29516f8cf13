//! The family `poisson`: its samples are what its recipe says, the same whatever was sampled before.

use std::process::Command;

use fempipe::families::{self, Family};
use fempipe::linalg::dense;
use fempipe::linalg::vector::norm2;
use fempipe::system::LinearSystem;

fn family(keys: &str) -> Box<dyn Family> {
    families::build("poisson", &keys.parse().unwrap(), "test").unwrap()
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
        let x = s.solution.as_ref().unwrap();
        let mut r = vec![0.0; n];
        s.matrix.spmv(x, &mut r);
        for (r, b) in r.iter_mut().zip(&s.rhs) {
            *r -= b;
        }
        assert!(norm2(&r) < 1e-12 * norm2(&s.rhs), "level {level}");
        assert!(s.matrix.is_symmetric(1e-14));
    }
}

#[test]
fn a_sample_depends_on_seed_and_index_alone() {
    let f = family("level = 4\nf = \"random\"");
    let mut sampler = f.sampler().unwrap();
    let forward: Vec<_> = (0..6).map(|i| sampler.sample(9, i).unwrap()).collect();
    for i in (0..6u64).rev() {
        let again = sampler.sample(9, i).unwrap();
        let first = &forward[i as usize];
        assert_eq!(again.matrix.values(), first.matrix.values());
        assert_eq!(again.rhs, first.rhs);
        assert_eq!(again.fields, first.fields);
    }
    assert_ne!(forward[0].matrix.values(), forward[1].matrix.values());
    assert_ne!(sampler.sample(10, 0).unwrap().rhs, forward[0].rhs);
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
        assert!(
            (mean / published - 1.0).abs() < 0.12,
            "level {level}: {mean} against {published}"
        );
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
    let e = families::build("poison", &toml::Table::new(), "r.toml")
        .err()
        .unwrap();
    assert!(e.to_string().contains("unknown family \"poison\""), "{e}");
}

const SCIKIT_FEM: &str = r#"
import json, sys
import numpy as np
try:
    import skfem
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
    use std::io::Write;
    let s = sample(&*family("level = 4\nperturbation = 0.4"), 2);
    let mesh = s.mesh.as_ref().unwrap();
    let input = serde_json::json!({
        "points": s.field("points").unwrap().values, "cells": mesh.cells, "free": mesh.free_dofs,
        "indptr": s.matrix.pattern().indptr(), "indices": s.matrix.pattern().indices(), "values": s.matrix.values(),
    });
    let python = std::env::var("FEMPIPE_PYTHON").unwrap_or_else(|_| "python3".into());
    let child = Command::new(&python)
        .args(["-c", SCIKIT_FEM])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("skipped: no {python} to run scikit-fem with");
        return;
    };
    // A Python without NumPy ends before it reads; its exit status says so below.
    let _ = child
        .stdin
        .take()
        .unwrap()
        .write_all(input.to_string().as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    if text == "skip" || !output.status.success() {
        println!("skipped: {python} has no scikit-fem (set FEMPIPE_PYTHON, or use `make test`)");
        return;
    }
    let difference: f64 = text.parse().unwrap();
    assert!(difference < 1e-12, "relative difference {difference}");
}
