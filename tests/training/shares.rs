//! An evaluation that several processes share.

use serde_json::Value;

use crate::setup::{Place, data};

const ROWS: &str = "rtol = [1e-5, 1e-8]\nrepeats = 2\n[[row]]\nksp = 'cg'\npc = ['icc', 'jacobi', 'none']\n";

/// What of results.csv is no time.
fn counts(place: &Place, dir: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(place.path(dir).join("results.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().unwrap().clone();
    let keep = |name: &str| !name.contains("seconds") && name != "spread";
    let pick =
        |r: csv::StringRecord| head.iter().zip(&r).filter(|(name, _)| keep(name)).map(|(_, v)| v.to_string()).collect();
    reader.records().map(|r| pick(r.unwrap())).collect()
}

fn share<'a>(i: &'a str, dir: &'a str) -> [&'a str; 6] {
    ["evaluate", "e.toml", "-o", dir, "--shard", i]
}

#[test]
fn shares_merge_into_the_evaluation_of_one_process() {
    let place = Place::new();
    std::fs::write(place.path("e.toml"), format!("data = [{:?}]\n{ROWS}", data())).unwrap();
    place.ok(&["evaluate", "e.toml", "-o", "whole"]);
    let mut running: Vec<_> = ["1/4", "2/4", "3/4", "4/4"].iter().map(|i| place.spawn(&share(i, "e"))).collect();
    assert!(running.iter_mut().all(|child| child.wait().unwrap().success()));
    assert!(!place.path("e").exists(), "shares alone are no evaluation");
    let table = place.ok(&["merge", "e"]);
    assert!(table.contains("fewest iterations"), "{table}");
    assert!(counts(&place, "e") == counts(&place, "whole"));
    assert!(!place.path("e.shards").exists());
    let told = place.ok(&["evaluate", "e.toml", "-o", "e"]);
    assert!(told.contains("360 of 360") || told.contains("240 of 240"), "nothing is measured again: {told}");
}

#[test]
fn ranks_are_shares_and_one_that_was_killed_goes_on() {
    let place = Place::new();
    std::fs::write(place.path("e.toml"), format!("data = [{:?}]\n{ROWS}", data())).unwrap();
    for rank in ["0", "1"] {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_fempipe"));
        process.current_dir(place.path("")).args(["evaluate", "e.toml", "-o", "e"]);
        process.env("OMPI_COMM_WORLD_RANK", rank).env("OMPI_COMM_WORLD_SIZE", "2");
        assert!(process.output().unwrap().status.success());
    }
    // As a kill leaves it: cells, the last of them cut short, and no note that it is whole.
    let own = place.path("e.shards/2-of-2");
    std::fs::remove_file(own.join("shard.json")).unwrap();
    let journal = std::fs::read(own.join("journal.jsonl")).unwrap();
    std::fs::write(own.join("journal.jsonl"), &journal[..journal.len() / 2]).unwrap();
    let error = place.fails(&["merge", "e"]);
    assert!(error.contains("2-of-2") && error.contains("is not whole") && error.contains("--shard 2/2"), "{error}");
    place.ok(&share("2/2", "e"));
    place.ok(&["merge", "e"]);
    place.ok(&["evaluate", "e.toml", "-o", "whole"]);
    assert!(counts(&place, "e") == counts(&place, "whole"));
}

#[test]
fn missing_doubled_foreign_and_altered_shares_are_named() {
    let place = Place::new();
    std::fs::write(place.path("e.toml"), format!("data = [{:?}]\n{ROWS}", data())).unwrap();
    std::fs::write(place.path("other.toml"), format!("data = [{:?}]\nsamples = 3\n{ROWS}", data())).unwrap();
    let fails = |parts: &[&str]| {
        let error = place.fails(&["merge", "e"]);
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
        assert!(!place.path("e").exists());
    };
    place.ok(&share("1/2", "e"));
    fails(&["e.shards", "has no share 2/2"]);
    place.ok(&["evaluate", "other.toml", "-o", "e", "--shard", "2/2"]);
    fails(&["of-2", "is a share of another evaluation"]);
    std::fs::remove_dir_all(place.path("e.shards/2-of-2")).unwrap();
    place.ok(&share("2/3", "e"));
    fails(&["of-", "is a share of another evaluation"]);
    std::fs::remove_dir_all(place.path("e.shards/2-of-3")).unwrap();
    place.ok(&share("2/2", "e"));
    std::fs::create_dir(place.path("e.shards/mine")).unwrap();
    fails(&["mine", "is no share"]);
    std::fs::remove_dir(place.path("e.shards/mine")).unwrap();
    let path = place.path("e.shards/1-of-2/journal.jsonl");
    let journal = std::fs::read(&path).unwrap();
    std::fs::write(&path, &journal[..journal.len() - 9]).unwrap();
    fails(&["1-of-2", "has changed since it was measured"]);
    std::fs::write(&path, &journal).unwrap();
    place.ok(&["merge", "e"]);
    let summary: Value = serde_json::from_slice(&std::fs::read(place.path("e/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["interrupted"], false);
    for wrong in ["0/2", "3/2", "x"] {
        assert!(!place.run(&share(wrong, "f")).status.success());
    }
}

/// What mpirun does, as far as a share sees it.
const MPIRUN: &str = "#!/bin/sh\nn=$2\nshift 2\ni=0\nwhile [ $i -lt $n ]; do\n\
    OMPI_COMM_WORLD_RANK=$i OMPI_COMM_WORLD_SIZE=$n \"$@\" || exit 1\ni=$((i + 1))\ndone\n";

#[test]
fn a_submitted_job_starts_the_shares_and_merges_them() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    std::fs::write(place.path("e.toml"), format!("data = [{:?}]\n{ROWS}", data())).unwrap();
    let mpirun = place.path("mpirun");
    std::fs::write(&mpirun, MPIRUN).unwrap();
    std::fs::set_permissions(&mpirun, std::fs::Permissions::from_mode(0o755)).unwrap();
    let submit = ["submit", "--engine", "mpi", "--processes", "3"];
    let evaluate = ["--", "evaluate", "e.toml", "-o", "e"];
    let script = place.ok(&[&submit[..], &["--dry-run"], &evaluate].concat());
    assert!(script.contains("mpirun -n 3") && script.contains("merge e") && !place.path("e.job.sh").exists());
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_fempipe"));
    process.current_dir(place.path("")).args([&submit[..], &evaluate].concat());
    let path = std::env::var("PATH").unwrap();
    process.env("PATH", format!("{}:{path}", place.path("").display()));
    let out = process.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(std::fs::read_to_string(place.path("e.job.sh")).unwrap(), script);
    place.ok(&["--threads", "1", "evaluate", "e.toml", "-o", "whole"]);
    assert!(counts(&place, "e") == counts(&place, "whole"));
}
