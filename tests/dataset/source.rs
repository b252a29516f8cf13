//! Samples by need: only the parts asked for are read, in the order of the ids; what is checked and when.

use std::sync::Arc;

use fempipe::dataset::{Checked, Dataset, statistics};
use fempipe::system::{LinearSystem, Names, Parts, SampleSource, for_each_chunk};

use crate::command::{alone, ok};
use crate::errors::flip;
use crate::roundtrip::write_own_patterns;

const LABELLED: &str = "family = \"poisson\"\nsamples = 12\nseed = 4\n[labels]\nicc = true\neigenpairs = 2\n\
    [poisson]\nlevel = 3\n";

fn labelled(dir: &std::path::Path) -> std::path::PathBuf {
    std::fs::write(dir.join("r.toml"), LABELLED).unwrap();
    ok(dir, &["generate", "r.toml"]);
    dir.join("r.h5")
}

fn named(names: &[&str]) -> Names {
    Names::Only(names.iter().map(|n| (*n).to_string()).collect())
}

#[test]
fn parts_are_those_of_the_whole_sample() {
    let dir = tempfile::tempdir().unwrap();
    let file = labelled(dir.path());
    let own = dir.path().join("own.h5");
    let _guard = alone();
    write_own_patterns(&own, 7, 5);
    for path in [file, own] {
        let data = Dataset::open(&path).unwrap();
        let whole: Vec<LinearSystem> = (0..data.len()).map(|i| data.read(i).unwrap()).collect();
        let all_parts = [
            Parts::matrix(),
            Parts::unlabelled(),
            Parts {
                rhs: true,
                solution: true,
                labels: named(&["eigenvalues", "none of this name"]),
                ..Parts::default()
            },
        ];
        for parts in all_parts {
            let ids = [5, 0, 6, 5, 1, 2];
            let loaded = data.load(&ids, &parts).unwrap();
            let in_memory = whole.load(&ids, &parts).unwrap();
            for ((id, a), b) in ids.into_iter().zip(&loaded).zip(&in_memory) {
                assert_eq!((a.index, a.n()), (u64::from(id), whole[id as usize].n()));
                assert_eq!(a.matrix.pattern(), b.matrix.pattern());
                assert_eq!(a.matrix.values(), b.matrix.values());
                assert_eq!((&a.rhs, &a.solution), (&b.rhs, &b.solution));
                assert_eq!((&a.fields, &a.labels, &a.params), (&b.fields, &b.labels, &b.params));
                let shared =
                    if data.pattern().is_some() && parts.matrix { 4 * (a.matrix.nnz() + a.n() + 1) } else { 0 };
                let counted = |s: &dyn SampleSource, id| s.bytes(id, &parts).unwrap();
                assert_eq!(counted(&data, id) + shared, counted(&whole, id));
            }
        }
        assert!(data.load(&[], &Parts::all()).unwrap().is_empty());
        let message = data.load(&[0, 99], &Parts::matrix()).unwrap_err().to_string();
        assert!(message.contains("no sample 99, there are"), "{message}");
        assert!(SampleSource::size(&data, 99).is_err() && data.bytes(99, &Parts::all()).is_err());
        let mut seen = Vec::new();
        for_each_chunk(&data, &[3, 1, 4], &Parts::all(), 0, |chunk| {
            seen.extend(chunk.iter().map(|s| s.index));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [3, 1, 4]);
    }
}

#[test]
fn a_sample_counts_whole_until_it_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let file = labelled(dir.path());
    let _guard = alone();
    let checked = Checked::new(Arc::new(Dataset::open(&file).unwrap()));
    let bytes = |id, parts: &Parts| checked.bytes(id, parts).unwrap();
    let (whole, matrix) = (bytes(0, &Parts::all()), Parts::matrix());
    assert_eq!(bytes(3, &matrix), whole);
    let loaded = checked.load(&[3, 1, 3], &matrix).unwrap();
    assert_eq!(loaded.iter().map(|s| s.index).collect::<Vec<_>>(), [3, 1, 3]);
    assert!(loaded.iter().all(|s| s.labels.is_empty() && s.matrix.nnz() > 0));
    assert!(bytes(3, &matrix) < whole && bytes(1, &matrix) < whole);
    assert_eq!(bytes(2, &matrix), whole);
    // Two samples a chunk while they are new, more when they are known.
    let chunks = || {
        let mut chunks = 0;
        let ids = [0, 2, 4, 5, 6, 7, 8, 9, 10, 11];
        for_each_chunk(&checked, &ids, &matrix, 2 * whole, |_| {
            chunks += 1;
            Ok(())
        })
        .unwrap();
        chunks
    };
    assert_eq!(chunks(), 5);
    assert!(chunks() < 5);
    assert!(checked.bytes(99, &matrix).is_err());
}

#[test]
fn what_was_not_asked_for_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = labelled(dir.path());
    let guard = alone();
    let sample = Dataset::open(&file).unwrap().read(7).unwrap();
    let label = sample.label("icc").unwrap().values[9].to_le_bytes();
    flip(&file, &label, 0);
    let data = Dataset::open(&file).unwrap();
    assert!(data.load(&[7], &Parts::all()).is_err());
    assert!(data.load(&[7], &Parts { labels: named(&["icc"]), ..Parts::default() }).is_ok());
    let refused = statistics::statistics(&data, &|_| ()).unwrap_err().to_string();
    assert!(refused.contains("sample 7 was altered"), "{refused}");
    let whole = data.load(&[7], &Parts::unlabelled()).unwrap();
    assert_eq!(whole[0].matrix.values(), sample.matrix.values());
    // A sample that is checked once is checked at the first request, whatever that asks for.
    let checked = Checked::new(Arc::new(data));
    checked.load(&[6, 8], &Parts::matrix()).unwrap();
    let message = checked.load(&[6, 7], &Parts::matrix()).unwrap_err().to_string();
    assert!(message.contains("sample 7 was altered"), "{message}");
    assert!(checked.load(&[8, 99], &Parts::matrix()).is_err());
    let part = checked.load(&[11], &Parts::matrix()).unwrap();
    assert!(part[0].rhs.is_empty() && part[0].labels.is_empty() && part[0].matrix.nnz() > 0);
    drop(guard);
}
