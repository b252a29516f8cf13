//! One system of the family `poisson`, from the mesh to the solution, step by step.
//!
//!     cargo run --release --example poisson
//!
//! 1. Take the family at level 5 (n = 961) with the solution u = sin πx sin πy of its unperturbed problem.
//! 2. Draw sample 7 of seed 1: nodes shifted, matrix and load assembled.
//! 3. Solve with conjugate gradients and an incomplete Cholesky factorisation.
//! 4. Measure the error against the known solution.

use std::f64::consts::PI;

use fempipe::families;
use fempipe::linalg::Props;
use fempipe::precond::Spec;
use fempipe::solver::{Method, Quiet, Stop, Workspace};

fn main() -> fempipe::Result<()> {
    // 1.
    let keys = toml::toml! { level = 5
    f = "sine" };
    let family = families::build("poisson", &keys, "this example")?;

    // 2.
    let system = family.sampler()?.sample(1, 7)?;

    // 3.
    let method: Method = "cg".parse()?;
    let pc: Spec = "icc(0)".parse()?;
    let built = pc.build(&system.matrix)?;
    let a = system.matrix.promised(Props::SPD);
    let mut x = vec![0.0; system.n()];
    let mut ws = Workspace::default();
    let stop = Stop::rtol(1e-10);
    let outcome = method.solve(&mut ws, &a, &*built.op, &system.rhs, &mut x, &stop, &mut Quiet)?;
    println!(
        "{} in {} iterations, ‖b − A x‖/‖b‖ = {:.1e}",
        outcome.reason.name(),
        outcome.iterations,
        outcome.relative_residual()
    );

    // 4.
    let (Some(mesh), Some(points)) = (&system.mesh, system.field("points")) else {
        return Ok(());
    };
    let worst = mesh
        .free_dofs
        .iter()
        .zip(&x)
        .map(|(&v, u)| {
            let p = &points.values[2 * v as usize..2 * v as usize + 2];
            (u - (PI * p[0]).sin() * (PI * p[1]).sin()).abs()
        })
        .fold(0.0, f64::max);
    println!("largest nodal error {worst:.1e}");
    assert!(worst < 1e-2, "the error is that of linear elements at h = 1/32");
    Ok(())
}
