//! Systems of one's own: directories, right-hand sides beside matrices, PETSc's files, sets; what others are told.

use std::path::Path;
use std::process::Command;

use fempipe::dataset::{Dataset, verify};

use crate::command::{alone, finish, ok, output, refused};
use crate::python::python;

/// A chain of n unknowns, diagonal 2 + shift.
fn chain(n: usize, shift: f64) -> String {
    let mut text = format!("%%MatrixMarket matrix coordinate real symmetric\n{n} {n} {}\n", 2 * n - 1);
    for i in 1..=n {
        text += &format!("{i} {i} {}\n", 2.0 + shift);
        if i > 1 {
            text += &format!("{i} {} -1\n", i - 1);
        }
    }
    text
}

/// Ten chains in a directory, the first five with right-hand sides of their own.
fn folder(at: &Path) {
    std::fs::create_dir(at.join("own")).unwrap();
    for k in 0..10 {
        std::fs::write(at.join(format!("own/m{k}.mtx")), chain(5, k as f64)).unwrap();
        if k < 5 {
            let b = format!("%%MatrixMarket matrix array real general\n5 1\n{k}\n1\n2\n3\n4\n");
            std::fs::write(at.join(format!("own/m{k}_b.mtx")), b).unwrap();
        }
    }
    std::fs::write(at.join("own/notes.txt"), "no matrix").unwrap();
}

#[test]
fn a_directory_is_imported_in_sets_and_divided_anew() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    folder(at);
    let json = ok(at, &["import", "own", "--split", "0.6,0.2,0.2", "-o", "own.h5", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["samples"].as_u64(), json["split"]["train"].as_u64()), (Some(10), Some(6)));
    assert_eq!(json["repeated_matrices"], 0);
    let text = ok(at, &["inspect", "--verify", "own.h5"]);
    assert!(text.contains("train 6, validation 2, test 2") && text.contains("verified"), "{text}");

    for (sizes, sets) in [("0.5,0.2,0.3", "train 5, validation 2, test 3"), ("train=9,hard=1", "train 9, hard 1")] {
        ok(at, &["split", "own.h5", sizes, "-o", "other.h5", "--force"]);
        let text = ok(at, &["inspect", "--verify", "other.h5"]);
        assert!(text.contains(sets) && text.contains("checksum of headers and tables holds"), "{text}");
        let _guard = alone();
        let (own, other) = (Dataset::open(at.join("own.h5")).unwrap(), Dataset::open(at.join("other.h5")).unwrap());
        assert_eq!(own.digests(), other.digests());
        assert!(own.header().origin != other.header().origin);
        for k in 0..10 {
            let b = other.read(k).unwrap().rhs;
            assert_eq!(b, if k < 5 { vec![k as f64, 1.0, 2.0, 3.0, 4.0] } else { vec![1.0; 5] });
        }
    }
    // The seed decides, and nothing else.
    for (seed, file) in [("1", "a.h5"), ("1", "b.h5"), ("2", "c.h5")] {
        ok(at, &["split", "own.h5", "0.5,0.2,0.3", "--seed", seed, "-o", file]);
    }
    let _guard = alone();
    let test = |file: &str| Dataset::open(at.join(file)).unwrap().split("test").unwrap().to_vec();
    assert_eq!(test("a.h5"), test("b.h5"));
    assert_ne!(test("a.h5"), test("c.h5"));
}

#[test]
fn what_cannot_be_split_or_trained_on_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    folder(at);
    ok(at, &["import", "own", "-o", "own.h5"]);
    for (sizes, code, words) in
        [("0.8,0.2", 2, "as in 0.8,0.1,0.1"), ("0.8,0.3,0.1", 1, "more than 1"), ("9,1,1", 1, "11 samples asked for")]
    {
        refused(at, &["split", "own.h5", sizes, "-o", "x.h5"], code, &[words]);
        refused(at, &["import", "own", "--split", sizes, "-o", "x.h5"], code, &[words]);
    }
    refused(at, &["split", "own.h5", "0.8,0.1,0.1", "-o", "own.h5", "--force"], 1, &["is read by this command"]);
    ok(at, &["generate", "--family", "poisson", "--level", "2", "--samples", "4", "-o", "p.h5"]);
    refused(at, &["split", "p.h5", "0.5,0.2,0.3", "-o", "x.h5"], 1, &["was not imported", "generate --from p.h5"]);
    assert!(!at.join("x.h5").exists());
    let line = refused(at, &["train", "--model", "spai-gnn", "--data", "own.h5"], 1, &["has no set 'train'"]);
    assert!(line.contains("fempipe split"), "{line}");
    refused(at, &["train", "--model", "spai-gnn"], 1, &["--data FILE", "--family F"]);
    refused(at, &["train", "--model", "mlp", "--data", "own.h5"], 1, &["--family", "precorrector"]);
    let line = refused(at, &["train", "--model", "nsls", "--data", "none.h5"], 1, &["none.h5: no such dataset"]);
    assert!(line.contains("fempipe import FILES --split"), "{line}");
    std::fs::create_dir(at.join("empty")).unwrap();
    refused(at, &["import", "empty", "-o", "x.h5"], 1, &["empty: holds no matrix", ".mtx.gz"]);
}

#[test]
fn matrices_of_test_that_training_has_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (name, shift) in [("a", 0.0), ("b", 0.0), ("c", 0.0), ("d", 0.0)] {
        std::fs::write(at.join(format!("{name}.mtx")), chain(3, shift)).unwrap();
    }
    let out = output(at, &["import", "a.mtx", "b.mtx", "c.mtx", "d.mtx", "--split", "2,1,1", "-o", "s.h5"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("2 samples outside of train have a matrix of it too"), "{said}");
}

#[test]
fn petsc_files_go_there_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    ok(at, &["generate", "--family", "poisson", "--level", "3", "--samples", "3", "-o", "p.h5"]);
    for k in ["0", "1", "2"] {
        ok(at, &["export", "p.h5", "--sample", k, "--to", "petsc", "-o", &format!("{k}.petsc")]);
    }
    // Under another name it is told by its first bytes.
    std::fs::rename(at.join("2.petsc"), at.join("2.dat")).unwrap();
    ok(at, &["import", "0.petsc", "1.petsc", "2.dat", "-o", "again.h5"]);
    {
        let _guard = alone();
        let (p, again) = (Dataset::open(at.join("p.h5")).unwrap(), Dataset::open(at.join("again.h5")).unwrap());
        for k in 0..3 {
            let (a, b) = (p.read(k).unwrap(), again.read(k).unwrap());
            assert_eq!((a.matrix.pattern(), a.matrix.values(), a.rhs), (b.matrix.pattern(), b.matrix.values(), b.rhs));
        }
        assert!(verify::verify(&again, &|_| ()).unwrap().faults.is_empty());
    }
    let whole = std::fs::read(at.join("0.petsc")).unwrap();
    std::fs::write(at.join("short.petsc"), &whole[..100]).unwrap();
    std::fs::write(at.join("other.petsc"), [0; 64]).unwrap();
    refused(at, &["import", "short.petsc", "-o", "x.h5"], 1, &["short.petsc: ends before"]);
    refused(at, &["import", "other.petsc", "-o", "x.h5"], 1, &["other.petsc: is no PETSc binary file"]);
}

#[test]
fn vtu_files_carry_what_made_the_sample() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let small = |family: &str, sets: &[&str]| {
        let mut args = vec!["generate", "--family", family, "--samples", "1", "-o", "d.h5", "--force"];
        args.extend(sets.iter().flat_map(|set| ["--set", set]));
        ok(at, &args);
        ok(at, &["export", "d.h5", "--to", "vtu", "-o", "d.vtu", "--force"]);
        std::fs::read_to_string(at.join("d.vtu")).unwrap()
    };
    let absorbing = ["helmholtz.cells=6", "helmholtz.kind=absorbing"];
    let on_disc = ["helmholtz.mesh.shape=disc", "helmholtz.mesh.area=0.05", "helmholtz.kind=absorbing"];
    let strong =
        ["biharmonic.grid=3", "biharmonic.discretisation=c0ip", "biharmonic.boundary=strong", "biharmonic.data=random"];
    for (family, sets, names) in [
        ("darcy", &["darcy.cells=6"][..], &["w", "b", "x"][..]),
        ("darcy", &["darcy.cells=4", "darcy.dim=3"], &["w", "b", "x"]),
        ("heat", &["heat.cells=6", "heat.steps=3"], &["w", "source", "b", "x"]),
        ("helmholtz", &["helmholtz.cells=8", "helmholtz.k=5.0"], &["k", "f", "b", "x"]),
        ("helmholtz", &absorbing, &["k", "b_real", "x_real", "x_imaginary"]),
        ("helmholtz", &on_disc, &["k", "b_real", "x_real", "x_imaginary"]),
        ("elliptic", &["elliptic.mesh.area=0.05"], &["coefficient", "x"]),
        ("biharmonic", &strong, &["coefficient", "boundary_values", "x"]),
        ("frame", &["frame.cells=[[1,3],[1,3],[1,3]]"], &["line_loads", "young", "force", "displacement", "rotation"]),
    ] {
        let text = small(family, sets);
        for name in names {
            assert!(text.contains(&format!("Name=\"{name}\"")), "{family}: no {name}");
        }
    }
}

#[test]
fn x_is_drawn_on_its_grid_as_the_readme_says() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let readme = include_str!("../../datasets/README.md");
    let (_, rest) = readme.split_once("```python\nimport numpy as np\n").unwrap();
    let (lines, _) = rest.split_once("```").unwrap();
    for (family, size, shape) in [
        ("poisson", "poisson.level=3", "(9, 9)"),
        ("darcy", "darcy.cells=6", "(7, 7)"),
        ("heat", "heat.cells=5", "(6, 6)"),
        ("helmholtz", "helmholtz.cells=8", "(9, 9)"),
    ] {
        ok(at, &["generate", "--family", family, "--set", size, "--samples", "1", "-o", "d.h5", "--force"]);
        let script = format!(
            "import h5py, numpy as np\nf = h5py.File('d.h5'); x = f['systems/solution'][0]\n{lines}\n\
             assert u.shape == {shape}, u.shape\n\
             assert (u[0] == 0).all() and (u[:, -1] == 0).all() and (u[1:-1, 1:-1] != 0).all()\n\
             p = m['points'][:].reshape(*u.shape, 2)\n\
             assert np.allclose(p[:, :, 0], np.linspace(0, 1, u.shape[1]))\n\
             assert np.allclose(p[:, 0, 1], np.linspace(0, 1, u.shape[0]))\n"
        );
        let out = finish(Command::new(&python).current_dir(at).args(["-c", &script]));
        assert!(out.status.success(), "{family}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn croissant_says_what_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    ok(at, &["generate", "--family", "darcy", "--set", "darcy.cells=6", "--samples", "10", "-o", "d.h5"]);
    let said = ok(at, &["export", "d.h5", "--croissant", "--license", "CC-BY-4.0", "--creator", "N. N."]);
    assert_eq!(said.trim(), "d.croissant.json");
    let text = std::fs::read_to_string(at.join("d.croissant.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((json["name"].as_str(), json["license"].as_str()), (Some("d"), Some("CC-BY-4.0")));
    assert_eq!(json["creator"]["name"], "N. N.");
    let file = &json["distribution"][0];
    let size = std::fs::metadata(at.join("d.h5")).unwrap().len();
    assert_eq!(
        (file["contentUrl"].as_str(), file["contentSize"].as_str()),
        (Some("d.h5"), Some(&*format!("{size} B")))
    );
    let sum = finish(Command::new("sha256sum").arg(at.join("d.h5")));
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert_eq!(file["sha256"].as_str(), sum.split(' ').next());
    let sets = json["recordSet"][0]["data"].as_array().unwrap();
    assert_eq!((sets[0]["split/name"].as_str(), sets[0]["split/samples"].as_u64()), (Some("train"), Some(8)));
    let arrays = json["variableMeasured"].as_array().unwrap();
    for entry in arrays {
        assert!(!entry["description"].as_str().unwrap().starts_with(';'), "nothing is said of {}", entry["name"]);
    }
    assert!(arrays.iter().any(|entry| entry["name"] == "/systems/fields/w"));
    refused(at, &["export", "d.h5", "--croissant"], 1, &["is there already"]);
    refused(at, &["export", "d.h5", "--license", "x", "--to", "mtx"], 2, &["--license", "--to"]);
}
