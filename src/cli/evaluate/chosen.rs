//! What a command line without a recipe evaluates: datasets, a run on its own data, the newest runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::evaluate::{self, EvalRecipe, Method, Row, TrainedBy};
use crate::interrupt;
use crate::linalg::Props;
use crate::notation::list;
use crate::solve::classical;

/// Where runs lie.
const RUNS: &str = "training";

/// The checkpoint of a run that has been validated.
const BEST: &str = "best.safetensors";

/// An evaluation, and the directory that it is named after.
pub(super) struct Chosen {
    pub recipe: EvalRecipe,
    pub base: PathBuf,
}

/// Solvers and preconditioners that the command line names; none where it leaves them open.
pub(super) struct Methods<'a> {
    pub ksp: &'a [String],
    pub pc: &'a [String],
}

/// A run, and what it says of itself.
type Run = (PathBuf, TrainedBy);

/// Runs on datasets, the classical rows beside them: those that were named, else the strongest.
///
/// # Errors
/// [`Error::Argument`] for a solver's notation; if a dataset or checkpoint cannot be read.
pub(super) fn on_data(data: &[PathBuf], runs: &[PathBuf], methods: &Methods) -> Result<Chosen> {
    let base = beside(runs.first());
    let runs = runs.iter().map(|run| Ok((run.clone(), evaluate::trained_by(run)?))).collect::<Result<Vec<_>>>()?;
    let rows = told_apart(rows(weakest(data)?, &runs, methods)?);
    Ok(Chosen { recipe: EvalRecipe::new(data.to_vec(), rows), base })
}

/// What an evaluation is named after, in a run's directory if there is one.
fn beside(run: Option<&PathBuf>) -> PathBuf {
    run.filter(|run| run.is_dir()).map_or_else(PathBuf::new, PathBuf::clone).join("evaluation")
}

/// Runs that were named, on the datasets that they were trained on.
///
/// # Errors
/// [`Error::File`] naming a run whose dataset is not there; as [`on_data`].
pub(super) fn on_their_own(paths: &[PathBuf], methods: &Methods) -> Result<Chosen> {
    let mut runs: Vec<Run> = Vec::new();
    for path in paths {
        let trained = evaluate::trained_by(path)?;
        if let Some(reason) = is_without_data(&trained) {
            return Err(Error::file(path, format!("{reason}: name a dataset with --data")));
        }
        runs.push((path.clone(), trained));
    }
    let base = match paths {
        [run] => beside(Some(run)),
        _ => Path::new(RUNS).join("evaluation"),
    };
    together(&runs, base, methods)
}

/// Why the datasets of a run cannot be found.
fn is_without_data(run: &TrainedBy) -> Option<String> {
    match run.data.iter().find(|file| !file.is_file()) {
        Some(missing) => Some(format!("was trained on {}, which is not there", missing.display())),
        None => run.data.is_empty().then(|| "does not say what it was trained on".into()),
    }
}

/// One evaluation of runs on their datasets, with the classical rows of each dataset's own kind.
fn together(runs: &[Run], base: PathBuf, methods: &Methods) -> Result<Chosen> {
    let mut of_data: BTreeMap<PathBuf, Vec<Run>> = BTreeMap::new();
    for (run, trained) in runs {
        for file in &trained.data {
            of_data.entry(file.clone()).or_default().push((run.clone(), trained.clone()));
        }
    }
    let data: Vec<PathBuf> = of_data.keys().cloned().collect();
    let mut all: Vec<Row> = Vec::new();
    for (file, runs) in of_data {
        for row in rows(weakest(std::slice::from_ref(&file))?, &runs, methods)? {
            let of_file = std::slice::from_ref(&file);
            match all.iter_mut().find(|there| there.means_the_same(&row)) {
                Some(there) => there.extend_to(of_file, &data),
                None => all.push(row.only_on(of_file, &data)),
            }
        }
    }
    all.sort_by_key(|row| row.model.is_some());
    Ok(Chosen { recipe: EvalRecipe::new(data, told_apart(all)), base })
}

/// The rows, of which those of runs that would have one name have their paths in it.
fn told_apart(mut rows: Vec<Row>) -> Vec<Row> {
    let names: Vec<String> = rows.iter().map(Row::name).collect();
    for (row, name) in rows.iter_mut().zip(&names) {
        let again = names.iter().filter(|other| *other == name).count() > 1;
        let path = row.models().next().map(|path| path.display().to_string());
        if let Some(path) = path.filter(|_| again) {
            row.label = format!("{} + {path}", row.ksp);
        }
    }
    rows
}

/// The directories of runs under training/ that have been validated.
fn validated() -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(RUNS).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter(|run| run.join(BEST).is_file())
}

/// Whether there is no run under training/ that has been validated.
pub(super) fn is_without_runs() -> bool {
    validated().next().is_none()
}

/// The newest run of each model on each of its datasets, of those under training/, on its own `split`, of which
/// `samples` systems are solved (0 are all). `tell` is told of each run that is left out, and why: one that cannot be
/// read, has not trained yet, or whose dataset is missing, damaged or without such systems.
///
/// # Errors
/// [`Error::Argument`] with all reasons if no run is left; as [`on_data`].
pub(super) fn newest(methods: &Methods, split: &str, samples: usize, tell: &mut dyn FnMut(&str)) -> Result<Chosen> {
    let mut left_out = Vec::new();
    let mut leave_out = |run: &Path, reason: String| {
        let reason = format!("{}: {reason}", run.display());
        tell(&format!("left out: {reason}"));
        left_out.push(reason);
    };
    let mut all: Vec<PathBuf> = validated().collect();
    all.sort();
    let mut newest: BTreeMap<(String, Vec<PathBuf>), (SystemTime, Run)> = BTreeMap::new();
    for run in all {
        let made = run.join(BEST).metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        match evaluate::trained_by(&run) {
            Err(e @ Error::Interrupted(_)) => return Err(e),
            Err(e) => leave_out(&run, e.to_string()),
            Ok(trained) if !trained.begun => leave_out(&run, "none of its epochs is done yet".into()),
            Ok(trained) => {
                let of = (trained.model.clone(), trained.data.clone());
                // Of equally new ones the last by name.
                if newest.get(&of).is_none_or(|(other, _)| *other <= made) {
                    newest.insert(of, (made, (run, trained)));
                }
            }
        }
    }
    let mut known: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
    let mut runs: Vec<Run> = Vec::new();
    for (_, (run, trained)) in newest.into_values() {
        let mut reason = is_without_data(&trained);
        for file in &trained.data {
            if reason.is_none() {
                if !known.contains_key(file) {
                    known.insert(file.clone(), unusable(file, split, samples)?);
                }
                reason = known[file].clone();
            }
        }
        match reason {
            Some(reason) => leave_out(&run, reason),
            None => runs.push((run, trained)),
        }
    }
    if runs.is_empty() {
        let reasons = left_out.join("; ");
        return Err(Error::Argument(format!("no run under {RUNS}/ can be evaluated on its own data: {reasons}")));
    }
    together(&runs, Path::new(RUNS).join("evaluation"), methods)
}

/// Why the systems of a dataset that are to be solved cannot be had, if so: each of them is read, which takes less time
/// than any solve.
///
/// # Errors
/// [`Error::Interrupted`].
fn unusable(file: &Path, split: &str, samples: usize) -> Result<Option<String>> {
    let read = || {
        let data = Dataset::open(file)?;
        let ids = data.split(split)?;
        if ids.is_empty() {
            return Err(Error::file(file, format!("its {split} split is empty")));
        }
        let most = if samples > 0 { samples } else { ids.len() };
        ids.iter().take(most).try_for_each(|&id| {
            interrupt::check("while the systems of a dataset were read")?;
            data.read(id as usize).map(drop)
        })
    };
    match read() {
        Ok(()) => Ok(None),
        Err(e @ Error::Interrupted(_)) => Err(e),
        Err(e) => Ok(Some(e.to_string())),
    }
}

/// What is promised of all systems of some datasets.
fn weakest(data: &[PathBuf]) -> Result<Props> {
    let mut props = Props::SPD;
    for path in data {
        let own = Dataset::open(path)?.header().description.props;
        props.symmetric &= own.symmetric;
        props.positive_definite &= own.positive_definite;
        props.linear &= own.linear;
    }
    Ok(props)
}

/// Classical rows, then every run with the solver that judged it and with the one for such systems, or with those that
/// were named.
fn rows(props: Props, runs: &[(PathBuf, TrainedBy)], methods: &Methods) -> Result<Vec<Row>> {
    let usual = classical::method(props)?;
    let named: Vec<Method> = methods.ksp.iter().flat_map(|text| list(text)).map(str::parse).collect::<Result<_>>()?;
    let pc: Vec<&str> = methods.pc.iter().flat_map(|text| list(text)).collect();
    let mut rows = match named.is_empty() && pc.is_empty() {
        true => Row::strongest(props)?,
        false => Vec::new(),
    };
    let with_pc = if named.is_empty() { vec![usual.clone()] } else { named.clone() };
    rows.extend(with_pc.iter().flat_map(|ksp| pc.iter().map(|pc| Row::classical(ksp.clone(), pc))));
    for (run, trained) in runs {
        let mut ksp = named.clone();
        if ksp.is_empty() {
            ksp.extend(trained.judge.clone());
            if !ksp.contains(&usual) {
                ksp.push(usual.clone());
            }
            // Those of them that can use what it predicts.
            ksp.retain(|method| !trained.space || method.damping().is_none());
        }
        rows.extend(ksp.into_iter().map(|ksp| Row::learned(ksp, run.clone())));
    }
    Ok(rows)
}
