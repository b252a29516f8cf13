//! Own physics from an empty directory: the README's mesh, recipe and commands; arrays beside the recipe.

use std::path::Path;

use fempipe::dataset::Dataset;

use crate::command::{alone, digests, ok, refused};

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
fn npy(path: &Path, shape: &str, values: impl Iterator<Item = f64>) {
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
