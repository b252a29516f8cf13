//! The evaluation recipe: which data, which rows ([`Row`]), which tolerances.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Table;

use super::grid;
use super::row::{OneOrMany, Row};
use crate::error::{Error, Result};
use crate::io::recipe_kind::RecipeKind;
use crate::io::{assignments, toml_file};
use crate::models::Device;
use crate::system::cache;

/// Everything that decides an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Errors ‖x − x*‖₂ against them to reach, in the units of x.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absolute_error: Vec<f64>,
    /// Most iterations of a solve.
    #[serde(default = "default_max_it")]
    pub max_it: usize,
    /// Right-hand sides that each system is solved for with one setup: its own, and normal random ones. Iterations and
    /// seconds of the solves are added up.
    #[serde(default = "default_right_hand_sides")]
    pub right_hand_sides: usize,
    /// Rounds in which every row solves every system, one row after the other in each: seconds are medians over them,
    /// and from 2 on (better 3 to 5) their intervals hold the noise of the machine.
    #[serde(default = "default_repeats")]
    pub repeats: usize,
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
    /// False leaves away the rows that otherwise stand beside each learned one as what it has to beat.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub trivial: bool,
    /// Measure rows also on systems that they learned from, and mark them, in place of an error.
    #[serde(default, skip_serializing_if = "is_no")]
    pub allow_leaks: bool,
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

fn yes() -> bool {
    true
}

fn is_yes(b: &bool) -> bool {
    *b
}

fn is_no(b: &bool) -> bool {
    !*b
}

/// Right-hand sides of a system at most.
const MOST_RIGHT_HAND_SIDES: usize = 1000;

/// Rounds at most.
const MOST_REPEATS: usize = 1000;

/// What a tolerance is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// ‖b − A x‖₂ / ‖b‖₂.
    Residual,
    /// ‖x − x*‖₂ / ‖x*‖₂.
    Error,
    /// ‖x − x*‖₂.
    AbsoluteError,
}

/// What a solve is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The tolerance: relative, but for [`Measure::AbsoluteError`].
    pub rtol: f64,
    /// What it is of.
    pub measure: Measure,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.measure {
            Measure::Residual => write!(f, "rtol {:e}", self.rtol),
            Measure::Error => write!(f, "error {:e}", self.rtol),
            Measure::AbsoluteError => write!(f, "absolute error {:e}", self.rtol),
        }
    }
}

impl Measure {
    /// "residual", "error" or "absolute-error".
    pub fn name(self) -> &'static str {
        match self {
            Measure::Residual => "residual",
            Measure::Error => "error",
            Measure::AbsoluteError => "absolute-error",
        }
    }

    /// What is made small, in words.
    pub fn of(self) -> &'static str {
        match self {
            Measure::Residual => "relative residual",
            Measure::Error => "relative error",
            Measure::AbsoluteError => "absolute error",
        }
    }
}

/// The relative residual where a recipe gives nothing to reach.
const DEFAULT_RTOL: f64 = 1e-5;

fn default_max_it() -> usize {
    10_000
}

fn default_right_hand_sides() -> usize {
    1
}

fn default_repeats() -> usize {
    1
}

fn default_condition_samples() -> usize {
    10
}

fn default_condition_max_n() -> usize {
    1000
}

/// The first item that an earlier one equals.
fn repeated<T: PartialEq>(items: &[T]) -> Option<&T> {
    items.iter().enumerate().find_map(|(i, item)| items[..i].contains(item).then_some(item))
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
            absolute_error: Vec::new(),
            max_it: default_max_it(),
            right_hand_sides: default_right_hand_sides(),
            repeats: default_repeats(),
            condition_samples: default_condition_samples(),
            condition_max_n: default_condition_max_n(),
            cache_mib: None,
            trivial: true,
            allow_leaks: false,
            device: Device::default(),
            rows,
        }
    }

    /// Parses a recipe; `origin` is its path, for messages.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let table: Table = toml_file::parse(text, origin)?;
        RecipeKind::Evaluation.check(&table, origin)?;
        let mut recipe: EvalRecipe = match grid::expanded(&table, origin)? {
            None => toml_file::parse(text, origin)?,
            Some(table) => toml_file::parse(&table.to_string(), origin)?,
        };
        if recipe.targets().is_empty() {
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
        let text = toml_file::read(path)?;
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
        let of_rows = self.rows.iter_mut().flat_map(|row| {
            let models = match &mut row.model {
                Some(OneOrMany::One(path)) => std::slice::from_mut(path),
                Some(OneOrMany::Many(list)) => list,
                None => &mut [],
            };
            row.data.iter_mut().chain(models)
        });
        self.data.iter_mut().chain(of_rows)
    }

    /// The place of a dataset among those of a row; None if the row is not for it.
    pub fn place(&self, row: usize, dataset: usize) -> Option<usize> {
        self.rows[row].place(dataset, &self.data)
    }

    /// Residuals to reach, then errors, then absolute ones.
    pub fn targets(&self) -> Vec<Target> {
        let of = |list: &[f64], measure| -> Vec<Target> { list.iter().map(|&rtol| Target { rtol, measure }).collect() };
        let errors = [(&self.error, Measure::Error), (&self.absolute_error, Measure::AbsoluteError)];
        let errors = errors.map(|(list, measure)| of(list, measure)).concat();
        [of(&self.rtol, Measure::Residual), errors].concat()
    }

    /// How failed solves count, in a sentence without its end.
    pub fn failures_in_words(&self) -> String {
        let each = if self.right_hand_sides > 1 { " for each right-hand side" } else { "" };
        format!(
            "a solve that failed, for whatever reason, counts with the {} iterations that were allowed{each} and with \
             the time that it took",
            self.max_it
        )
    }

    /// The recipe with some keys changed, as [`assignments::assign`] reads them.
    ///
    /// # Errors
    /// As [`assignments::assign`] and [`EvalRecipe::parse`].
    pub fn set(&self, changes: &[String]) -> Result<Self> {
        let mut table = crate::entry::to_table(self);
        assignments::assign(&mut table, changes)?;
        Self::parse(&table.to_string(), assignments::ORIGIN)
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
        }
        if self.absolute_error.iter().any(|&e| !(e > 0.0 && e.is_finite())) {
            return bad("absolute_error: must be a list of positive numbers".into());
        }
        for (key, list) in [("rtol", &self.rtol), ("error", &self.error), ("absolute_error", &self.absolute_error)] {
            if let Some(r) = repeated(list) {
                return bad(format!("{key}: {r:e} is listed twice"));
            }
        }
        let errors = !self.error.is_empty() || !self.absolute_error.is_empty();
        if self.targets().is_empty() {
            return bad("rtol: must be a list of numbers between 0 and 1".into());
        }
        if let Some(row) = self.rows.iter().find(|r| !r.ksp.holds_iterates())
            && errors
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
        if let Some(mib) = self.cache_mib.filter(|&mib| mib > cache::MOST_MIB) {
            return bad(format!("cache_mib = {mib}: must be at most {}", cache::MOST_MIB));
        }
        if !(1..=MOST_RIGHT_HAND_SIDES).contains(&self.right_hand_sides) {
            return bad(format!(
                "right_hand_sides = {}: must be from 1 to {MOST_RIGHT_HAND_SIDES}",
                self.right_hand_sides
            ));
        }
        if !(1..=MOST_REPEATS).contains(&self.repeats) {
            return bad(format!("repeats = {}: must be from 1 to {MOST_REPEATS}", self.repeats));
        }
        if self.right_hand_sides > 1 && errors {
            return bad("right_hand_sides: the dataset has the solution for one alone; take rtol, not error".into());
        }
        if self.max_it == 0 {
            return bad("max_it = 0: must be at least 1".into());
        }
        for row in &self.rows {
            row.check(&self.data).map_err(|e| Error::recipe(origin, e.to_string()))?;
        }
        if let Some(d) = (0..self.data.len()).find(|&d| self.on(d).next().is_none()) {
            let path = self.data[d].display();
            return bad(format!("data: {path} is in the data of no [[row]]: name it in one, or leave it out"));
        }
        if let Some((first, second)) = self.namesakes() {
            return bad(format!(
                "[[row]] {} and {} have one label, {:?}: give one of them another label, or leave it out",
                first + 1,
                second + 1,
                self.rows[first].name()
            ));
        }
        Ok(())
    }

    /// The rows that are for a dataset, by their numbers.
    fn on(&self, dataset: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.rows.len()).filter(move |&row| self.place(row, dataset).is_some())
    }

    /// Two rows for one dataset that the tables would call by one name, by their numbers.
    pub(super) fn namesakes(&self) -> Option<(usize, usize)> {
        let names: Vec<String> = self.rows.iter().map(Row::name).collect();
        (0..self.data.len()).find_map(|d| {
            let mut of_name = HashMap::new();
            self.on(d).find_map(|row| of_name.insert(&names[row], row).map(|first| (first, row)))
        })
    }

    /// The recipe as TOML, every default written out: those of methods and preconditioners, and the labels.
    ///
    /// # Errors
    /// [`Error::Argument`] if it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        let mut full = self.clone();
        for row in &mut full.rows {
            *row = row.resolved()?;
        }
        toml::to_string(&full).map_err(|e| Error::Argument(format!("recipe cannot be written as TOML: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_dataset_without_rows_and_two_rows_of_one_name_are_refused() {
        let parse = |rows: &str| EvalRecipe::parse(&format!("data = ['a.h5', 'b.h5']\n{rows}"), "e.toml");
        let row = |rest: &str| format!("[[row]]\nksp = 'cg'\npc = 'icc'\n{rest}\n");
        let refused = |rows: &str| parse(rows).unwrap_err().to_string();
        let error = refused(&row("data = ['a.h5']"));
        assert_eq!(error, "e.toml: data: b.h5 is in the data of no [[row]]: name it in one, or leave it out");
        parse(&(row("data = ['a.h5']") + &row("data = ['b.h5']"))).unwrap();
        // Of one name on different datasets there is nothing to confuse.
        parse(&(row("data = ['a.h5']\nlabel = 'x'") + &row("data = ['b.h5']\nlabel = 'x'"))).unwrap();
        for (first, second) in [("label = 'x'", "label = 'x'\ndata = ['b.h5']"), ("", "label = 'cg + icc'"), ("", "")] {
            let error = refused(&(row(first) + "[[row]]\nksp = 'cg'\npc = 'none'\n" + &row(second)));
            let name = if first.is_empty() { "cg + icc" } else { "x" };
            let words = format!("[[row]] 1 and 3 have one label, \"{name}\": give one of them another label");
            assert!(error.contains(&words), "{error}");
        }
    }
}
