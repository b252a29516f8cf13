//! The family `biharmonic`: sizes, definiteness of the default penalties, boundary data, what depends on what.

use fempipe::families::{self, Family};
use fempipe::linalg::Cholesky;
use fempipe::system::LinearSystem;

use crate::common;

fn family(keys: &str) -> Box<dyn Family> {
    common::family("biharmonic", keys)
}

fn sample(f: &dyn Family, index: u64) -> LinearSystem {
    f.sampler().unwrap().sample(1, index).unwrap()
}

#[test]
fn both_systems_of_1089_unknowns() {
    for (keys, n) in [
        ("", 1089),
        ("discretisation = \"c0ip\"", 1089),
        ("discretisation = \"c0ip\"\nboundary = \"strong\"\norder = \"rcm\"", 961),
        ("discretisation = \"c0ip\"\ncells = \"quad\"\ngrid = 8", 289),
        ("cells = \"triangle\"\ngrid = 4", 192),
        ("[mesh]\nshape = \"disc\"\narea = 0.02", 0),
    ] {
        let s = sample(&*family(keys), 3);
        assert!(n == 0 || s.n() == n, "{keys}: {}", s.n());
        assert!(s.matrix.is_symmetric(0.0), "{keys}");
        let residual = common::residual(&s);
        assert!(residual < 1e-8, "{keys}: {residual:e}");
        let mesh = s.mesh.as_ref().unwrap();
        let cells = mesh.cells.len() / mesh.cell_size;
        let f = s.field("coefficient").unwrap();
        assert_eq!(f.values.len(), cells);
        assert!(f.values.iter().all(|f| (0.9..10.5).contains(f)), "{keys}");
        assert_eq!(mesh.free_dofs.len(), s.n());
        assert!(mesh.cells.iter().all(|&v| 2 * (v as usize) < mesh.points.len()));
    }
}

#[test]
fn default_penalties_leave_room() {
    // With half the penalty they still do, whatever polynomial is drawn and however coarse the grid.
    for (keys, safe) in [
        ("", 300.0),
        ("cells = \"triangle\"", 200.0),
        ("discretisation = \"c0ip\"", 200.0),
        ("discretisation = \"c0ip\"\ncells = \"quad\"", 300.0),
    ] {
        for (degree, contrast) in [(3, 1.0), (3, 10.0), (8, 10.0), (3, 100.0), (3, 1000.0)] {
            let half: f64 = 0.5 * safe * (contrast / 10.0f64).max(1.0).sqrt();
            for grid in [3, 5, 8] {
                let f = family(&format!(
                    "{keys}\nsigma = {half:?}\ngrid = {grid}\ndegree = {degree}\ncontrast = {contrast:?}"
                ));
                let mut sampler = f.sampler().unwrap();
                for i in 0..20 {
                    let s = sampler.sample(5, i);
                    assert!(s.is_ok(), "{keys} degree {degree} grid {grid}: {}", s.unwrap_err());
                }
            }
        }
    }
    let told = family("contrast = 1000.0").description().weak_form;
    assert!(told.contains("3000 f h^-3") && told.contains("10 f h^-1"), "{told}");
}

#[test]
fn too_small_penalties_are_told() {
    let f = family("sigma = 5.0\ngrid = 4");
    let e = f.sampler().unwrap().sample(1, 7).unwrap_err().to_string();
    for word in ["sample 7", "not positive definite", "sigma = 5", "biharmonic.sigma"] {
        assert!(e.contains(word), "{e}");
    }
}

#[test]
fn a_sample_depends_on_seed_and_index_alone() {
    common::depends_on_seed_and_index_alone(&*family("grid = 3\ndata = \"random\""));
}

/// Both ways of holding u and both methods meet the same boundary values.
#[test]
fn random_data_are_met_by_all_methods() {
    let at_nodes = |keys: &str| {
        let s = sample(&*family(&format!("{keys}\ndata = \"random\"\ngrid = 12")), 2);
        let terms = s.field("boundary_terms").unwrap().values.clone();
        let mesh = s.mesh.as_ref().unwrap();
        let all: Vec<([f64; 2], f64)> = mesh
            .free_dofs
            .iter()
            .zip(s.solution.as_ref().unwrap())
            .map(|(&v, &x)| ([mesh.points[2 * v as usize], mesh.points[2 * v as usize + 1]], x))
            .collect();
        (terms, all)
    };
    let middle = |keys: &str| {
        let (terms, all) = at_nodes(keys);
        let inside = all.iter().find(|(p, _)| (p[0] - 0.5).abs() + (p[1] - 0.5).abs() < 1e-9);
        (terms, inside.unwrap().1)
    };
    let (terms, reference) = middle("discretisation = \"c0ip\"\nboundary = \"strong\"");
    for keys in ["", "cells = \"triangle\"", "discretisation = \"c0ip\"", "discretisation = \"c0ip\"\ncells = \"quad\""]
    {
        let (own, value) = middle(keys);
        assert_eq!(own, terms);
        println!("{keys:?}: {value} {reference}");
        assert!((value - reference).abs() < 0.05 * reference.abs().max(0.1), "{keys}: {value} {reference}");
    }
    // At a corner of the square the first coefficient alone counts.
    let (terms, all) = at_nodes("");
    let corner = all.iter().find(|(p, _)| p[0] == 0.0 && p[1] == 0.0).unwrap();
    assert!((corner.1 - terms[0]).abs() < 0.02 * terms[0].abs().max(0.1));
}

#[test]
fn bad_keys_are_named() {
    for (keys, words) in [
        ("grid = 1", &["r.toml", "biharmonic.grid = 1", "2 to 512"][..]),
        ("grid = -3", &["biharmonic.grid = -3"]),
        ("sigma = -1.0", &["biharmonic.sigma = -1"]),
        ("tau = nan", &["biharmonic.tau"]),
        ("degree = 9", &["biharmonic.degree = 9"]),
        ("contrast = 0.5", &["biharmonic.contrast = 0.5"]),
        ("boundary = \"strong\"", &["biharmonic.boundary", "c0ip"]),
        ("cells = \"hexagon\"", &["hexagon"]),
        ("grid = 4\n[mesh]\nshape = \"quads\"", &["biharmonic.mesh", "biharmonic.grid"]),
        ("[mesh]\nshape = \"cube\"\ncells = 2", &["cube"]),
        ("[mesh]\nshape = \"l-shape\"", &["l-shape", "convex"]),
        ("simga = 3.0", &["unknown field `simga`"]),
    ] {
        let Err(e) = families::build("biharmonic", &keys.parse().unwrap(), "r.toml") else {
            panic!("{keys} was accepted");
        };
        let e = e.to_string();
        for word in words {
            assert!(e.contains(word), "{keys}: {e:?} lacks {word:?}");
        }
        assert!(!e.contains('\n'), "{e}");
    }
}

#[test]
fn definite_to_the_last_sample_at_high_contrast() {
    let f = family("discretisation = \"c0ip\"\ncontrast = 100.0\ngrid = 8\nsolution = false");
    let mut sampler = f.sampler().unwrap();
    for i in 0..20 {
        let s = sampler.sample(3, i).unwrap();
        assert!(s.solution.is_none());
        assert!(Cholesky::new(&s.matrix).is_ok());
    }
}
