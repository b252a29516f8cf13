//! Killed, interrupted or told to stop, a run ends with the weights of an unbroken one, bit for bit.

use std::time::{Duration, Instant};

use fempipe::models::Checkpoint;

use crate::setup::{FACTOR, GCVAE, NSLS, PRECORRECTOR, Place, SMALL, SPAI_GNN, STENCIL};

/// Weights, optimiser and counters; seconds differ from run to run.
fn comparable(mut c: Checkpoint) -> Checkpoint {
    c.progress.seconds = 0.0;
    c.metrics = String::new();
    c.recipe = String::new();
    c
}

/// Lines of metrics.jsonl without their seconds.
fn metrics(place: &Place, run: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(place.path(run).join("metrics.jsonl")).unwrap();
    text.lines()
        .map(|l| {
            let mut v: serde_json::Value = serde_json::from_str(l).unwrap();
            for key in ["seconds", "validation_seconds"] {
                v.as_object_mut().unwrap().remove(key);
            }
            v
        })
        .collect()
}

fn same(place: &Place, a: &str, b: &str) {
    for file in ["last.safetensors", "best.safetensors"] {
        let left = comparable(place.checkpoint(&format!("{a}/{file}")));
        let right = comparable(place.checkpoint(&format!("{b}/{file}")));
        assert_eq!(left.weights, right.weights, "weights of {file}");
        assert_eq!(left, right, "{file}");
    }
    assert_eq!(metrics(place, a), metrics(place, b));
}

#[test]
fn n_and_n_epochs_equal_2n() {
    // Clipped, so that the scale of the loss decides the steps.
    let l2 = SMALL.replace("\"rate\"", "\"l2\"") + "[optimizer]\nclip = 0.01\n";
    for recipe in [SMALL, STENCIL, NSLS, PRECORRECTOR, FACTOR, GCVAE, SPAI_GNN, &l2] {
        let place = Place::new();
        place.recipe("r.toml", recipe);
        place.ok(&["train", "r.toml", "-o", "whole"]);
        // Before the first step, and in parts.
        place.ok(&["train", "r.toml", "-o", "parts", "--stop-after", "0"]);
        place.ok(&["train", "--resume", "parts", "--stop-after", "3"]);
        place.ok(&["train", "--resume", "parts", "--stop-after", "2"]);
        place.ok(&["train", "--resume", "parts"]);
        same(&place, "whole", "parts");
        let epochs: Vec<u64> = metrics(&place, "parts").iter().map(|l| l["epoch"].as_u64().unwrap()).collect();
        assert_eq!(epochs, [0, 1, 2, 3, 4, 5, 6], "the untrained network is validated once");
    }
}

/// `neurkitt` needs eigenvectors and a field, which the shared data do not have.
#[test]
fn a_predicted_space_is_trained_to_the_same_bits() {
    let place = Place::new();
    let labelled = "family = \"darcy\"\nsamples = 40\n[darcy]\ncells = 9\n[labels]\neigenpairs = 3\n";
    std::fs::write(place.path("d.toml"), labelled).unwrap();
    place.ok(&["generate", "d.toml", "-o", "d.h5"]);
    let recipe = "model = \"neurkitt\"\ndata = \"d.h5\"\nepochs = 6\nbatch_size = 8\n[validation]\nksp = \"cg\"\n\
                  [neurkitt]\nwidth = 3\nlayers = 2\nmodes = 2\nhead = 4\ndim = 3\n";
    std::fs::write(place.path("r.toml"), recipe).unwrap();
    place.ok(&["train", "r.toml", "-o", "whole"]);
    place.ok(&["train", "r.toml", "-o", "parts", "--stop-after", "3"]);
    place.ok(&["train", "--resume", "parts"]);
    same(&place, "whole", "parts");
    place.ok(&["train", "r.toml", "-o", "one", "--threads", "1"]);
    place.ok(&["train", "r.toml", "-o", "bound", "--set", "cache_mib=0"]);
    same(&place, "whole", "one");
    same(&place, "whole", "bound");
    // Stationary iterations are left out by default.
    let table = place.ok(&["evaluate", "--model", "whole", "--data", "d.h5"]);
    assert!(table.contains("cg + whole") && !table.contains("richardson(1) + whole"), "{table}");
    let few = place.fails(&["train", "r.toml", "-o", "few", "--set", "neurkitt.dim=5"]);
    assert!(few.contains("eigenpairs = 5"), "{few}");
}

#[test]
fn the_thread_count_changes_no_bit() {
    for recipe in [STENCIL, NSLS, PRECORRECTOR, FACTOR, GCVAE, SPAI_GNN] {
        let place = Place::new();
        place.recipe("r.toml", recipe);
        place.ok(&["train", "r.toml", "-o", "one", "--threads", "1"]);
        place.ok(&["train", "r.toml", "-o", "three", "--threads", "3"]);
        same(&place, "one", "three");
    }
}

#[test]
fn the_memory_bound_changes_no_bit() {
    let l2 = SMALL.replace("\"rate\"", "\"l2\"");
    for recipe in [SMALL, STENCIL, NSLS, PRECORRECTOR, FACTOR, GCVAE, SPAI_GNN, &l2] {
        let place = Place::new();
        place.recipe("r.toml", recipe);
        place.ok(&["train", "r.toml", "-o", "whole"]);
        place.ok(&["train", "r.toml", "-o", "bound", "--set", "cache_mib=0", "--stop-after", "3"]);
        // A run may go on with another bound: it is no part of what decides the weights.
        let path = place.path("bound").join("recipe.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("cache_mib = 0\n"), "{text}");
        std::fs::write(&path, text.replace("cache_mib = 0\n", "cache_mib = 1\n")).unwrap();
        place.ok(&["train", "--resume", "bound"]);
        same(&place, "whole", "bound");
    }
}

#[test]
fn killed_at_random_moments_and_resumed() {
    let place = Place::new();
    // Long enough that a quick machine is still at it after the last kill.
    let recipe = SMALL.replace("epochs = 6", "epochs = 1500") + "[validation]\nevery = 50\nsamples = 5\n";
    place.recipe("r.toml", &recipe);
    place.ok(&["train", "r.toml", "-o", "whole"]);
    let mut killed = 0;
    let mut wait = 30;
    for round in 0..200 {
        let start = ["train", "r.toml", "-o", "broken"];
        let resume = ["train", "--resume", "broken"];
        let there = place.path("broken").join("last.safetensors").exists();
        let mut child = place.spawn(if there { &resume } else { &start });
        std::thread::sleep(Duration::from_millis(wait));
        wait = 20 + (wait * 7 + round * 13) % 150;
        match child.try_wait().unwrap() {
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
            }
            Some(status) => {
                assert!(status.success(), "round {round}");
                break;
            }
        }
        if killed >= 8 {
            break;
        }
    }
    assert!(killed >= 3, "only {killed} kills hit");
    if !place.path("broken").join("last.safetensors").exists() {
        place.ok(&["train", "r.toml", "-o", "broken"]);
    } else {
        place.ok(&["train", "--resume", "broken"]);
    }
    same(&place, "whole", "broken");
}

#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let place = Place::new();
    let recipe = SMALL.replace("epochs = 6", "epochs = 100000");
    place.recipe("r.toml", &recipe);
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_fempipe"))
        .args(["train", "r.toml", "-o", "run"])
        .current_dir(place.path(""))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let metrics = place.path("run").join("metrics.jsonl");
    let start = Instant::now();
    // Epoch 0 is the validation before the first step.
    let epochs = || std::fs::read_to_string(&metrics).map_or(0, |text| text.lines().count());
    while epochs() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "no epoch in a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).to_string();
    assert_eq!(out.status.code(), Some(130), "{text}");
    assert!(text.contains("--resume run"), "{text}");
    let saved = place.checkpoint("run/last.safetensors");
    assert!(saved.progress.step > 0 && !saved.progress.finished);
}
