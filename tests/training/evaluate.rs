//! Evaluation: the whole job end to end, and what it writes.

use std::collections::HashMap;

use crate::setup::{Place, STENCIL, data};

/// Rows of a CSV file by column name.
fn csv(text: &str) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn generate_train_evaluate() {
    let place = Place::new();
    place.ok(&[
        "generate",
        "--family",
        "poisson",
        "--level",
        "3",
        "--samples",
        "360",
        "--seed",
        "2",
        "-o",
        "p3.h5",
        "--set",
        "split.train=300",
        "--set",
        "split.validation=30",
        "--set",
        "split.test=30",
    ]);
    let recipe = r#"model = "mlp"
data = "p3.h5"
epochs = 25
batch_size = 20
[mlp]
hidden = [64, 64, 64]
loss = "l2"
[validation]
samples = 10
"#;
    std::fs::write(place.path("net.toml"), recipe).unwrap();
    place.ok(&["train", "net.toml"]);
    let recipe = "data = ['p3.h5']\n[[row]]\nlabel = 'Jacobi'\nksp = 'richardson(0.7)'\npc = 'jacobi'\n[[row]]\n\
                  label = 'Gauss-Seidel'\nksp = 'richardson'\npc = 'sor'\n[[row]]\nksp = 'cg'\npc = 'cholesky'\n\
                  [[row]]\nksp = 'richardson'\nmodel = 'net'\n";
    std::fs::write(place.path("e.toml"), recipe).unwrap();
    let table = place.ok(&["evaluate", "e.toml", "-o", "e"]);
    assert!(table.contains("Gauss-Seidel") && table.contains("fewest iterations"), "{table}");

    let dir = place.path("e");
    let rows = csv(&std::fs::read_to_string(dir.join("results.csv")).unwrap());
    // 6 rows (3 classical, the model, its constant and its untrained start) of 30 systems.
    assert_eq!(rows.len(), 6 * 30);
    let kinds = |kind: &str| rows.iter().filter(|r| r["kind"] == kind).count();
    let counts = ["classical", "constant", "untrained", "learned"].map(kinds);
    assert_eq!(counts, [90, 30, 30, 30]);
    for r in rows.iter().filter(|r| r["kind"] != "untrained") {
        let converged = r["converged"] == "true";
        let residual: f64 = r["relative_residual"].parse().unwrap();
        assert_eq!(converged, residual <= 1e-5, "{r:?}");
        if converged {
            let error: f64 = r["relative_error"].parse().unwrap();
            assert!(error < 1e-2, "{r:?}");
        }
    }
    let mean = |row: &str| {
        let its: Vec<f64> = rows
            .iter()
            .filter(|r| r["row"].contains(row) && r["kind"] != "untrained")
            .map(|r| {
                assert_eq!(r["converged"], "true", "{r:?}");
                r["iterations"].parse().unwrap()
            })
            .collect();
        assert_eq!(its.len(), 30, "{row}");
        its.iter().sum::<f64>() / 30.0
    };
    let (network, sor, jacobi) = (mean("richardson(1) + net"), mean("Gauss-Seidel"), mean("Jacobi"));
    assert!(network < sor && sor < jacobi, "{network} {sor} {jacobi}");
    // The count of a sparse direct method in CG is one.
    assert_eq!(mean("cholesky"), 1.0);

    let summary = csv(&std::fs::read_to_string(dir.join("summary.csv")).unwrap());
    assert_eq!(summary.len(), 6);
    let of_network = summary.iter().find(|r| r["row"] == "richardson(1) + net").unwrap();
    assert!((of_network["iterations_mean"].parse::<f64>().unwrap() - network).abs() < 1e-12);
    let kappa = |r: &HashMap<String, String>, k: &str| r[k].parse::<f64>().unwrap();
    assert!(kappa(of_network, "kappa_after") < kappa(of_network, "kappa_before"));
    let report = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(report.contains("<svg") && !report.contains("http://www.w3.org/1999"), "self-contained");
    assert!(report.contains("</html>"));
}

#[test]
fn a_checkpoint_of_another_size_is_refused_naming_both() {
    let place = Place::new();
    place.recipe("r.toml", crate::setup::SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--epochs", "1"]);
    place.ok(&["generate", "--family", "poisson", "--level", "3", "--samples", "20", "-o", "p3.h5"]);
    let error = place.fails(&["evaluate", "--data", "p3.h5", "--model", "run"]);
    assert!(error.contains("expected 9") && error.contains("49"), "{error}");
    let error = place.fails(&["evaluate", "--data", "p3.h5", "--model", "nowhere"]);
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn a_stencil_network_serves_another_level() {
    let place = Place::new();
    place.recipe("r.toml", STENCIL);
    place.ok(&["train", "r.toml", "-o", "run"]);
    place.ok(&["generate", "--family", "poisson", "--level", "4", "--samples", "20", "-o", "p4.h5"]);
    let asked = ["--data", "p4.h5", "--model", "run", "--ksp", "richardson,cg", "--set", "trivial=false"];
    let text = place.ok(&[&["--json", "evaluate"][..], &asked].concat());
    let result: serde_json::Value = serde_json::from_str(&text).unwrap();
    for cell in result["cells"].as_array().unwrap() {
        assert_eq!(cell["failures"], 0, "{cell}");
        assert!(cell["iterations"]["max"].as_f64().unwrap() <= 12.0, "{cell}");
    }
}

#[test]
fn systems_of_the_streams_that_a_network_was_trained_on_are_told() {
    let place = Place::new();
    place.recipe("r.toml", STENCIL);
    place.ok(&["train", "r.toml", "-o", "run"]);
    // Another seed or another level has other streams.
    for (level, seed, seen) in [("2", "5", true), ("2", "9", false), ("3", "5", false)] {
        let file = format!("p{level}-{seed}.h5");
        let drawn = ["--level", level, "--seed", seed, "--samples", "40"];
        place.ok(&[&["generate", "--family", "poisson", "-o", &file], &drawn[..]].concat());
        let evaluate = ["evaluate", "--data", &file, "--model", "run", "--ksp", "cg", "--allow-leaks", "-o"];
        let refused = place.run(&["evaluate", "--data", &file, "--model", "run", "--ksp", "cg", "-o", "r"]);
        assert_eq!(refused.status.success(), !seen);
        if seen {
            let why = String::from_utf8(refused.stderr).unwrap();
            assert!(why.contains("drawn with the seed and index") && why.contains("--allow-leaks"), "{why}");
            assert!(!place.path("r").exists());
        } else {
            std::fs::remove_dir_all(place.path("r")).unwrap();
        }
        let text = place.ok(&[&evaluate[..], &[&format!("e{level}-{seed}")]].concat());
        assert_eq!(text.contains("WARNING: ") && text.contains("drawn with the seed and index"), seen, "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&place.ok(&[&["--json"], &evaluate[..], &[&format!("j{level}-{seed}")]].concat()))
                .unwrap();
        assert_eq!(json["cells"][0]["seen_in_training"].is_null(), !seen, "{json}");
    }
    // The test set of its own dataset was never seen.
    let text =
        place.ok(&["evaluate", "--data", data().to_str().unwrap(), "--model", "run", "--ksp", "cg", "-o", "own"]);
    assert!(!text.contains("WARNING"), "{text}");
}

#[test]
fn failures_are_counted() {
    let place = Place::new();
    let recipe = format!(
        "data = [{:?}]\nmax_it = 3\ncondition_samples = 2\n[[row]]\nksp = \"cg\"\npc = \"none\"\n[[row]]\nksp = \
         \"cg\"\npc = \"mean-inverse\"\nsymmetrize = true\nlabel = \"constant\"\n",
        data()
    );
    std::fs::write(place.path("e.toml"), recipe).unwrap();
    place.ok(&["evaluate", "e.toml", "-o", "e"]);
    let rows = csv(&std::fs::read_to_string(place.path("e/results.csv")).unwrap());
    assert_eq!(rows.len(), 40);
    for r in rows.iter().filter(|r| r["row"] == "cg + none") {
        assert_eq!((r["converged"].as_str(), r["reason"].as_str()), ("false", "DIVERGED_ITS"));
    }
    let summary = csv(&std::fs::read_to_string(place.path("e/summary.csv")).unwrap());
    assert_eq!((summary[0]["failures"].as_str(), summary[0]["iterations_mean"].as_str()), ("20", "3"));
    assert!(summary[0]["total_seconds_median"].parse::<f64>().unwrap() > 0.0);
}

#[test]
fn wrong_recipes_name_the_row() {
    let place = Place::new();
    for (row, word) in [
        ("[[row]]\nksp = \"cg\"\n", "needs pc, space, guess or model"),
        ("[[row]]\nksp = \"cgg\"\npc = \"none\"\n", "cgg"),
        ("[[row]]\nksp = \"cg\"\npc = \"nonne\"\n", "nonne"),
        ("[[row]]\nksp = \"cg\"\npc = \"icc\"\nfilter = 0.1\n", "filter"),
        ("rtol = [1e-5, 1e-8, 1e-5]\n[[row]]\nksp = \"cg\"\npc = \"icc\"\n", "1e-5 is listed twice"),
        ("rtol = [2.0]\n[[row]]\nksp = \"cg\"\npc = \"icc\"\n", "rtol"),
        ("", "row"),
    ] {
        std::fs::write(place.path("e.toml"), format!("data = [{:?}]\n{row}", data())).unwrap();
        let error = place.fails(&["evaluate", "e.toml"]);
        assert!(error.contains("e.toml") && error.contains(word), "{row}: {error}");
    }
    // A solver that needs symmetry refuses a network that does not promise it, and says what would do.
    place.recipe("r.toml", crate::setup::SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--epochs", "1"]);
    let recipe = format!("data = [{:?}]\n[[row]]\nksp = \"cg\"\nmodel = \"run\"\n", data());
    std::fs::write(place.path("e.toml"), recipe).unwrap();
    let error = place.fails(&["evaluate", "e.toml"]);
    assert!(error.contains("cg") && error.contains("symmetric"), "{error}");
}

#[test]
fn a_training_run_is_not_overwritten() {
    let place = Place::new();
    place.recipe("r.toml", crate::setup::SMALL);
    place.ok(&["train", "r.toml", "-o", "run", "--epochs", "1"]);
    let before = std::fs::read_to_string(place.path("run/recipe.toml")).unwrap();
    let data = data().to_str().unwrap().to_string();
    let evaluate = ["evaluate", "--data", &data, "--ksp", "cg", "--pc", "icc", "-o"];
    let error = place.fails(&[&evaluate[..], &["run"]].concat());
    assert!(error.contains("recipe.toml") && error.contains("-o"), "{error}");
    assert_eq!(std::fs::read_to_string(place.path("run/recipe.toml")).unwrap(), before);
    std::fs::create_dir(place.path("empty")).unwrap();
    let error = place.fails(&["evaluate", "empty"]);
    assert!(error.contains("empty: is a directory without an evaluation"), "{error}");
}

#[test]
fn an_evaluation_is_replaced_by_force_alone() {
    let place = Place::new();
    let data = data().to_str().unwrap();
    let text = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    let run = |args: &[&str]| {
        let out = place.run(&[&["evaluate"][..], args].concat());
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.success(), "{said}");
        (String::from_utf8(out.stdout).unwrap(), said)
    };
    let icc = ["--data", data, "--ksp", "cg", "--pc", "icc", "-o", "e"];
    let (table, _) = run(&icc);
    let first = text("e/results.csv");
    // The same one is complete: nothing is measured, nothing written, the table is the same.
    std::fs::write(place.path("e/report.html"), "mine").unwrap();
    for again in [&icc[..], &["e"]] {
        let (same, said) = run(again);
        assert!(said.contains("e is complete already; --force measures again"), "{said}");
        let (note, rest) = same.split_once('\n').unwrap();
        assert_eq!(note, "20 of 20 solves were made in an earlier sitting; their seconds are of then");
        assert!(rest.trim_start() == table.trim_start(), "{rest}\n{table}");
        assert_eq!((text("e/results.csv"), text("e/report.html")), (first.clone(), "mine".to_string()));
    }
    // What is missing of it is written again.
    std::fs::remove_file(place.path("e/report.html")).unwrap();
    run(&icc);
    assert!(text("e/report.html").contains("cg + icc"));
    assert_eq!(text("e/results.csv"), first);
    run(&[&icc[..], &["--force"]].concat());
    assert_ne!(text("e/results.csv"), first);

    // Another one is refused: other rows, systems, tolerances, threads.
    let threads = (1 + std::thread::available_parallelism().unwrap().get()).to_string();
    let other = [["--pc", "jacobi"], ["--samples", "3"], ["--rtol", "1e-3"], ["--threads", &threads]];
    let first = text("e/results.csv");
    for change in other {
        let error = place.fails(&[&["evaluate"][..], &icc[..], &change].concat());
        assert!(error.contains("e: holds another evaluation") && error.contains("-o, or"), "{error}");
        assert_eq!(text("e/results.csv"), first);
    }
    run(&[&icc[..], &["--samples", "3", "--force"]].concat());
    assert_eq!(text("e/results.csv").lines().count(), 4);
    assert_eq!(text("e/journal.jsonl").matches("\"Solves\"").count(), 1);
    // One that cannot start replaces nothing.
    place.fails(&["evaluate", "--data", data, "--ksp", "cg", "--pc", "ilu", "-o", "e", "--force"]);
    assert_eq!(text("e/results.csv").lines().count(), 4);
    assert_eq!(text("e/journal.jsonl").matches("\"Solves\"").count(), 1);
}

#[test]
fn evaluations_without_a_directory_of_their_own_stand_side_by_side() {
    let place = Place::new();
    let recipe = |samples: usize| {
        let text = format!("data = [{:?}]\nsamples = {samples}\n[[row]]\nksp = \"cg\"\npc = \"icc\"\n", data());
        std::fs::write(place.path("e.toml"), text).unwrap();
    };
    let report = |options: &[&str]| {
        let told = place.ok(&[&["evaluate", "e.toml"][..], options].concat());
        told.lines().last().unwrap().to_string()
    };
    let lines = |name: &str| std::fs::read_to_string(place.path(name)).unwrap().lines().count();
    recipe(2);
    let first = report(&[]);
    let (name, dated) = (first.strip_prefix("report: ").unwrap(), first.contains("e-20"));
    let first_dir = name.strip_suffix("/report.html").unwrap();
    assert!(dated && name.ends_with("/report.html"), "{first}");
    recipe(3);
    let second = report(&[]);
    assert_eq!(second, format!("report: {first_dir}-2/report.html"));
    let results = [format!("{first_dir}/results.csv"), format!("{first_dir}-2/results.csv")];
    assert_eq!((lines(&results[0]), lines(&results[1])), (3, 4));
    // Each finds its own again.
    assert_eq!(report(&[]), second);
    recipe(2);
    assert_eq!(report(&[]), first);
    assert_eq!(report(&["--force"]), first);
    assert_eq!((lines(&results[0]), lines(&results[1])), (3, 4));
    assert!(!place.path(&format!("{first_dir}-3")).exists());
    // One that was killed, of which there is a journal alone, is gone on with where it was.
    std::fs::remove_file(place.path(&format!("{first_dir}/summary.json"))).unwrap();
    std::fs::remove_file(place.path(&format!("{first_dir}/recipe.toml"))).unwrap();
    assert_eq!(report(&[]), first);
}

#[test]
fn datasets_of_one_name_are_told_apart() {
    let place = Place::new();
    for (dir, level) in [("a", "2"), ("b", "3")] {
        std::fs::create_dir(place.path(dir)).unwrap();
        let file = format!("{dir}/p.h5");
        place.ok(&["generate", "--family", "poisson", "--level", level, "--samples", "20", "-o", &file]);
    }
    place.ok(&["evaluate", "--data", "a/p.h5,b/p.h5", "--ksp", "richardson(0.1)", "--pc", "none,jacobi", "-o", "e"]);
    let summary = csv(&std::fs::read_to_string(place.path("e/summary.csv")).unwrap());
    let of = |name: &str| -> Vec<_> { summary.iter().filter(|r| r["dataset"] == name).collect() };
    assert_eq!((of("p")[0]["n"].as_str(), of("p-2")[0]["n"].as_str()), ("9", "49"));
    for name in ["residuals-p", "residuals-p-2", "time-p", "time-p-2", "iterations", "condition", "density"] {
        assert!(place.path(&format!("e/{name}.svg")).exists(), "{name}");
    }
    // The iterations it took to 1e-5 are those that rho promises, up to the start of the decay.
    for r in of("p-2") {
        let rho: f64 = r["contraction"].parse().unwrap();
        let its: f64 = r["iterations_mean"].parse().unwrap();
        let promised = 1e-5f64.ln() / rho.ln();
        assert!((its / promised - 1.0).abs() < 0.15, "{its} {promised}");
    }
}

#[test]
fn flags_take_methods_of_two_arguments_and_recycling_starts_anew() {
    let place = Place::new();
    let data = data().to_str().unwrap();
    let ksp = "gcrodr(6, 2),gmres(6)";
    place.ok(&["evaluate", "--data", data, "--ksp", ksp, "--pc", "none", "--rtol", "1e-3,1e-8", "-o", "e"]);
    let text = std::fs::read_to_string(place.path("e/summary.csv")).unwrap();
    assert!(text.contains("\"gcrodr(6, 2) + none\""), "{text}");
    // Before its first restart the recycling method is GMRES, unless the warm-up left it a space.
    place.ok(&[
        "evaluate",
        "--data",
        data,
        "--ksp",
        ksp,
        "--pc",
        "none",
        "--rtol",
        "1e-1,1e-2",
        "--samples",
        "1",
        "-o",
        "f",
    ]);
    let rows = csv(&std::fs::read_to_string(place.path("f/results.csv")).unwrap());
    let its = |method: &str| -> Vec<&str> {
        let of_method = rows.iter().filter(|r| r["ksp"] == method);
        of_method.map(|r| r["iterations"].as_str()).collect()
    };
    assert_eq!(its("gcrodr(6, 2)").len(), 2);
    assert_eq!(its("gcrodr(6, 2)"), its("gmres(6)"));
    let error = place.fails(&["evaluate", "--data", data, "--ksp", "cg,gmrs(3)"]);
    assert!(error.contains("gmrs"), "{error}");
}

#[test]
fn iterations_until_the_error_is_small() {
    let place = Place::new();
    place.recipe("r.toml", crate::setup::NSLS);
    place.ok(&["train", "r.toml", "-o", "run", "--epochs", "1"]);
    let recipe = |rest: &str, ksp: &str| {
        format!(
            "data = [{:?}]\n{rest}\n[[row]]\nksp = {{ type = \"{ksp}\" }}\npc = \"none\"\n\
             [[row]]\nlabel = \"guess\"\nksp = {{ type = \"{ksp}\" }}\nmodel = \"run\"\n",
            data()
        )
    };
    std::fs::write(place.path("e.toml"), recipe("error = [1e-1, 1e-5]", "cg")).unwrap();
    let table = place.ok(&["evaluate", "e.toml", "-o", "e"]);
    assert!(table.contains("error 1e-1") && table.contains("% iterations (mean)"), "{table}");
    let rows = csv(&std::fs::read_to_string(place.path("e/results.csv")).unwrap());
    assert!(!rows.is_empty());
    for row in &rows {
        assert_eq!((row["measure"].as_str(), row["reason"].as_str()), ("error", "CONVERGED_USER"));
        let (error, tolerance): (f64, f64) = (row["relative_error"].parse().unwrap(), row["rtol"].parse().unwrap());
        assert!(error <= tolerance, "{row:?}");
    }
    // Absolute ones, in the units of x, go by themselves.
    std::fs::write(place.path("a.toml"), recipe("absolute_error = [1e-6]", "cg")).unwrap();
    let table = place.ok(&["evaluate", "a.toml", "-o", "a"]);
    assert!(table.contains("absolute error 1e-6"), "{table}");
    let rows = csv(&std::fs::read_to_string(place.path("a/results.csv")).unwrap());
    assert!(rows.iter().all(|r| r["measure"] == "absolute-error" && r["reason"] == "CONVERGED_USER"));
    std::fs::write(place.path("z.toml"), recipe("absolute_error = [0.0]", "cg")).unwrap();
    let error = place.fails(&["evaluate", "z.toml", "-o", "z"]);
    assert!(error.contains("absolute_error: must be a list of positive numbers"), "{error}");
    std::fs::write(place.path("g.toml"), recipe("error = [1e-1]", "gmres")).unwrap();
    let error = place.fails(&["evaluate", "g.toml", "-o", "g"]);
    assert!(error.contains("gmres") && error.contains("minres"), "{error}");
    std::fs::write(place.path("h.toml"), recipe("error = [2.0]", "cg")).unwrap();
    let error = place.fails(&["evaluate", "h.toml", "-o", "h"]);
    assert!(error.contains("error: must be a list"), "{error}");
}

#[test]
fn a_row_may_have_a_model_and_a_classical_preconditioner() {
    let place = Place::new();
    for (name, recipe) in [("guess", crate::setup::NSLS), ("pc", STENCIL)] {
        place.recipe("r.toml", recipe);
        place.ok(&["train", "r.toml", "-o", name, "--epochs", "2"]);
    }
    let rows = |rows: &[&str]| {
        let rows: String = rows.iter().map(|r| format!("[[row]]\nksp = \"cg\"\n{r}\n")).collect();
        let head = format!("data = [{:?}]\nsamples = 6\ncondition_samples = 1\n", data());
        std::fs::write(place.path("e.toml"), head + &rows).unwrap();
    };
    let alone = "guess = \"iterates(3)\"";
    rows(&["pc = \"icc\"", "model = \"guess\"", "model = \"guess\"\npc = \"icc\"", alone]);
    place.ok(&["evaluate", "e.toml", "-o", "e"]);
    let results = csv(&std::fs::read_to_string(place.path("e/results.csv")).unwrap());
    let of = |row: &str, key: &str| -> Vec<String> {
        let rows = results.iter().filter(|r| r["row"] == row);
        rows.map(|r| r[key].clone()).collect()
    };
    let both = "cg + guess + icc";
    assert_eq!(of(both, "kind"), ["learned"; 6]);
    assert_eq!(of(both, "guess_error"), of("cg + guess", "guess_error"));
    assert_eq!(of(both, "pc_nnz"), of("cg + icc", "pc_nnz"));
    let iterations = |row: &str| -> usize { of(row, "iterations").iter().map(|i| i.parse::<usize>().unwrap()).sum() };
    assert!(iterations(both) < iterations("cg + guess"));
    // Three iterates are features, and one product more puts the guess together; the iterate alone has three.
    assert_eq!(
        (of("cg + guess", "setup_iterations"), of("cg + iterates(3)", "setup_iterations")),
        (vec!["4".to_string(); 6], vec!["3".to_string(); 6])
    );
    assert_eq!(
        (of("cg + icc", "setup_iterations"), of("cg + iterates(3)", "kind")),
        (vec![String::new(); 6], vec!["classical".to_string(); 6])
    );
    let own = |row: &str| iterations(row) - 6 * of(row, "setup_iterations")[0].parse::<usize>().unwrap();
    assert!(own("cg + iterates(3)") > 0 && own("cg + guess") > 0);
    // The condition number is that of the preconditioner.
    let summary = csv(&std::fs::read_to_string(place.path("e/summary.csv")).unwrap());
    let kappa = |row: &str| summary.iter().find(|r| r["row"] == row).unwrap()["kappa_after"].clone();
    assert!(!kappa(both).is_empty() && kappa(both) == kappa("cg + icc"));
    // Two preconditioners are one too many, and that is said before anything is solved.
    rows(&["model = \"pc\"\npc = \"icc\""]);
    let error = place.fails(&["evaluate", "e.toml"]);
    assert!(error.contains("cg + pc + icc") && error.contains("both give a preconditioner"), "{error}");
}

#[test]
fn rounds_give_one_solve_a_system_with_its_spread() {
    let place = Place::new();
    let data = data().to_str().unwrap();
    let asked = ["evaluate", "--data", data, "--ksp", "cg", "--pc", "icc,jacobi", "-o", "e"];
    let with = |more: &[&str]| place.ok(&[&asked[..], more].concat());
    let once = with(&[]);
    let single = csv(&std::fs::read_to_string(place.path("e/results.csv")).unwrap());
    assert!(!once.contains('±') && single.iter().all(|r| r["spread"].is_empty()));
    let table = with(&["--repeats", "3", "--force"]);
    let rows = csv(&std::fs::read_to_string(place.path("e/results.csv")).unwrap());
    assert_eq!(rows.len(), single.len());
    for (thrice, once) in rows.iter().zip(&single) {
        assert_eq!((&thrice["iterations"], &thrice["row"]), (&once["iterations"], &once["row"]));
        let spread: f64 = thrice["spread"].parse().unwrap();
        assert!(spread >= 0.0 && thrice["note"].is_empty(), "{thrice:?}");
    }
    assert!(table.contains('±'), "{table}");
    // A cell a row and round, one row after the other.
    let journal = std::fs::read_to_string(place.path("e/journal.jsonl")).unwrap();
    let cells: Vec<serde_json::Value> = journal.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let cells: Vec<u64> = cells.iter().filter_map(|line| line["entry"]["Solves"][0]["row"].as_u64()).collect();
    assert_eq!(cells, [0, 1, 0, 1, 0, 1]);
    // Killed in the second round, it goes on there.
    let kept: Vec<&str> = journal.lines().collect();
    let third = kept.iter().enumerate().filter(|(_, l)| l.contains("\"Solves\"")).nth(3).unwrap().0;
    std::fs::write(place.path("e/journal.jsonl"), kept[..third].join("\n") + "\n").unwrap();
    std::fs::remove_file(place.path("e/results.csv")).unwrap();
    let told = with(&["--repeats", "3"]);
    assert!(told.contains("60 of 120 solves (in 3 rounds) were made"), "{told}");
    let again = csv(&std::fs::read_to_string(place.path("e/results.csv")).unwrap());
    assert!(again.iter().zip(&rows).all(|(a, b)| a["iterations"] == b["iterations"]));
    let error = place.fails(&[&asked[..], &["--repeats", "0"]].concat());
    assert!(error.contains("repeats = 0"), "{error}");
}
