//! Commands that explain: alone, of the wrong kind, in the shell's and in `man`'s language.

use crate::command::{ok, output, refused};

#[test]
fn commands_alone_say_what_can_be_done() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::create_dir(at.join("datasets")).unwrap();
    ok(at, &["generate", "--family", "poisson", "--level", "2", "--samples", "4", "-o", "datasets/mine.h5"]);
    for (args, words) in [
        (&[][..], &["fempipe train --family biharmonic", "fempipe recipe", "datasets here: datasets/mine.h5"][..]),
        (&["generate"], &["--family darcy", "families: biharmonic, darcy"]),
        (&["train"], &["fempipe recipe --model", "poisson       mlp, stencil-mlp, nsls", "--data datasets/mine.h5"]),
        (&["evaluate", "--quiet"], &["--data datasets/mine.h5", "fempipe recipe --evaluation"]),
        (&["recipe"], &["models: mlp"]),
    ] {
        let out = output(at, args);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{args:?}: {said}");
        assert!(out.stdout.is_empty());
        for word in words {
            assert!(said.contains(word), "{args:?}: no '{word}' in {said}");
        }
    }
    assert!(ok(at, &["--help"]).contains("130  interrupted"));
    assert!(ok(at, &["solve", "--help"]).contains("Options of every command:"));
}

#[test]
fn recipes_are_printed_and_taken_by_their_own_command() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (args, file) in [
        (&["recipe", "--family", "poisson"][..], "d.toml"),
        (&["recipe", "--model", "spai-gnn"], "t.toml"),
        (&["recipe", "--evaluation"], "e.toml"),
    ] {
        std::fs::write(at.join(file), ok(at, args)).unwrap();
    }
    ok(at, &["generate", "d.toml", "--samples", "3", "--level", "2"]);
    for (command, file, right) in [
        ("generate", "t.toml", "is a training recipe, for `fempipe train t.toml`"),
        ("generate", "e.toml", "is an evaluation recipe, for `fempipe evaluate e.toml`"),
        ("train", "d.toml", "is the recipe of a dataset, for `fempipe generate d.toml`"),
        ("evaluate", "t.toml", "is a training recipe"),
        ("mesh", "d.toml", "is the recipe of a dataset"),
    ] {
        refused(at, &[command, file], 1, &[file, right]);
    }
    let json: serde_json::Value = serde_json::from_str(&ok(at, &["recipe", "--family", "darcy", "--json"])).unwrap();
    assert_eq!(json["darcy"]["cells"], 64);
    let text = ok(at, &["recipe", "--family", "darcy", "--model", "precorrector"]);
    assert!(text.contains("epochs = 30") && text.contains("data = \"datasets/darcy-contrast.h5\""), "{text}");
    refused(at, &["recipe", "--model", "nope"], 1, &["unknown model", "precorrector"]);
    refused(at, &["recipe", "--family", "tridiagonal", "--model", "mlp"], 1, &["tridiagonal with factor-gnn"]);
}

#[test]
fn the_recipes_of_datasets_are_in_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let small = ["--samples", "4", "--set", "tridiagonal.n=10"];
    for (name, file) in [
        ("datasets/tridiagonal-independent.toml", "datasets/tridiagonal-independent.h5"),
        ("tridiagonal", "datasets/tridiagonal.h5"),
    ] {
        let said = ok(at, &[&["generate", name], &small[..]].concat());
        assert_eq!(said.trim(), file);
        assert!(at.join(file).is_file());
    }
    assert!(ok(at, &["inspect", "datasets/tridiagonal-independent.h5"]).contains("draw = \"independent\""));
    // A file of that name comes first.
    std::fs::write(at.join("darcy.toml"), "family = \"poisson\"\nsamples = 2\n[poisson]\nlevel = 2\n").unwrap();
    ok(at, &["generate", "darcy.toml"]);
    assert!(ok(at, &["inspect", "darcy.h5"]).contains("poisson"));
    for (recipe, right) in [
        ("tridiagonal-factor-gnn", "datasets/tridiagonal-independent.toml"),
        ("darcy-precorrector", "datasets/darcy-contrast.toml"),
        ("darcy-factor-gnn", "datasets/darcy-koptimal.toml"),
    ] {
        let root =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("training").join(recipe).with_extension("toml");
        std::fs::create_dir_all(at.join("training")).unwrap();
        std::fs::copy(root, at.join("training/t.toml")).unwrap();
        std::fs::remove_dir_all(at.join("datasets")).unwrap();
        std::fs::create_dir(at.join("datasets")).unwrap();
        refused(at, &["train", "training/t.toml"], 1, &[&format!("fempipe generate {right}")]);
    }
}

#[test]
fn levels_numbers_and_sets_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    refused(at, &["generate", "--family", "darcy", "--level", "3"], 1, &["darcy has no levels", "darcy.cells"]);
    refused(at, &["generate", "--family", "nope", "--level", "3"], 1, &["unknown family"]);
    let line = refused(
        at,
        &["generate", "--family", "poisson", "--set", "poisson.perturbation=1e-50", "--set", "samples=1e-50"],
        1,
        &[],
    );
    assert!(line.contains("samples = 1e-50"), "{line}");
    for (command, set) in [("generate", "samples"), ("generate", "samples.x=3"), ("generate", "=3")] {
        refused(at, &[command, "--family", "poisson", "--samples", "3", "--set", set], 1, &["--set"]);
    }
}

#[test]
fn shells_and_man_know_the_commands() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    assert!(ok(at, &["completions", "bash"]).contains("generate"));
    assert!(ok(at, &["man", "split"]).contains("fempipe\\-split"));
    ok(at, &["man", "-o", "pages"]);
    let pages = std::fs::read_dir(at.join("pages")).unwrap().count();
    assert!(pages > 15 && at.join("pages/fempipe-train.1").is_file(), "{pages}");
    refused(at, &["man", "nope"], 1, &["known: generate"]);
    refused(at, &["man", "-o", "pages"], 1, &["is there already"]);
}

#[test]
fn commands_in_hints_can_be_pasted() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let said = |args: &[&str]| {
        let out = output(at, args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stderr).unwrap()
    };
    let poisson = ["generate", "--family", "poisson", "--level", "2", "--samples", "4", "--set", "part_size=2"];
    let make = |more: &[&'static str]| said(&[&poisson[..], more].concat());
    assert!(make(&["-o", "my data.h5"]).contains("next: fempipe inspect 'my data.h5'\n"));
    assert!(make(&["-o", "plain.h5"]).contains("next: fempipe inspect plain.h5\n"));
    assert!(make(&["-o", "a b.h5", "--shard", "1/2"]).contains("when all are there: fempipe merge 'a b.h5'\n"));
    assert!(make(&["-o", "a b.h5", "--shard", "2/2"]).contains("next: fempipe merge 'a b.h5'\n"));
    assert!(said(&["merge", "a b.h5"]).contains("next: fempipe inspect 'a b.h5'\n"));
    assert!(said(&["inspect", "a b.h5"]).contains("next: fempipe inspect --verify 'a b.h5'\n"));
    std::fs::write(at.join("m.mtx"), "%%MatrixMarket matrix coordinate real symmetric\n1 1 1\n1 1 2\n").unwrap();
    let said = said(&["import", "m.mtx", "-o", "it's.h5"]);
    let file = "'it'\\''s.h5'";
    assert!(said.contains(&format!("next: fempipe inspect {file}; fempipe evaluate --data {file} --ksp")), "{said}");
    let train = ["train", "--model", "spai-gnn", "--data", "it's.h5", "-o", "run"];
    refused(at, &train, 1, &["`fempipe split '", "/it'\\''s.h5' 0.8"]);
    refused(at, &["split", "my data.h5", "1,1,1", "-o", "x.h5"], 1, &["generate --from 'my data.h5' --set"]);
    std::fs::write(at.join("my t.toml"), "model = \"mlp\"\ndata = \"d.h5\"\n").unwrap();
    refused(at, &["generate", "my t.toml"], 1, &["for `fempipe train 'my t.toml'`"]);
}
