//! Rows of samples by their place in the file: of datasets that are laid out in one piece each, with rows of one
//! length. They are written and read there by position, from any thread, beside the HDF5 library and its one lock.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use pulp::bytemuck;

use super::schema::Shape;
use crate::error::{Error, Result};
use crate::io::reserve;
use crate::system::LinearSystem;

/// Bytes of a number.
const REAL: u64 = size_of::<f64>() as u64;

/// Bytes that are reserved at once.
const RESERVED: u64 = 32 << 20;

/// One dataset: where it starts, how many numbers a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// Its first byte in the file.
    pub start: u64,
    /// Numbers a row.
    pub width: usize,
}

impl Column {
    /// Of this width, if it lies in one piece.
    pub fn of(data: &hdf5::Dataset, width: usize) -> Option<Self> {
        // What has no entries lies nowhere. HDF5 keeps numbers as this machine has them, files are little-endian.
        let start = if width == 0 { Some(0) } else { data.offset() };
        start.filter(|_| cfg!(target_endian = "little")).map(|start| Column { start, width })
    }

    fn at(&self, row: usize) -> u64 {
        self.start + row as u64 * self.width as u64 * REAL
    }
}

/// Where the rows of a file lie.
#[derive(Debug)]
pub struct Places {
    path: PathBuf,
    file: File,
    shape: Shape,
    /// Values of A, b, x if there is one, fields, labels.
    columns: Vec<Column>,
}

impl Places {
    /// Of a file that is read, or written beside HDF5, which has it open.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened.
    pub(super) fn open(path: &Path, shape: Shape, columns: Vec<Column>, write: bool) -> Result<Self> {
        let file = File::options().read(true).write(write).open(path).map_err(|e| Error::io(path, "open", e))?;
        Ok(Places { path: path.to_path_buf(), file, shape, columns })
    }

    /// What so many rows take: the file is as long at least.
    pub(super) fn end(&self, rows: usize) -> u64 {
        self.columns.iter().map(|c| c.at(rows)).max().unwrap_or(0)
    }

    /// Reserves space for so many rows, where the file system can.
    ///
    /// # Errors
    /// [`Error::Io`], if the disk is full among others.
    pub(super) fn reserve(&self, rows: usize) -> Result<()> {
        let end = self.end(rows);
        let failed = |e| Error::io(&self.path, "write", e);
        if !reserve::check(&self.file, end).map_err(failed)? {
            return self.file.set_len(end).map_err(failed);
        }
        // Not all at once: other threads wait with their rows meanwhile.
        let mut pieces = (0..end).step_by(RESERVED as usize).map(|start| start..(start + RESERVED).min(end));
        pieces.try_for_each(|piece| reserve::allocate(&self.file, piece)).map_err(failed)
    }

    /// Starts to write rows that are in memory alone to the disk.
    pub(super) fn start_writing(&self) {
        reserve::start_writing(&self.file);
    }

    /// The digest of the sample whose row is in `columns`.
    pub(super) fn digest(&self, index: u64, columns: &[&[f64]], params: &[f64]) -> Option<u64> {
        self.shape.digest(index, columns, params)
    }

    /// Forces all rows to the disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(|e| Error::io(&self.path, "write", e))
    }

    /// Bytes of a row over all columns.
    pub(super) fn row_bytes(&self) -> usize {
        self.columns.iter().map(|c| c.width * REAL as usize).sum()
    }

    /// Writes the numbers of one sample to their place.
    ///
    /// # Errors
    /// [`Error::Shape`] if it does not have the common shape, [`Error::Io`] if the file system refuses.
    pub fn put(&self, row: usize, s: &LinearSystem) -> Result<()> {
        self.shape.check(s)?;
        let named = s.fields.iter().chain(&s.labels).map(|f| &f.values[..]);
        let rows = [s.matrix.values(), &s.rhs].into_iter().chain(s.solution.as_deref()).chain(named);
        self.columns.iter().zip(rows).try_for_each(|(column, values)| self.write(column, row, values))
    }

    /// Writes rows from `first` on: for each column those of all samples.
    pub(super) fn put_rows(&self, first: usize, rows: &[Vec<f64>]) -> Result<()> {
        self.columns.iter().zip(rows).try_for_each(|(column, values)| self.write(column, first, values))
    }

    fn write(&self, column: &Column, row: usize, values: &[f64]) -> Result<()> {
        let done = write_at(&self.file, bytemuck::cast_slice(values), column.at(row));
        done.map_err(|e| Error::io(&self.path, "write", e))
    }

    /// Reads the rows first .. last of every column into `rows`.
    pub(super) fn read(&self, first: usize, last: usize, rows: &mut Vec<Vec<f64>>) -> Result<()> {
        rows.resize(self.columns.len(), Vec::new());
        for (column, values) in self.columns.iter().zip(rows) {
            values.resize((last - first) * column.width, 0.0);
            let done = read_at(&self.file, bytemuck::cast_slice_mut(values), column.at(first));
            done.map_err(|e| Error::io(&self.path, "read", e))?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

/// Without positioned access: one thread at a time.
#[cfg(not(unix))]
static CURSOR: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use std::io::{Seek, Write};
    let _alone = CURSOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(io::SeekFrom::Start(at))?;
    file.write_all(bytes)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    use std::io::{Read, Seek};
    let _alone = CURSOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(io::SeekFrom::Start(at))?;
    file.read_exact(bytes)
}
