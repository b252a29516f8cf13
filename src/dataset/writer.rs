//! Writes a dataset (or a part of one) sample by sample, in order, with memory for one sample.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdf5::{Group, H5Type};

use super::h5::H5;
use super::header::Header;
use super::places::{Column, Places};
use super::record::{Noted, Record, Totals};
use super::schema::{self, FieldShape, Shape};
use super::split::Split;
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::system::LinearSystem;

/// One row of numbers per sample: 2-D where all rows have one length, 1-D with offsets where not.
struct Rows {
    data: hdf5::Dataset,
    /// Length of every row, or `None` for 1-D.
    width: Option<usize>,
    /// Where the next row starts, 1-D only.
    at: usize,
}

impl Rows {
    fn push<T: H5Type>(&mut self, h5: &H5, row: usize, values: &[T]) -> Result<()> {
        let done = match self.width {
            Some(_) => self.data.write_slice(values, (row, ..)),
            None => self.data.write_slice(values, self.at..self.at + values.len()),
        };
        self.at += values.len();
        h5.wrote(done)
    }
}

/// The columns of `/systems/table`.
#[derive(Default)]
struct Table {
    id: Vec<u64>,
    n: Vec<u32>,
    nnz: Vec<u32>,
    residual: Vec<f64>,
    seconds: Vec<f64>,
    params: Vec<Vec<f64>>,
    digest: Vec<u64>,
}

/// The offsets of samples with their own patterns.
struct Offsets {
    rows: Vec<u64>,
    nnz: Vec<u64>,
    fields: Vec<Vec<u64>>,
    labels: Vec<Vec<u64>>,
}

/// A dataset being written. Nothing is promised of the file before [`Writer::finish`] returns.
pub struct Writer {
    h5: H5,
    header: Header,
    shape: Shape,
    systems: Group,
    values: Rows,
    rhs: Rows,
    solution: Option<Rows>,
    fields: Vec<Rows>,
    labels: Vec<Rows>,
    /// Indices and row pointers where every sample has its own pattern.
    own: Option<(Rows, Rows)>,
    offsets: Offsets,
    table: Table,
    /// Where rows are written beside HDF5.
    places: Option<Arc<Places>>,
    /// Whether `/pattern` is there.
    patterned: bool,
}

/// Compressed rows go into chunks of about this many bytes, larger ones where there would be more than [`MOST_CHUNKS`].
const CHUNK_BYTES: usize = 1 << 16;

/// Most chunks of an array: HDF5 takes time of their square to say where they all are.
const MOST_CHUNKS: usize = 1 << 13;

impl Writer {
    /// Creates the file for `header.samples` samples of `shape`; `totals` matter for own patterns only.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(path: &Path, header: Header, shape: Shape, totals: &Totals, compress: bool) -> Result<Self> {
        Writer::with_rows_in(path, path, header, shape, totals, compress)
    }

    /// As [`Writer::create`]; but rows that have places are written to the same places of another file, which is there.
    pub(super) fn with_rows_in(
        rows: &Path,
        path: &Path,
        header: Header,
        shape: Shape,
        totals: &Totals,
        compress: bool,
    ) -> Result<Self> {
        let h5 = H5::create(path)?;
        header.write(&h5)?;
        if let Some(mesh) = &shape.mesh {
            schema::write_mesh(&h5, mesh)?;
        }
        let systems = h5.new_group(&h5.file, "systems")?;
        let shared = shape.pattern.is_some();
        h5.put_text(&systems, "layout", if shared { "shared pattern" } else { "own pattern" })?;
        let make = Maker { h5: &h5, samples: header.samples, compress };
        let n = shape.pattern.as_ref().map(|p| p.nrows());
        let nnz = shape.pattern.as_ref().map(|p| p.nnz());
        let values = make.rows(&systems, "values", nnz, totals.nnz)?;
        let rhs = make.rows(&systems, "rhs", n, totals.rows)?;
        let solution = match shape.solution {
            true => Some(make.rows(&systems, "solution", n, totals.rows)?),
            false => None,
        };
        let own = match shared {
            true => None,
            false => Some((
                make.long::<i32>(&systems, "indices", totals.nnz)?,
                make.long::<i32>(&systems, "indptr", totals.rows + header.samples)?,
            )),
        };
        let fields = make.fields(&systems, schema::FIELDS, shared, &shape.fields, &totals.fields)?;
        let labels = match shape.labels.is_empty() {
            true => Vec::new(),
            false => make.fields(&systems, schema::LABELS, shared, &shape.labels, &totals.labels)?,
        };
        let offsets = Offsets {
            rows: vec![0],
            nnz: vec![0],
            fields: vec![vec![0]; shape.fields.len()],
            labels: vec![vec![0]; shape.labels.len()],
        };
        let table = Table { params: vec![Vec::new(); shape.params.len()], ..Table::default() };
        let all = [&values, &rhs].into_iter().chain(&solution).chain(&fields).chain(&labels);
        let columns: Option<Vec<Column>> = all.map(|rows| Column::of(&rows.data, rows.width?)).collect();
        let places = match columns {
            Some(columns) => Some(Arc::new(Places::open(rows, shape.clone(), columns, true)?)),
            None => None,
        };
        let patterned = false;
        Ok(Writer {
            h5,
            header,
            shape,
            systems,
            values,
            rhs,
            solution,
            fields,
            labels,
            own,
            offsets,
            table,
            places,
            patterned,
        })
    }

    /// Where rows may be written from any thread, each then to be told to [`Writer::note`]; None where samples have
    /// their own patterns or are compressed.
    pub fn places(&self) -> Option<Arc<Places>> {
        self.places.clone()
    }

    /// Writes the next sample.
    ///
    /// # Errors
    /// If it does not have the common shape, there are more than announced, or the file system refuses.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let s = &record.system;
        let row = self.table.id.len();
        if row >= self.header.samples {
            return Err(Error::shape("samples", self.header.samples, "more"));
        }
        self.shape.check(s)?;
        if s.matrix.nnz() > i32::MAX as usize {
            return Err(Error::shape("entries of A", "below 2^31", s.matrix.nnz()));
        }
        if row == 0 {
            schema::write_pattern(&self.h5, s)?;
            self.patterned = true;
        }
        // Rows are written in one way alone: HDF5 keeps what is near to a row of its own, and writes it once more.
        if let Some(places) = &self.places {
            places.put(row, s)?;
            self.note(&Noted::from(record));
            return Ok(());
        }
        self.values.push(&self.h5, row, s.matrix.values())?;
        self.rhs.push(&self.h5, row, &s.rhs)?;
        if let (Some(rows), Some(x)) = (&mut self.solution, &s.solution) {
            rows.push(&self.h5, row, x)?;
        }
        for (rows, f) in self.fields.iter_mut().zip(&s.fields) {
            rows.push(&self.h5, row, &f.values)?;
        }
        for (rows, l) in self.labels.iter_mut().zip(&s.labels) {
            rows.push(&self.h5, row, &l.values)?;
        }
        if let Some((indices, indptr)) = &mut self.own {
            let p = s.matrix.pattern();
            indices.push(&self.h5, row, &schema::signed(p.indices()))?;
            indptr.push(&self.h5, row, &schema::signed(p.indptr()))?;
        }
        self.note(&Noted::from(record));
        self.note_offsets(s);
        Ok(())
    }

    /// Keeps the next sample's row of the table.
    pub fn note(&mut self, noted: &Noted) {
        let t = &mut self.table;
        t.id.push(noted.index);
        t.n.push(noted.n as u32);
        t.nnz.push(noted.nnz as u32);
        t.residual.push(noted.residual);
        t.seconds.push(noted.seconds);
        t.digest.push(noted.digest);
        for (column, v) in t.params.iter_mut().zip(&noted.params) {
            column.push(*v);
        }
    }

    fn note_offsets(&mut self, s: &LinearSystem) {
        let next = |offsets: &mut Vec<u64>, len: usize| {
            let last = offsets[offsets.len() - 1];
            offsets.push(last + len as u64);
        };
        next(&mut self.offsets.rows, s.n());
        next(&mut self.offsets.nnz, s.matrix.nnz());
        for (offsets, f) in self.offsets.fields.iter_mut().zip(&s.fields) {
            next(offsets, f.values.len());
        }
        for (offsets, l) in self.offsets.labels.iter_mut().zip(&s.labels) {
            next(offsets, l.values.len());
        }
    }

    /// Writes tables, splits and digests, and forces all to the disk.
    ///
    /// # Errors
    /// If samples are missing, or the file system refuses.
    pub fn finish(self, split: &Split) -> Result<PathBuf> {
        if self.table.id.len() != self.header.samples {
            return Err(Error::shape("samples", self.header.samples, self.table.id.len()));
        }
        if let (Some(places), Some(pattern), false) = (&self.places, &self.shape.pattern, self.patterned) {
            let mut rows = Vec::new();
            places.read(0, 1, &mut rows)?;
            let matrix = Csr::new(pattern.clone(), rows.swap_remove(0))?;
            schema::write_pattern(&self.h5, &LinearSystem::plain(matrix, Vec::new(), self.header.description.props))?;
        }
        self.write_table()?;
        if self.own.is_some() {
            self.write_offsets()?;
        }
        let h5 = self.h5;
        if self.header.part.is_none() {
            schema::write_split(&h5, split)?;
        }
        h5.put(&h5.file, "digest", &self.table.digest)?;
        let mut extents = Vec::new();
        {
            let own = self.own.iter().flat_map(|(indices, indptr)| [indices, indptr]);
            let rows = [&self.values, &self.rhs].into_iter().chain(&self.solution).chain(own);
            for rows in rows.chain(&self.fields).chain(&self.labels) {
                extents.extend(h5.extents(&rows.data)?);
            }
        }
        // HDF5 closes a file only when its last object is gone.
        drop((self.places, self.systems, self.values, self.rhs, self.solution, self.fields, self.labels, self.own));
        let path = h5.path.clone();
        h5.close(extents)?;
        Ok(path)
    }

    fn write_table(&self) -> Result<()> {
        let (h5, t) = (&self.h5, &self.table);
        let g = h5.new_group(&self.systems, "table")?;
        h5.put(&g, "id", &t.id)?;
        // A sample's random stream is its index: kept by name, since that is what makes it reproducible.
        h5.put(&g, "stream", &t.id)?;
        h5.put(&g, "n", &t.n)?;
        h5.put(&g, "nnz", &t.nnz)?;
        h5.put(&g, "residual", &t.residual)?;
        h5.put(&g, "seconds", &t.seconds)?;
        let mut columns: Vec<String> = ["stream", "n", "nnz", "residual", "seconds"].map(String::from).into();
        for (name, column) in self.shape.params.iter().zip(&t.params) {
            let name = format!("param:{name}");
            h5.put(&g, &name, column)?;
            columns.push(name);
        }
        h5.put_text(&g, "encoding-type", "dataframe")?;
        h5.put_text(&g, "encoding-version", "0.2.0")?;
        h5.put_text(&g, "_index", "id")?;
        let order: Vec<&str> = columns.iter().map(String::as_str).collect();
        h5.put_texts(&g, "column-order", &order)
    }

    fn write_offsets(&self) -> Result<()> {
        let h5 = &self.h5;
        h5.put(&self.systems, "row_offsets", &self.offsets.rows)?;
        h5.put(&self.systems, "nnz_offsets", &self.offsets.nnz)?;
        let g = h5.new_group(&self.systems, "field_offsets")?;
        for (f, offsets) in self.shape.fields.iter().zip(&self.offsets.fields) {
            h5.put(&g, &f.name, offsets)?;
        }
        if !self.shape.labels.is_empty() {
            let g = h5.new_group(&self.systems, "label_offsets")?;
            for (l, offsets) in self.shape.labels.iter().zip(&self.offsets.labels) {
                h5.put(&g, &l.name, offsets)?;
            }
        }
        Ok(())
    }
}

/// Lays out datasets of rows.
struct Maker<'a> {
    h5: &'a H5,
    samples: usize,
    compress: bool,
}

impl Maker<'_> {
    fn rows(&self, at: &Group, name: &str, width: Option<usize>, total: usize) -> Result<Rows> {
        let Some(width) = width else {
            return self.long::<f64>(at, name, total);
        };
        let rows = (CHUNK_BYTES / (8 * width.max(1))).max(self.samples.div_ceil(MOST_CHUNKS));
        let rows = rows.clamp(1, self.samples.max(1));
        let chunk = [rows, width];
        let chunk: &[usize] = if self.compress { &chunk } else { &[] };
        let data = self.h5.layout::<f64>(at, name, &[self.samples, width], chunk, self.compress)?;
        Ok(Rows { data, width: Some(width), at: 0 })
    }

    fn long<T: H5Type>(&self, at: &Group, name: &str, total: usize) -> Result<Rows> {
        let chunk = [(CHUNK_BYTES / T::type_descriptor().size()).max(total.div_ceil(MOST_CHUNKS)).min(total)];
        let chunk: &[usize] = if self.compress { &chunk } else { &[] };
        let data = self.h5.layout::<T>(at, name, &[total], chunk, self.compress)?;
        Ok(Rows { data, width: None, at: 0 })
    }

    fn fields(
        &self,
        systems: &Group,
        group: &str,
        shared: bool,
        shapes: &[FieldShape],
        totals: &[usize],
    ) -> Result<Vec<Rows>> {
        let g = schema::create_fields(self.h5, systems, group, shapes)?;
        let make = |(i, f): (usize, &FieldShape)| {
            let total = totals.get(i).copied().unwrap_or(0);
            let rows = self.rows(&g, &f.name, shared.then_some(f.len), total)?;
            schema::write_field_attrs(self.h5, &rows.data, f)?;
            Ok(rows)
        };
        shapes.iter().enumerate().map(make).collect()
    }
}
