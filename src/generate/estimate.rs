//! What a run will take, from a few samples that are made and not written.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::plan::{Plan, bytes};
use super::recipe::Recipe;
use crate::dataset::{DEFLATE_LEVEL, Record, Shape};
use crate::error::{Error, Result};
use crate::families::Family;
use crate::shard::Shard;
use crate::system::LinearSystem;
use crate::system::cache::resident_bytes;

/// Samples made are at least so many, if the dataset has as many …
const LEAST: usize = 8;

/// … and more, up to so many, …
const MOST: usize = 64;

/// … while this has not passed.
const PATIENCE: Duration = Duration::from_secs(1);

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
    /// Samples that were made for this.
    pub tried: usize,
    /// Seconds of work on the threads asked for, each on a processor of its own; writing is not counted.
    pub seconds: f64,
    /// Bytes of the finished dataset.
    pub bytes: u64,
    /// Bytes on the disk at most: all parts, and the dataset that is being joined.
    pub working_bytes: u64,
    /// Bytes of memory at most; None where the system does not tell.
    pub memory: Option<u64>,
}

/// Makes a few samples of a recipe, measures them, and writes nothing.
///
/// # Errors
/// Those of the family and of its samples.
pub fn estimate(recipe: &Recipe, family: &dyn Family, threads: usize, shard: Option<Shard>) -> Result<Estimate> {
    let plan = Plan::new(recipe, family)?;
    let before = resident_bytes();
    let mut sampler = family.sampler()?;
    let (mut tried, mut seconds, mut after) = (0, 0.0, before);
    let mut sum = Sum::default();
    let clock = Instant::now();
    while tried < recipe.samples.min(MOST) && (tried < LEAST || clock.elapsed() < PATIENCE) {
        let group: Vec<u64> = (tried..(tried + sampler.lanes()).min(recipe.samples)).map(|i| i as u64).collect();
        let start = Instant::now();
        let made = sampler.samples(plan.streams, &group).into_iter().map(|system| system.map(|s| Record::new(s, 0.0)));
        let records = made.collect::<Result<Vec<Record>>>().map_err(|e| Error::Numeric(format!("a sample: {e}")))?;
        seconds += start.elapsed().as_secs_f64();
        after = after.max(resident_bytes());
        records.iter().for_each(|record| sum.add(&record.system, &plan.shape, recipe.compress));
        tried += group.len();
    }
    let ours = |p: &usize| shard.is_none_or(|s| s.has(*p));
    let samples: usize = (0..plan.parts()).filter(ours).map(|p| plan.job(p).count).sum();
    let threads = threads.clamp(1, samples.max(1));
    let all = |mean: usize| recipe.samples as f64 * mean as f64 / tried.max(1) as f64;
    // What is there once, and of every sample: id (three times), n, nnz, residual, seconds, digest, place in a set.
    let fixed = HEADERS + plan.header.recipe.len() + shared(&plan.shape) + sum.patterns_once;
    let table = (8 * (6 + plan.shape.params.len()) + 4) * recipe.samples;
    let raw = all(sum.raw) as u64;
    let bytes = if recipe.compress { all(sum.deflated) as u64 } else { raw } + (fixed + table) as u64;
    let working_bytes = raw + bytes + (fixed * plan.parts() + table) as u64;
    // Samples with their own patterns wait in memory until their part, and the next one, are complete.
    let waiting = match plan.shape.pattern {
        Some(_) => 0,
        None => 2 * plan.part_size.min(recipe.samples) * sum.raw / tried.max(1),
    };
    let memory = after.zip(before).map(|(after, before)| {
        let more = (threads - 1) as u64 * after.saturating_sub(before);
        after + more + (waiting + 2 * table + LIBRARY + threads * COPIED) as u64
    });
    let seconds = samples as f64 * seconds / tried.max(1) as f64 / threads as f64;
    Ok(Estimate { samples, tried, seconds, bytes, working_bytes, memory })
}

/// Bytes over some samples.
#[derive(Default)]
struct Sum {
    raw: usize,
    /// As the dataset has them when it is compressed.
    deflated: usize,
    /// `/pattern`, which is that of one sample.
    patterns_once: usize,
}

impl Sum {
    fn add(&mut self, s: &LinearSystem, shape: &Shape, compress: bool) {
        let (n, nnz) = (s.n(), s.matrix.nnz());
        self.patterns_once = 8 * nnz + 4 * (nnz + n + 1);
        let solution = s.solution.as_ref().map_or(0, Vec::len);
        // Indices, row pointers and offsets of a sample's own pattern.
        let own = match shape.pattern {
            Some(_) => 0,
            None => 4 * (nnz + n + 1) + 8 * (2 + s.fields.len() + s.labels.len()),
        };
        // Which counts a solution, whether there is one or not.
        self.raw += bytes(s) - 8 * n + 8 * solution + own;
        if compress {
            let named = s.fields.iter().chain(&s.labels).map(|f| &f.values[..]);
            let all = [s.matrix.values(), &s.rhs].into_iter().chain(s.solution.as_deref()).chain(named);
            self.deflated += all.map(deflated).sum::<usize>() + own;
        }
    }
}

/// Bytes of numbers shuffled and deflated.
fn deflated(values: &[f64]) -> usize {
    let bytes: Vec<[u8; 8]> = values.iter().map(|v| v.to_le_bytes()).collect();
    let shuffled: Vec<u8> = (0..8).flat_map(|b| bytes.iter().map(move |v| v[b])).collect();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(u32::from(DEFLATE_LEVEL)));
    // Writing to memory does not fail; if it did, nothing would be saved.
    encoder.write_all(&shuffled).and_then(|()| encoder.finish()).map_or(shuffled.len(), |out| out.len())
}

/// Bytes of what all samples share.
fn shared(shape: &Shape) -> usize {
    let Some(m) = &shape.mesh else { return 0 };
    8 * m.points.len() + 4 * (m.cells.len() + m.point_markers.len() + m.free_dofs.len())
}
