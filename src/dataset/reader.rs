//! Reads samples out of a dataset, one or many at a time; a sample's digest is checked as all of it is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::digest;
use super::h5::{Entry, H5, check_signature};
use super::header::Header;
use super::lengths;
use super::record::{Record, Totals};
use super::rows::{Cut, OwnPatterns, Rows, column, offsets};
use super::schema::{self, FieldShape, Shape};
use super::split::Split;
use super::table::Table;
use super::{trailer, trial};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Pattern};
use crate::system::{LinearSystem, MeshData, Names, Parts};

/// At most about this many bytes of samples are read in one go.
pub(super) const BLOCK_BYTES: usize = 16 << 20;

/// A dataset open for reading. Samples share its pattern and mesh; several threads may read at once (HDF5 takes
/// turns, building and checking the samples does not).
pub struct Dataset {
    pub(super) h5: H5,
    header: Header,
    pub(super) shape: Shape,
    splits: Split,
    pub(super) values: Rows<f64>,
    pub(super) rhs: Rows<f64>,
    pub(super) solution: Option<Rows<f64>>,
    pub(super) fields: Vec<Rows<f64>>,
    pub(super) labels: Vec<Rows<f64>>,
    own: Option<OwnPatterns>,
    pub(super) table: Table,
    /// Whether the file has a checksum of all that is not samples, which held.
    checksum: bool,
}

impl Dataset {
    /// Opens a dataset and checks that it is one, whole, and of the format version read here.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened, [`Error::File`] if it is no dataset, truncated or damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        check_signature(path)?;
        let checksum = trailer::holds(path)?;
        if !checksum {
            trial::read(path, || drop(Self::of_file(path, false).and_then(|data| data.walk())))?;
        }
        Self::of_file(path, checksum)
    }

    /// Goes through every index of the file.
    fn walk(&self) -> Result<()> {
        self.h5.contents()?.iter().for_each(|entry| drop(self.h5.file.dataset(&entry.path).map(|d| d.num_chunks())));
        Ok(())
    }

    fn of_file(path: &Path, checksum: bool) -> Result<Self> {
        let h5 = H5::open(path)?;
        let header = Header::read(&h5)?;
        let samples = header.samples;
        let systems = h5.group("systems")?;
        let layout = h5.text(&systems, "layout").unwrap_or_default();
        let pattern = match layout.as_str() {
            "shared pattern" => Some(Arc::new(schema::read_pattern(&h5)?)),
            "own pattern" => None,
            _ => return Err(h5.damaged("systems", "has no known layout")),
        };
        let cut = |shared: Option<usize>, name: &str| match shared {
            Some(w) => Ok(Cut::Width(w)),
            None => offsets(&h5, name, samples).map(Cut::Offsets),
        };
        let n = pattern.as_ref().map(|p| p.nrows());
        let nnz = pattern.as_ref().map(|p| p.nnz());
        let (table, params) = Table::read(&h5, samples)?;
        let shape = Shape {
            mesh: schema::read_mesh(&h5)?,
            solution: h5.file.link_exists("systems/solution"),
            fields: schema::read_fields(&h5, schema::FIELDS)?,
            labels: schema::read_fields(&h5, schema::LABELS)?,
            params,
            pattern,
        };
        let open = |group: &str, offsets: &str, f: &FieldShape| {
            let cut = cut(n.map(|_| f.len), &format!("{offsets}/{}", f.name))?;
            Rows::open(&h5, &format!("{group}/{}", f.name), samples, cut)
        };
        let field = |f: &FieldShape| open(schema::FIELDS, "field_offsets", f);
        let label = |f: &FieldShape| open(schema::LABELS, "label_offsets", f);
        let data = Dataset {
            splits: schema::read_split(&h5, samples)?,
            values: Rows::open(&h5, "values", samples, cut(nnz, "nnz_offsets")?)?,
            rhs: Rows::open(&h5, "rhs", samples, cut(n, "row_offsets")?)?,
            solution: match shape.solution {
                true => Some(Rows::open(&h5, "solution", samples, cut(n, "row_offsets")?)?),
                false => None,
            },
            fields: shape.fields.iter().map(field).collect::<Result<_>>()?,
            labels: shape.labels.iter().map(label).collect::<Result<_>>()?,
            own: match shape.pattern {
                Some(_) => None,
                None => Some(OwnPatterns::open(&h5, samples)?),
            },
            header,
            shape,
            table,
            checksum,
            h5,
        };
        data.check_table()?;
        Ok(data)
    }

    /// Columns that repeat what is known elsewhere must say the same.
    fn check_table(&self) -> Result<()> {
        let column = |name: &str| column::<u64>(&self.h5, &format!("systems/table/{name}"), self.len());
        let (stream, n, nnz) = (column("stream")?, column("n")?, column("nnz")?);
        for (i, id) in self.table.id.iter().enumerate() {
            let (rows, entries) = self.size(i);
            if (stream[i], n[i], nnz[i]) != (*id, rows as u64, entries as u64) {
                return Err(self.h5.damaged("systems/table", &format!("does not fit sample {i}")));
            }
        }
        Ok(())
    }

    /// Whether `/pattern` holds sample 0, as other programs read it; else what differs.
    pub(super) fn check_copy(&self, first: &LinearSystem) -> std::result::Result<(), String> {
        schema::check_pattern(&self.h5, first)
    }

    /// Whether the file has a checksum of all that is not samples, which held. One that another program has changed, or
    /// of format version 1, has none.
    pub fn has_checksum(&self) -> bool {
        self.checksum
    }

    /// The file.
    pub fn path(&self) -> &PathBuf {
        &self.h5.path
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What its samples have in common.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.header.samples
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pattern all samples share, if they do.
    pub fn pattern(&self) -> Option<&Arc<Pattern>> {
        self.shape.pattern.as_ref()
    }

    /// The mesh all samples share, if there is one.
    pub fn mesh(&self) -> Option<&Arc<MeshData>> {
        self.shape.mesh.as_ref()
    }

    /// All named sets.
    pub fn splits(&self) -> &Split {
        &self.splits
    }

    /// The ids of one set.
    ///
    /// # Errors
    /// [`Error::File`] naming the sets there are, if there is none of that name.
    pub fn split(&self, name: &str) -> Result<&[u32]> {
        self.splits.get(name).map(Vec::as_slice).ok_or_else(|| {
            let there: Vec<&str> = self.splits.keys().map(String::as_str).collect();
            Error::file(self.path(), format!("has no split '{name}' (there are: {})", there.join(", ")))
        })
    }

    /// Recorded digests, by sample.
    pub fn digests(&self) -> &[u64] {
        &self.table.digest
    }

    /// Recorded relative residuals, by sample.
    pub fn residuals(&self) -> &[f64] {
        &self.table.residual
    }

    /// Seconds each sample took to make.
    pub fn seconds(&self) -> &[f64] {
        &self.table.seconds
    }

    /// The drawn parameter of each sample, by name.
    pub fn param(&self, name: &str) -> Option<&[f64]> {
        let i = self.shape.params.iter().position(|p| p == name)?;
        Some(&self.table.params[i])
    }

    /// (n, nnz) of sample `i`.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn size(&self, i: usize) -> (usize, usize) {
        (self.rhs.len(i), self.values.len(i))
    }

    /// Every array in the file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn contents(&self) -> Result<Vec<Entry>> {
        self.h5.contents()
    }

    /// Entries of all samples together.
    pub fn totals(&self) -> Totals {
        Totals {
            rows: self.rhs.total(self.len()),
            nnz: self.values.total(self.len()),
            fields: self.fields.iter().map(|f| f.total(self.len())).collect(),
            labels: self.labels.iter().map(|f| f.total(self.len())).collect(),
        }
    }

    /// Sample `i`, whole.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such sample; [`Error::File`] naming the sample if it was altered.
    pub fn read(&self, i: usize) -> Result<LinearSystem> {
        self.check_id(i)?;
        Ok(self.checked(i, i + 1, &Parts::all())?.remove(0))
    }

    /// Samples first .. last with what the table says of them.
    ///
    /// # Errors
    /// As [`Dataset::read`].
    pub fn records(&self, first: usize, last: usize) -> Result<Vec<Record>> {
        let systems = (first..last).zip(self.checked(first, last, &Parts::all())?);
        Ok(systems
            .map(|(i, system)| Record {
                system,
                residual: self.table.residual[i],
                seconds: self.table.seconds[i],
                digest: self.table.digest[i],
            })
            .collect())
    }

    /// Parts of the samples first .. last. Each has the recorded digest if these are all the parts that the file holds;
    /// a digest says nothing of single parts, of which shapes and patterns alone are checked.
    pub(super) fn checked(&self, first: usize, last: usize, parts: &Parts) -> Result<Vec<LinearSystem>> {
        let systems = self.unchecked(first, last, parts)?;
        if self.is_all(parts) {
            // All of them, then the first fault in order: the same message for any number of threads.
            let checks: Vec<Result<()>> =
                systems.par_iter().enumerate().map(|(k, s)| self.check_digest(first + k, s)).collect();
            checks.into_iter().collect::<Result<()>>()?;
        }
        Ok(systems)
    }

    /// Whether nothing that the file holds is missing from these parts.
    pub(super) fn is_all(&self, parts: &Parts) -> bool {
        let every = |shapes: &[FieldShape], names: &Names| shapes.iter().all(|f| names.contain(&f.name));
        parts.matrix
            && parts.rhs
            && (parts.solution || self.solution.is_none())
            && every(&self.shape.fields, &parts.fields)
            && every(&self.shape.labels, &parts.labels)
    }

    /// Bytes of these parts of sample `i` in memory; a pattern that all samples share is not counted.
    pub(super) fn bytes_of(&self, i: usize, parts: &Parts) -> usize {
        let (n, nnz) = self.size(i);
        let pattern = match self.own {
            Some(_) => size_of::<u32>() * (nnz + n + 1),
            None => 0,
        };
        let fields = chosen(&self.shape.fields, &self.fields, &parts.fields);
        let labels = chosen(&self.shape.labels, &self.labels, &parts.labels);
        let solution = self.solution.is_some() && parts.solution;
        let reals = usize::from(parts.matrix) * nnz
            + (usize::from(parts.rhs) + usize::from(solution)) * n
            + fields.chain(labels).map(|(_, rows)| rows.len(i)).sum::<usize>();
        size_of::<f64>() * reals + usize::from(parts.matrix) * pattern
    }

    /// How many whole samples to read in one go.
    pub fn block_len(&self) -> usize {
        let t = self.totals();
        let named: usize = t.fields.iter().chain(&t.labels).sum();
        let mean = size_of::<f64>() * (t.nnz + 2 * t.rows + named) / self.len().max(1);
        (BLOCK_BYTES / mean.max(1)).clamp(1, 1024)
    }

    pub(super) fn check_id(&self, i: usize) -> Result<()> {
        if i < self.len() {
            return Ok(());
        }
        Err(Error::Argument(format!("{}: no sample {i}, there are {}", self.path().display(), self.len())))
    }

    fn check_digest(&self, i: usize, s: &LinearSystem) -> Result<()> {
        self.check_found(i, digest::sample(s))
    }

    pub(super) fn check_found(&self, i: usize, found: u64) -> Result<()> {
        let recorded = self.table.digest[i];
        if digest::fits(found, recorded) {
            return Ok(());
        }
        Err(Error::file(
            self.path(),
            format!("sample {i} was altered: its digest is {found:016x}, recorded is {recorded:016x}"),
        ))
    }

    /// Parts of the samples first .. last, their digests not checked.
    pub(super) fn unchecked(&self, first: usize, last: usize, parts: &Parts) -> Result<Vec<LinearSystem>> {
        let (h5, shape) = (&self.h5, &self.shape);
        let system = |(matrix, s): (Csr, usize)| LinearSystem {
            params: self.params_of(s),
            mesh: shape.mesh.clone(),
            index: self.table.id[s],
            ..LinearSystem::plain(matrix, Vec::new(), self.header.description.props)
        };
        let matrices = match parts.matrix {
            true => self.matrices(first, last)?,
            false => vec![Csr::identity(0); last - first],
        };
        let mut systems: Vec<LinearSystem> = matrices.into_iter().zip(first..).map(system).collect();
        let mut fill = |rows: &Rows<f64>, keep: &dyn Fn(&mut LinearSystem, Vec<f64>)| -> Result<()> {
            let values = rows.read(h5, first, last)?;
            systems.iter_mut().zip(values).for_each(|(s, v)| keep(s, v));
            Ok(())
        };
        if parts.rhs {
            fill(&self.rhs, &|s, b| s.rhs = b)?;
        }
        if let Some(rows) = self.solution.as_ref().filter(|_| parts.solution) {
            fill(rows, &|s, x| s.solution = Some(x))?;
        }
        for (f, rows) in chosen(&shape.fields, &self.fields, &parts.fields) {
            fill(rows, &|s, v| s.fields.push(f.field(v)))?;
        }
        for (f, rows) in chosen(&shape.labels, &self.labels, &parts.labels) {
            fill(rows, &|s, v| s.labels.push(f.field(v)))?;
        }
        for (s, i) in systems.iter().zip(first..) {
            let wrong = |what| Error::file(self.path(), format!("damaged dataset: sample {i}: {what}"));
            lengths::check(s, self.size(i).0, parts.matrix).map_err(wrong)?;
        }
        Ok(systems)
    }

    /// The matrices of the samples first .. last.
    fn matrices(&self, first: usize, last: usize) -> Result<Vec<Csr>> {
        let patterns = match (&self.shape.pattern, &self.own) {
            (Some(shared), _) => (first..last).map(|_| Ok(shared.clone())).collect(),
            (None, Some(own)) => own.read(&self.h5, first, last)?,
            (None, None) => return Err(self.h5.damaged("systems", "has no patterns")),
        };
        let values = self.values.read(&self.h5, first, last)?;
        let all = patterns.into_iter().zip(values).zip(first..);
        all.map(|((pattern, values), s)| {
            let matrix = pattern.and_then(|p| Csr::new(p, values));
            matrix.map_err(|e| self.altered(s, &e))
        })
        .collect()
    }

    fn altered(&self, s: usize, e: &Error) -> Error {
        Error::file(self.path(), format!("sample {s} was altered: {e}"))
    }

    fn params_of(&self, s: usize) -> Vec<(String, f64)> {
        let columns = self.shape.params.iter().zip(&self.table.params);
        columns.map(|(name, c)| (name.clone(), c[s])).collect()
    }
}

/// The fields (or labels) among these names, with their rows.
fn chosen<'a>(
    shapes: &'a [FieldShape],
    rows: &'a [Rows<f64>],
    names: &'a Names,
) -> impl Iterator<Item = (&'a FieldShape, &'a Rows<f64>)> {
    shapes.iter().zip(rows).filter(|(f, _)| names.contain(&f.name))
}
