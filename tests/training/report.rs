//! The report as a referee has it: opened from disk in a headless Chromium, sorted, filtered, zoomed, its numbers those
//! of the CSV files.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::setup::{Place, STENCIL};

/// An evaluation on two sizes with two tolerances, with failures, a network, its untrained start and a leak.
const RECIPE: &str = r#"
title = "Two sizes & a network"
data = ["p3.h5", "p4.h5"]
split = "test"
rtol = [1e-3, 1e-6]
max_it = 60
condition_samples = 1
[[row]]
ksp = "cg"
pc = "none"
[[row]]
ksp = "cg"
pc = "icc"
[[row]]
label = "Jacobi <omega 0.7>"
ksp = "richardson(0.7)"
pc = "jacobi"
[[row]]
ksp = "cg"
pc = "cholesky"
[[row]]
label = "untrained"
ksp = "cg"
model = "run/initial.safetensors"
[[row]]
label = "network"
ksp = "cg"
model = "run"
"#;

#[test]
fn a_report_is_opened_sorted_filtered_and_zoomed() {
    let place = Place::new();
    place.recipe("r.toml", STENCIL);
    place.ok(&["train", "r.toml", "-o", "run"]);
    for (level, seed) in [("3", "8"), ("4", "9")] {
        let file = format!("p{level}.h5");
        place.ok(&[
            "generate",
            "--family",
            "poisson",
            "--level",
            level,
            "--samples",
            "40",
            "--seed",
            seed,
            "-o",
            &file,
        ]);
    }
    std::fs::write(place.path("e.toml"), RECIPE).unwrap();
    let again = || place.ok(&["evaluate", "e.toml", "-o", "e"]);
    again();
    let dir = place.path("e");
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    for name in ["iterations", "seconds", "profile-seconds", "residuals-p3", "tolerance-p4", "time-p3", "spectrum-p3"] {
        assert!(read(&format!("{name}.svg")).starts_with("<svg"), "{name}");
    }
    assert!(read("tables.tex").contains("\\toprule") && read("tables.md").contains("| network |"));
    // What is bootstrapped is the same each time, whatever is measured.
    let statistics: serde_json::Value = serde_json::from_str(&read("statistics.json")).unwrap();
    let iterations = |s: &serde_json::Value| {
        let all = s["comparisons"].as_array().unwrap().iter().filter(|c| c["quantity"] == "iterations").cloned();
        all.collect::<Vec<_>>()
    };
    assert!(!iterations(&statistics).is_empty() && statistics["fits"].as_array().unwrap().len() > 4);
    assert!(statistics["generalisation"][0]["tested"].as_array().unwrap().len() == 2);
    drive("report.py", &[dir.as_os_str()]);
    place.ok(&["evaluate", "e.toml", "-o", "e", "--force"]);
    let again: serde_json::Value = serde_json::from_str(&read("statistics.json")).unwrap();
    assert_eq!(iterations(&again), iterations(&statistics));
}

/// The page of a run is followed in a browser while it trains, at rest once it is interrupted, and goes on with it.
#[test]
fn a_training_run_is_followed_interrupted_and_resumed() {
    let place = Place::new();
    place.recipe("r.toml", STENCIL);
    let mut child = place.spawn(&["train", "r.toml", "-o", "run", "--epochs", "1000000"]);
    let (run, process) = (place.path("run"), child.id().to_string());
    let page = || std::fs::read_to_string(run.join("plot.html")).unwrap_or_default();
    let begun = Instant::now();
    while !page().contains("data-refresh") {
        assert!(begun.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "no page");
        std::thread::sleep(Duration::from_millis(20));
    }
    if !drive("live.py", &[run.as_os_str(), process.as_ref()]) {
        std::thread::sleep(Duration::from_secs(3));
        Command::new("kill").args(["-INT", &process]).status().unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let epoch = |page: &str| -> u64 {
        let rest = page.split(", epoch ").nth(1).unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    let before = page();
    assert!(before.contains("interrupted") && !before.contains("data-refresh"), "{before}");
    assert!(epoch(&before) > 0 && before.matches("<figure data-chart=").count() == 4);
    place.ok(&["train", "--resume", "run", "--stop-after", "2"]);
    let after = page();
    assert_eq!(epoch(&after), epoch(&before) + 2);
    assert!(after.contains("interrupted") && after.matches("<figure data-chart=").count() == 4);
    let told = place.run(&["train", "--resume", "run", "--stop-after", "1"]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("plot.html"), "the path is told");
}

/// A killed process cannot say so: its page does, by its age.
#[test]
fn the_page_of_a_killed_run_says_that_there_is_no_news() {
    let place = Place::new();
    place.recipe("r.toml", STENCIL);
    let mut child = place.spawn(&["train", "r.toml", "-o", "run", "--epochs", "1000000"]);
    let file = place.path("run/plot.html");
    let page = || std::fs::read_to_string(&file).unwrap_or_default();
    let begun = Instant::now();
    while !page().contains("<figure") {
        assert!(begun.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "no page");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = page();
    let of = |key: &str| -> u64 {
        let rest = text.split(&format!("{key}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let (written, quiet) = (of("data-written"), of("data-quiet"));
    assert!(text.contains("data-state=\"training\"") && quiet >= 120, "{text}");
    // Half as old as that, and much older.
    for (name, age) in [("young.html", quiet / 2), ("old.html", 3 * 3600)] {
        let then = format!("data-written=\"{}\"", written - age);
        let aged = text.replace(&format!("data-written=\"{written}\""), &then);
        std::fs::write(place.path(name), aged).unwrap();
    }
    drive("news.py", &[place.path("young.html").as_os_str(), place.path("old.html").as_os_str()]);
}

/// Runs a script of tests/python; false where there is no browser. `make test` installs one; elsewhere one that is
/// missing is told.
fn drive(script: &str, args: &[&OsStr]) -> bool {
    let named = std::env::var("FEMPIPE_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let out = Command::new(&python).arg(script).args(args).output();
    let Ok(out) = out else {
        assert!(named.is_none(), "FEMPIPE_PYTHON = {python} does not run");
        println!("skipped: no {python} to drive a browser with");
        return false;
    };
    let text = String::from_utf8_lossy(&out.stdout);
    if out.status.code() == Some(77) && named.is_none() {
        println!("skipped: {text}");
        return false;
    }
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    true
}
