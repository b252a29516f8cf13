//! A dataset whose rows have one length each, while it is made: every row is written once, to its place in the file
//! that is given its name in the end.
//!
//! Three files in the directory beside the output are it:
//!
//! ```text
//! unfinished.tmp   the dataset, of its full length from the start on: rows of samples, by any thread
//! layout.tmp       an HDF5 file of the same layout whose rows are holes; it says where rows lie, and what stands
//!                  around them is copied at the end
//! journal          which rows are there, with their digests ([`super::journal`])
//! ```
//!
//! HDF5 never has the dataset open before it is whole, so that nothing in it depends on when a process is killed. A run
//! that goes on reads each row of the journal and takes it if its bytes have its digest. The layout follows from the
//! recipe; it is made anew by every run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::header::Header;
use super::journal::{self, Journal, Written};
use super::places::Places;
use super::record::{Noted, Totals};
use super::schema::Shape;
use super::split::Split;
use super::trailer;
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::io::atomic;

/// The dataset, until it is whole.
const DATASET: &str = "unfinished.tmp";

/// What stands around its rows.
const LAYOUT: &str = "layout.tmp";

/// Which rows are there.
pub(super) const JOURNAL: &str = "journal";

/// Rows of so many bytes are left to the system before they are written to the disk, while others are made: what is
/// still in memory at the end has to be waited for.
const WRITTEN_AT_ONCE: usize = 32 << 20;

/// The files of an unfinished dataset.
pub(super) const FILES: [&str; 3] = [DATASET, LAYOUT, JOURNAL];

/// A dataset that is being written in place.
pub struct Unfinished {
    dir: PathBuf,
    writer: Writer,
    places: Arc<Places>,
    journal: Journal,
    /// Rows that are there.
    rows: Vec<Option<Noted>>,
    /// Bytes of rows since it was last seen to that they are written to the disk.
    in_memory: usize,
}

impl Unfinished {
    /// Whether a dataset of these samples can be written in place: they have one pattern, and the directory `dir` is on
    /// the file system of `output`.
    pub fn is_possible(shape: &Shape, dir: &Path, output: &Path) -> bool {
        let places = shape.pattern.is_some() && cfg!(target_endian = "little");
        places && atomic::on_file_system_of(&atomic::followed(output), dir)
    }

    /// The header of the run whose unfinished dataset lies in `dir`, as far as it is kept, the rest from `like`; None
    /// if there is none, or no row in it.
    ///
    /// # Errors
    /// [`Error::File`] if what is there is damaged, [`Error::Io`].
    pub fn header(dir: &Path, like: &Header) -> Result<Option<Header>> {
        journal::header(&dir.join(JOURNAL), like)
    }

    /// Lays out a dataset in `dir`, or goes on with the one of the same run that is there. Nobody else may write there.
    ///
    /// # Errors
    /// [`Error::Io`] if the file system refuses.
    pub fn open(dir: &Path, header: &Header, shape: &Shape) -> Result<Self> {
        let (dataset, journal) = (dir.join(DATASET), dir.join(JOURNAL));
        // One without rows may be of another run, and so may the dataset beside it.
        let begun = journal::header(&journal, header)?.is_some();
        if !begun {
            Journal::create(&journal, header)?;
        }
        let created = File::options().write(true).create(true).truncate(!begun).open(&dataset);
        created.map_err(|e| Error::io(&dataset, "create", e))?;
        let layout = dir.join(LAYOUT);
        let writer = Writer::with_rows_in(&dataset, &layout, header.clone(), shape.clone(), &Totals::default(), false)?;
        let places = writer.places().ok_or_else(|| Error::file(&layout, "HDF5 gives rows no places there"))?;
        let (journal, written) = Journal::open(&journal, header.samples, shape.params.len())?;
        let mut rows = vec![None; header.samples];
        for noted in there(&places, shape, &written) {
            let row = noted.index as usize;
            rows[row] = Some(noted);
        }
        Ok(Unfinished { dir: dir.to_path_buf(), writer, places, journal, rows, in_memory: 0 })
    }

    /// Reserves space on the disk for all rows, where the file system can; they may be written meanwhile.
    ///
    /// # Errors
    /// [`Error::Io`] if there is not so much.
    pub fn reserve(&self) -> Result<()> {
        let reserved = self.places.reserve(self.rows.len());
        if reserved.is_err() && self.rows.iter().all(Option::is_none) {
            // What could be reserved is of use to others.
            let _ = std::fs::remove_file(self.dir.join(DATASET));
        }
        reserved
    }

    /// Where rows go, from any thread; each is then to be told to [`Unfinished::note`].
    pub fn places(&self) -> Arc<Places> {
        self.places.clone()
    }

    /// Rows that are not there, rising.
    pub fn missing(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|&row| self.rows[row].is_none()).collect()
    }

    /// Enters rows that are written into the journal.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn note(&mut self, written: Vec<Noted>) -> Result<()> {
        self.journal.append(&written)?;
        self.in_memory += written.len() * self.places.row_bytes();
        if self.in_memory > WRITTEN_AT_ONCE {
            self.places.start_writing();
            self.in_memory = 0;
        }
        for noted in written {
            let row = noted.index as usize;
            self.rows[row] = Some(noted);
        }
        Ok(())
    }

    /// Completes it, all rows written, and gives it its name.
    ///
    /// # Errors
    /// If rows are missing or the file system refuses; what is there then stays, and another run can go on with it.
    pub fn finish(mut self, output: &Path, split: &Split) -> Result<()> {
        self.rows.iter().flatten().for_each(|noted| self.writer.note(noted));
        let layout = self.writer.finish(split)?;
        let dataset = self.dir.join(DATASET);
        trailer::copy_around_rows(&layout, &dataset)?;
        self.places.sync()?;
        let target = atomic::followed(output);
        atomic::sweep(&target);
        atomic::rename(&dataset, &target)
    }
}

/// Those rows of a journal that are in the file: read and hashed on all threads.
fn there(places: &Places, shape: &Shape, written: &[Written]) -> Vec<Noted> {
    let pattern = shape.pattern.as_deref();
    let (n, nnz) = pattern.map_or((0, 0), |p| (p.nrows(), p.nnz()));
    let check = |columns: &mut Vec<Vec<f64>>, w: &Written| {
        // What cannot be read is not there: the file may be shorter.
        places.read(w.row, w.row + 1, columns).ok()?;
        let row: Vec<&[f64]> = columns.iter().map(|column| &column[..]).collect();
        (places.digest(w.row as u64, &row, &w.params) == Some(w.digest)).then(|| Noted {
            index: w.row as u64,
            n,
            nnz,
            residual: w.residual,
            seconds: w.seconds,
            digest: w.digest,
            params: w.params.clone(),
        })
    };
    written.par_iter().map_init(Vec::new, check).flatten().collect()
}
