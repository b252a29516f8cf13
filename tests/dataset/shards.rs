//! Several processes share the work; `merge` joins, and refuses what does not belong.

use std::path::Path;
use std::process::Stdio;

use crate::command::{alone, digests, fempipe, finish, ok, refused, spawn};

const RECIPE: &str = "family = \"poisson\"\nsamples = 95\nseed = 4\npart_size = 10\n[poisson]\nlevel = 2\n";

fn with_recipe() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("r.toml"), RECIPE).unwrap();
    dir
}

fn shards(at: &Path, count: usize, file: &str) {
    let mut children: Vec<_> = (1..=count)
        .map(|i| {
            let share = format!("{i}/{count}");
            let args = ["generate", "r.toml", "-q", "--shard", &share, "-o", file];
            spawn(fempipe(at, &args).stdout(Stdio::null()))
        })
        .collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn shards_give_the_same_digests() {
    let dir = with_recipe();
    let at = dir.path();
    ok(at, &["generate", "r.toml", "-o", "whole.h5"]);
    for count in [1, 2, 4] {
        let file = format!("s{count}.h5");
        shards(at, count, &file);
        assert!(!at.join(&file).exists(), "shards do not join");
        ok(at, &["merge", &file]);
        assert_eq!(digests(&at.join(&file)), digests(&at.join("whole.h5")));
        assert!(!at.join(format!("{file}.parts")).exists());
        ok(at, &["inspect", "--verify", &file]);
    }
}

#[test]
fn ranks_of_a_scheduler_are_shards() {
    let dir = with_recipe();
    let at = dir.path();
    for rank in ["0", "1"] {
        let mut child = fempipe(at, &["generate", "r.toml"]);
        child.env("OMPI_COMM_WORLD_RANK", rank).env("OMPI_COMM_WORLD_SIZE", "2");
        assert!(finish(&mut child).status.success());
    }
    ok(at, &["merge", "r.h5"]);
    assert_eq!(digests(&at.join("r.h5")).len(), 95);
}

#[test]
fn missing_doubled_and_foreign_parts_are_named() {
    let dir = with_recipe();
    let at = dir.path();
    refused(at, &["merge", "r.h5"], 1, &["r.h5", "no parts"]);
    shards(at, 2, "r.h5");
    let part = at.join("r.h5.parts/part-00004.h5");
    std::fs::rename(&part, at.join("kept.h5")).unwrap();
    refused(at, &["merge", "r.h5"], 1, &["missing", "part-00004.h5"]);
    std::fs::rename(at.join("kept.h5"), &part).unwrap();

    let double = at.join("r.h5.parts/part-00004-copy.h5");
    std::fs::copy(&part, &double).unwrap();
    refused(at, &["merge", "r.h5"], 1, &["part-00004-copy.h5", "part-00004.h5", "part 4"]);
    std::fs::remove_file(&double).unwrap();

    ok(at, &["generate", "r.toml", "--seed", "5", "--shard", "1/1", "-o", "other.h5"]);
    std::fs::copy(at.join("other.h5.parts/part-00007.h5"), &part).unwrap();
    refused(at, &["merge", "r.h5"], 1, &["part-00004.h5", "foreign", "seed = 4", "seed = 5"]);
    assert!(!at.join("r.h5").exists());
    // The process whose part it was makes it again once the foreign one is gone.
    std::fs::remove_file(&part).unwrap();
    shards(at, 2, "r.h5");
    ok(at, &["merge", "r.h5"]);
    assert_eq!(digests(&at.join("r.h5")).len(), 95);
}

#[test]
fn parts_from_several_directories_are_joined() {
    let dir = with_recipe();
    let at = dir.path();
    ok(at, &["generate", "r.toml", "--shard", "1/2", "-o", "a/r.h5"]);
    ok(at, &["generate", "r.toml", "--shard", "2/2", "-o", "b/r.h5"]);
    ok(at, &["merge", "r.h5", "a/r.h5.parts", "b/r.h5.parts"]);
    ok(at, &["generate", "r.toml", "-o", "whole.h5"]);
    assert_eq!(digests(&at.join("r.h5")), digests(&at.join("whole.h5")));
    assert!(at.join("a/r.h5.parts").exists(), "other directories are not ours to remove");
}

#[test]
fn an_altered_part_is_named_and_nothing_is_joined() {
    let dir = with_recipe();
    let at = dir.path();
    shards(at, 1, "r.h5");
    let part = at.join("r.h5.parts/part-00003.h5");
    let guard = alone();
    let data = fempipe::dataset::Dataset::open(&part).unwrap();
    let value = data.read(2).unwrap().matrix.values()[0];
    drop((data, guard));
    crate::errors::flip(&part, &value.to_le_bytes(), 1);
    refused(at, &["merge", "r.h5"], 1, &["part-00003.h5", "sample 2 was altered"]);
    assert!(!at.join("r.h5").exists());
}
