//! What an evaluation has to do, before it does it: cells, those that are there, and how long the others may take.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::condition::spectrum_before;
use super::description::{self, conditions};
use super::journal::{Entry, Journal};
use super::measure;
use super::opened::{Opened, OpenedData};
use super::recipe::EvalRecipe;
use super::rehearsal::{named, source};
use super::systems::Systems;
use super::until::Until;
use crate::error::Result;
use crate::interrupt;
use crate::solver::Workspace;
use crate::system::Names;

/// Systems of a dataset that are solved for an estimate at most.
const TRIED: usize = 2;

/// Seconds after which no further system is tried.
const ENOUGH: f64 = 1.0;

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// One line a dataset and row of which something is measured here.
    pub rows: Vec<Planned>,
    /// Tolerances.
    pub tolerances: usize,
    /// Rounds.
    pub rounds: usize,
    /// Seconds of what is computed once a dataset: reading, condition numbers of A.
    pub of_datasets: f64,
}

/// A row on a dataset.
#[derive(Debug, Clone, Serialize)]
pub struct Planned {
    /// The dataset's file.
    pub dataset: String,
    /// Label of the row.
    pub row: String,
    /// Systems of a cell.
    pub systems: usize,
    /// Cells: tolerances times the rounds that are measured here.
    pub cells: usize,
    /// Those that the journal has.
    pub kept: usize,
    /// Seconds that the others may take, setup, condition numbers and what does not count included.
    pub seconds: f64,
    /// Where that is from.
    pub from: Source,
}

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Nothing is left to do.
    Nothing,
    /// Cells of the same row that the journal has.
    Journal,
    /// So many systems that were solved for it, to the tightest tolerance.
    Systems(usize),
}

impl Plan {
    /// Cells in all.
    pub fn cells(&self) -> usize {
        self.rows.iter().map(|row| row.cells).sum()
    }

    /// Those that are there.
    pub fn kept(&self) -> usize {
        self.rows.iter().map(|row| row.kept).sum()
    }

    /// Solves that are left.
    pub fn solves(&self) -> usize {
        self.rows.iter().map(|row| (row.cells - row.kept) * row.systems).sum()
    }

    /// Seconds that what is left may take.
    pub fn seconds(&self) -> f64 {
        self.of_datasets + self.rows.iter().map(|row| row.seconds).sum::<f64>()
    }
}

/// The plan of an evaluation of which the journal has what it has. Rows of which nothing is known are tried on a few
/// systems.
///
/// # Errors
/// What the evaluation itself would end with, as far as these systems show it; [`crate::Error::Interrupted`].
pub fn plan(opened: &Opened, journal: &Journal) -> Result<Plan> {
    let recipe = opened.recipe();
    let targets = recipe.targets().len();
    let mut plan = Plan { rows: Vec::new(), tolerances: targets, rounds: recipe.repeats, of_datasets: 0.0 };
    for (d, of) in opened.datasets.iter().enumerate() {
        let mut first = None;
        for r in 0..recipe.rows.len() {
            interrupt::check("while the evaluation was estimated")?;
            let rounds: Vec<usize> = opened.cells(d).filter(|&(row, _)| row == r).map(|(_, round)| round).collect();
            if rounds.is_empty() {
                continue;
            }
            let known = known(recipe, of, r, &rounds, journal);
            let cells = targets * rounds.len();
            let left = cells - known.len();
            let each = (of.ids.len() + 1) as f64;
            let (seconds, from) = match known.is_empty() {
                _ if left == 0 => (0.0, Source::Nothing),
                false => (left as f64 * each * mean(&known), Source::Journal),
                true => {
                    if first.is_none() {
                        first = Some(begin(recipe, of, journal, &mut plan)?);
                    }
                    let Some(systems) = &first else { continue };
                    tried(opened, (d, r), systems, left as f64 * each, journal)?
                }
            };
            plan.rows.push(Planned {
                dataset: of.data.path().display().to_string(),
                row: recipe.rows[r].name(),
                systems: of.ids.len(),
                cells,
                kept: known.len(),
                seconds,
                from,
            });
        }
    }
    Ok(plan)
}

/// Seconds a solve of each cell of a row that the journal has.
fn known(recipe: &EvalRecipe, of: &OpenedData, r: usize, rounds: &[usize], journal: &Journal) -> Vec<f64> {
    let cells = recipe.targets().into_iter().flat_map(|target| rounds.iter().map(move |&round| (target, round)));
    let solves = cells.filter_map(|(target, round)| match journal.get(of.keys.cell(recipe, r, target, round)) {
        Some(Entry::Solves(solves)) => Some(solves),
        _ => None,
    });
    solves.map(|s| mean(&s.iter().map(|s| s.setup_seconds + s.solve_seconds).collect::<Vec<_>>())).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The first systems of a dataset; adds to the plan what reading all of them and the condition numbers of A take.
fn begin<'a>(recipe: &EvalRecipe, of: &'a OpenedData, journal: &Journal, plan: &mut Plan) -> Result<Systems<'a>> {
    let few = &of.ids[..of.ids.len().min(TRIED)];
    let clock = Instant::now();
    let systems = Systems::new(recipe, &of.data, few, Names::None)?;
    plan.of_datasets += clock.elapsed().as_secs_f64() * of.ids.len() as f64 / few.len() as f64;
    let count = conditioned(recipe, of);
    if count > 0 && journal.get(of.keys.before(recipe)).is_none() {
        let clock = Instant::now();
        let system = systems.get(0)?;
        // One that cannot be computed takes its time as well.
        let _ = spectrum_before(&system.matrix, system.props);
        plan.of_datasets += clock.elapsed().as_secs_f64() * count as f64;
    }
    Ok(systems)
}

/// Of how many systems condition numbers are computed.
fn conditioned(recipe: &EvalRecipe, of: &OpenedData) -> usize {
    let largest = of.ids.iter().map(|&id| of.data.size(id as usize).0).max().unwrap_or(0);
    description::conditioned(recipe, largest, of.ids.len())
}

/// Seconds of so many solves of a row, with what is made once: by those of the first systems.
fn tried(
    opened: &Opened,
    (d, r): (usize, usize),
    systems: &Systems,
    solves: f64,
    journal: &Journal,
) -> Result<(f64, Source)> {
    let (recipe, of) = (opened.recipe(), &opened.datasets[d]);
    let row = &recipe.rows[r];
    let in_row = |e| named(e, row, &of.data);
    let clock = Instant::now();
    let made = Arc::new(source(recipe, r, (&of.data, d))?);
    let mut seconds = clock.elapsed().as_secs_f64();
    let count = conditioned(recipe, of);
    if count > 0 && journal.get(of.keys.after(recipe, r)).is_none() {
        let clock = Instant::now();
        conditions(&made, row, systems, 1).map_err(in_row)?;
        seconds += clock.elapsed().as_secs_f64() * count as f64;
    }
    let tightest = recipe.targets().into_iter().min_by(|a, b| a.rtol.total_cmp(&b.rtol));
    let mut took: Vec<f64> = Vec::new();
    if let Some(target) = tightest {
        let until = Until { target, max_it: recipe.max_it, right_hand_sides: recipe.right_hand_sides };
        let mut ws = Workspace::default();
        while took.len() < systems.len() && took.iter().sum::<f64>() < ENOUGH {
            let system = systems.get(took.len())?;
            let clock = Instant::now();
            measure::solve(&mut ws, &made, row, &system, until).map_err(in_row)?;
            took.push(clock.elapsed().as_secs_f64());
        }
    }
    Ok((seconds + solves * mean(&took), Source::Systems(took.len())))
}
