//! Interior penalty for Δ(f Δu) = g: orders, definiteness over penalties, agreement with scikit-fem and of the methods
//! with each other.

use std::f64::consts::PI;

use fempipe::fem::dofs::Order;
use fempipe::fem::plate::space::{Continuity, Space};
use fempipe::fem::plate::{Degrees, Penalty, Plate, norms};
use fempipe::linalg::{Cholesky, Csr, dense};
use fempipe::mesh::structured;

use crate::python::relative_difference;

const DEGREES: Degrees = Degrees { coefficient: 2, source: 6 };

fn space(cells: &str, n: usize, continuity: Continuity) -> Space {
    match cells {
        "P2" => Space::triangles(&structured::triangles(n, n), continuity),
        _ => Space::quads(&structured::quads(n, n), continuity).unwrap(),
    }
}

fn plate(cells: &str, n: usize, continuity: Continuity, (sigma, tau): (f64, f64)) -> Plate {
    let penalty = Penalty { sigma, tau };
    Plate::new(space(cells, n, continuity), Order::Natural, penalty, DEGREES).unwrap()
}

/// f = 1 + x + y².
fn f(x: [f64; 2]) -> (f64, [f64; 2]) {
    (1.0 + x[0] + x[1] * x[1], [1.0, 2.0 * x[1]])
}

fn one(_: [f64; 2]) -> (f64, [f64; 2]) {
    (1.0, [0.0; 2])
}

fn matrix(plate: &Plate, f: fn([f64; 2]) -> (f64, [f64; 2])) -> Csr {
    let mut values = vec![0.0; plate.pattern().nnz()];
    plate.stiffness(&plate.samples(f), values.as_chunks_mut::<1>().0);
    Csr::new(plate.pattern().clone(), values).unwrap()
}

/// u = sin πx sin πy + x² y: neither u nor Δu is 0 on the boundary.
fn u(x: [f64; 2]) -> f64 {
    (PI * x[0]).sin() * (PI * x[1]).sin() + x[0] * x[0] * x[1]
}

fn laplacian(x: [f64; 2]) -> f64 {
    -2.0 * PI * PI * (PI * x[0]).sin() * (PI * x[1]).sin() + 2.0 * x[1]
}

fn hessian(x: [f64; 2]) -> [f64; 3] {
    let bump = PI * PI * (PI * x[0]).sin() * (PI * x[1]).sin();
    let xy = PI * PI * (PI * x[0]).cos() * (PI * x[1]).cos() + 2.0 * x[0];
    [2.0 * x[1] - bump, xy, -bump]
}

/// g = f ΔΔu + 2 ∇f · ∇Δu + Δf Δu.
fn g(x: [f64; 2]) -> f64 {
    let (s, c) = ([(PI * x[0]).sin(), (PI * x[1]).sin()], [(PI * x[0]).cos(), (PI * x[1]).cos()]);
    let cubed = 2.0 * PI.powi(3);
    let slope = [-cubed * c[0] * s[1], 2.0 - cubed * s[0] * c[1]];
    4.0 * PI.powi(4) * s[0] * s[1] * f(x).0 + 2.0 * (slope[0] + 2.0 * x[1] * slope[1]) + 2.0 * laplacian(x)
}

/// Values at the nodes.
fn solve(plate: &Plate) -> Vec<f64> {
    let a = matrix(plate, f);
    assert!(a.is_symmetric(0.0));
    let mut x = vec![0.0; a.nrows()];
    let source: Vec<f64> = plate.load_points().iter().map(|&x| g(x)).collect();
    plate.load(&source, &mut x);
    plate.boundary_data(&plate.samples(f), u, laplacian, &mut x);
    Cholesky::new(&a).unwrap().solve_in_place(&mut x);
    plate.space().spread(&x, u)
}

#[test]
fn orders_of_convergence() {
    for (cells, continuity, penalty, expected) in [
        ("P2", Continuity::Strong, (0.0, 8.0), [1.8, 0.9]),
        ("P2", Continuity::Weak, (10.0, 8.0), [1.8, 0.9]),
        ("P2", Continuity::Broken, (10.0, 10.0), [1.7, 0.9]),
        ("Q2", Continuity::Strong, (0.0, 8.0), [1.8, 0.9]),
        ("Q2", Continuity::Weak, (200.0, 10.0), [1.8, 0.9]),
        ("Q2", Continuity::Broken, (200.0, 10.0), [1.7, 0.9]),
    ] {
        let errors: Vec<_> = [4, 8, 16, 32]
            .map(|n| {
                let plate = plate(cells, n, continuity, penalty);
                norms::errors(plate.space(), &solve(&plate), u, hessian).unwrap()
            })
            .to_vec();
        let orders: Vec<_> = errors.windows(2).map(|e| [(e[0].0 / e[1].0).log2(), (e[0].1 / e[1].1).log2()]).collect();
        println!("{cells} {continuity:?} {penalty:?}: {errors:.2?} orders {orders:.2?}");
        let last = orders[orders.len() - 1];
        assert!(last[0] > expected[0] && last[1] > expected[1], "{cells} {continuity:?}: {orders:?}");
    }
}

#[test]
fn definite_above_a_penalty() {
    for (cells, n, penalty, definite) in [
        ("P2", 8, (1.0, 1.0), false),
        ("P2", 8, (5.0, 5.0), true),
        ("P2", 8, (10.0, 10.0), true),
        ("P2", 8, (50.0, 10.0), true),
        ("Q2", 11, (50.0, 10.0), false),
        ("Q2", 11, (100.0, 10.0), true),
        ("Q2", 11, (200.0, 10.0), true),
    ] {
        let a = matrix(&plate(cells, n, Continuity::Broken, penalty), one);
        assert_eq!(Cholesky::new(&a).is_ok(), definite, "{cells} {n} {penalty:?}");
    }
}

/// scikit-fem's matrices for the same form, τ = 8, f = 1, have these.
#[test]
fn condition_numbers() {
    for (n, unknowns, expected) in [(4, 49, 1.857e3), (8, 225, 3.719e4), (12, 529, 1.981e5)] {
        let a = matrix(&plate("P2", n, Continuity::Strong, (0.0, 8.0)), one);
        let rising = dense::eigenvalues_symmetric(&dense::from_csr(&a)).unwrap();
        let kappa = rising[unknowns - 1] / rising[0];
        assert!((kappa / expected - 1.0).abs() < 1e-3, "{n}: {kappa}");
    }
}

/// u of the two methods comes together as the mesh is refined.
#[test]
fn broken_and_continuous_agree() {
    for cells in ["P2", "Q2"] {
        let difference = |n: usize| {
            let sigma = if cells == "P2" { 10.0 } else { 200.0 };
            let [broken, shared] = [Continuity::Broken, Continuity::Strong].map(|c| plate(cells, n, c, (sigma, 10.0)));
            let (x, y) = (solve(&broken), solve(&shared));
            let pairs = broken.space().nodes.iter().zip(&shared.space().nodes);
            let squares: f64 = pairs.map(|(&i, &j)| (x[i as usize] - y[j as usize]).powi(2)).sum();
            (squares / x.len() as f64).sqrt()
        };
        let d = [8, 16, 32].map(difference);
        println!("{cells}: {d:.2?}");
        assert!(d[2] < d[1] / 2.5 && d[1] < d[0] / 2.5, "{cells}: {d:?}");
    }
}

/// The forms once more, in scikit-fem; matrices compared entry by entry with the nodes matched by position (and cell).
const SCIKIT_FEM: &str = r#"
import json, sys
import numpy as np
try:
    import skfem
    from skfem import *
    from skfem.helpers import grad, dot, dd
except ImportError:
    print("skip"); sys.exit(0)
d = json.load(sys.stdin)
k, sigma, tau = d["corners"], d["sigma"], d["tau"]
points = np.array(d["points"]).T.copy()
cells = np.array(d["cells"]).T.copy()
mesh, element = (MeshTri(points, cells), ElementTriP2G()) if k == 3 else (MeshQuad(points, cells), ElementQuad2G())
element.derivatives = 3
if d["broken"]:
    element = ElementDG(element)
lap = lambda u: dd(u)[0, 0] + dd(u)[1, 1]
f = lambda w: 1 + w.x[0] + w.x[1] ** 2
# P2 has no third derivatives.
third = lambda u, n: 0 if k == 3 else sum((u.grad3[0, 0, i] + u.grad3[1, 1, i]) * n[i] for i in range(2))
shear = lambda u, w: f(w) * third(u, w.n) + (w.n[0] + 2 * w.x[1] * w.n[1]) * lap(u)
cell = Basis(mesh, element, intorder=8)
A = BilinearForm(lambda u, v, w: f(w) * lap(u) * lap(v)).assemble(cell)
sides = [InteriorFacetBasis(mesh, element, side=s, intorder=8) for s in (0, 1)]
for i, t in enumerate(sides):
    for j, s in enumerate(sides):
        a, b = (-1) ** i, (-1) ** j
        def form(u, v, w):
            du, dv = b * dot(grad(u), w.n), a * dot(grad(v), w.n)
            out = -f(w) * (lap(u) * dv + lap(v) * du) / 2 + tau * f(w) / w.h * du * dv
            if d["broken"]:
                ju, jv = b * u, a * v
                out = out + (shear(u, w) * jv + shear(v, w) * ju) / 2 + sigma * f(w) / w.h ** 3 * ju * jv
            return out
        A = A + BilinearForm(form).assemble(s, t)
if not d["strong"]:
    edge = BoundaryFacetBasis(mesh, element, intorder=8)
    A = A + BilinearForm(
        lambda u, v, w: shear(u, w) * v + shear(v, w) * u + sigma * f(w) / w.h ** 3 * u * v).assemble(edge)
A = A.toarray()
# Which of their numbers each of our nodes has.
ours = np.array(d["node_points"])
number = np.full(len(ours), -1)
x, y = element.doflocs.T
hats = [1 - x - y, x, y] if k == 3 else [(1 - x) * (1 - y), x * (1 - y), x * y, (1 - x) * y]
places = sum(mesh.p[:, mesh.t[i]][:, :, None] * hats[i] for i in range(k))
for c, nodes in enumerate(d["nodes"]):
    for v in nodes:
        dofs = cell.element_dofs[:, c]
        where = places[:, c] if d["broken"] else cell.doflocs[:, dofs]
        number[v] = dofs[np.argmin(np.abs(where - ours[v][:, None]).sum(0))]
free = number[np.array(d["free"])]
assert len(set(free)) == len(free)
A = A[np.ix_(free, free)]
B = np.zeros_like(A)
for i, (a, b) in enumerate(zip(d["indptr"], d["indptr"][1:])):
    B[i, d["indices"][a:b]] = d["values"][a:b]
print(abs(A - B).max() / abs(A).max())
"#;

/// A mesh that is no grid: curved, or stretched (scikit-fem's quadratics with second derivatives are not mapped, so
/// that they are Q2 on rectangles only, and to rounding only near the origin).
fn bent(points: &mut [[f64; 2]], curved: bool) {
    for p in points {
        let [x, y] = *p;
        *p = match curved {
            true => [x + 0.1 * y * y + 0.05 * (3.0 * x * y).sin(), y - 0.1 * x * x],
            false => [2.0 * x + 0.4 * x * x - 1.0, 3.0 * y - 0.3 * y * y - 1.2],
        };
    }
}

fn compare(plate: &Plate, points: &[[f64; 2]], cells: Vec<Vec<u32>>, penalty: (f64, f64)) {
    let (space, a) = (plate.space(), matrix(plate, f));
    let nodes: Vec<&[u32]> = (0..cells.len()).map(|c| space.nodes_of(c)).collect();
    let input = serde_json::json!({
        "corners": space.element.corners, "sigma": penalty.0, "tau": penalty.1,
        "broken": space.continuity == Continuity::Broken, "strong": space.continuity == Continuity::Strong,
        "points": points, "cells": cells, "nodes": nodes, "node_points": space.points, "free": space.free,
        "indptr": a.pattern().indptr(), "indices": a.pattern().indices(), "values": a.values(),
    });
    if let Some(difference) = relative_difference(SCIKIT_FEM, &input) {
        println!("{:?} {:?}: {difference:.1e}", space.element.corners, space.continuity);
        assert!(difference < 1e-12, "{:?}: {difference}", space.continuity);
    }
}

#[test]
fn matrices_agree_with_scikit_fem() {
    let penalty = (12.0, 7.0);
    let make = |space| Plate::new(space, Order::Rcm, Penalty { sigma: penalty.0, tau: penalty.1 }, DEGREES).unwrap();
    for continuity in [Continuity::Strong, Continuity::Weak, Continuity::Broken] {
        let mut mesh = structured::triangles(4, 3);
        bent(&mut mesh.points, true);
        let plate = make(Space::triangles(&mesh, continuity));
        compare(&plate, &mesh.points, mesh.cells.iter().map(|c| c.to_vec()).collect(), penalty);
        let mut mesh = structured::quads(2, 3);
        bent(&mut mesh.points, false);
        let plate = make(Space::quads(&mesh, continuity).unwrap());
        compare(&plate, &mesh.points, mesh.cells.iter().map(|c| c.to_vec()).collect(), penalty);
    }
}

/// Quadratics are in every space, so that the methods find them exactly, on sheared cells and with boundary data too.
#[test]
fn quadratics_are_found_exactly() {
    let u = |x: [f64; 2]| 1.0 + x[0] - 2.0 * x[1] + x[0] * x[0] + 3.0 * x[0] * x[1] - 4.0 * x[1] * x[1];
    // Δu = −6, so that Δ(f Δu) = −6 Δf = −12.
    for continuity in [Continuity::Strong, Continuity::Weak, Continuity::Broken] {
        for quads in [false, true] {
            let space = if quads {
                let mut mesh = structured::quads(4, 3);
                mesh.points.iter_mut().for_each(|p| *p = [p[0] + 0.4 * p[1], 0.2 * p[0] + p[1]]);
                Space::quads(&mesh, continuity).unwrap()
            } else {
                let mut mesh = structured::triangles(4, 3);
                bent(&mut mesh.points, true);
                Space::triangles(&mesh, continuity)
            };
            let penalty = Penalty { sigma: 400.0, tau: 20.0 };
            let plate = Plate::new(space, Order::Rcm, penalty, DEGREES).unwrap();
            let mut x = vec![0.0; plate.space().count()];
            plate.load(&vec![-12.0; plate.load_points().len()], &mut x);
            plate.boundary_data(&plate.samples(f), u, |_| -6.0, &mut x);
            Cholesky::new(&matrix(&plate, f)).unwrap().solve_in_place(&mut x);
            let values = plate.space().spread(&x, u);
            for (&p, value) in plate.space().points.iter().zip(&values) {
                let error = (value - u(p)).abs();
                assert!(error < 1e-9, "{continuity:?} quads {quads} at {p:?}: {error:.1e}");
            }
        }
    }
}

#[test]
fn quads_that_are_no_parallelograms_are_refused() {
    let mut mesh = structured::quads(2, 2);
    mesh.points[4] = [0.6, 0.5];
    let e = Space::quads(&mesh, Continuity::Broken).unwrap_err().to_string();
    assert!(e.contains("cell 0") && e.contains("parallelogram"), "{e}");
}

#[test]
fn shared_nodes_run_row_by_row() {
    let space = space("P2", 16, Continuity::Weak);
    assert_eq!(space.points.len(), 33 * 33);
    for (k, p) in space.points.iter().enumerate() {
        let expected = [(k % 33) as f64 / 32.0, (k / 33) as f64 / 32.0];
        assert!((p[0] - expected[0]).abs() + (p[1] - expected[1]).abs() < 1e-15);
        let edge = k % 33 == 0 || k % 33 == 32 || !(33..32 * 33).contains(&k);
        assert_eq!(space.boundary[k], edge);
    }
}
