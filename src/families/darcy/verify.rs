//! `darcy`: a manufactured solution with a smooth variable coefficient, for each discretisation.

use std::f64::consts::PI;

use crate::error::Result;
use crate::families;
use crate::families::discretisation::{Discretisation, Scheme, Wanted};
use crate::families::manufactured::Problem;
use crate::fem::difference::Faces;
use crate::fem::integrals;
use crate::linalg::{Cholesky, Csr};
use crate::verify::{Check, Level, Norm, Report, Study};

/// The text of a recipe for so many cells a side.
type RecipeOf<'a> = &'a dyn Fn(usize) -> String;

/// Squares a side.
const CELLS: [usize; 4] = [8, 16, 32, 64];

/// Orders 2 and 1 for elements, 2 at the grid points for differences; symmetry and definiteness of samples.
pub(super) fn measure() -> Result<Report> {
    let mut report = Report::default();
    for scheme in [Scheme::P1, Scheme::Q1] {
        report.studies.push(study(scheme, Faces::Arithmetic)?);
    }
    for faces in [Faces::Arithmetic, Faces::Harmonic] {
        report.studies.push(study(Scheme::Fd, faces)?);
    }
    for scheme in [Scheme::P1, Scheme::Fd] {
        report.studies.push(study_of_the_cube(scheme)?);
    }
    report.studies.extend(own()?);
    for (scheme, dim, cells) in [("p1", 2, 32), ("q1", 2, 32), ("fd", 2, 32), ("p1", 3, 10), ("fd", 3, 10)] {
        let table = toml::toml! { discretisation = scheme
        dim = dim
        cells = cells
        contrast = 1e4 };
        let sample = families::build(super::NAME, &table, "verify")?.sampler()?.sample(1, 0)?;
        // Its solution came from a Cholesky: the matrix is positive definite.
        report.checks.push(Check::below(
            format!("{scheme} in {dim} dimensions, contrast 1e4: |a_ij - a_ji| / sqrt(a_ii a_jj)"),
            1e-14,
            sample.matrix.asymmetry(),
        ));
    }
    Ok(report)
}

/// w, f and boundary conditions as a recipe gives them: w = 1 + xy, on grids and meshes.
fn own() -> Result<Vec<Study>> {
    let mut studies = Vec::new();
    let data = "w = \"W\"\nf = \"5*(W)*U - (y + 2*x)*D\"";
    let in_space = "w = \"W\"\nf = \"6*(W)*U - (y + 2*x)*D\"\ndim = 3";
    let delaunay = |n: usize| format!("{data}\nmesh = {{ area = {} }}", 0.5 / (n * n) as f64);
    let quads = |n: usize| format!("{data}\nmesh = {{ shape = \"quads\", cells = {n} }}");
    let grid = |n: usize| format!("{data}\ncells = {n}\ndiscretisation = \"q1\"");
    let differences = |n: usize| format!("{data}\ncells = {n}\ndiscretisation = \"fd\"");
    let cube = |n: usize| format!("{in_space}\ncells = {n}");
    let in_cube = |n: usize| format!("{in_space}\ncells = {n}\ndiscretisation = \"fd\"");
    let meshes: [(&str, usize, RecipeOf); 6] = [
        ("P1 on a Delaunay mesh", 2, &delaunay),
        ("Q1 on a mesh", 2, &quads),
        ("Q1 on the grid", 2, &grid),
        ("fd", 2, &differences),
        ("P1 on the cube", 3, &cube),
        ("fd on the cube", 3, &in_cube),
    ];
    for (what, dim, keys) in meshes {
        let problem = Problem { family: super::NAME, dim, what, medium: "1 + x*y", keys, in_time: false };
        studies.extend(problem.studies(if dim == 3 { &[4, 8, 16] } else { &[8, 16, 32] })?);
    }
    Ok(studies)
}

/// −∇·(w ∇u) = f with u = sin πx sin πy e^x and w = exp(sin 2πx cos πy).
fn study(scheme: Scheme, faces: Faces) -> Result<Study> {
    let what = match scheme {
        Scheme::Fd => format!("fd, {faces:?} faces, smooth w").to_lowercase(),
        _ => format!("{scheme:?}, smooth w"),
    };
    let norm = |name, order| Norm { name, order };
    Ok(Study {
        what,
        norms: match scheme {
            Scheme::Fd => vec![norm("max", 2.0)],
            _ => vec![norm("L2", 2.0), norm("H1", 1.0)],
        },
        levels: CELLS.iter().map(|&cells| level(scheme, faces, cells)).collect::<Result<_>>()?,
    })
}

fn level(scheme: Scheme, faces: Faces, cells: usize) -> Result<Level> {
    let wanted = Wanted { mass: false, boundary: false };
    let grid = Discretisation::square(cells, scheme, faces, wanted)?;
    let mut values = vec![0.0; grid.pattern().nnz()];
    grid.add_diffusion(&grid.interpolate(|x| w(x).0), 1.0, &mut values);
    let matrix = Csr::new(grid.pattern().clone(), values)?;
    let mut x = grid.load(&grid.interpolate(source));
    Cholesky::new(&matrix)?.solve_in_place(&mut x);
    let nodal = grid.prolong(&x);
    let errors = match grid.elements() {
        Some(e) => {
            let (l2, h1) = integrals::errors(&e.space, &nodal, |x| u(x).0, |x| u(x).1)?;
            vec![l2, h1]
        }
        None => {
            let exact = grid.interpolate(|x| u(x).0);
            let differences = nodal.iter().zip(exact).map(|(a, b)| (a - b).abs());
            vec![differences.fold(0.0, f64::max)]
        }
    };
    Ok(Level { h: 1.0 / cells as f64, unknowns: x.len(), errors })
}

/// w and ∇w.
fn w([x, y]: [f64; 2]) -> (f64, [f64; 2]) {
    let (sx, cx) = (2.0 * PI * x).sin_cos();
    let (sy, cy) = (PI * y).sin_cos();
    let w = (sx * cy).exp();
    (w, [w * 2.0 * PI * cx * cy, -w * PI * sx * sy])
}

/// u, ∇u and Δu.
fn u([x, y]: [f64; 2]) -> (f64, [f64; 2], f64) {
    let (sx, cx) = (PI * x).sin_cos();
    let (sy, cy) = (PI * y).sin_cos();
    let e = x.exp();
    (sx * sy * e, [e * sy * (PI * cx + sx), e * PI * sx * cy], e * sy * ((1.0 - 2.0 * PI * PI) * sx + 2.0 * PI * cx))
}

fn source(at: [f64; 2]) -> f64 {
    let ((w, dw), (_, du, laplacian)) = (w(at), u(at));
    -(dw[0] * du[0] + dw[1] * du[1] + w * laplacian)
}

/// Cubes a side.
const CUBES: [usize; 3] = [6, 12, 24];

/// −∇·(w ∇u) = f in the cube with u = sin πx sin πy sin πz and w = exp(x − y z), errors at the grid points.
fn study_of_the_cube(scheme: Scheme) -> Result<Study> {
    let level = |cells: usize| {
        let grid = Discretisation::cube(cells, scheme, Faces::Arithmetic)?;
        let mut values = vec![0.0; grid.pattern().nnz()];
        let w = |[x, y, z]: [f64; 3]| (x - y * z).exp();
        grid.add_diffusion(&grid.interpolate_in(w), 1.0, &mut values);
        let matrix = Csr::new(grid.pattern().clone(), values)?;
        let exact = |at: [f64; 3]| at.map(|t| (PI * t).sin()).iter().product::<f64>();
        let f = |[x, y, z]: [f64; 3]| {
            let ([sx, sy, sz], [cx, cy, cz]) = ([x, y, z].map(|t| (PI * t).sin()), [x, y, z].map(|t| (PI * t).cos()));
            let flow = PI * (cx * sy * sz - z * sx * cy * sz - y * sx * sy * cz);
            w([x, y, z]) * (3.0 * PI * PI * sx * sy * sz - flow)
        };
        let mut x = grid.load(&grid.interpolate_in(f));
        Cholesky::new(&matrix)?.solve_in_place(&mut x);
        let squares = x.iter().zip(grid.restrict(&grid.interpolate_in(exact))).map(|(a, b)| (a - b) * (a - b));
        let mean = squares.sum::<f64>() / x.len() as f64;
        Ok(Level { h: 1.0 / cells as f64, unknowns: x.len(), errors: vec![mean.sqrt()] })
    };
    Ok(Study {
        what: format!("{scheme:?} in three dimensions, smooth w"),
        norms: vec![Norm { name: "l2 at grid points", order: 2.0 }],
        levels: CUBES.iter().map(|&cells| level(cells)).collect::<Result<_>>()?,
    })
}
