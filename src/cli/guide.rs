//! What a command that was given nothing says: what it can do here, with examples.

use std::path::{Path, PathBuf};

use crate::families;
use crate::io::shell;
use crate::models;
use crate::train::{built_in, models_for};

/// Options without a value that every command takes.
const GLOBAL: [&str; 3] = ["--json", "--quiet", "-q"];

/// Most names of a list that is shown.
const MOST: usize = 6;

/// What to say to a command line that names at most a command; None where there is more in it, or nothing to say.
pub(super) fn of(arguments: &[String]) -> Option<String> {
    let own: Vec<&str> = arguments.iter().map(String::as_str).filter(|a| !GLOBAL.contains(a)).collect();
    match own[..] {
        [] => Some(overview()),
        ["generate"] => Some(generate()),
        ["train"] => Some(train()),
        ["recipe"] => Some(recipe()),
        _ => None,
    }
}

fn overview() -> String {
    let here = Here::look();
    format!(
        "a command is needed. What can be done:

  make systems        fempipe generate --family poisson --level 3 --samples 500 -o p3.h5
  take your own       fempipe import *.npz --split 0.8,0.1,0.1 -o own.h5
  look at them        fempipe inspect p3.h5; fempipe plot p3.h5 -o p3.svg
  train a model       fempipe train --family biharmonic
  compare             fempipe evaluate --data p3.h5 --pc jacobi,icc,amg,cholesky
  solve one system    fempipe solve A.mtx b.mtx --ksp cg --pc icc
  what there is       fempipe families, models, solvers, preconditioners
  what recipes say    fempipe recipe --family darcy, --model precorrector, --evaluation
{}
fempipe --help lists all commands, fempipe COMMAND --help the options of one",
        here.in_words()
    )
}

fn generate() -> String {
    let recipes = listed("recipes here", &recipes("datasets", &["family"]));
    format!(
        "generate: a recipe, --family or --from is needed. What can be done:

  a family's defaults   fempipe generate --family darcy --samples 200 -o d.h5
  with other keys       fempipe generate --family darcy --set darcy.cells=32 --set darcy.contrast=1e4 -o d.h5
  by a recipe           fempipe recipe --family darcy > d.toml; fempipe generate d.toml
  your own physics      fempipe generate --family elliptic --set 'elliptic.g=sin(pi*x)*y' -o e.h5
  a dataset again       fempipe generate --from d.h5 --samples 1000 -o larger.h5

families: {}
{recipes}fempipe generate --help shows all options",
        families::ENTRIES.names().join(", ")
    )
}

fn train() -> String {
    let line = |family: &&str| match built_in(family, None) {
        Ok(first) => {
            let first = first.recipe.model;
            let others = models_for(family).into_iter().filter(|model| *model != first);
            let all: Vec<&str> = std::iter::once(first.as_str()).chain(others).collect();
            Some(format!("  {family:<14}{}", all.join(", ")))
        }
        Err(_) => None,
    };
    let pairs: Vec<String> = families::ENTRIES.names().iter().filter_map(line).collect();
    let here = Here::look();
    let own = here.datasets.first().map_or("own.h5".into(), |path| shell::path(path));
    format!(
        "train: a recipe, --family or --resume is needed. What can be done:

  all in one            fempipe train --family biharmonic     makes the dataset, trains, evaluates
  another model         fempipe train --family darcy --model precorrector
  on your own data      fempipe train --model precorrector --data {own} -o training/own
  by a recipe           fempipe recipe --model precorrector > t.toml; fempipe train t.toml
  go on                 fempipe train --resume training/biharmonic-gcvae

families with the models that recipes come with, the first one without --model:
{}
{}fempipe train --help shows all options",
        pairs.join("\n"),
        here.in_words()
    )
}

/// What to say where there is nothing to evaluate.
pub(super) fn evaluate() -> String {
    let here = Here::look();
    let data = here.datasets.first().map_or("p3.h5".into(), |path| shell::path(path));
    let run = here.runs.first().map_or("training/poisson-mlp".into(), |path| shell::path(path));
    format!(
        "evaluate: a recipe, a run or --data is needed; there is no run with its dataset under training/. What \
can be done:

  classical methods     fempipe evaluate --data {data}
  chosen ones           fempipe evaluate --data {data} --ksp cg --pc none,jacobi,icc,amg,cholesky --rtol 1e-8
  a run on its data     fempipe evaluate {run}
  on other data         fempipe evaluate --data {data} --model {run}
  by a recipe           fempipe recipe --evaluation > e.toml; fempipe evaluate e.toml
  go on, or show again  fempipe evaluate DIRECTORY
{}
fempipe evaluate --help shows all options",
        here.in_words()
    )
}

fn recipe() -> String {
    format!(
        "recipe: --family, --model or --evaluation is needed:

  of a dataset          fempipe recipe --family darcy > d.toml
  of a training         fempipe recipe --model precorrector > t.toml
  one that ships        fempipe recipe --family darcy --model precorrector
  of an evaluation      fempipe recipe --evaluation > e.toml

families: {}
models: {}",
        families::ENTRIES.names().join(", "),
        models::ENTRIES.names().join(", ")
    )
}

/// What lies where commands put it.
struct Here {
    datasets: Vec<PathBuf>,
    runs: Vec<PathBuf>,
}

impl Here {
    fn look() -> Self {
        let of = |places: [&str; 2], wanted: &dyn Fn(&Path) -> bool| {
            let mut found: Vec<PathBuf> = places.into_iter().flat_map(entries).filter(|path| wanted(path)).collect();
            found.sort();
            found
        };
        Here {
            datasets: of([".", "datasets"], &|path| path.extension().is_some_and(|e| e == "h5")),
            runs: of([".", "training"], &|path| path.join("best.safetensors").is_file()),
        }
    }

    fn in_words(&self) -> String {
        listed("\ndatasets here", &self.datasets) + &listed("runs here", &self.runs)
    }
}

/// The files of a directory, without a leading "./"; none if it cannot be read.
fn entries(place: &str) -> Vec<PathBuf> {
    let read = std::fs::read_dir(place).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    read.map(|path| path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path)).collect()
}

/// Recipes of a directory that set all of these keys.
fn recipes(place: &str, keys: &[&str]) -> Vec<PathBuf> {
    let is = |path: &PathBuf| {
        let table = crate::io::toml_file::read(path).ok().and_then(|text| text.parse::<toml::Table>().ok());
        path.extension().is_some_and(|e| e == "toml")
            && table.is_some_and(|table| keys.iter().all(|key| table.contains_key(*key)))
    };
    let mut found: Vec<PathBuf> = entries(place).into_iter().filter(is).collect();
    found.sort();
    found
}

/// A line with the first of some names; nothing where there are none.
fn listed(what: &str, paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return String::new();
    }
    let names: Vec<String> = paths.iter().take(MOST).map(|path| path.display().to_string()).collect();
    let more = paths.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{what}: {}{more}\n", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_alone_are_told_from_others() {
        let of = |arguments: &[&str]| of(&arguments.iter().map(|a| a.to_string()).collect::<Vec<_>>());
        for (arguments, part) in [
            (&[][..], "fempipe train --family biharmonic"),
            (&["generate", "--quiet"], "families: biharmonic, darcy"),
            (&["train"], "  darcy         precorrector"),
            (&["recipe"], "models: mlp"),
        ] {
            assert!(of(arguments).unwrap().contains(part), "{part} in {:?}", of(arguments));
        }
        assert!(evaluate().contains("fempipe recipe --evaluation"));
        assert!(of(&["generate", "x.toml"]).is_none() && of(&["solve"]).is_none());
    }
}
