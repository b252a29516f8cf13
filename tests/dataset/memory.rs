//! A dataset four times larger than the memory allowed trains, to the bits of a training with enough memory.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output};

use fempipe::dataset::{Dataset, Header, Record, Shape, Sizes, Totals, Writer, split};
use fempipe::families;
use fempipe::models::Checkpoint;

use crate::command::{alone, finish, ok};

/// Address space of the limited training, in KiB: program, threads and stacks included.
const ALLOWED: u64 = 96 << 10;

/// Samples of the dataset, 309 KiB each.
const SAMPLES: usize = 1300;

/// Light on everything but the samples.
const RECIPE: &str = "model = \"nsls\"\ndata = \"large.h5\"\nepochs = 1\nbatch_size = 4\n\
    [validation]\nsamples = 8\nksp = { type = \"cg\" }\nmax_it = 100\n\
    [nsls]\nwidth = 2\nblocks = 1\niterates = 1\n";

fn write(path: &Path) {
    let _guard = alone();
    let family = families::build("darcy", &toml::toml! { cells = 64 }, "this test").unwrap();
    let mut sampler = family.sampler().unwrap();
    let shape = Shape::of(&sampler.sample(1, 0).unwrap(), family.pattern(), family.mesh());
    let header = Header {
        description: family.description(),
        recipe: String::new(),
        seed: 1,
        fempipe_version: "0.0.0".into(),
        samples: SAMPLES,
        origin: 0,
        files: vec![],
        part: None,
    };
    let mut writer = Writer::create(path, header, shape, &Totals::default(), false).unwrap();
    for i in 0..SAMPLES as u64 {
        writer.push(&Record::new(sampler.sample(1, i).unwrap(), 0.0)).unwrap();
    }
    writer.finish(&split::split(&Sizes::default(), SAMPLES, 1, 1).unwrap()).unwrap();
}

/// Runs `fempipe` with [`ALLOWED`] KiB of address space.
fn limited(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("ulimit -v {ALLOWED}; exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_fempipe"))
        .args(args)
        // Each thread's own heap would reserve 64 MiB of addresses.
        .env("MALLOC_ARENA_MAX", "1")
        .current_dir(dir);
    finish(&mut command)
}

/// Weights, optimiser, counters, losses; seconds differ from run to run.
fn outcome(dir: &Path, run: &str) -> (Checkpoint, Vec<serde_json::Value>) {
    let mut checkpoint = Checkpoint::read(&dir.join(run).join("last.safetensors")).unwrap();
    checkpoint.progress.seconds = 0.0;
    checkpoint.metrics.clear();
    let metrics = std::fs::read_to_string(dir.join(run).join("metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|l| {
        let mut line: serde_json::Value = serde_json::from_str(l).unwrap();
        for key in ["seconds", "validation_seconds"] {
            line.as_object_mut().unwrap().remove(key);
        }
        line
    });
    (checkpoint, lines.collect())
}

#[test]
fn a_dataset_larger_than_memory_trains_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let file = at.join("large.h5");
    write(&file);
    assert!(std::fs::metadata(&file).unwrap().len() >= 4 * 1024 * ALLOWED);
    std::fs::write(at.join("r.toml"), RECIPE).unwrap();
    ok(at, &["train", "r.toml", "-o", "free", "--threads", "2"]);
    let args = ["train", "r.toml", "--threads", "2", "--set"];
    let out = limited(at, &[&args[..], &["cache_mib=8", "-o", "limited"]].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(outcome(at, "free"), outcome(at, "limited"));
    // The limit is one: with nothing given up there is not enough.
    let out = limited(at, &[&args[..], &["cache_mib=4096", "-o", "greedy"]].concat());
    assert!(!out.status.success());
    let guard = alone();
    assert_eq!(Dataset::open(&file).unwrap().len(), SAMPLES);
    drop(guard);
}
