//! Trained on × tested on.

use serde::Serialize;

use super::cells::Cells;
use super::paired::{Against, Comparison};
use super::quantity::Quantity;

/// A learned row on every dataset at the tightest target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Generalisation {
    /// Number of the row.
    pub row: usize,
    /// What its model was trained on; that of the first dataset where there is one for each.
    pub trained_on: String,
    /// One a dataset that was measured.
    pub tested: Vec<Tested>,
}

/// A learned row on one dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tested {
    /// Number of the dataset.
    pub dataset: usize,
    /// Whether its model was trained on this very dataset: then the systems are of the same distribution.
    pub own: bool,
    /// Systems that were not solved.
    pub failures: usize,
    /// Median iterations over those of the best classical row: the median of the ratios.
    pub iterations: Option<f64>,
    /// The same of seconds.
    pub seconds: Option<f64>,
}

/// One line a learned row.
pub fn matrix(cells: &Cells, comparisons: &[Comparison]) -> Vec<Generalisation> {
    let Some(target) = cells.tightest().map(|t| cells.targets()[t]) else { return Vec::new() };
    let here = |c: &&Comparison| c.target == target && c.against == Against::Classical;
    let line = |row: usize| {
        let of_row: Vec<&Comparison> = comparisons.iter().filter(here).filter(|c| c.row == row).collect();
        let trained = |d: usize| cells.results.datasets[d].trained.get(row).and_then(Option::as_ref);
        let tested: Vec<Tested> = cells
            .datasets()
            .filter_map(|dataset| {
                let ratio = |q| of_row.iter().find(|c| (c.dataset, c.quantity) == (dataset, q)).map(|c| c.ratio);
                let failures = of_row.iter().find(|c| c.dataset == dataset)?.failures;
                let own = trained(dataset).is_some_and(|t| t.own_data);
                let (iterations, seconds) = (ratio(Quantity::Iterations), ratio(Quantity::Seconds));
                Some(Tested { dataset, own, failures, iterations, seconds })
            })
            .collect();
        let trained_on = tested.first().and_then(|t| trained(t.dataset)).map(|t| t.data.clone()).unwrap_or_default();
        (!tested.is_empty()).then_some(Generalisation { row, trained_on, tested })
    };
    cells.rows().filter_map(line).collect()
}
