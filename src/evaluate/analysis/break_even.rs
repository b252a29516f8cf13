//! How many solves it takes until training, data and labels have paid.

use serde::Serialize;

use super::quantity::Quantity;
use crate::evaluate::bootstrap::{Interval, median};
use crate::evaluate::measure::Solve;
use crate::evaluate::noise::Noise;
use crate::evaluate::rounds;
use crate::evaluate::trained::Trained;

/// When a model has paid against another row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakEven {
    /// Seconds of training.
    pub training_seconds: f64,
    /// Seconds that the training and validation systems and their labels took; None where they are not known, and not
    /// counted.
    pub data_seconds: Option<f64>,
    /// Seconds that a solve saves, the median over systems, which a few slow moments of the machine do not move;
    /// negative where it takes more.
    pub saved_seconds: f64,
    /// Its 95 % interval.
    pub saved_interval: Interval,
    /// Solves until what was spent is saved; None where that is never.
    pub solves: Option<f64>,
}

impl BreakEven {
    /// Of pairs of solves, the learned one first; None of no pairs. A solve that failed counts with its time.
    pub fn of(trained: &Trained, pairs: &[(&Solve, &Solve)]) -> Option<Self> {
        let mut saved: Vec<f64> = pairs.iter().map(|(ours, theirs)| seconds(theirs) - seconds(ours)).collect();
        saved.sort_by(f64::total_cmp);
        let rounds = rounds::of_all(pairs.iter().flat_map(|&(a, b)| [a, b]));
        let in_round = |k: usize| pairs.iter().map(|(a, b)| b.rounds[k].total() - a.rounds[k].total()).collect();
        let noise = Noise::of(&(0..rounds).map(in_round).collect::<Vec<_>>(), 0);
        let saved_seconds = median(&saved)?;
        let saved_interval = Interval::of_median_with(&saved, |median, k| median + noise.offset(k))?;
        let spent = trained.training_seconds + trained.data_seconds.unwrap_or(0.0);
        Some(BreakEven {
            training_seconds: trained.training_seconds,
            data_seconds: trained.data_seconds,
            saved_seconds,
            saved_interval,
            solves: (saved_seconds > 0.0).then(|| (spent / saved_seconds).ceil()),
        })
    }
}

fn seconds(solve: &Solve) -> f64 {
    Quantity::Seconds.taken(solve)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::sample::solve;

    #[test]
    fn what_is_spent_over_what_a_solve_saves() {
        let trained = Trained { steps: 9, training_seconds: 2.0, data_seconds: Some(1.0), ..Trained::default() };
        // Row 0 takes 3 ms, row 1 takes 5 ms.
        let (fast, slow) = (solve(0, 0, Some(3)), solve(1, 0, Some(3)));
        let pays = BreakEven::of(&trained, &[(&fast, &slow)]).unwrap();
        assert!((pays.saved_seconds - 2e-3).abs() < 1e-15);
        assert!((pays.solves.unwrap() - 1500.0).abs() <= 1.0);
        assert_eq!(BreakEven::of(&trained, &[(&slow, &fast)]).unwrap().solves, None);
        assert_eq!(BreakEven::of(&trained, &[]), None);
    }
}
