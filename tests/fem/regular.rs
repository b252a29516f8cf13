//! Conditions that leave u free up to a constant, however they are written: refused, never a singular matrix that is
//! promised to be positive definite.

use fempipe::families;

use crate::common;

/// What is said of a recipe, or of a sample of it; None if `count` samples are made.
fn told(name: &str, keys: &str, count: u64) -> Option<String> {
    let family = match families::build(name, &keys.parse().unwrap(), "r.toml") {
        Ok(family) => family,
        Err(e) => return Some(e.to_string()),
    };
    let mut sampler = family.sampler().unwrap();
    (0..count).find_map(|index| sampler.sample(1, index).err()).map(|e| e.to_string())
}

/// Each family whose equation has derivatives of u alone, each discretisation; without a solution nothing else would
/// notice.
const PROBLEMS: [(&str, &str); 6] = [
    ("elliptic", "solution = false\nmesh = { shape = 'quads', cells = 4 }\n"),
    ("elliptic", "solution = false\nelements = 'quadratic'\nmesh = { shape = 'square', area = 0.1 }\n"),
    ("darcy", "solution = false\ncells = 4\n"),
    ("darcy", "solution = false\ncells = 4\ndiscretisation = 'fd'\n"),
    ("heat", "solution = false\ncells = 4\nsteady = true\np = 0\n"),
    ("heat", "solution = false\ncells = 4\nsteady = true\np = '0*x'\ndiscretisation = 'fd'\n"),
];

fn robin(alpha: &str) -> String {
    format!(
        "boundary = [{{ part = ['left', 'right', 'top', 'bottom'], condition = 'robin', value = 1, \
         alpha = {alpha} }}]\n"
    )
}

#[test]
fn alpha_that_is_zero_is_neumann_however_it_is_written() {
    for (name, keys) in PROBLEMS {
        let words = format!("r.toml: {name}.boundary: neumann conditions on the whole boundary leave u free");
        for alpha in ["0", "0.0", "'0'", "'0*x'", "'1 - 1'", "'(x > 2)*3'"] {
            let said = told(name, &format!("{keys}{}", robin(alpha)), 1).expect(alpha);
            assert!(said.starts_with(&words) && said.contains("alpha above 0"), "{name}, {keys}, {alpha}: {said}");
        }
        // Above 0 at some points of the boundary is enough.
        for alpha in ["'x > 0.5'", "'1e-3*y'"] {
            assert_eq!(told(name, &format!("{keys}{}", robin(alpha)), 3), None, "{name}, {alpha}");
        }
    }
}

#[test]
fn alpha_that_is_zero_in_a_sample_is_told_with_what_it_draws() {
    let drawn = "parameters = { a = { choice = [0.0, 2.0] } }\n";
    for (name, keys) in PROBLEMS {
        let keys = format!("{keys}{drawn}{}", robin("'a*x'"));
        let said = told(name, &keys, 20).expect("half of the samples have a = 0");
        let words = format!("r.toml: {name}.boundary: alpha is 0 where nothing else holds u with a = 0: neumann");
        assert!(said.starts_with(&words), "{name}: {said}");
        let above = keys.replace("0.0, 2.0", "0.1, 2.0");
        assert_eq!(told(name, &above, 10), None, "{name}");
        // One that is given on another part holds all samples.
        let held = keys.replace("'left', 'right'", "'right'");
        assert_eq!(told(name, &held, 10), None, "{name}");
    }
}

#[test]
fn what_stands_before_u_holds_it_unless_it_is_zero() {
    let all = robin("0");
    assert_eq!(told("heat", &format!("cells = 4\nsteady = true\n{all}"), 2), None);
    assert_eq!(told("heat", &format!("cells = 4\nsteps = 2\n{all}"), 2), None);
    let drawn = "p = 'a*x'\nparameters = { a = { choice = [0.0, 2.0] } }\n";
    let said = told("heat", &format!("cells = 4\nsteady = true\n{drawn}{all}"), 20).unwrap();
    assert!(said.starts_with("r.toml: heat.boundary: neumann conditions on the whole boundary"), "{said}");
    let said = told("heat", &format!("cells = 4\nsteady = true\np = '2 - 2'\n{all}"), 0).unwrap();
    assert!(said.starts_with("r.toml: heat.boundary: neumann conditions on the whole boundary"), "{said}");
    let said = told("helmholtz", &format!("cells = 4\nk = '0*x'\nf = 1\nsolution = false\n{all}"), 1).unwrap();
    assert!(said.starts_with("r.toml: helmholtz.boundary: neumann conditions on the whole boundary"), "{said}");
}

#[test]
fn a_piece_that_a_sample_leaves_free_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pieces.msh");
    crate::own_mesh::pieces(&file);
    let keys = |far: &str| {
        format!(
            "solution = false\nmesh = {{ file = '{}' }}\nparameters = {{ a = {{ choice = [0.0, 2.0] }} }}\n\
             boundary = [{{ part = 'near', condition = 'robin', alpha = 'a + 1' }}, \
             {{ part = 'far', condition = 'robin', alpha = {far} }}]",
            file.display()
        )
    };
    let lacking = "boundary: the mesh has 2 pieces that do not touch, and the one with the node (2, 0) has neumann";
    let by_sample = "alpha is 0 where nothing else holds u with a = 0: the mesh has 2 pieces that do not touch, and \
                     the one with the node (2, 0)";
    for name in ["elliptic", "darcy"] {
        common::refused(name, &[(&keys("'0*x'"), lacking)]);
        let said = told(name, &keys("'a*x'"), 20).unwrap();
        assert!(said.contains(by_sample), "{name}: {said}");
        assert_eq!(told(name, &keys("'a*x + 1'"), 5), None, "{name}");
    }
}
