//! Labels on demand: kept, checked, the same for any number of threads.

use std::path::Path;

use fempipe::dataset::{Dataset, verify};
use fempipe::linalg::{Csr, LinOp};
use fempipe::precond::Icc;
use fempipe::system::LinearSystem;

use crate::command::{alone, ok, refused};

const RECIPE: &str = "family = \"elliptic\"\nsamples = 6\nseed = 4\n\
    [labels]\neigenpairs = 5\nicc = true\nkoptimal = true\ninverse = true\n\
    [elliptic.mesh]\narea = 0.01\n";

fn make(dir: &Path, name: &str, recipe: &str, threads: &str) {
    std::fs::write(dir.join("r.toml"), recipe).unwrap();
    ok(dir, &["generate", "r.toml", "-o", name, "--threads", threads]);
}

/// The factor in a label on tril(A).
fn factor(s: &LinearSystem, name: &str) -> Csr {
    let mut values = s.label(name).unwrap().values.iter();
    let mut entries = Vec::new();
    for i in 0..s.n() {
        for &j in s.matrix.row(i).0.iter().filter(|&&j| j as usize <= i) {
            entries.push((i, j as usize, *values.next().unwrap()));
        }
    }
    assert!(values.next().is_none());
    Csr::from_triplets(s.n(), s.n(), &entries).unwrap()
}

#[test]
fn labels_are_what_they_are_called() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), "b.h5", RECIPE, "2");
    make(dir.path(), "a.h5", RECIPE, "1");
    let _guard = alone();
    let data = Dataset::open(dir.path().join("a.h5")).unwrap();
    let again = Dataset::open(dir.path().join("b.h5")).unwrap();
    assert_eq!(data.digests(), again.digests());
    assert!(verify::verify(&data, &|_| ()).unwrap().faults.is_empty());
    for i in 0..data.len() {
        let s = data.read(i).unwrap();
        let n = s.n();
        let vectors = &s.label("eigenvectors").unwrap().values;
        for (k, lambda) in s.label("eigenvalues").unwrap().values.iter().enumerate() {
            let v: Vec<f64> = (0..n).map(|r| vectors[5 * r + k]).collect();
            let mut av = vec![0.0; n];
            s.matrix.spmv(&v, &mut av);
            let residual = av.iter().zip(&v).map(|(a, v)| (a - lambda * v).powi(2)).sum::<f64>().sqrt();
            let kept = s.label("eigen_residuals").unwrap().values[k];
            assert!(residual < 1e-8 * lambda && (residual - kept).abs() < 1e-12);
        }
        let l = factor(&s, "icc");
        let x: Vec<f64> = (0..n).map(|k| (k as f64).sin()).collect();
        let (mut y, mut z) = (vec![0.0; n], vec![0.0; n]);
        Icc::new(&s.matrix, 0).unwrap().apply(&x, &mut y);
        Icc::from_factor(&l).unwrap().apply(&x, &mut z);
        assert!(y.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-12));
        let inverse = &s.label("inverse").unwrap().values;
        let first: f64 = (0..n).map(|j| inverse[j] * s.rhs[j]).sum();
        assert!((first - s.solution.as_ref().unwrap()[0]).abs() < 1e-10);
        // Trifonov et al., Algorithm 1: the first column of the factor's inverse block, by its definition.
        let k = factor(&s, "koptimal");
        assert!((0..n).all(|i| k.get(i, i) > 0.0));
    }
}

/// Eigenvectors start from those of sample 0, whoever makes them.
#[test]
fn eigenpairs_are_the_same_in_shards() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = "family = \"darcy\"\nsamples = 6\nseed = 4\npart_size = 2\n[labels]\neigenpairs = 5\n\
                  [darcy]\ncells = 16\n";
    for pc in ["", "eigenpairs_pc = \"icc\"\n"] {
        let recipe = recipe.replace("[darcy]", &format!("{pc}[darcy]"));
        let name = |n: &str| format!("{n}-{}.h5", pc.len());
        make(dir.path(), &name("whole"), &recipe, "2");
        for share in ["2/2", "1/2"] {
            ok(dir.path(), &["generate", "r.toml", "-o", &name("shares"), "--shard", share]);
        }
        ok(dir.path(), &["merge", &name("shares")]);
        let _guard = alone();
        let [whole, shares] = ["whole", "shares"].map(|n| Dataset::open(dir.path().join(name(n))).unwrap());
        assert_eq!(whole.digests(), shares.digests());
        for i in 0..6 {
            let s = whole.read(i).unwrap();
            let values = &s.label("eigenvalues").unwrap().values;
            let residuals = &s.label("eigen_residuals").unwrap().values;
            assert!(residuals.iter().zip(values).all(|(r, l)| *r < 1e-8 * l), "{residuals:?}");
        }
    }
}

/// faer would split the products of this size over the threads.
#[test]
fn eigenpairs_are_the_same_for_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = "family = \"darcy\"\nsamples = 1\n[labels]\neigenpairs = 20\n[darcy]\ncells = 48\n";
    make(dir.path(), "one.h5", recipe, "1");
    make(dir.path(), "two.h5", recipe, "2");
    let _guard = alone();
    let [one, two] = ["one.h5", "two.h5"].map(|n| Dataset::open(dir.path().join(n)).unwrap());
    assert_eq!(one.digests(), two.digests());
}

/// −Δ − k² by differences on the square: eigenvalues on both sides of zero, known in closed form.
#[test]
fn indefinite_matrices_have_their_eigenvalues_nearest_zero() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = "family = \"helmholtz\"\nsamples = 2\n[labels]\neigenpairs = 6\n\
        [helmholtz]\ndiscretisation = \"fd\"\ncells = 16\nk = 12.0\nvariation = 0.0\n";
    make(dir.path(), "h.h5", recipe, "1");
    let part = |m: i32| (32.0 * (std::f64::consts::PI * f64::from(m) / 32.0).sin()).powi(2);
    let mut exact: Vec<f64> = (1..16).flat_map(|m| (1..16).map(move |n| part(m) + part(n) - 144.0)).collect();
    exact.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let _guard = alone();
    let s = Dataset::open(dir.path().join("h.h5")).unwrap().read(1).unwrap();
    let found = &s.label("eigenvalues").unwrap().values;
    assert!(found.iter().any(|&l| l < 0.0) && found.iter().any(|&l| l > 0.0));
    for (found, exact) in found.iter().zip(&exact) {
        assert!((found - exact).abs() < 1e-8 * exact.abs(), "{found} against {exact}");
    }
}

#[test]
fn labels_that_cannot_be_are_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    for (recipe, part) in [
        ("family = \"elliptic\"\n[labels]\ninverse = true\n[elliptic.mesh]\narea = 0.0002", "labels.inverse: n = "),
        ("family = \"tridiagonal\"\n[labels]\neigenpairs = 1000", "labels.eigenpairs: 1000"),
        ("family = \"tridiagonal\"\n[labels]\neigen = 3", "[labels]"),
    ] {
        std::fs::write(dir.path().join("r.toml"), recipe).unwrap();
        refused(dir.path(), &["generate", "r.toml", "-o", "x.h5"], 1, &[part]);
        assert!(!dir.path().join("x.h5.parts").exists());
    }
}
