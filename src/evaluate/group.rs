//! The solves of one row on one dataset at one tolerance, with what is known of dataset and row.

use super::condition::Condition;
use super::data_info::DataInfo;
use super::measure::Solve;
use super::noise::Noise;
use super::recipe::Target;
use super::rounds;
use super::seconds::Seconds;
use super::statistics::Quartiles;
use super::sweep::Results;

/// All solves by one row of the recipe on one dataset at one tolerance.
pub struct Group<'a> {
    /// All that was measured.
    pub results: &'a Results,
    /// Number of the dataset.
    pub dataset: usize,
    /// Number of the row.
    pub row: usize,
    /// What was to be reached.
    pub target: Target,
    /// The solves, at least one.
    pub solves: Vec<&'a Solve>,
}

impl<'a> Group<'a> {
    /// The solves of a row; None if an interrupt left none.
    pub fn of(results: &'a Results, dataset: usize, row: usize, target: Target) -> Option<Self> {
        let here = |s: &&Solve| s.dataset == dataset && s.row == row && s.target == target;
        let solves: Vec<&Solve> = results.solves.iter().filter(here).collect();
        (!solves.is_empty()).then_some(Group { results, dataset, row, target, solves })
    }

    /// The dataset.
    pub fn info(&self) -> &'a DataInfo {
        &self.results.datasets[self.dataset]
    }

    /// Condition figures of M A; none where not computed.
    pub fn conditions(&self) -> &'a [Condition] {
        self.info().kappa_after.get(self.row).map_or(&[], Vec::as_slice)
    }

    /// Solves that did not converge.
    pub fn failures(&self) -> usize {
        self.solves.iter().filter(|s| !s.converged).count()
    }

    /// Quartiles of a number over the solves that have it.
    pub fn quartiles(&self, number: impl Fn(&Solve) -> Option<f64>) -> Option<Quartiles> {
        let numbers: Vec<f64> = self.solves.iter().filter_map(|s| number(s)).collect();
        Quartiles::of(&numbers)
    }

    /// Quartiles of seconds, those of the rounds together saying how far the machine moves their median.
    pub fn timed(&self, seconds: fn(&Seconds) -> Option<f64>) -> Option<Quartiles> {
        let numbers: Vec<f64> = self.solves.iter().filter_map(|s| seconds(&s.seconds())).collect();
        let of_round = |k: usize| self.solves.iter().filter_map(|s| seconds(&s.rounds[k])).collect();
        let rounds: Vec<Vec<f64>> = (0..rounds::of_all(self.solves.iter().copied())).map(of_round).collect();
        Quartiles::timed(&numbers, &Noise::of_factor(&rounds, 0))
    }
}
