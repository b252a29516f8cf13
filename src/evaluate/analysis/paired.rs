//! A learned row against the best classical one and against its best trivial one, system by system.

use serde::Serialize;

use super::break_even::BreakEven;
use super::cells::Cells;
use super::quantity::Quantity;
use super::ratios::Ratios;
use super::reference::{Role, best_classical, best_trivial, role};
use crate::evaluate::bootstrap::Interval;
use crate::evaluate::measure::Solve;
use crate::evaluate::recipe::Target;

/// Which row a learned one is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// The best classical row on these very systems.
    Classical,
    /// The best of its trivial rows.
    Trivial,
}

impl Against {
    /// "classical" or "trivial".
    pub fn name(self) -> &'static str {
        match self {
            Against::Classical => "classical",
            Against::Trivial => "trivial",
        }
    }
}

/// Two rows on the systems that both tried, by their ratios: a system that only one of both solved is won by that
/// one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Number of the dataset in the recipe.
    pub dataset: usize,
    /// What was to be reached.
    #[serde(flatten)]
    pub target: Target,
    /// What is compared.
    pub quantity: Quantity,
    /// What the other row is.
    pub against: Against,
    /// The learned row, its number in the recipe.
    pub row: usize,
    /// The row that it is compared with.
    pub other: usize,
    /// Systems.
    pub pairs: usize,
    /// Those on which the learned row took less.
    pub won: usize,
    /// Those on which both took the same.
    pub tied: usize,
    /// Share of systems won.
    pub share: f64,
    /// Its 95 % interval: Wilson's, and of seconds with the noise of the machine where there were several rounds.
    pub share_interval: Interval,
    /// Median of the learned row, as in the tables.
    pub median: f64,
    /// Median of the other row.
    pub other_median: f64,
    /// Median of the ratios, learned over other.
    pub ratio: f64,
    /// Its 95 % interval: bootstrap over systems, and of seconds the noise of the machine where there were several
    /// rounds.
    pub ratio_interval: Interval,
    /// Systems that the learned row did not solve.
    pub failures: usize,
    /// Systems that the other row did not solve.
    pub other_failures: usize,
    /// When training has paid; of seconds against the classical row alone.
    pub break_even: Option<BreakEven>,
}

impl Comparison {
    /// Whether the learned row takes less, with 95 % confidence in the median of the ratios.
    pub fn wins(&self) -> bool {
        self.ratio_interval.high < 1.0
    }

    /// Whether it takes more, with the same confidence.
    pub fn loses(&self) -> bool {
        self.ratio_interval.low > 1.0
    }
}

/// All comparisons, in the order of datasets, targets, rows.
pub fn comparisons(cells: &Cells) -> Vec<Comparison> {
    let mut out = Vec::new();
    for at in cells.datasets().flat_map(|d| (0..cells.targets().len()).map(move |t| (d, t))) {
        for learned in cells.rows().filter(|&r| role(cells.results, at.0, r) == Role::Learned) {
            for quantity in Quantity::ALL {
                let classical = best_classical(cells, at, quantity).map(|r| (Against::Classical, r));
                let trivial = best_trivial(cells, at, quantity, learned).map(|r| (Against::Trivial, r));
                let others = classical.into_iter().chain(trivial);
                out.extend(others.filter_map(|(against, other)| compare(cells, at, quantity, learned, against, other)));
            }
        }
    }
    out
}

fn compare(
    cells: &Cells,
    at: (usize, usize),
    quantity: Quantity,
    row: usize,
    against: Against,
    other: usize,
) -> Option<Comparison> {
    let (ours, theirs) = (cells.get(at.0, row, at.1), cells.get(at.0, other, at.1));
    // In the same order; an interrupt may have left fewer of one.
    let pairs: Vec<(&Solve, &Solve)> = ours.iter().zip(theirs).filter(|(a, b)| a.sample == b.sample).collect();
    let ratios = Ratios::of(&pairs, quantity);
    let won = ratios.won();
    let paid = (against, quantity) == (Against::Classical, Quantity::Seconds);
    let trained = cells.results.datasets[at.0].trained.get(row).and_then(Option::as_ref);
    Some(Comparison {
        dataset: at.0,
        target: cells.targets()[at.1],
        quantity,
        against,
        row,
        other,
        pairs: pairs.len(),
        won,
        tied: ratios.tied(),
        share: won as f64 / pairs.len().max(1) as f64,
        share_interval: ratios.share_interval()?,
        median: quantity.median(ours, cells.results),
        other_median: quantity.median(theirs, cells.results),
        ratio: ratios.median()?,
        ratio_interval: ratios.interval()?,
        failures: ours.iter().filter(|s| !s.converged).count(),
        other_failures: theirs.iter().filter(|s| !s.converged).count(),
        break_even: trained.filter(|_| paid).and_then(|t| BreakEven::of(t, &pairs)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::row::Row;
    use crate::evaluate::sample::results;
    use crate::evaluate::trained::Trained;
    use crate::solver::Method;

    #[test]
    fn failures_ties_and_references() {
        let mut results = results();
        results.recipe.rows[1] = Row::learned(Method::cg(), "run".into());
        results.recipe.rows[2] = Row::constant(Method::cg(), "mean-inverse").unwrap();
        let trained = Trained { steps: 5, training_seconds: 2.0, data_seconds: Some(1.0), ..Trained::default() };
        results.datasets[0].trained = vec![None, Some(trained), None];
        // cg + none: 10, 20, failed; learned: 4, 5, 6; constant: 1, 1, 1, in 3, 5 and 1 milliseconds.
        let all = comparisons(&Cells::new(&results));
        let find = |quantity, against| all.iter().find(|c| (c.quantity, c.against) == (quantity, against)).unwrap();
        assert_eq!(all.len(), 4);
        let c = find(Quantity::Iterations, Against::Classical);
        assert_eq!((c.row, c.other, c.pairs, c.won, c.tied, c.other_failures), (1, 0, 3, 3, 0, 1));
        // Ratios 0.4, 0.25 and 0.
        assert_eq!((c.ratio, c.median, c.other_median, c.wins()), (0.25, 5.0, 20.0, true));
        let c = find(Quantity::Iterations, Against::Trivial);
        assert_eq!((c.other, c.won, c.ratio, c.loses()), (2, 0, 5.0, true));
        let c = find(Quantity::Seconds, Against::Classical);
        assert!((c.ratio - 5.0 / 3.0).abs() < 1e-12 && c.won == 1, "{c:?}");
        // Two solves by the other row in 3 ms, one that failed in 3 ms too.
        assert_eq!(c.break_even.as_ref().unwrap().solves, None, "it saves nothing");

        // A network of no step is trivial, whatever its file is called; a direct row competes in time alone.
        results.datasets[0].trained[1].as_mut().unwrap().steps = 0;
        assert!(comparisons(&Cells::new(&results)).is_empty());
        assert_eq!(role(&results, 0, 1), Role::Untrained);
        results.recipe.rows[2] = Row::classical(Method::cg(), "cholesky");
        let cells = Cells::new(&results);
        assert_eq!(best_classical(&cells, (0, 0), Quantity::Iterations), Some(0));
        assert_eq!(best_classical(&cells, (0, 0), Quantity::Seconds), Some(2));
        assert_eq!(best_trivial(&cells, (0, 0), Quantity::Seconds, 1), Some(1));
    }
}
