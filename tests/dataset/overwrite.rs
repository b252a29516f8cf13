//! No command writes onto a file that it reads, nor, unless it is told to, onto any other; links are what they lead to.

use std::path::Path;

use crate::command::{ok, output, refused};

const MATRIX: &str = "%%MatrixMarket matrix coordinate real symmetric\n3 3 5\n1 1 4\n2 1 -1\n2 2 4\n3 2 -1\n3 3 4\n";

/// Datasets, a matrix with its right-hand side, a mesh.
fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    ok(at, &["generate", "--family", "elliptic", "--samples", "3", "--set", "elliptic.mesh.area=0.02", "-o", "d.h5"]);
    std::fs::write(at.join("s.mtx"), MATRIX).unwrap();
    std::fs::write(at.join("s_b.mtx"), "%%MatrixMarket matrix array real general\n3 1\n1\n2\n3\n").unwrap();
    ok(at, &["import", "s.mtx", "-o", "s.h5"]);
    ok(at, &["mesh", "--shape", "square", "--area", "0.05", "-o", "m.msh"]);
    std::fs::write(at.join("r.toml"), "family = \"elliptic\"\nsamples = 2\n[elliptic.mesh]\nfile = \"m.msh\"\n")
        .unwrap();
    std::fs::write(at.join("t.toml"), "file = \"m.msh\"\n").unwrap();
    dir
}

/// All files with their content.
fn contents(at: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(at)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_file())
        .map(|p| (p.display().to_string(), std::fs::read(&p).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn inputs_are_never_written() {
    let dir = place();
    let at = dir.path();
    for (link, to) in
        [("l.h5", "d.h5"), ("l.mtx", "s.mtx"), ("l.msh", "m.msh"), ("l.svg", "d.h5"), ("l.toml", "r.toml")]
    {
        std::os::unix::fs::symlink(to, at.join(link)).unwrap();
    }
    std::fs::hard_link(at.join("d.h5"), at.join("h.h5")).unwrap();
    let before = contents(at);
    for args in [
        &["export", "d.h5", "--to", "npz", "-o", "d.h5"][..],
        &["export", "d.h5", "--to", "npz", "-o", "l.h5"],
        &["export", "d.h5", "--to", "petsc", "-o", "h.h5"],
        &["export", "l.h5", "--to", "vtu", "-o", "d.h5"],
        &["plot", "d.h5", "-o", "l.svg"],
        &["solve", "s.mtx", "-o", "s.mtx"],
        &["solve", "s.mtx", "-o", "l.mtx"],
        &["solve", "s.mtx", "-o", "s_b.mtx"],
        &["solve", "d.h5", "--plot", "l.svg"],
        &["mesh", "m.msh", "-o", "m.msh"],
        &["mesh", "m.msh", "-o", "l.msh"],
        &["mesh", "t.toml", "-o", "m.msh"],
        &["import", "s.mtx", "-o", "s.mtx"],
        &["import", "s.mtx", "-o", "s_b.mtx"],
        &["generate", "r.toml", "-o", "r.toml"],
        &["generate", "r.toml", "-o", "l.toml"],
        &["generate", "r.toml", "-o", "m.msh"],
        &["generate", "--from", "d.h5", "-o", "d.h5"],
    ] {
        for force in [&[][..], &["--force"]] {
            let words = [*args.last().unwrap(), "is read by this command"];
            refused(at, &[args, force].concat(), 1, &words);
        }
    }
    assert_eq!(contents(at), before, "something was written");
}

#[test]
fn what_is_there_is_replaced_by_force_alone() {
    let dir = place();
    let at = dir.path();
    for (name, outputs) in [
        (&["export", "s.h5", "--to", "mtx", "-o", "x.mtx"][..], &["x.mtx", "x_b.mtx", "x_x.mtx"][..]),
        (&["export", "d.h5", "--to", "npz"], &["d-0.npz"]),
        (&["export", "d.h5", "--to", "vtu", "-o", "x.vtu"], &["x.vtu"]),
        (&["plot", "d.h5"], &["d-0.svg"]),
        (&["solve", "s.mtx", "-o", "y.mtx", "--plot", "y.svg"], &["y.mtx", "y.svg"]),
        (&["mesh", "--shape", "disc", "-o", "disc.msh"], &["disc.msh"]),
        (&["import", "s.mtx", "-o", "y.h5"], &["y.h5"]),
        (&["generate", "r.toml", "-o", "z.h5"], &["z.h5"]),
    ] {
        for there in outputs {
            std::fs::write(at.join(there), "someone's").unwrap();
            let before = contents(at);
            refused(at, name, 1, &[there, "is there already", "--force"]);
            assert_eq!(contents(at), before);
            ok(at, &[name, &["--force"]].concat());
            assert_ne!(std::fs::read(at.join(there)).unwrap(), b"someone's");
            outputs.iter().for_each(|file| std::fs::remove_file(at.join(file)).unwrap());
        }
    }
}

#[test]
fn links_stay_links_and_lead_to_what_was_written() {
    let dir = place();
    let at = dir.path();
    std::fs::create_dir(at.join("elsewhere")).unwrap();
    for (args, link) in [
        (&["export", "d.h5", "--to", "npz", "-o", "l.npz"][..], "l.npz"),
        (&["import", "s.mtx", "-o", "i.h5"], "i.h5"),
        (&["generate", "r.toml", "-o", "g.h5"], "g.h5"),
    ] {
        std::os::unix::fs::symlink(Path::new("elsewhere").join(link), at.join(link)).unwrap();
        // Once into nothing, once onto a file.
        ok(at, args);
        let first = std::fs::read(at.join("elsewhere").join(link)).unwrap();
        std::fs::write(at.join("elsewhere").join(link), "old").unwrap();
        assert!(!output(at, args).status.success(), "{args:?}");
        ok(at, &[args, &["--force"]].concat());
        assert_eq!(std::fs::read(at.join("elsewhere").join(link)).unwrap().len(), first.len());
        assert!(std::fs::symlink_metadata(at.join(link)).unwrap().is_symlink());
    }
    assert_eq!(std::fs::read_dir(at.join("elsewhere")).unwrap().count(), 3, "temporary files were left");
}
