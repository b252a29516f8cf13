//! What the model of a row was trained on, and what that took.

use std::path::Path;

use serde::Serialize;

use super::row::Row;
use crate::dataset::{Dataset, Drawn, NEXT};
use crate::error::Result;
use crate::models::Checkpoint;
use crate::models::checkpoint::locate;

/// The training of the model of a row, as far as its checkpoint and the files beside it tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Trained {
    /// Name of the model.
    pub model: String,
    /// Optimiser steps; 0 of a network that was never trained.
    pub steps: u64,
    /// Digest of the checkpoint's file.
    pub digest: String,
    /// Seconds of training; those of the whole run where its metrics are beside the checkpoint.
    pub training_seconds: f64,
    /// Names of the datasets that it was trained on, or their families.
    pub data: String,
    /// Whether the test systems are of the very dataset that it was trained on.
    pub own_data: bool,
    /// Seconds that its training and validation systems with their labels took to make; None where that dataset is not
    /// to be found.
    pub data_seconds: Option<f64>,
}

/// That of a row on dataset number `d`, None without a model; and how many of the systems `ids` the model may know
/// from its training ([`seen`]).
///
/// # Errors
/// If the checkpoint cannot be read.
pub fn trained(row: &Row, d: usize, tested: &Dataset, ids: &[u32]) -> Result<(Option<Trained>, usize)> {
    let Some(path) = row.model.as_ref().and_then(|paths| paths.of(d)) else { return Ok((None, 0)) };
    let file = locate(path)?.file;
    let (checkpoint, digest) = Checkpoint::read_with_digest(&file)?;
    let known = seen(&checkpoint.data_recipe, &tested.header().recipe, ids);
    let own_data = !checkpoint.data_recipe.is_empty() && checkpoint.data_recipe == tested.header().recipe;
    let files = datasets(&checkpoint.recipe);
    let seconds = match own_data {
        true => Some(made(tested)),
        false => made_elsewhere(&files, &checkpoint.data_recipe),
    };
    let trained = Trained {
        digest: format!("{digest:016x}"),
        steps: checkpoint.progress.step,
        training_seconds: run_seconds(&file).unwrap_or(checkpoint.progress.seconds),
        data: named(&files, &checkpoint.data_recipe),
        own_data,
        data_seconds: seconds,
        model: checkpoint.model,
    };
    Ok((Some(trained), known))
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
fn made_elsewhere(files: &[String], recipes: &str) -> Option<f64> {
    let recipes: Vec<&str> = recipes.split(NEXT).collect();
    if files.is_empty() || files.len() != recipes.len() {
        return None;
    }
    let one = |(file, recipe): (&String, &&str)| {
        let data = Dataset::open(file).ok().filter(|data| data.header().recipe == *recipe)?;
        Some(made(&data))
    };
    files.iter().zip(&recipes).map(one).sum()
}

/// Seconds of the run that a checkpoint lies in, as its metrics have them.
fn run_seconds(checkpoint: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(checkpoint.with_file_name("metrics.jsonl")).ok()?;
    let last = text.lines().rev().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())?;
    last["seconds"].as_f64()
}

/// How many of these systems of a dataset, made by the recipe `here`, a model may know that was trained on those made
/// by `there` ([`Drawn::shared`]); its own dataset was split for that. Checkpoints of older versions do not tell.
fn seen(there: &str, here: &str, ids: &[u32]) -> usize {
    let shared = |there: &str| {
        let pair = if there == here { None } else { Drawn::of(there).zip(Drawn::of(here)) };
        pair.map_or(0, |(trained_on, here)| trained_on.shared(&here, ids))
    };
    there.split(NEXT).map(shared).max().unwrap_or(0)
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
        assert_eq!(made_elsewhere(&files, "family = 'poisson'"), None);
        assert_eq!(run_seconds(Path::new("/nowhere/best.safetensors")), None);
    }
}
