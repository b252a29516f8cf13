//! Files that others wrote, changed or made up: what HDF5 takes for whole is still no dataset that can be worked with.

use std::path::{Path, PathBuf};
use std::process::Command;

use fempipe::dataset::Dataset;
use fempipe::dataset::digest;
use hdf5::Group;

use crate::command::{alone, digests, finish, ok, output, refused};

/// What an error has to say, and the change that leads to it.
type Case<'a, T> = (&'static str, &'a dyn Fn(&T));

/// A dataset of elliptic systems, changed by `change` through HDF5.
fn changed(at: &Path, change: impl FnOnce(&hdf5::File)) -> PathBuf {
    let file = at.join("d.h5");
    let args = ["generate", "--family", "elliptic", "--samples", "3", "--set", "elliptic.mesh.area=0.02"];
    ok(at, &[&args[..], &["-o", "d.h5", "--force", "--quiet"]].concat());
    let _guard = alone();
    let h5 = hdf5::File::open_rw(&file).unwrap();
    change(&h5);
    h5.close().unwrap();
    file
}

/// Replaces an array.
fn put<T: hdf5::H5Type>(group: &Group, name: &str, shape: &[usize], values: &[T]) -> hdf5::Dataset {
    group.unlink(name).unwrap();
    let new = group.new_dataset::<T>().shape(shape.to_vec()).create(name).unwrap();
    new.write_raw(values).unwrap();
    new
}

/// Gives a mesh that was changed the digest that it should have.
fn seal_mesh(h5: &hdf5::File) {
    let mesh = h5.group("mesh").unwrap();
    let width = |name: &str| mesh.dataset(name).unwrap().shape()[1];
    let all = |name: &str| mesh.dataset(name).unwrap().read_raw::<u32>().unwrap();
    let data = fempipe::system::MeshData {
        dim: width("points"),
        points: mesh.dataset("points").unwrap().read_raw().unwrap(),
        cell_type: "triangle".into(),
        cell_size: width("cells"),
        cells: all("cells"),
        point_markers: all("point_markers"),
        free_dofs: all("free_dofs"),
        grid: Vec::new(),
        boundary_value: mesh.attr("boundary_value").unwrap().read_scalar().ok(),
    };
    mesh.attr("digest").unwrap().write_scalar(&digest::mesh(&data)).unwrap();
}

#[test]
fn what_code_relies_on_is_checked_where_the_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let mesh = |h5: &hdf5::File| h5.group("mesh").unwrap();
    let points = |h5: &hdf5::File| mesh(h5).dataset("points").unwrap().shape()[0];
    let cases: [Case<hdf5::File>; 7] = [
        ("/pattern is -1 × -1", &|h5| {
            let group = h5.group("pattern").unwrap();
            group.attr("shape").unwrap().write_raw(&[-1_i64, -1]).unwrap();
            for name in ["jc", "ir", "indices"] {
                group.unlink(name).unwrap();
            }
            put::<i32>(&group, "indptr", &[0], &[]);
            group.new_dataset::<i32>().shape(0).create("indices").unwrap();
        }),
        ("/mesh has points of 0 coordinates", &|h5| {
            put::<f64>(&mesh(h5), "points", &[points(h5), 0], &[]);
            seal_mesh(h5);
        }),
        ("cells of 0 points", &|h5| {
            put::<u32>(&mesh(h5), "cells", &[4, 0], &[]);
            seal_mesh(h5);
        }),
        ("and a cell with point 4000000000", &|h5| {
            put::<u32>(&mesh(h5), "cells", &[1, 3], &[0, 1, 4_000_000_000]);
            seal_mesh(h5);
        }),
        ("7 markers of points", &|h5| {
            put::<u32>(&mesh(h5), "point_markers", &[7], &[0; 7]);
            seal_mesh(h5);
        }),
        ("'coefficient' has 2 values", &|h5| {
            let fields = h5.group("systems/fields").unwrap();
            let new = put::<f64>(&fields, "coefficient", &[3, 2], &[1.0; 6]);
            let name: hdf5::types::VarLenUnicode = "cells".parse().unwrap();
            new.new_attr::<hdf5::types::VarLenUnicode>().create("location").unwrap().write_scalar(&name).unwrap();
            new.new_attr::<u64>().create("components").unwrap().write_scalar(&1u64).unwrap();
        }),
        ("has no location or components", &|h5| {
            let field = h5.dataset("systems/fields/coefficient").unwrap();
            field.attr("components").unwrap().write_scalar(&0u64).unwrap();
        }),
    ];
    for (words, change) in cases {
        changed(at, change);
        for command in [
            &["inspect", "--verify", "d.h5"][..],
            &["export", "d.h5", "--to", "vtu", "-o", "x.vtu", "--force"],
            &["plot", "d.h5", "-o", "x.svg", "--force"],
        ] {
            refused(at, command, 1, &["d.h5", words]);
        }
    }
}

#[test]
fn labels_shorter_than_the_pattern_are_refused_by_sample() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let args = ["generate", "--family", "tridiagonal", "--samples", "10", "--set", "tridiagonal.n=20", "-o", "t.h5"];
    ok(at, &args);
    let guard = alone();
    let h5 = hdf5::File::open_rw(at.join("t.h5")).unwrap();
    let labels = h5.group("systems/labels").unwrap();
    let old = labels.dataset("cholesky").unwrap();
    let location = old.attr("location").unwrap().read_scalar::<hdf5::types::FixedUnicode<16>>().unwrap();
    assert_eq!(location.as_str(), "lower");
    drop(old);
    let new = put::<f64>(&labels, "cholesky", &[10, 5], &[1.0; 50]);
    let text: hdf5::types::VarLenUnicode = location.as_str().parse().unwrap();
    new.new_attr::<hdf5::types::VarLenUnicode>().create("location").unwrap().write_scalar(&text).unwrap();
    new.new_attr::<u64>().create("components").unwrap().write_scalar(&1u64).unwrap();
    drop((new, labels));
    h5.close().unwrap();
    drop(guard);
    std::fs::write(at.join("r.toml"), "model = \"factor-gnn\"\ndata = \"t.h5\"\nepochs = 1\n").unwrap();
    refused(at, &["train", "r.toml"], 1, &["t.h5", "'cholesky' has 5 values", "39 places (lower)"]);
    refused(at, &["inspect", "--verify", "t.h5"], 1, &["t.h5", "sample 0", "'cholesky' has 5 values"]);
}

#[test]
fn groups_that_hold_each_other_are_listed_once() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    changed(at, |h5| {
        h5.link_hard("/", "root").unwrap();
        h5.link_soft("/", "soft").unwrap();
        h5.group("systems").unwrap().link_hard("/", "up").unwrap();
    });
    let text = ok(at, &["inspect", "d.h5"]);
    let values = text.lines().filter(|l| l.trim_start().starts_with('/') && l.contains("/values ")).count();
    assert_eq!(values, 1, "{text}");
}

#[test]
fn a_locked_file_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    changed(at, |_| ());
    // Locked as HDF5 does it, by a process of its own: with and without a checksum, changed or not yet.
    ok(at, &["generate", "--family", "poisson", "--level", "2", "--samples", "3", "-o", "whole.h5"]);
    for name in ["d.h5", "whole.h5"] {
        let _guard = alone();
        let h5 = hdf5::File::open_rw(at.join(name)).unwrap();
        let out = crate::command::fempipe(at, &["inspect", name]).output().unwrap();
        h5.close().unwrap();
        let line = String::from_utf8(out.stderr).unwrap();
        assert!(line.contains("is locked: another program") && line.contains("close it there"), "{line}");
        assert_eq!(out.status.code(), Some(1));
    }
}

#[test]
fn a_program_that_adds_a_set_leaves_a_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let file = changed(at, |h5| {
        let split = h5.group("split").unwrap();
        split.new_dataset::<u32>().shape(2).create("mine").unwrap().write_raw(&[0u32, 2]).unwrap();
    });
    assert_eq!(digests(&file).len(), 3);
    let text = ok(at, &["inspect", "--verify", "d.h5"]);
    assert!(text.contains("mine 2") && text.contains("no checksum"), "{text}");
    ok(at, &["generate", "--family", "poisson", "--level", "2", "--samples", "3", "-o", "whole.h5"]);
    assert!(ok(at, &["inspect", "whole.h5"]).contains("checksum of headers and tables holds"));
}

#[test]
fn verification_sees_every_change_of_the_copy_for_other_programs() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let other = "%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n1 1 2\n2 1 1\n2 2 3\n";
    std::fs::write(at.join("a.mtx"), other).unwrap();
    std::fs::write(at.join("b.mtx"), other.replace("2 2 3\n1 1 2\n2 1 1\n2 2 3", "2 2 2\n1 1 2\n2 2 3")).unwrap();
    let cases: [Case<Group>; 6] = [
        ("indices", &|g| g.dataset("indices").unwrap().write_raw(&[1i32, 0, 0, 1]).unwrap()),
        ("indptr", &|g| g.dataset("indptr").unwrap().write_raw(&[0i32, 1, 4]).unwrap()),
        ("data", &|g| g.dataset("data").unwrap().write_raw(&[2.0, 1.0, 1.0, 3.5]).unwrap()),
        ("data", &|g| g.unlink("data").unwrap()),
        ("shape", &|g| g.attr("shape").unwrap().write_raw(&[2i64, 3]).unwrap()),
        ("encoding-type", &|g| g.delete_attr("encoding-type").unwrap()),
    ];
    for (what, change) in cases {
        // Each sample has its own pattern: /pattern decides nothing of how they are read.
        ok(at, &["import", "a.mtx", "b.mtx", "-o", "i.h5", "--force"]);
        ok(at, &["inspect", "--verify", "i.h5"]);
        let guard = alone();
        let h5 = hdf5::File::open_rw(at.join("i.h5")).unwrap();
        change(&h5.group("pattern").unwrap());
        h5.close().unwrap();
        assert!(Dataset::open(at.join("i.h5")).is_ok());
        drop(guard);
        refused(at, &["inspect", "--verify", "i.h5"], 1, &["i.h5", "sample 0", "/pattern", what]);
    }
}

#[test]
fn texts_longer_than_a_header_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let matrix = "%%MatrixMarket matrix coordinate real symmetric\n1 1 1\n1 1 2\n";
    let names: Vec<String> = (0..900).map(|i| format!("{}-{i}.mtx", "long-name".repeat(10))).collect();
    names.iter().for_each(|name| std::fs::write(at.join(name), matrix).unwrap());
    let mut args = vec!["import", "-o", "i.h5"];
    args.extend(names.iter().map(String::as_str));
    ok(at, &args);
    let out = output(at, &["inspect", "i.h5", "--json"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.len() > 90_000 && names.iter().all(|name| text.contains(name.as_str())));
}

#[test]
fn a_singular_import_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let structural = "%%MatrixMarket matrix coordinate real general\n3 3 3\n1 1 1\n2 2 1\n3 2 1\n";
    let numerical = "%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n1 1 1\n2 1 1\n2 2 1\n";
    for matrix in [structural, numerical] {
        std::fs::write(at.join("s.mtx"), matrix).unwrap();
        let line = refused(at, &["import", "s.mtx", "-o", "s.h5"], 1, &["s.mtx", "singular", "--no-solution"]);
        assert!(!line.contains("Symbolic"), "{line}");
        ok(at, &["import", "s.mtx", "-o", "s.h5", "--no-solution"]);
        std::fs::remove_file(at.join("s.h5")).unwrap();
    }
}

#[test]
fn h5py_edits_leave_a_dataset() {
    let Some(python) = crate::python::python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = changed(dir.path(), |_| ());
    ok(dir.path(), &["generate", "--family", "poisson", "--level", "2", "--samples", "5", "-o", "d.h5", "--force"]);
    let edit =
        "import h5py\nf = h5py.File('d.h5', 'r+')\nf['split/mine'] = [1, 3]\nf.attrs['note'] = 'ours'\nf.close()\n";
    let out = finish(Command::new(python).current_dir(dir.path()).args(["-c", edit]));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(digests(&file).len(), 5);
    assert!(ok(dir.path(), &["inspect", "--verify", "d.h5"]).contains("mine 2"));
}
