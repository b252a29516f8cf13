//! `fempipe solve` with what a trained model predicts.

use crate::setup::{NSLS, Place, SMALL, STENCIL, data};

#[test]
fn a_run_directory_is_a_preconditioner() {
    let place = Place::new();
    place.recipe("r.toml", STENCIL);
    place.ok(&["train", "r.toml", "-o", "run"]);
    let sample = data().to_str().unwrap();
    let solve = |more: &[&str]| {
        let args = [&["solve", sample, "--sample", "150", "--json"], more].concat();
        let json: serde_json::Value = serde_json::from_str(&place.ok(&args)).unwrap();
        json
    };
    let json = solve(&["--pc", "run"]);
    assert_eq!(json["pc"], "run");
    assert!(json["pc_note"].as_str().unwrap().contains("stencil-mlp: a preconditioner"), "{json}");
    assert!(json["relative_residual"].as_f64().unwrap() <= 1e-8);
    assert!(json["setup_seconds"].as_f64().unwrap() > 0.0);
    // The checkpoint itself is as good, and the matrix alone, exported by hand.
    assert_eq!(solve(&["--pc", "run/best.safetensors"])["iterations"], json["iterations"]);
    let entries = "%%MatrixMarket matrix coordinate real symmetric\n3 3 3\n1 1 4\n2 2 4\n3 3 4\n";
    std::fs::write(place.path("foreign.mtx"), entries).unwrap();
    let error = place.fails(&["solve", "foreign.mtx", "--pc", "run"]);
    assert!(error.contains("run (stencil-mlp) cannot take foreign.mtx"), "{error}");
    for (args, says) in [
        (&["--pc", "nowhere/run"][..], "nowhere/run: no such run directory"),
        (&["--pc", "icc", "--symmetrize"], "--pc must be a run directory"),
        (&["--pc", "run", "--filter", "0.1"], "no explicit inverse"),
    ] {
        let error = place.fails(&[&["solve", sample], args].concat());
        assert!(error.contains(says), "{args:?}: {error}");
    }
}

#[test]
fn an_explicit_inverse_is_symmetrised_for_cg_on_demand() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    place.ok(&["train", "r.toml", "-o", "run"]);
    let sample = data().to_str().unwrap();
    let error = place.fails(&["solve", sample, "--pc", "run"]);
    assert!(error.contains("take fcg or gmres"), "{error}");
    let text = place.ok(&["solve", sample, "--pc", "run", "--symmetrize", "--ksp", "fcg"]);
    assert!(text.contains("converged due to CONVERGED_RTOL"), "{text}");
    assert!(text.contains("spd by its dataset"), "{text}");
    let text = place.ok(&["solve", sample, "--pc", "run", "--ksp", "gmres"]);
    assert!(text.contains("mlp: a preconditioner"), "{text}");
    for wrong in ["nan", "-1"] {
        let filter = format!("--filter={wrong}");
        let error = place.fails(&["solve", sample, "--pc", "run", "--ksp", "gmres", &filter]);
        assert!(error.contains("filter = ") && error.contains("must be 0 or positive"), "{error}");
    }
}

#[test]
fn what_a_model_predicts_goes_with_a_classical_preconditioner() {
    let place = Place::new();
    for (name, recipe) in [("guess", NSLS), ("pc", STENCIL)] {
        place.recipe("r.toml", recipe);
        place.ok(&["train", "r.toml", "-o", name]);
    }
    let sample = data().to_str().unwrap();
    let solve = |more: &[&str]| {
        let args = [&["solve", sample, "--sample", "150", "--json"], more].concat();
        let json: serde_json::Value = serde_json::from_str(&place.ok(&args)).unwrap();
        assert!(json["relative_residual"].as_f64().unwrap() <= 1e-8);
        json
    };
    let (icc, guess) = (solve(&["--pc", "icc"]), solve(&["--model", "guess"]));
    assert_eq!(guess["history"], solve(&["--pc", "guess"])["history"]);
    let both = solve(&["--model", "guess", "--pc", "icc"]);
    assert_eq!((&both["pc"], &both["model"]), (&"icc(0)".into(), &"guess".into()));
    assert_eq!(both["pc_nnz"], icc["pc_nnz"]);
    assert!(both["pc_note"].as_str().unwrap().contains("nsls: an initial guess"));
    // It starts where the guess is and goes on as icc does.
    assert_eq!(both["history"][0], guess["history"][0]);
    assert!(both["iterations"].as_u64() < guess["iterations"].as_u64());
    // Three iterates and the product that scales the guess are iterations.
    assert_eq!((&guess["setup_iterations"], &icc["setup_iterations"]), (&4.into(), &0.into()));
    let after = guess["history"].as_array().unwrap().len() as u64 - 1;
    assert_eq!(guess["iterations"].as_u64().unwrap(), after + 4);
    let seconds = |json: &serde_json::Value, key: &str| json[key].as_f64().unwrap();
    assert_eq!(seconds(&icc, "inference_seconds"), 0.0);
    assert!(seconds(&both, "inference_seconds") > 0.0);
    assert!(seconds(&both, "setup_seconds") > seconds(&both, "inference_seconds"));
    // A guess and a preconditioner of two models, and a space with them.
    let learned = solve(&["--model", "guess", "--pc", "pc"]);
    assert_eq!(learned["history"][0], guess["history"][0]);
    let deflated = solve(&["--model", "guess", "--pc", "pc", "--deflate", "4"]);
    assert!(deflated["iterations"].as_u64() < learned["iterations"].as_u64());
    for args in [&["--model", "pc", "--pc", "icc"][..], &["--model", "pc", "--pc", "pc"]] {
        let error = place.fails(&[&["solve", sample], args].concat());
        assert!(error.contains("--model and --pc") && error.contains("both give a preconditioner"), "{error}");
    }
    let text = place.ok(&["solve", sample, "--model", "guess", "--pc", "icc"]);
    assert!(text.contains("icc(0)") && text.contains("seconds         inference "), "{text}");
    assert!(text.contains(", 4 of them for features and guess"), "{text}");
}

#[test]
fn matrices_and_right_hand_sides_that_do_not_fit_are_refused_by_file() {
    let place = Place::new();
    let write = |name: &str, text: &str| std::fs::write(place.path(name), text).unwrap();
    write("wide.mtx", "%%MatrixMarket matrix coordinate real general\n2 3 2\n1 1 1\n2 2 1\n");
    write("a.mtx", "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 1\n2 2 1\n");
    write("b.mtx", "%%MatrixMarket matrix array real general\n3 1\n1\n1\n1\n");
    for pc in ["icc", "none"] {
        let error = place.fails(&["solve", "wide.mtx", "--pc", pc]);
        assert!(error.contains("wide.mtx: holds a 2 × 3 matrix: A of a linear system must be square"), "{error}");
    }
    let error = place.fails(&["solve", "a.mtx", "b.mtx"]);
    assert!(error.contains("b.mtx: has 3 entries, the matrix 2 rows"), "{error}");
}
