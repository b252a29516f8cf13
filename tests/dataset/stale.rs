//! A mesh file that changes between two runs of one recipe: noticed, by name, before anything is made or kept.

use std::path::Path;

use crate::command::{digests, ok, output, refused};

const RECIPE: &str = "family = \"elliptic\"\nsamples = 8\npart_size = 4\n[elliptic.mesh]\nfile = \"m.msh\"\n";

/// A recipe with its mesh file.
fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("r.toml"), RECIPE).unwrap();
    mesh(dir.path(), "0.02");
    dir
}

/// Another mesh under the same name.
fn mesh(at: &Path, area: &str) {
    ok(at, &["mesh", "--shape", "square", "--area", area, "-o", "m.msh", "--force"]);
}

/// How many parts there are of r.h5.
fn parts(at: &Path) -> usize {
    let entries = std::fs::read_dir(at.join("r.h5.parts")).unwrap();
    entries.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "h5")).count()
}

#[test]
fn a_changed_mesh_is_not_complete_already() {
    let dir = place();
    let at = dir.path();
    ok(at, &["generate", "r.toml"]);
    let first = digests(&at.join("r.h5"));
    let again = output(at, &["generate", "r.toml"]);
    assert!(String::from_utf8(again.stderr).unwrap().contains("complete already"));
    // The mesh is part of what the dataset says of itself.
    let text = ok(at, &["inspect", "r.h5"]);
    assert!(text.contains("m.msh"), "{text}");

    mesh(at, "0.01");
    let changed = ["m.msh", "has changed", "there", "here"];
    refused(at, &["generate", "r.toml"], 1, &[&changed[..], &["r.h5", "--force"]].concat());
    refused(at, &["generate", "--from", "r.h5", "-o", "other.h5"], 1, &changed);
    assert_eq!(digests(&at.join("r.h5")), first);
    assert!(!at.join("other.h5").exists() && !at.join("other.h5.parts").exists());
    ok(at, &["generate", "r.toml", "--force"]);
    assert_ne!(digests(&at.join("r.h5")), first);
    // The same content again is the same run, whatever its date.
    mesh(at, "0.02");
    ok(at, &["generate", "r.toml", "--force"]);
    assert_eq!(digests(&at.join("r.h5")), first);
    mesh(at, "0.02");
    ok(at, &["generate", "r.toml"]);
    ok(at, &["generate", "--from", "r.h5", "-o", "other.h5"]);
    assert_eq!(digests(&at.join("other.h5")), first);
}

#[test]
fn shards_of_another_mesh_are_refused_by_name() {
    let dir = place();
    let at = dir.path();
    ok(at, &["generate", "r.toml", "--shard", "1/2"]);
    mesh(at, "0.01");
    refused(at, &["generate", "r.toml", "--shard", "2/2"], 1, &["r.h5.parts", "m.msh has changed"]);
    refused(at, &["generate", "r.toml"], 1, &["r.h5.parts", "m.msh has changed"]);
    assert_eq!(parts(at), 1, "nothing was made");
    // Made elsewhere, the second is refused when they are joined.
    ok(at, &["generate", "r.toml", "--shard", "2/2", "-o", "b/r.h5"]);
    let line = refused(at, &["merge", "r.h5", "b/r.h5.parts"], 1, &["foreign part", "m.msh has changed"]);
    assert!(line.contains("part-00000.h5") && line.contains("part-00001.h5"), "{line}");
    assert!(!at.join("r.h5").exists());
    mesh(at, "0.02");
    ok(at, &["generate", "r.toml", "--shard", "2/2"]);
    ok(at, &["merge", "r.h5"]);
    assert_eq!(digests(&at.join("r.h5")).len(), 8);
}

#[test]
fn a_mesh_of_the_biharmonic_family_counts_as_well() {
    let dir = place();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE.replace("elliptic", "biharmonic")).unwrap();
    ok(at, &["generate", "r.toml"]);
    mesh(at, "0.01");
    refused(at, &["generate", "r.toml"], 1, &["r.h5", "m.msh has changed"]);
}
