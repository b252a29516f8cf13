//! A preconditioner of one's own: the Neumann polynomial M = Σ_{k≤d} (I − D⁻¹A)ᵏ D⁻¹, D the diagonal of A.

use fempipe::entry::Entry;
use fempipe::linalg::{Csr, LinOp, Props};
use fempipe::precond::{self, Built, Preconditioner, Reuse, Spec};
use fempipe::{families, solve::Problem, solver::Stop};

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Neumann {
    degree: usize,
}

impl Preconditioner for Neumann {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> fempipe::Result<Built> {
        Ok(Built::new(Polynomial(a.clone(), a.diagonal(), self.degree)))
    }
}

/// A, D and d.
struct Polynomial(Csr, Vec<f64>, usize);

impl LinOp for Polynomial {
    fn shape(&self) -> (usize, usize) {
        self.0.shape()
    }
    fn props(&self) -> Props {
        Props::SPD // where A is symmetric and diagonally dominant
    }
    fn apply(&self, r: &[f64], z: &mut [f64]) {
        let mut az = vec![0.0; r.len()];
        z.fill(0.0);
        for _ in 0..=self.2 {
            self.0.spmv(z, &mut az);
            (0..z.len()).for_each(|i| z[i] += (r[i] - az[i]) / self.1[i]);
        }
    }
}

pub fn main() -> fempipe::Result<()> {
    precond::register(Entry {
        source: "Dubois, Greenbaum & Rodrigue (1979), doi:10.1007/BF02243566",
        needs: "A symmetric and diagonally dominant",
        positional: &["degree"],
        ..Entry::of::<Neumann>("neumann", "Neumann polynomial of Jacobi's iteration")
    })?;
    let family = families::build("darcy", &toml::toml! { discretisation = "fd" }, "example")?;
    let system = family.sampler()?.sample(1, 0)?;
    let problem = Problem::new(&system, "cg".parse()?, Stop::rtol(1e-8));
    let pc = "neumann(4)".parse::<Spec>()?.build(&system.matrix)?;
    let iterations = problem.solve_once(pc)?.outcome.iterations;
    println!("cg with neumann(4): {iterations} iterations");
    assert_eq!(iterations, 98);
    Ok(())
}
