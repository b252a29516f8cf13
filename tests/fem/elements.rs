//! P1, P2, Q1 on the plane and P1 in space: orders of convergence with a variable coefficient and all three kinds of
//! boundary conditions.

use fempipe::fem::assembler::Assembler;
use fempipe::fem::dofs::{Dofs, Order};
use fempipe::fem::integrals::{Integrals, Kind, errors};
use fempipe::fem::space::Space;
use fempipe::linalg::{Cholesky, Csr};
use fempipe::mesh::structured;

/// A problem −∇·(f ∇u) + c u = g with exact solution u; f ∂u/∂n + u = h where the boundary is free.
struct Problem<const D: usize> {
    f: fn([f64; D]) -> f64,
    c: f64,
    g: fn([f64; D]) -> f64,
    u: fn([f64; D]) -> f64,
    gradient: fn([f64; D]) -> [f64; D],
    /// f ∂u/∂n + u on the free part of the boundary.
    h: fn([f64; D]) -> f64,
    /// Where u is given.
    fixed: fn([f64; D]) -> bool,
}

/// (errors in L² and H¹, matrix).
fn solve<const D: usize>(space: &Space<D>, p: &Problem<D>) -> ((f64, f64), Csr) {
    let dofs = Dofs::of_space(space, |v| !(space.boundary[v] && (p.fixed)(space.nodes[v])), Order::Rcm).unwrap();
    let assembler = Assembler::new(space, dofs).unwrap();
    let at = |i: &Integrals<D>, f: fn([f64; D]) -> f64| -> Vec<f64> { i.points().iter().map(|&x| f(x)).collect() };
    let stiffness = Integrals::new(space, Kind::Stiffness, 4).unwrap();
    let mass = Integrals::new(space, Kind::Mass, 4).unwrap();
    // Robin on the facets of which a node is free.
    let k = space.facet_element.nodes();
    let free = |facet: usize| {
        let nodes = &space.facets[facet * k..(facet + 1) * k];
        nodes.iter().any(|&v| !(p.fixed)(space.nodes[v as usize]))
    };
    let edge = Integrals::on_facets(space, 4, &free).unwrap();
    let known = space.interpolate(p.u);
    let mut values = vec![0.0; assembler.pattern().nnz()];
    let mut load = mass.load(&at(&mass, p.g), space.len());
    let border = edge.load(&at(&edge, p.h), space.len());
    load.iter_mut().zip(border).for_each(|(l, b)| *l += b);
    let mut rhs = assembler.restrict(&load);
    let ones = vec![1.0; edge.points().len()];
    for (integrals, coefficient) in
        [(&stiffness, at(&stiffness, p.f)), (&mass, vec![p.c; mass.points().len()]), (&edge, ones)]
    {
        assembler.add(integrals, &assembler.scatter(integrals), &coefficient, &mut values);
        assembler.lift(integrals, &coefficient, &known, &mut rhs);
    }
    let a = Csr::new(assembler.pattern().clone(), values).unwrap();
    Cholesky::new(&a).unwrap().solve_in_place(&mut rhs);
    let nodal = assembler.prolong(&rhs, known);
    (errors(space, &nodal, p.u, p.gradient).unwrap(), a)
}

fn orders<const D: usize>(spaces: &[Space<D>], problem: &Problem<D>, wanted: (f64, f64)) {
    let found: Vec<(f64, f64)> = spaces
        .iter()
        .map(|space| {
            let (errors, a) = solve(space, problem);
            assert!(a.is_symmetric(1e-14));
            errors
        })
        .collect();
    let last = found.len() - 1;
    let order = |a: f64, b: f64| (a / b).log2();
    let l2 = order(found[last - 1].0, found[last].0);
    let h1 = order(found[last - 1].1, found[last].1);
    assert!((l2 - wanted.0).abs() < 0.2, "L2 {l2}: {found:?}");
    assert!((h1 - wanted.1).abs() < 0.15, "H1 {h1}: {found:?}");
}

/// u = e^x sin 2y, f = 1 + x y; u given at x = 0 and y = 0, Robin at x = 1 and y = 1.
const PLANE: Problem<2> = Problem {
    f: |[x, y]| 1.0 + x * y,
    c: 0.5,
    // −(f_x u_x + f_y u_y + f Δu) + c u, Δu = −3 u
    g: |[x, y]| {
        let (e, s, c) = (x.exp(), (2.0 * y).sin(), (2.0 * y).cos());
        -(y * e * s + x * 2.0 * e * c) + 3.0 * (1.0 + x * y) * e * s + 0.5 * e * s
    },
    u: |[x, y]| x.exp() * (2.0 * y).sin(),
    gradient: |[x, y]| [x.exp() * (2.0 * y).sin(), 2.0 * x.exp() * (2.0 * y).cos()],
    h: |[x, y]| {
        let u = x.exp() * (2.0 * y).sin();
        let normal = if x > 1.0 - 1e-9 { u } else { 2.0 * x.exp() * (2.0 * y).cos() };
        (1.0 + x * y) * normal + u
    },
    fixed: |[x, y]| x < 1e-9 || y < 1e-9,
};

#[test]
fn linear_triangles() {
    let spaces: Vec<_> = [8, 16, 32].map(|n| Space::p1(&structured::triangles(n, n))).into();
    orders(&spaces, &PLANE, (2.0, 1.0));
}

#[test]
fn quadratic_triangles() {
    let spaces: Vec<_> = [6, 12, 24].map(|n| Space::p2(&structured::triangles(n, n))).into();
    orders(&spaces, &PLANE, (3.0, 2.0));
}

#[test]
fn bilinear_quadrilaterals_of_any_shape() {
    let skew = |n: usize| {
        let mut mesh = structured::quads(n, n);
        for (p, &edge) in mesh.points.iter_mut().zip(&mesh.boundary) {
            let [x, y] = *p;
            if !edge {
                let bump = (std::f64::consts::PI * x).sin() * (std::f64::consts::PI * y).sin();
                *p = [x + 0.08 * bump, y - 0.06 * bump];
            }
        }
        Space::q1(&mesh)
    };
    orders(&[8, 16, 32].map(skew), &PLANE, (2.0, 1.0));
}

#[test]
fn linear_tetrahedra() {
    let problem = Problem::<3> {
        f: |[x, _, z]| 1.0 + x + z * z,
        c: 0.0,
        // u = x² y + z: ∇u = (2xy, x², 1), Δu = 2y
        g: |[x, y, z]| -(2.0 * x * y + 2.0 * z + (1.0 + x + z * z) * 2.0 * y),
        u: |[x, y, z]| x * x * y + z,
        gradient: |[x, y, _]| [2.0 * x * y, x * x, 1.0],
        h: |[x, y, z]| (1.0 + x + z * z) + x * x * y + z,
        // Robin on the top only.
        fixed: |[x, y, z]| z < 1.0 - 1e-9 || x < 1e-9 || y < 1e-9 || x > 1.0 - 1e-9 || y > 1.0 - 1e-9,
    };
    let spaces: Vec<_> = [4, 8, 16].map(|n| Space::p1_tet(&structured::tetrahedra(n))).into();
    orders(&spaces, &problem, (2.0, 1.0));
}

#[test]
fn areas_lengths_and_volumes() {
    let ones = |i: &Integrals<2>, n: usize| i.load(&vec![1.0; i.points().len()], n).iter().sum::<f64>();
    let space = Space::p2(&structured::triangles(3, 5));
    let cells = Integrals::new(&space, Kind::Mass, 2).unwrap();
    let edges = Integrals::new(&space, Kind::BoundaryMass, 2).unwrap();
    assert!((ones(&cells, space.len()) - 1.0).abs() < 1e-14);
    assert!((ones(&edges, space.len()) - 4.0).abs() < 1e-14);
    let cube = Space::p1_tet(&structured::tetrahedra(3));
    let faces = Integrals::new(&cube, Kind::BoundaryMass, 2).unwrap();
    let load = faces.load(&vec![1.0; faces.points().len()], cube.len());
    assert!((load.iter().sum::<f64>() - 6.0).abs() < 1e-13);
    let cells = Integrals::new(&cube, Kind::Mass, 2).unwrap();
    let load = cells.load(&vec![1.0; cells.points().len()], cube.len());
    assert!((load.iter().sum::<f64>() - 1.0).abs() < 1e-13);
}

#[test]
fn a_turned_over_cell_is_refused() {
    let mut mesh = structured::triangles(2, 2);
    mesh.cells[3].swap(0, 1);
    let message = Integrals::new(&Space::p1(&mesh), Kind::Stiffness, 2).unwrap_err().to_string();
    assert!(message.contains("cell 3"), "{message}");
}
