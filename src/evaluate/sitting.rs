//! The sweep of an evaluation into a directory, from which one that is interrupted goes on.

use std::path::Path;

use super::journal::Journal;
use super::opened::Opened;
use super::output;
use super::sweep::{self, Event, Results};
use crate::error::{Error, Result};

/// Measures what the journal of a directory, which must be [claimed](super::claim), does not have; with `force`
/// everything anew. The directory is locked as long as the journal lives.
///
/// # Errors
/// Those of [`sweep::run`] and [`Journal::open`]; after [`Error::Interrupted`] the same call goes on.
pub fn run_in(
    opened: &Opened,
    directory: &Path,
    force: bool,
    events: &mut dyn FnMut(&Event),
) -> Result<(Results, Journal)> {
    let mut journal = Journal::open(directory)?;
    if force {
        journal = journal.replacing(output::files(directory));
    }
    match sweep::run(opened, &mut journal, events) {
        Ok(results) => Ok((results, journal)),
        Err(e @ Error::Interrupted(_)) => {
            journal.begin()?;
            output::write_recipe(directory, opened.recipe())?;
            Err(e)
        }
        Err(e) => {
            journal.leave();
            Err(e)
        }
    }
}
