//! `helmholtz`: manufactured waves, the eigenvalues of the square, the inertia, a plane wave through absorbing sides.

use std::f64::consts::PI;

use crate::error::{Error, Result};
use crate::families;
use crate::families::discretisation::{Discretisation, Scheme, Wanted};
use crate::families::manufactured::Problem;
use crate::fem::difference::Faces;
use crate::fem::integrals;
use crate::fem::space::Space;
use crate::linalg::{Csr, SymbolicLdlt, dense};
use crate::mesh::recipe::MeshRecipe;
use crate::mesh::{delaunay, structured};
use crate::system::LinearSystem;
use crate::verify::{Check, Level, Norm, Report, Study};

/// The text of a recipe for so many cells a side.
type RecipeOf<'a> = &'a dyn Fn(usize) -> String;

/// Squares a side; the wave numbers below have 11 and more points per wavelength from the second one on.
const CELLS: [usize; 4] = [16, 32, 64, 128];

/// Wave number of the studies: not near an eigenvalue of the square.
const WAVE: f64 = 8.0;

/// Orders, inertia and eigenvalues.
pub(super) fn measure() -> Result<Report> {
    let mut report = Report::default();
    for scheme in [Scheme::P1, Scheme::Q1, Scheme::Fd] {
        report.studies.push(dirichlet(scheme)?);
    }
    report.studies.extend(own()?);
    for scheme in [Scheme::P1, Scheme::Q1] {
        let keys = |n: usize| format!("discretisation = \"{}\"\ncells = {n}", scheme.name());
        let space = |n: usize| match scheme {
            Scheme::Q1 => Ok(Space::q1(&structured::quads(n, n))),
            _ => Ok(Space::p1(&structured::triangles(n, n))),
        };
        report.studies.push(plane_wave(&format!("{scheme:?}"), &keys, &space)?);
    }
    // No side faces along an axis, few edges are as long as others.
    let area = |n: usize| 0.5 / (n * n) as f64;
    let keys = |n: usize| format!("mesh = {{ shape = \"disc\", area = {} }}", area(n));
    let space = |n: usize| {
        let corners = delaunay::disc(area(n));
        Ok(Space::p1(&delaunay::polygon(&corners, area(n), MeshRecipe::default().angle)?))
    };
    report.studies.push(plane_wave("P1 on a disc", &keys, &space)?);
    for scheme in ["p1", "q1", "fd"] {
        report.checks.extend(inertia(scheme)?);
    }
    report.checks.push(eigenvalues()?);
    let s = sample(&toml::toml! { kind = "absorbing"
    cells = 6 })?;
    let negative = SymbolicLdlt::new(s.matrix.pattern())?.factorize(&s.matrix)?.inertia().negative;
    report.checks.push(Check::says(
        "absorbing: negative eigenvalues",
        format!("{}, one half", s.n() / 2),
        format!("{negative}, one half"),
    ));
    for kind in ["dirichlet", "absorbing", "shifted"] {
        let s = sample(&toml::toml! { kind = kind
        cells = 24 })?;
        report.checks.push(Check::below(
            format!("{kind}: |a_ij - a_ji| / sqrt(a_ii a_jj)"),
            1e-14,
            s.matrix.asymmetry(),
        ));
    }
    Ok(report)
}

fn sample(table: &toml::Table) -> Result<LinearSystem> {
    families::build(super::NAME, table, "verify")?.sampler()?.sample(1, 0)
}

fn norms(names: &[(&'static str, f64)]) -> Vec<Norm> {
    names.iter().map(|&(name, order)| Norm { name, order }).collect()
}

/// k, p, f and boundary conditions as a recipe gives them.
fn own() -> Result<Vec<Study>> {
    let wave = |n: usize| format!("k = \"4 + x\"\nf = \"(5 - (4 + x)^2)*U\"\ncells = {n}");
    let shifted = |n: usize| {
        format!("kind = \"shifted\"\np = \"1 + x\"\nf = \"(6 + x)*U\"\ncells = {n}\ndiscretisation = \"q1\"")
    };
    let on_mesh =
        |n: usize| format!("k = \"4 + x\"\nf = \"(5 - (4 + x)^2)*U\"\nmesh = {{ area = {} }}", 0.5 / (n * n) as f64);
    let quads = |n: usize| {
        let mesh = format!("mesh = {{ shape = \"quads\", cells = {n} }}");
        format!("kind = \"shifted\"\np = \"1 + x\"\nf = \"(6 + x)*U\"\n{mesh}")
    };
    let differences = |n: usize| format!("kind = \"shifted\"\np = \"1 + x\"\nf = \"(6 + x)*U\"\ncells = {n}");
    // Well below 3π²/4, the lowest eigenvalue with u given on three sides of the cube.
    let tetrahedra = |n: usize| {
        let mesh = format!("mesh = {{ shape = \"cube\", cells = {n} }}");
        format!("k = \"1 + x\"\nf = \"(6 - (1 + x)^2)*U\"\n{mesh}")
    };
    let problems: [(&str, usize, RecipeOf); 6] = [
        ("P1, k = 4 + x", 2, &wave),
        ("Q1, p = 1 + x", 2, &shifted),
        ("fd, p = 1 + x", 2, &differences),
        ("P1 on a Delaunay mesh, k = 4 + x", 2, &on_mesh),
        ("Q1 on a mesh, p = 1 + x", 2, &quads),
        ("P1 on tetrahedra, k = 1 + x", 3, &tetrahedra),
    ];
    let mut studies = Vec::new();
    for (what, dim, keys) in problems {
        let problem = Problem { family: super::NAME, dim, what, medium: "1", keys, in_time: false };
        studies.extend(problem.studies(if dim == 3 { &[4, 8, 16] } else { &[16, 32, 64] })?);
    }
    Ok(studies)
}

/// u = sin πx sin 2πy with variable k = 8 (1 + 0.2 sin 2πx).
fn dirichlet(scheme: Scheme) -> Result<Study> {
    let k = |x: [f64; 2]| WAVE * (1.0 + 0.2 * (2.0 * PI * x[0]).sin());
    let u = |x: [f64; 2]| (PI * x[0]).sin() * (2.0 * PI * x[1]).sin();
    let gradient = |x: [f64; 2]| {
        let ((sx, cx), (sy, cy)) = ((PI * x[0]).sin_cos(), (2.0 * PI * x[1]).sin_cos());
        [PI * cx * sy, 2.0 * PI * sx * cy]
    };
    let level = |&cells: &usize| -> Result<Level> {
        let wanted = Wanted { mass: true, boundary: false };
        let grid = Discretisation::square(cells, scheme, Faces::Arithmetic, wanted)?;
        let mut values = vec![0.0; grid.pattern().nnz()];
        grid.add_diffusion(&grid.interpolate(|_| 1.0), 1.0, &mut values);
        grid.add_reaction(&grid.interpolate(|x| k(x) * k(x)), -1.0, &mut values)?;
        let matrix = Csr::new(grid.pattern().clone(), values)?;
        let mut x = grid.load(&grid.interpolate(|x| (5.0 * PI * PI - k(x) * k(x)) * u(x)));
        SymbolicLdlt::new(grid.pattern())?.factorize(&matrix)?.solve_in_place(&mut x)?;
        let nodal = grid.prolong(&x);
        let errors = match grid.elements() {
            Some(e) => {
                let (l2, h1) = integrals::errors(&e.space, &nodal, u, gradient)?;
                vec![l2, h1]
            }
            None => {
                let differences = nodal.iter().zip(grid.interpolate(u)).map(|(a, b)| (a - b).abs());
                vec![differences.fold(0.0, f64::max)]
            }
        };
        Ok(Level { h: 1.0 / cells as f64, unknowns: x.len(), errors })
    };
    Ok(Study {
        what: format!("{scheme:?}, Dirichlet, variable k"),
        norms: match scheme {
            Scheme::Fd => norms(&[("max", 2.0)]),
            _ => norms(&[("L2", 2.0), ("H1", 1.0)]),
        },
        levels: CELLS.iter().map(level).collect::<Result<_>>()?,
    })
}

/// The family's own samples with constant k: their solution is the plane wave of the drawn angle.
fn plane_wave(what: &str, keys: &dyn Fn(usize) -> String, space: &dyn Fn(usize) -> Result<Space<2>>) -> Result<Study> {
    let level = |&cells: &usize| -> Result<Level> {
        let text = format!("{}\nkind = \"absorbing\"\nk = {WAVE:?}\nvariation = 0.0", keys(cells));
        let s = sample(&text.parse().map_err(|e: toml::de::Error| Error::Argument(e.to_string()))?)?;
        let angle = s.params.iter().find(|p| p.0 == "angle").map_or(0.0, |p| p.1);
        let wave = super::absorbing::PlaneWave::new(WAVE, angle);
        let space = space(cells)?;
        let x = s.solution.as_deref().unwrap_or_default();
        let nodes = s.mesh.as_ref().map_or(&[][..], |mesh| &mesh.free_dofs[..space.len()]);
        let (mut l2, mut h1) = (0.0f64, 0.0f64);
        for (part, unknowns) in x.chunks_exact(space.len()).enumerate() {
            let mut nodal = vec![0.0; space.len()];
            nodes.iter().zip(unknowns).for_each(|(&v, x)| nodal[v as usize] = *x);
            // ∇ exp(ik d·x) = ik d exp(ik d·x).
            let slope = |at| {
                if part == 0 { -WAVE * wave.at(at)[1] } else { WAVE * wave.at(at)[0] }
            };
            let gradient = |at| wave.direction.map(|d| d * slope(at));
            let (value, derivative) = integrals::errors(&space, &nodal, |at| wave.at(at)[part], gradient)?;
            (l2, h1) = (l2.hypot(value), h1.hypot(derivative));
        }
        Ok(Level { h: 1.0 / cells as f64, unknowns: s.n(), errors: vec![l2, h1] })
    };
    Ok(Study {
        what: format!("{what}, absorbing, plane wave"),
        norms: norms(&[("L2", 2.0), ("H1", 1.0)]),
        levels: CELLS[..3].iter().map(level).collect::<Result<_>>()?,
    })
}

/// With constant k as many eigenvalues are negative as k² exceeds π²(m² + n²).
fn inertia(scheme: &str) -> Result<Vec<Check>> {
    [10.0f64, 20.0, 30.0]
        .into_iter()
        .map(|k| {
            let s = sample(&toml::toml! { discretisation = scheme
            cells = 96
            k = k
            variation = 0.0 })?;
            let below = (1..40).flat_map(|m| (1..40).map(move |n| PI * PI * f64::from(m * m + n * n)));
            let exact = below.filter(|&l| l < k * k).count();
            let found = s.params.iter().find(|p| p.0 == "negative_eigenvalues");
            Ok(Check::says(
                format!("{scheme}, k = {k}: negative eigenvalues"),
                exact.to_string(),
                found.map_or(f64::NAN, |p| p.1).to_string(),
            ))
        })
        .collect()
}

/// The lowest eigenvalues of −Δ − k² by differences against those of the square, to second order.
fn eigenvalues() -> Result<Check> {
    let (cells, k) = (24, 5.0);
    let s = sample(&toml::toml! { discretisation = "fd"
    cells = cells
    k = k
    variation = 0.0 })?;
    let found = dense::eigenvalues_symmetric(&dense::from_csr(&s.matrix))?;
    // Of the continuous square π²(m² + n²) − k², on the grid (4/h²)(sin² mπh/2 + sin² nπh/2) − k².
    let mut exact: Vec<f64> = (1..cells)
        .flat_map(|m| (1..cells).map(move |n| (m, n)))
        .map(|(m, n)| {
            let h = 1.0 / cells as f64;
            let part = |m: i64| (2.0 / h * (0.5 * PI * m as f64 * h).sin()).powi(2);
            part(m) + part(n) - k * k
        })
        .collect();
    exact.sort_by(f64::total_cmp);
    let worst = found.iter().zip(&exact).map(|(a, b)| (a - b).abs() / (k * k + b.abs()));
    Ok(Check::below("fd, k = 5: all eigenvalues against those of the square's grid", 1e-11, worst.fold(0.0, f64::max)))
}
