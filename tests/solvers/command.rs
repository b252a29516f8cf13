//! `fempipe solve` on small files.

use std::path::Path;
use std::process::{Command, Output};

use fempipe::io::matrix_market;

use crate::systems::{convection, poisson, residual};

fn fempipe(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fempipe")).current_dir(dir).arg("solve").args(args).output().unwrap()
}

#[test]
fn a_file_is_solved_monitored_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (poisson(6), vec![2.0; 36]);
    matrix_market::write(dir.path().join("a.mtx"), &a).unwrap();
    matrix_market::write_vector(dir.path().join("b.mtx"), &b).unwrap();
    let run = fempipe(
        dir.path(),
        &["a.mtx", "b.mtx", "--pc", "ssor(1.2)", "--monitor", "--plot", "-o", "x.mtx", "--rtol", "1e-9"],
    );
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{text}");
    assert!(text.starts_with("    0 KSP Residual norm 1.2"), "{text}");
    assert!(text.contains("converged due to CONVERGED_RTOL iterations"), "{text}");
    assert!(text.contains("log₁₀"), "{text}");
    let x = matrix_market::read_vector(dir.path().join("x.mtx")).unwrap();
    assert!(residual(&a, &b, &x) <= 1.0001e-9 * 12.0);
    let its = |more: &[&str]| {
        let args = [&["a.mtx", "--pc", "none", "--json"], more].concat();
        let run = fempipe(dir.path(), &args);
        let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        json["iterations"].as_u64().unwrap()
    };
    assert!(its(&["--deflate", "6"]) < its(&[]));
    let coarse = ["--ksp", "fcg", "--deflate", "6", "--space-as", "two-level"];
    assert!(its(&coarse) < its(&coarse[..2]));
    let recycled = ["--ksp", "gcrodr(20, 2)"];
    assert_eq!(its(&[&recycled[..], &["--repeat", "1"]].concat()), its(&recycled));
    let run = fempipe(dir.path(), &["a.mtx", "--ksp", "gmres(5)", "--pc", "jacobi", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&json["n"], &json["ksp"]), (&36.into(), &"gmres(5)".into()));
    let drawn = ["a.mtx", "--plot", "r.svg", "--norm", "natural", "--pc-side", "symmetric"];
    let run = fempipe(dir.path(), &drawn);
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.contains("cg, natural norm") && text.contains("symmetric side"), "{text}");
    let svg = std::fs::read_to_string(dir.path().join("r.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("residual norm, natural"), "{svg}");
    // A norm that is met while the true residual is not is told.
    let run = fempipe(dir.path(), &["a.mtx", "--pc", "jacobi(0.001)", "--norm", "preconditioned", "--rtol", "1e-3"]);
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success() && text.contains("preconditioned norm"), "{text}");
    let fixed = ["a.mtx", "--norm", "none", "--max-it", "4", "--json"];
    let json: serde_json::Value = serde_json::from_slice(&fempipe(dir.path(), &fixed).stdout).unwrap();
    assert_eq!((&json["reason"], &json["iterations"]), (&"CONVERGED_ITS".into(), &4.into()));
    let run = fempipe(dir.path(), &["a.mtx", "--ksp", "gmres(5)", "--pc", "jacobi", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let points = json["history"].as_array().unwrap().len() as u64;
    assert_eq!(json["iterations"].as_u64().unwrap() + 1, points);
}

#[test]
fn what_cannot_be_solved_is_one_line_and_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    matrix_market::write(dir.path().join("a.mtx"), &poisson(6)).unwrap();
    matrix_market::write(dir.path().join("n.mtx"), &convection(6)).unwrap();
    std::fs::write(dir.path().join("h.mtx"), "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 1\n2 2 -1\n")
        .unwrap();
    std::fs::write(dir.path().join("bad.mtx"), "%%MatrixMarket matrix array real general\n2 2\n1\n").unwrap();
    for (args, says) in [
        (&["bad.mtx"][..], "bad.mtx: line 4: the file ends before entry (2, 1)"),
        (&["none.mtx"], "none.mtx: cannot read"),
        (&["a.mtx", "a.mtx"], "where a vector (one column) is needed"),
        (&["a.mtx", "--ksp", "cgg"], "unknown solver \"cgg\""),
        (&["n.mtx", "--pc", "jacobi"], "take gmres"),
        (&["n.mtx"], "icc needs a symmetric matrix"),
        (&["a.mtx", "--max-it", "2", "--pc", "none"], "not converged (DIVERGED_ITS)"),
        (&["a.mtx", "--rtol", "-1"], "rtol = -1"),
        (&["a.mtx", "--atol", "-1e-3"], "atol = -0.001"),
        (&["a.mtx", "--rtol", "1"], "rtol = 1: must be below 1"),
        (&["a.mtx", "--dtol", "0.5"], "dtol = 0.5: must be above 1"),
        (&["a.mtx", "--ksp", "richardson", "--pc", "none", "--dtol", "10"], "DIVERGED_DTOL"),
        (&["h.mtx", "--pc", "none"], "take minres or gmres"),
        (&["a.mtx", "--norm", "energy"], "must be unpreconditioned"),
        (&["a.mtx", "--pc-side", "right"], "cg has its preconditioner on the left"),
        (&["a.mtx", "--pc", "ssor", "--pc-side", "symmetric"], "take jacobi, icc"),
        (&["a.mtx", "--ksp", "bcgs", "--norm", "natural"], "bcgs has no natural residual norm"),
        (&["--plot", "a.mtx"], "ends in .svg"),
        (&["a.mtx", "--deflate", "37"], "37 sine modes"),
        (&["a.mtx", "--deflate", "3", "--ksp", "bcgs"], "take cg, minres or gcrodr"),
        (&["a.mtx", "--space-as", "two-level"], "no space"),
        (&["a.mtx", "--space-as", "level"], "must be deflation, two-level or additive"),
    ] {
        let run = fempipe(dir.path(), args);
        let error = String::from_utf8(run.stderr).unwrap();
        assert!(!run.status.success(), "{args:?}");
        assert!(error.contains(says) && error.lines().count() == 1, "{args:?}: {error}");
    }
}

#[test]
fn boundary_values_held_by_a_penalty_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut a = poisson(6);
    let mut b = vec![0.01; 36];
    for i in [0, 5, 30] {
        let k = a.pattern().find(i, i).unwrap();
        a.values_mut()[k] = 1e12;
        b[i] = 1e12;
    }
    matrix_market::write(dir.path().join("a.mtx"), &a).unwrap();
    matrix_market::write_vector(dir.path().join("b.mtx"), &b).unwrap();
    let json = |more: &[&str]| -> serde_json::Value {
        let run = fempipe(dir.path(), &[&["a.mtx", "b.mtx", "--pc", "jacobi", "--json"], more].concat());
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let early = json(&[]);
    assert_eq!(early["converged"], true);
    let warning = early["warning"].as_str().unwrap();
    assert!(warning.starts_with("3 rows hold values by a penalty (diagonal up to 1e12)"), "{warning}");
    let run = fempipe(dir.path(), &["a.mtx", "b.mtx", "--pc", "jacobi"]);
    assert!(String::from_utf8(run.stdout).unwrap().contains("eliminate those unknowns"));
    // A tolerance that the other rows meet too, and boundary values of 0: nothing to tell.
    assert!(json(&["--rtol", "1e-21"])["warning"].is_null());
    matrix_market::write_vector(dir.path().join("b.mtx"), &vec![1.0; 36]).unwrap();
    let plain = json(&[]);
    assert!(plain["converged"] == true && plain["warning"].is_null(), "{plain}");
}

#[test]
fn the_tables_are_listed() {
    let run = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_fempipe")).args(args).output().unwrap();
    for (listing, one, key) in [
        ("preconditioners", "icc", "levels"),
        ("solvers", "gmres", "restart"),
        ("families", "darcy", "cells"),
        ("models", "mlp", "hidden"),
    ] {
        let json: serde_json::Value = serde_json::from_slice(&run(&[listing, "--json"]).stdout).unwrap();
        let members = json.as_array().unwrap();
        let found = members.iter().find(|m| m["name"] == one).unwrap();
        assert!(!found["parameters"][key].is_null(), "{found}");
        assert!(members.iter().all(|m| !m["help"].as_str().unwrap().is_empty()), "{listing}");
        let text = String::from_utf8(run(&[listing, one]).stdout).unwrap();
        assert!(text.starts_with(one) && text.contains(key) && text.contains("source"), "{text}");
        let error = String::from_utf8(run(&[listing, "nothing"]).stderr).unwrap();
        assert!(error.contains("known: ") && error.contains(one), "{error}");
    }
    let help = String::from_utf8(run(&["solve", "--help"]).stdout).unwrap();
    assert!(help.contains("koptimal") && help.contains("fempipe solvers"), "{help}");
}
