//! What rows need of a dataset before anything is measured, and one iteration of each.

use std::sync::Arc;

use super::measure::{self, Source};
use super::recipe::EvalRecipe;
use super::row::{Row, RowKind};
use super::until::Until;
use crate::dataset::{Checked, Dataset};
use crate::error::{Error, Result};
use crate::models::constants::{self, Fitted, Part};
use crate::solver::Workspace;
use crate::system::{LinearSystem, Names};

/// One iteration of every row that is to be measured and could be misused, so that a missing model or one for another
/// size is told before hours of solves, not after. Returns the labels that models are compared with.
///
/// # Errors
/// Naming row and dataset, for what cannot be used.
pub fn rehearse(
    recipe: &EvalRecipe,
    data: &Arc<Dataset>,
    d: usize,
    first: u32,
    measured: impl Fn(usize) -> bool,
) -> Result<Names> {
    let system = data.read(first as usize)?;
    let mut labels = Names::None;
    let targets = recipe.targets();
    let Some(&target) = targets.last() else {
        return Ok(labels);
    };
    for (r, row) in recipe.rows.iter().enumerate().filter(|(r, _)| measured(*r)) {
        let named = |e| named(e, row, data);
        if let RowKind::Constant(spec, _) = row.kind()? {
            labels = labels.and(spec.member().labels()).and(spec.member().compared_with());
            // Fitting takes long: a space is asked for, but not made.
            if spec.member().part() == Part::Space {
                labels = labels.and(constants::labels_of_spaces());
                measure::can_use_a_space(row, &system).map_err(named)?;
            }
            continue;
        }
        let source = source(recipe, r, (data, d))?;
        if let Source::Model(model, _) = &source {
            labels = labels.and(model.labels());
        }
        measure::solve(&mut Workspace::default(), &source, row, &system, Until::one_iteration(target, recipe))
            .map_err(named)?;
    }
    Ok(labels)
}

/// The error with the row and dataset it belongs to; file errors name their own.
pub fn named(e: Error, row: &Row, data: &Dataset) -> Error {
    match e {
        Error::Io { .. } | Error::File { .. } | Error::Interrupted(_) => e,
        other => Error::Argument(format!("row {:?} on {}: {other}", row.name(), data.path().display())),
    }
}

/// What a row needs for a dataset, made once.
///
/// # Errors
/// As [`measure::source`], naming row and dataset.
pub fn source(recipe: &EvalRecipe, r: usize, (data, d): (&Arc<Dataset>, usize)) -> Result<Source> {
    let row = &recipe.rows[r];
    let of = || {
        let not_for_it = || Error::Argument("it is not for this dataset".into());
        let place = recipe.place(r, d).ok_or_else(not_for_it)?;
        measure::source(&row.kind()?, (place, recipe.device), |spec| fit(spec, data, row))
    };
    of().map_err(|e| named(e, row, data))
}

/// What a constant makes of the training split. One that these systems cannot give fails at each solve.
fn fit(spec: &constants::Spec, data: &Arc<Dataset>, row: &Row) -> Result<Fitted> {
    let ids = if spec.member().is_fitted() { data.split("train")? } else { &[] };
    let suits = spec.member().needs().check_matrix(spec.name(), data.header().description.props);
    match suits.and_then(|()| spec.member().fit(&Checked::new(data.clone()), ids, &row.options())) {
        Err(Error::Numeric(why)) => Ok(Box::new(move |_: &LinearSystem| Err(Error::Numeric(why.clone())))),
        Err(Error::Unsuitable(why)) => Ok(Box::new(move |_: &LinearSystem| Err(Error::Unsuitable(why.clone())))),
        other => other,
    }
}
