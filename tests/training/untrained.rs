//! The network before training is validated too, and stays the best one where nothing that was learned is better.

use serde_json::Value;

use crate::setup::{PRECORRECTOR, Place, SMALL, data};

fn lines(place: &Place, run: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(run).join("metrics.jsonl")).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// Steps so small that single precision does not see them.
const STILL: [&str; 2] = ["--lr", "1e-30"];

#[test]
fn a_run_that_learned_nothing_better_says_so_everywhere() {
    let place = Place::new();
    place.recipe("r.toml", PRECORRECTOR);
    let out = place.run(&[&["--json", "train", "r.toml", "-o", "training/run", "--epochs", "2"][..], &STILL].concat());
    let (told, json) = (String::from_utf8(out.stderr).unwrap(), String::from_utf8(out.stdout).unwrap());
    assert!(out.status.success(), "{told}");
    let all = lines(&place, "training/run");
    let epochs: Vec<u64> = all.iter().map(|l| l["epoch"].as_u64().unwrap()).collect();
    assert_eq!(epochs, [0, 1, 2]);
    let start = &all[0];
    assert!(start["best"] == true && start["loss"].is_null() && start["lr"].is_null() && start["step"] == 0);
    // Its time is that of a validation, not of training.
    assert!(start["seconds"] == 0.0 && start["validation_seconds"].as_f64().unwrap() > 0.0, "{start}");
    assert_eq!((&all[1]["best"], &all[2]["best"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_eq!(all[2]["solver"], start["solver"]);

    let its = start["solver"]["iterations_mean"].as_f64().unwrap();
    let sentence = format!(
        "no epoch beat the untrained network: {its:.2} iterations on held-out systems (mean), at best {its:.2} \
         (epoch 1); best.safetensors is the untrained network"
    );
    assert_eq!((all[2]["note"].as_str(), &all[1]["note"]), (Some(&*sentence), &Value::Null));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["note"].as_str(), &json["best_epoch"]), (Some(&*sentence), &0.into()));
    assert_eq!(json["best_iterations"].as_f64(), Some(its));
    assert!(told.lines().any(|line| line == sentence), "{told}");
    assert!(told.contains("epoch    0: before training, cg to 1e-5") && told.contains("(before training)"), "{told}");
    let page = std::fs::read_to_string(place.path("training/run/plot.html")).unwrap();
    assert!(page.contains(&sentence) && page.contains("best epoch 0 (before training)"), "{page}");
    let [best, initial] = ["best", "initial"].map(|f| place.checkpoint(&format!("training/run/{f}.safetensors")));
    assert!(best.weights == initial.weights && best.progress.step == 0 && best.progress.is_untrained_best());

    // Later commands: the row is that of an untrained network, beside what a learned one would have to beat.
    let untrained = "its best checkpoint is the network before training: no validated epoch beat it";
    let out = place.run(&["evaluate", "--samples", "3", "-o", "e"]);
    let (told, table) = (String::from_utf8(out.stderr).unwrap(), String::from_utf8(out.stdout).unwrap());
    assert!(table.contains(&format!("cg + run: {untrained}")), "{table}");
    assert!(told.contains(&format!("training/run: {untrained}")), "{told}");
    let summary: Value = serde_json::from_slice(&std::fs::read(place.path("e/summary.json")).unwrap()).unwrap();
    let cells = summary["cells"].as_array().unwrap();
    let of = |label: &str| cells.iter().filter(|cell| cell["label"] == label).collect::<Vec<_>>();
    assert_eq!(
        (&of("cg + run")[0]["kind"], &of("cg + run")[0]["untrained_is_best"]),
        (&"untrained".into(), &true.into())
    );
    assert!(of("cg + run untrained").is_empty(), "it is its own start");
    assert!(!of("cg + icc").is_empty());
    let report = std::fs::read_to_string(place.path("e/report.html")).unwrap();
    assert!(report.contains("untrained (no validated epoch beat it)"));
    assert!(place.ok(&["solve", data().to_str().unwrap(), "--model", "training/run"]).contains(untrained));

    // What has made no epoch yet is not evaluated unasked.
    std::fs::remove_dir_all(place.path("training/run")).unwrap();
    place.ok(&["train", "r.toml", "-o", "training/run", "--stop-after", "0"]);
    let error = place.fails(&["evaluate", "--samples", "3"]);
    assert!(error.contains("training/run: none of its epochs is done yet"), "{error}");
}

#[test]
fn patience_is_for_what_is_learned() {
    let place = Place::new();
    place.recipe("r.toml", &PRECORRECTOR.replace("epochs = 6", "epochs = 40"));
    // The first epoch is the best one after training, three more are waited for.
    let patient = ["train", "r.toml", "-o", "run", "--set", "early_stopping.patience=3"];
    place.ok(&[&patient[..], &STILL].concat());
    let all = lines(&place, "run");
    assert_eq!(all.last().unwrap()["epoch"], 4);
    assert!(all[4]["note"].as_str().unwrap().contains("no epoch beat"));
}

#[test]
fn a_run_begun_before_there_was_an_epoch_0_goes_on_and_loads() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "-o", "whole"]);
    place.ok(&["train", "r.toml", "-o", "old", "--stop-after", "2"]);
    // As an earlier version has left it.
    let file = place.path("old/metrics.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let (start, rest) = text.split_once('\n').unwrap();
    assert!(start.contains("\"epoch\":0"));
    std::fs::write(&file, rest).unwrap();
    let mut last = place.checkpoint("old/last.safetensors");
    let learned = last.progress.best_learned().unwrap();
    (last.progress.best, last.progress.best_epoch) = (Some(learned.iterations), learned.epoch);
    (last.progress.best_loss, last.progress.best_learned) = (learned.loss, None);
    last.write(&place.path("old/last.safetensors")).unwrap();
    place.ok(&["train", "--resume", "old"]);
    let epochs: Vec<u64> = lines(&place, "old").iter().map(|l| l["epoch"].as_u64().unwrap()).collect();
    assert_eq!(epochs, [1, 2, 3, 4, 5, 6]);
    let weights = |run: &str| place.checkpoint(&format!("{run}/last.safetensors")).weights;
    assert_eq!(weights("whole"), weights("old"));
    let stored = std::fs::read_to_string(place.path("old/run.json")).unwrap();
    assert!(stored.contains("baselines"));
    place.ok(&["evaluate", "old", "--samples", "2"]);
}
