//! What solves are compared by.

use serde::Serialize;

use crate::evaluate::bootstrap;
use crate::evaluate::measure::Solve;
use crate::evaluate::sweep::Results;

/// What a solve costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Iterations, those of features and guesses included.
    Iterations,
    /// Setup and solve, inference included.
    Seconds,
}

impl Quantity {
    /// Both.
    pub const ALL: [Quantity; 2] = [Quantity::Iterations, Quantity::Seconds];

    /// "iterations" or "seconds".
    pub fn name(self) -> &'static str {
        match self {
            Quantity::Iterations => "iterations",
            Quantity::Seconds => "seconds",
        }
    }

    /// What a solve took.
    pub fn taken(self, solve: &Solve) -> f64 {
        match self {
            Quantity::Iterations => solve.iterations as f64,
            Quantity::Seconds => solve.setup_seconds + solve.solve_seconds,
        }
    }

    /// What it took in a round, of those that [`Solve::rounds`] has.
    fn taken_in(self, solve: &Solve, round: usize) -> f64 {
        match self {
            Quantity::Iterations => self.taken(solve),
            Quantity::Seconds => solve.rounds[round].total(),
        }
    }

    /// The same where one that failed has no end.
    pub fn cost_in(self, solve: &Solve, round: usize) -> f64 {
        if solve.converged { self.taken_in(solve, round) } else { f64::INFINITY }
    }

    /// What a solve took, where one that failed has no end.
    pub fn cost(self, solve: &Solve) -> f64 {
        if solve.converged { self.taken(solve) } else { f64::INFINITY }
    }

    /// The same where one that failed counts as in the tables: with all iterations that were allowed, and its time.
    pub fn counted(self, solve: &Solve, results: &Results) -> f64 {
        match (self, solve.converged) {
            (Quantity::Iterations, false) => (results.recipe.max_it * results.recipe.right_hand_sides) as f64,
            _ => self.taken(solve),
        }
    }

    /// The median as in the tables; NaN of no solves.
    pub fn median(self, solves: &[Solve], results: &Results) -> f64 {
        let mut numbers: Vec<f64> = solves.iter().map(|s| self.counted(s, results)).collect();
        numbers.sort_by(f64::total_cmp);
        bootstrap::median(&numbers).unwrap_or(f64::NAN)
    }
}
