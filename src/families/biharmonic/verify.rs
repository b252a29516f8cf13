//! `biharmonic`: a manufactured solution with variable f and boundary data, definiteness over penalties, agreement of
//! the methods, condition numbers.

use std::f64::consts::PI;

use super::BiharmonicConfig;
use crate::error::Result;
use crate::fem::dofs::Order;
use crate::fem::plate::space::{Continuity, Space};
use crate::fem::plate::{Degrees, Penalty, Plate, norms};
use crate::linalg::{Cholesky, Csr, dense};
use crate::mesh::structured;
use crate::verify::{Check, Level, Norm, Report, Study};

/// Squares a side.
const CELLS: [usize; 4] = [4, 8, 16, 32];

/// Discretisations with the penalties that the family takes by default.
const METHODS: [(Element, Continuity, &str); 6] = [
    (Element::Q2, Continuity::Broken, "dg, Q2"),
    (Element::P2, Continuity::Broken, "dg, P2"),
    (Element::P2, Continuity::Weak, "c0ip, P2, boundary weak"),
    (Element::P2, Continuity::Strong, "c0ip, P2, boundary strong"),
    (Element::Q2, Continuity::Weak, "c0ip, Q2, boundary weak"),
    (Element::Q2, Continuity::Strong, "c0ip, Q2, boundary strong"),
];

/// Penalties (element, squares a side, σ, τ) with what a Cholesky says of the discontinuous form, f = 1.
const DEFINITE: [(Element, usize, f64, f64, &str); 7] = [
    (Element::P2, 8, 1.0, 1.0, "indefinite"),
    (Element::P2, 8, 5.0, 5.0, "definite"),
    (Element::P2, 8, 10.0, 10.0, "definite"),
    (Element::P2, 8, 50.0, 10.0, "definite"),
    (Element::Q2, 11, 50.0, 10.0, "indefinite"),
    (Element::Q2, 11, 100.0, 10.0, "definite"),
    (Element::Q2, 11, 300.0, 10.0, "definite"),
];

/// (squares a side, κ) of c0ip, P2, boundary strong, τ = 8, f = 1: those of the same form assembled by scikit-fem 12.
/// There, Hessians in place of Laplacians make 1.78e3, 3.52e4 and 1.87e5 of them, cell diameters in place of facet
/// lengths 1.75e3, 3.38e4 and 1.79e5.
const KAPPA: [(usize, f64); 3] = [(4, 1.857e3), (8, 3.719e4), (12, 1.981e5)];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Element {
    P2,
    Q2,
}

/// Orders 2 in L² and 1 in the broken H² norm; definiteness; condition numbers.
pub(super) fn measure() -> Result<Report> {
    let mut report = Report::default();
    for (element, continuity, what) in METHODS {
        report.studies.push(study(element, continuity, what)?);
    }
    for element in [Element::P2, Element::Q2] {
        report.checks.push(approach(element)?);
    }
    for (element, n, sigma, tau, expected) in DEFINITE {
        let plate = plate(element, n, Continuity::Broken, Penalty { sigma, tau })?;
        let found = match Cholesky::new(&matrix(&plate, constant)?) {
            Ok(_) => "definite",
            Err(_) => "indefinite",
        };
        let what = format!("dg, {element:?}, {n} x {n}, sigma = {sigma}, tau = {tau}: Cholesky");
        report.checks.push(Check::says(what, expected, found));
    }
    for (n, kappa) in KAPPA {
        let penalty = Penalty { sigma: 0.0, tau: 8.0 };
        let a = matrix(&plate(Element::P2, n, Continuity::Strong, penalty)?, constant)?;
        let rising = dense::eigenvalues_symmetric(&dense::from_csr(&a))?;
        report.checks.push(Check::near(
            format!("c0ip, P2, {n} x {n}, tau = 8, f = 1: condition number"),
            kappa,
            rising[rising.len() - 1] / rising[0],
            1e-3,
        ));
    }
    let defaults = BiharmonicConfig::default();
    let penalty = defaults.penalty(false);
    let a = matrix(&plate(Element::Q2, 11, Continuity::Broken, penalty)?, f)?;
    report.checks.push(Check::below("dg, Q2: |a_ij - a_ji| / sqrt(a_ii a_jj)", 0.0, a.asymmetry()));
    Ok(report)
}

fn plate(element: Element, n: usize, continuity: Continuity, penalty: Penalty) -> Result<Plate> {
    let space = match element {
        Element::P2 => Space::triangles(&structured::triangles(n, n), continuity),
        Element::Q2 => Space::quads(&structured::quads(n, n), continuity)?,
    };
    let degrees = Degrees { coefficient: 2, source: 6 };
    Plate::new(space, Order::Natural, penalty, degrees)
}

fn study(element: Element, continuity: Continuity, what: &str) -> Result<Study> {
    let norm = |name, order| Norm { name, order };
    let levels = CELLS.map(|n| {
        let (plate, values) = solve(element, n, continuity)?;
        let (l2, h2) = norms::errors(plate.space(), &values, u, hessian)?;
        Ok(Level { h: 1.0 / n as f64, unknowns: plate.space().count(), errors: vec![l2, h2] })
    });
    Ok(Study {
        what: format!("{what}, f = 1 + x + y^2"),
        norms: vec![norm("L2", 2.0), norm("broken H2", 1.0)],
        levels: levels.into_iter().collect::<Result<_>>()?,
    })
}

/// How fast u of dg and of c0ip come together.
fn approach(element: Element) -> Result<Check> {
    let mut differences = Vec::new();
    for n in CELLS {
        let (broken, x) = solve(element, n, Continuity::Broken)?;
        let (shared, y) = solve(element, n, Continuity::Strong)?;
        let pairs = broken.space().nodes.iter().zip(&shared.space().nodes);
        let squares: f64 = pairs.map(|(&i, &j)| (x[i as usize] - y[j as usize]).powi(2)).sum();
        differences.push((squares / x.len() as f64).sqrt());
    }
    let [first, last] = [differences[0], differences[CELLS.len() - 1]];
    Ok(Check {
        what: format!("{element:?}: rms of u(dg) - u(c0ip) at nodes, 4 x 4 to 32 x 32"),
        expected: "falls, in all 20 times".into(),
        found: format!("{first:.1e} to {last:.1e}"),
        holds: differences.is_sorted_by(|a, b| a > b) && last < first / 20.0,
    })
}

/// The plate and u at its nodes.
fn solve(element: Element, n: usize, continuity: Continuity) -> Result<(Plate, Vec<f64>)> {
    let penalty = BiharmonicConfig::default().penalty(element == Element::P2);
    let plate = plate(element, n, continuity, penalty)?;
    let source: Vec<f64> = plate.load_points().iter().map(|&x| g(x)).collect();
    let mut x = vec![0.0; plate.space().count()];
    plate.load(&source, &mut x);
    plate.boundary_data(&plate.samples(f), u, laplacian, &mut x);
    Cholesky::new(&matrix(&plate, f)?)?.solve_in_place(&mut x);
    let values = plate.space().spread(&x, u);
    Ok((plate, values))
}

fn matrix(plate: &Plate, f: fn([f64; 2]) -> (f64, [f64; 2])) -> Result<Csr> {
    let mut values = vec![0.0; plate.pattern().nnz()];
    plate.stiffness(&plate.samples(f), values.as_chunks_mut::<1>().0);
    Csr::new(plate.pattern().clone(), values)
}

fn constant(_: [f64; 2]) -> (f64, [f64; 2]) {
    (1.0, [0.0; 2])
}

/// f = 1 + x + y² and its gradient.
fn f(x: [f64; 2]) -> (f64, [f64; 2]) {
    (1.0 + x[0] + x[1] * x[1], [1.0, 2.0 * x[1]])
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

/// g = Δ(f Δu) = f ΔΔu + 2 ∇f · ∇Δu + Δf Δu.
fn g(x: [f64; 2]) -> f64 {
    let [(sx, cx), (sy, cy)] = x.map(|t| (PI * t).sin_cos());
    let slope = [-2.0 * PI.powi(3) * cx * sy, 2.0 - 2.0 * PI.powi(3) * sx * cy];
    let (value, gradient) = f(x);
    let along = gradient[0] * slope[0] + gradient[1] * slope[1];
    4.0 * PI.powi(4) * sx * sy * value + 2.0 * along + 2.0 * laplacian(x)
}
