//! Samples of parts into the dataset that they make up: row by row where rows lie at places known beforehand, on all
//! threads; else decoded, one after the other.

use std::path::PathBuf;

use rayon::prelude::*;

use super::header::Header;
use super::places::{Column, Places};
use super::reader::{BLOCK_BYTES, Dataset};
use super::record::Noted;
use super::rows::Rows;
use super::writer::Writer;
use crate::error::{Error, Result};

/// Appends all samples of the parts, which are in order and complete; `done` is told how many samples are written, and
/// ends it by an error.
///
/// # Errors
/// [`Error::File`] naming a part that was altered, [`Error::Io`] if the file system refuses, or that of `done`.
pub(super) fn all(parts: &[&(PathBuf, Header)], w: &mut Writer, done: &dyn Fn(usize) -> Result<()>) -> Result<()> {
    let mut written = 0;
    // As many parts at once as there are threads: memory for a block of samples each.
    for parts in parts.chunks(rayon::current_num_threads().max(1)) {
        match w.places() {
            Some(places) => {
                let copied: Vec<Result<Vec<Noted>>> =
                    parts.par_iter().map(|part| placed(part, &places).map_err(|e| with_advice(e, part))).collect();
                for noted in copied {
                    noted?.iter().for_each(|noted| w.note(noted));
                }
            }
            None => parts.iter().try_for_each(|part| decoded(part, w).map_err(|e| with_advice(e, part)))?,
        }
        written += parts.iter().map(|(_, header)| header.samples).sum::<usize>();
        done(written)?;
    }
    Ok(())
}

/// What to do about a part that is not what it was.
fn with_advice(e: Error, (part, _): &(PathBuf, Header)) -> Error {
    match e {
        Error::File { path, reason } if path == *part => {
            Error::File { path, reason: format!("{reason}; remove this part, and the same command makes it again") }
        }
        other => other,
    }
}

/// Writes the rows of a part to their places, each sample's digest checked.
fn placed((path, header): &(PathBuf, Header), to: &Places) -> Result<Vec<Noted>> {
    let data = Dataset::open(path)?;
    let first = header.part.map_or(0, |part| part.first);
    let Some(from) = data.places()? else {
        return decoded_to(&data, first, to);
    };
    let mut rows = Vec::new();
    for start in (0..data.len()).step_by(block(to)) {
        let end = (start + block(to)).min(data.len());
        from.read(start, end, &mut rows)?;
        for i in start..end {
            let row = |column: &'_ Vec<f64>| {
                let width = column.len() / (end - start);
                (i - start) * width..(i - start + 1) * width
            };
            let sample: Vec<&[f64]> = rows.iter().map(|column| &column[row(column)]).collect();
            data.check_numbers(i, &sample)?;
        }
        to.put_rows(first + start, &rows)?;
    }
    Ok((0..data.len()).map(|i| data.noted(i)).collect())
}

/// Samples that are copied at once: what a cache holds.
fn block(to: &Places) -> usize {
    (BLOCK_BYTES / 16 / to.row_bytes().max(1)).max(1)
}

/// The same of a part whose rows do not lie at such places.
fn decoded_to(data: &Dataset, first: usize, to: &Places) -> Result<Vec<Noted>> {
    let mut noted = Vec::new();
    for start in (0..data.len()).step_by(data.block_len()) {
        for record in data.records(start, (start + data.block_len()).min(data.len()))? {
            to.put(first + noted.len(), &record.system)?;
            noted.push(Noted::from(&record));
        }
    }
    Ok(noted)
}

/// Appends all samples of a part.
fn decoded((path, _): &(PathBuf, Header), w: &mut Writer) -> Result<()> {
    let data = Dataset::open(path)?;
    for start in (0..data.len()).step_by(data.block_len()) {
        let records = data.records(start, (start + data.block_len()).min(data.len()))?;
        records.iter().try_for_each(|record| w.push(record))?;
    }
    Ok(())
}

impl Dataset {
    /// What the table says of sample `i`.
    fn noted(&self, i: usize) -> Noted {
        let (n, nnz) = self.size(i);
        let t = &self.table;
        let params = t.params.iter().map(|column| column[i]).collect();
        let (index, residual, seconds, digest) = (t.id[i], t.residual[i], t.seconds[i], t.digest[i]);
        Noted { index, n, nnz, residual, seconds, digest, params }
    }

    /// Where the rows lie, if each dataset is in one piece and all rows are of one length.
    ///
    /// # Errors
    /// If the file cannot be opened once more.
    fn places(&self) -> Result<Option<Places>> {
        let all = [&self.values, &self.rhs].into_iter().chain(&self.solution).chain(&self.fields).chain(&self.labels);
        let columns: Option<Vec<Column>> = all.map(Rows::column).collect();
        columns.map(|columns| Places::open(self.path(), self.shape.clone(), columns, false)).transpose()
    }

    /// Checks the recorded digest of sample `i` against its numbers: those of A, b, x, fields and labels.
    fn check_numbers(&self, i: usize, rows: &[&[f64]]) -> Result<()> {
        let params: Vec<f64> = self.table.params.iter().map(|column| column[i]).collect();
        match self.shape.digest(self.table.id[i], rows, &params) {
            Some(found) => self.check_found(i, found),
            None => Err(self.h5.damaged("systems", "has no pattern")),
        }
    }
}
