//! Imports and exports: there and back without a changed bit, bad files refused by name and line.

use std::path::Path;

use fempipe::dataset::{Dataset, verify};
use fempipe::linalg::Props;

use crate::command::{alone, ok, output, refused};

const SPD: &str = "%%MatrixMarket matrix coordinate real symmetric\n% a comment\n3 3 5\n\
                   1 1 4\n2 1 -1\n2 2 5.25\n3 2 -1e-1\n3 3 2\n";

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
}

#[test]
fn there_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, "a.mtx", SPD);
    write(dir, "a_b.mtx", "%%MatrixMarket matrix array real general\n3 1\n1\n2\n0.1\n");
    // As *.mtx names them: the right-hand side is no matrix of its own.
    let text = ok(dir, &["import", "a.mtx", "a_b.mtx", "-o", "a.h5", "--json"]);
    assert!(text.contains("\"samples\":1"), "{text}");
    for (to, file) in [("mtx", "e.mtx"), ("npz", "e.npz")] {
        ok(dir, &["export", "a.h5", "--to", to, "-o", file]);
        ok(dir, &["import", file, "-o", "again.h5", "--force"]);
        let _guard = alone();
        let (a, b) = (Dataset::open(dir.join("a.h5")).unwrap(), Dataset::open(dir.join("again.h5")).unwrap());
        let (a, b) = (a.read(0).unwrap(), b.read(0).unwrap());
        assert_eq!(a.matrix.pattern(), b.matrix.pattern());
        assert_eq!(a.matrix.values(), b.matrix.values());
        assert_eq!((a.rhs, a.solution), (b.rhs, b.solution));
    }
    ok(dir, &["export", "a.h5", "--to", "petsc", "-o", "e.petsc"]);
    let bytes = std::fs::read(dir.join("e.petsc")).unwrap();
    // Class id, rows, columns, entries; row lengths; columns; values; then two vectors of 3.
    let number = |at: usize| i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!([number(0), number(4), number(8), number(12)], [1_211_216, 3, 3, 7]);
    assert_eq!([number(16), number(20), number(24)], [2, 3, 2]);
    let vectors = 16 + 4 * 3 + 4 * 7 + 8 * 7;
    assert_eq!([number(vectors), number(vectors + 4)], [1_211_214, 3]);
    assert_eq!(bytes.len(), vectors + 2 * (8 + 24));
}

#[test]
fn a_mesh_goes_to_vtk_with_its_solution() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    ok(dir, &["generate", "--family", "elliptic", "--samples", "1", "--set", "elliptic.mesh.area=0.05", "-o", "e.h5"]);
    ok(dir, &["export", "e.h5", "--to", "vtu", "-o", "e.vtu"]);
    let text = std::fs::read_to_string(dir.join("e.vtu")).unwrap();
    for part in ["UnstructuredGrid", "Name=\"x\"", "Name=\"b\"", "Name=\"coefficient\""] {
        assert!(text.contains(part), "{part}");
    }
    ok(dir, &["generate", "--family", "tridiagonal", "--samples", "1", "-o", "t.h5"]);
    refused(dir, &["export", "t.h5", "--to", "vtu"], 1, &["no mesh"]);
}

#[test]
fn several_matrices_and_what_holds_for_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, "spd.mtx", SPD);
    write(dir, "indefinite.mtx", "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n2 1 1\n2 2 3\n");
    write(dir, "general.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1\n1 2 5\n2 2 1\n");
    for (files, props) in [
        (&["spd.mtx"][..], Props::SPD),
        (&["spd.mtx", "indefinite.mtx"], Props::SYMMETRIC),
        (&["spd.mtx", "indefinite.mtx", "general.mtx"], Props::GENERAL),
    ] {
        let mut args = vec!["import", "-o", "all.h5", "--force", "--rhs", "image-of-ones"];
        args.extend(files);
        ok(dir, &args);
        let _guard = alone();
        let data = Dataset::open(dir.join("all.h5")).unwrap();
        assert_eq!(data.split("test").unwrap().len(), files.len());
        assert!(verify::verify(&data, &|_| ()).unwrap().faults.is_empty());
        for i in 0..data.len() {
            let s = data.read(i).unwrap();
            assert_eq!(s.props, props);
            assert!(s.solution.unwrap().iter().all(|x| (x - 1.0).abs() < 1e-12));
        }
    }
}

#[test]
fn what_cannot_be_imported_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, "short.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1\n");
    write(dir, "wide.mtx", "%%MatrixMarket matrix coordinate real general\n1 2 1\n1 1 1\n");
    write(dir, "singular.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1\n2 1 1\n");
    write(dir, "text.txt", "hello");
    write(dir, "broken.npz", "PK\u{3}\u{4}");
    write(dir, "a.mtx", SPD);
    for (file, word) in [
        ("short.mtx", "short.mtx: line"),
        ("wide.mtx", "must be square"),
        ("singular.mtx", "singular.mtx"),
        ("text.txt", ".mtx"),
        ("broken.npz", "broken.npz"),
        ("missing.mtx", "missing.mtx"),
    ] {
        refused(dir, &["import", "a.mtx", file, "-o", "x.h5"], 1, &[word]);
        assert!(!dir.join("x.h5").exists(), "{file}");
    }
    ok(dir, &["import", "a.mtx", "-o", "x.h5"]);
    refused(dir, &["import", "a.mtx", "-o", "x.h5"], 1, &["x.h5", "--force"]);
    refused(dir, &["export", "x.h5", "--sample", "7", "--to", "mtx"], 1, &["no sample 7"]);
}

#[test]
fn all_files_that_cannot_be_imported_are_told_and_can_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let names = |range: std::ops::Range<usize>| range.map(|k| format!("m{k}.mtx")).collect::<Vec<_>>();
    names(0..10).iter().for_each(|name| write(dir, name, SPD));
    write(dir, "m3.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1\n2 1 1\n");
    write(dir, "m5.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1\n");
    write(dir, "m7_b.mtx", "%%MatrixMarket matrix array real general\n2 1\n1\n1\n");
    let files = names(0..10);
    let with = |more: &[&'static str]| {
        let args =
            ["import", "-o", "x.h5", "--split", "0.5,0.2,0.3"].into_iter().chain(files.iter().map(String::as_str));
        args.chain(more.iter().copied()).collect::<Vec<_>>()
    };
    for quiet in [&[][..], &["--quiet"]] {
        let line = refused(dir, &with(quiet), 1, &["3 of 10 files cannot be imported", "nothing is written"]);
        assert!(line.contains("--skip-failed leaves them out"), "{line}");
        let said = String::from_utf8(output(dir, &with(quiet)).stderr).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 4, "{said}");
        for (line, words) in
            lines.iter().zip([["m3.mtx: ", "singular"], ["m5.mtx: ", "line"], ["m7_b.mtx: ", "2 entries"]])
        {
            assert!(line.starts_with(words[0]) && line.contains(words[1]), "{line}");
        }
        assert!(!dir.join("x.h5").exists());
    }
    let out = output(dir, &with(&["--skip-failed", "--json"]));
    let (said, told) = (String::from_utf8(out.stderr).unwrap(), String::from_utf8(out.stdout).unwrap());
    assert!(
        said.contains("m3.mtx: ") && said.contains("m7_b.mtx: ") && said.contains("3 files are left out"),
        "{said}"
    );
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((told["samples"].as_u64(), told["failed"].as_u64()), (Some(7), Some(3)), "{told}");
    ok(dir, &["inspect", "--verify", "x.h5"]);
    // As if the others had not been there.
    let good: Vec<String> = [0, 1, 2, 4, 6, 8, 9].map(|k| format!("m{k}.mtx")).into();
    let args = ["import", "-o", "y.h5", "--split", "0.5,0.2,0.3"].into_iter().chain(good.iter().map(String::as_str));
    ok(dir, &args.collect::<Vec<_>>());
    {
        let _guard = alone();
        let open = |name: &str| Dataset::open(dir.join(name)).unwrap();
        let (x, y) = (open("x.h5"), open("y.h5"));
        assert_eq!((x.digests(), x.splits(), x.header()), (y.digests(), y.splits(), y.header()));
    }
    // One says so itself; of a single file, and of nothing but such files, nothing is left.
    let one = ["import", "m0.mtx", "m3.mtx", "-o", "z.h5"];
    let line =
        refused(dir, &one, 1, &["m3.mtx: is singular", "nothing is written, --skip-failed leaves this file out"]);
    assert_eq!(String::from_utf8(output(dir, &one).stderr).unwrap().trim_end(), line);
    refused(dir, &["import", "m3.mtx", "-o", "z.h5", "--skip-failed"], 1, &["m3.mtx: is singular"]);
    let all = ["import", "m3.mtx", "m5.mtx", "-o", "z.h5", "--skip-failed"];
    refused(dir, &all, 1, &["none of the 2 files can be imported"]);
    // Numbers of samples are those of what is left.
    let counts = ["import", "m0.mtx", "m1.mtx", "m3.mtx", "-o", "z.h5", "--split", "1,1,1", "--skip-failed"];
    refused(dir, &counts, 1, &["3 samples asked for, 2 there"]);
    assert!(!dir.join("z.h5").exists());
}

#[test]
fn a_right_hand_side_that_is_not_finite_is_refused_by_file_and_entry() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, "a.mtx", SPD);
    write(dir, "a_b.mtx", "%%MatrixMarket matrix array real general\n3 1\n1\nnan\n1\n");
    for more in [&["--no-solution"][..], &[]] {
        let line = refused(dir, &[&["import", "a.mtx", "-o", "x.h5"], more].concat(), 1, &["a_b.mtx"]);
        assert!(line.contains("nan") || line.contains("entry 1 of the right-hand side is NaN"), "{line}");
        assert!(!dir.join("x.h5").exists());
    }
}
