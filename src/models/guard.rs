//! Whether a learned factor is worth more than the incomplete factor that it started from.
//!
//! Both are tried on a compact part of A, a principal submatrix of a few hundred rows or one in so many, as if it were
//! the whole, before the network looks at the rest. Leading rows would be cheaper, but those of a grid are a strip a
//! few lines wide, on which an incomplete factor is nearly exact and no network does better. Two trials: cg, which
//! tells what a factor does to most of the spectrum; and row sums, which tell what it does to its low end, that a small
//! part does not have. Where L Lᵀ 1 exceeds A 1 by much more than the smallest eigenvalue of D⁻¹ A, smooth errors are
//! hardly reduced: that is what the modified factorisation mends (Gustafsson 1978), and what a network that was trained
//! on small systems can undo.

use std::sync::Arc;

use crate::error::Result;
use crate::linalg::submatrix::NONE;
use crate::linalg::{Csr, Pattern, Props};
use crate::precond::Icc;
use crate::rng::{Purpose, normals, stream};
use crate::solve::{Acceleration, Problem};
use crate::solver::{Method, Outcome, Stop};
use crate::system::LinearSystem;

/// Rows of the part: at least these, or all of them,
const LEAST: usize = 400;

/// or one in so many.
const SHARE: usize = 80;

/// One row in so many enters the mean of row sums of A.
const EVERY: usize = 7;

/// How far cg goes with the start.
const RTOL: f64 = 1e-4;

/// After how many iterations it ends in any case.
const MOST_ITERATIONS: usize = 40;

/// What a result says where the start was taken.
pub const NOTE: &str = "the network's factor is worse than its start on a part of A: start taken";

/// Row sums are compared where so many rows are complete.
const FEWEST: usize = 16;

/// By how much the sum of the excess of L Lᵀ 1 over A 1 and of A 1 itself may grow.
const GROWTH: f64 = 1.25;

/// A part of A on which factors are tried.
pub struct Part {
    /// The principal submatrix.
    pub matrix: Csr,
    /// Of its rows, whether all of their entries in A are there.
    complete: Vec<bool>,
    /// 1ᵀ A 1 / 1ᵀ D 1 of all of A, above the smallest eigenvalue of D⁻¹ A.
    low: f64,
}

impl Part {
    /// The rows around the middle one.
    ///
    /// # Errors
    /// Never for a square matrix.
    pub fn of(a: &Csr) -> Result<Self> {
        let n = a.nrows();
        let rows = a.ball(LEAST.max(n / SHARE));
        let matrix = a.submatrix(&rows, &mut vec![NONE; n])?;
        let whole = |(k, &row): (usize, &u32)| matrix.row(k).0.len() == a.row(row as usize).0.len();
        let (mut sums, mut diagonal) = (0.0, 0.0);
        for i in (0..n).step_by(EVERY) {
            sums += a.row(i).1.iter().sum::<f64>();
            diagonal += a.get(i, i);
        }
        let complete = rows.iter().enumerate().map(whole).collect();
        Ok(Part { matrix, complete, low: (sums / diagonal).abs() })
    }

    /// Whether a lower triangular factor of the part, `learned` on `pattern`, does as well as the one of `start`.
    ///
    /// # Errors
    /// As [`Icc::from_factor`] for the start.
    pub fn keeps_up(&self, pattern: &Pattern, learned: &[f64], start: &[f64]) -> Result<bool> {
        Ok(self.keeps_row_sums(pattern, learned, start) && self.keeps_up_in_cg(pattern, learned, start)?)
    }

    /// Whether the excess of row sums, Σ (L Lᵀ 1 − A 1)_i over rows of which the part knows all, is not much larger, as
    /// seen beside Σ (A 1)_i; true where there are not enough such rows.
    fn keeps_row_sums(&self, pattern: &Pattern, learned: &[f64], start: &[f64]) -> bool {
        let (a, m) = (&self.matrix, self.matrix.nrows());
        let known = |i: usize| self.complete[i] && pattern.row(i).iter().all(|&j| self.complete[j as usize]);
        let rows: Vec<usize> = (0..m).filter(|&i| known(i)).collect();
        if rows.len() < FEWEST {
            return true;
        }
        let excess = |l: &[f64]| {
            let mut columns = vec![0.0; m];
            for (e, &j) in pattern.indices().iter().enumerate() {
                columns[j as usize] += l[e];
            }
            let row = |&i: &usize| {
                let of_product = pattern.range(i).map(|e| l[e] * columns[pattern.indices()[e] as usize]).sum::<f64>();
                of_product - a.row(i).1.iter().sum::<f64>()
            };
            let diagonal: f64 = rows.iter().map(|&i| a.get(i, i)).sum();
            rows.iter().map(row).sum::<f64>().abs() / diagonal
        };
        excess(learned) + self.low <= GROWTH * (excess(start) + self.low)
    }

    /// Whether cg on the part gets as far with `learned` as with `start` in as many iterations.
    fn keeps_up_in_cg(&self, pattern: &Pattern, learned: &[f64], start: &[f64]) -> Result<bool> {
        let rhs = normals(&mut stream(0, Purpose::Measure, 0), self.matrix.nrows());
        let system = LinearSystem::plain(self.matrix.clone(), rhs, Props::SPD);
        let pattern = Arc::new(pattern.clone());
        let solve = |l: &[f64], max_it: usize| {
            let m = Icc::from_factor(&Csr::new(pattern.clone(), l.to_vec())?)?;
            let problem = Problem::new(&system, Method::cg(), Stop { max_it, ..Stop::rtol(RTOL) });
            Ok(problem.solve_once(Acceleration::preconditioner(m))?.outcome)
        };
        let with_start = solve(start, MOST_ITERATIONS)?;
        // A factor that cg cannot use at all does not keep up either.
        let with_learned: Result<Outcome> = solve(learned, with_start.iterations.max(1));
        Ok(with_learned.is_ok_and(|o| o.converged() || o.residual <= with_start.residual))
    }
}
