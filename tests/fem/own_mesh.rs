//! `heat` and `helmholtz` on meshes: own fields and conditions beside scikit-fem's, random fields, pieces, refusals.

use fempipe::families;
use fempipe::system::{LinearSystem, Location};
use serde_json::json;

use crate::common::{self, sample};
use crate::python::relative_difference;

/// The matrix and b of a step of the θ-scheme, of a wave with three conditions, and of one with absorbing sides, from
/// mesh and expressions alone. Fields are interpolated at the nodes, boundary data are not.
const SCIKIT_FEM: &str = r#"
import json, sys
try:
    import numpy as np, skfem
except ImportError:
    print("skip"); sys.exit()
d = json.load(sys.stdin)
nodes = np.array(d["nodes"]).reshape(-1, 2)
mesh = skfem.MeshTri(nodes.T, np.array(d["cells"]).reshape(-1, 3).T)
basis = skfem.Basis(mesh, skfem.ElementTriP1(), intorder=4)
assert (basis.doflocs == nodes.T).all()
def value(text, x, t=0.0):
    return eval(text.replace("^", "**"), vars(np), {"x": x[0], "y": x[1], "t": t}) + 0 * x[0]
nodal = lambda text, t=0.0: value(text, nodes.T, t)
@skfem.BilinearForm
def stiffness(u, v, w):
    return w["c"] * (u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1])
@skfem.BilinearForm
def mass(u, v, w):
    return w["c"] * u * v
@skfem.LinearForm
def load(v, w):
    return w["f"] * v
side = {"left": lambda x: x[0] < 1e-9, "right": lambda x: x[0] > 1 - 1e-9, "top": lambda x: x[1] > 1 - 1e-9}
facets = {name: mesh.facets_satisfying(where, boundaries_only=True) for name, where in side.items()}
border = lambda facets: skfem.FacetBasis(mesh, skfem.ElementTriP1(), facets=facets, intorder=7)
top, right = border(facets["top"]), border(facets["right"])
fixed = np.unique(np.concatenate([mesh.boundary_nodes()]))
natural = np.setdiff1d(np.concatenate([mesh.facets[:, facets[s]].ravel() for s in ("top", "right")]),
                       np.concatenate([mesh.facets[:, f] for f in mesh.boundary_facets()
                                       if f not in facets["top"] and f not in facets["right"]]))
fixed = np.setdiff1d(fixed, natural)
left = np.unique(mesh.facets[:, facets["left"]])
def known(t):
    g = np.zeros(len(nodes))
    g[left] = nodal(d["dirichlet"], t)[left]
    return g
def natural_load(t):
    x = right.global_coordinates()
    return load.assemble(top, f=value(d["flux"], top.global_coordinates(), t)) + \
        load.assemble(right, f=value(d["alpha"], x) * value(d["value"], x, t))
robin = lambda: mass.assemble(right, c=value(d["alpha"], right.global_coordinates()))
interpolated = lambda field: basis.interpolate(field)
free = np.array(d["free"])
if d["kind"] == "heat":
    theta, dt = d["theta"], d["dt"]
    K = stiffness.assemble(basis, c=interpolated(nodal(d["w"]))) + robin()
    M = mass.assemble(basis, c=interpolated(np.ones(len(nodes))))
    u0 = known(0.0)
    u0[free] = nodal(d["initial"])[free]
    F = lambda t: load.assemble(basis, f=interpolated(nodal(d["s"], t))) + natural_load(t)
    A = M + theta * dt * K
    b = (M - (1 - theta) * dt * K) @ u0 + dt * (theta * F(dt) + (1 - theta) * F(0.0)) - A @ known(dt)
    A, b = A[free][:, free].toarray(), b[free]
elif d["kind"] == "wave":
    A = stiffness.assemble(basis, c=interpolated(np.ones(len(nodes)))) + robin() \
        - mass.assemble(basis, c=interpolated(nodal(d["k"]) ** 2))
    b = load.assemble(basis, f=interpolated(nodal(d["f"]))) + natural_load(0.0) - A @ known(0.0)
    A, b = A[free][:, free].toarray(), b[free]
else:
    S = (stiffness.assemble(basis, c=interpolated(np.ones(len(nodes))))
         - mass.assemble(basis, c=interpolated(nodal(d["k"]) ** 2))).toarray()
    edge = border(mesh.boundary_facets())
    B = mass.assemble(edge, c=edge.interpolate(nodal(d["k"]))).toarray()
    at = free[:len(free) // 2]
    assert (free[len(at):] == at).all() and len(at) == len(nodes)
    S, B = S[at][:, at], B[at][:, at]
    A = np.block([[S, B], [B, -S]])
    b = np.concatenate([load.assemble(basis, f=interpolated(nodal(d["f"])))[at], 0 * at])
if d["kind"] != "absorbing":
    assert set(free) == set(range(len(nodes))) - set(fixed), "other unknowns"
ours = np.zeros_like(A)
for i, (s, e) in enumerate(zip(d["indptr"], d["indptr"][1:])):
    ours[i, d["indices"][s:e]] = d["values"][s:e]
worst = max(abs(A - ours).max() / abs(A).max(), abs(b - d["rhs"]).max() / abs(b).max())
print(max(worst, abs(np.linalg.solve(A, b) - d["x"]).max() / abs(np.array(d["x"])).max()))
"#;

const DIRICHLET: &str = "1 + y^2 + t";
const FLUX: &str = "x*(1 - x) - t";
const ALPHA: &str = "1 + y";
const VALUE: &str = "2 - y + 3*t";

/// The three conditions, data without time where `steady`.
fn conditions(steady: bool) -> String {
    let text = |text: &str| if steady { text.replace('t', "0") } else { text.into() };
    format!(
        "boundary = [{{ part = 'left', condition = 'dirichlet', value = '{}' }},\
         {{ part = 'top', condition = 'neumann', flux = '{}' }},\
         {{ part = 'right', condition = 'robin', alpha = '{ALPHA}', value = '{}' }}]",
        text(DIRICHLET),
        text(FLUX),
        text(VALUE)
    )
}

fn compare(what: &str, s: &LinearSystem, more: serde_json::Value) {
    let mesh = s.mesh.as_ref().unwrap();
    let mut input = json!({
        "nodes": mesh.points, "cells": mesh.cells, "free": mesh.free_dofs, "kind": what, "dirichlet": DIRICHLET,
        "flux": FLUX, "alpha": ALPHA, "value": VALUE, "rhs": s.rhs, "values": s.matrix.values(), "x": s.solution,
        "indptr": s.matrix.pattern().indptr(), "indices": s.matrix.pattern().indices(),
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    if let Some(difference) = relative_difference(SCIKIT_FEM, &input) {
        assert!(difference < 1e-10, "{what}: relative difference {difference}");
    }
}

#[test]
fn steps_and_waves_agree_with_scikit_fem() {
    let (w, initial, source) = ("2 + x*y", "1 + x - y", "x^2 - y + t");
    let keys = format!(
        "w = '{w}'\ns = '{source}'\ninitial = '{initial}'\ntheta = 0.75\ndt = 0.1\nsteps = 2\n\
         mesh = {{ area = 0.01 }}\n{}",
        conditions(false)
    );
    let s = sample("heat", &keys, 0);
    assert_eq!(s.field("w").unwrap().location, Location::Points);
    compare("heat", &s, json!({ "w": w, "s": source, "initial": initial, "theta": 0.75, "dt": 0.1 }));
    let (k, f) = ("5 + x", "x^2 - y");
    let keys = format!("k = '{k}'\nf = '{f}'\nmesh = {{ area = 0.01 }}\n{}", conditions(true));
    compare("wave", &sample("helmholtz", &keys, 0), json!({ "k": k, "f": f }));
    let keys = format!("kind = 'absorbing'\nk = '{k}'\nf = '{f}'\nmesh = {{ shape = 'l-shape', area = 0.01 }}");
    compare("absorbing", &sample("helmholtz", &keys, 0), json!({ "k": k, "f": f }));
}

/// A whole trajectory is its steps; the last state solves the last step.
#[test]
fn trajectories_on_meshes_are_their_steps() {
    let keys = "steps = 3\nmesh = { shape = 'disc', area = 0.01 }\ncells = 16";
    let whole = sample("heat", &format!("{keys}\nkeep = 'trajectory'"), 1);
    let states = whole.field("trajectory").unwrap();
    assert_eq!((states.location, states.components), (Location::Dofs, 4));
    for step in 0..3 {
        let s = sample("heat", keys, 3 + step as u64);
        let column = |k: usize| states.values.iter().skip(k).step_by(4).copied().collect::<Vec<_>>();
        assert_eq!(s.field("state").unwrap().values, column(step));
        assert_eq!(s.solution.unwrap(), column(step + 1));
    }
}

#[test]
fn every_kind_of_mesh_is_deterministic_and_solved() {
    for (name, keys) in [
        ("heat", "mesh = { shape = 'l-shape', area = 0.01 }\ncells = 16\nsteps = 2"),
        ("heat", "mesh = { shape = 'quads', cells = 6 }\ncells = 16\nsteady = true"),
        ("heat", "mesh = { shape = 'cube', cells = 4 }\ncells = 8\nsteps = 2"),
        ("helmholtz", "mesh = { shape = 'disc', area = 0.01 }\nk = 6.0\ncells = 16"),
        ("helmholtz", "mesh = { shape = 'disc', area = 0.01 }\nk = 6.0\ncells = 16\nkind = 'absorbing'"),
        ("helmholtz", "mesh = { shape = 'cube', cells = 5 }\nk = 4.0\ncells = 8"),
        ("helmholtz", "mesh = { shape = 'quads', cells = 6 }\ncells = 8\nkind = 'shifted'"),
    ] {
        let family = common::family(name, keys);
        common::depends_on_seed_and_index_alone(&*family);
        let s = sample(name, keys, 2);
        assert!(common::residual(&s) < 1e-10 && s.matrix.is_symmetric(1e-13), "{name}, {keys}");
        let mesh = s.mesh.as_ref().unwrap();
        assert!(mesh.grid.is_empty());
        assert!(s.fields.iter().all(|f| matches!(f.location, Location::Points | Location::Dofs)), "{name}, {keys}");
        // What a dataset keeps of it makes it again.
        let again = families::build(name, &family.parameters(), "test").unwrap();
        assert_eq!(again.parameters(), family.parameters());
        assert!(common::same(&again.sampler().unwrap().sample(1, 2).unwrap(), &s), "{name}, {keys}");
        assert!(family.description().equation.contains("on the mesh"));
    }
    // A state that starts from a random field is 0 towards the boundary and of order 1 inside.
    let s = sample("heat", "mesh = { shape = 'disc', area = 0.002 }\nsteps = 1", 0);
    let mesh = s.mesh.as_ref().unwrap();
    for (&v, u) in mesh.free_dofs.iter().zip(&s.field("state").unwrap().values) {
        let r = (mesh.points[2 * v as usize] - 0.5).hypot(mesh.points[2 * v as usize + 1] - 0.5);
        assert!(u.abs() < 20.0 * (0.55 - r), "{u} at {r}");
    }
}

/// Longest edges count, and all that a grid has in common with its mesh is the same.
#[test]
fn the_grid_as_a_mesh_is_the_grid() {
    let nodal = |s: &LinearSystem, name: &str| s.field(name).unwrap().values.clone();
    for (name, keys, fields) in [
        ("heat", "steps = 2\ns = 'x'\ninitial = 'x*(1 - x)*y*(1 - y)'", &["w", "source"][..]),
        ("helmholtz", "k = 6.0", &["k", "f"]),
        ("helmholtz", "k = 6.0\nkind = 'absorbing'", &["k"]),
    ] {
        let grid = sample(name, &format!("{keys}\ncells = 8"), 3);
        let mesh = sample(name, &format!("{keys}\ncells = 8\nmesh = {{ shape = 'triangles', cells = 8 }}"), 3);
        for field in fields {
            assert!(common::difference(&nodal(&mesh, field), &nodal(&grid, field)) < 1e-13, "{name}: {field}");
        }
        let full = |s: &LinearSystem| {
            let data = s.mesh.as_ref().unwrap();
            let points = data.points.len() / 2;
            let mut u = vec![0.0; points];
            let x = s.solution.as_ref().unwrap();
            data.free_dofs.iter().zip(x).take(points).for_each(|(&v, x)| u[v as usize] = *x);
            u
        };
        assert!(common::difference(&full(&mesh), &full(&grid)) < 1e-10, "{name}");
        if name == "helmholtz" {
            let ratio = common::param(&grid, "points_per_wavelength") / common::param(&mesh, "points_per_wavelength");
            assert!((ratio - 2f64.sqrt()).abs() < 1e-12, "{ratio}");
        }
    }
}

#[test]
fn keys_that_do_not_go_with_a_mesh_are_refused() {
    let mesh = "mesh = { shape = 'disc', area = 0.02 }";
    let refuse = |name: &str, keys: &str, part: &str| common::refused(name, &[(&format!("{keys}\n{mesh}"), part)]);
    refuse("heat", "discretisation = 'fd'", "heat.discretisation = \"fd\": the cells of heat.mesh decide it: \"p1\"");
    refuse("heat", "dim = 3", "heat.dim = 3: the cells of heat.mesh decide it: 2");
    refuse("heat", "faces = 'harmonic'", "heat.faces: only for discretisation = \"fd\"");
    refuse("heat", "w = 'x + 1'\ns = 1.0\ninitial = 'x'\ncells = 9", "heat.cells: is of the grid that random fields");
    refuse("helmholtz", "discretisation = 'q1'", "helmholtz.discretisation = \"q1\": the cells of helmholtz.mesh");
    refuse("helmholtz", "k = 'x + 1'\nf = 1.0\ncells = 9", "helmholtz.cells: is of the grid that random fields");
    refuse(
        "helmholtz",
        "kind = 'absorbing'\nboundary = [{ part = 'other', condition = 'neumann' }]",
        "helmholtz.boundary: kind \"absorbing\" has its own condition",
    );
    common::refused(
        "helmholtz",
        &[(
            "kind = 'absorbing'\nmesh = { shape = 'cube', cells = 3 }",
            "helmholtz.mesh: kind \"absorbing\" needs a mesh of tri",
        )],
    );
    let npy = "w = 'none.npy'";
    let message = families::build("heat", &format!("{npy}\n{mesh}").parse().unwrap(), "r.toml").err().unwrap();
    assert!(message.to_string().contains("none.npy"), "{message}");
}

/// Two squares that do not touch, their sides in groups of Gmsh's format 2.2.
pub fn pieces(path: &std::path::Path) {
    let nodes = "8\n1 0 0 0\n2 1 0 0\n3 1 1 0\n4 0 1 0\n5 2 0 0\n6 3 0 0\n7 3 1 0\n8 2 1 0\n";
    let lines = [[1, 2, 1], [2, 3, 1], [3, 4, 1], [4, 1, 1], [5, 6, 2], [6, 7, 2], [7, 8, 2], [8, 5, 2]];
    let triangles = [[1, 2, 3], [1, 3, 4], [5, 6, 7], [5, 7, 8]];
    let mut text = format!(
        "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$PhysicalNames\n2\n1 1 \"near\"\n1 2 \"far\"\n$EndPhysicalNames\n\
         $Nodes\n{nodes}$EndNodes\n$Elements\n12\n"
    );
    for (k, [a, b, group]) in lines.iter().enumerate() {
        text += &format!("{} 1 2 {group} {group} {a} {b}\n", k + 1);
    }
    for (k, [a, b, c]) in triangles.iter().enumerate() {
        text += &format!("{} 2 2 3 3 {a} {b} {c}\n", k + 9);
    }
    std::fs::write(path, text + "$EndElements\n").unwrap();
}

#[test]
fn a_piece_of_a_mesh_that_lacks_a_condition_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pieces.msh");
    pieces(&file);
    let keys = |far: &str| {
        format!(
            "mesh = {{ file = '{}' }}\nboundary = [{{ part = 'near', condition = 'robin', alpha = 1, value = 1 }}, \
             {{ part = 'far', condition = {far} }}]",
            file.display()
        )
    };
    let lacking = "boundary: the mesh has 2 pieces that do not touch, and the one with the node (2, 0) has neumann";
    for name in ["elliptic", "darcy"] {
        common::refused(name, &[(&keys("'neumann'"), lacking), (&keys("'robin', alpha = 0"), lacking)]);
        let s = sample(name, &keys("'robin', alpha = 2"), 0);
        assert!(s.n() == 8 && common::residual(&s) < 1e-12);
    }
    common::refused("heat", &[(&format!("steady = true\np = 0.0\n{}", keys("'neumann'")), lacking)]);
    // M holds u in time, p² u where it is steady.
    for steady in ["steps = 2", "steady = true"] {
        assert!(common::residual(&sample("heat", &format!("{steady}\n{}", keys("'neumann'")), 0)) < 1e-12);
    }
}

/// Conditions on the six sides of a cube and on grids of differences.
#[test]
fn cubes_and_differences_take_conditions() {
    let all = |kind: &str| {
        format!("boundary = [{{ part = ['left', 'right', 'bottom', 'top', 'front', 'back'], condition = {kind} }}]")
    };
    let one = "boundary = [{ part = 'back', condition = 'robin', alpha = 2, value = 'x' },\
               { part = ['left', 'top'], condition = 'neumann', flux = 1 },\
               { part = 'front', condition = 'dirichlet', value = 'x + y' }]";
    let plane = "boundary = [{ part = 'top', condition = 'robin', alpha = 2, value = 'x' },\
                 { part = 'right', condition = 'neumann', flux = 1 },\
                 { part = 'left', condition = 'dirichlet', value = 'y' }]";
    for (name, keys, n) in [
        // Free along x: left; along y: top; along z: back.
        ("darcy", format!("dim = 3\ncells = 4\n{one}"), 4 * 4 * 4),
        ("darcy", format!("dim = 3\ncells = 4\ndiscretisation = 'fd'\n{one}"), 4 * 4 * 4),
        ("darcy", format!("cells = 4\ndiscretisation = 'fd'\n{plane}"), 4 * 4),
        ("heat", format!("dim = 3\ncells = 4\nsteps = 2\n{one}"), 4 * 4 * 4),
        ("heat", format!("cells = 4\nsteps = 2\ndiscretisation = 'fd'\n{plane}"), 4 * 4),
        ("heat", format!("cells = 4\nsteady = true\ndiscretisation = 'fd'\n{plane}"), 4 * 4),
        ("helmholtz", format!("cells = 4\nk = 3.0\ndiscretisation = 'fd'\n{plane}"), 4 * 4),
        ("helmholtz", format!("cells = 4\nkind = 'shifted'\n{plane}"), 4 * 4),
    ] {
        common::depends_on_seed_and_index_alone(&*common::family(name, &keys));
        let s = sample(name, &keys, 2);
        assert_eq!(s.n(), n, "{name}, {keys}");
        assert!(common::residual(&s) < 1e-10 && s.matrix.is_symmetric(1e-13), "{name}, {keys}");
        let known = s.field("boundary_values").unwrap();
        assert!(known.location == Location::Grid && s.mesh.unwrap().boundary_value.is_none());
    }
    let singular = "darcy.boundary: neumann conditions on the whole boundary";
    common::refused(
        "darcy",
        &[
            (&format!("dim = 3\ncells = 4\n{}", all("'neumann'")), singular),
            (&format!("dim = 3\ncells = 4\ndiscretisation = 'fd'\n{}", all("'neumann'")), singular),
            (
                &format!("dim = 3\ncells = 4\ndiscretisation = 'fd'\n{}", all("'robin'")),
                "boundary[0].alpha: is missing",
            ),
            (
                "discretisation = 'fd'\nboundary = [{ part = 'front', condition = 'neumann' }]",
                "darcy.boundary[0].part: the mesh has no part \"front\" (its parts: \"left\"",
            ),
            (&format!("dim = 3\ncells = 4\ndiscretisation = 'q1'\n{one}"), "darcy.discretisation: three dimensions"),
        ],
    );
}

/// On one grid differences with natural conditions are exact for what they differentiate exactly.
#[test]
fn differences_with_conditions_are_exact_for_linear_functions() {
    // u = 1 + x + 2 y, w = 1: fluxes −1 and 2 on the left and the top, Robin on the right.
    let keys = "cells = 5\ndiscretisation = 'fd'\nw = 1.0\nf = 0.0\n\
                boundary = [{ part = 'left', condition = 'neumann', flux = -1 },\
                { part = 'top', condition = 'neumann', flux = 2 },\
                { part = 'right', condition = 'robin', alpha = 4, value = '2.25 + 2*y' },\
                { part = 'bottom', condition = 'dirichlet', value = '1 + x' }]";
    let s = sample("darcy", keys, 0);
    let mesh = s.mesh.as_ref().unwrap();
    let exact: Vec<f64> = mesh
        .free_dofs
        .iter()
        .map(|&v| 1.0 + mesh.points[2 * v as usize] + 2.0 * mesh.points[2 * v as usize + 1])
        .collect();
    assert_eq!(exact.len(), 6 * 5);
    assert!(common::difference(s.solution.as_ref().unwrap(), &exact) < 1e-13);
}
