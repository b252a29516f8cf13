//! `factor-gnn` as a user meets it: trained, evaluated beside what it imitates, refused where there is no target.

use crate::setup::{FACTOR, Place};

#[test]
fn every_node_model_trains_and_is_evaluated() {
    let place = Place::new();
    std::fs::write(place.path("t.toml"), "family = \"tridiagonal\"\nsamples = 60\n[tridiagonal]\nn = 20\n").unwrap();
    place.ok(&["generate", "t.toml", "-o", "t.h5"]);
    for node in ["mlp", "gat", "gen", "mpnn", "graph-transformer", "fast-graph-transformer"] {
        let recipe = FACTOR.replace("graph-transformer", node).replace("\"icc\"", "\"cholesky\"");
        std::fs::write(place.path("f.toml"), format!("data = \"t.h5\"\n{recipe}")).unwrap();
        place.ok(&["train", "f.toml", "-o", "run", "--force"]);
        let losses: Vec<f64> = std::fs::read_to_string(place.path("run/metrics.jsonl"))
            .unwrap()
            .lines()
            .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["loss"].as_f64())
            .collect();
        assert!(losses[5] < losses[0], "{node}: {losses:?}");
    }
    let text = "data = [\"t.h5\"]\nrtol = [1e-6]\ntrivial = false\n[[row]]\nksp = { type = \"cg\" }\nmodel = \"run\"\n\
                [[row]]\nksp = { type = \"cg\" }\npc = \"icc\"\n";
    std::fs::write(place.path("e.toml"), text).unwrap();
    let table = place.ok(&["evaluate", "e.toml", "-o", "report"]);
    assert!(table.contains("cosine with its target mean"), "{table}");
    let csv = std::fs::read_to_string(place.path("report/results.csv")).unwrap();
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = head.iter().position(|h| *h == "label_cosine").unwrap();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        if fields[5] == "learned" {
            let cosine: f64 = fields[column].parse().unwrap();
            assert!((-1.0..=1.0).contains(&cosine));
        } else {
            assert!(fields[column].is_empty());
        }
    }
    let summary = std::fs::read_to_string(place.path("report/summary.csv")).unwrap();
    assert!(summary.lines().next().unwrap().contains("label_cosine_mean"), "{summary}");
    let page = std::fs::read_to_string(place.path("report/report.html")).unwrap();
    assert!(page.contains("label cosine, mean</button></th>"));
}

#[test]
fn a_missing_target_is_told_before_training() {
    let place = Place::new();
    place.recipe("r.toml", &FACTOR.replace("\"icc\"", "\"cholesky\""));
    let error = place.fails(&["train", "r.toml", "-o", "run"]);
    assert!(error.contains("target") && error.contains("tridiagonal"), "{error}");
    assert!(!place.path("run").exists());
    place.recipe("r.toml", &FACTOR.replace("graph-transformer", "transformer"));
    let error = place.fails(&["train", "r.toml", "-o", "run"]);
    assert!(error.contains("mpnn"), "{error}");
}
