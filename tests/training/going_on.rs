//! A run for longer than its recipe said, a run that starts from another one's weights, and what stands beside both.

use serde_json::Value;

use crate::setup::{NSLS, PRECORRECTOR, Place, SMALL, data};

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(place.path(name)).unwrap()).unwrap()
}

fn epochs(place: &Place, run: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(run).join("metrics.jsonl")).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn baselines_are_what_evaluate_finds_on_the_held_out_systems() {
    let place = Place::new();
    place.recipe("r.toml", PRECORRECTOR);
    let out = place.run(&["train", "r.toml", "-o", "run", "--epochs", "2"]);
    let told = String::from_utf8(out.stderr).unwrap();
    place.ok(&[
        "evaluate",
        "--data",
        data().to_str().unwrap(),
        "--split",
        "validation",
        "--ksp",
        "cg",
        "--pc",
        "ict(0.01),icc,jacobi,none",
        "--rtol",
        "1e-5",
        "-o",
        "e",
    ]);
    let cells = json(&place, "e/summary.json")["cells"].as_array().unwrap().clone();
    let found = json(&place, "run/run.json")["baselines"].as_array().unwrap().clone();
    // At nine unknowns amg is a direct solver, and cg cannot use ilu.
    assert_eq!(found.len(), 4);
    for (baseline, cell) in found.iter().zip(&cells) {
        let (mean, pc) = (&baseline["solver"]["iterations_mean"], baseline["pc"].as_str().unwrap());
        assert!(cell["pc"].as_str().unwrap().starts_with(pc), "{pc} in {cell}");
        assert_eq!(&cell["iterations"]["mean"], mean);
        let named = format!("{pc} {:.1}", mean.as_f64().unwrap());
        assert_eq!(told.lines().filter(|l| l.contains(&named)).count(), 4, "{named} at the start and by epoch: {told}");
    }
    assert!(told.contains("cg to 1e-5"), "{told}");
    // They are measured once.
    let before = std::fs::read(place.path("run/run.json")).unwrap();
    place.ok(&["train", "--resume", "run"]);
    assert_eq!(std::fs::read(place.path("run/run.json")).unwrap(), before);
}

#[test]
fn a_run_is_extended_where_it_ended() {
    let place = Place::new();
    place.recipe("r.toml", &format!("{SMALL}\n[schedule]\nkind = \"constant\"\n"));
    place.ok(&["train", "r.toml", "-o", "long", "--epochs", "9"]);
    place.ok(&["train", "r.toml", "-o", "run"]);
    let first = epochs(&place, "run");
    place.ok(&["train", "--resume", "run", "--extend", "3", "--stop-after", "1"]);
    place.ok(&["train", "--resume", "run"]);
    let all = epochs(&place, "run");
    assert_eq!((first.len(), all.len()), (7, 10));
    assert_eq!(all[..7], first);
    // At a constant rate it is the run that had so many epochs from the start.
    assert_eq!(place.checkpoint("run/last.safetensors").weights, place.checkpoint("long/last.safetensors").weights);
    assert!(std::fs::read_to_string(place.path("run/recipe.toml")).unwrap().contains("epochs = 9"));
    assert_eq!(json(&place, "run/run.json")["extended_at"], serde_json::json!([6]));
    for wrong in [&["train", "--resume", "run", "--extend", "0"][..], &["train", "r.toml", "--extend", "2", "-o", "x"]]
    {
        assert!(!place.run(wrong).status.success(), "{wrong:?}");
    }
    let error = place.fails(&["train", "--resume", "run", "--extend", "1000000000"]);
    assert!(error.contains("epochs = 1000000009"), "{error}");
    assert_eq!(epochs(&place, "run").len(), 10);
}

#[test]
fn a_run_starts_from_the_weights_of_another() {
    let place = Place::new();
    place.recipe("r.toml", NSLS);
    place.recipe("from.toml", &format!("init = \"first\"\n{NSLS}"));
    place.ok(&["train", "r.toml", "-o", "first"]);
    place.ok(&["train", "from.toml", "-o", "second", "--stop-after", "1"]);
    let [there, here] = ["first/best.safetensors", "second/initial.safetensors"].map(|f| place.checkpoint(f));
    assert_eq!(there.weights, here.weights);
    assert!(here.data_recipe.starts_with(&there.data_recipe) && here.data_recipe.len() > there.data_recipe.len());
    let info = json(&place, "second/run.json");
    assert!(info["init"]["file"].as_str().unwrap().ends_with("first/best.safetensors"), "{info}");
    assert_eq!(info["init"]["digest"].as_str().unwrap().len(), 16);
    // What was taken is in its own checkpoints.
    std::fs::rename(place.path("first"), place.path("elsewhere")).unwrap();
    place.ok(&["train", "--resume", "second"]);
    assert_eq!(place.checkpoint("second/last.safetensors").data_recipe, here.data_recipe);

    let out = place.run(&["train", "r.toml", "--init", "elsewhere", "--set", "nsls.loss=solution", "-o", "third"]);
    let told = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success() && told.contains("loss was \"both\" and is now \"solution\""), "{told}");
    let error = place.fails(&["train", "r.toml", "--init", "elsewhere", "--set", "nsls.width=8", "-o", "x"]);
    assert!(error.contains("elsewhere") && error.contains("encoder.weight"), "{error}");
    place.recipe("other.toml", PRECORRECTOR);
    let error = place.fails(&["train", "other.toml", "--init", "elsewhere", "-o", "x"]);
    assert!(error.contains("is a checkpoint of nsls: a run of precorrector cannot start from it"), "{error}");
    let error = place.fails(&["train", "r.toml", "--init", "nowhere", "-o", "x"]);
    assert!(error.contains("nowhere"), "{error}");
    assert!(!place.path("x").exists());
}
