//! A few samples, made for their seconds and sizes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::sizes::Sum;
use crate::dataset::Record;
use crate::error::{Error, Result};
use crate::families::Family;
use crate::generate::plan::{First, Plan};
use crate::generate::recipe::Recipe;
use crate::stages;
use crate::system::LinearSystem;
use crate::system::cache::resident_bytes;

/// Samples made are at least so many, if the dataset has as many …
const LEAST: usize = 8;

/// … and more, up to so many, …
const MOST: usize = 64;

/// … while this has not passed. Threads are tried together for as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Seconds of one thread by stage.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stages {
    /// Once: the mesh, what is integrated and analysed beforehand, sample 0 as far as other threads wait for it.
    pub setup: f64,
    /// Random numbers and fields, and whatever is none of the other stages.
    pub draw: f64,
    /// Matrices and right-hand sides, where the family assembles on a mesh.
    pub assemble: f64,
    /// Factors or hierarchies.
    pub factorise: f64,
    /// Solutions.
    pub solve: f64,
    /// Residuals and digests.
    pub hash: f64,
    /// Rows into the file, in memory.
    pub write: f64,
}

impl Stages {
    /// Of what threads do beside each other.
    pub(super) fn shared(&self) -> f64 {
        self.draw + self.assemble + self.factorise + self.solve + self.hash
    }

    /// For so many times as many samples.
    pub(super) fn times(self, factor: f64) -> Self {
        Stages {
            setup: self.setup,
            draw: factor * self.draw,
            assemble: factor * self.assemble,
            factorise: factor * self.factorise,
            solve: factor * self.solve,
            hash: factor * self.hash,
            write: factor * self.write,
        }
    }
}

/// What a few samples took.
pub(super) struct Rehearsal {
    /// How many were made on one thread.
    pub tried: usize,
    /// Their seconds.
    pub stages: Stages,
    /// Their bytes.
    pub sum: Sum,
    /// Bytes in memory with one thread, and of each further one.
    pub memory: Option<(u64, u64)>,
    /// Seconds of a sample on one of several threads over those on one thread.
    pub slowdown: f64,
}

/// A sample's numbers in bytes.
fn row_bytes(s: &LinearSystem) -> usize {
    let named = s.fields.iter().chain(&s.labels).map(|f| f.values.len()).sum::<usize>();
    8 * (s.matrix.nnz() + s.n() + s.solution.as_ref().map_or(0, Vec::len) + named)
}

impl Rehearsal {
    /// One thread, then as many as are asked for and have a processor. Sample 0 is made again unless it takes long.
    pub fn of(
        family: &dyn Family,
        plan: &Plan,
        first: Option<First>,
        recipe: &Recipe,
        threads: usize,
        disk: &mut Disk,
    ) -> Result<Self> {
        // It also found its memory and its analysis, which weigh on a short one.
        let mut first = first.filter(|first| first.seconds > PATIENCE.as_secs_f64());
        let (before, mut after) = first.as_ref().map_or((resident_bytes(), None), |first| first.memory);
        let mut sampler = family.sampler()?;
        let (mut tried, mut stages, mut sum) = (0, Stages::default(), Sum::default());
        let clock = Instant::now();
        while tried < recipe.samples.min(MOST) && (tried < LEAST || clock.elapsed() < PATIENCE) {
            let (made, seconds, elapsed) = match first.take() {
                Some(first) => (vec![Ok(first.system)], first.stages, first.seconds),
                None => {
                    let lanes = tried + sampler.lanes();
                    let group: Vec<u64> = (tried..lanes.min(recipe.samples)).map(|i| i as u64).collect();
                    let start = Instant::now();
                    let (made, seconds) = stages::watched(|| sampler.samples(plan.streams, &group));
                    (made, seconds, start.elapsed().as_secs_f64())
                }
            };
            stages.draw += (elapsed - seconds.total()).max(0.0);
            stages.assemble += seconds.assemble;
            stages.factorise += seconds.factorise;
            stages.solve += seconds.solve;
            after = after.max(resident_bytes());
            let start = Instant::now();
            let made = made.into_iter().map(|system| system.map(|s| Record::new(s, 0.0)));
            let records = made.collect::<Result<Vec<Record>>>();
            stages.hash += start.elapsed().as_secs_f64();
            for record in records.map_err(|e| Error::Numeric(format!("a sample: {e}")))? {
                stages.write += disk.put(tried, &record.system, row_bytes(&record.system));
                sum.add(&record.system, &plan.shape, recipe.compress);
                tried += 1;
            }
        }
        let memory = after.zip(before).map(|(after, before)| (after, after.saturating_sub(before)));
        let alone = stages.shared() / tried.max(1) as f64;
        let together = std::thread::available_parallelism().map_or(1, usize::from).min(threads);
        let slowdown = match together > 1 && alone * (LEAST as f64) < PATIENCE.as_secs_f64() {
            true => seconds_beside(family, plan, together)? / alone,
            false => 1.0,
        };
        Ok(Rehearsal { tried, stages, sum, memory, slowdown: slowdown.max(1.0) })
    }
}

/// Seconds of a sample on one of so many threads at work, its row not written.
fn seconds_beside(family: &dyn Family, plan: &Plan, threads: usize) -> Result<f64> {
    let made = AtomicUsize::new(0);
    let work = || -> Result<f64> {
        let mut sampler = family.sampler()?;
        let lanes = sampler.lanes();
        let (mut count, mut seconds) = (0, 0.0);
        while seconds < PATIENCE.as_secs_f64() {
            let first = made.fetch_add(lanes, Ordering::Relaxed) % plan.header.samples;
            let group: Vec<u64> = (first..(first + lanes).min(plan.header.samples)).map(|i| i as u64).collect();
            let start = Instant::now();
            for system in sampler.samples(plan.streams, &group) {
                Record::new(system?, 0.0);
            }
            // The first group finds its memory and its analysis.
            if count > 0 || group.len() < lanes {
                seconds += start.elapsed().as_secs_f64();
            }
            count += group.len();
        }
        Ok(seconds / count.saturating_sub(lanes).max(1) as f64)
    };
    let of_threads: Result<Vec<f64>> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().map(|thread| thread.join().map_err(|_| Error::Numeric("a sample: panicked".into()))?).collect()
    });
    Ok(of_threads?.iter().sum::<f64>() / threads as f64)
}
