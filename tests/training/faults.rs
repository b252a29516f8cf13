//! Signals and kills: what is done is kept, and every command ends soon after Ctrl-C.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::setup::{Place, SMALL, data};

pub fn spawn(place: &Place, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fempipe"));
    command.current_dir(place.path("")).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Waits for something to become true.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Its exit code, what it says, and how long it took.
pub fn end(mut child: Child) -> (Option<i32>, String, Duration) {
    let start = Instant::now();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text, start.elapsed())
}

/// A solve that goes on for hours, on the systems of [`data`].
const ENDLESS: &str = "richardson(1e-9)";

#[test]
fn a_long_solve_ends_soon_after_a_signal() {
    let place = Place::new();
    let data = data().display().to_string();
    for signal in ["-INT", "-TERM"] {
        let child =
            spawn(&place, &["solve", &data, "--ksp", ENDLESS, "--pc", "none", "--max-it", "9000000000000000000"]);
        std::thread::sleep(Duration::from_millis(1500));
        send(signal, &child);
        let (code, text, took) = end(child);
        assert_eq!(code, Some(130), "{text}");
        assert!(text.contains("interrupted: after ") && text.lines().count() == 1, "{text}");
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
}

/// A dense inverse of n = 9801 under way, a quarter of a minute on two cores.
#[test]
fn a_computation_that_does_not_look_at_signals_is_ended() {
    let place = Place::new();
    place.ok(&["generate", "--family", "darcy", "--set", "darcy.cells=100", "--samples", "1", "-o", "d.h5"]);
    let child = spawn(&place, &["solve", "d.h5", "--pc", "koptimal"]);
    std::thread::sleep(Duration::from_millis(1500));
    send("-INT", &child);
    let (code, text, took) = end(child);
    assert!(code == Some(130) && text.starts_with("fempipe: interrupted: ") && text.lines().count() == 1, "{text}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn a_validation_is_interrupted_and_made_again_and_a_second_signal_loses_nothing() {
    let place = Place::new();
    let slow = format!("{SMALL}[validation]\nksp = \"{ENDLESS}\"\nmax_it = 20000000\nsamples = 2\n");
    let recipe = |validation: &str| {
        place.recipe("r.toml", &slow.replace("epochs = 6", "epochs = 2").replace("20000000", validation));
    };
    recipe("300");
    place.ok(&["train", "r.toml", "-o", "whole"]);
    let interrupted = |args: &[&str], batch: u64| {
        let child = spawn(&place, args);
        until("a run", || place.path("run/last.safetensors").exists());
        // Eight steps of milliseconds, beside the other tests.
        std::thread::sleep(Duration::from_secs(12));
        send("-INT", &child);
        send("-INT", &child);
        let (code, text, took) = end(child);
        assert_eq!(code, Some(130), "{text}");
        // The second signal may come when all is saved and the process is about to say so.
        let said = [&format!("training saved at epoch 1, batch {batch};"), "what was finished is on disk"];
        assert!(said.iter().any(|words| text.contains(words)), "{text}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        let saved = place.checkpoint("run/last.safetensors").progress;
        assert_eq!((saved.epoch, saved.batch), (0, batch));
    };
    let edit = |from: &str, to: &str| {
        // What decides the weights is the same, and so are they.
        let change = |text: &str| text.replace(&format!("max_it = {from}"), &format!("max_it = {to}"));
        let stored = std::fs::read_to_string(place.path("run/recipe.toml")).unwrap();
        std::fs::write(place.path("run/recipe.toml"), change(&stored)).unwrap();
        let saved = place.checkpoint("run/last.safetensors");
        let edited = fempipe::models::Checkpoint { recipe: change(&saved.recipe), ..saved };
        edited.write(&place.path("run/last.safetensors")).unwrap();
    };
    let count = || std::fs::read_to_string(place.path("run/metrics.jsonl")).map_or(0, |text| text.lines().count());
    // The same, but for a validation that takes long: it is met before the first step,
    recipe("9000000000");
    interrupted(&["train", "r.toml", "-o", "run"], 0);
    assert_eq!(count(), 0);
    edit("9000000000", "300");
    place.ok(&["train", "--resume", "run", "--stop-after", "0"]);
    assert_eq!(count(), 1);
    // and after the steps of the first epoch.
    edit("300", "9000000000");
    interrupted(&["train", "--resume", "run"], 8);
    assert_eq!(count(), 1);
    edit("9000000000", "300");
    place.ok(&["train", "--resume", "run"]);
    let [whole, run] = ["whole", "run"].map(|run| place.checkpoint(&format!("{run}/last.safetensors")));
    assert_eq!(whole.weights, run.weights);
    let lines = |run: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(place.path(run).join("metrics.jsonl")).unwrap();
        let mut lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        lines.iter_mut().for_each(|l| ["seconds", "validation_seconds"].iter().for_each(|key| l[*key] = 0.into()));
        lines
    };
    assert_eq!(lines("whole"), lines("run"));
}

#[test]
fn a_damaged_line_of_the_metrics_is_told_and_training_goes_on() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--stop-after", "3"]);
    let file = place.path("run/metrics.jsonl");
    let mut bytes = std::fs::read(&file).unwrap();
    let second = bytes.iter().position(|&b| b == b'\n').unwrap() + 3;
    bytes[second] = 0xff;
    std::fs::write(&file, &bytes).unwrap();
    // What killed processes were writing.
    std::fs::write(place.path("run/best.safetensors.tmp-4000000"), "half").unwrap();
    let out = place.run(&["train", "--resume", "run"]);
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success() && text.contains("metrics.jsonl: damaged, and left as it is, in line 2;"), "{text}");
    let after = std::fs::read(&file).unwrap();
    assert_eq!(after[..bytes.len()], bytes);
    assert_eq!(after.iter().filter(|&&b| b == b'\n').count(), 7);
    assert!(!place.path("run/best.safetensors.tmp-4000000").exists());
}

#[test]
fn a_run_stays_beside_its_recipe() {
    let place = Place::new();
    for name in ["../x", "..", "/x", "a/b", "a\\u001b"] {
        place.recipe("r.toml", &format!("name = \"{name}\"\n{SMALL}"));
        let error = place.fails(&["train", "r.toml"]);
        assert!(error.contains("r.toml: name = ") && error.contains("-o puts the run elsewhere"), "{error}");
    }
}

#[test]
fn an_evaluation_that_is_killed_goes_on_from_its_cells() {
    let place = Place::new();
    place.recipe("r.toml", &SMALL.replace("epochs = 6", "epochs = 1"));
    place.ok(&["train", "r.toml", "-o", "run"]);
    let rows = |last: &str| {
        let row = |ksp: &str, rest: &str| format!("[[row]]\nksp = \"{ksp}\"\n{rest}\n");
        let text = row("cg", "pc = \"none\"") + &row("richardson", "model = \"run\"") + &row(last, "pc = \"none\"");
        std::fs::write(
            place.path("e.toml"),
            format!("data = [{:?}]\nrtol = [1e-3, 1e-6]\nmax_it = 4000000000\ntrivial = false\n{text}", data()),
        )
        .unwrap();
    };
    let results = || {
        let text = std::fs::read_to_string(place.path("e/results.csv")).unwrap();
        text.lines().skip(1).map(String::from).collect::<Vec<_>>()
    };
    let kept = || {
        let text = std::fs::read_to_string(place.path("e/summary.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["kept_solves"].as_u64()
    };
    let journal = place.path("e/journal.jsonl");
    // Two rows are done, the third never would be.
    let killed = || {
        rows(ENDLESS);
        let mut child = spawn(&place, &["evaluate", "e.toml", "-o", "e"]);
        until("four cells", || {
            let text = std::fs::read_to_string(&journal).unwrap_or_default();
            text.matches("\"Solves\"").count() == 4
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!place.path("e/results.csv").exists());
    };
    killed();
    // The same row but for its damping is another row; the kept ones are those of the first sitting, seconds and all.
    rows("richardson(0.1)");
    let out = place.run(&["evaluate", "e.toml", "-o", "e"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && text.starts_with("80 of 120 solves were made in an earlier sitting"), "{text}");
    assert_eq!((kept(), results().len()), (Some(80), 120));
    // When all is done it is measured anew by force alone.
    let first = results();
    place.ok(&["evaluate", "e.toml", "-o", "e"]);
    assert_eq!(first, results());
    place.ok(&["evaluate", "e.toml", "-o", "e", "--force"]);
    assert_eq!(kept(), Some(0));
    assert_ne!(first, results());

    // Other weights under the same name are another row as well.
    std::fs::remove_dir_all(place.path("e")).unwrap();
    killed();
    place.recipe("r.toml", &format!("seed = 9\n{}", SMALL.replace("epochs = 6", "epochs = 1")));
    place.ok(&["train", "r.toml", "-o", "run", "--force"]);
    rows("richardson(0.1)");
    place.ok(&["evaluate", "e.toml", "-o", "e"]);
    assert_eq!((kept(), results().len()), (Some(40), 120));

    // Ctrl-C within a cell writes what there is, and the same command goes on.
    std::fs::remove_dir_all(place.path("e")).unwrap();
    rows(ENDLESS);
    let child = spawn(&place, &["evaluate", "e.toml", "-o", "e"]);
    until("four cells", || std::fs::read_to_string(&journal).unwrap_or_default().matches("\"Solves\"").count() == 4);
    std::thread::sleep(Duration::from_millis(300));
    send("-INT", &child);
    let (code, text, took) = end(child);
    assert!(code == Some(130) && text.contains("the same command goes on from there"), "{text}");
    assert!(took < Duration::from_secs(8) && journal.exists() && results().len() >= 80, "{took:?}");
}
