//! What a run will make: how many parts of which samples, and the identity that ties them together.

use crate::dataset::digest::Digest;
use crate::dataset::{Header, InputFile, Part, Shape, parts};
use crate::error::{Error, Result};
use crate::families::Family;
use crate::system::LinearSystem;

use super::recipe::Recipe;
use super::streams;

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
        let files = family.files().iter().map(|f| InputFile::read(f)).collect::<Result<Vec<_>>>()?;
        let streams = streams::seed(recipe.seed, &recipe.family, family, &files);
        let first = family.sampler()?.sample(streams, 0).map_err(|e| Error::Numeric(format!("sample 0: {e}")))?;
        let shape = Shape::of(&first, family.pattern(), family.mesh());
        shape.check(&first)?;
        let part_size = recipe.part_size.unwrap_or((PART_BYTES / bytes(&first)).clamp(1, PART_SAMPLES));
        let text = recipe.resolved(family);
        let version = env!("CARGO_PKG_VERSION");
        let mut origin = Digest::new();
        origin.text(&text).text(version).number(part_size as u64);
        for file in &files {
            origin.number(file.digest);
        }
        let header = Header {
            description: family.description(),
            recipe: text,
            seed: recipe.seed,
            fempipe_version: version.to_string(),
            samples: recipe.samples,
            origin: origin.finish(),
            files,
            part: None,
        };
        Ok(Plan { header, shape, streams, part_size })
    }

    /// Goes on under the identity of parts that are of the same run, which an older version may have written otherwise.
    pub fn adopt(&mut self, there: &Header) {
        self.header.recipe = there.recipe.clone();
        self.header.origin = there.origin;
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

/// In what two headers are of different runs; None if they are of one: same version, same recipe however it is written,
/// same content of the files that it names.
pub(super) fn difference(there: &Header, wanted: &Header) -> Option<String> {
    if there.origin == wanted.origin {
        return None;
    }
    let (there, wanted) = (in_full(there), in_full(wanted));
    let same =
        there.fempipe_version == wanted.fempipe_version && there.recipe == wanted.recipe && there.files == wanted.files;
    (!same).then(|| parts::difference(&there, &wanted))
}

/// Refuses to make a dataset again whose recipe names files that have changed since: it would be another one.
///
/// # Errors
/// [`Error::File`] naming the file; [`Error::Io`] if it cannot be read, [`Error::Recipe`] if the recipe is no family's.
pub fn check_files(recorded: &[InputFile], recipe: &Recipe) -> Result<()> {
    if recorded.is_empty() {
        return Ok(());
    }
    for path in recipe.family()?.files() {
        let now = InputFile::read(&path)?;
        if let Some(then) = recorded.iter().find(|f| f.path == path && f.digest != now.digest) {
            let (there, here) = (then.digest, now.digest);
            let reason = format!(
                "has changed since the dataset was made from it: XXH3 {there:016x} there, {here:016x} here; take the \
                 file as it was, or name another one in a recipe of your own"
            );
            return Err(Error::file(path, reason));
        }
    }
    Ok(())
}

/// A header with every default of its recipe written out, which older versions left to the reader.
fn in_full(header: &Header) -> Header {
    let origin = "recipe in the file";
    let resolved =
        Recipe::of_dataset(&header.recipe, origin).and_then(|recipe| Ok(recipe.resolved(&*recipe.family()?)));
    Header {
        // What is no recipe of ours is compared as it stands.
        recipe: resolved.unwrap_or_else(|_| header.recipe.clone()),
        ..header.clone()
    }
}

/// About what a sample takes in a file.
pub(super) fn bytes(s: &LinearSystem) -> usize {
    let fields: usize = s.fields.iter().chain(&s.labels).map(|f| f.values.len()).sum();
    8 * (s.matrix.nnz() + 2 * s.n() + fields).max(1)
}
