//! Rows that are for some of the datasets of an evaluation.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::setup::{Place, SMALL, STENCIL, data};

/// Datasets and rows of the cells of an evaluation.
fn pairs(place: &Place, dir: &str) -> BTreeSet<(String, String)> {
    let text = std::fs::read(place.path(dir).join("summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&text).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let name = |cell: &Value| text(&summary["datasets"][cell["dataset"].as_u64().unwrap() as usize]["name"]);
    summary["cells"].as_array().unwrap().iter().map(|cell| (name(cell), text(&cell["label"]))).collect()
}

/// A network for n = 9 alone, one for n = 49, and systems that are indefinite.
fn trained() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("training")).unwrap();
    place.ok(&["generate", "--family", "poisson", "--level", "3", "--samples", "40", "-o", "p3.h5"]);
    let helmholtz = ["--set", "helmholtz.cells=8", "--samples", "10", "-o", "h.h5"];
    place.ok(&[&["generate", "--family", "helmholtz"][..], &helmholtz].concat());
    place.recipe("training/r.toml", SMALL);
    place.ok(&["train", "training/r.toml", "-o", "training/net", "--epochs", "1"]);
    place.recipe("training/r.toml", STENCIL);
    place.ok(&["train", "training/r.toml", "--data", "p3.h5", "-o", "training/stencil", "--epochs", "1"]);
    place
}

#[test]
fn each_row_is_measured_on_the_datasets_that_it_names() {
    let place = trained();
    let small = data().to_str().unwrap();
    let recipe = format!(
        "data = ['{small}', 'p3.h5', 'h.h5']\nsamples = 3\n[[row]]\nksp = 'minres'\npc = 'none'\n\
         [[row]]\nksp = 'cg'\npc = ['icc', 'none']\ndata = ['{small}', 'p3.h5']\n\
         [[row]]\nksp = 'cg'\nmodel = 'training/net'\nsymmetrize = true\ndata = ['{small}']\n\
         [[row]]\nlabel = 'two'\nksp = 'cg'\nmodel = ['training/stencil', 'training/stencil']\n\
         data = ['p3.h5', '{small}']\n"
    );
    std::fs::write(place.path("e.toml"), &recipe).unwrap();
    let told = place.ok(&["evaluate", "e.toml", "-o", "e"]);
    assert!(told.contains("h: fewest iterations (mean) minres + none"), "{told}");
    let found = pairs(&place, "e");
    let has = |dataset: &str, row: &str| found.contains(&(dataset.to_string(), row.to_string()));
    for (row, on) in [
        ("minres + none", [true, true, true]),
        ("cg + icc", [true, true, false]),
        ("cg + net", [true, false, false]),
        ("cg + net untrained", [true, false, false]),
        ("cg + mean-inverse", [true, false, false]),
        ("two", [true, true, false]),
        ("two untrained", [true, true, false]),
    ] {
        assert_eq!(["p2", "p3", "h"].map(|dataset| has(dataset, row)), on, "{row}: {found:?}");
    }
    // Datasets that have the same rows have one profile.
    let statistics = std::fs::read(place.path("e/statistics.json")).unwrap();
    let statistics: Value = serde_json::from_slice(&statistics).unwrap();
    let profiles = statistics["profiles"].as_array().unwrap();
    let of: Vec<&Value> = profiles.iter().map(|profile| &profile["datasets"]).collect();
    let groups = [serde_json::json!([0]), serde_json::json!([1]), serde_json::json!([2])];
    assert!(groups.iter().all(|group| of.contains(&group)), "{of:?}");

    // The stored recipe is the same evaluation, and shares of it merge into it.
    assert!(place.ok(&["evaluate", "e"]).contains("report: e/report.html"));
    for share in ["1/2", "2/2"] {
        place.ok(&["evaluate", "e.toml", "-o", "shared", "--shard", share]);
    }
    place.ok(&["merge", "shared"]);
    assert_eq!(pairs(&place, "shared"), found);

    // One network in two rows, each for one dataset: its start stands beside both.
    let rows = "[[row]]\nlabel = 'one'\nksp = 'cg'\nmodel = 'training/stencil'\ndata = ['p3.h5']\n\
                [[row]]\nlabel = 'other'\nksp = 'cg'\nmodel = 'training/stencil'\nunguarded = true\n";
    let apart = format!("data = ['{small}', 'p3.h5']\nsamples = 2\n{rows}data = ['{small}']\n");
    std::fs::write(place.path("apart.toml"), apart).unwrap();
    place.ok(&["evaluate", "apart.toml", "-o", "apart"]);
    let apart = pairs(&place, "apart");
    let start = |dataset: &str| apart.contains(&(dataset.to_string(), "one untrained".to_string()));
    assert!(start("p2") && start("p3"), "{apart:?}");

    for (change, part) in [
        (("data = ['p3.h5', '", "data = ['p4.h5', '"), "data: p4.h5 is no dataset of the recipe, which has"),
        (("'p3.h5', '", "'p3.h5', 'p3.h5', '"), "data: p3.h5 is listed twice"),
        (("['training/stencil', ", "["), "model lists 1 runs for 2 datasets"),
    ] {
        let last = recipe.rfind("[[row]]").unwrap();
        let changed = format!("{}{}", &recipe[..last], recipe[last..].replace(change.0, change.1));
        std::fs::write(place.path("wrong.toml"), changed).unwrap();
        let error = place.fails(&["evaluate", "wrong.toml", "-o", "wrong"]);
        assert!(error.contains("wrong.toml") && error.contains("\"two\"") && error.contains(part), "{error}");
    }
}

#[test]
fn nothing_at_all_is_one_evaluation_of_all_datasets() {
    let place = trained();
    let told = place.ok(&["evaluate", "--samples", "2", "-o", "e"]);
    assert_eq!(told.matches("report: ").count(), 1, "{told}");
    let found = pairs(&place, "e");
    for (dataset, row, there) in [
        ("p2", "cg + net", true),
        ("p3", "cg + net", false),
        ("p2", "cg + stencil", false),
        ("p3", "cg + stencil", true),
        ("p2", "cg + amg", true),
        ("p3", "cg + cholesky", true),
    ] {
        assert_eq!(found.contains(&(dataset.into(), row.into())), there, "{dataset}, {row}: {found:?}");
    }
    // The newest of a model on each dataset.
    place.recipe("training/r.toml", STENCIL);
    place.ok(&["train", "training/r.toml", "-o", "training/other", "--epochs", "1"]);
    let table = place.ok(&["evaluate", "--samples", "2", "-o", "more"]);
    assert!(table.contains("cg + other") && table.contains("cg + stencil"), "{table}");
}

#[test]
fn one_dataset_under_two_names_is_refused_and_a_copy_is_told() {
    let place = Place::new();
    std::fs::copy(data(), place.path("p.h5")).unwrap();
    std::fs::copy(data(), place.path("copy.h5")).unwrap();
    std::os::unix::fs::symlink(place.path("p.h5"), place.path("link.h5")).unwrap();
    let short = ["--ksp", "cg", "--pc", "icc", "--samples", "2", "-o", "e"];
    for again in ["./p.h5", "link.h5"] {
        let data = format!("p.h5,{again}");
        let error = place.fails(&[&["evaluate", "--data", &data][..], &short].concat());
        assert!(error.contains(&format!("{again}: data: is the same file as p.h5: leave one out")), "{error}");
    }
    assert!(!place.path("e").exists());
    let out = place.run(&[&["evaluate", "--data", "p.h5,copy.h5"][..], &short].concat());
    let said = String::from_utf8(out.stderr).unwrap();
    let words = "data: the systems of copy.h5 that are solved are those of p.h5";
    assert!(out.status.success() && said.contains(words), "{said}");
}
