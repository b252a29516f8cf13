//! Every family: generated, verified, reloaded; the same digests for 1 and 2 threads and after a kill.

use std::process::Stdio;
use std::time::Duration;

use fempipe::dataset::Dataset;
use fempipe::families;
use fempipe::generate::Recipe;

use crate::command::{alone, digests, fempipe, ok, spawn};

/// Small tables, at least one a family.
const TABLES: [(&str, &str); 13] = [
    ("biharmonic", "grid = 3"),
    ("darcy", "cells = 9"),
    ("darcy", "cells = 9\ndiscretisation = 'fd'\nmedium = 'two-phase'"),
    ("elliptic", "mesh.area = 0.02"),
    ("frame", "cells = [[2, 4], [2, 4], [2, 3]]"),
    ("heat", "cells = 9\nsteps = 7"),
    ("heat", "cells = 9\nsteps = 3\nkeep = 'trajectory'"),
    ("heat", "cells = 9\nsteady = true"),
    ("helmholtz", "cells = 12"),
    ("helmholtz", "cells = 9\nkind = 'absorbing'"),
    ("helmholtz", "cells = 9\nkind = 'shifted'"),
    ("poisson", "level = 3"),
    ("tridiagonal", "n = 20"),
];

#[test]
fn every_family_has_the_same_digests_for_any_threads_and_after_a_kill() {
    for entry in families::ENTRIES.shipped() {
        assert!(TABLES.iter().any(|t| t.0 == entry.name), "no table for {}", entry.name);
    }
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (family, keys) in TABLES {
        let recipe = format!("family = '{family}'\nsamples = 24\nseed = 3\npart_size = 5\n[{family}]\n{keys}\n");
        std::fs::write(at.join("r.toml"), recipe).unwrap();
        ok(at, &["generate", "r.toml", "-q", "--threads", "1", "--force", "-o", "one.h5"]);
        ok(at, &["generate", "r.toml", "-q", "--threads", "2", "--force", "-o", "two.h5"]);
        let expected = digests(&at.join("one.h5"));
        assert_eq!(digests(&at.join("two.h5")), expected, "{family}: {keys}");
        let mut command = fempipe(at, &["generate", "r.toml", "-q", "-o", "killed.h5"]);
        let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        std::thread::sleep(Duration::from_millis(60));
        child.kill().unwrap();
        child.wait().unwrap();
        ok(at, &["generate", "r.toml", "-q", "--force", "-o", "killed.h5"]);
        assert_eq!(digests(&at.join("killed.h5")), expected, "{family}: {keys}");
        ok(at, &["inspect", "--verify", "killed.h5"]);
        // As the family makes it.
        let guard = alone();
        let data = Dataset::open(at.join("one.h5")).unwrap();
        let read = data.read(17).unwrap();
        drop((data, guard));
        let recipe = Recipe::parse(&std::fs::read_to_string(at.join("r.toml")).unwrap(), "r.toml").unwrap();
        let made = recipe.family().unwrap();
        let made = made.sampler().unwrap().sample(recipe.streams(&*made).unwrap(), 17).unwrap();
        assert_eq!(read.matrix.values(), made.matrix.values(), "{family}: {keys}");
        assert_eq!((&read.rhs, &read.solution), (&made.rhs, &made.solution));
        assert_eq!((&read.fields, &read.params), (&made.fields, &made.params));
        std::fs::remove_file(at.join("killed.h5")).unwrap();
    }
}
