//! The journal of a dataset that is being written: which of its rows are there, and what the table is to say of them.
//!
//! ```text
//! mark      8 bytes
//! length    of the text
//! text      JSON: of which run the rows are
//! checksum  XXH3 of the text
//! records   row, residual, seconds, digest, drawn parameters; XXH3 of these
//! ```
//!
//! All numbers are of 8 bytes, little-endian. Records are appended, one a row, after the row is written. A record may
//! reach the disk before its row does: the digest tells, when a run goes on.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::header::{Header, InputFile};
use super::record::Noted;
use crate::error::{Error, Result};
use crate::io::{atomic, reserve};

/// What a journal starts with.
const MARK: &[u8; 8] = b"\xFFfpjrnl1";

/// Bytes of the text at most.
const MOST_TEXT: u64 = 1 << 26;

/// Numbers of a record beside the parameters: row, residual, seconds, digest, checksum.
const NUMBERS: usize = 5;

/// Of which run the rows are: what [`super::parts::difference`] compares.
#[derive(Serialize, Deserialize)]
struct Run {
    origin: u64,
    fempipe_version: String,
    recipe: String,
    files: Vec<String>,
}

/// A journal that records are appended to.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

/// What a journal says of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    /// The row.
    pub row: usize,
    /// ‖b − A x‖₂/‖b‖₂.
    pub residual: f64,
    /// Seconds it took.
    pub seconds: f64,
    /// Its digest.
    pub digest: u64,
    /// Drawn parameters.
    pub params: Vec<f64>,
}

/// The header of the run that a journal is of, as far as the journal has it; the rest is that of `like`. None where
/// there is no journal, or one without a whole record: nothing is lost with it.
///
/// # Errors
/// [`Error::File`] if it is no journal or a damaged one, [`Error::Io`].
pub(super) fn header(path: &Path, like: &Header) -> Result<Option<Header>> {
    let mut file = match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|e| Error::io(path, "open", e))?,
    };
    let run = head(&mut file).map_err(|e| Error::io(path, "read", e))?.and_then(|text| {
        let run: Run = serde_json::from_slice(&text).ok()?;
        let files = run.files.iter().map(|f| InputFile::from_text(f)).collect::<Option<_>>()?;
        let (origin, recipe, fempipe_version) = (run.origin, run.recipe, run.fempipe_version);
        Some(Header { origin, recipe, fempipe_version, files, ..like.clone() })
    });
    let damaged = "is not a journal of an unfinished dataset, or a damaged one; remove it, and all is made again";
    let run = run.ok_or_else(|| Error::file(path, damaged))?;
    let mut first = [0u8; 8 * NUMBERS];
    let there = read_up_to(&mut file, &mut first).map_err(|e| Error::io(path, "read", e))?;
    Ok((there == first.len()).then_some(run))
}

/// The text of a journal, which is left open behind it; None if it is no journal.
fn head(file: &mut File) -> std::io::Result<Option<Vec<u8>>> {
    let mut start = [0u8; 16];
    let length = match read_up_to(file, &mut start)? {
        16 if start[..8] == *MARK => u64::from_le_bytes(std::array::from_fn(|b| start[8 + b])),
        _ => return Ok(None),
    };
    if length > MOST_TEXT {
        return Ok(None);
    }
    let mut text = vec![0u8; length as usize + 8];
    if read_up_to(file, &mut text)? < text.len() {
        return Ok(None);
    }
    let checksum = text.split_off(length as usize);
    Ok((checksum == xxh3_64(&text).to_le_bytes()).then_some(text))
}

/// Fills `to` as far as the file goes.
fn read_up_to(file: &mut File, to: &mut [u8]) -> std::io::Result<usize> {
    let mut there = 0;
    while there < to.len() {
        match file.read(&mut to[there..]) {
            Ok(0) => break,
            Ok(more) => there += more,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(there)
}

impl Journal {
    /// Starts a journal without records.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path, header: &Header) -> Result<()> {
        let run = Run {
            origin: header.origin,
            fempipe_version: header.fempipe_version.clone(),
            recipe: header.recipe.clone(),
            files: header.files.iter().map(InputFile::to_string).collect(),
        };
        let text = serde_json::to_vec(&run).map_err(|e| Error::io(path, "write", e.into()))?;
        let mut bytes = MARK.to_vec();
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(&text);
        bytes.extend(xxh3_64(&text).to_le_bytes());
        atomic::write(path, bytes)
    }

    /// Opens a journal of a dataset of `samples` rows with so many parameters each, to go on; what is behind its last
    /// whole record, which a kill left half written, is cut off.
    ///
    /// # Errors
    /// [`Error::Io`]; a full disk is one here, where space for all records can be reserved.
    pub fn open(path: &Path, samples: usize, params: usize) -> Result<(Self, Vec<Written>)> {
        let read = || -> std::io::Result<(File, Vec<Written>)> {
            let mut file = File::options().read(true).write(true).open(path)?;
            head(&mut file)?;
            let start = file.stream_position()?;
            let length = 8 * (NUMBERS + params);
            let (mut record, mut records) = (vec![0u8; length], Vec::new());
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            for there in bytes.chunks_exact(length) {
                record.copy_from_slice(there);
                match Written::from_bytes(&record).filter(|written| written.row < samples) {
                    Some(written) => records.push(written),
                    None => break,
                }
            }
            let end = start + (length * records.len()) as u64;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            reserve::allocate_behind(&file, start + (length * samples) as u64)?;
            Ok((file, records))
        };
        let (file, records) = read().map_err(|e| Error::io(path, "write", e))?;
        Ok((Journal { path: path.to_path_buf(), file }, records))
    }

    /// Notes rows that are written.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, rows: &[Noted]) -> Result<()> {
        let bytes: Vec<u8> = rows.iter().flat_map(|noted| Written::from(noted).to_bytes()).collect();
        self.file.write_all(&bytes).map_err(|e| Error::io(&self.path, "write", e))
    }
}

impl From<&Noted> for Written {
    fn from(noted: &Noted) -> Self {
        Written {
            row: noted.index as usize,
            residual: noted.residual,
            seconds: noted.seconds,
            digest: noted.digest,
            params: noted.params.clone(),
        }
    }
}

impl Written {
    fn to_bytes(&self) -> Vec<u8> {
        let numbers = [self.row as u64, self.residual.to_bits(), self.seconds.to_bits(), self.digest];
        let params = self.params.iter().map(|p| p.to_bits());
        let mut bytes: Vec<u8> = numbers.into_iter().chain(params).flat_map(u64::to_le_bytes).collect();
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    /// None if the checksum does not hold.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        if checksum != xxh3_64(content).to_le_bytes() {
            return None;
        }
        let mut numbers = content.chunks_exact(8).map(|b| u64::from_le_bytes(std::array::from_fn(|k| b[k])));
        Some(Written {
            row: usize::try_from(numbers.next()?).ok()?,
            residual: f64::from_bits(numbers.next()?),
            seconds: f64::from_bits(numbers.next()?),
            digest: numbers.next()?,
            params: numbers.map(f64::from_bits).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Props;
    use crate::system::Description;

    fn noted(row: usize) -> Noted {
        let params = vec![0.1 * row as f64, -0.0];
        Noted { index: row as u64, n: 4, nnz: 8, residual: 1e-15, seconds: 0.5, digest: !0, params }
    }

    #[test]
    fn it_goes_on_behind_its_last_whole_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let text = |text: &str| text.to_string();
        let header = Header {
            description: Description {
                family: text("f"),
                equation: text(""),
                weak_form: text(""),
                boundary_conditions: text(""),
                units: text(""),
                props: Props::SPD,
            },
            recipe: text("seed = 3\n"),
            seed: 3,
            fempipe_version: text("1"),
            samples: 9,
            origin: 17,
            files: vec![InputFile { path: "a b.msh".into(), digest: 5 }],
            part: None,
        };
        assert!(super::header(&path, &header).unwrap().is_none());
        Journal::create(&path, &header).unwrap();
        let other = Header { recipe: String::new(), origin: 0, files: vec![], ..header.clone() };
        // Without a row it is no one's, also with the space for rows reserved.
        assert_eq!(super::header(&path, &other).unwrap(), None);
        let (mut journal, records) = Journal::open(&path, 9, 2).unwrap();
        assert!(records.is_empty());
        assert_eq!(super::header(&path, &other).unwrap(), None);
        journal.append(&[noted(3), noted(0)]).unwrap();
        assert_eq!(super::header(&path, &other).unwrap(), Some(header.clone()));
        journal.append(&[noted(8)]).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        let length = 8 * (NUMBERS + 2);
        for cut in [0, 1, length - 1, length, length + 1] {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let (mut journal, records) = Journal::open(&path, 9, 2).unwrap();
            let left = [3, 0, 8].map(|row| Written::from(&noted(row)));
            assert_eq!(records, left[..3 - cut.div_ceil(length)]);
            journal.append(&[noted(5)]).unwrap();
            let again = Journal::open(&path, 9, 2).unwrap().1;
            assert_eq!(again[records.len()..], [Written::from(&noted(5))]);
        }
        // A record that was altered ends it.
        let mut altered = whole.clone();
        let second = whole.len() - 2 * length + 20;
        altered[second] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        assert_eq!(Journal::open(&path, 9, 2).unwrap().1.len(), 1);
        for start in [1, 20, 40] {
            let mut altered = whole.clone();
            altered[start] ^= 1;
            std::fs::write(&path, &altered).unwrap();
            let error = super::header(&path, &header).unwrap_err().to_string();
            assert!(error.contains("damaged"), "{error}");
        }
    }
}
