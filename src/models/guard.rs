//! Whether a learned factor is worth more than the incomplete factor that it started from.
//!
//! The leading rows of a lower triangular factor are the factor of the leading block of A, so that both can be tried at
//! a small part of the cost of one solve, before the network looks at the rest. Two trials: cg on a block, which tells
//! what a factor does to most of the spectrum; and row sums, which tell what it does to its low end, that a small block
//! does not have. Where L Lᵀ 1 exceeds A 1 by much more than the smallest eigenvalue of D⁻¹ A, smooth errors are hardly
//! reduced: that is what the modified factorisation mends (Gustafsson 1978), and what a network that was trained on
//! small systems can undo.

use std::sync::Arc;

use crate::error::Result;
use crate::linalg::{Csr, Pattern, Props};
use crate::precond::Icc;
use crate::rng::{Purpose, normals, stream};
use crate::solve::{Acceleration, Problem};
use crate::solver::{Method, Outcome, Stop};
use crate::system::LinearSystem;

/// Rows of a block: at least these, or all of them.
const LEAST: usize = 64;

/// One row in so many is in the block that cg tries.
const SHARE: usize = 80;

/// One row in so many enters the mean of row sums of A.
const EVERY: usize = 7;

/// How far cg goes with the start.
const RTOL: f64 = 1e-2;

/// After how many iterations it ends in any case.
const MOST_ITERATIONS: usize = 20;

/// What a result says where the start was taken.
pub const NOTE: &str = "the network's factor is worse than its start on a part of A: start taken";

/// The network looks at no more than one row in so many beforehand, but for those of cg.
const MOST: usize = 16;

/// Row sums are compared where so many rows are complete.
const FEWEST: usize = 16;

/// By how much the sum of the excess of L Lᵀ 1 over A 1 and of A 1 itself may grow.
const GROWTH: f64 = 1.25;

/// Rows of the block that the network has to look at.
pub fn rows(a: &Csr) -> usize {
    let n = a.nrows();
    // Twice the bandwidth of the first rows, so that some of them have all their neighbours' neighbours.
    let reach = (0..LEAST.min(n)).map(|i| last_column(a, i).saturating_sub(i)).max().unwrap_or(0);
    n.min(for_cg(n).max((2 * reach + LEAST).min(n / MOST)))
}

/// Rows of the block that cg tries.
fn for_cg(n: usize) -> usize {
    n.min(LEAST.max(n / SHARE))
}

fn last_column(a: &Csr, i: usize) -> usize {
    a.row(i).0.last().map_or(i, |&j| j as usize)
}

/// Whether a lower triangular factor of A, of which the leading rows are `learned` on `pattern`, does as well as the
/// one of `start`.
///
/// # Errors
/// As [`Icc::from_factor`] for the start.
pub fn keeps_up(a: &Csr, pattern: &Pattern, learned: &[f64], start: &[f64]) -> Result<bool> {
    Ok(keeps_row_sums(a, pattern, learned, start) && keeps_up_in_cg(a, pattern, learned, start)?)
}

/// Whether the excess of row sums, Σ (L Lᵀ 1 − A 1)_i over rows of which the block knows all, is not much larger, as
/// seen beside Σ (A 1)_i; true where there are not enough such rows.
fn keeps_row_sums(a: &Csr, pattern: &Pattern, learned: &[f64], start: &[f64]) -> bool {
    let m = pattern.nrows();
    let known = |i: usize| last_column(a, i) < m && pattern.row(i).iter().all(|&j| last_column(a, j as usize) < m);
    let rows: Vec<usize> = (0..m).filter(|&i| known(i)).collect();
    if rows.len() < FEWEST {
        return true;
    }
    let sum_of = |i: usize| a.row(i).1.iter().sum::<f64>();
    let excess = |l: &[f64]| {
        let mut columns = vec![0.0; m];
        for (e, &j) in pattern.indices().iter().enumerate() {
            columns[j as usize] += l[e];
        }
        let row = |&i: &usize| {
            let of_product = pattern.range(i).map(|e| l[e] * columns[pattern.indices()[e] as usize]).sum::<f64>();
            of_product - sum_of(i)
        };
        let diagonal: f64 = rows.iter().map(|&i| a.get(i, i)).sum();
        rows.iter().map(row).sum::<f64>().abs() / diagonal
    };
    // 1ᵀ A 1 / 1ᵀ D 1, above the smallest eigenvalue of D⁻¹ A.
    let (mut sums, mut diagonal) = (0.0, 0.0);
    for i in (0..a.nrows()).step_by(EVERY) {
        sums += sum_of(i);
        diagonal += a.get(i, i);
    }
    let low = (sums / diagonal).abs();
    excess(learned) + low <= GROWTH * (excess(start) + low)
}

/// Whether cg on the leading block gets as far with `learned` as with `start` in as many iterations.
fn keeps_up_in_cg(a: &Csr, pattern: &Pattern, learned: &[f64], start: &[f64]) -> Result<bool> {
    let m = for_cg(a.nrows());
    let matrix = leading(a, m)?;
    let rhs = normals(&mut stream(0, Purpose::Measure, 0), m);
    let system = LinearSystem {
        matrix,
        rhs,
        solution: None,
        props: Props::SPD,
        fields: Vec::new(),
        labels: Vec::new(),
        params: Vec::new(),
        mesh: None,
        index: 0,
    };
    // A lower triangle's leading rows end where its leading block does.
    let entries = pattern.indptr()[m] as usize;
    let (indptr, indices) = (&pattern.indptr()[..=m], &pattern.indices()[..entries]);
    let block = Arc::new(Pattern::new(m, m, indptr.to_vec(), indices.to_vec())?);
    let solve = |l: &[f64], max_it: usize| {
        let m = Icc::from_factor(&Csr::new(block.clone(), l[..entries].to_vec())?)?;
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
