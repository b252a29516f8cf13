//! What a run will make: how many parts of which samples, under which identity.

use super::identity::{self, Identity};
use super::recipe::Recipe;
use crate::dataset::{Header, Part, Shape};
use crate::error::{Error, Result};
use crate::families::Family;
use crate::system::LinearSystem;

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
}

/// The samples of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Job {
    pub number: usize,
    pub first: usize,
    pub count: usize,
}

impl Plan {
    /// Plans a run; makes sample 0 to see what samples look like.
    pub fn new(recipe: &Recipe, family: &dyn Family) -> Result<Self> {
        if let Some(most) = family.samples().filter(|most| recipe.samples > *most) {
            let reason = format!("samples = {}: a file holds fields of {most} samples only", recipe.samples);
            return Err(Error::recipe(&recipe.origin, reason));
        }
        let Identity { mut header, streams } = Identity::new(recipe, family)?;
        let first = family.sampler()?.sample(streams, 0).map_err(|e| Error::Numeric(format!("sample 0: {e}")))?;
        let shape = Shape::of(&first, family.pattern(), family.mesh());
        shape.check(&first)?;
        let part_size = recipe.part_size.unwrap_or((PART_BYTES / bytes(&first)).clamp(1, PART_SAMPLES));
        header.origin = identity::origin(&header, part_size);
        Ok(Plan { header, shape, streams, part_size })
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
