//! A mesh file that changes between two runs of one recipe: noticed, by name, before anything is made or kept.

use std::path::Path;

use crate::command::{digests, ok, output, refused};
use crate::physics::npy;

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

#[test]
fn where_files_lie_makes_no_other_run() {
    let dir = place();
    let (top, at) = (dir.path(), dir.path().join("inner"));
    std::fs::create_dir(&at).unwrap();
    let w = "family = \"darcy\"\nsamples = 8\npart_size = 4\n[darcy]\ncells = 4\nw = \"w.npy\"\nf = \"a\"\n\
             [darcy.parameters]\na = { uniform = [1.0, 2.0] }\n";
    std::fs::write(top.join("w.toml"), w).unwrap();
    let array = |first: f64| npy(&top.join("w.npy"), "(5, 5)", (0..25).map(|k| first + f64::from(k)));
    array(1.0);
    for (recipe, file) in [("r", "m.msh"), ("w", "w.npy")] {
        let (toml, h5) = (format!("{recipe}.toml"), format!("{recipe}.h5"));
        let (up_toml, up_h5) = (format!("../{toml}"), format!("../{h5}"));
        ok(top, &["generate", &toml]);
        let whole = digests(&top.join(&h5));
        for (dir, args) in [(&*at, vec!["generate", &up_toml]), (&*at, vec!["generate", &up_toml, "-o", &up_h5])] {
            let again = output(dir, &args);
            let said = String::from_utf8(again.stderr).unwrap();
            assert!(said.contains("complete already") && again.status.success(), "{said}");
        }
        // Shares made in two directories, joined by the one or the other, or by neither.
        for joined in [&["generate", &toml, "-o", "s.h5"][..], &["merge", "s.h5"]] {
            ok(top, &["generate", &toml, "--shard", "1/2", "-o", "s.h5"]);
            ok(&at, &["generate", &up_toml, "--shard", "2/2", "-o", "../s.h5"]);
            ok(top, joined);
            assert_eq!(digests(&top.join("s.h5")), whole);
            ok(top, &["inspect", "--verify", "s.h5"]);
            std::fs::remove_file(top.join("s.h5")).unwrap();
        }
        ok(top, &["generate", &toml, "--shard", "1/2", "-o", "s.h5"]);
        ok(&at, &["generate", &up_toml, "--shard", "2/2", "-o", "t.h5"]);
        ok(top, &["merge", "s.h5", "inner/t.h5.parts"]);
        assert_eq!(digests(&top.join("s.h5")), whole);
        std::fs::remove_file(top.join("s.h5")).unwrap();
        std::fs::remove_dir_all(at.join("t.h5.parts")).unwrap();
        // Another content is, under any name, and is told by it.
        let old = std::fs::read(top.join(file)).unwrap();
        match recipe {
            "r" => mesh(top, "0.01"),
            _ => array(2.0),
        }
        let up_file = format!("../{file}");
        let says = [&up_h5, "another recipe", &up_file, &format!("what {file} held there"), "XXH3 "];
        refused(&at, &["generate", &up_toml, "-o", &up_h5], 1, &says);
        refused(top, &["generate", &toml], 1, &[&h5, &format!("{file} has changed: XXH3")]);
        let seed = ["generate", &up_toml, "-o", &up_h5, "--seed", "5"];
        refused(&at, &seed, 1, &["seed = 1 there, seed = 5 here"]);
        std::fs::write(top.join(file), old).unwrap();
        // What differs beside is told as before.
        refused(&at, &seed, 1, &["seed = 1 there, seed = 5 here"]);
    }
}
