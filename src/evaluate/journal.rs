//! What an evaluation has measured, so that one that is killed goes on from there, and one that is whole is not
//! measured twice.
//!
//! A cell is all solves of one row on one dataset at one tolerance; a method that recycles carries its space from one
//! to the next, so that less than a cell cannot be kept. Each is a line of JSON, written at once, under a key that is a
//! digest of all that decides it: data, row, checkpoint, tolerance, versions. Whatever has another key is not the cell
//! that is asked for; a line that a kill cut short is none.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::measure::Solve;
use crate::error::{Error, Result};
use crate::io::atomic;

/// Its name in the directory of an evaluation.
pub const NAME: &str = "journal.jsonl";

/// How it begins.
const HEAD: &str = "{\"journal\":\"fempipe evaluate\"}";

/// What is kept under a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    /// Condition numbers of the systems of a dataset.
    Before(#[serde(with = "super::exact")] Vec<f64>),
    /// The spectrum of the first of these.
    Spectrum(#[serde(with = "super::exact")] Vec<f64>),
    /// Those of a row's M A.
    After(Vec<Condition>),
    /// The solves of a cell.
    Solves(Vec<Solve>),
    /// The key is the identity of an evaluation that was begun here.
    Begun,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: u64,
    entry: Entry,
}

/// The journal of an evaluation, or none.
#[derive(Debug, Default)]
pub struct Journal {
    file: Option<(PathBuf, File)>,
    kept: HashMap<u64, Entry>,
    /// Whether the file holds what was there before it was opened.
    old: bool,
    /// What goes, with the content of the file, before the first cell is written.
    replaced: Option<Vec<PathBuf>>,
    /// Whether anything was added.
    grown: bool,
}

impl Journal {
    /// Opens that of a directory, and locks it for this process.
    ///
    /// # Errors
    /// [`Error::File`] if another process evaluates there, or the file is no journal; [`Error::Io`].
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        let open = File::options().read(true).append(true).create(true).open(&path);
        let mut file = open.map_err(|e| Error::io(&path, "open", e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let reason = "another evaluation is under way here: wait for it, or choose another directory with -o";
                return Err(Error::file(dir, reason));
            }
            // A file system without locks: nothing better is to be had there.
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(e)) => return Err(Error::io(&path, "lock", e)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| Error::io(&path, "read", e))?;
        if bytes.is_empty() {
            writeln!(file, "{HEAD}").map_err(|e| Error::io(&path, "write", e))?;
        } else if !is_journal(&bytes) {
            let reason = format!("has a {NAME} that is no evaluation's: choose another directory with -o");
            return Err(Error::file(dir, reason));
        }
        // What a kill cut short ends before the next line begins.
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64).and_then(|()| file.rewind()).map_err(|e| Error::io(&path, "write", e))?;
        }
        let kept = entries(&bytes[..whole]);
        Ok(Journal { file: Some((path, file)), kept, old: !bytes.is_empty(), replaced: None, grown: false })
    }

    /// The same for an evaluation that is measured anew: from its first cell on nothing is left of what the journal
    /// had, nor of these files.
    #[must_use]
    pub fn replacing(self, files: Vec<PathBuf>) -> Self {
        Journal { kept: HashMap::new(), replaced: Some(files), ..self }
    }

    /// Removes what is replaced.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin(&mut self) -> Result<()> {
        let (Some(files), Some((path, file))) = (self.replaced.take(), &mut self.file) else { return Ok(()) };
        let failed = |e| Error::io(&*path, "write", e);
        file.set_len(0).and_then(|()| writeln!(file, "{HEAD}")).map_err(failed)?;
        for path in files {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::io(&path, "remove", e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether anything was added to it since it was opened.
    pub fn has_grown(&self) -> bool {
        self.grown
    }

    /// What is kept under a key.
    pub fn get(&self, key: u64) -> Option<&Entry> {
        self.kept.get(&key)
    }

    /// Keeps what has been measured.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn keep(&mut self, key: u64, entry: Entry) -> Result<()> {
        self.begin()?;
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        self.grown = true;
        let line = serde_json::to_string(&Line { key, entry })
            .map_err(|e| Error::Argument(format!("a cell cannot be written as JSON: {e}")))?;
        file.write_all(format!("{line}\n").as_bytes()).map_err(|e| Error::io(&*path, "write", e))
    }

    /// Notes which evaluation it is of, so that this one is found again before it is whole.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn belongs_to(&mut self, identity: u64) -> Result<()> {
        match self.get(identity) {
            Some(Entry::Begun) => Ok(()),
            _ => self.keep(identity, Entry::Begun),
        }
    }

    /// What a directory has of a journal, only to look at it; nothing where there is none.
    pub fn look(dir: &Path) -> Self {
        let bytes = fs::read(dir.join(NAME)).unwrap_or_default();
        Journal { kept: entries(&bytes), ..Journal::default() }
    }

    /// Removes the file if it is new and nothing was kept in it: the sweep could not start.
    pub fn leave(self) {
        let empty = !self.old && !self.grown;
        if let Some((path, _)) = self.file.filter(|_| empty) {
            // One that stays is of no harm.
            let _ = fs::remove_file(path);
        }
    }
}

/// What the lines of a journal keep; the later one where a key is there twice, nothing of one that was cut short.
fn entries(bytes: &[u8]) -> HashMap<u64, Entry> {
    let lines = bytes.split(|&b| b == b'\n').skip(1);
    let kept = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    kept.map(|line| (line.key, line.entry)).collect()
}

/// Whether an evaluation of this identity was begun in a directory.
pub fn is_of(dir: &Path, identity: u64) -> bool {
    let bytes = fs::read(dir.join(NAME)).unwrap_or_default();
    let mark = br#""Begun""#;
    let marked = bytes.split(|&b| b == b'\n').filter(|line| line.windows(mark.len()).any(|part| part == mark));
    let mut begun = marked.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    is_journal(&bytes) && begun.any(|line| line.key == identity && matches!(line.entry, Entry::Begun))
}

/// The lines of one that is closed, but for its head.
///
/// # Errors
/// [`Error::File`] if it is none; [`Error::Io`].
pub fn lines(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    if !bytes.starts_with(HEAD.as_bytes()) {
        return Err(Error::file(path, "is no journal of an evaluation"));
    }
    Ok(bytes.split(|&b| b == b'\n').skip(1).filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Writes one of such lines.
///
/// # Errors
/// [`Error::Io`].
pub fn write(path: &Path, lines: &[Vec<u8>]) -> Result<()> {
    let mut bytes = format!("{HEAD}\n").into_bytes();
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    atomic::write(path, bytes)
}

/// Whether there is one in a directory.
pub fn is_in(dir: &Path) -> bool {
    let mut head = [0; HEAD.len()];
    let read = File::open(dir.join(NAME)).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && is_journal(&head)
}

/// Whether that is how a journal begins.
fn is_journal(bytes: &[u8]) -> bool {
    bytes.starts_with(HEAD.as_bytes()) || HEAD.as_bytes().starts_with(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::sample::solve;
    use super::*;

    #[test]
    fn what_was_kept_is_there_bit_for_bit_and_a_cut_line_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = Journal::open(dir.path()).unwrap();
        let error = Journal::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("another evaluation is under way"), "{error}");
        let mut cell = vec![solve(0, 7, Some(3)), solve(1, 8, None)];
        cell[0].history = vec![1.0, 1e-300, f64::NAN];
        cell[1].relative_residual = f64::NAN;
        cell[1].relative_error = Some(f64::INFINITY);
        first.keep(5, Entry::Solves(cell.clone())).unwrap();
        first.keep(6, Entry::Before(vec![0.1, 3.0])).unwrap();
        drop(first);
        let path = dir.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"{\"key\":7,\"ent"].concat()).unwrap();

        let mut again = Journal::open(dir.path()).unwrap();
        let Some(Entry::Solves(kept)) = again.get(5) else { panic!("{:?}", again.get(5)) };
        assert_eq!(format!("{kept:?}"), format!("{cell:?}"));
        assert!(matches!(again.get(6), Some(Entry::Before(v)) if *v == [0.1, 3.0]) && again.get(7).is_none());
        again.keep(7, Entry::After(Vec::new())).unwrap();
        drop(again);
        let last = Journal::open(dir.path()).unwrap();
        assert!(last.get(5).is_some() && last.get(7).is_some());
        last.leave();
        assert!(path.exists());

        // One that replaces it does so with its first cell.
        let result = dir.path().join("results.csv");
        fs::write(&result, "1").unwrap();
        let before = fs::read(&path).unwrap();
        let anew = || Journal::open(dir.path()).unwrap().replacing(vec![result.clone(), dir.path().join("none")]);
        assert!(anew().get(5).is_none());
        assert!(fs::read(&path).unwrap() == before && result.exists());
        let mut journal = anew();
        journal.keep(8, Entry::After(Vec::new())).unwrap();
        journal.keep(9, Entry::After(Vec::new())).unwrap();
        assert!(!result.exists() && journal.has_grown());
        drop(journal);
        let last = Journal::open(dir.path()).unwrap();
        assert!(last.get(5).is_none() && last.get(8).is_some() && last.get(9).is_some());
        drop(last);
        fs::remove_file(&path).unwrap();
        Journal::open(dir.path()).unwrap().leave();
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        assert!(Journal::open(dir.path()).unwrap_err().to_string().contains("no evaluation's"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
