//! An evaluation of a dataset in which single systems are broken.

use fempipe::dataset::{Dataset, Record, parts};

use crate::command::{alone, ok};

#[test]
fn systems_that_are_not_finite_are_failed_solves_and_the_others_are_solved() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), "family = \"poisson\"\nsamples = 40\n[poisson]\nlevel = 2\n").unwrap();
    ok(at, &["generate", "r.toml"]);
    let guard = alone();
    let data = Dataset::open(at.join("r.h5")).unwrap();
    let test = data.split("test").unwrap().to_vec();
    let mut records = data.records(0, data.len()).unwrap();
    let [of_b, of_a] = [test[0], test[2]].map(|id| id as usize);
    records[of_b].system.rhs[3] = f64::NAN;
    records[of_a].system.matrix.values_mut()[5] = f64::INFINITY;
    let records: Vec<Record> = records.into_iter().map(|r| Record::new(r.system, r.seconds)).collect();
    parts::write_whole(&at.join("n.h5"), data.header(), data.shape(), &records, data.splits()).unwrap();
    drop((data, guard));

    let table =
        ok(at, &["evaluate", "--data", "n.h5", "--ksp", "fcg,gmres(5)", "--pc", "none,icc,mean-inverse", "-o", "e"]);
    let words =
        format!("2 of 4 not solved, the first: sample {of_b}, DIVERGED_NANORINF: right-hand side: entry 3 is NaN");
    assert!(table.contains(&format!("fcg(30) + none: {words}")), "{table}");
    let results = std::fs::read_to_string(at.join("e/results.csv")).unwrap();
    let failed: Vec<&str> = results.lines().filter(|line| line.contains(",1e-5,false,")).collect();
    assert_eq!((results.lines().count(), failed.len()), (1 + 6 * 4, 6 * 2), "{results}");
}
