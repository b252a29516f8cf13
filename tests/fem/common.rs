//! What holds for every family.

use fempipe::families::{self, Family};
use fempipe::linalg::vector::norm2;
use fempipe::system::LinearSystem;

/// The family of these keys.
pub fn family(name: &str, keys: &str) -> Box<dyn Family> {
    families::build(name, &keys.parse().unwrap(), "test").unwrap()
}

/// Sample `index` of seed 1.
pub fn sample(name: &str, keys: &str, index: u64) -> LinearSystem {
    family(name, keys).sampler().unwrap().sample(1, index).unwrap()
}

/// The drawn parameter called `name`.
pub fn param(s: &LinearSystem, name: &str) -> f64 {
    s.params.iter().find(|p| p.0 == name).unwrap().1
}

/// ‖b − A x‖₂ / ‖b‖₂ of the stored solution.
pub fn residual(s: &LinearSystem) -> f64 {
    let mut r = vec![0.0; s.n()];
    s.matrix.residual(&s.rhs, s.solution.as_ref().unwrap(), &mut r);
    norm2(&r) / norm2(&s.rhs)
}

/// ‖a − b‖₂ / ‖b‖₂.
pub fn difference(a: &[f64], b: &[f64]) -> f64 {
    norm2(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>()) / norm2(b)
}

/// Keys that are refused, with what the one-line message must name.
pub fn refused(name: &str, cases: &[(&str, &str)]) {
    for (keys, expected) in cases {
        let message = match families::build(name, &keys.parse().unwrap(), "r.toml") {
            Ok(_) => panic!("{keys} was accepted"),
            Err(e) => e.to_string(),
        };
        assert!(
            message.starts_with("r.toml: ") && message.contains(expected) && !message.contains('\n'),
            "{keys}: {message}"
        );
    }
}

/// Every number of a sample the same.
pub fn same(a: &LinearSystem, b: &LinearSystem) -> bool {
    a.matrix.values() == b.matrix.values()
        && a.rhs == b.rhs
        && a.solution == b.solution
        && a.fields == b.fields
        && a.params == b.params
}

/// Samples in whatever order, by one sampler or a fresh one, are the same; other indices and seeds give others.
pub fn depends_on_seed_and_index_alone(f: &dyn Family) {
    let mut sampler = f.sampler().unwrap();
    let forward: Vec<_> = (0..10).map(|i| sampler.sample(9, i).unwrap()).collect();
    for i in [9, 2, 3, 1, 7, 4, 6, 5, 8, 0u64] {
        assert!(same(&sampler.sample(9, i).unwrap(), &forward[i as usize]), "{i}");
        let alone = f.sampler().unwrap().sample(9, i).unwrap();
        assert!(same(&alone, &forward[i as usize]), "{i}, a fresh sampler");
    }
    assert!(!same(&forward[0], &forward[1]));
    assert!(!same(&sampler.sample(10, 0).unwrap(), &forward[0]));
}
