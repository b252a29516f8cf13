//! The rules of the house, checked on the source: which room may use which, who names dfdx, who prints.

use std::path::{Path, PathBuf};

/// Rooms and the rooms they may use, besides [`FOR_ALL`] and themselves.
const LAYERS: [(&str, &[&str]); 24] = [
    // `inspect` and `solve` show datasets and solve one system: they have no room of their own.
    (
        "cli",
        &[
            "generate", "train", "evaluate", "families", "verify", "transfer", "draw", "models", "dataset",
            "mesh", "solver", "precond", "io", "system",
        ],
    ),
    // Labels are factors and eigenvectors.
    (
        "generate",
        &["families", "verify", "dataset", "precond", "io", "system"],
    ),
    ("verify", &[]),
    // An import is solved directly.
    ("transfer", &["dataset", "precond", "io", "system"]),
    ("draw", &["io", "system"]),
    (
        "train",
        &["models", "dataset", "solver", "precond", "io", "system"],
    ),
    (
        "evaluate",
        &["models", "dataset", "solver", "precond", "io", "system"],
    ),
    ("models", &["nn", "precond", "solver", "io", "system"]),
    ("nn", &[]),
    ("families", &["verify", "fem", "field", "mesh", "system"]),
    ("dataset", &["io", "system"]),
    // A space turns itself into what files keep of it.
    ("fem", &["mesh", "system"]),
    ("field", &["mesh"]),
    // A mesh comes from a file, and turns itself into what files keep of it.
    ("mesh", &["io", "system"]),
    ("solver", &[]),
    ("precond", &[]),
    ("io", &["system"]),
    ("system", &[]),
    ("linalg", &[]),
    ("entry", &[]),
    ("error", &[]),
    ("rng", &[]),
    ("interrupt", &[]),
    ("notation", &[]),
];

const FOR_ALL: [&str; 6] = ["linalg", "entry", "error", "rng", "interrupt", "notation"];

/// Every source file of the library with its room.
fn sources() -> Vec<(String, PathBuf)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut dirs, mut files) = (vec![src.clone()], Vec::new());
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let first = path.strip_prefix(&src).unwrap().components().next().unwrap();
                let room = Path::new(first.as_os_str()).file_stem().unwrap();
                files.push((room.to_str().unwrap().to_string(), path));
            }
        }
    }
    files.retain(|(room, _)| room != "lib" && room != "main");
    files.sort();
    files
}

/// Code lines with their numbers: no comments, nothing from the first test module on.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|l| l.trim() != "#[cfg(test)]")
        .enumerate()
        .map(|(i, l)| (i + 1, l.split("//").next().unwrap_or("")))
}

/// Rooms that a line names as `crate::room` or `crate::{room, …}`.
fn rooms_named(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let word = |s: &str| -> String {
            s.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        match rest.strip_prefix('{') {
            Some(group) => out.extend(group.split(',').map(|g| word(g.trim()))),
            None => out.push(word(rest)),
        }
    }
    out.retain(|r| LAYERS.iter().any(|(name, _)| name == r));
    out
}

fn may_use(room: &str, other: &str) -> bool {
    let allowed = LAYERS.iter().find(|(name, _)| *name == room);
    room == other || FOR_ALL.contains(&other) || allowed.is_some_and(|(_, list)| list.contains(&other))
}

/// "file:line: text" of every code line that breaks a rule.
fn offences(breaks: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    for (room, path) in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in code(&text).filter(|(_, l)| breaks(&room, l)) {
            out.push(format!("{}:{number}: {}", path.display(), line.trim()));
        }
    }
    out
}

#[test]
fn rooms_use_only_the_rooms_below() {
    let found = offences(|room, line| rooms_named(line).iter().any(|r| !may_use(room, r)));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_room_has_its_rule() {
    let unknown: Vec<_> = sources()
        .into_iter()
        .filter(|(room, _)| !LAYERS.iter().any(|(name, _)| name == room))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn only_nn_and_models_name_dfdx() {
    let found = offences(|room, line| !["nn", "models"].contains(&room) && line.contains("dfdx"));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn only_the_command_line_prints() {
    let prints = ["println!", "print!", "eprint!", "dbg!"];
    let found = offences(|room, line| room != "cli" && prints.iter().any(|p| line.contains(p)));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_scanner_sees_what_it_should() {
    assert_eq!(rooms_named("use crate::dataset::Dataset;"), ["dataset"]);
    assert_eq!(
        rooms_named("use crate::{solver::Stop, precond};"),
        ["solver", "precond"]
    );
    assert_eq!(
        rooms_named("let a = crate::models::f(crate::error::g());"),
        ["models", "error"]
    );
    assert!(may_use("cli", "generate") && may_use("fem", "linalg"));
    assert!(!may_use("solver", "precond") && !may_use("dataset", "models"));
    let text = "a // crate::x\n#[cfg(test)]\nb";
    assert_eq!(code(text).collect::<Vec<_>>(), [(1, "a ")]);
}
