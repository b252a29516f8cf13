//! Ctrl-C as a flag that long loops look at between two units of work, so that nothing finished is lost.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Turns SIGINT and SIGTERM into the flag; a second signal ends the process at once.
pub fn install() {
    // A handler that is already there (in a test, say) is as good.
    let _ = ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    });
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
