//! What is written is read back bit for bit, in both layouts, compressed or not, in any order.

use std::path::Path;
use std::sync::Arc;

use fempipe::dataset::{Dataset, Header, InputFile, Record, Shape, Sizes, Split, Totals, Writer, split, verify};
use fempipe::linalg::Props;
use fempipe::system::{Description, LinearSystem, Parts, SampleSource};
use proptest::prelude::*;

use crate::chain;
use crate::command::alone;

pub fn header(samples: usize) -> Header {
    Header {
        description: Description {
            family: "chain".into(),
            equation: "−(w u')' = 1".into(),
            weak_form: "∫ w u' v' dx = ∫ v dx".into(),
            boundary_conditions: "u = 0 at both ends".into(),
            units: "none".into(),
            props: Props::SPD,
        },
        recipe: "family = \"chain\"\n".into(),
        seed: 5,
        fempipe_version: "0.0.0".into(),
        samples,
        origin: 77,
        files: vec![InputFile { path: "a mesh.msh".into(), digest: 5 }],
        part: None,
    }
}

/// Systems of one size on one pattern, or of several.
fn systems(shared: bool, count: usize, n: usize) -> (Vec<LinearSystem>, Shape) {
    let mesh = shared.then(|| Arc::new(chain::mesh(n)));
    let size = |i: usize| if shared { n } else { n + i % 3 };
    let all: Vec<_> = (0..count).map(|i| chain::system(5, i as u64, size(i), mesh.clone())).collect();
    let pattern = shared.then(|| all[0].matrix.pattern().clone());
    let shape = Shape::of(&all[0], pattern, mesh);
    (all, shape)
}

fn write(path: &Path, all: &[LinearSystem], shape: &Shape, compress: bool) -> Split {
    let split = split::split(&Sizes::default(), all.len(), 1, 5).unwrap();
    let mut totals = Totals::default();
    all.iter().for_each(|s| totals.add(s));
    let mut w = Writer::create(path, header(all.len()), shape.clone(), &totals, compress).unwrap();
    for s in all {
        w.push(&Record::new(s.clone(), 0.25)).unwrap();
    }
    w.finish(&split).unwrap();
    split
}

/// A dataset of `count` samples of n, n + 1 and n + 2 unknowns.
pub fn write_own_patterns(path: &Path, count: usize, n: usize) {
    let (all, shape) = systems(false, count, n);
    write(path, &all, &shape, false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn both_layouts_round_trip(
        shared in any::<bool>(),
        compress in any::<bool>(),
        count in 1usize..12,
        n in 1usize..30,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let _guard = alone();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.h5");
        let (all, shape) = systems(shared, count, n);
        let split = write(&path, &all, &shape, compress);
        let data = Dataset::open(&path).unwrap();
        prop_assert_eq!(data.header(), &header(count));
        prop_assert_eq!(data.splits(), &split);
        prop_assert_eq!(data.pattern().is_some(), shared);
        for (i, s) in all.iter().enumerate() {
            chain::assert_same(s, &data.read(i).unwrap());
        }
        let ids: Vec<u32> = picks.iter().map(|p| p.index(count) as u32).collect();
        for (&id, s) in ids.iter().zip(data.load(&ids, &Parts::all()).unwrap()) {
            chain::assert_same(&all[id as usize], &s);
        }
        prop_assert!(data.read(count).is_err());
        let report = verify::verify(&data, &|_| ()).unwrap();
        prop_assert_eq!(report.faults, vec![]);
        prop_assert!(report.worst_residual < 1e-12);
    }
}

#[test]
fn samples_share_pattern_and_mesh_in_memory() {
    let _guard = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.h5");
    let (all, shape) = systems(true, 4, 9);
    write(&path, &all, &shape, false);
    let read = Dataset::open(&path).unwrap().load(&[0, 3], &Parts::matrix()).unwrap();
    assert!(Arc::ptr_eq(read[0].matrix.pattern(), read[1].matrix.pattern()));
    assert!(Arc::ptr_eq(read[0].mesh.as_ref().unwrap(), read[1].mesh.as_ref().unwrap()));
}

#[test]
fn the_same_samples_make_the_same_bytes() {
    let _guard = alone();
    let dir = tempfile::tempdir().unwrap();
    let (all, shape) = systems(true, 5, 12);
    let (a, b) = (dir.path().join("a.h5"), dir.path().join("b.h5"));
    write(&a, &all, &shape, false);
    // HDF5 would put times of creation into the file if it were let.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    write(&b, &all, &shape, false);
    assert!(std::fs::read(a).unwrap() == std::fs::read(b).unwrap(), "the files differ");
}

#[test]
fn samples_of_another_shape_are_refused() {
    let _guard = alone();
    let dir = tempfile::tempdir().unwrap();
    let (all, shape) = systems(true, 2, 6);
    let mut w = Writer::create(&dir.path().join("d.h5"), header(2), shape, &Totals::default(), false).unwrap();
    w.push(&Record::new(all[0].clone(), 0.0)).unwrap();
    let mut renamed = all[1].clone();
    renamed.params[0].0 = "other".into();
    let mut no_solution = all[1].clone();
    no_solution.solution = None;
    let larger = chain::system(5, 1, 7, all[0].mesh.clone());
    for bad in [renamed, no_solution, larger] {
        assert!(w.push(&Record::new(bad, 0.0)).is_err());
    }
    assert!(w.finish(&Split::new()).is_err(), "one sample is missing");
}
