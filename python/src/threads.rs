//! The threads that work, in a pool of this process.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors;

/// The pool, the process that made it, and how many threads were asked for (0: as many as cores).
struct Shared {
    pool: Option<(u32, Arc<ThreadPool>)>,
    threads: usize,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared { pool: None, threads: 0 });

/// Most threads, as on the command line.
const MOST: usize = 1024;

/// The pool that this process shares. One that was forked (a worker of multiprocessing) has none of the threads of the
/// process that it comes from, and makes its own.
pub fn shared(py: Python) -> PyResult<Arc<ThreadPool>> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let own = std::process::id();
    match shared.pool.take() {
        Some((process, pool)) if process == own => {
            shared.pool = Some((process, pool.clone()));
            return Ok(pool);
        }
        // Its threads are not here to be ended.
        Some(foreign) => std::mem::forget(foreign),
        None => {}
    }
    let pool = Arc::new(of_its_own(py, shared.threads)?);
    shared.pool = Some((own, pool.clone()));
    Ok(pool)
}

/// A pool for one piece of work that waits for Python meanwhile, so that the shared one stays free.
pub fn separate(py: Python) -> PyResult<ThreadPool> {
    let threads = SHARED.lock().unwrap_or_else(PoisonError::into_inner).threads;
    of_its_own(py, threads)
}

fn of_its_own(py: Python, threads: usize) -> PyResult<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|k| format!("fempipe-{k}")).build();
    pool.map_err(|e| errors::named(py, "Error", format!("threads cannot be started: {e}")))
}

#[pyfunction]
pub fn get_num_threads(py: Python) -> PyResult<usize> {
    Ok(shared(py)?.current_num_threads())
}

#[pyfunction]
pub fn set_num_threads(py: Python, threads: usize) -> PyResult<()> {
    if !(1..=MOST).contains(&threads) {
        let reason = format!("threads = {threads}: must be from 1 to {MOST}");
        return Err(errors::named(py, "ArgumentError", reason));
    }
    let before = {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.threads = threads;
        shared.pool.take()
    };
    match before {
        Some((process, pool)) if process == std::process::id() => drop(pool),
        other => std::mem::forget(other),
    }
    Ok(())
}
