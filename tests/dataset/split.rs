//! Samples that belong together go to one set of the split.

use std::collections::{BTreeMap, BTreeSet};

use fempipe::dataset::Dataset;

use crate::command::{alone, ok};

/// Bits of the values of A by set.
fn matrices(file: &std::path::Path) -> BTreeMap<String, BTreeSet<Vec<u64>>> {
    let data = Dataset::open(file).unwrap();
    let values = |&id: &u32| {
        let system = data.read(id as usize).unwrap();
        system.matrix.values().iter().map(|v| v.to_bits()).collect::<Vec<u64>>()
    };
    data.splits().iter().map(|(name, ids)| (name.clone(), ids.iter().map(values).collect())).collect()
}

#[test]
fn no_matrix_of_a_heat_trajectory_is_in_two_sets() {
    let dir = tempfile::tempdir().unwrap();
    let heat = ["--family", "heat", "--samples", "60", "--set", "heat.cells=6", "--set", "heat.steps=4"];
    let make = |output: &str, more: &[&str]| {
        ok(dir.path(), &[&["generate", "--quiet", "-o", output], more].concat());
    };
    make("h.h5", &heat);
    make("single.h5", &[&heat[..], &["--set", "split_group=1"]].concat());
    make("again.h5", &["--from", "h.h5"]);
    make("single-again.h5", &["--from", "single.h5"]);
    let _guard = alone();
    let sets = |name: &str| Dataset::open(dir.path().join(name)).unwrap().splits().clone();
    let of = matrices(&dir.path().join("h.h5"));
    // 15 trajectories of 4 steps; 12, 1.5 and 1.5 of them asked for.
    assert_eq!(of["train"].len(), 12);
    assert!(of["validation"].len() + of["test"].len() == 3 && !of["test"].is_empty());
    assert!(of["train"].is_disjoint(&of["test"]) && of["train"].is_disjoint(&of["validation"]));
    assert!(of["validation"].is_disjoint(&of["test"]));
    assert_eq!(sets("h.h5"), sets("again.h5"));
    // Dealt out one by one, nearly every matrix of the test set is in training too.
    let of = matrices(&dir.path().join("single.h5"));
    assert!(!of["train"].is_disjoint(&of["test"]));
    assert_eq!(sets("single.h5"), sets("single-again.h5"));
    assert_ne!(sets("single.h5"), sets("h.h5"));
}
