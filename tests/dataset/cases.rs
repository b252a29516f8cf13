//! Small files of a trait that people meet, a folder each in `tests/cases`, with what has to come of them. The kinds
//! that they stand for have tests of their own; here every file is read as it was found.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::command::{ok, output, refused};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// A copy of a case to work in.
fn copy(case: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        std::fs::create_dir_all(dir.path().join(&folder)).unwrap();
        for entry in std::fs::read_dir(root().join(case).join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let to = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(to);
            } else {
                std::fs::copy(entry.path(), dir.path().join(to)).unwrap();
            }
        }
    }
    dir
}

/// Solves a case's A.mtx(.gz) and b.mtx; the result as JSON, and what was said.
fn solve(case: &str, options: &[&str]) -> (serde_json::Value, String) {
    let dir = root().join(case);
    let a = if dir.join("A.mtx").exists() { "A.mtx" } else { "A.mtx.gz" };
    let out = output(&dir, &[&["solve", a, "b.mtx", "--json"], options].concat());
    let said = String::from_utf8(out.stderr).unwrap();
    (serde_json::from_slice(&out.stdout).unwrap_or_default(), said)
}

fn iterations(case: &str, options: &[&str]) -> u64 {
    let (result, said) = solve(case, options);
    assert!(result["reason"].as_str().is_some_and(|r| r.starts_with("CONVERGED_RTOL")), "{case}: {result} {said}");
    assert!(result["relative_residual"].as_f64().unwrap() <= 1e-8, "{case}: {result}");
    result["iterations"].as_u64().unwrap()
}

/// The lines of `fempipe mesh`, blanks made one.
fn mesh(case: &str, file: &str) -> Vec<String> {
    let dir = root().join(case);
    let said = ok(&dir, &["mesh", file, "--quiet"]);
    said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn has(lines: &[String], wanted: &[&str]) {
    for line in wanted {
        assert!(lines.iter().any(|l| l == line), "no '{line}' in {lines:#?}");
    }
}

#[test]
fn every_case_has_a_test() {
    let text = include_str!("cases.rs");
    let cases: BTreeSet<String> =
        std::fs::read_dir(root()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(cases.len(), 34);
    for case in cases {
        assert!(text.contains(&format!("\"{case}\"")), "{case}");
    }
}

#[test]
fn systems() {
    // In the units of b, of 1e-156 and 1e-162; an absolute tolerance is not what is asked for.
    let cg = ["--ksp", "cg", "--pc", "icc", "--atol", "0"];
    assert_eq!(iterations("c01_scale_b_1e-156", &cg), 15);
    let gmres = ["--ksp", "gmres", "--pc", "ilu", "--atol", "0"];
    assert_eq!(iterations("c01_scale_b_1e-162", &gmres), iterations("c01_scale_b_1e-156", &gmres));

    assert!(iterations("c05_neumann_grid15_consistent", &["--ksp", "cg", "--pc", "amg"]) <= 20);
    let (result, said) = solve("c05_neumann_grid30_inconsistent", &["--ksp", "minres", "--pc", "none"]);
    assert!((result["relative_residual"].as_f64().unwrap() - 0.9947).abs() < 1e-4, "{result}");
    assert!(said.contains("DIVERGED_INCONSISTENT") && said.contains("x minimises the residual"), "{said}");

    let (result, said) = solve("c08_dense_random", &["--ksp", "bcgs", "--pc", "none"]);
    assert!(result["reason"].as_str().unwrap().starts_with("DIVERGED"), "{result}");
    assert!(said.contains("not converged") && said.contains("take gmres"), "{said}");

    let penalty = "c14_fe_convdiff_pen1e+30";
    for options in [["cg", "none"], ["minres", "none"], ["gmres", "icc"], ["gmres", "cholesky"]] {
        let (result, said) = solve(penalty, &["--ksp", options[0], "--pc", options[1]]);
        assert!(result.is_null() && said.contains("symmetric"), "{options:?}: {said}");
    }
    assert_eq!(iterations(penalty, &["--ksp", "gmres", "--pc", "ilu"]), 22);

    let (_, said) = solve("c19_opts", &["--rtol", "1"]);
    assert!(said.contains("rtol = 1: must be below 1"), "{said}");
    let side = ["--ksp", "gmres", "--pc", "icc", "--pc-side", "symmetric", "--atol", "1e3", "--rtol", "1e-20"];
    assert_eq!(solve("c19_opts", &side).0["reason"], "CONVERGED_ATOL");

    let (result, said) = solve("c24_contrast_1e+08", &["--ksp", "cg", "--pc", "ict", "--rtol", "1e-8"]);
    assert!(said.contains("DIVERGED_STAGNATION"), "{said}");
    assert!(result["iterations"].as_u64().unwrap() < 100, "{result}");
    assert!(result["relative_residual"].as_f64().unwrap() < 2e-6, "{result}");

    let shifted = iterations("c26_icc_shift_scale_1", &["--ksp", "cg", "--pc", "icc"]);
    assert!(shifted <= iterations("c26_icc_shift_scale_1", &["--ksp", "cg", "--pc", "none"]));

    let fill = |case: &str| {
        let (result, _) = solve(case, &["--ksp", "gmres", "--pc", "ilut"]);
        (result["iterations"].as_u64().unwrap(), result["pc_nnz"].as_u64().unwrap())
    };
    let whole = fill("c27_ilut_scale_1");
    assert_eq!([fill("c27_ilut_scale_100"), fill("c27_ilut_scale_1e-12")], [whole, whole]);
}

#[test]
fn a_mesh_file_that_changes_between_two_runs() {
    let dir = copy("e01-mesh-file-changed");
    let at = dir.path();
    ok(at, &["generate", "r.toml", "-o", "d.h5"]);
    ok(at, &["generate", "r.toml", "-o", "s.h5", "--shard", "1/2"]);
    for version in ["v2.msh", "v3.msh"] {
        std::fs::copy(at.join(version), at.join("m.msh")).unwrap();
        std::fs::copy(at.join(version), at.join("other/m.msh")).unwrap();
        refused(at, &["generate", "r.toml", "-o", "d.h5"], 1, &["m.msh"]);
        refused(at, &["generate", "other/r.toml", "-o", "s.h5", "--shard", "2/2"], 1, &["m.msh"]);
    }
}

#[test]
fn physical_groups() {
    for file in ["m.msh", "m22.msh"] {
        let sides = ["bottom", "right", "top", "left"].map(|name| format!("facets of \"{name}\" 9"));
        let lines = mesh("g01-multi-groups-41", file);
        has(&lines, &sides.each_ref().map(String::as_str));
        has(&lines, &["facets of \"dirichlet\" 18", "cells (triangle) 198"]);
        has(&mesh("g02-negative-group-41", file), &["facets of \"outflow\" 18", "cells (triangle) 198"]);
    }
    for file in ["m.msh", "m41.msh"] {
        has(&mesh("g14-cells-in-two-groups-22", file), &["cells (triangle) 172", "points 103"]);
    }
}

#[test]
fn what_gmsh_writes() {
    has(&mesh("g04-entities-wrapped-lines", "m.msh"), &["points 5", "cells (triangle) 4"]);
    let square = ["points 16", "cells (triangle) 18", "area 1.000"];
    for file in ["m.msh", "between.msh", "junk.msh"] {
        has(&mesh("g05-comments-before-header", file), &square);
    }
    for file in ["m.msh", "m21.msh"] {
        has(&mesh("g08-version-2-0", file), &square);
    }
    has(&mesh("g09-z-nearly-zero", "m.msh"), &square);
    for file in ["m.msh", "m22.msh"] {
        has(&mesh("g15-second-order", file), &["points 118", "cells (triangle) 198"]);
    }
    has(&mesh("g15-second-order", "ball.msh"), &["points 205", "cells (tetra) 679"]);
    for file in ["m22.msh", "m41.msh"] {
        has(&mesh("g22-binary", file), &["points 118", "cells (triangle) 198", "facets of \"bottom\" 9"]);
    }
}

#[test]
fn meshes_that_do_not_meet() {
    let touching = copy("g12-unmerged-interface");
    let at = touching.path();
    let says = |count: &str| [format!("{count} nodes lie on another one"), "merge_nodes = true".into()];
    for (file, count) in [("m.msh", "4"), ("real.msh", "9")] {
        let says = says(count);
        refused(at, &["mesh", file], 1, &says.each_ref().map(String::as_str));
        ok(at, &["mesh", file, "--merge-nodes"]);
    }
    refused(at, &["generate", "r.toml", "-o", "d.h5"], 1, &["m.msh: 4 nodes lie on another one"]);
    ok(at, &["generate", "rr.toml", "-o", "d.h5"]);
    let hanging = copy("g13-hanging-nodes");
    for file in ["q.msh", "t.msh"] {
        let says = ["4 hanging nodes: node 18 at (0.5, 0.125) lies on the side of nodes 5, 6"];
        refused(hanging.path(), &["mesh", file], 1, &says);
    }
    refused(hanging.path(), &["generate", "r.toml", "-o", "d.h5"], 1, &["q.msh: 4 hanging nodes"]);
}

#[test]
fn outputs_that_are_there() {
    let dir = copy("h05-overwrite");
    let at = dir.path();
    let matrix = root().join("m09-unsigned-integer/a.mtx").display().to_string();
    ok(at, &["import", &matrix, "-o", "s.h5"]);
    let names = ["s.h5", "s.mtx", "s_b.mtx", "s_x.mtx", "m.msh"];
    let before = names.map(|name| std::fs::read(at.join(name)).unwrap());
    for force in [&[][..], &["--force"]] {
        let is_read = ["is read by this command"];
        refused(at, &[&["export", "s.h5", "--sample", "0", "--to", "npz", "-o", "s.h5"], force].concat(), 1, &is_read);
        refused(at, &[&["solve", "s.mtx", "-o", "s.mtx"], force].concat(), 1, &is_read);
        refused(at, &[&["solve", "s.mtx", "s_b.mtx", "-o", "s_b.mtx"], force].concat(), 1, &is_read);
    }
    refused(at, &["mesh", "m.msh", "-o", "m.msh"], 1, &["is read by this command"]);
    refused(at, &["export", "s.h5", "--sample", "0", "--to", "mtx", "-o", "s.mtx"], 1, &["is there already"]);
    refused(at, &["export", "s.h5", "--sample", "0", "--to", "mtx", "-o", "s_x.mtx"], 1, &["is there already"]);
    assert!(before == names.map(|name| std::fs::read(at.join(name)).unwrap()));
}

#[test]
fn matrix_files() {
    let solved = |case: &str, file: &str| {
        let found = ok(&root().join(case), &["solve", file, "--ksp", "gmres", "--pc", "none", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        (found["n"].as_u64().unwrap(), found["nnz"].as_u64().unwrap())
    };
    assert_eq!(solved("m04-skew-zero-diagonal", "a.mtx"), (2, 4));
    assert_eq!(solved("m07-fortran-d", "a.mtx"), (3, 7));
    assert_eq!(solved("m09-unsigned-integer", "a.mtx"), (3, 7));
    // Packed under either name.
    assert_eq!(solved("m10-gz", "a.mtx.gz"), solved("m10-gz", "b.mtx"));

    let dir = copy("m12-rhs-beside");
    ok(dir.path(), &["import", "c.mtx", "c_b.mtx", "s.mtx", "s_b.mtx", "-o", "d.h5"]);
    for (sample, b) in [("0", "0 5 0"), ("1", "1 2 3")] {
        let name = format!("out{sample}");
        ok(dir.path(), &["export", "d.h5", "--sample", sample, "--to", "mtx", "-o", &format!("{name}.mtx")]);
        let text = std::fs::read_to_string(dir.path().join(format!("{name}_b.mtx"))).unwrap();
        let values: Vec<f64> = text.lines().skip(2).map(|line| line.parse().unwrap()).collect();
        assert_eq!(values, b.split(' ').map(|v| v.parse().unwrap()).collect::<Vec<f64>>());
    }
    // Two columns are no right-hand side.
    refused(dir.path(), &["import", "k.mtx", "-o", "k.h5"], 1, &["k_b.mtx: a 3×2 matrix where a vector"]);
}

#[test]
fn claims_that_a_file_does_not_hold() {
    let clock = std::time::Instant::now();
    for (case, file, says) in [
        ("m16-huge-counts", "a.mtx", "is not a count below 2^32"),
        ("m16-huge-counts", "b.mtx", "with so few at most"),
        ("m16-huge-counts", "c.mtx", "the file ends before entry"),
        ("m16-huge-counts", "d.mtx", "with so few at most"),
        ("mtx-huge-size-line", "1e9.mtx", "with so few at most"),
        ("mtx-huge-size-line", "b.mtx", "with so few at most"),
        ("mtx-huge-size-line", "big.mtx", "with so few at most"),
        ("npz-huge-index", "coo.npz", "with so few at most"),
        ("npz-huge-index", "csc.npz", "with so few at most"),
        ("npz-huge-index", "stand.npz", "with so few at most"),
        ("npy-text-width-2e62", "u62.npz", "only little-endian numbers and text are read"),
    ] {
        refused(&root().join(case), &["solve", file], 1, &[file, says]);
    }
    let text = &["u62.npy: has type <U4611686018427387904"];
    refused(&root().join("npy-text-width-2e62"), &["solve", "A.mtx", "u62.npy"], 1, text);
    assert!(clock.elapsed().as_secs() < 60);
}
