//! What an evaluation sees to by itself: rows that a learned one has to beat, systems that are no test, direct solvers
//! under other names, cells that no kill doubles or loses.

use std::collections::BTreeSet;
use std::time::Duration;

use fempipe::rng::{Purpose, stream};
use rand::RngExt;
use serde_json::Value;

use crate::setup::{PRECORRECTOR, Place, SMALL, STENCIL, data};

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(place.path(name)).unwrap()).unwrap()
}

/// Label and kind of each row.
fn rows(place: &Place, dir: &str) -> Vec<(String, String)> {
    let cells = json(place, &format!("{dir}/summary.json"))["cells"].as_array().unwrap().clone();
    let text = |cell: &Value, key: &str| cell[key].as_str().unwrap().to_string();
    cells.iter().map(|cell| (text(cell, "label"), text(cell, "kind"))).collect()
}

fn evaluation(place: &Place, head: &str, rows: &[&str]) {
    let rows: String = rows.iter().map(|row| format!("[[row]]\n{row}\n")).collect();
    std::fs::write(place.path("e.toml"), format!("data = [{:?}]\nsamples = 4\n{head}\n{rows}", data())).unwrap();
}

#[test]
fn beside_a_learned_row_stands_what_it_has_to_beat() {
    let place = Place::new();
    for (name, recipe) in [("pre", PRECORRECTOR), ("net", SMALL), ("stencil", STENCIL)] {
        place.recipe("r.toml", recipe);
        place.ok(&["train", "r.toml", "-o", name, "--epochs", "1"]);
    }
    let pair = |label: &str, kind: &str| (label.to_string(), kind.to_string());
    let learned = ["ksp = 'cg'\nmodel = 'pre'", "ksp = 'richardson'\nmodel = 'net'", "ksp = 'cg'\nmodel = 'stencil'"];
    evaluation(&place, "", &learned);
    place.ok(&["evaluate", "e.toml", "-o", "e"]);
    let expected = [
        // No epoch beat the network before training, which its row says and which needs no other row.
        pair("cg + pre", "untrained"),
        pair("richardson(1) + net", "learned"),
        pair("cg + stencil", "learned"),
        pair("cg + icc(0)", "classical"),
        pair("richardson(1) + mean-inverse", "constant"),
        pair("richardson(1) + net untrained", "untrained"),
        pair("cg + fast-poisson", "classical"),
        pair("cg + stencil untrained", "untrained"),
    ];
    assert_eq!(rows(&place, "e"), expected);
    let comparisons = std::fs::read_to_string(place.path("e/comparisons.csv")).unwrap();
    assert_eq!(comparisons.lines().filter(|l| l.contains(",trivial,") && l.contains(",iterations,")).count(), 2);
    // The stored recipe has them, and stands for the same evaluation.
    let told = place.ok(&["evaluate", "e"]);
    assert!(told.contains("were made in an earlier sitting"), "{told}");
    assert_eq!(rows(&place, "e").len(), 8);

    // What is there is not added, whatever its settings and its label; a recipe may want none.
    let own = [
        learned[1],
        "ksp = 'richardson'\npc = 'mean-inverse(20)'",
        "label = 'start'\nksp = 'richardson'\nmodel = 'net/initial.safetensors'",
        "label = 'filtered'\nksp = 'richardson'\nmodel = 'net'\nfilter = 0.01",
    ];
    evaluation(&place, "", &own);
    place.ok(&["evaluate", "e.toml", "-o", "own"]);
    assert_eq!(rows(&place, "own").len(), 4);
    let cells = json(&place, "own/summary.json")["cells"].as_array().unwrap().clone();
    let settings: Vec<Option<u64>> = cells.iter().map(|cell| cell["settings"].as_u64()).collect();
    assert_eq!(settings, [Some(2), None, None, Some(2)], "two filters of one network");
    evaluation(&place, "trivial = false", &learned);
    place.ok(&["evaluate", "e.toml", "-o", "none"]);
    assert_eq!(rows(&place, "none").len(), 3);
    // Without its file the start cannot be shown, and that is said.
    std::fs::remove_file(place.path("net/initial.safetensors")).unwrap();
    evaluation(&place, "", &learned[1..2]);
    let out = place.run(&["evaluate", "e.toml", "-o", "less"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("its untrained start is not shown") && rows(&place, "less").len() == 2, "{said}");
}

#[test]
fn systems_that_a_row_learned_from_are_refused() {
    let place = Place::new();
    place.recipe("r.toml", STENCIL);
    place.ok(&["train", "r.toml", "-o", "run", "--epochs", "1"]);
    let learned = ["ksp = 'cg'\nmodel = 'run'"];
    let refused = |options: &[&str], words: &str| {
        let error = place.fails(&[&["evaluate", "e.toml", "-o", "e"][..], options].concat());
        for part in [words, "They are no test of it", "allow_leaks = true (--allow-leaks)"] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!place.path("e").exists());
    };
    evaluation(&place, "split = 'train'", &learned);
    refused(&[], "4 of 4 systems are in the training split that it learned from");
    evaluation(&place, "split = 'train'", &["ksp = 'richardson'\npc = 'mean-inverse'"]);
    refused(&[], "row \"richardson(1) + mean-inverse\"");
    // Classical rows and spaces by formula learn nothing.
    evaluation(&place, "split = 'train'", &["ksp = 'cg'\npc = 'icc'", "ksp = 'cg'\nspace = 'sine-modes(2)'"]);
    place.ok(&["evaluate", "e.toml", "-o", "classical"]);
    // On validation systems one may choose; it is marked.
    evaluation(&place, "split = 'validation'", &learned);
    let table = place.ok(&["evaluate", "e.toml", "-o", "validation"]);
    let words = "WARNING: cg + run: 4 of 4 systems are in the validation split by which its weights were chosen";
    assert!(table.contains(words), "{table}");
    // What is allowed is marked in table, files and report.
    evaluation(&place, "split = 'train'\nallow_leaks = true", &learned);
    let table = place.ok(&["evaluate", "e.toml", "-o", "allowed"]);
    assert!(table.contains("WARNING: cg + run: 4 of 4 systems are in the training split"), "{table}");
    let cells = json(&place, "allowed/summary.json")["cells"].as_array().unwrap().clone();
    assert_eq!((cells[0]["seen_in_training"].as_u64(), cells[0]["kind"].as_str()), (Some(4), Some("learned")));
    assert!(cells[0]["leak"].as_str().unwrap().contains("training split"));
    let report = std::fs::read_to_string(place.path("allowed/report.html")).unwrap();
    assert!(report.contains("they are no test of it"), "{}", report.len());
}

#[test]
fn copies_and_cut_trajectories_are_found_and_other_distributions_marked() {
    let place = Place::new();
    // Two systems, each of which is imported five times: whatever the split, each is in the training set.
    place.ok(&["generate", "--family", "darcy", "--set", "darcy.cells=6", "--samples", "10", "-o", "d.h5"]);
    std::fs::create_dir(place.path("own")).unwrap();
    for k in 0..10 {
        let (sample, file) = ((k % 2).to_string(), format!("own/{k:02}.npz"));
        place.ok(&["export", "d.h5", "--sample", &sample, "--to", "npz", "-o", &file]);
    }
    place.ok(&["import", "own", "--split", "6,1,3", "-o", "own.h5"]);
    // Two epochs, of which the second beats the network before training: that would have learned from nothing.
    let short = ["--epochs", "2", "--set", "validation.samples=1", "--no-evaluate", "-o", "run"];
    place.ok(&[&["train", "--model", "spai-gnn", "--data", "own.h5"][..], &short].concat());
    let error = place.fails(&["evaluate", "--data", "own.h5", "--model", "run", "--ksp", "cg", "-o", "e"]);
    assert!(error.contains("3 of 3 systems are systems that it learned from, under another number"), "{error}");

    let heat = ["--samples", "80", "--set", "heat.cells=5", "--set", "heat.steps=4"];
    let make = |more: &[&str], file: &str| {
        let made = ["generate", "--family", "heat", "-o", file];
        place.ok(&[&made[..], &heat, more].concat());
    };
    make(&["--set", "split_group=1"], "cut.h5");
    make(&[], "whole.h5");
    for (file, cut) in [("cut.h5", true), ("whole.h5", false)] {
        std::fs::write(
            place.path("h.toml"),
            format!("data = [{file:?}]\n[[row]]\nksp = 'cg'\npc = 'mean-fsai'\n[[row]]\nksp = 'cg'\npc = 'icc'\n"),
        )
        .unwrap();
        let out = place.run(&["evaluate", "h.toml", "-o", file.strip_suffix(".h5").unwrap()]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(said.contains("steps of trajectories of which it learned other steps"), cut, "{said}");
        assert_eq!(out.status.success(), !cut, "{said}");
    }

    // Another contrast is another distribution, another seed is not.
    for (name, set) in [("seed", "seed=9"), ("contrast", "darcy.contrast=100.0")] {
        let file = format!("{name}.h5");
        let made = ["generate", "--family", "darcy", "--set", "darcy.cells=6", "--samples", "10", "--set", set, "-o"];
        place.ok(&[&made[..], &[&file]].concat());
    }
    place.ok(&[&["train", "--model", "spai-gnn", "--data", "d.h5"][..], &short[..5], &["-o", "drawn"]].concat());
    for (name, out) in [("seed", false), ("contrast", true)] {
        let file = format!("{name}.h5");
        let table = place.ok(&["evaluate", "--data", &file, "--model", "drawn", "--ksp", "cg", "-o", name]);
        assert_eq!(table.contains("cg + drawn: out of its distribution, trained on d"), out, "{table}");
        let cells = json(&place, &format!("{name}/summary.json"))["cells"].as_array().unwrap().clone();
        assert_eq!(cells[0]["out_of_distribution"].as_bool(), Some(out));
    }
}

#[test]
fn killed_at_ten_random_moments_every_cell_is_there_once() {
    let place = Place::new();
    let rounds = 60;
    let text = format!(
        "data = [{:?}]\nrtol = [1e-4, 1e-8]\nrepeats = {rounds}\ncondition_samples = 1\n[[row]]\n\
         ksp = 'richardson(0.2)'\npc = ['none', 'jacobi']\n[[row]]\nksp = 'cg'\npc = 'ict({{0.1,0.01}})'\n",
        data()
    );
    std::fs::write(place.path("e.toml"), text).unwrap();
    place.ok(&["evaluate", "e.toml", "-o", "whole"]);
    let mut rng = stream(16, Purpose::Measure, 0);
    let (mut killed, mut sittings) = (0, 0);
    while killed < 10 {
        sittings += 1;
        assert!(sittings < 40, "{killed} kills in {sittings} sittings");
        let mut child = place.spawn(&["evaluate", "e.toml", "-o", "e"]);
        std::thread::sleep(Duration::from_millis(rng.random_range(10..150)));
        child.kill().unwrap();
        // What ended by itself was not killed, and is to be measured again.
        if child.wait().unwrap().success() {
            std::fs::remove_dir_all(place.path("e")).unwrap();
            continue;
        }
        killed += 1;
    }
    place.ok(&["evaluate", "e.toml", "-o", "e"]);
    // Keys of the cells, as often as they are there.
    let cells = |dir: &str| -> Vec<u64> {
        let text = std::fs::read_to_string(place.path(dir).join("journal.jsonl")).unwrap();
        let lines = text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| !line["entry"]["Solves"].is_null()).map(|line| line["key"].as_u64().unwrap()).collect()
    };
    let (whole, again) = (cells("whole"), cells("e"));
    let set = |keys: &[u64]| keys.iter().copied().collect::<BTreeSet<u64>>();
    assert_eq!(whole.len(), 4 * 2 * rounds);
    assert_eq!((again.len(), set(&again).len()), (whole.len(), whole.len()), "a cell is there twice, or not at all");
    assert_eq!(set(&again), set(&whole));
    let counts = |dir: &str| -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(place.path(dir).join("results.csv")).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let head = reader.headers().unwrap().clone();
        let timed = |name: &str| name.contains("seconds") || name == "spread";
        let pick = |r: csv::StringRecord| {
            head.iter().zip(&r).filter(|(name, _)| !timed(name)).map(|(_, value)| value.to_string()).collect()
        };
        reader.records().map(|r| pick(r.unwrap())).collect()
    };
    assert_eq!(counts("e"), counts("whole"));
}

#[test]
fn a_row_that_is_there_twice_is_measured_twice() {
    let place = Place::new();
    let row = "ksp = 'cg'\npc = 'icc'";
    evaluation(&place, "", &[&format!("label = 'a'\n{row}"), &format!("label = 'b'\n{row}")]);
    place.ok(&["evaluate", "e.toml", "-o", "e"]);
    let read = || std::fs::read_to_string(place.path("e/results.csv")).unwrap();
    let first = read();
    let journal = std::fs::read_to_string(place.path("e/journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"Solves\"").count(), 2);
    // What is read back is what was measured, row by row.
    std::fs::remove_file(place.path("e/report.html")).unwrap();
    place.ok(&["evaluate", "e.toml", "-o", "e"]);
    assert_eq!(read(), first);
}
