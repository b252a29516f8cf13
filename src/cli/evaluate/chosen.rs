//! What a command line without a recipe evaluates: datasets, a run on its own data, the newest runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::evaluate::{self, EvalRecipe, Method, Row, TrainedBy};
use crate::linalg::Props;
use crate::notation::list;
use crate::solve::classical;

/// Where runs lie.
const RUNS: &str = "training";

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

/// Runs on datasets, the classical rows beside them: those that were named, else the strongest.
///
/// # Errors
/// [`Error::Argument`] for a solver's notation; if a dataset or checkpoint cannot be read.
pub(super) fn on_data(data: &[PathBuf], runs: &[PathBuf], methods: &Methods) -> Result<Chosen> {
    let base = beside(runs.first());
    let runs = runs.iter().map(|run| Ok((run.clone(), evaluate::trained_by(run)?))).collect::<Result<Vec<_>>>()?;
    let rows = rows(weakest(data)?, &runs, methods)?;
    Ok(Chosen { recipe: EvalRecipe::new(data.to_vec(), rows), base })
}

/// What an evaluation is named after, in a run's directory if there is one.
fn beside(run: Option<&PathBuf>) -> PathBuf {
    run.filter(|run| run.is_dir()).map_or_else(PathBuf::new, PathBuf::clone).join("evaluation")
}

/// Runs on the datasets that they were trained on: one evaluation, with the classical rows of each dataset's own kind.
///
/// # Errors
/// [`Error::File`] naming a run whose dataset is not there; as [`on_data`].
pub(super) fn on_their_own(runs: &[PathBuf], methods: &Methods) -> Result<Chosen> {
    let mut of_data: BTreeMap<PathBuf, Vec<(PathBuf, TrainedBy)>> = BTreeMap::new();
    for run in runs {
        let trained = evaluate::trained_by(run)?;
        let data = &trained.data;
        if data.is_empty() {
            return Err(Error::file(run, "does not say what it was trained on: name a dataset with --data"));
        }
        if let Some(missing) = data.iter().find(|file| !file.is_file()) {
            let missing = missing.display();
            return Err(Error::file(run, format!("was trained on {missing}, which is not there: name it with --data")));
        }
        for file in data {
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
    let base = match runs {
        [run] => beside(Some(run)),
        _ => Path::new(RUNS).join("evaluation"),
    };
    Ok(Chosen { recipe: EvalRecipe::new(data, all), base })
}

/// The newest run of each model on each of its datasets, of those under training/ that have been validated and whose
/// datasets are there.
pub(super) fn newest() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(RUNS).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut newest: BTreeMap<(String, Vec<PathBuf>), (SystemTime, PathBuf)> = BTreeMap::new();
    for run in entries {
        let best = run.join("best.safetensors");
        let Ok(made) = best.metadata().and_then(|m| m.modified()) else { continue };
        let Ok(TrainedBy { model, data, .. }) = evaluate::trained_by(&run) else { continue };
        let usable = !data.is_empty() && data.iter().all(|file| file.is_file());
        let of = (model, data);
        if usable && newest.get(&of).is_none_or(|(other, path)| (*other, path) < (made, &run)) {
            newest.insert(of, (made, run));
        }
    }
    newest.into_values().map(|(_, run)| run).collect()
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
