//! `elliptic`: manufactured solutions with a positive polynomial f, on Delaunay and structured meshes, for each
//! element; given values, Neumann and Robin conditions; symmetry and contrast of samples.

use std::f64::consts::PI;

use super::manufactured;
use crate::error::Result;
use crate::families;
use crate::fem::assembler::Assembler;
use crate::fem::dofs::{Dofs, Order};
use crate::fem::integrals::{Integrals, Kind, errors};
use crate::fem::space::Space;
use crate::linalg::vector::norm2;
use crate::linalg::{Cholesky, Csr};
use crate::mesh::{delaunay, structured};
use crate::verify::{Check, Level, Norm, Report, Study};

/// What holds on the sides x = 1 and y = 1; u is given elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sides {
    /// u is given there too.
    Dirichlet,
    /// f ∂u/∂n + α u is given.
    Natural { alpha: f64 },
}

/// Degree up to which quadrature is exact.
const STRENGTH: usize = 8;

/// Orders 2 and 1 (linear, bilinear) and 3 and 2 (quadratic) in L² and H¹; symmetry, contrast, residuals of samples.
pub(super) fn measure() -> Result<Report> {
    let natural = |alpha| Sides::Natural { alpha };
    let linear = |mesh| Ok(Space::p1(&mesh));
    let delaunay = |cells: usize| {
        let h = 1.0 / cells as f64;
        delaunay::polygon(&delaunay::square(), 0.5 * h * h, 25.0)
    };
    let mut studies = Vec::new();
    for (name, sides) in [("u given", Sides::Dirichlet), ("Neumann", natural(0.0)), ("Robin", natural(2.0))] {
        studies.push(study(format!("P1, Delaunay, {name}"), [2.0, 1.0], [8, 16, 32, 64], sides, |n| {
            delaunay(n).and_then(linear)
        })?);
        studies.push(study(format!("P2, Delaunay, {name}"), [3.0, 2.0], [4, 8, 16, 32], sides, |n| {
            Ok(Space::p2(&delaunay(n)?))
        })?);
        studies.push(study(format!("Q1, general quadrilaterals, {name}"), [2.0, 1.0], [8, 16, 32, 64], sides, skewed)?);
    }
    studies.push(study("P1, tetrahedra, u given".into(), [2.0, 1.0], [3, 6, 12, 18], Sides::Dirichlet, |n| {
        Ok(Space::p1_tet(&structured::tetrahedra(n)))
    })?);
    studies.extend(manufactured::studies()?);
    Ok(Report { studies, checks: checks()? })
}

/// Quadrilaterals that are no parallelograms; the boundary stays.
fn skewed(n: usize) -> Result<Space<2>> {
    let mut mesh = structured::quads(n, n);
    for p in &mut mesh.points {
        let bump = (PI * p[0]).sin() * (PI * p[1]).sin();
        *p = [p[0] + 0.08 * bump, p[1] - 0.06 * bump];
    }
    Ok(Space::q1(&mesh))
}

/// One sample of each shape of mesh.
fn checks() -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for (shape, elements) in
        [("square", "quadratic"), ("l-shape", "linear"), ("disc", "linear"), ("quads", "linear"), ("cube", "linear")]
    {
        let table = toml::toml! { contrast = 100.0
        elements = elements
        mesh = { shape = shape, cells = 10, area = 0.002 } };
        let sample = families::build(super::NAME, &table, "verify")?.sampler()?.sample(1, 0)?;
        let what = |claim: &str| format!("{shape}, {elements}: {claim}");
        checks.push(Check::below(what("|a_ij - a_ji| / sqrt(a_ii a_jj)"), 1e-14, sample.matrix.asymmetry()));
        // The solution came from a Cholesky: the matrix is positive definite.
        if let Some(x) = &sample.solution {
            let mut r = vec![0.0; x.len()];
            sample.matrix.spmv(x, &mut r);
            r.iter_mut().zip(&sample.rhs).for_each(|(r, b)| *r -= b);
            checks.push(Check::below(what("|b - A x|/|b|"), 1e-12, norm2(&r) / norm2(&sample.rhs)));
        }
    }
    Ok(checks)
}

fn study<const D: usize>(
    what: String,
    [l2, h1]: [f64; 2],
    cells: [usize; 4],
    sides: Sides,
    space: impl Fn(usize) -> Result<Space<D>>,
) -> Result<Study> {
    let level = |&n: &usize| {
        let space = space(n)?;
        let (unknowns, errors) = solve(&space, sides)?;
        Ok(Level { h: 1.0 / n as f64, unknowns, errors })
    };
    Ok(Study {
        what,
        norms: vec![Norm { name: "L2", order: l2 }, Norm { name: "H1", order: h1 }],
        levels: cells.iter().map(level).collect::<Result<_>>()?,
    })
}

/// −∇·(f ∇u) = g with u and f below, on the unit square or cube: (unknowns, errors in L² and H¹).
fn solve<const D: usize>(space: &Space<D>, sides: Sides) -> Result<(usize, Vec<f64>)> {
    let far = |x: &[f64; D]| x.iter().any(|&c| c > 1.0 - 1e-9);
    let near = |x: &[f64; D]| x.iter().any(|&c| c < 1e-9);
    let fixed = |x: &[f64; D]| near(x) || (far(x) && sides == Sides::Dirichlet);
    let free = |v: usize| !(space.boundary[v] && fixed(&space.nodes[v]));
    let assembler = Assembler::new(space, Dofs::of_space(space, free, Order::Rcm)?)?;
    let stiffness = Integrals::new(space, Kind::Stiffness, STRENGTH)?;
    let mass = Integrals::new(space, Kind::Mass, STRENGTH)?;
    let at = |i: &Integrals<D>, f: &dyn Fn([f64; D]) -> f64| -> Vec<f64> { i.points().iter().map(|&x| f(x)).collect() };
    let known = space.interpolate(|x| u(x).0);
    let coefficient = at(&stiffness, &|x| f(x).0);
    let mut values = vec![0.0; assembler.pattern().nnz()];
    assembler.add(&stiffness, &assembler.scatter(&stiffness), &coefficient, &mut values);
    let mut load = mass.load(&at(&mass, &source), space.len());
    let mut lifted = vec![0.0; assembler.dofs().count()];
    assembler.lift(&stiffness, &coefficient, &known, &mut lifted);
    if let Sides::Natural { alpha } = sides {
        let k = space.facet_element.nodes();
        let on_far = |facet: usize| {
            let nodes = &space.facets[facet * k..(facet + 1) * k];
            (0..D).any(|d| nodes.iter().all(|&v| space.nodes[v as usize][d] > 1.0 - 1e-9))
        };
        let edge = Integrals::on_facets(space, STRENGTH, &on_far)?;
        let border = edge.load(&at(&edge, &|x| flux(x) + alpha * u(x).0), space.len());
        load.iter_mut().zip(border).for_each(|(l, b)| *l += b);
        let robin = vec![alpha; edge.points().len()];
        assembler.add(&edge, &assembler.scatter(&edge), &robin, &mut values);
        assembler.lift(&edge, &robin, &known, &mut lifted);
    }
    let mut x = assembler.restrict(&load);
    x.iter_mut().zip(lifted).for_each(|(x, l)| *x += l);
    Cholesky::new(&Csr::new(assembler.pattern().clone(), values)?)?.solve_in_place(&mut x);
    let unknowns = x.len();
    let (l2, h1) = errors(space, &assembler.prolong(&x, known), |x| u(x).0, |x| u(x).1)?;
    Ok((unknowns, vec![l2, h1]))
}

/// f = 1 + x₀ + 2 x₁² + x₀ x_{D−1} and its gradient.
fn f<const D: usize>(x: [f64; D]) -> (f64, [f64; D]) {
    let mut gradient = [0.0; D];
    gradient[0] += 1.0 + x[D - 1];
    gradient[1] += 4.0 * x[1];
    gradient[D - 1] += x[0];
    (1.0 + x[0] + 2.0 * x[1] * x[1] + x[0] * x[D - 1], gradient)
}

/// u = e^{x₀} sin(2 x_{D−1} + 1), its gradient and Δu = −3 u.
fn u<const D: usize>(x: [f64; D]) -> (f64, [f64; D], f64) {
    let (s, c) = (2.0 * x[D - 1] + 1.0).sin_cos();
    let e = x[0].exp();
    let mut gradient = [0.0; D];
    gradient[0] = e * s;
    gradient[D - 1] = 2.0 * e * c;
    (e * s, gradient, -3.0 * e * s)
}

fn source<const D: usize>(x: [f64; D]) -> f64 {
    let ((f, df), (_, du, laplacian)) = (f(x), u(x));
    -(0..D).map(|d| df[d] * du[d]).sum::<f64>() - f * laplacian
}

/// f ∂u/∂n on the far sides.
fn flux<const D: usize>(x: [f64; D]) -> f64 {
    let side = (0..D).find(|&d| x[d] > 1.0 - 1e-9).unwrap_or(0);
    f(x).0 * u(x).1[side]
}
