//! Faults of paths, names and numbers: one refusal that says what is wrong, and nothing of others is touched.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{fempipe, finish, ok, refused};

const RECIPE: &str = "family = \"poisson\"\nsamples = 6\npart_size = 2\n[poisson]\nlevel = 2\n";

fn place(recipe: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("r.toml"), recipe).unwrap();
    dir
}

fn make(dir: &Path, args: &[&str]) {
    ok(dir, &[&["generate", "r.toml"], args].concat());
}

fn pipe(dir: &Path, name: &str) {
    assert!(Command::new("mkfifo").arg(dir.join(name)).status().unwrap().success());
}

#[test]
fn toml_that_nests_without_end_is_refused_at_once() {
    let dir = place("");
    let many = 100_000;
    for text in ["[".repeat(many), "{a = ".repeat(many), ".a".repeat(many)] {
        std::fs::write(dir.path().join("r.toml"), format!("family = \"poisson\"\na{} = 1", text)).unwrap();
        std::fs::write(dir.path().join("v.toml"), format!("\na = {text}")).unwrap();
        let start = Instant::now();
        for command in ["generate", "train", "evaluate", "mesh"] {
            refused(dir.path(), &[command, "r.toml"], 1, &["r.toml: line 2: ", "nested more than 64 deep"]);
            refused(dir.path(), &[command, "v.toml"], 1, &["v.toml: line 2: ", "nested more than 64 deep"]);
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}

#[test]
fn compressed_files_unpack_as_far_as_is_allowed() {
    let dir = place("");
    let zeros = vec![0; 8000];
    let mut header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000,), }\n".to_vec();
    let mut member = b"\x93NUMPY\x01\x00".to_vec();
    member.extend((header.len() as u16).to_le_bytes());
    member.append(&mut header);
    member.extend(&zeros);
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut archive = zip::ZipWriter::new(std::fs::File::create(dir.path().join("a.npz")).unwrap());
    for name in ["A_indices", "A_values"] {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(&member).unwrap();
    }
    archive.finish().unwrap();
    let claimed = format!("{} bytes", member.len());
    let says = ["a.npz: array \"A_indices\" unpacks to ", &claimed, "where 7000 are allowed", "--max-bytes"];
    refused(dir.path(), &["solve", "a.npz", "--max-bytes", "7000"], 1, &says);
    refused(dir.path(), &["import", "a.npz", "-o", "a.h5", "--max-bytes", "7000"], 1, &says);
    // Within the bound it is read, and found to be no matrix.
    refused(dir.path(), &["solve", "a.npz", "--max-bytes", "9k"], 1, &["must hold integers"]);

    let file = std::fs::File::create(dir.path().join("b.mtx.gz")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    let comments = "%\n".repeat(50_000);
    write!(gz, "%%MatrixMarket matrix coordinate real general\n{comments}1 1 1\n1 1 2\n").unwrap();
    gz.finish().unwrap();
    let says = ["b.mtx.gz: the file unpacks to more than 65536 bytes", "--max-bytes"];
    refused(dir.path(), &["solve", "b.mtx.gz", "--max-bytes", "64K"], 1, &says);
    ok(dir.path(), &["solve", "b.mtx.gz"]);
    // An entry takes more memory than the line "0".
    let file = std::fs::File::create(dir.path().join("c.mtx.gz")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    write!(gz, "%%MatrixMarket matrix array real general\n1000 1\n{}", "0\n".repeat(1000)).unwrap();
    gz.finish().unwrap();
    let says = ["c.mtx.gz: line 503: more entries than fit", "(500)", "--max-bytes"];
    refused(dir.path(), &["solve", "c.mtx.gz", "--max-bytes", "3000"], 1, &says);
    refused(dir.path(), &["solve", "c.mtx.gz", "--max-bytes", "6000"], 1, &["square"]);
    refused(dir.path(), &["solve", "b.mtx.gz", "--max-bytes", "0"], 2, &["--max-bytes", "from 1 on"]);
}

#[test]
fn pipes_devices_and_directories_are_neither_read_nor_replaced() {
    let dir = place(RECIPE);
    let at = dir.path();
    make(at, &["-o", "a.h5"]);
    ok(at, &["export", "a.h5", "--sample", "0", "--to", "mtx", "-o", "a.mtx"]);
    for name in ["p.h5", "p.toml", "p.mtx", "p.npz", "p.msh"] {
        pipe(at, name);
    }
    let says: &[&str] = &["is a pipe"];
    refused(at, &["inspect", "p.h5"], 1, says);
    refused(at, &["evaluate", "--data", "p.h5", "-o", "e"], 1, says);
    refused(at, &["generate", "p.toml"], 1, says);
    refused(at, &["mesh", "p.msh"], 1, says);
    refused(at, &["solve", "p.mtx"], 1, says);
    refused(at, &["import", "p.npz", "-o", "b.h5"], 1, says);
    refused(at, &["solve", "/dev/zero"], 1, &["/dev/zero: is a device"]);
    for force in [&[][..], &["--force"]] {
        refused(at, &[&["generate", "r.toml", "-o", "p.h5"], force].concat(), 1, says);
        refused(at, &[&["generate", "r.toml", "-o", "."], force].concat(), 1, &["is a directory"]);
        refused(at, &[&["import", "a.mtx", "-o", "p.h5"], force].concat(), 1, &["p.h5"]);
    }
    refused(at, &["solve", "a.mtx", "-o", "p.mtx"], 1, &["p.mtx: is a pipe that nobody reads from"]);
    ok(at, &["solve", "a.mtx", "-o", "/dev/null"]);
    assert!(std::fs::read_dir(at).unwrap().all(|e| !e.unwrap().file_name().to_string_lossy().ends_with(".parts")));
    assert!(!at.join("e/journal.jsonl").exists());
}

#[test]
fn files_of_others_beside_the_parts_stay() {
    let dir = place(RECIPE);
    let at = dir.path();
    make(at, &["-o", "a.h5", "--shard", "1/3"]);
    for name in ["notes.txt", "part-1.h5.bak", "lock-x"] {
        std::fs::write(at.join("a.h5.parts").join(name), "mine").unwrap();
    }
    // A kill has left these.
    for name in ["part-00001.h5.tmp", "recipe.toml.tmp-4000000"] {
        std::fs::write(at.join("a.h5.parts").join(name), "half").unwrap();
    }
    make(at, &["-o", "a.h5"]);
    let left = std::fs::read_dir(at.join("a.h5.parts")).unwrap().map(|e| e.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["lock-x", "notes.txt", "part-1.h5.bak"]);
    assert_eq!(std::fs::read_to_string(at.join("a.h5.parts/notes.txt")).unwrap(), "mine");
    ok(at, &["inspect", "a.h5", "--verify"]);
}

#[test]
fn parts_may_lie_on_another_file_system() {
    let memory = Path::new("/dev/shm");
    assert!(memory.is_dir(), "this test needs a second file system at /dev/shm");
    let (dir, other) = (place(RECIPE), tempfile::tempdir_in(memory).unwrap());
    let at = dir.path();
    std::os::unix::fs::symlink(other.path(), at.join("a.h5.parts")).unwrap();
    make(at, &["-o", "a.h5"]);
    ok(at, &["inspect", "a.h5", "--verify"]);
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
    let mut names: Vec<_> = std::fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.h5", "a.h5.parts", "r.toml"]);
}

#[test]
fn the_part_that_is_foreign_is_the_one_that_is_named() {
    let dir = place(RECIPE);
    let at = dir.path();
    std::fs::write(at.join("other.toml"), format!("seed = 5\n{RECIPE}")).unwrap();
    ok(at, &["generate", "other.toml", "-o", "b.h5", "--shard", "1/3"]);
    for shard in ["2/3", "3/3"] {
        make(at, &["-o", "a.h5", "--shard", shard]);
    }
    let part = |name: &str, number: usize| at.join(format!("{name}.h5.parts/part-0000{number}.h5"));
    std::fs::copy(part("b", 0), part("a", 0)).unwrap();
    let says = ["part-00000.h5: is a foreign part", "seed = 1 there, seed = 5 here"];
    refused(at, &["merge", "a.h5"], 1, &says);
    // One of each: the recipe at hand decides.
    std::fs::remove_file(part("a", 2)).unwrap();
    refused(at, &["generate", "r.toml", "-o", "a.h5"], 1, &says);
    std::fs::remove_file(part("a", 0)).unwrap();
    make(at, &["-o", "a.h5"]);
}

#[test]
fn the_recipe_beside_the_parts_is_theirs() {
    let dir = place(RECIPE);
    let parts = dir.path().join("a.h5.parts");
    std::fs::create_dir(&parts).unwrap();
    std::fs::write(parts.join("recipe.toml"), format!("seed = 5\n{RECIPE}")).unwrap();
    make(dir.path(), &["-o", "a.h5", "--shard", "1/3"]);
    let text = std::fs::read_to_string(parts.join("recipe.toml")).unwrap();
    assert!(text.contains("seed = 1\n"), "{text}");
    std::fs::write(parts.join("recipe.toml"), "flour, water, salt").unwrap();
    make(dir.path(), &["-o", "a.h5"]);
    assert_eq!(std::fs::read_to_string(parts.join("recipe.toml")).unwrap(), "flour, water, salt");
}

#[test]
fn names_that_are_not_utf8_are_refused_before_anything_is_made() {
    let dir = place(RECIPE);
    let name = std::ffi::OsStr::from_bytes(b"n\xff.h5");
    let out = finish(fempipe(dir.path(), &["generate", "r.toml", "-o"]).arg(name));
    let text = String::from_utf8_lossy(&out.stderr).to_string();
    assert!(out.status.code() == Some(1) && text.contains("is not a name in UTF-8"), "{text}");
    let inner = dir.path().join(std::ffi::OsStr::from_bytes(b"d\xfe"));
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("o.toml"), format!("output = \"o.h5\"\n{RECIPE}")).unwrap();
    let out = finish(fempipe(dir.path(), &["generate"]).arg(inner.join("o.toml")));
    let text = String::from_utf8_lossy(&out.stderr).to_string();
    assert!(out.status.code() == Some(1) && text.contains("output: lies in a directory whose name"), "{text}");
    assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    // Files that are no HDF5 may have any name.
    make(dir.path(), &["-o", "a.h5"]);
    let out = finish(fempipe(dir.path(), &["solve", "a.h5", "-o"]).arg(std::ffi::OsStr::from_bytes(b"x\xff.mtx")));
    assert!(out.status.success());
}

#[test]
fn numbers_have_ranges() {
    let dir = place(RECIPE);
    let at = dir.path();
    make(at, &["-o", "a.h5"]);
    let start = Instant::now();
    for (code, args, says) in [
        (2, &["solve", "a.h5", "--threads", "10000"][..], &["--threads", "1..=1024"][..]),
        (2, &["solve", "a.h5", "--repeat", "2147483647"], &["--repeat", "0..=1000000"]),
        (2, &["solve", "a.h5", "--pc", "fsai(2147483647)"], &["fsai: power = 2147483647 must be from 1 to 64"]),
        (2, &["solve", "a.h5", "--pc", "asm(overlap = 1000000000)"], &["overlap = 1000000000 must be from 0 to 1000"]),
        (2, &["solve", "a.h5", "--pc", "sor(sweeps = 2147483647)"], &["sweeps = 2147483647 must be from 1 to 1000"]),
        (2, &["solve", "a.h5", "--pc", "amg(block = 2147483647)"], &["block = 2147483647 from 1 to 64"]),
        (
            1,
            &["generate", "r.toml", "--samples", "4294967295", "-o", "b.h5"],
            &["samples = 4294967295", "1 to 100000000"],
        ),
        (
            1,
            &["generate", "--family", "frame", "--set", "frame.cells=[[64,65],[64,65],[64,65]]", "-o", "b.h5"],
            &["frame.cells", "up to 1622400 unknowns, of which at most 400000 are solved for", "solution = false"],
        ),
    ] {
        refused(at, args, code, says);
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(!at.join("b.h5.parts").exists());
}

#[test]
fn samples_that_verification_would_refuse_are_not_made() {
    let dir = place("");
    let at = dir.path();
    let make =
        ["generate", "--family", "tridiagonal", "--set", "tridiagonal.spread=2.0", "--samples", "9", "-o", "t.h5"];
    refused(at, &make, 1, &["sample ", "its solution has relative residual ", "above 1e-6", "ill-conditioned"]);
    assert!(!at.join("t.h5").exists());
    // A large right-hand side is none of it.
    let make = ["generate", "--family", "poisson", "--set", "poisson.f=1e308", "--level", "2", "-o", "p.h5"];
    ok(at, &[&make[..], &["--samples", "3"]].concat());
    ok(at, &["inspect", "p.h5", "--verify"]);
}

#[test]
fn control_characters_in_names_reach_nobody() {
    let dir = place(RECIPE);
    let at = dir.path();
    let name = "a\u{1b}[31m\u{7}.h5";
    make(at, &["-o", name]);
    let row = "label = \"r\\u001b[0m\\u009b\"\nksp = \"cg\"\npc = \"none\"\n";
    let data = "data = [\"a\\u001b[31m\\u0007.h5\"]";
    let recipe = format!("title = \"t\\u001b\"\n{data}\nsplit = \"train\"\n[[row]]\n{row}");
    std::fs::write(at.join("e.toml"), recipe).unwrap();
    std::fs::write(
        at.join("b.mtx"),
        format!("%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 \u{1b}[2J{}\n", "9".repeat(5000)),
    )
    .unwrap();
    for args in [
        &["inspect", name][..],
        &["evaluate", "e.toml", "-o", "e"],
        &["inspect", name, "--json"],
        &["plot", name, "-o", "p.svg"],
        &["solve", name, "--plot", "s.svg"],
        &["solve", "b.mtx"],
        &["inspect", "\u{1b}[2J"],
    ] {
        let out = finish(&mut fempipe(at, args));
        assert!(out.stderr.len() < 5000, "{args:?}: {} bytes", out.stderr.len());
        for text in [out.stdout, out.stderr] {
            let text = String::from_utf8(text).unwrap();
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{args:?}: {text:?}");
        }
    }
    assert!(at.join("e/report.html").exists() && at.join("p.svg").exists() && at.join("s.svg").exists());
    let mut pictures = 0;
    let files = [at, &at.join("e")].map(|d| std::fs::read_dir(d).unwrap().map(|e| e.unwrap().path()));
    for path in files.into_iter().flatten().filter(|p| p.extension().is_some_and(|e| e == "svg" || e == "html")) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{}", path.display());
        pictures += 1;
    }
    assert!(pictures > 3, "{pictures}");
}
