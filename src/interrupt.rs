//! Ctrl-C and SIGTERM: a flag that long loops look at between two units of work, so that nothing finished is lost; and
//! an end all the same where they do not come to look.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};

/// Signals so far.
static SIGNALS: AtomicUsize = AtomicUsize::new(0);

/// Works under way that end by themselves, and whose end is worth waiting for ([`Unsaved`]).
static UNSAVED: AtomicUsize = AtomicUsize::new(0);

/// How long a computation that does not look at the flag (a factorisation, a call into the HDF5 library) is waited for.
const GRACE: Duration = Duration::from_secs(4);

/// When it is told that something is finished and saved first.
const SOON: Duration = Duration::from_secs(1);

/// How often something that is saved is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// The exit code of a process that was told to stop.
pub const EXIT_CODE: u8 = 130;

/// What there is to tell of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The first one, a second ago: what is under way is finished and saved.
    Saving,
    /// The second one, while something is saved yet; a third ends the process.
    WhileSaving,
    /// The process ends now, whatever it was doing.
    Ending,
}

/// Turns SIGINT and SIGTERM into the flag. A process that has not ended some seconds later, or at a second signal, is
/// ended, but for one that holds an [`Unsaved`]: that takes a third one. `tell` is called before the process ends, and
/// where it goes on for longer than a second after the first signal, or in spite of a second one.
pub fn install(tell: fn(Signal)) {
    let end = move || {
        tell(Signal::Ending);
        std::process::exit(i32::from(EXIT_CODE));
    };
    let handler = move || match SIGNALS.fetch_add(1, Ordering::SeqCst) {
        0 => {
            std::thread::spawn(move || {
                std::thread::sleep(SOON);
                let mut saved = UNSAVED.load(Ordering::SeqCst) > 0;
                if saved {
                    tell(Signal::Saving);
                }
                std::thread::sleep(GRACE - SOON);
                while UNSAVED.load(Ordering::SeqCst) > 0 {
                    saved = true;
                    std::thread::sleep(LOOK);
                }
                if saved {
                    // Whoever has saved says so, and ends by itself.
                    std::thread::sleep(GRACE);
                }
                end();
            });
        }
        1 if UNSAVED.load(Ordering::SeqCst) > 0 => tell(Signal::WhileSaving),
        _ => end(),
    };
    // A handler that is already there (in a test, say) is as good.
    let _ = ctrlc::set_handler(handler);
}

/// Raises the flag as a signal would, for programs that handle signals themselves. Whoever raises it lowers it again
/// ([`clear`]) once the work under way has ended.
pub fn request() {
    SIGNALS.fetch_add(1, Ordering::SeqCst);
}

/// Lowers the flag: work that begins from now on is not asked to stop.
pub fn clear() {
    SIGNALS.store(0, Ordering::SeqCst);
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    SIGNALS.load(Ordering::SeqCst) > 0
}

/// The error to end with if the user asked to stop, for use inside of computations: whoever called them knows what is
/// saved and how to go on.
///
/// # Errors
/// [`Error::Interrupted`] naming `what` was under way.
pub fn check(what: &str) -> Result<()> {
    match requested() {
        true => Err(Error::Interrupted(what.into())),
        false => Ok(()),
    }
}

/// Held by work whose result is saved when it sees the flag: as long as there is one, only a third signal ends the
/// process at once.
#[derive(Debug)]
pub struct Unsaved(());

impl Unsaved {
    /// From now until it is dropped.
    #[allow(clippy::new_without_default)] // counts: not a default value
    pub fn new() -> Self {
        UNSAVED.fetch_add(1, Ordering::SeqCst);
        Unsaved(())
    }
}

impl Drop for Unsaved {
    fn drop(&mut self) {
        UNSAVED.fetch_sub(1, Ordering::SeqCst);
    }
}
