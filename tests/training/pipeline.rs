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
fn data_that_were_named_are_not_made() {
    let place = Place::new();
    let error = place.fails(&["train", "--family", "tridiagonal", "--data", "mine.h5"]);
    assert!(error.contains("mine.h5") && error.contains("fempipe generate"), "{error}");
    assert!(!error.contains("generate mine.h5 from"), "{error}");
    assert!(!place.path("datasets").exists());
}
