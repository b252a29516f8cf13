//! Killed anywhere, resumed, the same digests as an unbroken run; the same for any number of threads.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fempipe::rng::{self, Purpose};
use rand::RngExt;

use crate::command::{alone, digests, fempipe, finish, ok, output, refused, spawn};

const RECIPE: &str = "family = \"poisson\"\nsamples = 1200\nseed = 11\npart_size = 25\n[poisson]\nlevel = 4\n";

#[test]
fn killed_twenty_times_it_ends_with_the_same_digests() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE).unwrap();
    let start = Instant::now();
    ok(at, &["generate", "r.toml", "-o", "unbroken.h5"]);
    let unbroken = start.elapsed();
    let mut rng = rng::stream(1, Purpose::Measure, 0);
    let (mut kills, mut kept) = (0, 0);
    while kills < 20 {
        let mut command = fempipe(at, &["generate", "r.toml", "-o", "killed.h5"]);
        let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        // Anywhere from before the first part to the joining at the end.
        std::thread::sleep(unbroken.mul_f64(rng.random_range(0.0..0.6)));
        child.kill().unwrap();
        if !child.wait().unwrap().success() {
            kills += 1;
        }
        if at.join("killed.h5").exists() {
            // It came to the end: what is there must be whole, and then it starts anew.
            assert_eq!(digests(&at.join("killed.h5")), digests(&at.join("unbroken.h5")));
            std::fs::remove_file(at.join("killed.h5")).unwrap();
            let _ = std::fs::remove_dir_all(at.join("killed.h5.parts"));
        } else {
            kept += noted(&at.join("killed.h5.parts"));
        }
    }
    ok(at, &["generate", "r.toml", "-o", "killed.h5"]);
    assert_eq!(digests(&at.join("killed.h5")), digests(&at.join("unbroken.h5")));
    assert!(!at.join("killed.h5.parts").exists());
    ok(at, &["inspect", "--verify", "killed.h5"]);
    assert!(kept > 0, "no kill came while samples were there: the test tests nothing");
}

/// How many samples the journal of an unfinished dataset of `poisson`, which draws no parameters, has at most.
fn noted(dir: &Path) -> u64 {
    let length = |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |m| m.len());
    // The recipe, twice or more with its escapes, and the mark are less than three times the recipe.
    length("journal").saturating_sub(3 * length("recipe.toml")) / 40
}

/// Starts a run that takes long and interrupts it once many samples are there; returns what it says.
fn interrupted(at: &Path) -> String {
    let big = RECIPE.replace("samples = 1200", "samples = 6000").replace("level = 4", "level = 3");
    std::fs::write(at.join("r.toml"), big).unwrap();
    let mut command = fempipe(at, &["generate", "r.toml"]);
    let child = spawn(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    let start = Instant::now();
    while noted(&at.join("r.h5.parts")) < 100 {
        assert!(start.elapsed() < Duration::from_secs(60), "no samples in a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = finish(Command::new("kill").args(["-INT", &child.id().to_string()]));
    assert!(killed.status.success());
    let out = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(130), "{stderr}");
    stderr
}

#[test]
fn rows_whose_bytes_are_not_those_of_the_journal_are_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let stderr = interrupted(at);
    let kept: usize = stderr.split(" of 6000").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((100..6000).contains(&kept), "{stderr}");
    std::fs::write(
        at.join("few.toml"),
        RECIPE.replace("samples = 1200", "samples = 4").replace("level = 4", "level = 3"),
    )
    .unwrap();
    ok(at, &["generate", "few.toml"]);
    let guard = alone();
    let few = fempipe::dataset::Dataset::open(at.join("few.h5")).unwrap();
    let solution = few.read(3).unwrap().solution.unwrap();
    drop((few, guard));
    let (dataset, journal) = (at.join("r.h5.parts/unfinished.tmp"), at.join("r.h5.parts/journal"));
    // As if the machine had lost its power: a row did not reach the disk, a record did so by half.
    crate::errors::flip(&dataset, &solution[0].to_le_bytes(), 0);
    let half = std::fs::metadata(&journal).unwrap().len() - 3;
    std::fs::File::options().write(true).open(&journal).unwrap().set_len(half).unwrap();
    let told = ok(at, &["generate", "r.toml", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["made"].as_u64(), Some((6000 - kept + 2) as u64), "{told}");
    assert!(!at.join("r.h5.parts").exists());
    ok(at, &["inspect", "--verify", "r.h5"]);
    assert_eq!(digests(&at.join("r.h5"))[..4], digests(&at.join("few.h5")));
}

#[test]
fn what_is_unfinished_is_of_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    interrupted(at);
    let says = ["r.h5.parts", "another recipe", "seed = 11", "seed = 12"];
    refused(at, &["generate", "r.toml", "--seed", "12"], 1, &says);
    refused(at, &["generate", "r.toml", "--shard", "1/2"], 1, &["r.h5.parts", "without --shard"]);
    // The journal decides whose it is, and is believed only whole.
    let journal = at.join("r.h5.parts/journal");
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    refused(at, &["generate", "r.toml"], 1, &["r.h5.parts/journal", "damaged"]);
    let lock = std::fs::File::options().append(true).open(at.join("r.h5.parts/lock")).unwrap();
    lock.lock().unwrap();
    refused(at, &["generate", "r.toml"], 1, &["r.h5.parts", "in use by another fempipe"]);
}

/// Darcy systems of which about every second has a coefficient that is refused.
const REFUSED: &str = "family = \"darcy\"\nsamples = 40\nseed = 2\n[darcy]\ncells = 8\nw = \"a\"\n[darcy.parameters]\n\
                       a = { choice = [1.0, -1.0] }\n";

#[test]
fn a_run_that_failed_before_its_first_sample_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let right = REFUSED.replace("-1.0", "2.0");
    for more in [&[][..], &["--force"], &["--shard", "1/2"]] {
        std::fs::write(at.join("r.toml"), REFUSED).unwrap();
        // Samples are made side by side: all that were begun with the one that is refused are lost.
        refused(at, &["generate", "r.toml", "--threads", "1"], 1, &["sample ", "must be positive"]);
        let parts = at.join("r.h5.parts");
        assert!(parts.join("journal").exists() && parts.join("unfinished.tmp").exists(), "sample 0 is refused");
        std::fs::write(at.join("r.toml"), &right).unwrap();
        // Whoever is at work there still is.
        let lock = std::fs::File::options().append(true).open(parts.join("lock")).unwrap();
        lock.lock().unwrap();
        refused(at, &["generate", "r.toml"], 1, &["r.h5.parts", "in use by another fempipe"]);
        drop(lock);
        ok(at, &[&["generate", "r.toml"], more].concat());
        if more.contains(&"--shard") {
            ok(at, &["generate", "r.toml", "--shard", "2/2"]);
            ok(at, &["merge", "r.h5", "--force"]);
        }
        assert!(!parts.exists());
        ok(at, &["inspect", "--verify", "r.h5"]);
        ok(at, &["generate", "r.toml", "-o", "unbroken.h5"]);
        assert_eq!(digests(&at.join("r.h5")), digests(&at.join("unbroken.h5")));
        std::fs::remove_file(at.join("r.h5")).unwrap();
        // The same in parts, none of which is whole.
        std::fs::write(at.join("r.toml"), REFUSED).unwrap();
        refused(at, &["generate", "r.toml", "--compress"], 1, &["sample ", "must be positive"]);
        assert!(parts.join("recipe.toml").exists());
        std::fs::write(at.join("r.toml"), &right).unwrap();
        ok(at, &["generate", "r.toml"]);
        assert_eq!(digests(&at.join("r.h5")), digests(&at.join("unbroken.h5")));
        std::fs::remove_file(at.join("r.h5")).unwrap();
        std::fs::remove_file(at.join("unbroken.h5")).unwrap();
    }
}

#[test]
fn finished_parts_are_never_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE).unwrap();
    ok(at, &["generate", "r.toml", "--shard", "1/3"]);
    let part = at.join("r.h5.parts/part-00000.h5");
    let made = std::fs::metadata(&part).unwrap().modified().unwrap();
    ok(at, &["generate", "r.toml", "--shard", "1/3"]);
    assert_eq!(std::fs::metadata(&part).unwrap().modified().unwrap(), made);
}

#[test]
fn threads_change_no_bit() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE).unwrap();
    for threads in ["1", "2", "4"] {
        let file = format!("t{threads}.h5");
        ok(at, &["generate", "r.toml", "--set", "samples=150", "--threads", threads, "-o", &file]);
    }
    // With --samples 1 … 7 groups of samples that are solved side by side are smaller than the lanes.
    for samples in ["1", "2", "7"] {
        ok(at, &["generate", "r.toml", "--samples", samples, "--threads", "1", "-o", "few.h5", "--force"]);
        let few = digests(&at.join("few.h5"));
        assert_eq!(few[..], digests(&at.join("t1.h5"))[..few.len()], "{samples} samples");
    }
    let one = digests(&at.join("t1.h5"));
    assert_eq!(one.len(), 150);
    assert_eq!(one, digests(&at.join("t2.h5")));
    assert_eq!(one, digests(&at.join("t4.h5")));
}

#[test]
fn interrupted_it_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let stderr = interrupted(dir.path());
    assert!(stderr.contains("the same command goes on"), "{stderr}");
    assert!(noted(&dir.path().join("r.h5.parts")) >= 100 && !dir.path().join("r.h5").exists());
}

#[test]
fn a_changed_recipe_is_refused_not_mixed() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE).unwrap();
    ok(at, &["generate", "r.toml", "--shard", "1/8"]);
    refused(
        at,
        &["generate", "r.toml", "--seed", "12"],
        1,
        &["r.h5.parts", "another recipe", "seed = 11", "seed = 12"],
    );
    ok(at, &["generate", "r.toml", "--set", "samples=30", "-o", "s.h5"]);
    let again = ok(at, &["generate", "r.toml", "--set", "samples=30", "-o", "s.h5", "--json"]);
    assert!(again.contains("\"already there\"") && again.contains("\"made\":0"), "{again}");
    refused(
        at,
        &["generate", "r.toml", "--set", "samples=31", "-o", "s.h5"],
        1,
        &["s.h5", "samples = 30", "samples = 31", "--force"],
    );
    ok(at, &["generate", "r.toml", "--set", "samples=31", "-o", "s.h5", "--force"]);
    assert_eq!(digests(&at.join("s.h5")).len(), 31);
}

#[test]
fn the_parts_of_a_run_at_work_are_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE).unwrap();
    ok(at, &["generate", "r.toml", "--samples", "60"]);
    ok(at, &["generate", "r.toml", "--samples", "60", "--shard", "1/2", "--force"]);
    let parts = at.join("r.h5.parts");
    // As a run with --force holds it, which replaces the finished file in the end.
    let lock = std::fs::File::options().append(true).open(parts.join("lock")).unwrap();
    lock.lock().unwrap();
    for _ in 0..2 {
        let out = output(at, &["generate", "r.toml", "--samples", "60"]);
        assert!(String::from_utf8(out.stderr).unwrap().contains("complete already") && out.status.success());
        assert!(parts.join("part-00000.h5").exists());
    }
    refused(at, &["generate", "r.toml", "--samples", "60", "--force"], 1, &["r.h5.parts", "in use by another fempipe"]);
    drop(lock);
    ok(at, &["generate", "r.toml", "--samples", "60"]);
    assert!(!parts.exists(), "what a killed run left is removed");
}

#[test]
fn made_again_from_the_recipe_inside_at_any_size() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("r.toml"), RECIPE).unwrap();
    ok(at, &["generate", "r.toml", "--samples", "60"]);
    ok(at, &["generate", "--from", "r.h5", "-o", "same.h5"]);
    ok(at, &["generate", "--from", "r.h5", "--samples", "90", "-o", "more.h5"]);
    let (first, more) = (digests(&at.join("r.h5")), digests(&at.join("more.h5")));
    assert_eq!(first, digests(&at.join("same.h5")));
    assert_eq!((first.len(), more.len()), (60, 90));
    assert_eq!(first, more[..60]);
}

#[test]
fn a_dry_run_says_what_the_file_will_take_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let own = "[frame]\ncells = [[3, 4], [3, 4], [1, 3]]\n";
    for (family, keys, more, tolerance) in [
        ("poisson", "[poisson]\nlevel = 4\n", "", 0.01),
        ("darcy", "[darcy]\ncells = 16\nsolution = false\n", "", 0.01),
        ("frame", own, "", 0.05),
        ("poisson", "[poisson]\nlevel = 4\n", "compress = true\n", 0.15),
    ] {
        std::fs::write(at.join("r.toml"), format!("family = \"{family}\"\nsamples = 40\n{more}{keys}")).unwrap();
        let told = ok(at, &["generate", "r.toml", "--dry-run", "--json", "--threads", "2", "-o", "d.h5"]);
        assert!(!at.join("d.h5").exists() && !at.join("d.h5.parts").exists());
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        ok(at, &["generate", "r.toml", "-o", "d.h5"]);
        let found = std::fs::metadata(at.join("d.h5")).unwrap().len() as f64;
        std::fs::remove_file(at.join("d.h5")).unwrap();
        let error = told["bytes"].as_f64().unwrap() / found - 1.0;
        // Headers are as long for any number of samples.
        let headers = f64::from(16 << 10) / found;
        assert!(error.abs() < tolerance + headers, "{family}: {} told, {found} found", told["bytes"]);
        assert!(told["working_bytes"].as_f64().unwrap() > found);
        assert!(told["seconds"].as_f64().unwrap() > 0.0 && told["tried"].as_u64().unwrap() >= 8);
        assert!(told["memory"].as_u64().is_none_or(|bytes| bytes > 1 << 20));
        let stages = ["setup", "draw", "assemble", "factorise", "solve", "hash", "write"];
        let seconds = stages.map(|stage| told["stages"][stage].as_f64().unwrap());
        assert!(seconds[0] > 0.0 && seconds[1] > 0.0 && seconds[5] > 0.0 && seconds[6] > 0.0, "{told}");
        assert_eq!(seconds[4] > 0.0, !keys.contains("solution = false"), "{told}");
        assert!(told["slowdown"].as_f64().unwrap() >= 1.0 && told["disk_rate"].as_f64().unwrap() > 0.0, "{told}");
        // More threads than there are processors are asked for as well: they share the work, not the file.
        let many = ok(at, &["generate", "r.toml", "--dry-run", "--json", "--threads", "64", "-o", "d.h5"]);
        let many: serde_json::Value = serde_json::from_str(&many).unwrap();
        let [making, filing] = ["making", "filing"].map(|key| many[key].as_f64().unwrap());
        assert!(making < told["making"].as_f64().unwrap() && filing > 0.0, "{many} {told}");
        assert!(many["seconds"].as_f64().unwrap() >= filing);
        let here = std::thread::available_parallelism().unwrap().get();
        assert_eq!(many["processors"].as_u64(), Some(here as u64));
        // No more are at work than there are samples.
        let text = ok(at, &["generate", "r.toml", "--dry-run", "--threads", "1024", "-o", "d.h5"]);
        let assumes = format!(
            "40 at work, each 1.00 times slower than one alone; assumes 40 processors, this machine has {here}\n"
        );
        let assumes = assumes.replace("1.00", text.split(", each ").nth(1).unwrap().split(' ').next().unwrap());
        assert!(here >= 40 || text.contains(&assumes), "{text}");
        let text = ok(at, &["generate", "r.toml", "--dry-run", "--threads", "1", "-o", "d.h5"]);
        assert!(text.contains("1 at work") && !text.contains("assumes"), "{text}");
        assert_eq!(std::fs::read_dir(at).unwrap().count(), 1, "a trial left something");
    }
}
