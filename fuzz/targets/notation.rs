//! `name(value, key = value)`: what is read is written and reads back as itself; a preconditioner that is read is made
//! for a small matrix.
#![no_main]

use fempipe::linalg::Csr;
use fempipe::models::constants;
use fempipe::notation::{Kind, Spec, list};
use fempipe::{precond, solver};
use libfuzzer_sys::fuzz_target;

fn read<T: Kind + ?Sized>(text: &str) -> Option<Spec<T>> {
    let spec = text.parse::<Spec<T>>().ok()?;
    let mut table = toml::Table::new();
    table.insert("spec".into(), toml::Value::try_from(&spec).unwrap());
    let written = toml::to_string(&table).unwrap();
    let again: toml::Table = toml::from_str(&written).unwrap();
    let again: Spec<T> = again["spec"].clone().try_into().unwrap();
    assert!(again == spec, "{written}");
    Some(spec)
}

fn laplacian(n: usize) -> Csr {
    let near = |i: usize| [(i, i, 2.1), (i, (i + 1) % n, -1.0), ((i + 1) % n, i, -1.0)];
    Csr::from_triplets(n, n, &(0..n).flat_map(near).collect::<Vec<_>>()).unwrap()
}

fuzz_target!(|text: &str| {
    for item in list(text) {
        let _ = read::<dyn solver::KrylovMethod>(item);
        let _ = item.parse::<constants::Spec>();
        if let Some(spec) = read::<dyn precond::Preconditioner>(item) {
            let _ = spec.build(&laplacian(12));
        }
    }
});
