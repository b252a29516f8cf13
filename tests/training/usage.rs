//! Bad input gets one clear error, and nothing is lost.

use crate::setup::{FACTOR, Place, SMALL};

#[test]
fn wrong_recipes_name_file_and_key() {
    let place = Place::new();
    for (change, words) in [
        ("epoch = 3\n", &["r.toml", "epoch"][..]),
        ("samples = -1\n", &["r.toml", "samples"]),
        ("batch_size = 0\n", &["r.toml", "batch_size = 0"]),
        ("device = \"tpu\"\n", &["r.toml", "tpu"]),
    ] {
        let text = SMALL.replace("batch_size = 16\n", change);
        place.recipe("r.toml", &text);
        let error = place.fails(&["train", "r.toml", "-o", "run"]);
        for word in words {
            assert!(error.contains(word), "{change}: {error}");
        }
    }
    place.recipe("r.toml", &SMALL.replace("\"mlp\"", "\"mpl\""));
    let error = place.fails(&["train", "r.toml"]);
    assert!(error.contains("mpl") && error.contains("stencil-mlp"), "{error}");
    place.recipe("r.toml", &SMALL.replace("probes = 2", "probe = 2"));
    let error = place.fails(&["train", "r.toml"]);
    assert!(error.contains("probe"), "{error}");
    assert!(!place.path("run").join("last.safetensors").exists());
}

#[test]
fn data_that_is_not_there_or_no_dataset() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    let error = place.fails(&["train", "r.toml", "--data", "missing.h5"]);
    assert!(error.contains("missing.h5") && error.contains("fempipe generate"), "{error}");
    std::fs::write(place.path("x.h5"), "no dataset").unwrap();
    let error = place.fails(&["train", "r.toml", "--data", "x.h5"]);
    assert!(error.contains("x.h5"), "{error}");
}

#[test]
fn a_run_is_not_overwritten_unasked() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "--epochs", "1"]);
    let before = std::fs::read(place.path("r/best.safetensors")).unwrap();
    let error = place.fails(&["train", "r.toml", "--epochs", "1"]);
    assert!(error.contains("--resume") && error.contains("--force"), "{error}");
    assert_eq!(std::fs::read(place.path("r/best.safetensors")).unwrap(), before);
    place.ok(&["train", "r.toml", "--epochs", "1", "--force"]);
    let error = place.fails(&["train", "--resume", "nowhere"]);
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn while_no_system_is_solved_the_least_validation_loss_is_best() {
    let place = Place::new();
    // One iteration solves nothing.
    place.recipe("r.toml", &FACTOR.replace("[validation]\n", "[validation]\nmax_it = 1\n"));
    let json: serde_json::Value =
        serde_json::from_str(&place.ok(&["--json", "train", "r.toml", "-o", "run", "--lr", "0.05"])).unwrap();
    let text = std::fs::read_to_string(place.path("run/metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines.iter().all(|l| l["solver"]["failures"] == l["solver"]["systems"]), "{text}");
    let losses: Vec<f64> = lines.iter().map(|l| l["validation_loss"].as_f64().unwrap()).collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    // The first line is of the network before training.
    let best = losses.iter().position(|&l| l == least).unwrap();
    assert!(best > 1, "{losses:?}: nothing to tell apart");
    assert_eq!((json["best_epoch"].as_u64(), json["best_loss"].as_f64()), (Some(best as u64), Some(least)));
    assert_eq!(place.checkpoint("run/best.safetensors").progress.epoch, best as u64);
}

#[test]
fn settings_that_the_data_cannot_have_are_told_before_anything_is_written_or_replaced() {
    let place = Place::new();
    // Systems of 9 unknowns have no blocks of 2; gcvae is for symmetric positive definite ones.
    let spai = "model = \"spai-gnn\"\nepochs = 1\nbatch_size = 8\n[spai-gnn]\nwidth = 4\nrounds = 1\n";
    place.recipe("good.toml", spai);
    place.recipe("bad.toml", &format!("{spai}block = 2\n"));
    let error = place.fails(&["train", "bad.toml", "-o", "run"]);
    assert!(error.contains("p2.h5") && error.contains("sample ") && error.contains("block = 2"), "{error}");
    assert!(!place.path("run").exists());
    place.ok(&["train", "good.toml", "-o", "run"]);
    let before = std::fs::read(place.path("run/best.safetensors")).unwrap();
    place.fails(&["train", "bad.toml", "-o", "run", "--force"]);
    assert_eq!(std::fs::read(place.path("run/best.safetensors")).unwrap(), before);
    let error = place.run(&["train", "--resume", "run", "--model", "gcvae"]);
    assert!(!error.status.success(), "--resume takes the model of the run");
}

#[test]
fn every_run_directory_keeps_recipe_version_and_metrics() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "--epochs", "2"]);
    let recipe = std::fs::read_to_string(place.path("r/recipe.toml")).unwrap();
    assert!(recipe.contains("epochs = 2") && recipe.contains("hidden = [16, 16, 16]"), "{recipe}");
    let info: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("r/run.json")).unwrap()).unwrap();
    assert_eq!(info["fempipe_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["unknowns"], 9);
    let metrics = std::fs::read_to_string(place.path("r/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 3);
    // The recipe in the run directory makes the same run again.
    place.ok(&["train", "r/recipe.toml", "-o", "again"]);
    assert_eq!(place.checkpoint("r/last.safetensors").weights, place.checkpoint("again/last.safetensors").weights);
}

#[test]
fn an_exploding_loss_stops_and_keeps_the_last_good_checkpoint() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    let error = place.fails(&["train", "r.toml", "-o", "run", "--lr", "1e30"]);
    assert!(error.contains("diverged") && error.contains("optimizer.lr"), "{error}");
    let kept = place.checkpoint("run/last.safetensors");
    assert!(kept.weights.iter().all(|w| w.data.iter().all(|v| v.is_finite())));
}

#[test]
fn an_unwritable_run_directory_is_told_before_the_work() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    std::fs::write(place.path("file"), "").unwrap();
    let error = place.fails(&["train", "r.toml", "-o", "file/run"]);
    assert!(error.contains("file/run"), "{error}");
    let error = place.fails(&["evaluate", "--data", crate::setup::data().to_str().unwrap(), "-o", "file/e"]);
    assert!(error.contains("file/e"), "{error}");
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--stop-after", "1"]);
    let file = place.path("run/last.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let error = place.fails(&["train", "--resume", "run"]);
    assert!(error.contains("last.safetensors") && error.contains("damaged"), "{error}");
    std::fs::write(&file, "not a checkpoint").unwrap();
    assert!(place.fails(&["train", "--resume", "run"]).contains("not a fempipe checkpoint"));
}

#[test]
fn a_checkpoint_whose_arrays_do_not_fit_is_refused_by_name() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--epochs", "1"]);
    let data = crate::setup::data().to_str().unwrap();
    let good = place.checkpoint("run/best.safetensors");
    let damage = |change: &dyn Fn(&mut fempipe::models::Checkpoint)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad.write(&place.path("bad.safetensors")).unwrap();
        place.fails(&["evaluate", "--data", data, "--model", "bad.safetensors"])
    };
    let error = damage(&|c| {
        let w = c.weights.iter_mut().find(|w| w.name == "mlp.1.weight").unwrap();
        w.shape = (8, 32);
    });
    assert!(error.contains("bad.safetensors") && error.contains("mlp.1.weight"), "{error}");
    let error = damage(&|c| c.weights.retain(|w| w.name != "mlp.out.bias"));
    assert!(error.contains("mlp.out.bias"), "{error}");
    let error = damage(&|c| c.buffers.retain(|w| w.name != "input.mean"));
    assert!(error.contains("input.mean"), "{error}");
    let error = damage(&|c| c.weights[0].data[0] = f32::NAN);
    assert!(error.contains(&good.weights[0].name) && error.contains("not finite"), "{error}");
    let error = damage(&|c| c.model = "gcvae".into());
    assert!(error.contains("gcvae"), "{error}");
}

#[test]
fn any_key_can_be_set_from_the_command_line() {
    let place = Place::new();
    place.recipe("r.toml", crate::setup::NSLS);
    let sets = ["--set", "nsls.features=jacobi", "--set", "nsls.width=5", "--set", "epochs=1"];
    place.ok(&[&["train", "r.toml", "-o", "run"], &sets[..]].concat());
    let kept = std::fs::read_to_string(place.path("run/recipe.toml")).unwrap();
    for line in ["features = \"jacobi\"", "width = 5", "epochs = 1", "blocks = 2"] {
        assert!(kept.lines().any(|l| l == line), "{line} in {kept}");
    }
    for (set, part) in [
        ("nsls.widht=5", "widht"),
        ("nsls.width", "KEY=VALUE"),
        ("nsls.features=newton", "newton"),
        ("epochs.x=1", "'epochs' is not a table"),
        ("nsls.width=0", "nsls.width"),
    ] {
        let error = place.fails(&["train", "r.toml", "-o", "other", "--set", set]);
        assert!(error.contains(part) && error.contains("--set"), "{set}: {error}");
    }
}
