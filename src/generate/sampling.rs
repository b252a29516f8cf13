//! Many threads make samples, one thread takes them in order: at most two parts are in memory at any time.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::plan::Job;
use crate::dataset::Record;
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

    /// The next position to make, once the writer is near enough; `None` when there is nothing left to do.
    fn take(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stop || state.next == self.total || interrupt::requested() {
                return None;
            }
            if state.next < state.written + self.window {
                state.next += 1;
                return Some(state.next - 1);
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

/// Makes the samples of all jobs on `threads` threads and hands each job's records, in order, to `write` on this
/// thread. `tick` is called for each sample made. Of the two seeds the recipe's is told in errors, samples are drawn
/// from the other ([`super::streams`]).
///
/// Returns false if Ctrl-C came before all jobs were written.
///
/// # Errors
/// The first failure of a sample or of `write`; jobs handed over before it are done.
pub(super) fn make(
    family: &dyn Family,
    seeds: (u64, u64),
    jobs: &[Job],
    threads: usize,
    write: &mut dyn FnMut(Job, Vec<Record>) -> Result<()>,
    tick: &dyn Fn(),
) -> Result<bool> {
    let indices: Vec<u64> = jobs.iter().flat_map(|j| (j.first..j.first + j.count).map(|i| i as u64)).collect();
    let largest = jobs.iter().map(|j| j.count).max().unwrap_or(0);
    let queue = Queue { state: Mutex::default(), moved: Condvar::new(), total: indices.len(), window: 2 * largest };
    std::thread::scope(|scope| {
        let (send, receive) = channel();
        for _ in 0..threads.clamp(1, indices.len().max(1)) {
            let (send, queue, indices) = (send.clone(), &queue, &indices);
            scope.spawn(move || work(family, seeds, indices, queue, &send));
        }
        // The channel ends when the last worker does.
        drop(send);
        let done = collect(jobs, &receive, &queue, write, tick);
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
fn work(
    family: &dyn Family,
    (seed, streams): (u64, u64),
    indices: &[u64],
    queue: &Queue,
    send: &Sender<(usize, Record)>,
) {
    let _alarm = Alarm(queue);
    let mut sampler = match family.sampler() {
        Ok(s) => s,
        Err(e) => return queue.fail(0, e),
    };
    while let Some(position) = queue.take() {
        let index = indices[position];
        let start = Instant::now();
        match sampler.sample(streams, index) {
            Ok(system) => {
                let record = Record::new(system, start.elapsed().as_secs_f64());
                if let Err(e) = record.check() {
                    return queue.fail(index, Error::Numeric(format!("sample {index} (seed {seed}): {e}")));
                }
                if send.send((position, record)).is_err() {
                    return;
                }
            }
            Err(e) => {
                return queue.fail(index, Error::Numeric(format!("sample {index} (seed {seed}): {e}")));
            }
        }
    }
}

/// Takes records in whatever order they come and writes job after job.
fn collect(
    jobs: &[Job],
    receive: &Receiver<(usize, Record)>,
    queue: &Queue,
    write: &mut dyn FnMut(Job, Vec<Record>) -> Result<()>,
    tick: &dyn Fn(),
) -> Result<()> {
    let mut waiting = BTreeMap::new();
    let mut start = 0;
    for &job in jobs {
        let end = start + job.count;
        let mut here = waiting.range(start..end).count();
        while here < job.count {
            // The workers ended early: a failure or Ctrl-C, which the caller tells apart.
            let Ok((position, record)) = receive.recv() else {
                return Ok(());
            };
            here += usize::from((start..end).contains(&position));
            waiting.insert(position, record);
            tick();
        }
        let rest = waiting.split_off(&end);
        let records = std::mem::replace(&mut waiting, rest).into_values().collect();
        write(job, records)?;
        queue.written(job.count);
        start = end;
    }
    Ok(())
}
