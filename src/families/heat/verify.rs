//! `heat`: the θ-scheme against a solution known on the grid itself, and in space and time together.

use std::f64::consts::PI;

use super::Heat;
use crate::error::{Error, Result};
use crate::families;
use crate::families::discretisation::Discretisation;
use crate::families::manufactured::Problem;
use crate::fem::integrals;
use crate::linalg::{Cholesky, Csr};
use crate::verify::{Check, Level, Norm, Report, Study};

/// Numbers of steps to [`END`].
const STEPS: [u32; 4] = [8, 16, 32, 64];

/// End of the time interval.
const END: f64 = 0.2;

/// Orders in time and in space, symmetry and definiteness of samples.
pub(super) fn measure() -> Result<Report> {
    let mut report = Report::default();
    for (theta, order) in [(0.5, 2.0), (1.0, 1.0)] {
        for scheme in ["p1", "q1", "fd"] {
            report.studies.push(in_time(scheme, 2, theta, order)?);
        }
        report.studies.push(in_time("p1", 3, theta, order)?);
    }
    for scheme in ["p1", "q1"] {
        report.studies.push(in_space(scheme)?);
    }
    for scheme in ["p1", "fd"] {
        report.studies.push(in_the_cube(scheme)?);
    }
    report.studies.extend(own()?);
    for (steady, dim, cells) in [(false, 2, 32), (true, 2, 32), (false, 3, 10), (true, 3, 10)] {
        let table = toml::toml! { dim = dim
        cells = cells
        contrast = 1e4
        steady = steady };
        let s = families::build(super::NAME, &table, "verify")?.sampler()?.sample(1, 0)?;
        // Its solution came from a Cholesky: the matrix is positive definite.
        report.checks.push(Check::below(
            format!("steady = {steady} in {dim} dimensions, contrast 1e4: |a_ij - a_ji| / sqrt(a_ii a_jj)"),
            1e-14,
            s.matrix.asymmetry(),
        ));
    }
    Ok(report)
}

/// w, s, the initial state and boundary conditions as a recipe gives them: w = 1 + x; steps of the length of a cell.
fn own() -> Result<Vec<Study>> {
    // The factor of w u in −∇·(w ∇u): 5 in the plane, 6 in space.
    let in_time = |factor: usize, n: usize, on: &str| {
        format!(
            "w = \"W\"\ns = \"{factor}*(W)*U - U - D\"\ninitial = \"U\"\nsteps = {n}\ndt = {}\nkeep = \
             \"trajectory\"\n{on}",
            1.0 / n as f64
        )
    };
    let steady = |on: &str| format!("w = \"W\"\ns = \"5*(W)*U - D + (1 + y)^2*U\"\np = \"1 + y\"\nsteady = true\n{on}");
    let delaunay = |n: usize| format!("mesh = {{ area = {} }}", 0.5 / (n * n) as f64);
    let quads = |n: usize| format!("mesh = {{ shape = \"quads\", cells = {n} }}");
    let mut studies = Vec::new();
    let mut add = |what, dim, cells: &[usize], keys: &dyn Fn(usize) -> String, in_time| {
        let problem = Problem { family: super::NAME, dim, what, medium: "1 + x", keys, in_time };
        studies.extend(problem.studies(cells)?);
        Ok::<(), Error>(())
    };
    let plane = [8, 16, 32];
    add("P1, Crank-Nicolson, dt = h", 2, &plane, &|n| in_time(5, n, &format!("cells = {n}")), true)?;
    add("Q1, steady", 2, &plane, &|n| steady(&format!("cells = {n}\ndiscretisation = \"q1\"")), false)?;
    let fd = |n: usize| format!("cells = {n}\ndiscretisation = \"fd\"");
    add("fd, Crank-Nicolson, dt = h", 2, &plane, &|n| in_time(5, n, &fd(n)), true)?;
    add("P1 on a Delaunay mesh, Crank-Nicolson, dt = h", 2, &plane, &|n| in_time(5, n, &delaunay(n)), true)?;
    add("Q1 on a mesh, steady", 2, &plane, &|n| steady(&quads(n)), false)?;
    let cube = |n: usize| format!("cells = {n}\ndim = 3");
    add("P1 on the cube, Crank-Nicolson, dt = h", 3, &[4, 8, 16], &|n| in_time(6, n, &cube(n)), true)?;
    Ok(studies)
}

/// The matrices of a step with w = 1.
struct Step {
    family: Heat,
    implicit: Cholesky,
    explicit: Csr,
    stiffness: Csr,
}

impl Step {
    fn new(scheme: &str, dim: i64, cells: i64, theta: f64, dt: f64) -> Result<Self> {
        let family = Heat::from_table(
            &toml::toml! { discretisation = scheme
            dim = dim
            cells = cells
            theta = theta
            dt = dt },
            "verify",
        )?;
        let grid = family.discretisation();
        let mut k = vec![0.0; grid.pattern().nnz()];
        grid.add_diffusion(&vec![1.0; grid.points()], 1.0, &mut k);
        let (implicit, explicit) = family.step_matrices(&k)?;
        Ok(Step {
            implicit: Cholesky::new(&implicit)?,
            stiffness: Csr::new(grid.pattern().clone(), k)?,
            explicit,
            family,
        })
    }

    /// u ← u⁺ for Δt F = `load`.
    fn advance(&self, u: &mut Vec<f64>, load: &[f64]) {
        let mut rhs = vec![0.0; u.len()];
        self.explicit.spmv(u, &mut rhs);
        rhs.iter_mut().zip(load).for_each(|(r, l)| *r += l);
        self.implicit.solve_in_place(&mut rhs);
        *u = rhs;
    }

    /// Crank–Nicolson steps towards u = e^(−t) Π sin πx_d with s = (dim π² − 1) u, from u(0).
    fn decay(&self, steps: u32, dt: f64) -> Vec<f64> {
        let grid = self.family.discretisation();
        let v = sines(grid);
        let factor = grid.dim as f64 * PI * PI - 1.0;
        let load = grid.load(&v.iter().map(|v| factor * v).collect::<Vec<_>>());
        let mut u = grid.restrict(&v);
        for i in 0..steps {
            let t = f64::from(i) * dt;
            let scale = 0.5 * dt * ((-t).exp() + (-t - dt).exp());
            self.advance(&mut u, &load.iter().map(|l| scale * l).collect::<Vec<_>>());
        }
        u
    }
}

/// Π sin πx_d at the grid points.
fn sines(grid: &Discretisation) -> Vec<f64> {
    grid.data.points.chunks_exact(grid.dim).map(|x| x.iter().map(|t| (PI * t).sin()).product()).collect()
}

/// With F = e^t (M v + K v), split over the step as u is, u = e^t v solves M u' + K u = F exactly on one grid: what is
/// left is the error in time.
fn in_time(scheme: &str, dim: i64, theta: f64, order: f64) -> Result<Study> {
    let level = |&steps: &u32| -> Result<Level> {
        let dt = END / f64::from(steps);
        let step = Step::new(scheme, dim, if dim == 3 { 6 } else { 12 }, theta, dt)?;
        let grid = step.family.discretisation();
        let v = grid.restrict(&sines(grid));
        // M v + K v, M v from M − (1 − θ) Δt K and K.
        let (mut kv, mut sum) = (vec![0.0; v.len()], vec![0.0; v.len()]);
        step.stiffness.spmv(&v, &mut kv);
        step.explicit.spmv(&v, &mut sum);
        sum.iter_mut().zip(&kv).for_each(|(m, k)| *m += (1.0 + (1.0 - theta) * dt) * k);
        let mut u = v.clone();
        for i in 0..steps {
            let t = f64::from(i) * dt;
            let f = dt * (theta * (t + dt).exp() + (1.0 - theta) * t.exp());
            let load: Vec<f64> = sum.iter().map(|m| f * m).collect();
            step.advance(&mut u, &load);
        }
        let exact = END.exp();
        let worst = u.iter().zip(&v).map(|(u, v)| (u - exact * v).abs());
        Ok(Level { h: dt, unknowns: u.len(), errors: vec![worst.fold(0.0, f64::max)] })
    };
    Ok(Study {
        what: format!("{}, {dim} dimensions, theta = {theta}, in time", scheme.to_uppercase()),
        norms: vec![Norm { name: "time", order }],
        levels: STEPS.iter().map(level).collect::<Result<_>>()?,
    })
}

/// u = e^(−t) sin πx sin πy with s = (2π² − 1) u, Δt = h/5, Crank–Nicolson.
fn in_space(scheme: &str) -> Result<Study> {
    let level = |&cells: &i64| -> Result<Level> {
        let steps = cells as u32;
        let dt = END / f64::from(steps);
        let step = Step::new(scheme, 2, cells, 0.5, dt)?;
        let grid = step.family.discretisation();
        let v = |x: [f64; 2]| (PI * x[0]).sin() * (PI * x[1]).sin();
        let u = step.decay(steps, dt);
        let decay = (-END).exp();
        let nodal = grid.prolong(&u);
        let gradient = |x: [f64; 2]| {
            let ((sx, cx), (sy, cy)) = ((PI * x[0]).sin_cos(), (PI * x[1]).sin_cos());
            [decay * PI * cx * sy, decay * PI * sx * cy]
        };
        let (l2, h1) = match grid.elements() {
            Some(e) => integrals::errors(&e.space, &nodal, |x| decay * v(x), gradient)?,
            None => (f64::NAN, f64::NAN),
        };
        Ok(Level { h: 1.0 / cells as f64, unknowns: u.len(), errors: vec![l2, h1] })
    };
    let norm = |name, order| Norm { name, order };
    Ok(Study {
        what: format!("{}, Crank-Nicolson, dt = h/5", scheme.to_uppercase()),
        norms: vec![norm("L2", 2.0), norm("H1", 1.0)],
        levels: [8, 16, 32, 64].iter().map(level).collect::<Result<_>>()?,
    })
}

/// As [`in_space`] in the cube, errors at the grid points.
fn in_the_cube(scheme: &str) -> Result<Study> {
    let level = |&cells: &i64| -> Result<Level> {
        let steps = cells as u32;
        let dt = END / f64::from(steps);
        let step = Step::new(scheme, 3, cells, 0.5, dt)?;
        let (u, exact) =
            (step.decay(steps, dt), step.family.discretisation().restrict(&sines(step.family.discretisation())));
        let decay = (-END).exp();
        let squares = u.iter().zip(exact).map(|(u, v)| (u - decay * v) * (u - decay * v));
        let mean = squares.sum::<f64>() / u.len() as f64;
        Ok(Level { h: 1.0 / cells as f64, unknowns: u.len(), errors: vec![mean.sqrt()] })
    };
    Ok(Study {
        what: format!("{} in three dimensions, Crank-Nicolson, dt = h/5", scheme.to_uppercase()),
        norms: vec![Norm { name: "l2 at grid points", order: 2.0 }],
        levels: [6, 12, 24].iter().map(level).collect::<Result<_>>()?,
    })
}
