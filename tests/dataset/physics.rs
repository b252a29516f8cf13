//! Own physics from an empty directory: the README's mesh, recipe and commands; arrays beside the recipe.

use std::path::Path;

use fempipe::dataset::Dataset;

use crate::command::{alone, digests, ok, output, refused};

/// The recipe and the commands of the README's section.
fn readme() -> (String, Vec<String>) {
    let text = include_str!("../../README.md");
    let (_, section) = text.split_once("### Your own physics\n").unwrap();
    let block = |mark: &str| section.split_once(mark).unwrap().1.split_once("```").unwrap().0.to_string();
    let commands = block("```\n").lines().map(|l| l.split('#').next().unwrap().trim().to_string()).collect();
    (block("```toml\n"), commands)
}

#[test]
fn the_readme_s_recipe_works_from_an_empty_directory() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let (recipe, commands) = readme();
    std::fs::write(at.join("plate.toml"), recipe).unwrap();
    let words = |k: usize| commands[k].split_whitespace().skip(1).map(str::to_string).collect::<Vec<_>>();
    let mut made = words(0);
    let mesh = made.iter().position(|w| w == "0.002").unwrap();
    made[mesh] = "0.01".into();
    ok(at, &made.iter().map(String::as_str).collect::<Vec<_>>());
    let parts = ok(at, &words(1).iter().map(String::as_str).collect::<Vec<_>>());
    for part in ["left", "right", "bottom", "top", "other"] {
        assert!(parts.contains(&format!("\"{part}\"")), "{part} in {parts}");
    }
    assert_eq!(commands[2], "fempipe generate plate.toml");
    ok(at, &["generate", "plate.toml", "--samples", "6", "--threads", "1"]);
    ok(at, &["inspect", "--verify", "plate.h5"]);
    ok(at, &["generate", "plate.toml", "--samples", "6", "--threads", "2", "-o", "again.h5"]);
    assert_eq!(digests(&at.join("plate.h5")), digests(&at.join("again.h5")));
    // What the file says is enough to make it again.
    ok(at, &["generate", "--from", "plate.h5", "-o", "from.h5"]);
    assert_eq!(digests(&at.join("plate.h5")), digests(&at.join("from.h5")));
    let _guard = alone();
    let data = Dataset::open(at.join("plate.h5")).unwrap();
    let header = data.header();
    assert!(header.recipe.contains("1 + a*exp(-20*((x - c)^2 + (y - 0.25)^2))"), "{}", header.recipe);
    assert!(header.recipe.contains("condition = \"robin\"") && !header.recipe.contains("degree"));
    let conditions = &header.description.boundary_conditions;
    assert!(conditions.contains("u = 1 + y on left") && conditions.contains("rest of the boundary"), "{conditions}");
    let sample = data.read(3).unwrap();
    let names: Vec<&str> = sample.params.iter().map(|p| p.0.as_str()).collect();
    assert_eq!(names, ["coefficient_mean", "a", "c"]);
    assert!((1.0..=1000.0).contains(&sample.params[1].1) && (0.1..=0.4).contains(&sample.params[2].1));
    let known = &sample.field("boundary_values").unwrap().values;
    assert!(known.contains(&2.0) && sample.mesh.unwrap().boundary_value.is_none());
}

/// As `numpy.save` writes it.
pub fn npy(path: &Path, shape: &str, values: impl Iterator<Item = f64>) {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.flat_map(|v: f64| v.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

const ARRAYS: &str = "family = \"darcy\"\nsamples = 3\n[darcy]\ncells = 4\nw = \"w.npy\"\nf = \"x*y\"\n\
                      boundary = [{ part = \"left\", condition = \"dirichlet\", value = \"g.npy\" }]\n";

#[test]
fn arrays_lie_beside_the_recipe_and_belong_to_the_identity_by_their_content() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    for (place, scale) in [("a", 1.0), ("b", 1.0), ("c", 2.0)] {
        std::fs::create_dir(at.join(place)).unwrap();
        std::fs::write(at.join(place).join("r.toml"), ARRAYS).unwrap();
        npy(&at.join(place).join("w.npy"), "(3, 5, 5)", (0..75).map(|k| scale * f64::from(k + 1)));
        npy(&at.join(place).join("g.npy"), "(5, 5)", (0..25).map(f64::from));
        ok(at, &["generate", &format!("{place}/r.toml")]);
    }
    let of = |place: &str| digests(&at.join(place).join("r.h5"));
    assert_eq!(of("a"), of("b"));
    assert_ne!(of("a"), of("c"));
    {
        let _guard = alone();
        let data = Dataset::open(at.join("a/r.h5")).unwrap();
        assert_eq!(data.header().files.len(), 2);
        let sample = data.read(1).unwrap();
        assert_eq!(sample.field("w").unwrap().values[0], 26.0);
        let known = &sample.field("boundary_values").unwrap().values;
        assert_eq!((known[5], known[6]), (5.0, 0.0));
    }
    refused(at, &["generate", "a/r.toml", "--samples", "4", "-o", "four.h5"], 1, &["samples = 4", "3 samples only"]);
    npy(&at.join("a/w.npy"), "(3, 5, 6)", (0..90).map(f64::from));
    let generate = ["generate", "a/r.toml", "-o", "x.h5"];
    refused(at, &generate, 1, &["a/w.npy", "must be (5, 5), one number a grid point"]);
    npy(&at.join("a/w.npy"), "(25,)", (0..25).map(|k| f64::from(k + 1)));
    std::fs::write(at.join("a/r.toml"), ARRAYS.replace("x*y", "x*(y")).unwrap();
    refused(at, &generate, 1, &["a/r.toml: darcy.f = \"x*(y\": character 5: a closing bracket"]);
}

const WAVE: &str = "family = \"FAMILY\"\nsamples = 2\nsplit = { train = 2 }\n[FAMILY.mesh]\nfile = \"MESH\"\n";

#[test]
fn mesh_files_lie_beside_the_recipe_or_where_the_command_runs() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::create_dir(at.join("r")).unwrap();
    ok(at, &["mesh", "--shape", "disc", "--area", "0.02", "-o", "r/near.msh"]);
    ok(at, &["mesh", "--shape", "l-shape", "--area", "0.02", "-o", "here.msh"]);
    // Where there are both the one beside the recipe counts.
    std::fs::copy(at.join("here.msh"), at.join("near.msh")).unwrap();
    let write = |family: &str, mesh: &str| {
        let text = WAVE.replace("FAMILY", family).replace("MESH", mesh);
        std::fs::write(at.join("r/d.toml"), text).unwrap();
    };
    for (family, key) in [("heat", "steps"), ("helmholtz", "k")] {
        for (mesh, low) in [("near.msh", 0.0), ("here.msh", 0.0), ("../here.msh", 0.0)] {
            write(family, mesh);
            ok(at, &["generate", "r/d.toml", "--force"]);
            let text = ok(at, &["inspect", "--verify", "r/d.h5"]);
            assert!(text.contains("verified"), "{text}");
            let _guard = alone();
            let data = Dataset::open(at.join("r/d.h5")).unwrap();
            assert!(data.header().recipe.contains(key) && data.header().files.len() == 1);
            let points = data.read(0).unwrap().mesh.unwrap().points.clone();
            let corners = points.chunks_exact(2).filter(|p| p[0] == low && p[1] == 0.0).count();
            assert_eq!(corners, usize::from(mesh != "near.msh"), "{mesh}: the corner of an L-shape, not of a disc");
        }
        let file = at.join("r/d.h5");
        ok(at, &["generate", "--from", "r/d.h5", "-o", "again.h5", "--force"]);
        assert_eq!(digests(&file), digests(&at.join("again.h5")));
        ok(at, &["export", "r/d.h5", "--to", "vtu", "-o", "d.vtu", "--force"]);
        let text = std::fs::read_to_string(at.join("d.vtu")).unwrap();
        let names = if family == "heat" { ["w", "source", "x"] } else { ["k", "f", "x"] };
        names.iter().for_each(|name| assert!(text.contains(&format!("Name=\"{name}\"")), "{family}: no {name}"));
    }
    write("elliptic", "none.msh");
    refused(at, &["generate", "r/d.toml"], 1, &["r/d.toml: elliptic.mesh.file", "r/none.msh", "nor none.msh (from"]);
    // One that the command line gives instead is all that counts, from the current directory.
    let instead = ["generate", "r/d.toml", "--set", "elliptic.mesh.file=here.msh", "-o", "instead.h5"];
    ok(at, &instead);
    let text = ok(at, &["inspect", "--verify", "instead.h5"]);
    assert!(text.contains("here.msh (XXH3"), "{text}");
    let missing = ["generate", "r/d.toml", "--set", "elliptic.mesh.file=nope.msh", "-o", "n.h5"];
    let line = refused(at, &missing, 1, &["nope.msh"]);
    assert!(!line.contains("none.msh"), "{line}");
    ok(at, &["generate", "r/d.toml", "--set", "elliptic.mesh={ area = 0.02 }", "-o", "n.h5"]);
    std::fs::write(at.join("r/m.toml"), "file = \"near.msh\"").unwrap();
    assert!(ok(at, &["mesh", "r/m.toml"]).contains("\"other\""));
    std::fs::write(at.join("r/m.toml"), "file = \"none.msh\"").unwrap();
    refused(at, &["mesh", "r/m.toml"], 1, &["file = \"none.msh\"", "r/none.msh", "nor none.msh"]);
}

#[test]
fn copies_are_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let said = |keys: &str| {
        let (family, keys) = keys.split_once(' ').unwrap();
        let text = format!("family = \"{family}\"\nsamples = 4\nsplit = {{ train = 4 }}\n[{family}]\n{keys}\n");
        std::fs::write(at.join("d.toml"), text).unwrap();
        let out = output(at, &["generate", "d.toml", "--force"]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.success(), "{said}");
        let warned: Vec<&str> = said.lines().filter(|l| l.starts_with("warning: ")).collect();
        assert!(warned.len() <= 1, "{said}");
        let _guard = alone();
        let data = Dataset::open(at.join("d.h5")).unwrap();
        let (first, last) = (data.read(0).unwrap(), data.read(2).unwrap());
        let same = first.matrix.values() == last.matrix.values() && first.rhs == last.rhs;
        (same, warned.first().map(|line| line.to_string()))
    };
    for (keys, key) in [
        ("elliptic f = 'x + 1'\ng = 'y'\nmesh = { area = 0.02 }", "elliptic.f or elliptic.g"),
        ("darcy cells = 4\nw = 2.0", "darcy.w"),
        ("darcy cells = 4\ncontrast = 1.0", "darcy.contrast = 1 makes the coefficient constant"),
        ("darcy cells = 4\nmedium = 'two-phase'\nfraction = 0.0", "darcy.fraction = 0 makes the coefficient constant"),
        ("darcy cells = 4\nmedium = 'two-phase'\nfraction = 1.0", "darcy.fraction = 1 makes"),
        // Less than half a point of 25.
        ("darcy cells = 4\nmedium = 'two-phase'\nfraction = 0.01", "darcy.fraction = 0.01 makes"),
        ("darcy cells = 4\nmedium = 'two-phase'\nphases = [2.0, 2.0]", "darcy.phases = [2, 2] makes"),
        ("heat cells = 4\ncontrast = 1.0\np = 1.0\nsteady = true", "heat.contrast = 1 makes"),
        ("heat cells = 4\nw = 2.0\ns = 't'\ninitial = 'x'\nsteps = 2", "trajectories will be the same"),
        ("heat cells = 4\nw = 2.0\np = 1.0\nsteady = true", "heat.w or heat.p"),
        ("helmholtz cells = 4\nk = '2 + x'\nf = 1.0", "helmholtz.k or helmholtz.f"),
        ("helmholtz cells = 4\nkind = 'shifted'\np = 1.0", "helmholtz.p"),
    ] {
        let (same, warned) = said(keys);
        let warned = warned.unwrap_or_else(|| panic!("{keys}: nothing is said"));
        assert!(warned.contains("d.toml: all ") && warned.contains(key) && warned.contains(".parameters]"), "{warned}");
        assert!(same, "{keys}");
    }
    for keys in [
        "elliptic f = 'x + 1'\nmesh = { area = 0.02 }",
        "darcy cells = 4\nw = '1 + a'\nparameters = { a = { uniform = [0, 1] } }",
        "heat cells = 4\nw = 2.0\ns = 't'\ninitial = 'x'\nsteps = 4",
        "heat cells = 4\nw = 2.0\ns = 't'\nsteps = 2",
        "helmholtz cells = 4\nk = 2.0\nvariation = 0.0",
        "darcy cells = 4\nmedium = 'two-phase'\nfraction = 0.5",
        "darcy cells = 4\nmedium = 'two-phase'",
        "poisson level = 2",
    ] {
        assert_eq!(said(keys), (false, None), "{keys}");
    }
}
