//! A run is what it was started as: its recipe, its data, its checkpoints, one process at a time.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::setup::{Place, SMALL, data};

#[test]
fn another_recipe_is_refused_key_by_key() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--stop-after", "1"]);
    let file = place.path("run/recipe.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let edited = good.replace("epochs = 6", "epochs = 8").replace("probes = 2", "probes = 3");
    std::fs::write(&file, edited).unwrap();
    let error = place.fails(&["train", "--resume", "run"]);
    for words in
        ["run/recipe.toml: ", "epochs was 6 and is now 8", "mlp.probes was 2 and is now 3", "Change it back", "-o DIR"]
    {
        assert!(error.contains(words), "{words} is not in {error}");
    }
    std::fs::write(&file, good.replace("epochs = 6", "epoch = 6")).unwrap();
    let error = place.fails(&["train", "--resume", "run"]);
    assert!(error.contains("run/recipe.toml") && error.contains("unknown key 'epoch'"), "{error}");
    std::fs::write(&file, good).unwrap();
    place.ok(&["train", "--resume", "run"]);
}

#[test]
fn other_data_are_refused_and_moved_ones_taken() {
    let place = Place::new();
    let generate = |seed: &str, to: &str| {
        place.ok(&["generate", "--family", "poisson", "--level", "2", "--samples", "40", "--seed", seed, "-o", to]);
    };
    generate("1", "d.h5");
    std::fs::write(place.path("r.toml"), format!("data = \"d.h5\"\n{SMALL}")).unwrap();
    place.ok(&["train", "r.toml", "-o", "whole"]);
    place.ok(&["train", "r.toml", "-o", "run", "--stop-after", "2"]);
    let info = std::fs::read_to_string(place.path("run/run.json")).unwrap();
    assert!(info.contains("\"data_digests\": \"train "), "{info}");
    std::fs::rename(place.path("d.h5"), place.path("first.h5")).unwrap();
    generate("2", "d.h5");
    let error = place.fails(&["train", "--resume", "run"]);
    for words in ["last.safetensors", "started with other data (digests: train ", "d.h5 now holds (digests: train "] {
        assert!(error.contains(words), "{words} is not in {error}");
    }
    // The same data elsewhere are the same data.
    let recipe = std::fs::read_to_string(place.path("run/recipe.toml")).unwrap();
    std::fs::write(place.path("run/recipe.toml"), recipe.replace("/d.h5", "/first.h5")).unwrap();
    place.ok(&["train", "--resume", "run"]);
    let weights = |run: &str| place.checkpoint(&format!("{run}/last.safetensors")).weights;
    assert_eq!(weights("whole"), weights("run"));
}

#[test]
fn two_trainings_in_one_directory_are_one_too_many() {
    let place = Place::new();
    place.recipe("r.toml", &SMALL.replace("epochs = 6", "epochs = 1000000"));
    let mut first = place.spawn(&["train", "r.toml", "-o", "run"]);
    let start = Instant::now();
    while !place.path("run/metrics.jsonl").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "no epoch in a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
    for args in [
        &["train", "r.toml", "-o", "run"][..],
        &["train", "r.toml", "-o", "run", "--force"],
        &["train", "--resume", "run"],
    ] {
        let error = place.fails(args);
        assert!(error.contains(&format!("run: process {} is training here", first.id())), "{args:?}: {error}");
    }
    first.kill().unwrap();
    first.wait().unwrap();
    // A killed process holds no lock, and what it was writing is removed.
    std::fs::write(place.path("run/last.safetensors.tmp-12345"), "half").unwrap();
    std::fs::write(place.path("run/notes.tmp-1"), "mine").unwrap();
    place.ok(&["train", "--resume", "run", "--stop-after", "1"]);
    assert!(!place.path("run/last.safetensors.tmp-12345").exists() && place.path("run/notes.tmp-1").exists());
    assert!(!place.path("run/.lock").exists());
}

#[test]
fn a_missing_best_checkpoint_is_not_passed_over() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--epochs", "2"]);
    std::fs::remove_file(place.path("run/best.safetensors")).unwrap();
    let sample = data().to_str().unwrap();
    let evaluate = ["evaluate", "--data", sample, "--model", "run", "--ksp", "gmres", "--samples", "2", "-o", "e"];
    let solve = ["solve", sample, "--pc", "run", "--ksp", "gmres"];
    for args in [&evaluate[..], &solve] {
        let error = place.fails(args);
        for words in ["run: best.safetensors is missing", "that of epoch ", "run/last.safetensors"] {
            assert!(error.contains(words), "{words} is not in {error}");
        }
    }
    place.ok(&["solve", sample, "--pc", "run/last.safetensors", "--ksp", "gmres"]);
    // A run without a validation so far, interrupted in the first one, has no best one: that is told.
    std::fs::remove_file(place.path("run/metrics.jsonl")).unwrap();
    std::fs::copy(place.path("run/initial.safetensors"), place.path("run/last.safetensors")).unwrap();
    let note = "run: not validated yet, no best.safetensors: the weights of last.safetensors";
    for args in [&evaluate[..], &solve] {
        let out = place.run(args);
        let told = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.success() && told.contains(note), "{told}");
    }
    assert!(place.ok(&solve).contains(note));
    assert!(std::fs::read_to_string(place.path("e/results.csv")).unwrap().contains(note));
}

#[test]
fn an_altered_checkpoint_is_refused_by_resume_evaluate_and_solve() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--stop-after", "2"]);
    for name in ["run/last.safetensors", "run/best.safetensors"] {
        let mut bytes = std::fs::read(place.path(name)).unwrap();
        // A low bit of some weight.
        let at = bytes.len() - 400;
        bytes[at] ^= 1;
        std::fs::write(place.path(name), bytes).unwrap();
    }
    let sample = data().to_str().unwrap();
    for args in [
        &["train", "--resume", "run"][..],
        &["evaluate", "--data", sample, "--model", "run", "--ksp", "gmres"],
        &["solve", sample, "--model", "run", "--ksp", "gmres"],
    ] {
        let error = place.fails(args);
        assert!(error.contains(".safetensors") && error.contains("its digest is"), "{args:?}: {error}");
    }
}

/// The thousand draws for one such system take longer than what is allowed here.
#[test]
fn ctrl_c_ends_an_evaluation_with_draws_within_seconds() {
    let place = Place::new();
    place.ok(&["generate", "--family", "poisson", "--level", "7", "--samples", "12", "-o", "p7.h5"]);
    let recipe = crate::setup::GCVAE.replace("epochs = 6", "epochs = 1").replace("[gcvae]", "samples = 1\n[gcvae]");
    std::fs::write(place.path("r.toml"), format!("data = \"p7.h5\"\n{recipe}")).unwrap();
    place.ok(&["train", "r.toml", "-o", "run"]);
    let row = "[[row]]\nksp = \"cg\"\nmodel = \"run\"\ndraws = 1000\n";
    std::fs::write(place.path("e.toml"), format!("data = [\"p7.h5\"]\n{row}")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_fempipe"))
        .args(["evaluate", "e.toml", "-o", "e"])
        .current_dir(place.path(""))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let start = Instant::now();
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).to_string();
    assert_eq!(out.status.code(), Some(130), "{text}");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn several_datasets_are_trained_on_together() {
    let place = Place::new();
    place.ok(&["generate", "--family", "poisson", "--level", "2", "--samples", "20", "-o", "p.h5"]);
    place.ok(&["generate", "--family", "darcy", "--set", "darcy.cells=6", "--samples", "20", "-o", "d.h5"]);
    let head = |more: &str| {
        format!(
            "model = \"precorrector\"\ndata = \"p.h5\"\nmore_data = {more}\nepochs = 4\nbatch_size = 3\nsamples = 10\n\
             validation = {{ ksp = \"cg\", samples = 2 }}\n"
        )
    };
    std::fs::write(place.path("r.toml"), head("[\"d.h5\"]")).unwrap();
    place.ok(&["train", "r.toml", "-o", "whole"]);
    place.ok(&["train", "r.toml", "-o", "run", "--stop-after", "1"]);
    place.ok(&["train", "--resume", "run"]);
    let weights = |run: &str| place.checkpoint(&format!("{run}/last.safetensors")).weights;
    assert_eq!(weights("whole"), weights("run"));
    let info: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("run/run.json")).unwrap()).unwrap();
    assert_eq!((&info["training_samples"], &info["validation_samples"]), (&20.into(), &4.into()));
    let digests = info["data_digests"].as_str().unwrap();
    assert_eq!(digests.matches("train ").count(), 2, "{digests}");
    // One alone is another run.
    std::fs::write(place.path("one.toml"), head("[]")).unwrap();
    place.ok(&["train", "one.toml", "-o", "one"]);
    assert_ne!(weights("whole"), weights("one"));
    for (more, words) in
        [("[\"p.h5\"]", "more_data[0]"), ("[\"d.h5\", \"d.h5\"]", "more_data[1]"), ("[\"no.h5\"]", "no.h5")]
    {
        std::fs::write(place.path("bad.toml"), head(more)).unwrap();
        let error = place.fails(&["train", "bad.toml", "-o", "bad"]);
        assert!(error.contains(words), "{error}");
    }
}
