//! The solutions that families of symmetric positive definite systems store, and how they are found: by sparse
//! Cholesky, or by `cg` with `amg` where the factor would be too large.
//!
//! ```toml
//! solution = true        # by Cholesky if the factor has at most 2^25 entries (256 MiB), else by cg + amg
//! solution = "cholesky"  # by Cholesky whatever it takes
//! solution = "cg-amg"    # by cg + amg
//! solution = false       # none is stored
//! ```
//!
//! The choice depends on the pattern alone, never on the machine, and stands in the parameters that are stored with the
//! data: `true` for Cholesky, `"cg-amg"`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Sampler;
use crate::error::{Error, Result};
use crate::linalg::{Cholesky, Csr, LinOp, Pattern, Props, SideBySide, SymbolicCholesky, vector};
use crate::precond::{Amg, AmgParams};
use crate::solver::{Cg, Quiet, Reason, Stop, cg};
use crate::stages::{Stage, during};
use crate::system::LinearSystem;

/// Entries of a factor at most where the recipe does not say how to solve: 256 MiB of numbers.
const MOST_ENTRIES: usize = 1 << 25;

/// ‖b − A x‖₂/‖b‖₂ that `cg` is to reach.
const RTOL: f64 = 1e-12;

/// Where rounding does not let it: the normwise backward error ‖b − A x‖₂ / (‖A‖₁ ‖x‖₂ + ‖b‖₂) that is accepted, some
/// ten times what Cholesky leaves.
const BACKWARD_ERROR: f64 = 1e-14;

/// Iterations of `cg` at most.
const MOST_ITERATIONS: usize = 2000;

/// How x = A⁻¹ b is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Sparse Cholesky.
    Cholesky,
    /// Conjugate gradients with smoothed aggregation to a relative residual of 1e-12.
    CgAmg,
}

/// The key `solution` of a family's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged, expecting = "must be true, false, \"cholesky\" or \"cg-amg\"")]
pub enum Wanted {
    /// Whether it is stored; how it is found follows from the pattern.
    Stored(bool),
    /// Stored, and found so.
    Found(By),
}

impl Default for Wanted {
    fn default() -> Self {
        Wanted::Stored(true)
    }
}

impl Wanted {
    /// Whether x is stored.
    pub fn is_stored(self) -> bool {
        self != Wanted::Stored(false)
    }

    /// What solves systems of a pattern; None if no solution is wanted.
    ///
    /// # Errors
    /// If the pattern is not square, or, with Cholesky asked for, its factor too large.
    pub fn solver(self, pattern: &Arc<Pattern>) -> Result<Option<Solver>> {
        match self {
            Wanted::Stored(false) => Ok(None),
            Wanted::Stored(true) => Solver::for_pattern(pattern).map(Some),
            Wanted::Found(By::Cholesky) => Ok(Some(Solver::Cholesky(SymbolicCholesky::new(pattern)?))),
            Wanted::Found(By::CgAmg) => Ok(Some(Solver::CgAmg)),
        }
    }

    /// The key as it is stored with the data.
    pub fn resolved(self, solver: Option<&Solver>) -> Self {
        match (self, solver) {
            (Wanted::Stored(true), Some(Solver::CgAmg)) => Wanted::Found(By::CgAmg),
            _ => self,
        }
    }
}

/// Solves systems of one pattern.
pub enum Solver {
    /// By a factor, the pattern analysed.
    Cholesky(SymbolicCholesky),
    /// By `cg` with `amg`.
    CgAmg,
}

impl Solver {
    /// By Cholesky if the analysis predicts a factor of at most 2²⁵ entries, else by `cg` with `amg`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the pattern is not square.
    pub fn for_pattern(pattern: &Arc<Pattern>) -> Result<Self> {
        // A factor has half of the entries of A at least: no analysis where that is too much.
        if pattern.nnz() / 2 > MOST_ENTRIES {
            return Ok(Solver::CgAmg);
        }
        match SymbolicCholesky::new(pattern) {
            Ok(symbolic) if symbolic.factor_nnz() <= MOST_ENTRIES => Ok(Solver::Cholesky(symbolic)),
            // More entries than can be counted.
            Ok(_) | Err(Error::Numeric(_)) => Ok(Solver::CgAmg),
            Err(e) => Err(e),
        }
    }

    /// Factorises A, or makes its hierarchy.
    ///
    /// # Errors
    /// [`Error::Numeric`] if A is not positive definite (Cholesky) or its hierarchy breaks down.
    pub fn prepare(&self, a: &Csr) -> Result<Prepared> {
        match self {
            Solver::Cholesky(symbolic) => symbolic.factorize(a).map(|factor| Prepared::Factor(Box::new(factor))),
            Solver::CgAmg => {
                let amg = during(Stage::Factorise, || Amg::new(a, AmgParams::default()))?;
                Ok(Prepared::Hierarchy(Box::new(amg)))
            }
        }
    }

    /// x = A⁻¹ b.
    ///
    /// # Errors
    /// As [`Solver::prepare`] and [`Prepared::solve`].
    pub fn solve(&self, a: &Csr, b: &[f64]) -> Result<Vec<f64>> {
        self.prepare(a)?.solve(a, b)
    }
}

/// Draws systems; what stores their solutions is [`Solved`].
pub trait Draw {
    /// Sample `index` under `seed` without its solution: the same bits whatever was drawn before.
    ///
    /// # Errors
    /// If the sample's system cannot be made.
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem>;

    /// How many are best drawn at once, by [`Draw::draw_each`].
    fn lanes(&self) -> usize {
        1
    }

    /// Several samples, in order: the bits and the errors of [`Draw::draw`], whatever is drawn beside.
    fn draw_each(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        indices.iter().map(|&index| self.draw(seed, index)).collect()
    }
}

/// Samples of one pattern: drawn, then given their solutions, if they are to have any, as many side by side as the
/// solver takes.
pub struct Solved<'a, D> {
    draw: D,
    solver: Option<&'a Solver>,
    beside: SideBySide,
}

impl<'a, D: Draw> Solved<'a, D> {
    /// Of systems that `draw` draws and `solver` solves; without one no solution is stored.
    pub fn new(draw: D, solver: Option<&'a Solver>) -> Self {
        Solved { draw, solver, beside: SideBySide::default() }
    }
}

impl<D: Draw> Sampler for Solved<'_, D> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        self.samples(seed, &[index]).remove(0)
    }

    fn lanes(&self) -> usize {
        let solved = match self.solver {
            Some(Solver::Cholesky(symbolic)) => symbolic.lanes(),
            _ => 1,
        };
        solved.max(self.draw.lanes())
    }

    fn samples(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        let systems = self.draw.draw_each(seed, indices);
        let Some(solver) = self.solver else {
            return systems;
        };
        let made: Vec<(&Csr, &[f64])> = systems.iter().flatten().map(|s| (&s.matrix, &s.rhs[..])).collect();
        let solved = match solver {
            Solver::Cholesky(symbolic) => symbolic.solve_each(&mut self.beside, &made),
            Solver::CgAmg => made.iter().map(|(a, b)| solver.solve(a, b)).collect(),
        };
        let mut solved = solved.into_iter();
        let complete = |system: Result<LinearSystem>| {
            let mut system = system?;
            system.solution = solved.next().transpose()?;
            Ok(system)
        };
        systems.into_iter().map(complete).collect()
    }
}

/// What solves systems with one matrix.
pub enum Prepared {
    /// Its factor.
    Factor(Box<Cholesky>),
    /// Its multigrid hierarchy.
    Hierarchy(Box<Amg>),
}

impl Prepared {
    /// x = A⁻¹ b, A the matrix that this was prepared for.
    ///
    /// # Errors
    /// [`Error::Numeric`] if `cg` does not reach its tolerance and rounding is not the reason.
    pub fn solve(&self, a: &Csr, b: &[f64]) -> Result<Vec<f64>> {
        match self {
            Prepared::Factor(factor) => {
                let mut x = b.to_vec();
                factor.solve_in_place(&mut x);
                Ok(x)
            }
            Prepared::Hierarchy(amg) => during(Stage::Solve, || iterate(a, &**amg, b)),
        }
    }
}

fn iterate(a: &Csr, m: &dyn LinOp, b: &[f64]) -> Result<Vec<f64>> {
    let mut x = vec![0.0; b.len()];
    let stop = Stop { max_it: MOST_ITERATIONS, ..Stop::rtol(RTOL) };
    let outcome = cg(&mut Cg::default(), &a.promised(Props::SPD), m, b, &mut x, &stop, &mut Quiet)?;
    if outcome.converged()
        || (outcome.reason == Reason::DivergedStagnation && backward_error(a, &x, b) <= BACKWARD_ERROR)
    {
        return Ok(x);
    }
    Err(Error::Numeric(format!(
        "cg with amg ended with {} after {} iterations, a relative residual of {RTOL:e} was asked for: take solution = \
         \"cholesky\" or solution = false",
        outcome.reason.name(),
        outcome.iterations
    )))
}

/// ‖b − A x‖₂ / (‖A‖₁ ‖x‖₂ + ‖b‖₂).
fn backward_error(a: &Csr, x: &[f64], b: &[f64]) -> f64 {
    let mut r = vec![0.0; b.len()];
    a.residual(b, x, &mut r);
    // A is symmetric: its sums by row are those by column.
    let sum = |i: usize| a.row(i).1.iter().map(|v| v.abs()).sum::<f64>();
    let norm = (0..a.nrows()).map(sum).fold(0.0, f64::max);
    vector::norm2(&r) / (norm * vector::norm2(x) + vector::norm2(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families::build;

    #[test]
    fn both_ways_agree() {
        let of = |solution: &str| {
            let table = toml::from_str(&format!("dim = 3\ncells = 8\ncontrast = 1e4\nsolution = {solution}")).unwrap();
            let family = build("darcy", &table, "test").unwrap();
            let sample = family.sampler().unwrap().sample(3, 1).unwrap();
            (family.parameters()["solution"].clone(), sample.solution)
        };
        let (key, exact) = of("true");
        assert_eq!(key, toml::Value::Boolean(true));
        let (key, iterated) = of("\"cg-amg\"");
        assert_eq!(key.as_str(), Some("cg-amg"));
        let (exact, iterated) = (exact.unwrap(), iterated.unwrap());
        let error: Vec<f64> = exact.iter().zip(&iterated).map(|(a, b)| a - b).collect();
        let error = vector::norm2(&error) / vector::norm2(&exact);
        assert!(error > 0.0 && error < 1e-9, "{error}");
        assert!(of("false").1.is_none());
    }

    #[test]
    fn the_pattern_decides() {
        let small = crate::fem::cube::CubeElements::new(6).unwrap();
        assert!(matches!(Solver::for_pattern(small.pattern()).unwrap(), Solver::Cholesky(_)));
        // n = 47³: 43 million entries.
        let large = crate::fem::cube::CubeElements::new(48).unwrap();
        let solver = Wanted::default().solver(large.pattern()).unwrap();
        assert!(matches!(solver, Some(Solver::CgAmg)));
        assert_eq!(Wanted::default().resolved(solver.as_ref()), Wanted::Found(By::CgAmg));
    }

    #[test]
    fn what_the_key_may_be_is_said() {
        let table = toml::toml! { solution = "lu" };
        let message = build("darcy", &table, "r.toml").err().unwrap().to_string();
        assert!(message.contains("solution") && message.contains("cg-amg"), "{message}");
    }
}
