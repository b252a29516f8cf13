//! Bad input and bad weather: one clear line, exit code not 0, nothing lost.

use std::path::Path;
use std::process::Command;

use fempipe::dataset::Dataset;
use fempipe::system::{Parts, SampleSource};

use crate::command::{alone, digests, finish, ok, output, refused};

const RECIPE: &str = "family = \"poisson\"\nsamples = 40\n[poisson]\nlevel = 3\n";

fn dataset(at: &Path) -> std::path::PathBuf {
    std::fs::write(at.join("r.toml"), RECIPE).unwrap();
    ok(at, &["generate", "r.toml"]);
    at.join("r.h5")
}

/// Flips the lowest bit of the `nth` (from 0) place where these bytes are in a file.
pub fn flip(file: &Path, bytes: &[u8], nth: usize) {
    let mut all = std::fs::read(file).unwrap();
    let places = all.windows(bytes.len()).enumerate().filter(|(_, w)| *w == bytes);
    let places: Vec<usize> = places.map(|(i, _)| i).collect();
    // With several equal values any of them will do.
    let at = places[nth.min(places.len() - 1)];
    all[at] ^= 1;
    std::fs::write(file, all).unwrap();
}

#[test]
fn truncated_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dataset(dir.path());
    let all = std::fs::read(&file).unwrap();
    for keep in [all.len() - 1, all.len() / 2, 100, 3, 0] {
        std::fs::write(&file, &all[..keep]).unwrap();
        let line = refused(dir.path(), &["inspect", "r.h5"], 1, &["r.h5"]);
        assert!(line.contains("truncated") || line.contains("not a fempipe dataset"), "{line}");
        let _guard = alone();
        assert!(Dataset::open(&file).is_err());
    }
}

#[test]
fn one_flipped_bit_names_the_sample() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let file = dataset(at);
    let whole = std::fs::read(&file).unwrap();
    let guard = alone();
    let sample = Dataset::open(&file).unwrap().read(17).unwrap();
    drop(guard);
    let entry = sample.matrix.values()[5].to_le_bytes();
    let solution = sample.solution.unwrap()[7].to_le_bytes();
    for bytes in [entry, solution] {
        std::fs::write(&file, &whole).unwrap();
        flip(&file, &bytes, 0);
        let line = refused(at, &["inspect", "--verify", "r.h5"], 1, &["r.h5", "was altered", "digest"]);
        assert!(line.contains("sample 17 "), "{line}");
        // Whoever reads the sample is told as well, and the others can still be had.
        let _guard = alone();
        let data = Dataset::open(&file).unwrap();
        let error = data.read(17).unwrap_err().to_string();
        assert!(error.contains("sample 17 was altered"), "{error}");
        assert!(data.load(&[16, 17, 18], &Parts::all()).is_err());
        data.load(&[16, 18], &Parts::all()).unwrap();
    }
}

#[test]
fn every_bit_of_the_arrays_is_guarded() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE.replace("samples = 40", "samples = 3")).unwrap();
    ok(at, &["generate", "r.toml", "--set", "poisson.level=2"]);
    let file = at.join("r.h5");
    let whole = std::fs::read(&file).unwrap();
    let guard = alone();
    let data = Dataset::open(&file).unwrap();
    let sample = data.read(2).unwrap();
    let mesh = data.mesh().unwrap().clone();
    drop((data, guard));
    let mut targets: Vec<[u8; 8]> = sample.fields.iter().map(|f| f.values[f.values.len() / 2].to_le_bytes()).collect();
    targets.extend(sample.params.iter().map(|p| p.1.to_le_bytes()));
    targets.push(mesh.points[mesh.points.len() / 2].to_le_bytes());
    for bytes in targets {
        std::fs::write(&file, &whole).unwrap();
        flip(&file, &bytes, 0);
        let out = output(at, &["inspect", "--verify", "r.h5"]);
        assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stdout));
    }
}

#[test]
fn other_files_and_other_versions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    refused(at, &["inspect", "none.h5"], 1, &["none.h5", "No such file"]);
    refused(at, &["inspect", "."], 1, &["directory"]);
    std::fs::write(at.join("text.h5"), "these are words, not numbers").unwrap();
    refused(at, &["inspect", "text.h5"], 1, &["text.h5", "not a fempipe dataset"]);
    let guard = alone();
    let other = hdf5::File::create(at.join("other.h5")).unwrap();
    other.close().unwrap();
    drop(guard);
    refused(at, &["inspect", "other.h5"], 1, &["other.h5", "not a fempipe dataset"]);
    let file = dataset(at);
    let guard = alone();
    let newer = hdf5::File::open_rw(&file).unwrap();
    newer.attr("format_version").unwrap().write_scalar(&3u32).unwrap();
    newer.close().unwrap();
    drop(guard);
    refused(at, &["inspect", "r.h5"], 1, &["r.h5", "format version 3", "reads versions 1 to 2"]);
}

#[test]
fn bad_recipes_and_arguments_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let cases = [
        ("family = \"poisson\"\nsampels = 5\n", "unknown key 'sampels'"),
        ("family = \"poisson\"\n[poisson]\nlevle = 3\n", "levle"),
        ("family = \"poisson\"\n[poisson]\nlevel = 0\n", "level"),
        ("family = \"poisson\"\nsamples = -3\n", "samples = -3"),
        ("family = \"nope\"\n", "nope"),
        ("family = \"poisson\nsamples = 3\n", "line 1"),
    ];
    for (text, word) in cases {
        std::fs::write(at.join("bad.toml"), text).unwrap();
        refused(at, &["generate", "bad.toml"], 1, &["bad.toml", word]);
    }
    refused(at, &["generate", "none.toml"], 1, &["none.toml", "No such file"]);
    refused(at, &["generate", "--family", "poisson", "--samples", "-3"], 1, &["samples = -3"]);
    refused(at, &["generate", "--family", "poisson", "--samples", "0"], 1, &["samples = 0"]);
    refused(at, &["generate", "--family", "poisson", "--level", "0"], 1, &["level"]);
    let alone = output(at, &["generate"]);
    assert!(alone.status.code() == Some(2) && String::from_utf8_lossy(&alone.stderr).contains("--family"));
    refused(at, &["generate", "--family", "poisson", "--shard", "3/2"], 2, &["--shard"]);
    refused(at, &["inspect"], 2, &["FILE"]);
    let left: Vec<_> = std::fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["bad.toml"], "a refused command leaves nothing behind");
}

#[test]
fn an_unwritable_output_is_told_before_the_work() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let big = ["generate", "--family", "poisson", "--level", "3", "--samples", "4000000", "-o"];
    for target in ["/proc/no/d.h5", "file/d.h5"] {
        let args = [&big[..], &[target]].concat();
        refused(dir.path(), &args, 1, &[target, "cannot create"]);
    }
}

/// A small file system of its own; unmounted when dropped.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mount = format!("mount -t tmpfs -o size={size} tmpfs \"$0\"");
        let done = finish(Command::new("sh").args(["-c", &mount]).arg(at));
        done.status.success().then_some(Tmpfs(at))
    }

    fn resize(&self, size: &str) {
        let size = format!("remount,size={size}");
        let done = finish(Command::new("mount").args(["-o", &size]).arg(self.0));
        assert!(done.status.success());
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        finish(Command::new("umount").arg(self.0));
    }
}

#[test]
fn a_full_disk_loses_nothing_finished() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE.replace("samples = 40", "samples = 2000\npart_size = 50")).unwrap();
    ok(at, &["generate", "r.toml", "-o", "whole.h5"]);
    let size = std::fs::metadata(at.join("whole.h5")).unwrap().len();
    let small = at.join("small");
    let Some(disk) = Tmpfs::mount(&small, &format!("{}", size / 2)) else {
        println!("skipped: a small tmpfs cannot be mounted here (no root?)");
        return;
    };
    let command = ["generate", "r.toml", "-o", "small/d.h5"];
    let shard = ["generate", "r.toml", "-o", "small/d.h5", "--shard", "1/1"];
    let says = ["small/d.h5.parts", "No space left", "goes on"];
    // At once, and no space is kept.
    refused(at, &command, 1, &says);
    assert!(!small.join("d.h5.parts/unfinished.tmp").exists());
    // Rows fit, what stands around them does not.
    disk.resize(&(size + (100 << 10)).to_string());
    refused(at, &command, 1, &says);
    disk.resize(&(2 * size).to_string());
    let told = ok(at, &[&command[..], &["--json"]].concat());
    assert!(told.contains("\"made\":0"), "{told}");
    assert_eq!(digests(&small.join("d.h5")), digests(&at.join("whole.h5")));
    std::fs::remove_file(small.join("d.h5")).unwrap();
    // First the parts do not fit, then the joined file does not.
    for (command, space) in [(&shard[..], size / 2), (&command, size + size / 2)] {
        disk.resize(&space.to_string());
        let before = count_parts(&small);
        refused(at, command, 1, &says);
        assert!(count_parts(&small) > before && !small.join("d.h5").exists());
    }
    disk.resize(&(4 * size).to_string());
    ok(at, &command);
    assert_eq!(digests(&small.join("d.h5")), digests(&at.join("whole.h5")));
}

fn count_parts(disk: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(disk.join("d.h5.parts")) else {
        return 0;
    };
    entries.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "h5")).count()
}

#[test]
fn a_pattern_that_is_not_square_is_refused_by_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dataset(dir.path());
    let guard = alone();
    let h5 = hdf5::File::open_rw(&file).unwrap();
    h5.group("pattern").unwrap().attr("shape").unwrap().write_raw(&[48_i64, 49]).unwrap();
    drop((h5, guard));
    std::fs::write(dir.path().join("t.toml"), "model = \"nsls\"\ndata = \"r.h5\"\n").unwrap();
    for args in [&["train", "t.toml"][..], &["solve", "r.h5"], &["evaluate", "--data", "r.h5"]] {
        refused(dir.path(), args, 1, &["r.h5", "48 × 49: A must be square"]);
    }
}
