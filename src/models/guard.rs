//! Whether a learned factor is worth more than the incomplete factor that it started from.
//!
//! The leading rows of a lower triangular factor are the factor of the leading block of A, so that both can be tried at
//! a small part of the cost of one solve, before the network looks at the rest: cg on that block, with the start and
//! with what the network makes of it.

use std::sync::Arc;

use crate::error::Result;
use crate::linalg::{Csr, Pattern, Props};
use crate::precond::Icc;
use crate::rng::{Purpose, normals, stream};
use crate::solve::{Acceleration, Problem};
use crate::solver::{Method, Outcome, Stop};
use crate::system::LinearSystem;

/// Unknowns of the block: at least these, or all of them.
const LEAST: usize = 64;

/// One unknown in so many is in the block.
const SHARE: usize = 80;

/// How far cg goes with the start.
const RTOL: f64 = 1e-2;

/// After how many iterations it ends in any case.
const MOST_ITERATIONS: usize = 20;

/// What a result says where the start was taken.
pub const NOTE: &str = "the network's factor is worse than its start on a part of A: start taken";

/// Rows of the block of a matrix of n rows.
pub fn rows(n: usize) -> usize {
    n.min(LEAST.max(n / SHARE))
}

/// Whether cg on the leading block of A gets as far with one lower triangular factor of it as with another in as many
/// iterations: the entries `learned` against the entries `start`, both on `pattern`.
///
/// # Errors
/// As [`Icc::from_factor`] for the start.
pub fn keeps_up(a: &Csr, pattern: &Arc<Pattern>, learned: Vec<f64>, start: Vec<f64>) -> Result<bool> {
    let block = leading(a, pattern.nrows())?;
    let rhs = normals(&mut stream(0, Purpose::Measure, 0), block.nrows());
    let system = LinearSystem {
        matrix: block,
        rhs,
        solution: None,
        props: Props::SPD,
        fields: Vec::new(),
        labels: Vec::new(),
        params: Vec::new(),
        mesh: None,
        index: 0,
    };
    let solve = |entries: Vec<f64>, max_it: usize| {
        let m = Icc::from_factor(&Csr::new(pattern.clone(), entries)?)?;
        let problem = Problem::new(&system, Method::cg(), Stop { max_it, ..Stop::rtol(RTOL) });
        Ok(problem.solve_once(Acceleration::preconditioner(m))?.outcome)
    };
    let with_start = solve(start, MOST_ITERATIONS)?;
    // A factor that cg cannot use at all does not keep up either.
    let with_learned: Result<Outcome> = solve(learned, with_start.iterations.max(1));
    Ok(with_learned.is_ok_and(|o| o.converged() || o.residual <= with_start.residual))
}

/// The leading m × m block.
fn leading(a: &Csr, m: usize) -> Result<Csr> {
    let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
    for i in 0..m {
        let (cols, vals) = a.row(i);
        let inside = cols.partition_point(|&j| (j as usize) < m);
        indices.extend_from_slice(&cols[..inside]);
        values.extend_from_slice(&vals[..inside]);
        indptr.push(indices.len() as u32);
    }
    Csr::new(Arc::new(Pattern::new(m, m, indptr, indices)?), values)
}
