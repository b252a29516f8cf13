//! Settings of the wrong type or out of range are named: table, key, value, and what would be right.

use fempipe::entry::Registry;
use fempipe::models::{self, constants};
use fempipe::{families, precond, solver};
use toml::{Table, Value};

use crate::setup::{GCVAE, Place};

/// Keys of a table with their values, those of tables within included.
fn keys(table: &Table) -> Vec<(Vec<String>, Value)> {
    let mut out = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                let inner = keys(inner).into_iter();
                out.extend(inner.map(|(path, value)| ([vec![key.clone()], path].concat(), value)));
            }
            value => out.push((vec![key.clone()], value.clone())),
        }
    }
    out
}

/// The table with another value at a path.
fn with(table: &Table, path: &[String], value: Value) -> Table {
    let mut out = table.clone();
    let (last, tables) = path.split_last().unwrap();
    let mut at = &mut out;
    for key in tables {
        at = at[key].as_table_mut().unwrap();
    }
    at.insert(last.clone(), value);
    out
}

/// Every key of every member with values of the wrong type, or of a wrong sign: an error names the key and the member.
fn refused<T: ?Sized>(members: &Registry<T>) -> usize {
    let mut count = 0;
    for entry in members.shipped() {
        let defaults = (entry.defaults)();
        for (path, default) in keys(&defaults) {
            let mut wrong = vec![Value::Datetime("1979-05-27".parse().unwrap())];
            match default {
                Value::Integer(_) => {
                    wrong.extend([Value::from(-1), Value::from(i64::MIN), Value::from("a"), Value::from(2.5)]);
                }
                Value::Float(_) => wrong.extend([Value::from("a"), Value::from(true)]),
                Value::Boolean(_) => wrong.extend([Value::from("a"), Value::from(1)]),
                Value::String(_) => wrong.extend([Value::from("no such"), Value::from(true)]),
                Value::Array(_) => wrong.extend([Value::from("a"), Value::from(vec![Value::from(true)])]),
                _ => {}
            }
            for value in wrong {
                let table = with(&defaults, &path, value.clone());
                let error = entry.parse(&table, "r.toml").err().map(|e| e.to_string());
                let error = error.unwrap_or_else(|| panic!("{}.{} = {value} is taken", entry.name, path.join(".")));
                let key = path.last().unwrap();
                assert!(error.contains(key.as_str()), "{}.{} = {value}: {error}", entry.name, path.join("."));
                assert!(error.contains(entry.name), "{}.{} = {value}: {error}", entry.name, path.join("."));
                // "f64" is also a value that stands to choose; of types nobody is told.
                let error = error.replace("`f64`", "");
                assert!(!error.contains("usize") && !error.contains("f64") && !error.contains('\n'), "{error}");
                count += 1;
            }
        }
    }
    count
}

#[test]
fn of_every_member_of_every_table() {
    // So many that a table without keys would be missed.
    let counts = [
        refused(&models::ENTRIES),
        refused(&families::ENTRIES),
        refused(&precond::ENTRIES),
        refused(&solver::ENTRIES),
        refused(&constants::ENTRIES),
    ];
    assert!(counts.iter().zip([200, 100, 50, 20, 10]).all(|(&count, least)| count >= least), "{counts:?}");
}

#[test]
fn of_recipes_and_texts_say_what_would_be_right() {
    let place = Place::new();
    place.recipe("r.toml", GCVAE);
    for (set, words) in [
        ("gcvae.width=-1", "[gcvae] width = -1: must be a whole number, 0 or larger"),
        ("gcvae.width=a", "[gcvae] width = \"a\": must be a whole number, 0 or larger"),
        ("gcvae.extra=a", "[gcvae] extra = \"a\": must be a number"),
        ("gcvae.inverse=full", "[gcvae] inverse = \"full\": must be `probes` or `dense`"),
        ("gcvae.nodes=9", "gcvae.nodes = 9: has no meaning without images"),
        ("optimizer.lr=a", "lr"),
        ("batch_size=-3", "batch_size"),
        ("memory_mib=-3", "memory_mib"),
        ("epochs=9000000000000000000", "epochs = 9e18: must be from 1 to"),
        ("cache_mib=9000000000000000000", "cache_mib = 9e18: must be at most"),
        ("validation.ksp=gmres(a)", "[gmres] restart = \"a\": must be a whole number"),
    ] {
        let error = place.fails(&["train", "r.toml", "-o", "run", "--set", set]);
        assert!(error.contains(words), "{set}: {error}");
    }
    let data = crate::setup::data().to_str().unwrap();
    let error = place.fails(&["solve", data, "--pc", "bjacobi(2, inner = icc(-1))"]);
    assert!(error.contains("[icc] levels = -1: must be a whole number"), "{error}");
}

#[test]
fn of_images_go_with_images_alone() {
    let place = Place::new();
    place.recipe("r.toml", GCVAE);
    place.ok(&["train", "r.toml", "--epochs", "1", "--set", "gcvae.decoder=image", "--set", "gcvae.nodes=9"]);
    let error = place.fails(&["train", "r.toml", "-o", "b", "--set", "gcvae.inverse=dense", "--set", "gcvae.nodes=8"]);
    assert!(error.contains("expected 8, found 9"), "{error}");
}
