//! Many threads make samples and write them to their places: in a dataset that is laid out as a whole, or in parts, of
//! which one thread finishes one after the other. Where samples have no places known beforehand that thread writes
//! them, too: then at most two parts are in memory at any time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::plan::{Job, Plan};
use crate::dataset::{Noted, Places, Record, Unfinished};
use crate::error::{Error, Result};
use crate::families::Family;
use crate::interrupt;

/// How often a waiting thread looks for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(100);

/// Which samples are taken, which are written, whether to go on. Positions count all samples of all jobs.
struct Queue {
    state: Mutex<State>,
    moved: Condvar,
    total: usize,
    window: usize,
    threads: usize,
}

#[derive(Default)]
struct State {
    next: usize,
    written: usize,
    stop: bool,
    /// The failure with the lowest sample index.
    failure: Option<(u64, Error)>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next positions to make, once the writer is near enough, `most` of them, fewer where each of the threads
    /// would not have its share of what is left; `None` when there is nothing left to do.
    fn take(&self, most: usize) -> Option<Range<usize>> {
        let mut state = self.lock();
        loop {
            if state.stop || state.next == self.total || interrupt::requested() {
                return None;
            }
            let end = state.written + self.window;
            if state.next < end {
                let (first, share) = (state.next, (self.total - state.next).div_ceil(self.threads));
                state.next = (first + most.min(share).max(1)).min(end).min(self.total);
                return Some(first..state.next);
            }
            let waited = self.moved.wait_timeout(state, PATIENCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn fail(&self, index: u64, e: Error) {
        let mut state = self.lock();
        state.stop = true;
        if state.failure.as_ref().is_none_or(|(i, _)| index < *i) {
            state.failure = Some((index, e));
        }
        self.moved.notify_all();
    }

    fn written(&self, count: usize) {
        self.lock().written += count;
        self.moved.notify_all();
    }
}

/// What is left of a sample for the thread that finishes parts.
pub(super) enum Made {
    /// Its numbers are at their place.
    Placed(Noted),
    /// All of it.
    Whole(Box<Record>),
}

/// Where the parts are that samples go to.
pub(super) trait Parts {
    /// Lays out the part of a job, before a sample of it is made; None if there are no places for its samples.
    fn open(&mut self, job: Job) -> Result<Option<Arc<Places>>>;

    /// Takes all samples of a job, in order.
    fn write(&mut self, job: Job, samples: Vec<Made>) -> Result<()>;
}

/// Index of a sample, its job and its row there.
struct Place {
    index: u64,
    job: usize,
    row: usize,
}

/// Samples that were made side by side, from the position of the first on.
type Group = (usize, Vec<Made>);

/// Places of the samples of each job, from when it is open.
type Open = [OnceLock<Option<Arc<Places>>>];

/// How samples are made: of which family and plan, on how many threads, told to whom.
pub(super) struct Making<'a> {
    pub family: &'a dyn Family,
    pub plan: &'a Plan,
    pub threads: usize,
    /// Called for each sample made, on the calling thread.
    pub tick: &'a dyn Fn(),
}

/// Makes the samples of all jobs, which threads put to their places in `parts`, and lets `parts` finish job after job,
/// in order, on this thread.
///
/// Returns false if Ctrl-C came before all jobs were written.
///
/// # Errors
/// The first failure of a sample or of `parts`; jobs finished before it are done.
pub(super) fn make(making: &Making, jobs: &[Job], parts: &mut dyn Parts) -> Result<bool> {
    let place = |(job, j): (usize, &Job)| {
        let first = j.first;
        (0..j.count).map(move |row| Place { index: (first + row) as u64, job, row })
    };
    let samples: Vec<Place> = jobs.iter().enumerate().flat_map(place).collect();
    let open: Vec<OnceLock<Option<Arc<Places>>>> = jobs.iter().map(|_| OnceLock::new()).collect();
    let window = 2 * jobs.iter().map(|j| j.count).max().unwrap_or(0);
    open_until(window, jobs, &open, parts)?;
    spread(making, (&samples, &open), window, |receive, queue| collect(jobs, &open, receive, queue, parts, making.tick))
}

/// Makes the samples that a dataset misses, which threads put to their places.
///
/// Returns false if Ctrl-C came before all were made.
///
/// # Errors
/// The first failure of a sample or of the file system; samples that were noted before it are there.
pub(super) fn fill(making: &Making, dataset: &mut Unfinished) -> Result<bool> {
    let place = |row: usize| Place { index: row as u64, job: 0, row };
    let samples: Vec<Place> = dataset.missing().into_iter().map(place).collect();
    let open = [OnceLock::from(Some(dataset.places()))];
    spread(making, (&samples, &open), samples.len(), |receive, queue| {
        // Beside the first samples: it takes time where the file system is memory.
        dataset.reserve()?;
        for (_, group) in receive.iter() {
            let placed = |made| match made {
                Made::Placed(noted) => Some(noted),
                Made::Whole(_) => None,
            };
            let noted: Vec<Noted> = group.into_iter().filter_map(placed).collect();
            let count = noted.len();
            dataset.note(noted)?;
            (0..count).for_each(|_| (making.tick)());
            queue.written(count);
        }
        Ok(())
    })
}

/// Threads that share the work within samples.
///
/// # Errors
/// [`Error::Numeric`] if the system does not start so many.
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
    pool.map_err(|e| Error::Numeric(format!("cannot start {threads} threads: {e}")))
}

/// Lets threads make samples, at most `window` ahead of what is written, and `collect` take them on this thread.
fn spread(
    making: &Making,
    (samples, open): (&[Place], &Open),
    window: usize,
    collect: impl FnOnce(&Receiver<Group>, &Queue) -> Result<()>,
) -> Result<bool> {
    let (total, threads) = (samples.len(), making.threads.clamp(1, samples.len().max(1)));
    let (family, plan) = (making.family, making.plan);
    if samples.first().is_none_or(|sample| sample.index != 0) {
        // It is there, or another process makes it: its memory is of use.
        drop(plan.take_first());
    }
    let queue = Queue { state: Mutex::default(), moved: Condvar::new(), total, window, threads };
    // Threads beyond the samples, and those that have made theirs, help with what is large within a sample.
    pool(making.threads)?.in_place_scope(|scope| {
        let (send, receive) = channel();
        let queue = &queue;
        // One worker a thread, on that thread: none waits for one that has not begun. The channel ends when the last
        // of them does.
        scope.spawn_broadcast(move |_, thread| {
            if thread.index() < threads {
                work(family, plan, (samples, open), queue, &send);
            }
        });
        let done = collect(&receive, queue);
        if done.is_err() {
            queue.lock().stop = true;
            queue.moved.notify_all();
        }
        done
    })?;
    let state = queue.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.failure {
        Some((_, e)) => Err(e),
        None => Ok(state.written == queue.total),
    }
}

/// Opens the jobs that start before position `end`.
fn open_until(end: usize, jobs: &[Job], open: &Open, parts: &mut dyn Parts) -> Result<()> {
    let mut start = 0;
    for (job, places) in jobs.iter().zip(open) {
        if start >= end {
            break;
        }
        if places.get().is_none() {
            // Set nowhere else.
            let _ = places.set(parts.open(*job)?);
        }
        start += job.count;
    }
    Ok(())
}

/// Stops the others when its thread panics: they would wait for its sample for ever.
struct Alarm<'a>(&'a Queue);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().stop = true;
            self.0.moved.notify_all();
        }
    }
}

/// One worker: samples until there is nothing left.
fn work(family: &dyn Family, plan: &Plan, (samples, open): (&[Place], &Open), queue: &Queue, send: &Sender<Group>) {
    let _alarm = Alarm(queue);
    let mut sampler = match family.sampler() {
        Ok(s) => s,
        Err(e) => return queue.fail(0, e),
    };
    let lanes = sampler.lanes();
    while let Some(positions) = queue.take(lanes) {
        let group = &samples[positions.clone()];
        let indices: Vec<u64> = group.iter().map(|sample| sample.index).collect();
        let first = if indices[0] == 0 { plan.take_first() } else { None };
        let rest = &indices[usize::from(first.is_some())..];
        let start = Instant::now();
        let made = if rest.is_empty() { Vec::new() } else { sampler.samples(plan.streams, rest) };
        // What is made side by side takes the same time.
        let seconds = start.elapsed().as_secs_f64() / rest.len().max(1) as f64;
        let first = first.map(|first| (Ok(first.system), first.seconds));
        let made = first.into_iter().chain(made.into_iter().map(|system| (system, seconds)));
        let mut written = Vec::with_capacity(group.len());
        for (sample, (system, seconds)) in group.iter().zip(made) {
            let checked = system.and_then(|system| {
                let record = Record::new(system, seconds);
                record.check().map(|()| record)
            });
            let record = match checked {
                Ok(record) => record,
                Err(e) => {
                    let message = format!("sample {} (seed {}): {e}", sample.index, plan.header.seed);
                    return queue.fail(sample.index, Error::Numeric(message));
                }
            };
            written.push(match open[sample.job].get().and_then(Option::as_ref) {
                Some(places) => match places.put(sample.row, &record.system) {
                    Ok(()) => Made::Placed(Noted::from(&record)),
                    Err(e) => return queue.fail(sample.index, e),
                },
                None => Made::Whole(Box::new(record)),
            });
        }
        if send.send((positions.start, written)).is_err() {
            return;
        }
    }
}

/// Takes samples in whatever order they come and finishes job after job.
fn collect(
    jobs: &[Job],
    open: &Open,
    receive: &Receiver<Group>,
    queue: &Queue,
    parts: &mut dyn Parts,
    tick: &dyn Fn(),
) -> Result<()> {
    let mut waiting = BTreeMap::new();
    let mut start = 0;
    for &job in jobs {
        let end = start + job.count;
        let mut here = waiting.range(start..end).count();
        while here < job.count {
            // The workers ended early: a failure or Ctrl-C, which the caller tells apart.
            let Ok((first, group)) = receive.recv() else {
                return Ok(());
            };
            for (position, made) in (first..).zip(group) {
                here += usize::from((start..end).contains(&position));
                waiting.insert(position, made);
                tick();
            }
        }
        let rest = waiting.split_off(&end);
        let samples = std::mem::replace(&mut waiting, rest).into_values().collect();
        parts.write(job, samples)?;
        open_until(end + queue.window, jobs, open, parts)?;
        queue.written(job.count);
        start = end;
    }
    Ok(())
}
