//! `fempipe evaluate` of which little is said: nothing at all, a run, a dataset; and what it would do.

use serde_json::Value;

use crate::setup::{NSLS, Place, SMALL, STENCIL, data};

fn cells(place: &Place, dir: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read(place.path("").join(dir).join("summary.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["cells"].as_array().unwrap().clone()
}

/// The directories that reports were written into.
fn reports(told: &str) -> Vec<std::path::PathBuf> {
    let reports = told.lines().filter_map(|line| line.strip_prefix("report: "));
    reports.map(|path| std::path::Path::new(path).parent().unwrap().to_path_buf()).collect()
}

#[test]
fn nothing_at_all_evaluates_the_newest_runs_on_their_own_data() {
    let place = Place::new();
    let out = place.run(&["evaluate"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(2) && said.contains("fempipe evaluate --data"), "{said}");
    std::fs::create_dir(place.path("training")).unwrap();
    for (name, recipe) in [("old", STENCIL), ("net", SMALL), ("new", STENCIL), ("other", NSLS)] {
        place.recipe("training/r.toml", recipe);
        place.ok(&["train", "training/r.toml", "-o", &format!("training/{name}"), "--epochs", "1"]);
    }
    // One whose dataset is gone cannot be taken.
    place.ok(&["generate", "--family", "poisson", "--level", "2", "--samples", "20", "-o", "gone.h5"]);
    let short = ["--epochs", "1", "--data", "gone.h5", "-o", "training/gone"];
    place.ok(&[&["train", "training/r.toml"][..], &short].concat());
    place.ok(&["train", "training/r.toml", "-o", "training/other", "--epochs", "1", "--force"]);
    std::fs::remove_file(place.path("gone.h5")).unwrap();

    let told = place.ok(&["evaluate", "--samples", "3"]);
    let [dir] = &reports(&told)[..] else { panic!("{told}") };
    assert!(dir.to_str().unwrap().starts_with("training/evaluation-20"), "{dir:?}");
    let labels: Vec<String> =
        cells(&place, dir).iter().map(|cell| cell["label"].as_str().unwrap().to_string()).collect();
    for label in
        ["cg + new", "cg + net", "cg + other", "cg + amg", "cg + cholesky", "cg + ict(0.01)", "cg + new untrained"]
    {
        assert!(labels.iter().any(|l| l == label), "{label} in {labels:?}");
    }
    assert!(!labels.iter().any(|l| l.contains("old") || l.contains("gone")), "{labels:?}");
    // The same command goes back to it, another one stands beside it.
    assert_eq!(reports(&place.ok(&["evaluate", "--samples", "3"])), std::slice::from_ref(dir));
    let two = reports(&place.ok(&["evaluate", "--samples", "2"]));
    assert_eq!(two[0].to_str().unwrap(), format!("{}-2", dir.display()));

    // A run alone, by its directory or with --model.
    let one = place.ok(&["evaluate", "training/old", "--samples", "2"]);
    let dir = &reports(&one)[0];
    assert!(dir.to_str().unwrap().starts_with("training/old/evaluation-20") && one.contains("cg + old"), "{one}");
    assert_eq!(
        reports(&place.ok(&["evaluate", "--model", "training/old", "--samples", "2"])),
        std::slice::from_ref(dir)
    );
    let error = place.fails(&["evaluate", "training/gone"]);
    assert!(error.contains("gone.h5, which is not there") && error.contains("--data"), "{error}");
}

#[test]
fn a_dataset_alone_meets_the_strongest_rows_of_its_kind() {
    let place = Place::new();
    let told = place.ok(&["evaluate", "--data", data().to_str().unwrap(), "--samples", "3"]);
    let dir = &reports(&told)[0];
    assert!(dir.to_str().unwrap().starts_with("evaluation-20"), "{dir:?}");
    let all = cells(&place, dir);
    assert_eq!(all.len(), 12);
    assert!(all.iter().all(|cell| cell["failures"] == 0), "{all:?}");
    let of = |label: &str| all.iter().find(|cell| cell["label"] == label).unwrap();
    // At nine unknowns amg is one factor: it may win the time, not the iterations.
    assert_eq!((&of("cg + amg")["direct"], &of("cg + cholesky")["direct"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(of("cg + icc")["direct"], Value::Bool(false));
    assert!(told.contains("cg + amg: a direct solver at this size"), "{told}");
    let verdict = told.lines().find(|line| line.contains("fewest iterations (mean)")).unwrap();
    let fewest = verdict.split(" with ").next().unwrap();
    assert!(!fewest.contains("amg") && !fewest.contains("cholesky"), "{verdict}");
    assert_eq!(of("cg + ict(0.1)")["settings"], 3);

    place.ok(&["generate", "--family", "helmholtz", "--set", "helmholtz.cells=10", "--samples", "20", "-o", "h.h5"]);
    let told = place.ok(&["evaluate", "--data", "h.h5", "--set", "condition_samples=0", "-o", "h"]);
    let all = cells(&place, std::path::Path::new("h"));
    let labels: Vec<&str> = all.iter().map(|cell| cell["label"].as_str().unwrap()).collect();
    for label in ["minres + none", "minres + icc", "gmres(50) + amg", "gmres(50) + ldlt"] {
        assert!(labels.contains(&label), "{label} in {labels:?}");
    }
    assert!(all.iter().all(|cell| cell["failures"] == 0), "{told}");
}

#[test]
fn a_dry_run_says_what_is_left_and_writes_nothing() {
    let place = Place::new();
    let text = format!(
        "data = [{:?}]\nrtol = [1e-3, 1e-6]\nrepeats = 2\ncondition_samples = 2\n[[row]]\nksp = 'cg'\n\
         pc = ['icc', 'none']\n",
        data()
    );
    std::fs::write(place.path("e.toml"), text).unwrap();
    let dry = ["--json", "evaluate", "e.toml", "-o", "e", "--dry-run"];
    let plan = |args: &[&str]| -> Value { serde_json::from_str(&place.ok(args)).unwrap() };
    let before = plan(&dry);
    assert!(!place.path("e").exists());
    // 2 rows, 2 tolerances, 2 rounds, 20 systems.
    assert_eq!((&before["cells"], &before["kept"], &before["solves_left"]), (&8.into(), &0.into(), &160.into()));
    let seconds = before["seconds_left"].as_f64().unwrap();
    assert!(seconds > 0.0 && seconds < 60.0, "{before}");
    assert_eq!(before["plan"]["rows"][0]["from"], serde_json::json!({ "systems": 2 }));
    let table = place.ok(&dry[1..]);
    for words in ["8 cells (datasets x rows, 2 tolerances, 2 rounds), 0 of them measured", "about ", "into e"] {
        assert!(table.contains(words), "{words} in {table}");
    }
    let share = plan(&[&dry[..], &["--shard", "1/2"]].concat());
    assert_eq!(share["cells"], 4);

    place.ok(&["evaluate", "e.toml", "-o", "e", "--repeats", "1"]);
    let half = plan(&dry);
    assert_eq!((&half["cells"], &half["kept"], &half["solves_left"]), (&8.into(), &4.into(), &80.into()));
    assert_eq!(half["plan"]["rows"][0]["from"], "journal");
    place.ok(&["evaluate", "e.toml", "-o", "e", "--force"]);
    let journal = std::fs::read(place.path("e/journal.jsonl")).unwrap();
    let done = place.ok(&dry[1..]);
    assert!(done.contains("8 of them measured already; 0 solves left\nnothing is left to do"), "{done}");
    assert!(std::fs::read(place.path("e/journal.jsonl")).unwrap() == journal);
}

#[test]
fn runs_whose_systems_cannot_be_had_are_left_out_by_name() {
    let place = Place::new();
    std::fs::create_dir(place.path("training")).unwrap();
    let make = |seed: &str, file: &str, more: &[&str]| {
        let made = ["generate", "--family", "poisson", "--level", "2", "--samples", "20", "--seed", seed, "-o", file];
        place.ok(&[&made[..], more].concat());
    };
    let train = |recipe: &str, file: &str, run: &str| {
        std::fs::write(place.path("r.toml"), format!("data = {file:?}\n{recipe}")).unwrap();
        place.ok(&["train", "r.toml", "-o", &format!("training/{run}"), "--epochs", "1"]);
    };
    for (seed, file) in [("1", "good.h5"), ("2", "gone.h5"), ("3", "cut.h5"), ("4", "altered.h5")] {
        make(seed, file, &[]);
    }
    make("5", "untested.h5", &["--set", "split.train=16", "--set", "split.validation=4", "--set", "split.test=0"]);
    for name in ["good", "gone", "cut", "altered", "untested"] {
        train(STENCIL, &format!("{name}.h5"), name);
    }
    train(SMALL, "gone.h5", "also");
    std::fs::create_dir(place.path("training/junk")).unwrap();
    std::fs::write(place.path("training/junk/best.safetensors"), "no checkpoint").unwrap();
    std::fs::remove_file(place.path("gone.h5")).unwrap();
    let bytes = std::fs::read(place.path("cut.h5")).unwrap();
    std::fs::write(place.path("cut.h5"), &bytes[..bytes.len() / 2]).unwrap();
    // One bit of a number of a test system.
    let data = fempipe::dataset::Dataset::open(place.path("altered.h5")).unwrap();
    let number = data.read(data.split("test").unwrap()[0] as usize).unwrap().rhs[4].to_le_bytes();
    drop(data);
    let mut bytes = std::fs::read(place.path("altered.h5")).unwrap();
    let at = bytes.windows(8).position(|w| w == number).unwrap();
    bytes[at] ^= 1;
    std::fs::write(place.path("altered.h5"), bytes).unwrap();

    let out = place.run(&["evaluate", "--samples", "2"]);
    let (said, table) = (String::from_utf8(out.stderr).unwrap(), String::from_utf8(out.stdout).unwrap());
    assert!(out.status.success(), "{said}");
    let left_out = [
        ("gone", "was trained on", "gone.h5, which is not there"),
        ("also", "was trained on", "gone.h5, which is not there"),
        ("cut", "cut.h5: ", ""),
        ("altered", "altered.h5: ", "sample"),
        ("untested", "untested.h5", "test"),
        ("junk", "training/junk/best.safetensors", ""),
    ];
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("left out: ")).collect();
    assert_eq!(lines.len(), left_out.len(), "{said}");
    for (run, what, why) in left_out {
        let line = lines.iter().find(|line| line.starts_with(&format!("left out: training/{run}: "))).unwrap();
        assert!(line.contains(what) && line.contains(why), "{line}");
    }
    assert!(table.contains("cg + good") && !table.contains("cut"), "{table}");
    // Other systems of the same dataset are there.
    let out = place.run(&["evaluate", "--samples", "2", "--split", "validation", "--dry-run"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success() && !said.contains("training/untested: "), "{said}");

    std::fs::remove_dir_all(place.path("training/good")).unwrap();
    let error = place.fails(&["evaluate"]);
    for (run, what, why) in left_out {
        let reason = error.split("; ").find(|part| part.contains(&format!("training/{run}: "))).unwrap();
        assert!(reason.contains(what) && reason.contains(why), "{error}");
    }
    // A run that is named is not left out, but refused.
    let error = place.fails(&["evaluate", "training/untested"]);
    assert!(error.contains("untested.h5") && error.contains("test"), "{error}");
}

#[test]
fn runs_of_one_name_have_their_paths_as_names() {
    let place = Place::new();
    place.recipe("r.toml", STENCIL);
    for run in ["a/run", "b/run"] {
        place.ok(&["train", "r.toml", "-o", run, "--epochs", "1"]);
    }
    let data = data().to_str().unwrap();
    let short = ["--samples", "2", "--ksp", "cg", "--set", "trivial=false"];
    let told = place.ok(&[&["evaluate", "--data", data, "--model", "a/run,b/run"][..], &short].concat());
    let labels: Vec<String> =
        cells(&place, &reports(&told)[0]).iter().map(|cell| cell["label"].as_str().unwrap().to_string()).collect();
    assert_eq!(labels, ["cg + a/run", "cg + b/run"]);
}
