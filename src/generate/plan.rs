//! What a run will make: how many parts of which samples, under which identity.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::identity::{self, Identity};
use super::recipe::Recipe;
use crate::dataset::{Header, Part, Shape};
use crate::error::{Error, Result};
use crate::families::Family;
use crate::stages;
use crate::system::LinearSystem;
use crate::system::cache::resident_bytes;

/// A part should hold about this many bytes: little to lose, little to keep in memory, few files.
const PART_BYTES: usize = 32 << 20;

/// Most samples in a part, however small they are.
const PART_SAMPLES: usize = 512;

/// A run, divided into parts.
pub(super) struct Plan {
    /// Header of the whole dataset.
    pub header: Header,
    pub shape: Shape,
    /// What samples are drawn from ([`streams::seed`]).
    pub streams: u64,
    pub part_size: usize,
    /// Sample 0, until it is taken.
    first: Mutex<Option<First>>,
}

/// Sample 0, which is made to see what samples look like, and what that took.
pub(super) struct First {
    pub system: LinearSystem,
    /// Of one thread, while no other is at work.
    pub seconds: f64,
    pub stages: stages::Seconds,
    /// Bytes in memory before and after, where the system tells.
    pub memory: (Option<u64>, Option<u64>),
}

impl First {
    fn make(family: &dyn Family, streams: u64) -> Result<Self> {
        let before = resident_bytes();
        let mut sampler = family.sampler()?;
        let start = Instant::now();
        let (made, stages) = stages::watched(|| sampler.sample(streams, 0));
        let seconds = start.elapsed().as_secs_f64();
        let system = made.map_err(|e| Error::Numeric(format!("sample 0: {e}")))?;
        Ok(First { system, seconds, stages, memory: (before, resident_bytes()) })
    }
}

/// The samples of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Job {
    pub number: usize,
    pub first: usize,
    pub count: usize,
}

impl Plan {
    /// Plans a run; makes sample 0.
    ///
    /// # Errors
    /// Those of the sample.
    pub fn new(recipe: &Recipe, family: &dyn Family, identity: Identity) -> Result<Self> {
        let Identity { mut header, streams } = identity;
        // On a thread of those that share what is large within a sample.
        let first = rayon::scope(|_| First::make(family, streams))?;
        let shape = Shape::of(&first.system, family.pattern(), family.mesh());
        shape.check(&first.system)?;
        let part_size = recipe.part_size.unwrap_or((PART_BYTES / bytes(&first.system)).clamp(1, PART_SAMPLES));
        header.origin = identity::origin(&header, part_size);
        Ok(Plan { header, shape, streams, part_size, first: Mutex::new(Some(first)) })
    }

    /// Sample 0, the first time that it is asked for: it is not made again.
    pub fn take_first(&self) -> Option<First> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Goes on under the identity of parts that are of the same run, which an older version may have written otherwise,
    /// or a process in another directory.
    pub fn adopt(&mut self, there: &Header) {
        self.header.recipe = there.recipe.clone();
        self.header.origin = there.origin;
        self.header.files = there.files.clone();
        // It names them, too.
        self.header.description = there.description.clone();
    }

    /// Number of parts.
    pub fn parts(&self) -> usize {
        self.header.samples.div_ceil(self.part_size)
    }

    /// The samples of part `number`.
    pub fn job(&self, number: usize) -> Job {
        let first = number * self.part_size;
        Job { number, first, count: self.part_size.min(self.header.samples - first) }
    }

    /// The header of that part's file.
    pub fn part_header(&self, job: Job) -> Header {
        Header {
            samples: job.count,
            part: Some(Part { number: job.number, parts: self.parts(), first: job.first, total: self.header.samples }),
            ..self.header.clone()
        }
    }
}

/// About what a sample takes in a file.
pub(super) fn bytes(s: &LinearSystem) -> usize {
    let fields: usize = s.fields.iter().chain(&s.labels).map(|f| f.values.len()).sum();
    8 * (s.matrix.nnz() + 2 * s.n() + fields).max(1)
}
