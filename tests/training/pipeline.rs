//! `fempipe train --family F` from an empty directory.

use crate::faults::{end, send, spawn, until};
use crate::setup::Place;

const SHORT: [&str; 10] =
    ["train", "--family", "tridiagonal", "--epochs", "1", "--set", "samples=24", "--batch-size", "4", "--set"];

#[test]
fn a_family_alone_makes_its_dataset_trains_and_evaluates() {
    let place = Place::new();
    let short = [&SHORT[..], &["validation.samples=4"]].concat();
    let out = place.run(&short);
    let (told, result) = (String::from_utf8(out.stderr).unwrap(), String::from_utf8(out.stdout).unwrap());
    assert!(out.status.success(), "{told}");
    for words in ["1. generate datasets/tridiagonal-independent.h5", "2. train factor-gnn", "3. evaluate", "s a step"] {
        assert!(told.contains(words), "{words} in {told}");
    }
    for row in ["cg + none", "cg + icc ", "cg + amg", "cg + cholesky", "factor-gnn untrained", "factor-gnn trained"] {
        assert!(result.contains(row), "{row} in {result}");
    }
    let run = place.path("training/tridiagonal-factor-gnn");
    for file in ["best.safetensors", "initial.safetensors", "evaluation/report.html", "evaluation/results.csv"] {
        assert!(run.join(file).is_file(), "{file}");
    }

    // A second one is refused before anything is done; the dataset is used again.
    let error = place.fails(&short);
    assert!(error.contains("--resume"), "{error}");
    let again = [&short[..], &["--force", "--json"]].concat();
    let json: serde_json::Value = serde_json::from_str(&place.ok(&again)).unwrap();
    assert!(json["evaluation"]["report"].as_str().unwrap().ends_with("report.html"), "{json}");
    let other = [&short[..], &["--no-evaluate", "-o", "other"]].concat();
    place.ok(&other);
    assert!(!place.path("other/evaluation").exists());
    place.ok(&[&short[..], &["--no-evaluate", "--set", "name=mine"]].concat());
    assert!(place.path("training/mine/best.safetensors").is_file());
}

#[test]
fn a_closing_evaluation_that_is_interrupted_says_how_it_goes_on() {
    let place = Place::new();
    let child = spawn(&place, &[&SHORT[..], &["validation.samples=4"]].concat());
    let evaluation = "training/tridiagonal-factor-gnn/evaluation";
    let journal = place.path(evaluation).join("journal.jsonl");
    until("an evaluation", || journal.exists());
    send("-INT", &child);
    let (code, said, _) = end(child);
    let again = format!("`fempipe evaluate {evaluation}` goes on from there");
    assert!(code == Some(130) && said.contains(&again), "{said}");

    let table = place.ok(&["evaluate", evaluation]);
    assert!(table.contains("factor-gnn untrained") && table.contains("factor-gnn trained"), "{table}");
    let whole = place.run(&["evaluate", evaluation]);
    let said = String::from_utf8(whole.stderr).unwrap();
    assert!(said.contains(&format!("{evaluation} is complete already")), "{said}");
}

#[test]
fn general_recipes_train_on_every_family_that_they_are_for() {
    let place = Place::new();
    for (family, sets) in [
        ("biharmonic", &["biharmonic.grid=3"][..]),
        ("darcy", &["darcy.cells=6"]),
        ("elliptic", &["elliptic.mesh.area=0.02"]),
        ("frame", &["frame.cells=[[1,3],[1,3],[1,3]]"]),
        ("heat", &["heat.cells=6", "heat.steps=2"]),
        ("poisson", &["poisson.level=3"]),
    ] {
        let file = format!("{family}.h5");
        let mut made = vec!["generate", "--family", family, "--samples", "10", "-o", &file];
        made.extend(sets.iter().flat_map(|set| ["--set", set]));
        place.ok(&made);
        for model in ["precorrector", "spai-gnn", "gcvae", "nsls"] {
            let to = format!("{family}-{model}");
            let short = ["--epochs", "1", "--set", "validation.samples=1", "--no-evaluate", "-o", &to];
            place.ok(&[&["train", "--family", family, "--model", model, "--data", &file], &short[..]].concat());
            assert!(place.path(&to).join("best.safetensors").is_file(), "{to}");
        }
    }
    let error = place.fails(&["train", "--family", "helmholtz", "--model", "nsls"]);
    assert!(error.contains("helmholtz with neurkitt") && error.contains("fempipe recipe --model"), "{error}");
}

#[test]
fn systems_of_ones_own_are_trained_on_and_evaluated() {
    let place = Place::new();
    place.ok(&["generate", "--family", "darcy", "--set", "darcy.cells=7", "--samples", "20", "-o", "d.h5"]);
    std::fs::create_dir(place.path("own")).unwrap();
    for k in 0..20 {
        let (sample, file) = (k.to_string(), format!("own/{k:02}.npz"));
        place.ok(&["export", "d.h5", "--sample", &sample, "--to", "npz", "-o", &file]);
    }
    place.ok(&["import", "own", "--split", "14,3,3", "-o", "own.h5"]);
    let out = place.run(&["train", "--model", "spai-gnn", "--data", "own.h5", "--epochs", "2"]);
    let (told, table) = (String::from_utf8(out.stderr).unwrap(), String::from_utf8(out.stdout).unwrap());
    assert!(out.status.success(), "{told}");
    for row in ["cg + icc ", "cg + amg", "spai-gnn untrained", "spai-gnn trained", "* the fewest iterations"] {
        assert!(table.contains(row), "{row} in {table}");
    }
    assert!(place.path("training/own-spai-gnn/best.safetensors").is_file());
    let short = place.ok(&[
        "evaluate",
        "--data",
        "own.h5",
        "--model",
        "training/own-spai-gnn",
        "--ksp",
        "cg",
        "--pc",
        "icc",
        "--set",
        "max_it=50",
        "-o",
        "e",
    ]);
    assert!(short.contains("cg + spai-gnn") || short.contains("own-spai-gnn"), "{short}");
    let kept = std::fs::read_to_string(place.path("e/recipe.toml")).unwrap();
    assert!(kept.contains("max_it = 50"), "{kept}");
    let error = place.fails(&["evaluate", "--data", "own.h5", "--pc", "icc", "--set", "max_itt=50", "-o", "f"]);
    assert!(error.contains("--set") && error.contains("max_itt"), "{error}");
}

#[test]
fn data_that_were_named_are_not_made() {
    let place = Place::new();
    let error = place.fails(&["train", "--family", "tridiagonal", "--data", "mine.h5"]);
    let right = "`fempipe generate datasets/tridiagonal-independent.toml -o mine.h5`";
    assert!(error.contains("mine.h5") && error.contains(right), "{error}");
    assert!(!error.contains("generate mine.h5 from"), "{error}");
    assert!(!place.path("datasets").exists());
}
