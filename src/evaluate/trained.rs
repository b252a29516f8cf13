//! What the model of a row was trained on, and what that took.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::networks::{Network, Networks};
use super::row::Row;
use super::training_sets::TrainingSets;
use crate::dataset::{Dataset, Drawn, NEXT};
use crate::error::Result;
use crate::models::checkpoint::locate;
use crate::models::{self, Checkpoint, Device};
use crate::solver::Method;

/// The training of the model of a row, as far as its checkpoint and the files beside it tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Trained {
    /// Name of the model.
    pub model: String,
    /// Optimiser steps; 0 of a network that was never trained.
    pub steps: u64,
    /// Whether it is the best checkpoint of its run all the same: no validated epoch beat the network before training.
    pub untrained_is_best: bool,
    /// Digest of the checkpoint's file.
    pub digest: String,
    /// Seconds of training; those of the whole run where its metrics are beside the checkpoint.
    pub training_seconds: f64,
    /// Names of the datasets that it was trained on, or their families.
    pub data: String,
    /// Whether the test systems are of the very dataset that it was trained on.
    pub own_data: bool,
    /// Whether the test systems come from the distribution that it was trained on.
    pub distribution: Distribution,
    /// Seconds that its training and validation systems with their labels took to make; None where that dataset is not
    /// to be found.
    pub data_seconds: Option<f64>,
    /// The seed of its run.
    pub seed: Option<i64>,
    /// The recipe of its run without seed and name, for runs that are the same but for these.
    #[serde(skip)]
    pub recipe: String,
    /// The recipes of its datasets, [`NEXT`] between them; "" in checkpoints of older versions.
    #[serde(skip)]
    pub recipes: String,
    /// The datasets that its recipe names.
    #[serde(skip)]
    pub files: Vec<String>,
}

/// Whether test systems are of the kind that a model was trained on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// It cannot be told: the checkpoint or the dataset does not say how it was made.
    #[default]
    Unknown,
    /// The same family and parameters, whatever the seed, or the same files.
    Same,
    /// Others.
    Other,
}

/// What a run says of itself: what its model learned from, and by which method it was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedBy {
    /// Its datasets.
    pub data: Vec<PathBuf>,
    /// The solver of its validation.
    pub judge: Option<Method>,
    /// Name of the model.
    pub model: String,
    /// Whether what it predicts is a space.
    pub space: bool,
    /// Whether it has made a step, or an epoch of its run is done.
    pub begun: bool,
}

/// That of a run directory or checkpoint.
///
/// # Errors
/// If there is no checkpoint, or it cannot be read.
pub fn trained_by(path: &Path) -> Result<TrainedBy> {
    let file = locate(path)?.file;
    let checkpoint = Checkpoint::read(&file)?;
    let recipe = checkpoint.recipe.parse::<toml::Table>().unwrap_or_default();
    let judge = recipe.get("validation").and_then(|v| v.get("ksp")).and_then(|ksp| ksp.clone().try_into().ok());
    Ok(TrainedBy {
        data: datasets(&checkpoint.recipe).into_iter().map(PathBuf::from).collect(),
        judge,
        space: models::of_checkpoint(&checkpoint, &file, Device::Cpu)?.predicts_space(),
        begun: checkpoint.progress.step > 0 || last_epoch(&file).is_some_and(|last| last["epoch"] != 0),
        model: checkpoint.model,
    })
}

/// That of a row for the dataset at a place among those of the row, None without a model.
///
/// # Errors
/// If the checkpoint cannot be read.
pub fn trained(
    row: &Row,
    place: usize,
    tested: &Dataset,
    networks: &mut Networks,
    sets: &mut TrainingSets,
) -> Result<Option<Trained>> {
    let Some(network) = networks.of(row, place)? else { return Ok(None) };
    let Network { file, checkpoint, digest } = &*network;
    let here = &tested.header().recipe;
    let own_data = !here.is_empty() && checkpoint.data_recipe.split(NEXT).any(|there| there == here);
    let files = datasets(&checkpoint.recipe);
    let seconds = match checkpoint.data_recipe == *here && own_data {
        true => Some(made(tested)),
        false => made_elsewhere(&files, &checkpoint.data_recipe, sets),
    };
    Ok(Some(Trained {
        digest: format!("{digest:016x}"),
        steps: checkpoint.progress.step,
        untrained_is_best: checkpoint.progress.step == 0 && checkpoint.progress.is_untrained_best(),
        training_seconds: run_seconds(file).unwrap_or(checkpoint.progress.seconds),
        data: named(&files, &checkpoint.data_recipe),
        own_data,
        distribution: distribution(&checkpoint.data_recipe, here),
        data_seconds: seconds,
        model: checkpoint.model.clone(),
        seed: seed(&checkpoint.recipe),
        recipe: without_seed(&checkpoint.recipe),
        recipes: checkpoint.data_recipe.clone(),
        files,
    }))
}

fn seed(recipe: &str) -> Option<i64> {
    recipe.parse::<toml::Table>().ok()?.get("seed")?.as_integer()
}

fn without_seed(recipe: &str) -> String {
    let mut table = recipe.parse::<toml::Table>().unwrap_or_default();
    ["seed", "name"].iter().for_each(|key| drop(table.remove(*key)));
    table.to_string()
}

/// How the systems of a recipe stand to those of the recipes that a model was trained on.
fn distribution(there: &str, here: &str) -> Distribution {
    if there.is_empty() || here.is_empty() {
        return Distribution::Unknown;
    }
    let alike = |there: &str| {
        let pair = Drawn::of(there).zip(Drawn::of(here));
        there == here || pair.is_some_and(|(there, here)| there.distributed_as(&here))
    };
    if there.split(NEXT).any(alike) { Distribution::Same } else { Distribution::Other }
}

/// The datasets that the recipe of a run names.
fn datasets(recipe: &str) -> Vec<String> {
    let Ok(table) = recipe.parse::<toml::Table>() else { return Vec::new() };
    let more = table.get("more_data").and_then(toml::Value::as_array).into_iter().flatten();
    table.get("data").into_iter().chain(more).filter_map(|v| v.as_str().map(String::from)).collect()
}

/// File names without their endings, else families.
fn named(files: &[String], recipes: &str) -> String {
    let stem = |file: &String| Path::new(file).file_stem().map(|s| s.to_string_lossy().into_owned());
    let mut names: Vec<String> = files.iter().filter_map(stem).collect();
    if names.is_empty() {
        let family = |text: &str| Some(text.parse::<toml::Table>().ok()?.get("family")?.as_str()?.to_string());
        names = recipes.split(NEXT).filter_map(family).collect();
    }
    names.join(" + ")
}

/// Seconds that the systems a model learns from took, labels included.
fn made(data: &Dataset) -> f64 {
    let ids = ["train", "validation"].map(|set| data.split(set).unwrap_or_default());
    ids.concat().iter().filter_map(|&id| data.seconds().get(id as usize)).sum()
}

/// The same for datasets by their files, if they are there and what the model was trained on.
fn made_elsewhere(files: &[String], recipes: &str, sets: &mut TrainingSets) -> Option<f64> {
    let recipes: Vec<&str> = recipes.split(NEXT).collect();
    if files.is_empty() || files.len() != recipes.len() {
        return None;
    }
    let one = |(file, recipe): (&String, &&str)| {
        let data = sets.open(file).filter(|data| data.header().recipe == *recipe)?;
        Some(made(&data))
    };
    files.iter().zip(&recipes).map(one).sum()
}

/// Seconds of the run that a checkpoint lies in, as its metrics have them.
fn run_seconds(checkpoint: &Path) -> Option<f64> {
    last_epoch(checkpoint)?["seconds"].as_f64()
}

/// The last line of the metrics beside a checkpoint.
fn last_epoch(checkpoint: &Path) -> Option<serde_json::Value> {
    let text = std::fs::read_to_string(checkpoint.with_file_name("metrics.jsonl")).ok()?;
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datasets_are_named_by_their_files_or_families() {
        let files = datasets("data = '/a/p3.h5'\nmore_data = ['b/e.h5']\nmodel = 'mlp'\n");
        assert_eq!(files, ["/a/p3.h5", "b/e.h5"]);
        assert_eq!(named(&files, ""), "p3 + e");
        assert_eq!(named(&[], "family = 'poisson'\n"), "poisson");
        assert_eq!((named(&[], ""), datasets("data = ")), (String::new(), Vec::new()));
        assert_eq!(made_elsewhere(&files, "family = 'poisson'", &mut TrainingSets::default()), None);
        assert_eq!(run_seconds(Path::new("/nowhere/best.safetensors")), None);
    }
}
