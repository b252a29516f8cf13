//! Own physics: fields by expressions, parameters and arrays, boundary conditions by parts of the mesh.

use std::path::Path;

use fempipe::families;
use fempipe::system::{LinearSystem, Location};

use crate::common;
use crate::python::relative_difference;

fn sample(name: &str, keys: &str, index: u64) -> LinearSystem {
    common::sample(name, keys, index)
}

const GIVEN: &str = "f = '1 + a*x^2 + y'\ng = 'b*sin(pi*x)*y'\nmesh = { shape = 'triangles', cells = 6 }\n\
                     parameters = { a = { uniform = [0.0, 5.0] }, b = { choice = [1.0, 2.0] } }\n";

#[test]
fn parameters_make_a_family_of_an_expression() {
    common::depends_on_seed_and_index_alone(&*common::family("elliptic", GIVEN));
    let s = sample("elliptic", GIVEN, 4);
    let (a, b) = (common::param(&s, "a"), common::param(&s, "b"));
    assert!((0.0..5.0).contains(&a) && (b == 1.0 || b == 2.0));
    let mesh = s.mesh.as_ref().unwrap();
    let source = s.field("source").unwrap();
    assert_eq!(source.location, Location::Points);
    for (x, v) in mesh.points.chunks_exact(2).zip(&source.values) {
        assert_eq!(*v, b * (std::f64::consts::PI * x[0]).sin() * x[1]);
    }
    // As the same numbers written down.
    let fixed = GIVEN.replace("a*x", &format!("{a}*x")).replace("b*sin", &format!("{b}*sin"));
    let fixed = sample("elliptic", fixed.split("parameters").next().unwrap(), 0);
    assert_eq!(fixed.matrix.values(), s.matrix.values());
    assert_eq!(fixed.rhs, s.rhs);
    assert!(common::residual(&s) < 1e-12);
}

/// A polynomial that was drawn, given as an expression: the same matrix, to rounding.
#[test]
fn an_expression_equals_the_polynomial_that_it_is() {
    let mesh = "mesh = { shape = 'quads', cells = 7 }";
    let random = sample("elliptic", &format!("degree = 2\nsource_degree = 1\n{mesh}"), 3);
    let text = |name: &str, degree| {
        let terms = &random.field(name).unwrap().values;
        let powers = fempipe::field::polynomial::Monomials::<2>::new(degree);
        let term = |(c, p): (&f64, &[u32; 2])| format!("({c})*x^{}*y^{}", p[0], p[1]);
        terms.iter().zip(powers.powers()).map(term).collect::<Vec<_>>().join(" + ")
    };
    let given = format!("f = '{}'\ng = '{}'\n{mesh}", text("coefficient_terms", 2), text("source_terms", 1));
    let given = sample("elliptic", &given, 0);
    assert!(common::difference(given.matrix.values(), random.matrix.values()) < 1e-14);
    assert!(common::difference(&given.rhs, &random.rhs) < 1e-13);
}

#[test]
fn wrong_expressions_and_conditions_are_named_with_their_place() {
    let part = |rest: &str| format!("mesh = {{ shape = 'quads', cells = 4 }}\nboundary = [{{ {rest} }}]");
    let cases = [
        ("f = 'sin(pi*x'".to_string(), "elliptic.f = \"sin(pi*x\": character 9: a closing bracket is missing"),
        ("g = 'x + q'".into(), "elliptic.g = \"x + q\": character 5: unknown name \"q\" (known: x, y, pi, e)"),
        ("f = -1.0".into(), "elliptic.f = -1: must be positive"),
        ("f = '1'\ndegree = 2".into(), "elliptic.degree: is of a random polynomial, but elliptic.f is given"),
        ("f = true".into(), "[elliptic] f = true: must be a number, an expression"),
        ("parameters = { a = { uniform = [0.0, 1.0] } }".into(), "elliptic.parameters.a: no expression of the recipe"),
        ("f = 'x + 2'\nparameters = { x = { choice = [1.0] } }".into(), "elliptic.parameters.x: has a meaning"),
        ("g = 'a'\nparameters = { a = { unifrm = [0.0, 1.0] } }".into(), "parameters.a"),
        (part("part = 'lft', condition = 'dirichlet'"), "elliptic.boundary[0].part: the mesh has no part \"lft\" (its"),
        (part("part = 'left', condition = 'robin'"), "elliptic.boundary[0].alpha: is missing"),
        (part("part = 'left', condition = 'robin', alpha = -1"), "boundary[0].alpha = -1: must be 0 or above"),
        (part("part = 'left', condition = 'neumann', value = 1"), "boundary[0].value: has no meaning"),
        (part("part = 'left', condition = 'neuman'"), "must be one of `dirichlet`, `neumann`, `robin`"),
        (part("part = 'left', condition = 'neumann', flux = '1/'"), "boundary[0].flux = \"1/\": character 3"),
        (
            part("part = 'left', condition = 'neumann' }, { part = ['top', 'left'], condition = 'dirichlet'"),
            "elliptic.boundary[1].part: part \"left\" has sides that condition 0",
        ),
        (
            part("part = ['left', 'right', 'top', 'bottom'], condition = 'neumann', flux = 'x'"),
            "elliptic.boundary: neumann conditions on the whole boundary",
        ),
        (
            part("part = ['left', 'right', 'top', 'bottom'], condition = 'robin', alpha = 0"),
            "elliptic.boundary: neumann conditions on the whole boundary",
        ),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(keys, part)| (keys.as_str(), *part)).collect();
    common::refused("elliptic", &cases);
    let values = common::family("elliptic", "f = 'x - 0.5'\nmesh = { shape = 'quads', cells = 4 }");
    let message = values.sampler().unwrap().sample(1, 0).unwrap_err().to_string();
    assert!(
        message.contains("test: elliptic.f = \"x - 0.5\": is -0.") && message.contains("must be positive"),
        "{message}"
    );
}

/// As `numpy.save` writes it.
fn npy(path: &Path, shape: &str, values: &[f64]) {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn arrays_are_the_functions_with_their_values_at_the_nodes() {
    let dir = tempfile::tempdir().unwrap();
    let mesh = "mesh = { shape = 'quads', cells = 5 }";
    let points = sample("elliptic", mesh, 0).mesh.unwrap().points.clone();
    // Bilinear functions are of the space.
    let f: Vec<f64> = points.chunks_exact(2).map(|x| 2.0 + x[0] * x[1]).collect();
    let path = dir.path().join("f.npy");
    npy(&path, "(36,)", &f);
    let keys = |f: &str| format!("f = '{f}'\ng = 'x'\n{mesh}");
    let array = sample("elliptic", &keys(path.to_str().unwrap()), 2);
    let expression = sample("elliptic", &keys("2 + x*y"), 0);
    assert!(common::difference(array.matrix.values(), expression.matrix.values()) < 1e-14);
    // One row a sample.
    let rows: Vec<f64> = f.iter().map(|v| 3.0 * v).chain(f.iter().copied()).collect();
    npy(&path, "(2, 36)", &rows);
    let family = common::family("elliptic", &keys(path.to_str().unwrap()));
    assert_eq!(family.samples(), Some(2));
    assert_eq!(family.files(), std::slice::from_ref(&path));
    let mut sampler = family.sampler().unwrap();
    assert_eq!(sampler.sample(1, 1).unwrap().matrix.values(), array.matrix.values());
    let first = sampler.sample(1, 0).unwrap();
    assert!(first.matrix.values().iter().zip(array.matrix.values()).all(|(a, b)| (a - 3.0 * b).abs() < 1e-13));
    let message = sampler.sample(1, 2).unwrap_err().to_string();
    assert!(message.contains("of 2 samples, not of sample 2"), "{message}");
    npy(&path, "(4, 9)", &rows[..36]);
    let message = families::build("elliptic", &keys(path.to_str().unwrap()).parse().unwrap(), "r.toml").err().unwrap();
    assert!(message.to_string().contains("must be (36,), one number a node, or (samples, 36)"), "{message}");
}

/// The same problem in scikit-fem's words, from mesh, conditions and expressions alone.
const SCIKIT_FEM: &str = r#"
import json, sys
try:
    import numpy as np, skfem
    from scipy.spatial import cKDTree
except ImportError:
    print("skip"); sys.exit()
d = json.load(sys.stdin)
nodes = np.array(d["nodes"]).reshape(-1, 2)
cells = np.array(d["cells"]).reshape(-1, d["cell_size"])
corners = cells[:, :3].T
used = np.unique(corners)
mesh = skfem.MeshTri(nodes[:len(used)].T, corners)
element = {"triangle": skfem.ElementTriP1, "triangle6": skfem.ElementTriP2}[d["cell_type"]]()
def value(text, x):
    return eval(text.replace("^", "**"), vars(np), {"x": x[0], "y": x[1], **d["parameters"]}) + 0 * x[0]
order = d["order"]
basis = skfem.Basis(mesh, element, intorder=order)
A = skfem.BilinearForm(lambda u, v, w: value(d["f"], w.x) * (u.grad[0]*v.grad[0] + u.grad[1]*v.grad[1])).assemble(basis)
b = skfem.LinearForm(lambda v, w: value(d["g"], w.x) * v).assemble(basis)
side = {"left": lambda x: x[0] < 1e-9, "right": lambda x: x[0] > 1 - 1e-9,
        "bottom": lambda x: x[1] < 1e-9, "top": lambda x: x[1] > 1 - 1e-9}
facets = {name: mesh.facets_satisfying(where, boundaries_only=True) for name, where in side.items()}
border = lambda name: skfem.FacetBasis(mesh, element, facets=facets[name], intorder=7)
n = border(d["neumann"][0])
b += skfem.LinearForm(lambda v, w: value(d["neumann"][1], w.x) * v).assemble(n)
r = border(d["robin"][0])
A = A + skfem.BilinearForm(lambda u, v, w: value(d["robin"][1], w.x) * u * v).assemble(r)
b += skfem.LinearForm(lambda v, w: value(d["robin"][1], w.x) * value(d["robin"][2], w.x) * v).assemble(r)
x = np.zeros(basis.N)
fixed = basis.get_dofs(facets["left"]).all()
zero = basis.get_dofs(facets["bottom"]).all()
x[fixed] = value(d["dirichlet"], basis.doflocs[:, fixed])
held = np.union1d(fixed, zero)
free = np.setdiff1d(np.arange(basis.N), held)
Af = A[free][:, free].toarray()
bf = (b - A @ x)[free]
at = cKDTree(basis.doflocs.T).query(nodes)[1][d["free"]]
assert set(at) == set(free), "other unknowns"
place = np.searchsorted(free, at)
B = np.zeros_like(Af)
for i, (s, e) in enumerate(zip(d["indptr"], d["indptr"][1:])):
    B[i, d["indices"][s:e]] = d["values"][s:e]
Af, bf = Af[place][:, place], bf[place]
known = np.array(d["known"])[cKDTree(nodes).query(basis.doflocs.T)[1]]
worst = max(abs(Af - B).max() / abs(Af).max(), abs(bf - d["rhs"]).max() / abs(bf).max())
worst = max(worst, abs(known[fixed] - x[fixed]).max())
print(max(worst, abs(np.linalg.solve(Af, bf) - d["x"]).max() / abs(np.array(d["x"])).max()))
"#;

#[test]
fn three_conditions_agree_with_scikit_fem() {
    // Polynomials of such degrees that both sides integrate exactly.
    let (f, g, dirichlet, flux, alpha, value) = ("1 + a*x*y", "x^2 - y", "1 + y^2", "x*(1 - x)", "1 + y", "2 - a*y");
    for (elements, order) in [("linear", 4), ("quadratic", 6)] {
        let keys = format!(
            "f = '{f}'\ng = '{g}'\nelements = '{elements}'\nmesh = {{ area = 0.01 }}\n\
             parameters = {{ a = {{ uniform = [0.0, 1.0] }} }}\n\
             boundary = [{{ part = 'left', condition = 'dirichlet', value = '{dirichlet}' }},\
             {{ part = 'top', condition = 'neumann', flux = '{flux}' }},\
             {{ part = 'right', condition = 'robin', alpha = '{alpha}', value = '{value}' }}]"
        );
        let s = sample("elliptic", &keys, 5);
        let mesh = s.mesh.as_ref().unwrap();
        assert_eq!(mesh.boundary_value, None);
        let input = serde_json::json!({
            "nodes": mesh.points, "cells": mesh.cells, "cell_size": mesh.cell_size, "cell_type": mesh.cell_type,
            "free": mesh.free_dofs, "f": f, "g": g, "dirichlet": dirichlet, "neumann": ["top", flux],
            "robin": ["right", alpha, value], "parameters": { "a": common::param(&s, "a") }, "order": order,
            "rhs": s.rhs, "values": s.matrix.values(), "x": s.solution,
            "known": s.field("boundary_values").unwrap().values,
            "indptr": s.matrix.pattern().indptr(), "indices": s.matrix.pattern().indices(),
        });
        if let Some(difference) = relative_difference(SCIKIT_FEM, &input) {
            assert!(difference < 1e-11, "{elements}: relative difference {difference}");
        }
    }
}

const SIDES: &str = "boundary = [{ part = 'left', condition = 'dirichlet', value = 'a + y' },\
                     { part = 'top', condition = 'robin', alpha = 1, value = 2 }]\n\
                     parameters = { a = { normal = [0.0, 1.0] } }";

#[test]
fn every_family_that_takes_own_fields_is_deterministic_and_solves_what_it_says() {
    for (name, keys) in [
        ("darcy", "cells = 6\nw = '1 + (x < 0.5)*exp(a)'\nf = 'a*x'"),
        (
            "darcy",
            "w = '2 + x'\nmesh = { shape = 'disc', area = 0.02 }\nparameters = { a = { uniform = [1.0, 2.0] } }\n\
                   boundary = [{ part = 'other', condition = 'robin', alpha = 'a', value = 'x' }]",
        ),
        ("darcy", "cells = 6\nf = 'x*y'"),
        ("darcy", "dim = 3\ncells = 4\nw = '1 + x*z'\nf = 'a'\nparameters = { a = { uniform = [1.0, 2.0] } }"),
        ("heat", "cells = 6\nsteps = 3\ns = 'sin(t)*a'"),
        ("heat", "cells = 6\nsteps = 3\nw = '1 + x'\ninitial = 'x*y'\ntheta = 1.0"),
        ("heat", "cells = 6\nsteady = true\nw = '1 + a^2'"),
        ("heat", "cells = 6\nsteps = 3\ndiscretisation = 'fd'\ns = 't*b'\nparameters = { b = { uniform = [1, 2] } }"),
        ("helmholtz", "cells = 6\nk = '3 + x + a^2/9'"),
        ("helmholtz", "cells = 6\nkind = 'shifted'\ndiscretisation = 'p1'\np = 'exp(a)'"),
        ("helmholtz", "cells = 6\nkind = 'absorbing'\nk = '5 + a'\nf = 'x'\nparameters = { a = { uniform = [0, 1] } }"),
    ] {
        let own = keys.contains("parameters") || keys == "cells = 6\nf = 'x*y'";
        let keys = if own { keys.to_string() } else { format!("{keys}\n{SIDES}") };
        common::depends_on_seed_and_index_alone(&*common::family(name, &keys));
        let s = sample(name, &keys, 2);
        assert!(common::residual(&s) < 1e-10, "{name}, {keys}");
        assert!(s.matrix.is_symmetric(1e-13), "{name}, {keys}");
        assert_eq!(s.field("boundary_values").is_some(), !own, "{name}, {keys}");
    }
}

#[test]
fn keys_that_do_not_go_together_are_refused() {
    let left = "boundary = [{ part = 'left', condition = 'neumann', flux = 1 }]";
    let all = "boundary = [{ part = ['left', 'right', 'top', 'bottom'], condition = 'neumann' }]";
    let refuse = |name: &str, keys: &str, part: &str| common::refused(name, &[(keys, part)]);
    refuse("darcy", "w = '1 + x'\ncontrast = 10.0", "darcy.contrast: is of a random field, but darcy.w is given");
    refuse("darcy", "w = 'z'", "darcy.w = \"z\": character 1: \"z\" in 2 dimensions");
    refuse("darcy", all, "darcy.boundary: neumann conditions on the whole boundary");
    refuse("heat", "w = '1 + t'", "heat.w: must not depend on t");
    refuse("heat", "steady = true\ns = 't'", "unknown name \"t\"");
    refuse("heat", "p = 'x'", "heat.p: only for steady = true");
    refuse("heat", "steady = true\ninitial = 'x'", "heat.initial: only for steady = false");
    refuse("heat", &format!("steady = true\np = 0.0\n{all}"), "heat.boundary: neumann conditions on the whole");
    refuse("helmholtz", "p = 1.0", "helmholtz.p: only for kind = \"shifted\"");
    refuse("helmholtz", "k = '20 + x'\nvariation = 0.1", "helmholtz.variation: is of a random field");
    refuse("helmholtz", "kind = 'absorbing'\nk = '20 + x'", "\"plane-wave\" needs a number k");
    refuse("helmholtz", &format!("kind = 'absorbing'\n{left}"), "kind \"absorbing\" has its own condition");
    refuse("helmholtz", "k = '20 - '", "helmholtz.k = \"20 - \": character 6: ends where");
}
