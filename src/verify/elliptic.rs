//! `elliptic`: manufactured solutions with a variable coefficient, for every element.

use std::f64::consts::PI;

use super::{Check, Level, Norm, Report, Study};
use crate::error::Result;
use crate::families::{self, elliptic};
use crate::fem::assembler::Assembler;
use crate::fem::dofs::{Dofs, Order};
use crate::fem::integrals::{Integrals, Kind, errors};
use crate::fem::space::Space;
use crate::linalg::{Cholesky, Csr};
use crate::mesh::{delaunay, structured};

/// Quadrature that does not limit the orders.
const STRENGTH: usize = 6;

/// Orders of P1, P2, Q1 and of P1 in space; symmetry and definiteness of samples.
pub fn measure() -> Result<Report> {
    let area = |h: f64| 0.5 * h * h;
    let steps = [1.0 / 8.0, 1.0 / 16.0, 1.0 / 32.0];
    let meshes = steps
        .iter()
        .map(|&h| Ok((h, delaunay::polygon(&delaunay::square(), area(h), 25.0)?)))
        .collect::<Result<Vec<_>>>()?;
    let p1 = meshes.iter().map(|(h, m)| (*h, Space::p1(m)));
    let p2 = meshes.iter().map(|(h, m)| (*h, Space::p2(m)));
    let q1 = [8, 16, 32].map(|n| (1.0 / n as f64, Space::q1(&structured::quads(n, n))));
    let tets = [4, 8, 16].map(|n| (1.0 / n as f64, Space::p1_tet(&structured::tetrahedra(n))));
    let studies = vec![
        study("P1, Delaunay triangles", p1, 1.0)?,
        study("P2, Delaunay triangles", p2, 2.0)?,
        study("Q1, squares", q1, 1.0)?,
        study("P1, tetrahedra", tets, 1.0)?,
    ];
    let table = toml::toml! { contrast = 1000.0 };
    let sample = families::build(elliptic::NAME, &table, "verify")?
        .sampler()?
        .sample(1, 0)?;
    let definite = if Cholesky::new(&sample.matrix).is_ok() {
        "yes"
    } else {
        "no"
    };
    Ok(Report {
        studies,
        checks: vec![
            Check::below(
                "contrast 1000: |A - A^T|/max|A|",
                1e-14,
                super::darcy::asymmetry(&sample.matrix),
            ),
            Check::says("contrast 1000: positive definite (Cholesky)", "yes", definite),
        ],
    })
}

/// u = Π sin π x_d · e^{x₀}, f = 1 + x₀ x₁.
fn study<const D: usize>(
    what: &str,
    spaces: impl IntoIterator<Item = (f64, Space<D>)>,
    degree: f64,
) -> Result<Study> {
    let norm = |name, order| Norm { name, order };
    Ok(Study {
        what: format!("{what}, f = 1 + x y"),
        norms: vec![norm("L2", degree + 1.0), norm("H1", degree)],
        levels: spaces
            .into_iter()
            .map(|(h, space)| level(h, &space))
            .collect::<Result<_>>()?,
    })
}

fn level<const D: usize>(h: f64, space: &Space<D>) -> Result<Level> {
    let dofs = Dofs::of_space(space, |v| !space.boundary[v], Order::Rcm)?;
    let assembler = Assembler::new(space, dofs)?;
    let stiffness = Integrals::new(space, Kind::Stiffness, STRENGTH)?;
    let load = Integrals::new(space, Kind::Mass, STRENGTH)?;
    let f: Vec<f64> = stiffness.points().iter().map(|x| 1.0 + x[0] * x[1]).collect();
    let mut values = vec![0.0; assembler.pattern().nnz()];
    assembler.add(&stiffness, &assembler.scatter(&stiffness), &f, &mut values);
    let matrix = Csr::new(assembler.pattern().clone(), values)?;
    let g: Vec<f64> = load.points().iter().map(|&x| source(x)).collect();
    let mut x = assembler.restrict(&load.load(&g, space.len()));
    Cholesky::new(&matrix)?.solve_in_place(&mut x);
    let nodal = assembler.prolong(&x, vec![0.0; space.len()]);
    let (l2, h1) = errors(space, &nodal, |x| exact(x).0, |x| exact(x).1)?;
    Ok(Level {
        h,
        unknowns: x.len(),
        errors: vec![l2, h1],
    })
}

/// u, ∇u, Δu.
fn exact<const D: usize>(x: [f64; D]) -> (f64, [f64; D], f64) {
    let e = x[0].exp();
    let waves = x.map(|v| (PI * v).sin_cos());
    let product = |except: usize| {
        (0..D)
            .filter(|&d| d != except)
            .map(|d| waves[d].0)
            .product::<f64>()
    };
    let u = e * product(D);
    let mut gradient = [0.0; D];
    for (d, g) in gradient.iter_mut().enumerate() {
        *g = e * PI * waves[d].1 * product(d);
    }
    // ∂₀₀ (e^x sin πx) = e^x ((1 − π²) sin πx + 2π cos πx)
    let laplacian = e * product(0) * ((1.0 - PI * PI) * waves[0].0 + 2.0 * PI * waves[0].1)
        - PI * PI * u * (D - 1) as f64;
    gradient[0] += u;
    (u, gradient, laplacian)
}

/// −∇·(f ∇u).
fn source<const D: usize>(x: [f64; D]) -> f64 {
    let (_, gradient, laplacian) = exact(x);
    -(x[1] * gradient[0] + x[0] * gradient[1] + (1.0 + x[0] * x[1]) * laplacian)
}
