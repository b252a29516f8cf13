//! What a row is in a comparison, and which rows a learned one has to beat.

use super::cells::Cells;
use super::quantity::Quantity;
use crate::evaluate::row::RowKind;
use crate::evaluate::sweep::Results;

/// What a row is in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A classical method.
    Classical,
    /// A classical preconditioner that is the solution: it competes in time alone.
    Direct,
    /// What the training systems, or none, give once for all.
    Constant,
    /// It looks at labels, and competes with nothing.
    Oracle,
    /// A network before its first step.
    Untrained,
    /// A trained model.
    Learned,
}

/// The role of a row on a dataset.
pub fn role(results: &Results, dataset: usize, row: usize) -> Role {
    let info = &results.datasets[dataset];
    let trained = info.trained.get(row).and_then(Option::as_ref);
    let direct = info.direct.get(row).copied().unwrap_or(false);
    match results.recipe.rows[row].kind() {
        Ok(RowKind::Classical(spec)) if direct || spec.is_direct() => Role::Direct,
        Ok(RowKind::Model(..)) if trained.is_some_and(|t| t.steps == 0) => Role::Untrained,
        Ok(RowKind::Model(..)) => Role::Learned,
        Ok(kind) => match kind.name() {
            "constant" => Role::Constant,
            "oracle" => Role::Oracle,
            _ => Role::Classical,
        },
        Err(_) => Role::Oracle,
    }
}

/// The best of some rows on a dataset at a target: the one with the fewest failures, and among these the least median.
pub fn best(
    cells: &Cells,
    (dataset, target): (usize, usize),
    quantity: Quantity,
    rows: impl Iterator<Item = usize>,
) -> Option<usize> {
    let measured = |&r: &usize| !cells.get(dataset, r, target).is_empty();
    let key = |r: usize| {
        let solves = cells.get(dataset, r, target);
        (solves.iter().filter(|s| !s.converged).count(), quantity.median(solves, cells.results))
    };
    let keyed = rows.filter(measured).map(|r| (r, key(r)));
    keyed.min_by(|a, b| a.1.0.cmp(&b.1.0).then(a.1.1.total_cmp(&b.1.1))).map(|(r, _)| r)
}

/// The best classical row; direct ones compete in time alone.
pub fn best_classical(cells: &Cells, at: (usize, usize), quantity: Quantity) -> Option<usize> {
    let allowed = |&r: &usize| match role(cells.results, at.0, r) {
        Role::Classical => true,
        Role::Direct => quantity == Quantity::Seconds,
        _ => false,
    };
    best(cells, at, quantity, cells.rows().filter(allowed))
}

/// The best of what is there without learning beside the same method: constants, the untrained network of the same
/// model, the iterate of a classical method as guess.
pub fn best_trivial(cells: &Cells, at: (usize, usize), quantity: Quantity, learned: usize) -> Option<usize> {
    let rows = &cells.results.recipe.rows;
    let model = |r: usize| cells.results.datasets[at.0].trained.get(r)?.as_ref().map(|t| &t.model);
    let seed = |r: usize| cells.results.datasets[at.0].trained.get(r)?.as_ref().map(|t| t.seed);
    let untrained = |r: usize| role(cells.results, at.0, r) == Role::Untrained && model(r) == model(learned);
    // Of several runs each has a start of its own.
    let own = cells.rows().any(|r| untrained(r) && seed(r) == seed(learned));
    let trivial = |&r: &usize| {
        rows[r].ksp == rows[learned].ksp
            && match role(cells.results, at.0, r) {
                Role::Constant => true,
                Role::Untrained => untrained(r) && (!own || seed(r) == seed(learned)),
                Role::Classical => rows[r].guess.is_some(),
                _ => false,
            }
    };
    best(cells, at, quantity, cells.rows().filter(trivial))
}
