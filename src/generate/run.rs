//! A run: what is there already is kept, what is missing is made, and when all is there it is joined.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::plan::{self, Job, Plan};
use super::recipe::Recipe;
use super::sampling::{self, Made, Parts};
use crate::dataset::parts::{self, PartSet, Unfinished};
use crate::dataset::{Dataset, Header, Places, split};
use crate::error::{Error, Result};
use crate::families::Family;
use crate::io::{atomic, outputs};
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
/// [`Error::Interrupted`] on Ctrl-C, and whatever the family says. Finished parts stay in all cases.
pub fn run(recipe: &Recipe, family: &dyn Family, output: &Path, settings: &Settings) -> Result<Summary> {
    produce(recipe, family, output, settings).map_err(|e| match e {
        Error::Io { path, source, .. } if source.kind() == ErrorKind::StorageFull => Error::file(
            path,
            format!("cannot write: {source}; finished parts stay, the same command goes on once there is space"),
        ),
        other => other,
    })
}

fn produce(recipe: &Recipe, family: &dyn Family, output: &Path, settings: &Settings) -> Result<Summary> {
    let clock = Instant::now();
    dense::on_one_thread();
    parts::check_output(output)?;
    outputs::check(&[output], &family.files(), true)?;
    let mut plan = Plan::new(recipe, family)?;
    let dir = parts::directory(output);
    let summary = |made, ending| Summary {
        output: output.to_path_buf(),
        samples: recipe.samples,
        made,
        seconds: clock.elapsed().as_secs_f64(),
        ending,
    };
    if !settings.force && finished(output, &plan.header)? {
        // A run that was killed between joining and cleaning up left its parts. If another one is at work there, to
        // replace the file, they are its own.
        if dir.is_dir()
            && let Some(lock) = lock(&dir, None)?
        {
            parts::remove(&dir, &is_recipe)?;
            drop(lock);
        }
        return Ok(summary(0, Ending::AlreadyThere));
    }
    let lock = claim(&dir, settings.shard)?;
    let found = PartSet::scan(std::slice::from_ref(&dir), &|there| plan::difference(there, &plan.header).is_none())?;
    check_origin(&found, &plan.header, &dir)?;
    if let Some((there, _)) = found.any() {
        plan.adopt(there);
    }
    save_recipe(&dir, &plan.header.recipe)?;
    let made = make_missing(recipe, family, &plan, &found, &dir, settings)?;
    let found = PartSet::scan(std::slice::from_ref(&dir), &|there| there.origin == plan.header.origin)?;
    if settings.shard.is_some() {
        let missing = plan.parts() - found.parts.len();
        return Ok(summary(made, Ending::Shard { missing }));
    }
    let group = recipe.split_group.unwrap_or_else(|| family.group());
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
    let group = recipe.split_group.unwrap_or(1);
    join(&found, &dir, output, (&recipe, group), progress)?;
    parts::remove(&dir, &is_recipe)?;
    drop(lock);
    Ok(summary(Ending::Complete))
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
    match plan::difference(&there, wanted) {
        None => Ok(true),
        Some(why) => Err(Error::file(output, format!("holds a dataset of another recipe ({why}); {advice}"))),
    }
}

/// Makes the directory of parts and takes hold of it: alone, or beside other shards.
fn claim(dir: &Path, shard: Option<Shard>) -> Result<Vec<File>> {
    lock(dir, shard)?
        .ok_or_else(|| Error::file(dir, "is in use by another fempipe: wait until that is done, or choose another -o"))
}

/// The locks on a directory of parts, made if need be; None if another process has them.
fn lock(dir: &Path, shard: Option<Shard>) -> Result<Option<Vec<File>>> {
    let names = match shard {
        None => vec![(parts::LOCK.to_string(), false)],
        Some(s) => vec![(parts::LOCK.to_string(), true), (format!("lock-{}-of-{}", s.index + 1, s.count), false)],
    };
    'again: loop {
        std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, "create", e))?;
        let mut locks = Vec::new();
        for (name, shared) in &names {
            let path = dir.join(name);
            let file = match File::options().create(true).append(true).open(&path) {
                // Another process has just joined its parts and removed the directory.
                Err(e) if e.kind() == ErrorKind::NotFound && !dir.exists() => continue 'again,
                file => file.map_err(|e| Error::io(&path, "create", e))?,
            };
            match if *shared { file.try_lock_shared() } else { file.try_lock() } {
                Err(TryLockError::WouldBlock) => return Ok(None),
                // A file system without locks: then the user keeps order.
                Err(TryLockError::Error(_)) | Ok(()) => {}
            }
            // The same holds if what was locked is no longer what lies there.
            let now = (file.metadata(), std::fs::metadata(&path));
            if !matches!(now, (Ok(locked), Ok(there)) if outputs::same_file(&locked, &there) != Some(false)) {
                continue 'again;
            }
            locks.push(file);
        }
        return Ok(Some(locks));
    }
}

/// Whether a text is the recipe of a dataset.
fn is_recipe(text: &str) -> bool {
    Recipe::parse(text, "").is_ok()
}

/// The recipe lies beside the parts before work starts, for people who find the directory: theirs, not that of a run
/// before. A file of that name that is no recipe is not ours, and stays.
fn save_recipe(dir: &Path, text: &str) -> Result<()> {
    let path = dir.join(parts::RECIPE);
    match std::fs::read_to_string(&path) {
        Ok(there) if there == text || !is_recipe(&there) => Ok(()),
        Err(e) if e.kind() == ErrorKind::InvalidData => Ok(()),
        _ => atomic::write(&path, text),
    }
}

/// Refuses to mix parts of two recipes.
fn check_origin(found: &PartSet, wanted: &Header, dir: &Path) -> Result<()> {
    match found.any().and_then(|(there, _)| plan::difference(there, wanted)) {
        None => Ok(()),
        Some(why) => Err(Error::file(
            dir,
            format!(
                "holds parts of another recipe ({why}); finish it with its own recipe.toml, \
                 remove the directory, or choose another -o"
            ),
        )),
    }
}

/// Makes the parts of this share that are not there; returns how many samples.
fn make_missing(
    recipe: &Recipe,
    family: &dyn Family,
    plan: &Plan,
    found: &PartSet,
    dir: &Path,
    settings: &Settings,
) -> Result<usize> {
    let ours = |p: &usize| settings.shard.is_none_or(|s| s.has(*p));
    let all: Vec<Job> = (0..plan.parts()).filter(ours).map(|p| plan.job(p)).collect();
    let missing = |j: &&Job| !found.parts.contains_key(&j.number);
    let jobs: Vec<Job> = all.iter().filter(missing).copied().collect();
    let samples = |jobs: &[Job]| jobs.iter().map(|j| j.count).sum::<usize>();
    let (total, todo) = (samples(&all), samples(&jobs));
    (settings.progress)(Event::Start { total, kept: total - todo });
    let mut parts = InDirectory { dir, plan, unfinished: BTreeMap::new(), written: all.len() - jobs.len() };
    let whole = sampling::make(family, (recipe.seed, plan.streams), &jobs, settings.threads, &mut parts, &|| {
        (settings.progress)(Event::Sample)
    })?;
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
    unfinished: BTreeMap<usize, Unfinished>,
    /// Parts that are whole.
    written: usize,
}

impl Parts for InDirectory<'_> {
    fn open(&mut self, job: Job) -> Result<Option<Arc<Places>>> {
        if self.plan.shape.pattern.is_none() {
            return Ok(None);
        }
        let part = Unfinished::create(self.dir, &self.plan.part_header(job), &self.plan.shape)?;
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
    let sets = split::split(&recipe.split, recipe.samples, group, recipe.seed)?;
    let total = recipe.samples;
    parts::join(found, dir, output, &sets, recipe.compress, &|done| progress(Event::Join { done, total }))
}
