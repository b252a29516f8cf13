//! The solves of an evaluation by dataset, row and target.

use std::collections::BTreeMap;

use crate::evaluate::measure::Solve;
use crate::evaluate::recipe::{Measure, Target};
use crate::evaluate::sweep::Results;

/// The solves of each row on each dataset at each target.
pub struct Cells<'a> {
    /// Whose they are.
    pub results: &'a Results,
    targets: Vec<Target>,
    cells: BTreeMap<(usize, usize, usize), &'a [Solve]>,
}

impl<'a> Cells<'a> {
    /// Those of all results, which stand there cell by cell.
    pub fn new(results: &'a Results) -> Self {
        let targets = results.recipe.targets();
        let cells = results
            .solves
            .chunk_by(|a, b| (a.dataset, a.row, a.target) == (b.dataset, b.row, b.target))
            .filter_map(|cell| {
                let first = cell.first()?;
                let t = targets.iter().position(|t| *t == first.target)?;
                Some(((first.dataset, first.row, t), cell))
            })
            .collect();
        Cells { results, targets, cells }
    }

    /// What was to be reached, in the order of the recipe.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The number of the tightest target: of residuals if there are any.
    pub fn tightest(&self) -> Option<usize> {
        let last = |t: &Target| (t.measure != Measure::Residual, t.rtol);
        (0..self.targets.len()).min_by(|&a, &b| {
            last(&self.targets[a]).partial_cmp(&last(&self.targets[b])).unwrap_or(std::cmp::Ordering::Equal)
        })
    }

    /// Datasets.
    pub fn datasets(&self) -> std::ops::Range<usize> {
        0..self.results.datasets.len()
    }

    /// Rows of the recipe.
    pub fn rows(&self) -> std::ops::Range<usize> {
        0..self.results.recipe.rows.len()
    }

    /// The solves of a cell by its target; none where an interrupt left none.
    pub fn of(&self, dataset: usize, row: usize, target: Target) -> &'a [Solve] {
        self.targets.iter().position(|t| *t == target).map_or(&[], |t| self.get(dataset, row, t))
    }

    /// The same by the number of the target; none where an interrupt left none.
    pub fn get(&self, dataset: usize, row: usize, target: usize) -> &'a [Solve] {
        self.cells.get(&(dataset, row, target)).copied().unwrap_or_default()
    }
}
