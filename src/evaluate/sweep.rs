//! Every row on every system at every tolerance, one after the other.

use std::sync::Arc;

use super::condition::{Condition, condition_after, ratio, spectrum_before, thinned};
use super::data_info::{DataInfo, solved};
use super::journal::{Entry, Journal};
use super::keys::Keys;
use super::machine::Machine;
use super::measure::{self, Solve, Source};
use super::opened::{Opened, OpenedData};
use super::recipe::EvalRecipe;
use super::rounds;
use super::row::{Row, RowKind};
use super::trained::trained;
use super::until::Until;
use crate::dataset::{Checked, Dataset};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::models::constants::{self, Fitted, Part};
use crate::solver::Workspace;
use crate::system::{Cached, LinearSystem, Names, Parts, SampleSource, cache, for_each_chunk};

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
    let own = |d: usize, r: usize, round: usize| {
        let number = (round * opened.datasets.len() + d) * recipe.rows.len() + r;
        opened.shard.is_none_or(|shard| shard.has(number))
    };
    let cells = |d: usize| (0..recipe.repeats).flat_map(move |k| (0..recipe.rows.len()).map(move |r| (d, r, k)));
    let owned = |d: usize| cells(d).filter(|&(d, r, k)| own(d, r, k)).count();
    let solves: usize = opened.datasets.iter().enumerate().map(|(d, data)| data.ids.len() * owned(d)).sum();
    events(&Event::Start { solves: solves * recipe.targets().len() });
    let mut labels = Vec::new();
    for (d, OpenedData { data, ids, keys }) in opened.datasets.iter().enumerate() {
        let measured = |row| (0..recipe.repeats).any(|k| own(d, row, k)) && !keys.all_there(recipe, row, journal);
        labels.push(rehearse(recipe, data, d, ids[0], measured)?);
    }
    for (d, (OpenedData { data, ids, keys }, labels)) in opened.datasets.iter().zip(labels).enumerate() {
        if owned(d) == 0 {
            continue;
        }
        let done = one_dataset(recipe, data, (ids, labels), d, &own, keys, journal, &mut results, events);
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
#[allow(clippy::too_many_arguments)] // what a sweep is about, and where it notes what
fn one_dataset(
    recipe: &EvalRecipe,
    data: &Arc<Dataset>,
    (ids, labels): (&[u32], Names),
    d: usize,
    own: &dyn Fn(usize, usize, usize) -> bool,
    keys: &Keys,
    journal: &mut Journal,
    results: &mut Results,
    events: &mut dyn FnMut(&Event),
) -> Result<()> {
    let systems = Systems::new(recipe, data, ids, labels)?;
    let mut info = describe(recipe, (data, d), &systems, keys, journal)?;
    info.name = unused(&info.name, &results.datasets);
    results.datasets.push(info);
    let cells = recipe.rows.len() * recipe.targets().len();
    let mut measured: Vec<Vec<Vec<Solve>>> = vec![Vec::new(); cells];
    // What a row needs is made once, and kept only where it is needed again.
    let mut made: Vec<Option<Arc<Source>>> = vec![None; recipe.rows.len()];
    let mut done = Ok(());
    'rounds: for round in 0..recipe.repeats {
        let rows = measured.chunks_mut(recipe.targets().len()).enumerate();
        for (r, cells) in rows.filter(|(r, _)| own(d, *r, round)) {
            done = one_row(recipe, data, &systems, (d, r, round), &mut made[r], keys, journal, results, cells, events);
            if round + 1 == recipe.repeats {
                made[r] = None;
            }
            if done.is_err() {
                break 'rounds;
            }
        }
    }
    results.solves.extend(measured.into_iter().flat_map(rounds::combined));
    done
}

/// One iteration of every row that is to be measured and could be misused, so that a missing model or one for another
/// size is told before hours of solves, not after. Returns the labels that models are compared with.
fn rehearse(
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
    for (_, row) in recipe.rows.iter().enumerate().filter(|(r, _)| measured(*r)) {
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
        let source = measure::source(&row.kind()?, (d, recipe.device), |spec| fit(spec, data, row)).map_err(named)?;
        if let Source::Model(model, _) = &source {
            labels = labels.and(model.labels());
        }
        measure::solve(&mut Workspace::default(), &source, row, &system, Until::one_iteration(target, recipe))
            .map_err(named)?;
    }
    Ok(labels)
}

/// The error with the row and dataset it belongs to; file errors name their own.
fn named(e: Error, row: &Row, data: &Dataset) -> Error {
    match e {
        Error::Io { .. } | Error::File { .. } | Error::Interrupted(_) => e,
        other => Error::Argument(format!("row {:?} on {}: {other}", row.name(), data.path().display())),
    }
}

/// The systems of one dataset, checked all, kept as far as memory goes; the others are loaded between the solves.
struct Systems<'a> {
    source: Cached,
    ids: &'a [u32],
}

impl<'a> Systems<'a> {
    fn new(recipe: &EvalRecipe, data: &Arc<Dataset>, ids: &'a [u32], labels: Names) -> Result<Self> {
        let parts = Parts { labels, ..Parts::unlabelled() };
        let most = recipe.cache_mib.map_or_else(cache::default_bytes, |m| m << 20);
        let source = Cached::new(Arc::new(Checked::new(data.clone())), parts, most);
        // An altered system is told before hours of solves, not after.
        for_each_chunk(&source, ids, source.parts(), most / 8, |_| Ok(()))?;
        Ok(Systems { source, ids })
    }

    fn get(&self, i: usize) -> Result<Arc<LinearSystem>> {
        Ok(self.source.load(&self.ids[i..=i], self.source.parts())?.remove(0))
    }
}

fn describe(
    recipe: &EvalRecipe,
    (data, d): (&Dataset, usize),
    systems: &Systems,
    keys: &Keys,
    journal: &mut Journal,
) -> Result<DataInfo> {
    let sizes: Vec<(usize, usize)> = systems.ids.iter().map(|&i| data.size(i as usize)).collect();
    let n = sizes.iter().map(|s| s.0).max().unwrap_or(0);
    let header = data.header();
    let models = recipe.rows.iter().map(|row| trained(row, d, data, systems.ids)).collect::<Result<Vec<_>>>()?;
    let (trained, seen_in_training) = models.into_iter().unzip();
    let mut info = DataInfo {
        name: data.path().file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned()),
        family: header.description.family.clone(),
        equation: header.description.equation.clone(),
        systems: sizes.len(),
        n,
        least_n: sizes.iter().map(|s| s.0).min().unwrap_or(0),
        nnz: sizes[0].1,
        kappa: Vec::new(),
        kappa_after: Vec::new(),
        seen_in_training,
        trained,
        digest: solved(data, systems.ids),
        recipe: header.recipe.clone(),
        spectrum: Vec::new(),
        first: Some(systems.get(0)?),
    };
    if let Some(Entry::Spectrum(spectrum)) = journal.get(keys.spectrum(recipe)) {
        info.spectrum.clone_from(spectrum);
    }
    let key = keys.before(recipe);
    if let Some(Entry::Before(kappa)) = journal.get(key) {
        info.kappa.clone_from(kappa);
        return Ok(info);
    }
    for i in 0..conditioned(recipe, &info) {
        interrupt::check("while condition numbers were computed")?;
        let system = systems.get(i)?;
        match spectrum_before(&system.matrix, system.props) {
            Ok(rising) => {
                info.kappa.extend(ratio(&rising));
                if i == 0 {
                    info.spectrum = thinned(&rising);
                }
            }
            // A is singular, not finite or not what its dataset says: the solves will show it.
            Err(Error::Numeric(_)) => {}
            Err(e) => return Err(e),
        }
    }
    journal.keep(key, Entry::Before(info.kappa.clone()))?;
    journal.keep(keys.spectrum(recipe), Entry::Spectrum(info.spectrum.clone()))?;
    Ok(info)
}

/// Of how many systems condition numbers are computed.
fn conditioned(recipe: &EvalRecipe, info: &DataInfo) -> usize {
    if info.n <= recipe.condition_max_n { recipe.condition_samples.min(info.systems) } else { 0 }
}

/// The name, or the first of name-2, name-3, … that no dataset has: plots and tables go by it.
fn unused(name: &str, taken: &[DataInfo]) -> String {
    let free = |candidate: &str| taken.iter().all(|info| info.name != candidate);
    let mut out = name.to_string();
    let mut k = 1;
    while !free(&out) {
        k += 1;
        out = format!("{name}-{k}");
    }
    out
}

/// One row on all systems of a dataset in one round; a cell is noted in `cells`, one a tolerance, also one that was cut
/// short in the first round.
#[allow(clippy::too_many_arguments)] // what a sweep is about, and where it notes what
fn one_row(
    recipe: &EvalRecipe,
    data: &Arc<Dataset>,
    systems: &Systems,
    (d, r, round): (usize, usize, usize),
    made: &mut Option<Arc<Source>>,
    keys: &Keys,
    journal: &mut Journal,
    results: &mut Results,
    cells: &mut [Vec<Vec<Solve>>],
    events: &mut dyn FnMut(&Event),
) -> Result<()> {
    let row = &recipe.rows[r];
    let named = |e: Error| named(e, row, data);
    // Only where something is left to measure.
    let mut source = || match &*made {
        Some(source) => Ok(Arc::clone(source)),
        None => {
            let source = measure::source(&row.kind()?, (d, recipe.device), |spec| fit(spec, data, row));
            Ok(made.insert(Arc::new(source.map_err(named)?)).clone())
        }
    };
    if round == 0 {
        let key = keys.after(recipe, r);
        let after = match journal.get(key) {
            Some(Entry::After(after)) => after.clone(),
            _ => {
                let count = results.datasets.last().map_or(0, |info| conditioned(recipe, info));
                let after = conditions(&*source()?, row, systems, count).map_err(named)?;
                journal.keep(key, Entry::After(after.clone()))?;
                after
            }
        };
        if let Some(info) = results.datasets.last_mut() {
            info.kappa_after.push(after);
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
        let source = source()?;
        let until = Until { target, max_it: recipe.max_it, right_hand_sides: recipe.right_hand_sides };
        // One solve that does not count: caches, page faults, lazily started threads.
        measure::solve(&mut ws, &source, row, &*systems.get(0)?, until).map_err(named)?;
        // Nor may a recycling method carry a space over from it, or from the tolerance before.
        ws.forget();
        let mut solves = Vec::with_capacity(systems.ids.len());
        let all = (0..systems.ids.len()).try_for_each(|i| {
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

/// Condition numbers of M A for the first systems, as far as they can be computed.
fn conditions(source: &Source, row: &Row, systems: &Systems, count: usize) -> Result<Vec<Condition>> {
    let mut after = Vec::new();
    for i in 0..count {
        interrupt::check("while condition numbers were computed")?;
        let system = systems.get(i)?;
        if let Ok(prepared) = measure::prepare(source, row, &system) {
            let (m, space) = (&*prepared.preconditioner, prepared.space.as_ref());
            match condition_after(&system.matrix, system.props, m, space, row.ksp.damping()) {
                Ok(Some(mut c)) => {
                    if i > 0 {
                        c.spectrum = Vec::new();
                    }
                    after.push(c);
                }
                // M A is singular or not finite: the solves will show it.
                Ok(None) | Err(Error::Numeric(_)) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(after)
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
