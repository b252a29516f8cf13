//! What every rendering of an evaluation draws on.

use crate::evaluate::analysis::{Analysis, Role, role};
use crate::evaluate::columns::SummaryRow;
use crate::evaluate::recipe::{Measure, Target};
use crate::evaluate::summary::Verdict;
use crate::evaluate::sweep::Results;

/// Everything measured, and what it comes to.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// What was measured.
    pub results: &'a Results,
    /// The summary rows.
    pub rows: &'a [SummaryRow],
    /// Who wins where.
    pub verdicts: &'a [Verdict],
    /// What the solves say together.
    pub analysis: &'a Analysis,
}

impl Page<'_> {
    /// The heading.
    pub fn title(&self) -> &str {
        match self.results.recipe.title.as_str() {
            "" => "fempipe evaluation",
            title => title,
        }
    }

    /// The tightest target: of residuals if there are any.
    pub fn tightest(&self) -> Option<Target> {
        let key = |t: &Target| (t.measure != Measure::Residual, t.rtol);
        let targets = self.results.recipe.targets();
        targets.into_iter().min_by(|a, b| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)))
    }

    /// What the table calls a row of the recipe.
    pub fn name(&self, row: usize) -> String {
        self.results.recipe.rows[row].name()
    }

    /// What a row is.
    pub fn role(&self, dataset: usize, row: usize) -> Role {
        role(self.results, dataset, row)
    }
}
