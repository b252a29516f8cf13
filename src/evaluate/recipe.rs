//! The evaluation recipe: which data, which rows, which tolerances.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::models::{Device, PredictOptions, constants};
use crate::precond::Spec;
use crate::solver::Method;
use crate::system::Names;

/// Everything that decides an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvalRecipe {
    /// Heading of the report.
    #[serde(default)]
    pub title: String,
    /// Datasets, relative to the recipe's directory; each gives a block of the table.
    pub data: Vec<PathBuf>,
    /// Which of their sets to solve.
    #[serde(default = "default_split")]
    pub split: String,
    /// At most this many systems of each; 0 takes all.
    #[serde(default)]
    pub samples: usize,
    /// Relative residuals to reach; 1e-5 where neither these nor errors are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rtol: Vec<f64>,
    /// Relative errors ‖x − x*‖₂/‖x*‖₂ against the dataset's solutions to reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<f64>,
    /// Most iterations of a solve.
    #[serde(default = "default_max_it")]
    pub max_it: usize,
    /// Systems per dataset whose condition numbers are computed (dense eigenvalues: n³ work each); 0 computes none.
    #[serde(default = "default_condition_samples")]
    pub condition_samples: usize,
    /// No condition numbers beyond this size.
    #[serde(default = "default_condition_max_n")]
    pub condition_max_n: usize,
    /// MiB of systems that are kept in memory; the others are read again for every row and tolerance, which changes no
    /// result. [`crate::system::cache::default_bytes`] where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_mib: Option<usize>,
    /// Where models predict, in single precision; the iterations themselves run on the CPU.
    #[serde(default)]
    pub device: Device,
    /// Rows of the table, in its order.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
}

fn default_split() -> String {
    "test".into()
}

/// What a relative tolerance is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// ‖b − A x‖₂ / ‖b‖₂.
    Residual,
    /// ‖x − x*‖₂ / ‖x*‖₂.
    Error,
}

/// What a solve is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Target {
    /// The relative tolerance.
    pub rtol: f64,
    /// What it is of.
    pub measure: Measure,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.measure {
            Measure::Residual => write!(f, "rtol {:e}", self.rtol),
            Measure::Error => write!(f, "error {:e}", self.rtol),
        }
    }
}

impl Measure {
    /// "residual" or "error".
    pub fn name(self) -> &'static str {
        match self {
            Measure::Residual => "residual",
            Measure::Error => "error",
        }
    }
}

/// The relative residual where a recipe gives nothing to reach.
const DEFAULT_RTOL: f64 = 1e-5;

fn default_max_it() -> usize {
    10_000
}

fn default_condition_samples() -> usize {
    10
}

fn default_condition_max_n() -> usize {
    1000
}

/// One line of the table: a solver with a classical preconditioner or a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What the table calls it; made from ksp and pc where none is given.
    #[serde(default)]
    pub label: String,
    /// The Krylov method.
    pub ksp: Method,
    /// A classical preconditioner, or a constant of the training split such as "mean-inverse" ([`constants`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pc: Option<String>,
    /// A constant that is a space to deflate or recycle, such as "sine-modes(10)", beside a classical `pc` or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// A run directory or checkpoint for all datasets, or one for each. With a classical `pc` as well, what the model
    /// predicts (a guess, a space) goes with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<OneOrMany>,
    /// Use (M + Mᵀ)/2, as CG needs.
    #[serde(default)]
    pub symmetrize: bool,
    /// Drop entries |m_ij| below this.
    #[serde(default)]
    pub filter: f64,
    /// Of a generative model: 0 takes the mean of its latent distribution, 1 a draw, more the best of so many draws.
    #[serde(default)]
    pub draws: usize,
}

/// One path, or one per dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// For all datasets.
    One(PathBuf),
    /// One for each.
    Many(Vec<PathBuf>),
}

/// The first item that an earlier one equals.
fn repeated<T: PartialEq>(items: &[T]) -> Option<&T> {
    items.iter().enumerate().find_map(|(i, item)| items[..i].contains(item).then_some(item))
}

/// What a row's preconditioner is.
#[derive(Debug, Clone, PartialEq)]
pub enum RowKind {
    /// A classical preconditioner.
    Classical(Spec),
    /// What the training split gives once for all systems, and beside a space the classical preconditioner.
    Constant(constants::Spec, Option<Spec>),
    /// A model, and the classical preconditioner beside it.
    Model(OneOrMany, Option<Spec>),
}

impl RowKind {
    /// "classical", "constant", "oracle" (one that looks at labels) or "learned".
    pub fn name(&self) -> &'static str {
        match self {
            RowKind::Classical(_) => "classical",
            RowKind::Constant(spec, _) => match spec.member().labels() {
                Names::None => "constant",
                _ => "oracle",
            },
            RowKind::Model(..) => "learned",
        }
    }
}

impl Row {
    /// A row of a solver and a preconditioner's notation.
    pub fn classical(ksp: Method, pc: &str) -> Self {
        Row {
            label: String::new(),
            ksp,
            pc: Some(pc.into()),
            space: None,
            model: None,
            symmetrize: false,
            filter: 0.0,
            draws: 0,
        }
    }

    /// A row of a solver and a constant, in the place that it takes.
    ///
    /// # Errors
    /// If there is no such constant.
    pub fn constant(ksp: Method, constant: &str) -> Result<Self> {
        let is_space = constant.parse::<constants::Spec>()?.member().is_space();
        let symmetrize = !is_space && ksp.requirements().symmetric_preconditioner();
        let row = Row { symmetrize, ..Row::classical(ksp, constant) };
        Ok(if is_space { Row { space: row.pc, pc: None, ..row } } else { row })
    }

    /// A row of a solver and a model.
    pub fn learned(ksp: Method, model: PathBuf) -> Self {
        Row {
            label: String::new(),
            symmetrize: ksp.requirements().symmetric_preconditioner(),
            ksp,
            pc: None,
            space: None,
            model: Some(OneOrMany::One(model)),
            filter: 0.0,
            draws: 0,
        }
    }

    /// Which preconditioner is meant.
    ///
    /// # Errors
    /// [`Error::Argument`] if none is given, or the notation is wrong.
    pub fn kind(&self) -> Result<RowKind> {
        let bad = |reason: String| Err(Error::Argument(format!("row {:?}: {reason}", self.name())));
        let beside = || self.pc.as_deref().map(str::parse).transpose();
        match (&self.pc, &self.space, &self.model) {
            (_, Some(_), Some(_)) => bad("space and model: leave one of them away".into()),
            (_, Some(space), None) => {
                let spec: constants::Spec = space.parse()?;
                match spec.member().is_space() {
                    true => Ok(RowKind::Constant(spec, beside()?)),
                    false => bad(format!("{space} is no space but a preconditioner: give it as pc")),
                }
            }
            (Some(pc), None, None) if constants::is_named(pc) => {
                let spec: constants::Spec = pc.parse()?;
                match spec.member().is_space() {
                    true => bad(format!("{pc} is a space: give it as space, beside any pc")),
                    false => Ok(RowKind::Constant(spec, None)),
                }
            }
            (Some(pc), None, None) => Ok(RowKind::Classical(pc.parse()?)),
            (_, None, Some(model)) => Ok(RowKind::Model(model.clone(), beside()?)),
            (None, None, None) => bad("needs pc, space or model".into()),
        }
    }

    /// What a model is asked for.
    pub fn options(&self) -> PredictOptions {
        PredictOptions { symmetrize: self.symmetrize, filter: self.filter, draws: self.draws }
    }

    /// The label, or one made from solver and preconditioner.
    pub fn name(&self) -> String {
        if !self.label.is_empty() {
            return self.label.clone();
        }
        let model = match &self.model {
            Some(OneOrMany::One(path)) => {
                Some(path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned()))
            }
            Some(OneOrMany::Many(_)) => Some("model".into()),
            None => None,
        };
        let parts = [Some(self.ksp.to_string()), model, self.space.clone(), self.pc.clone()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" + ")
    }
}

impl EvalRecipe {
    /// Rows on datasets, everything else as a recipe that says nothing of it has it.
    pub fn new(data: Vec<PathBuf>, rows: Vec<Row>) -> Self {
        EvalRecipe {
            title: String::new(),
            data,
            split: default_split(),
            samples: 0,
            rtol: vec![DEFAULT_RTOL],
            error: Vec::new(),
            max_it: default_max_it(),
            condition_samples: default_condition_samples(),
            condition_max_n: default_condition_max_n(),
            cache_mib: None,
            device: Device::default(),
            rows,
        }
    }

    /// Parses a recipe; `origin` is its path, for messages.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let mut recipe: EvalRecipe = toml::from_str(text).map_err(|e| Error::toml(origin, text, &e))?;
        if recipe.rtol.is_empty() && recipe.error.is_empty() {
            recipe.rtol = vec![DEFAULT_RTOL];
        }
        recipe.check(origin)?;
        Ok(recipe)
    }

    /// Reads a recipe file; its paths become relative to the current directory.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, else as [`EvalRecipe::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
        let mut recipe = Self::parse(&text, &path.display().to_string())?;
        let dir = path.parent().unwrap_or(Path::new(""));
        recipe.paths().for_each(|p| *p = dir.join(&*p));
        Ok(recipe)
    }

    /// The same with absolute paths, so that it means the same files wherever it is kept.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no current directory.
    pub fn with_absolute_paths(&self) -> Result<Self> {
        let mut recipe = self.clone();
        for path in recipe.paths() {
            *path = std::path::absolute(&*path).map_err(|e| Error::io(path.as_path(), "find", e))?;
        }
        Ok(recipe)
    }

    /// Every dataset and model.
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let models = self.rows.iter_mut().filter_map(|row| row.model.as_mut());
        self.data.iter_mut().chain(models.flat_map(|paths| match paths {
            OneOrMany::One(path) => std::slice::from_mut(path).iter_mut(),
            OneOrMany::Many(list) => list.iter_mut(),
        }))
    }

    /// Residuals to reach, then errors.
    pub fn targets(&self) -> Vec<Target> {
        let of = |list: &[f64], measure| -> Vec<Target> { list.iter().map(|&rtol| Target { rtol, measure }).collect() };
        [of(&self.rtol, Measure::Residual), of(&self.error, Measure::Error)].concat()
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key.
    pub fn check(&self, origin: &str) -> Result<()> {
        let bad = |reason: String| Err(Error::recipe(origin, reason));
        if self.data.is_empty() {
            return bad("data: needs at least one dataset".into());
        }
        if self.rows.is_empty() {
            return bad("needs at least one [[row]]".into());
        }
        for (key, list) in [("rtol", &self.rtol), ("error", &self.error)] {
            if list.iter().any(|&r| !(r > 0.0 && r < 1.0)) {
                return bad(format!("{key}: must be a list of numbers between 0 and 1"));
            }
            if let Some(r) = repeated(list) {
                return bad(format!("{key}: {r:e} is listed twice"));
            }
        }
        if self.rtol.is_empty() && self.error.is_empty() {
            return bad("rtol: must be a list of numbers between 0 and 1".into());
        }
        if let Some(row) = self.rows.iter().find(|r| !r.ksp.holds_iterates())
            && !self.error.is_empty()
        {
            return bad(format!(
                "error: {} does not hold x at each iteration, so that its error cannot be watched; take cg, fcg, \
                 minres, bcgs, richardson or chebyshev, or rtol",
                row.ksp.name()
            ));
        }
        if let Some(path) = repeated(&self.data) {
            return bad(format!("data: {} is listed twice", path.display()));
        }
        if self.max_it == 0 {
            return bad("max_it = 0: must be at least 1".into());
        }
        for row in &self.rows {
            row.kind().map_err(|e| Error::recipe(origin, e.to_string()))?;
            if let Some(OneOrMany::Many(list)) = &row.model
                && list.len() != self.data.len()
            {
                return bad(format!(
                    "row {:?}: model lists {} runs for {} datasets",
                    row.name(),
                    list.len(),
                    self.data.len()
                ));
            }
            row.options().check().map_err(|e| Error::recipe(origin, format!("row {:?}: {e}", row.name())))?;
            if row.draws > 0 && row.model.is_none() {
                return bad(format!("row {:?}: draws are those of a model", row.name()));
            }
            let plain = matches!(row.kind(), Ok(RowKind::Classical(_))) || row.space.is_some();
            if plain && (row.symmetrize || row.filter > 0.0 || row.draws > 0) {
                return bad(format!(
                    "row {:?}: symmetrize, filter and draws mean nothing for a classical preconditioner or a space",
                    row.name()
                ));
            }
        }
        Ok(())
    }

    /// The recipe as TOML, every default written out: those of methods and preconditioners, and the labels.
    ///
    /// # Errors
    /// [`Error::Argument`] if it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        let mut full = self.clone();
        for row in &mut full.rows {
            row.label = row.name();
            let (constant, classical) = match row.kind()? {
                RowKind::Classical(spec) => (None, Some(spec)),
                RowKind::Constant(spec, beside) => (Some(spec), beside),
                RowKind::Model(_, beside) => (None, beside),
            };
            // What no text can hold stays as it was given.
            if let Some(text) = classical.map(toml::Value::try_from).and_then(text) {
                row.pc = Some(text);
            }
            if let Some(text) = constant.map(toml::Value::try_from).and_then(text) {
                *(if row.space.is_some() { &mut row.space } else { &mut row.pc }) = Some(text);
            }
        }
        toml::to_string(&full).map_err(|e| Error::Argument(format!("recipe cannot be written as TOML: {e}")))
    }
}

/// What a notation's value is as text.
fn text(value: std::result::Result<toml::Value, toml::ser::Error>) -> Option<String> {
    match value {
        Ok(toml::Value::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_stands_in_its_own_key_beside_any_preconditioner() {
        let parse = |row: &str| EvalRecipe::parse(&format!("data = ['a.h5']\n[[row]]\nksp = 'cg'\n{row}"), "e.toml");
        let recipe = parse("space = 'mean-space(4)'\npc = 'icc'").unwrap();
        assert_eq!(recipe.rows[0].name(), "cg + mean-space(4) + icc");
        let stored = recipe.to_toml().unwrap();
        assert!(stored.contains("mean-space(4, 64)") && stored.contains("shift = "), "{stored}");
        assert_eq!(EvalRecipe::parse(&stored, "e.toml").unwrap().to_toml().unwrap(), stored);
        for (row, kind) in [("space = 'sine-modes(4)'", "constant"), ("space = 'eigenvectors(4)'", "oracle")] {
            assert_eq!(parse(row).unwrap().rows[0].kind().unwrap().name(), kind);
        }
        for (row, reason) in [
            ("pc = 'sine-modes(4)'", "give it as space"),
            ("space = 'mean-inverse'", "give it as pc"),
            ("space = 'sine-modes'\nmodel = 'run'", "leave one of them away"),
            ("space = 'sine-modes'\nfilter = 0.1", "mean nothing"),
            ("", "needs pc, space or model"),
        ] {
            let refused = parse(row).unwrap_err().to_string();
            assert!(refused.contains(reason), "{row}: {refused}");
        }
    }

    #[test]
    fn a_stored_recipe_holds_every_default_and_reads_back_as_itself() {
        let text = "data = ['a.h5']\n[[row]]\nksp = 'gmres'\npc = 'icc'\n[[row]]\nksp = 'cg'\npc = 'none'\n\
                    [[row]]\nksp = 'richardson(0.9)'\npc = 'mean-inverse'\n";
        let recipe = EvalRecipe::parse(text, "e.toml").unwrap();
        let stored = recipe.to_toml().unwrap();
        let again = EvalRecipe::parse(&stored, "e.toml").unwrap();
        assert_eq!(again.to_toml().unwrap(), stored);
        assert_eq!(again.rows[0].name(), recipe.rows[0].name());
        assert_eq!(again.rows[0].kind().unwrap(), recipe.rows[0].kind().unwrap());
        for key in ["max_it = 10000", "condition_max_n", "split = \"test\"", "side = right", "shift = "] {
            assert!(stored.contains(key), "{key} in {stored}");
        }
    }

    #[test]
    fn a_stored_recipe_means_the_same_files_from_anywhere() {
        let text = "data = ['a.h5']\n[[row]]\nksp = 'cg'\nmodel = ['x/run']\n";
        let stored = EvalRecipe::parse(text, "e.toml").unwrap().with_absolute_paths().unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(stored.data, [here.join("a.h5")]);
        assert_eq!(stored.rows[0].model, Some(OneOrMany::Many(vec![here.join("x/run")])));
        assert_eq!(stored.with_absolute_paths().unwrap(), stored);
    }

    #[test]
    fn every_recipe_that_ships_is_read() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("training");
        let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        let mut read = 0;
        for file in files.filter(|f| f.extension().is_some_and(|e| e == "toml")) {
            if std::fs::read_to_string(&file).unwrap().contains("[[row]]") {
                EvalRecipe::read(&file).unwrap();
                read += 1;
            }
        }
        assert!(read > 5);
    }
}
