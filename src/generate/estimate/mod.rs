//! What a run will take, from a rehearsal: a few samples that are made, measured by stage, and written to a file
//! without a name.
//!
//! With N threads samples take N times less time, divided by what threads slow each other down where as many as the
//! machine has processors work at once; rows go to the file one after the other, and to the disk as fast as it takes a
//! file. The slowest of the three decides, since they overlap.

mod disk;
mod rehearsal;
mod sizes;

use std::path::Path;
use std::time::Instant;

use self::disk::Disk;
use self::rehearsal::Rehearsal;
pub use self::rehearsal::Stages;
use super::identity::Identity;
use super::plan::Plan;
use super::recipe::Recipe;
use super::sampling;
use crate::dataset::{Shape, Unfinished};
use crate::error::Result;
use crate::families::Family;
use crate::shard::Shard;

/// Headers of groups and arrays, attributes and texts of a file.
const HEADERS: usize = 16 << 10;

/// What the HDF5 library holds of the files that it writes; measured.
const LIBRARY: usize = 6 << 20;

/// What is in memory of the part that a thread copies when parts are joined.
const COPIED: usize = 2 << 20;

/// What a run is expected to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Samples that the run makes: its share of the dataset.
    pub samples: usize,
    /// Samples that were made for this, on one thread.
    pub tried: usize,
    /// Threads at work: those asked for, but no more than samples.
    pub threads: usize,
    /// Processors of this machine.
    pub processors: usize,
    /// Wall-clock seconds with the threads asked for, each on a processor of its own.
    pub seconds: f64,
    /// Seconds of one thread by stage, over all samples.
    pub stages: Stages,
    /// What a sample takes on one of as many threads as were tried at once, over what it takes on one alone.
    pub slowdown: f64,
    /// Wall-clock seconds in which threads make all samples.
    pub making: f64,
    /// Seconds in which the file takes all rows, which it does one at a time.
    pub filing: f64,
    /// Seconds in which the disk takes all bytes; None where it could not be tried.
    pub disk: Option<f64>,
    /// Bytes a second that the disk took when it was tried.
    pub disk_rate: Option<f64>,
    /// Bytes of the finished dataset.
    pub bytes: u64,
    /// Bytes on the disk at most: parts, or journal and layout, too.
    pub working_bytes: u64,
    /// Bytes of memory at most; None where the system does not tell.
    pub memory: Option<u64>,
}

/// Makes a few samples of a recipe, measures them, and leaves nothing on the disk of `output`. Its family took so many
/// seconds to set up.
///
/// # Errors
/// Those of the samples.
pub fn estimate(
    recipe: &Recipe,
    (family, seconds): (&dyn Family, f64),
    output: &Path,
    threads: usize,
    shard: Option<Shard>,
) -> Result<Estimate> {
    let clock = Instant::now();
    let asked = threads.max(1);
    // Where samples are fewer than threads, these share the work within a sample.
    let pool = sampling::pool(asked / asked.min(recipe.samples.max(1)))?;
    let plan = pool.install(|| Plan::new(recipe, family, Identity::new(recipe, family)?))?;
    let setup = seconds + clock.elapsed().as_secs_f64();
    let ours = |p: &usize| shard.is_none_or(|s| s.has(*p));
    let samples: usize = (0..plan.parts()).filter(ours).map(|p| plan.job(p).count).sum();
    let threads = asked.min(samples.max(1));
    let first = plan.take_first();
    // Sample 0 is one of those that threads share; that the others wait for it is not.
    let of_one = first.as_ref().filter(|_| ours(&0)).map_or(0.0, |first| first.seconds / threads as f64);
    let setup = setup - of_one;
    let mut disk = Disk::beside(output);
    let rehearsal = pool.install(|| Rehearsal::of(family, &plan, first, recipe, threads, &mut disk))?;
    let Rehearsal { tried, ref sum, memory, slowdown, .. } = rehearsal;
    let all = |mean: usize| recipe.samples as f64 * mean as f64 / tried.max(1) as f64;
    // What is there once, and of every sample: id (three times), n, nnz, residual, seconds, digest, place in a set.
    let fixed = HEADERS + plan.header.recipe.len() + shared(&plan.shape) + sum.patterns_once;
    let table = (8 * (6 + plan.shape.params.len()) + 4) * recipe.samples;
    let raw = all(sum.raw) as u64;
    let bytes = if recipe.compress { all(sum.deflated) as u64 } else { raw } + (fixed + table) as u64;
    // The directory of the output may not be there yet.
    let there = disk.directory().join("dataset.h5");
    let in_place =
        shard.is_none() && !recipe.compress && Unfinished::is_possible(&plan.shape, disk.directory(), &there);
    let working_bytes = match in_place {
        // The layout and the journal.
        true => bytes + (fixed + 3 * table) as u64,
        false => raw + bytes + (fixed * plan.parts() + table) as u64,
    };
    // Samples with their own patterns wait in memory until their part, and the next one, are complete.
    let waiting = match plan.shape.pattern {
        Some(_) => 0,
        None => 2 * plan.part_size.min(recipe.samples) * sum.raw / tried.max(1),
    };
    let copied = if in_place { 0 } else { threads * COPIED };
    let memory = memory.map(|(once, of_thread)| {
        once + (threads - 1) as u64 * of_thread + (waiting + 2 * table + LIBRARY + copied) as u64
    });
    let stages = Stages { setup, ..rehearsal.stages }.times(samples as f64 / tried.max(1) as f64);
    // Parts are written, then read, hashed and written again.
    let (again, hashed) = if in_place { (1.0, 0.0) } else { (2.0, stages.hash) };
    let making = (slowdown * (stages.shared() + hashed) + again * stages.write) / threads as f64;
    let filing = again * stages.write;
    let disk_rate = disk.rate(bytes)?;
    let share = samples as f64 / recipe.samples.max(1) as f64;
    let disk = disk_rate.map(|rate| again * share * bytes as f64 / rate);
    let seconds = setup + making.max(filing).max(disk.unwrap_or(0.0));
    Ok(Estimate {
        samples,
        tried,
        threads,
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        seconds,
        stages,
        slowdown,
        making,
        filing,
        disk,
        disk_rate,
        bytes,
        working_bytes,
        memory,
    })
}

/// Bytes of what all samples share.
fn shared(shape: &Shape) -> usize {
    let Some(m) = &shape.mesh else { return 0 };
    8 * m.points.len() + 4 * (m.cells.len() + m.point_markers.len() + m.free_dofs.len())
}
