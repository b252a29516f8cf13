//! A run: what is there already is kept, what is missing is made. Samples with rows of one length are written to their
//! places in the dataset; others, and those of shards, to parts, which are joined when all are there.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::claim::{claim, is_recipe, lock, save_recipe};
use super::identity::{self, Identity};
use super::plan::{Job, Plan};
use super::recipe::Recipe;
use super::sampling::{self, Made, Making, Parts};
use crate::dataset::parts::{self, PartSet, UnfinishedPart};
use crate::dataset::{Dataset, Header, Places, Split, Unfinished, split};
use crate::error::{Error, Result};
use crate::families::Family;
use crate::io::outputs;
use crate::linalg::dense;
use crate::shard::Shard;

/// What a run tells of its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `kept` of `total` samples are there from before.
    Start {
        /// Samples of this process's share.
        total: usize,
        /// Samples in parts that are whole already.
        kept: usize,
    },
    /// One more sample was made.
    Sample,
    /// `done` of `total` samples are joined.
    Join {
        /// Samples copied.
        done: usize,
        /// All samples.
        total: usize,
    },
}

/// How to run.
pub struct Settings<'a> {
    /// Threads that make samples.
    pub threads: usize,
    /// Make only this share of the parts, and do not join.
    pub shard: Option<Shard>,
    /// Replace a finished file at the output.
    pub force: bool,
    /// Told of progress, on the calling thread.
    pub progress: &'a dyn Fn(Event),
}

impl Default for Settings<'_> {
    /// On all cores, the whole dataset, nothing replaced, no one told.
    fn default() -> Self {
        Settings {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            shard: None,
            force: false,
            progress: &|_| (),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The dataset is written.
    Complete,
    /// The dataset was there already; nothing was done.
    AlreadyThere,
    /// This share is made; so many parts of the others are still missing.
    Shard {
        /// Parts that no process has made yet.
        missing: usize,
    },
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The dataset, or where it will be.
    pub output: PathBuf,
    /// Samples of the whole dataset.
    pub samples: usize,
    /// Samples made by this run.
    pub made: usize,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// How it ended.
    pub ending: Ending,
}

/// Makes the dataset of a recipe at `output`, going on from where an earlier run of the same recipe stopped.
///
/// # Errors
/// [`Error::File`] if `output` or its parts are of another recipe, [`Error::Io`] if the file system refuses,
/// [`Error::Interrupted`] on Ctrl-C, and whatever the family says. What is finished stays in all cases.
pub fn run(recipe: &Recipe, family: &dyn Family, output: &Path, settings: &Settings) -> Result<Summary> {
    produce(recipe, family, output, settings).map_err(|e| match e {
        Error::Io { path, source, .. } if source.kind() == ErrorKind::StorageFull => Error::file(
            path,
            format!("cannot write: {source}; what is finished stays, the same command goes on once there is space"),
        ),
        other => other,
    })
}

fn produce(recipe: &Recipe, family: &dyn Family, output: &Path, settings: &Settings) -> Result<Summary> {
    let clock = Instant::now();
    dense::on_one_thread();
    parts::check_output(output)?;
    outputs::check(&[output], &family.files(), true)?;
    let identity = Identity::new(recipe, family)?;
    let dir = parts::directory(output);
    let summary = |made, ending| Summary {
        output: output.to_path_buf(),
        samples: recipe.samples,
        made,
        seconds: clock.elapsed().as_secs_f64(),
        ending,
    };
    if !settings.force && finished(output, &identity.header)? {
        // A run that was killed between joining and cleaning up left its parts. If another one is at work there, to
        // replace the file, they are its own.
        if dir.is_dir()
            && let Some(lock) = lock(&dir, None)?
        {
            let wanted = &identity.header;
            // What another recipe has begun there, to replace the file, is not ours.
            let ours = |begun: Begun| begun.header().is_none_or(|there| identity::difference(there, wanted).is_none());
            // Nor what cannot be told.
            if Begun::in_directory(&dir, wanted).is_ok_and(ours) {
                parts::remove(&dir, &is_recipe)?;
            }
            drop(lock);
        }
        return Ok(summary(0, Ending::AlreadyThere));
    }
    let mut plan = Plan::new(recipe, family, identity)?;
    let lock = claim(&dir, settings.shard)?;
    let begun = Begun::in_directory(&dir, &plan.header)?;
    if let Some(there) = begun.header() {
        check_origin(there, &plan.header, &dir)?;
        plan.adopt(there);
    }
    let Begun { parts: found, unfinished } = begun;
    if settings.shard.is_some() && unfinished.is_some() {
        let reason = "holds what a run without shards has made; finish that with the same command without --shard, \
                      remove the directory, or choose another -o";
        return Err(Error::file(&dir, reason));
    }
    save_recipe(&dir, &plan.header.recipe)?;
    let group = recipe.split_group.unwrap_or_else(|| family.group());
    let in_place = settings.shard.is_none() && !recipe.compress && Unfinished::is_possible(&plan.shape, &dir, output);
    if in_place && found.parts.is_empty() {
        let tick = || (settings.progress)(Event::Sample);
        let making = Making { family, plan: &plan, threads: settings.threads, tick: &tick };
        let made = write_in_place(&making, &plan, (&dir, output), &sets(recipe, group)?, settings)?;
        parts::remove(&dir, &is_recipe)?;
        drop(lock);
        return Ok(summary(made, Ending::Complete));
    }
    let made = make_missing(family, &plan, &found, &dir, settings)?;
    let found = PartSet::scan(std::slice::from_ref(&dir), &|there| there.origin == plan.header.origin)?;
    if settings.shard.is_some() {
        let missing = plan.parts() - found.parts.len();
        return Ok(summary(made, Ending::Shard { missing }));
    }
    join(&found, &dir, output, (recipe, group), settings.progress)?;
    parts::remove(&dir, &is_recipe)?;
    drop(lock);
    Ok(summary(made, Ending::Complete))
}

/// Joins the parts of `output` (and of further directories) that several processes made.
///
/// The directory of parts beside `output` is removed afterwards, further ones are not. `force` replaces what is there.
///
/// # Errors
/// [`Error::File`] naming parts that are missing, there twice, altered, or of another run.
pub fn merge(output: &Path, further: &[PathBuf], force: bool, progress: &dyn Fn(Event)) -> Result<Summary> {
    let clock = Instant::now();
    let dir = parts::directory(output);
    let mut dirs = further.to_vec();
    if dir.is_dir() {
        dirs.push(dir.clone());
    } else if further.is_empty() {
        let reason = format!("has no parts to join: there is no directory {}", dir.display());
        return Err(Error::file(output, reason));
    }
    let found = PartSet::scan(&dirs, &|_| false)?;
    let Some((header, part)) = found.any() else {
        return Err(Error::file(&dirs[0], "holds no parts: generate them first"));
    };
    let summary = |ending| Summary {
        output: output.to_path_buf(),
        samples: part.total,
        made: 0,
        seconds: clock.elapsed().as_secs_f64(),
        ending,
    };
    let read: Vec<&PathBuf> = found.parts.values().map(|(path, _)| path).collect();
    outputs::check(&[output], &read, true)?;
    if !force && finished(output, header)? {
        return Ok(summary(Ending::AlreadyThere));
    }
    let origin = "recipe in the parts";
    let recipe = Recipe::of_dataset(&header.recipe, origin)?;
    let lock = claim(&dir, None)?;
    if Unfinished::header(&dir, header)?.is_some() {
        let reason = "holds what a run without shards has made, which joining would remove; finish that run, remove \
                      the directory, or choose another -o";
        return Err(Error::file(&dir, reason));
    }
    let group = recipe.split_group.unwrap_or(1);
    join(&found, &dir, output, (&recipe, group), progress)?;
    parts::remove(&dir, &is_recipe)?;
    drop(lock);
    Ok(summary(Ending::Complete))
}

/// What lies in the directory beside an output.
struct Begun {
    parts: PartSet,
    /// Of a dataset that is written in place.
    unfinished: Option<Header>,
}

impl Begun {
    /// That of a directory, where samples of the run `wanted` are looked for.
    fn in_directory(dir: &Path, wanted: &Header) -> Result<Self> {
        let of_this = |there: &Header| identity::difference(there, wanted).is_none();
        let parts = PartSet::scan(&[dir.to_path_buf()], &of_this)?;
        Ok(Begun { parts, unfinished: Unfinished::header(dir, wanted)? })
    }

    /// The run that it is of; None if there is nothing.
    fn header(&self) -> Option<&Header> {
        self.parts.any().map(|(there, _)| there).or(self.unfinished.as_ref())
    }
}

/// Whether `output` is there and of this run; an error if it is something else.
fn finished(output: &Path, wanted: &Header) -> Result<bool> {
    if !output.exists() {
        return Ok(false);
    }
    let advice = "choose another -o, or --force to replace it";
    let there = match Dataset::open(output) {
        Ok(data) => data.header().clone(),
        Err(Error::File { path, reason }) => {
            return Err(Error::file(path, format!("is there already and {reason}; {advice}")));
        }
        Err(e) => return Err(e),
    };
    match identity::difference(&there, wanted) {
        None => Ok(true),
        Some(why) => Err(Error::file(output, format!("holds a dataset of another recipe ({why}); {advice}"))),
    }
}

/// Refuses to go on with what another recipe made.
fn check_origin(there: &Header, wanted: &Header, dir: &Path) -> Result<()> {
    match identity::difference(there, wanted) {
        None => Ok(()),
        Some(why) => Err(Error::file(
            dir,
            format!(
                "holds samples of another recipe ({why}); finish it with its own recipe.toml, \
                 remove the directory, or choose another -o"
            ),
        )),
    }
}

/// Makes the samples that are not there, each to its place in the dataset, and gives that its name; returns how many.
fn write_in_place(
    making: &Making,
    plan: &Plan,
    (dir, output): (&Path, &Path),
    sets: &Split,
    settings: &Settings,
) -> Result<usize> {
    let mut unfinished = Unfinished::open(dir, &plan.header, &plan.shape)?;
    let (total, missing) = (plan.header.samples, unfinished.missing().len());
    (settings.progress)(Event::Start { total, kept: total - missing });
    if sampling::fill(making, &mut unfinished)? {
        unfinished.finish(output, sets)?;
        return Ok(missing);
    }
    let there = format!("{} of {total} samples are in {}", total - unfinished.missing().len(), dir.display());
    Err(Error::Interrupted(format!("{there}; the same command goes on from there")))
}

/// Makes the parts of this share that are not there; returns how many samples.
fn make_missing(family: &dyn Family, plan: &Plan, found: &PartSet, dir: &Path, settings: &Settings) -> Result<usize> {
    let ours = |p: &usize| settings.shard.is_none_or(|s| s.has(*p));
    let all: Vec<Job> = (0..plan.parts()).filter(ours).map(|p| plan.job(p)).collect();
    let missing = |j: &&Job| !found.parts.contains_key(&j.number);
    let jobs: Vec<Job> = all.iter().filter(missing).copied().collect();
    let samples = |jobs: &[Job]| jobs.iter().map(|j| j.count).sum::<usize>();
    let (total, todo) = (samples(&all), samples(&jobs));
    (settings.progress)(Event::Start { total, kept: total - todo });
    let mut parts = InDirectory { dir, plan, unfinished: BTreeMap::new(), written: all.len() - jobs.len() };
    let tick = || (settings.progress)(Event::Sample);
    let making = Making { family, plan, threads: settings.threads, tick: &tick };
    let whole = sampling::make(&making, &jobs, &mut parts)?;
    if whole {
        return Ok(todo);
    }
    Err(Error::Interrupted(format!(
        "{} of {} parts are in {}; the same command goes on from there",
        parts.written,
        all.len(),
        dir.display()
    )))
}

/// The parts in a directory, of which those that samples are being made of are unfinished.
struct InDirectory<'a> {
    dir: &'a Path,
    plan: &'a Plan,
    /// By the part's number.
    unfinished: BTreeMap<usize, UnfinishedPart>,
    /// Parts that are whole.
    written: usize,
}

impl Parts for InDirectory<'_> {
    fn open(&mut self, job: Job) -> Result<Option<Arc<Places>>> {
        if self.plan.shape.pattern.is_none() {
            return Ok(None);
        }
        let part = UnfinishedPart::create(self.dir, &self.plan.part_header(job), &self.plan.shape)?;
        let places = part.places();
        if places.is_some() {
            self.unfinished.insert(job.number, part);
        }
        Ok(places)
    }

    fn write(&mut self, job: Job, samples: Vec<Made>) -> Result<()> {
        let (mut noted, mut whole) = (Vec::new(), Vec::new());
        for made in samples {
            match made {
                Made::Placed(row) => noted.push(row),
                Made::Whole(record) => whole.push(*record),
            }
        }
        match self.unfinished.remove(&job.number) {
            Some(part) => part.finish(&noted)?,
            None => parts::write(self.dir, &self.plan.part_header(job), &self.plan.shape, &whole)?,
        }
        self.written += 1;
        Ok(())
    }
}

/// Joins the parts; whole groups of so many samples go to one set of the split.
fn join(
    found: &PartSet,
    dir: &Path,
    output: &Path,
    (recipe, group): (&Recipe, usize),
    progress: &dyn Fn(Event),
) -> Result<()> {
    let (sets, total) = (sets(recipe, group)?, recipe.samples);
    parts::join(found, dir, output, &sets, recipe.compress, &|done| progress(Event::Join { done, total }))
}

/// The sets; whole groups of so many samples go to one of them.
fn sets(recipe: &Recipe, group: usize) -> Result<Split> {
    split::split(&recipe.split, recipe.samples, group, recipe.seed)
}
