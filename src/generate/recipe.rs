//! The recipe of a dataset: a TOML text, checked key by key.
//!
//! ```toml
//! family = "poisson"     # which family
//! samples = 2000         # default 1000
//! seed = 1               # default 1; decides every sample
//! output = "p3.h5"       # relative to the recipe; default: the recipe's name with .h5
//! compress = false       # shuffle + deflate
//! part_size = 256        # samples per part of what is made in parts (shards); default: about 32 MiB
//! split_group = 20       # so many samples after another go to one set of the split; default: the family's
//!
//! [split]                # shares, or numbers of samples; further names make further sets
//! train = 0.8
//! validation = 0.1
//! test = 0.1
//!
//! [labels]               # see [`Labels`]
//! eigenpairs = 20
//!
//! [poisson]              # the family's own keys
//! level = 3
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::labels::{Labelled, Labels};
use super::streams;

use crate::dataset::split;
use crate::dataset::{InputFile, Sizes};
use crate::entry;
use crate::error::{Error, Result};
use crate::families::{self, Family};
use crate::io::recipe_kind::RecipeKind;
use crate::io::{assignments, input, toml_file};

/// The keys of a recipe beside the family's table, with what they mean.
pub const KEYS: [(&str, &str); 9] = [
    ("family", "The family of systems; its own keys stand in the table of its name."),
    ("samples", "Systems to make."),
    ("seed", "Decides every sample, with its index: the same seed gives the same bits."),
    ("output", "The dataset's file, relative to the recipe; by default the recipe's name with .h5."),
    ("compress", "Whether arrays are stored shuffled and deflated: smaller, and slower to write and read."),
    (
        "part_size",
        "Samples a part of a dataset made in parts (shards, compressed, patterns of their own), of which a kill costs \
         two at most; about 32 MiB by default.",
    ),
    (SPLIT_GROUP, "So many samples after another go to one set of the split; by default the family's."),
    (
        "split",
        "Sizes of the sets: shares of all samples (0.8), or numbers of samples (800). Further names make further sets.",
    ),
    ("labels", "What is computed beyond the solution, for models that train on it."),
];

const SPLIT_GROUP: &str = "split_group";

const DEFAULT_SAMPLES: i64 = 1000;
const DEFAULT_SEED: i64 = 1;

/// A terabyte of the smallest systems there are.
const MOST_SAMPLES: i64 = 100_000_000;

/// A checked recipe; the family's own keys are left to the family.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Name of the family.
    pub family: String,
    /// Samples to make, at least 1.
    pub samples: usize,
    /// Seed of all random streams.
    pub seed: u64,
    /// Where the dataset goes, if the recipe says.
    pub output: Option<PathBuf>,
    /// Whether to store arrays shuffled and deflated.
    pub compress: bool,
    /// Samples per part, if the recipe says.
    pub part_size: Option<usize>,
    /// So many samples after another go to one set as a whole, if the recipe says ([`Family::group`] if not).
    pub split_group: Option<usize>,
    /// Sizes of the named sets.
    pub split: Sizes,
    /// What to compute beyond the solution.
    pub labels: Labels,
    /// The table named like the family, as it was given.
    pub parameters: Table,
    /// File (or "command line") to name in errors.
    pub origin: String,
}

/// Reads a TOML text into a table; errors name the line.
///
/// # Errors
/// [`Error::Recipe`] if it is no TOML.
pub fn parse(text: &str, origin: &str) -> Result<Table> {
    toml_file::parse(text, origin)
}

impl Recipe {
    /// Reads the table of a recipe file, without the keys that `assignments` will set ([`assignments::assign`]); paths
    /// in it become relative to the current directory.
    ///
    /// # Errors
    /// If the file cannot be read or is no TOML; if the mesh file that it names is not there.
    pub fn read_table(path: &Path, assignments: &[String]) -> Result<Table> {
        let text = toml_file::read(path)?;
        let mut table = parse(&text, &path.display().to_string())?;
        let family = table.get("family").and_then(Value::as_str).map(str::to_string);
        assignments::forget(&mut table, assignments);
        if let Some((name, keys)) = family.and_then(|name| table.get_mut(&name).map(|keys| (name, keys))) {
            let directory = path.parent().unwrap_or(Path::new(""));
            beside(keys, directory);
            if let Some(Value::String(file)) = keys.get_mut("mesh").and_then(|mesh| mesh.get_mut("file")) {
                let found = input::beside(directory, Path::new(file)).map_err(|reason| {
                    Error::recipe(path.display().to_string(), format!("{name}.mesh.file = {file:?}: {reason}"))
                })?;
                *file = found.display().to_string();
            }
        }
        if let Some(Value::String(output)) = table.get_mut("output") {
            let beside = path.parent().unwrap_or(Path::new("")).join(&*output);
            *output = beside.into_os_string().into_string().map_err(|_| {
                Error::file(path, "output: lies in a directory whose name is not UTF-8, which the HDF5 library wants")
            })?;
        }
        Ok(table)
    }

    /// Reads a recipe out of a text.
    ///
    /// # Errors
    /// As [`parse`] and [`Recipe::from_table`].
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        Self::from_table(parse(text, origin)?, origin)
    }

    /// Reads the recipe that a dataset holds. One that does not name groups of its split has none: it may be older than
    /// they are.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn table_of_dataset(text: &str, origin: &str) -> Result<Table> {
        let mut table = parse(text, origin)?;
        table.entry(SPLIT_GROUP).or_insert(Value::Integer(1));
        Ok(table)
    }

    /// The recipe that a dataset holds ([`Recipe::table_of_dataset`]).
    ///
    /// # Errors
    /// As [`parse`] and [`Recipe::from_table`].
    pub fn of_dataset(text: &str, origin: &str) -> Result<Self> {
        Self::from_table(Self::table_of_dataset(text, origin)?, origin)
    }

    /// Checks a recipe.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming `origin`, the key, and what would be right.
    pub fn from_table(mut table: Table, origin: &str) -> Result<Self> {
        let bad = |reason: String| Error::recipe(origin, reason);
        RecipeKind::Dataset.check(&table, origin)?;
        let family = match table.remove("family") {
            Some(Value::String(s)) => s,
            Some(other) => return Err(bad(format!("family = {other}: must be the name of a family"))),
            None => return Err(bad("key 'family' is missing, e.g. family = \"poisson\"".into())),
        };
        let parameters = match table.remove(&family) {
            Some(Value::Table(t)) => t,
            Some(other) => return Err(bad(format!("{family} = {other}: must be a table [{family}]"))),
            None => Table::new(),
        };
        if let Some(key) = table.keys().find(|k| !KEYS.iter().any(|(known, _)| known == k)) {
            let known = format!("{}, [{family}]", KEYS.map(|(key, _)| key).join(", "));
            return Err(bad(format!("unknown key '{key}' (known keys: {known})")));
        }
        let key = |name: &str, default: i64, least: i64, most: i64| match table.get(name) {
            None => Ok(default),
            Some(Value::Integer(v)) if (least..=most).contains(v) => Ok(*v),
            Some(v) => Err(bad(format!("{name} = {v}: must be a whole number from {least} to {most}"))),
        };
        let samples = key("samples", DEFAULT_SAMPLES, 1, MOST_SAMPLES)? as usize;
        let optional = |name: &str, most: i64| match table.contains_key(name) {
            true => key(name, 0, 1, most).map(|v| Some(v as usize)),
            false => Ok(None),
        };
        let part_size = optional("part_size", 1 << 20)?;
        let split_group = optional(SPLIT_GROUP, MOST_SAMPLES)?;
        let compress = match table.get("compress") {
            None => false,
            Some(Value::Boolean(b)) => *b,
            Some(v) => return Err(bad(format!("compress = {v}: must be true or false"))),
        };
        let output = match table.get("output") {
            None => None,
            Some(Value::String(s)) if !s.is_empty() => Some(PathBuf::from(s)),
            Some(v) => return Err(bad(format!("output = {v}: must be the path of a file"))),
        };
        let recipe = Recipe {
            seed: key("seed", DEFAULT_SEED, 0, i64::MAX)? as u64,
            split: sizes(table.get("split"), origin)?,
            labels: labels(table.get("labels"), origin)?,
            family,
            samples,
            output,
            compress,
            part_size,
            split_group,
            parameters,
            origin: origin.to_string(),
        };
        // A split that cannot be made is told now, not after hours of sampling.
        split::check(&recipe.split, samples).map_err(|e| bad(e.to_string()))?;
        Ok(recipe)
    }

    /// The family, with its parameters.
    ///
    /// # Errors
    /// [`Error::Recipe`] if there is no such family or its keys are wrong.
    pub fn family(&self) -> Result<Box<dyn Family>> {
        let family = families::build(&self.family, &self.parameters, &self.origin)?;
        if self.labels == Labels::default() {
            return Ok(family);
        }
        self.labels.check(family.as_ref(), &self.origin)?;
        Ok(Box::new(Labelled::new(family, self.labels.clone())?))
    }

    /// What [`families::Sampler`] draws the samples of this recipe from: a seed made of that of the recipe, the family
    /// (its own) and those of its parameters that are not at their default.
    ///
    /// # Errors
    /// [`Error::Io`] if a file that the family names cannot be read.
    pub fn streams(&self, family: &dyn Family) -> Result<u64> {
        let files = family.files().iter().map(|f| InputFile::read(f)).collect::<Result<Vec<_>>>()?;
        Ok(streams::seed(self.seed, &self.family, family, &files))
    }

    /// The recipe as it is written into the dataset of `family`, its own family: everything that decides the content,
    /// every default written out.
    pub fn resolved(&self, family: &dyn Family) -> String {
        let mut table = Table::new();
        table.insert("family".into(), self.family.clone().into());
        table.insert("samples".into(), (self.samples as i64).into());
        table.insert("seed".into(), (self.seed as i64).into());
        table.insert("compress".into(), self.compress.into());
        if let Some(p) = self.part_size {
            table.insert("part_size".into(), (p as i64).into());
        }
        // Most families have no groups.
        let group = self.split_group.unwrap_or_else(|| family.group());
        if group != 1 || family.group() != 1 {
            table.insert(SPLIT_GROUP.into(), (group as i64).into());
        }
        table.insert("split".into(), self.split.table().into());
        table.insert("labels".into(), entry::to_table(&self.labels).into());
        table.insert(self.family.clone(), family.parameters().into());
        table.to_string()
    }
}

/// Makes the paths of arrays (`.npy`) in a family's table relative to the current directory, from being relative to
/// that of the recipe.
fn beside(value: &mut Value, directory: &Path) {
    match value {
        Value::String(text) if text.to_ascii_lowercase().ends_with(".npy") => {
            *text = directory.join(&*text).display().to_string();
        }
        Value::Table(table) => table.iter_mut().for_each(|(_, inner)| beside(inner, directory)),
        Value::Array(items) => items.iter_mut().for_each(|inner| beside(inner, directory)),
        _ => {}
    }
}

/// The `[labels]` table.
fn labels(value: Option<&Value>, origin: &str) -> Result<Labels> {
    let Some(value) = value else {
        return Ok(Labels::default());
    };
    match value {
        Value::Table(table) => {
            let labels: Labels = entry::config(table, "labels", origin)?;
            labels.check_keys().map_err(|e| Error::recipe(origin, e.to_string()))?;
            Ok(labels)
        }
        v => Err(Error::recipe(origin, format!("labels = {v}: must be a table [labels]"))),
    }
}

/// The `[split]` table: all fractions or all counts.
fn sizes(value: Option<&Value>, origin: &str) -> Result<Sizes> {
    let table = match value {
        None => return Ok(Sizes::default()),
        Some(Value::Table(t)) => t,
        Some(v) => {
            return Err(Error::recipe(origin, format!("split = {v}: must be a table [split]")));
        }
    };
    let integers = table.values().any(Value::is_integer);
    let (mut fractions, mut counts) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in table {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            let reason = format!("split.'{name}': names are letters, digits, '-' and '_'");
            return Err(Error::recipe(origin, reason));
        }
        match value {
            Value::Float(v) if !integers => drop(fractions.insert(name.clone(), *v)),
            Value::Integer(v) if *v >= 0 => drop(counts.insert(name.clone(), *v as usize)),
            v => {
                let reason =
                    format!("split.{name} = {v}: all sizes must be shares (0.8) or all numbers of samples (800)");
                return Err(Error::recipe(origin, reason));
            }
        }
    }
    Ok(if integers { Sizes::Counts(counts) } else { Sizes::Fractions(fractions) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(text: &str) -> Result<Recipe> {
        Recipe::parse(text, "r.toml")
    }

    fn resolved(text: &str) -> String {
        let recipe = recipe(text).unwrap();
        recipe.resolved(&*recipe.family().unwrap())
    }

    #[test]
    fn a_resolved_recipe_holds_every_default_and_reads_back_as_itself() {
        for entry in families::ENTRIES.all() {
            let text = resolved(&format!("family = \"{}\"", entry.name));
            assert_eq!(resolved(&text), text);
            let table = parse(&text, "r.toml").unwrap();
            for key in ["samples", "seed", "compress", "split", "labels"] {
                assert!(table.contains_key(key), "{}: no {key}", entry.name);
            }
            for key in (entry.defaults)().keys() {
                assert!(table[entry.name].get(key).is_some(), "{}: no {key}", entry.name);
            }
        }
    }

    #[test]
    fn groups_of_the_split_are_written_down_and_those_of_older_datasets_are_none() {
        let heat = |more: &str| resolved(&format!("family = \"heat\"\n{more}[heat]\ncells = 8\nsteps = 6"));
        assert!(heat("").contains("split_group = 6"), "{}", heat(""));
        assert!(heat("split_group = 1\n").contains("split_group = 1\n"));
        let steady = "family = \"heat\"\n[heat]\ncells = 8\nsteady = true";
        assert!(!resolved(steady).contains("split_group"));
        assert!(resolved("family = \"poisson\"\nsplit_group = 3").contains("split_group = 3"));
        let older = heat("").replace("split_group = 6\n", "");
        assert_eq!(Recipe::of_dataset(&older, "r.toml").unwrap().split_group, Some(1));
        assert_eq!(Recipe::of_dataset(&heat(""), "r.toml").unwrap().split_group, Some(6));
    }

    #[test]
    fn every_recipe_that_ships_is_read() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
        let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        let mut read = 0;
        for file in files.filter(|f| f.extension().is_some_and(|e| e == "toml")) {
            let origin = file.display().to_string();
            let mut recipe = Recipe::from_table(Recipe::read_table(&file, &[]).unwrap(), &origin).unwrap();
            // The size is not what is tested, and takes long.
            for (key, small) in [("cells", 8), ("level", 2), ("n", 20)] {
                if let Some(size) = recipe.parameters.get_mut(key).filter(|v| v.is_integer()) {
                    *size = Value::Integer(small);
                }
            }
            recipe.family().unwrap();
            read += 1;
        }
        assert!(read > 20);
    }

    #[test]
    fn what_depends_on_other_keys_is_resolved_too() {
        for (text, line) in [
            ("family = \"poisson\"\nsamples = 7\ncompress = true\n[split]\ntrain = 4\nhard-test = 3", "hard-test = 3"),
            ("family = \"poisson\"\n[labels]\neigenpairs = 3\nicc = true", "koptimal = false"),
            ("family = \"darcy\"\n[darcy]\ncells = 8\nmedium = \"two-phase\"", "phases = [3.0, 12.0]"),
            ("family = \"darcy\"\n[darcy]\ncells = 8\ndiscretisation = \"fd\"", "faces = \"arithmetic\""),
            ("family = \"elliptic\"\n[elliptic.mesh]\nshape = \"cube\"\ncells = 3", "angle = 25.0"),
            ("family = \"heat\"\n[heat]\ncells = 8", "theta = 0.5"),
            ("family = \"heat\"\n[heat]\ncells = 8\nsteady = true", "contrast"),
            ("family = \"helmholtz\"\n[helmholtz]\ncells = 8\nkind = \"absorbing\"", "form = \"symmetric\""),
            ("family = \"helmholtz\"\n[helmholtz]\ncells = 8\nkind = \"shifted\"", "power = 1.0"),
            ("family = \"biharmonic\"\n[biharmonic]\ngrid = 3\ncells = \"triangle\"\ncontrast = 40.0", "sigma = 400.0"),
            ("family = \"biharmonic\"\n[biharmonic.mesh]\nshape = \"quads\"\ncells = 3", "tau = 10.0"),
        ] {
            let full = resolved(text);
            assert_eq!(full.contains(line), line != "contrast", "{line} in {full}");
            assert_eq!(resolved(&full), full);
        }
    }

    #[test]
    fn errors_name_file_and_key() {
        for (text, part) in [
            ("samples = 3", "'family'"),
            ("family = \"p\"\nsampels = 3", "unknown key 'sampels'"),
            ("family = \"p\\n\"\nsampels = 3", "labels, [p\\n])"),
            ("family = \"p\"\n\"sam\\r\\npels\" = 3", "unknown key 'sam\\r\\npels'"),
            ("family = \"p\"\nsamples = -3", "samples = -3"),
            ("family = \"p\"\nsamples = 0", "samples = 0"),
            ("family = \"p\"\nsamples = 2.5", "samples = 2.5"),
            ("family = \"p\"\nseed = -1", "seed = -1"),
            ("family = \"p\"\nsplit_group = 0", "split_group = 0: must be a whole number from 1"),
            ("family = \"p\"\ncompress = 1", "compress = 1"),
            ("family = \"p\"\nfamily = \"q\"", "line 2"),
            ("family = \"p\"\n[elliptic]\nx = 1", "unknown key 'elliptic'"),
            ("family = \"p\"\n[split]\ntrain = 0.8\ntest = 5", "split.t"),
            ("family = \"p\"\n[split]\ntrain = 0.8\ntest = 0.3", "more than 1"),
            ("family = \"p\"\nsamples = 3\n[split]\ntrain = 4", "4 samples asked for, 3 there"),
            ("family = \"p\"\n[split]\n\"a/b\" = 0.5", "a/b"),
            ("family = \"p\"\n[labels]\neigen = 3", "eigen"),
            ("family = \"p\"\n[labels]\neigenpairs = -1", "[labels] eigenpairs = -1: must be a whole number, 0 or"),
            ("family = \"p\"\n[labels]\neigenpairs_pc = \"icc\"", "labels.eigenpairs_pc has no meaning"),
            ("family = \"p\"\nlabels = 3", "labels = 3: must be a table"),
        ] {
            let message = recipe(text).unwrap_err().to_string();
            assert!(message.starts_with("r.toml: "), "{message}");
            assert!(message.contains(part), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }
}
