//! Every row on every system at every tolerance, one after the other.

use std::sync::Arc;

use super::data_info::DataInfo;
use super::description::{conditioned, conditions, describe, unused};
use super::journal::{Entry, Journal};
use super::machine::Machine;
use super::measure::{self, Solve, Source};
use super::opened::{Opened, OpenedData};
use super::recipe::EvalRecipe;
use super::rehearsal::{named, rehearse, source};
use super::rounds;
use super::systems::Systems;
use super::until::Until;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::linalg::dense;
use crate::solver::Workspace;
use crate::system::Names;

/// Residual histories are kept for this many systems of each dataset.
const HISTORIES: usize = 1;

/// What the sweep tells its caller as it goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Before the first solve.
    Start {
        /// Solves to come.
        solves: usize,
    },
    /// After each of them.
    Solve,
    /// So many were measured in an earlier sitting, and kept.
    Kept(usize),
}

/// Everything measured.
#[derive(Debug, Clone)]
pub struct Results {
    /// What was asked for.
    pub recipe: EvalRecipe,
    /// That of the evaluation, see [`Opened::identity`].
    pub identity: u64,
    /// In the order of the recipe.
    pub datasets: Vec<DataInfo>,
    /// In the order of datasets, rows, tolerances, systems.
    pub solves: Vec<Solve>,
    /// The sweep was interrupted; what was done until then is here.
    pub interrupted: bool,
    /// Solves out of an earlier sitting, with its timings.
    pub kept: usize,
    /// Where and when it ran.
    pub machine: Machine,
}

impl Results {
    /// What there is to tell of solves that were kept.
    pub fn note(&self) -> Option<String> {
        let all = self.solves.len() * self.recipe.repeats;
        (self.kept > 0).then(|| {
            let rounds =
                if self.recipe.repeats > 1 { format!(" (in {} rounds)", self.recipe.repeats) } else { String::new() };
            format!("{} of {all} solves{rounds} were made in an earlier sitting; their seconds are of then", self.kept)
        })
    }
}

/// Runs the sweep; what the journal has of it is not measured again, and what is measured is written there.
///
/// # Errors
/// If a model cannot be read or does not fit, or a solver cannot use a preconditioner;
/// [`Error::Interrupted`] after Ctrl-C before the first solve.
pub fn run(opened: &Opened, journal: &mut Journal, events: &mut dyn FnMut(&Event)) -> Result<Results> {
    dense::on_one_thread();
    let recipe = &opened.recipe;
    let mut results = Results {
        recipe: recipe.clone(),
        identity: opened.identity(),
        datasets: Vec::new(),
        solves: Vec::new(),
        interrupted: false,
        kept: 0,
        machine: Machine::here(),
    };
    let cells = |d: usize| opened.cells(d).count();
    let solves: usize = opened.datasets.iter().enumerate().map(|(d, data)| data.ids.len() * cells(d)).sum();
    events(&Event::Start { solves: solves * recipe.targets().len() });
    let mut labels = Vec::new();
    for (d, OpenedData { data, ids, keys, .. }) in opened.datasets.iter().enumerate() {
        let measured = |row| opened.cells(d).any(|(r, _)| r == row) && !keys.all_there(recipe, row, journal);
        labels.push(rehearse(recipe, data, d, ids[0], measured)?);
    }
    journal.belongs_to(opened.identity())?;
    for (d, labels) in labels.into_iter().enumerate() {
        if cells(d) == 0 {
            continue;
        }
        let done = one_dataset(opened, d, labels, journal, &mut results, events);
        match done {
            Err(Error::Interrupted(_)) if !results.datasets.is_empty() => {
                results.interrupted = true;
                return Ok(results);
            }
            done => done?,
        }
    }
    Ok(results)
}

/// All rows on one dataset.
fn one_dataset(
    opened: &Opened,
    d: usize,
    labels: Names,
    journal: &mut Journal,
    results: &mut Results,
    events: &mut dyn FnMut(&Event),
) -> Result<()> {
    let (recipe, of) = (&opened.recipe, &opened.datasets[d]);
    let systems = Systems::new(recipe, &of.data, &of.ids, labels)?;
    let mut info = describe(recipe, of, &systems, journal)?;
    info.name = unused(&info.name, &results.datasets);
    results.datasets.push(info);
    let cells = recipe.rows.len() * recipe.targets().len();
    let mut measured: Vec<Vec<Vec<Solve>>> = vec![Vec::new(); cells];
    // What a row needs is made once, and kept only where it is needed again.
    let mut made: Vec<Option<Arc<Source>>> = vec![None; recipe.rows.len()];
    let mut done = Ok(());
    'rounds: for round in 0..recipe.repeats {
        let rows = measured.chunks_mut(recipe.targets().len()).enumerate();
        for (r, cells) in rows.filter(|(r, _)| opened.measures(d, *r, round)) {
            done = one_row(opened, &systems, (d, r, round), &mut made[r], journal, results, cells, events);
            if round + 1 == recipe.repeats {
                made[r] = None;
            }
            if done.is_err() {
                break 'rounds;
            }
        }
    }
    let solves: Vec<Solve> = measured.into_iter().flat_map(rounds::combined).collect();
    if let Some(info) = results.datasets.last_mut() {
        for (r, direct) in info.direct.iter_mut().enumerate() {
            let mut of_row = solves.iter().filter(|s| s.row == r).peekable();
            *direct = of_row.peek().is_some() && of_row.all(|s| s.direct);
        }
    }
    results.solves.extend(solves);
    done
}

/// One row on all systems of a dataset in one round; a cell is noted in `cells`, one a tolerance, also one that was cut
/// short in the first round.
#[allow(clippy::too_many_arguments)] // what a sweep is about, and where it notes what
fn one_row(
    opened: &Opened,
    systems: &Systems,
    (d, r, round): (usize, usize, usize),
    made: &mut Option<Arc<Source>>,
    journal: &mut Journal,
    results: &mut Results,
    cells: &mut [Vec<Vec<Solve>>],
    events: &mut dyn FnMut(&Event),
) -> Result<()> {
    let (recipe, OpenedData { data, keys, .. }) = (&opened.recipe, &opened.datasets[d]);
    let row = &recipe.rows[r];
    let named = |e: Error| named(e, row, data);
    // Only where something is left to measure.
    let mut needed = || match &*made {
        Some(source) => Ok(Arc::clone(source)),
        None => Ok(made.insert(Arc::new(source(recipe, r, (data, d))?)).clone()),
    };
    if round == 0 {
        let key = keys.after(recipe, r);
        let after = match journal.get(key) {
            Some(Entry::After(after)) => after.clone(),
            _ => {
                let count = results.datasets.last().map_or(0, |info| conditioned(recipe, info.n, info.systems));
                let after = conditions(&*needed()?, row, systems, count).map_err(named)?;
                journal.keep(key, Entry::After(after.clone()))?;
                after
            }
        };
        if let Some(info) = results.datasets.last_mut() {
            info.kappa_after[r] = after;
        }
    }
    let mut ws = Workspace::default();
    for (target, cell) in recipe.targets().into_iter().zip(cells) {
        let key = keys.cell(recipe, r, target, round);
        if let Some(Entry::Solves(solves)) = journal.get(key) {
            results.kept += solves.len();
            cell.push(solves.iter().map(|s| Solve { dataset: d, row: r, ..s.clone() }).collect());
            events(&Event::Kept(solves.len()));
            continue;
        }
        let source = needed()?;
        let until = Until { target, max_it: recipe.max_it, right_hand_sides: recipe.right_hand_sides };
        // One solve that does not count: caches, page faults, lazily started threads.
        measure::solve(&mut ws, &source, row, &*systems.get(0)?, until).map_err(named)?;
        // Nor may a recycling method carry a space over from it, or from the tolerance before.
        ws.forget();
        let mut solves = Vec::with_capacity(systems.len());
        let all = (0..systems.len()).try_for_each(|i| {
            interrupt::check("between solves")?;
            let system = systems.get(i)?;
            let mut solve = measure::solve(&mut ws, &source, row, &system, until).map_err(named)?;
            (solve.dataset, solve.row) = (d, r);
            if i >= HISTORIES {
                solve.history = Vec::new();
                solve.error = Vec::new();
            }
            solves.push(solve);
            events(&Event::Solve);
            Ok(())
        });
        // A prediction may have been cut short by it.
        let whole = all.and_then(|()| interrupt::check("between solves"));
        if whole.is_ok() {
            journal.keep(key, Entry::Solves(solves.clone()))?;
        }
        if whole.is_ok() || round == 0 {
            cell.push(solves);
        }
        whole?;
    }
    Ok(())
}
