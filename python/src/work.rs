//! Work of the library while Python runs on: other threads of Python go on, and Ctrl-C ends the work.
//!
//! Signals are Python's: its handler runs on its main thread alone, when that comes to look. So the thread that calls
//! waits beside the work, looks every few milliseconds, and raises the library's own flag.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fempipe::solver::Monitor;
use fempipe::{Result, interrupt};
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;

use crate::{errors, threads};

/// How often signals are looked for.
const LOOK: Duration = Duration::from_millis(20);

/// Works under way. The library has one flag for all of them: Ctrl-C ends all, and the last one lowers it.
static UNDER_WAY: Mutex<usize> = Mutex::new(0);

struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        UnderWay
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut count = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        *count -= 1;
        if *count == 0 {
            interrupt::clear();
        }
    }
}

/// What the work tells the thread that waits for it.
enum Told<T> {
    Done(std::thread::Result<Result<T>>),
    /// An iteration and its residual norm; the answer says whether to go on.
    Iteration(usize, f64, Sender<bool>),
}

/// Does the work on the threads of the pool.
pub fn run<T: Send>(py: Python, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    let pool = threads::shared(py)?;
    if pool.current_thread_index().is_some() {
        // Called back from within other work on a thread of the pool, where nobody may wait.
        return errors::raised(py, py.detach(work));
    }
    finish(py, &pool, None, |_| work())
}

/// Does the work with a monitor that calls `callback(iteration, residual)` on the calling thread.
pub fn run_monitored<T: Send>(
    py: Python,
    callback: &Bound<PyAny>,
    work: impl FnOnce(&mut dyn Monitor) -> Result<T> + Send,
) -> PyResult<T> {
    let pool = threads::separate(py)?;
    let callback = callback.clone().unbind();
    finish(py, &pool, Some(&callback), |sender: &Sender<Told<T>>| work(&mut Asking { sender: sender.clone() }))
}

fn finish<T: Send>(
    py: Python,
    pool: &rayon::ThreadPool,
    callback: Option<&Py<PyAny>>,
    work: impl FnOnce(&Sender<Told<T>>) -> Result<T> + Send,
) -> PyResult<T> {
    let _under_way = UnderWay::begin();
    let (sender, receiver) = channel();
    let (done, raised) = py.detach(move || {
        pool.in_place_scope(|scope| {
            scope.spawn(move |_| {
                let done = catch_unwind(AssertUnwindSafe(|| work(&sender)));
                // Whoever spawned it waits for this.
                let _ = sender.send(Told::Done(done));
            });
            wait(&receiver, callback)
        })
    });
    match (raised, done) {
        (Some(raised), _) => Err(raised),
        (None, Some(Ok(result))) => errors::raised(py, result),
        (None, _) => {
            let reason = "a bug of fempipe (the panic message on standard error says where): please report it";
            Err(errors::named(py, "InternalError", reason.into()))
        }
    }
}

/// Waits for the end of the work; returns it with the exception that was raised meanwhile.
fn wait<T>(
    told: &Receiver<Told<T>>,
    callback: Option<&Py<PyAny>>,
) -> (Option<std::thread::Result<Result<T>>>, Option<PyErr>) {
    let mut raised: Option<PyErr> = None;
    loop {
        match told.recv_timeout(LOOK) {
            Ok(Told::Done(done)) => return (Some(done), raised),
            Ok(Told::Iteration(iteration, residual, answer)) => {
                let called = Python::attach(|py| {
                    py.check_signals()?;
                    callback.map(|f| f.call1(py, (iteration, residual))).transpose().map(drop)
                });
                let go_on = raised.is_none() && called.is_ok();
                if let Err(e) = called {
                    let stop = Python::attach(|py| e.is_instance_of::<PyStopIteration>(py));
                    raised = raised.or((!stop).then_some(e));
                }
                // The work may be over.
                let _ = answer.send(go_on);
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Err(e) = Python::attach(|py| py.check_signals()) {
                    interrupt::request();
                    raised = raised.or(Some(e));
                }
            }
            Err(RecvTimeoutError::Disconnected) => return (None, raised),
        }
    }
}

/// The monitor that asks the waiting thread.
struct Asking<T> {
    sender: Sender<Told<T>>,
}

impl<T> Monitor for Asking<T> {
    fn iteration(&mut self, it: usize, residual: f64) -> bool {
        let (answer, answered) = channel();
        self.sender.send(Told::Iteration(it, residual, answer)).is_ok() && answered.recv().unwrap_or(false)
    }
}
