//! Every sample is made once: the one that shows what samples look like is kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use fempipe::dataset::Dataset;
use fempipe::dataset::verify::verify;
use fempipe::error::Result;
use fempipe::families::{Family, Sampler};
use fempipe::generate::{Ending, Recipe, Settings, merge, run};
use fempipe::linalg::Pattern;
use fempipe::shard::Shard;
use fempipe::system::{Description, LinearSystem, MeshData};
use toml::Table;

use crate::command::alone;

/// A family that counts how often each of its samples is made.
struct Counted {
    inner: Box<dyn Family>,
    times: Mutex<BTreeMap<u64, usize>>,
}

impl Counted {
    fn of(recipe: &Recipe) -> Self {
        Counted { inner: recipe.family().unwrap(), times: Mutex::default() }
    }

    /// Samples that were made since it was asked last, each with how often.
    fn times(&self) -> Vec<(u64, usize)> {
        std::mem::take(&mut *self.times.lock().unwrap()).into_iter().collect()
    }
}

impl Family for Counted {
    fn parameters(&self) -> Table {
        self.inner.parameters()
    }

    fn description(&self) -> Description {
        self.inner.description()
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        self.inner.mesh()
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        self.inner.pattern()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.inner.files()
    }

    fn group(&self) -> usize {
        self.inner.group()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(CountedSampler { inner: self.inner.sampler()?, of: self }))
    }
}

struct CountedSampler<'a> {
    inner: Box<dyn Sampler + 'a>,
    of: &'a Counted,
}

impl Sampler for CountedSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        self.samples(seed, &[index]).remove(0)
    }

    fn lanes(&self) -> usize {
        self.inner.lanes()
    }

    fn samples(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        indices.iter().for_each(|&index| *self.of.times.lock().unwrap().entry(index).or_default() += 1);
        self.inner.samples(seed, indices)
    }
}

fn each_once(indices: impl IntoIterator<Item = u64>) -> Vec<(u64, usize)> {
    indices.into_iter().map(|index| (index, 1)).collect()
}

#[test]
fn each_sample_is_made_once() {
    let _guard = alone();
    let dir = tempfile::tempdir().unwrap();
    for text in [
        // Side by side, one by one, with a sample's own pattern, steps of trajectories, compressed.
        "family = \"poisson\"\nsamples = 40\n[poisson]\nlevel = 3\n",
        "family = \"elliptic\"\nsamples = 6\n[elliptic]\nsolution = \"cg-amg\"\n[elliptic.mesh]\narea = 0.02\n",
        "family = \"frame\"\nsamples = 5\n[frame]\ncells = [[3, 4], [3, 4], [1, 3]]\n",
        "family = \"heat\"\nsamples = 12\n[heat]\ncells = 6\nsteps = 4\n",
        "family = \"darcy\"\nsamples = 9\ncompress = true\npart_size = 2\n[darcy]\ncells = 6\n",
        "family = \"darcy\"\nsamples = 1\n[darcy]\ncells = 6\n",
    ] {
        let recipe = Recipe::parse(text, "r.toml").unwrap();
        let family = Counted::of(&recipe);
        let output = dir.path().join("d.h5");
        for threads in [1, 3] {
            let settings = Settings { threads, force: true, ..Settings::default() };
            let done = run(&recipe, &family, &output, &settings).unwrap();
            assert_eq!((done.made, done.ending), (recipe.samples, Ending::Complete), "{text}");
            assert_eq!(family.times(), each_once(0..recipe.samples as u64), "{threads} threads: {text}");
            let data = Dataset::open(&output).unwrap();
            assert_eq!(verify(&data, &|_| ()).unwrap().faults, [], "{text}");
            // Those of samples made one after the other.
            let alone = recipe.family().unwrap();
            let streams = recipe.streams(&*alone).unwrap();
            let mut sampler = alone.sampler().unwrap();
            for index in [0, recipe.samples - 1] {
                let (made, read) = (sampler.sample(streams, index as u64).unwrap(), data.read(index).unwrap());
                let same = made.matrix.values() == read.matrix.values() && made.rhs == read.rhs;
                assert!(same && made.solution == read.solution && made.fields == read.fields, "{text}");
            }
        }
        let again = run(&recipe, &family, &output, &Settings::default()).unwrap();
        assert_eq!((again.ending, family.times()), (Ending::AlreadyThere, vec![]), "{text}");
        std::fs::remove_file(&output).unwrap();
    }
}

#[test]
fn shares_make_the_first_sample_to_see_what_samples_look_like() {
    let _guard = alone();
    let dir = tempfile::tempdir().unwrap();
    let text = "family = \"poisson\"\nsamples = 8\npart_size = 2\n[poisson]\nlevel = 3\n";
    let recipe = Recipe::parse(text, "r.toml").unwrap();
    let family = Counted::of(&recipe);
    let output = dir.path().join("d.h5");
    for (index, made) in [(0, vec![0, 1, 4, 5]), (1, vec![0, 2, 3, 6, 7])] {
        let shard = Some(Shard { index, count: 2 });
        run(&recipe, &family, &output, &Settings { shard, ..Settings::default() }).unwrap();
        assert_eq!(family.times(), each_once(made));
    }
    merge(&output, &[], false, &|_| ()).unwrap();
    assert_eq!(Dataset::open(&output).unwrap().len(), 8);
}
