//! A sample on its way into a dataset, and what the table keeps of it.

use super::digest;
use crate::error::{Error, Result};
use crate::linalg::vector;
use crate::system::{Field, LinearSystem};

/// A sample with what is noted about it in the table.
#[derive(Debug, Clone)]
pub struct Record {
    /// The sample.
    pub system: LinearSystem,
    /// ‖b − A x‖₂ / ‖b‖₂ of the stored solution; NaN where there is none.
    pub residual: f64,
    /// Wall-clock seconds it took to make: the one number that differs from run to run.
    pub seconds: f64,
    /// Its [`digest::sample`].
    pub digest: u64,
}

impl Record {
    /// The record of a sample that took `seconds` to make.
    pub fn new(system: LinearSystem, seconds: f64) -> Self {
        let (residual, digest) = (relative_residual(&system), digest::sample(&system));
        Record { system, residual, seconds, digest }
    }

    /// Whether its solution, if it has one, is one: verification would refuse any other.
    ///
    /// # Errors
    /// [`Error::Numeric`] if its relative residual is above [`RESIDUAL_LIMIT`] or not a number.
    pub fn check(&self) -> Result<()> {
        if self.system.solution.is_none() || self.residual <= RESIDUAL_LIMIT {
            return Ok(());
        }
        Err(Error::Numeric(format!(
            "its solution has relative residual {:.1e}, above {RESIDUAL_LIMIT:.0e}: A is too ill-conditioned to be \
             solved; take milder parameters",
            self.residual
        )))
    }
}

/// What the table of a dataset keeps of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// Its index.
    pub index: u64,
    /// Rows of A.
    pub n: usize,
    /// Entries of A.
    pub nnz: usize,
    /// As [`Record::residual`].
    pub residual: f64,
    /// As [`Record::seconds`].
    pub seconds: f64,
    /// As [`Record::digest`].
    pub digest: u64,
    /// Drawn parameters.
    pub params: Vec<f64>,
}

impl From<&Record> for Noted {
    fn from(record: &Record) -> Self {
        let s = &record.system;
        Noted {
            index: s.index,
            n: s.n(),
            nnz: s.matrix.nnz(),
            residual: record.residual,
            seconds: record.seconds,
            digest: record.digest,
            params: s.params.iter().map(|(_, value)| *value).collect(),
        }
    }
}

/// A stored solution is wrong if its relative residual is above this.
pub const RESIDUAL_LIMIT: f64 = 1e-6;

/// ‖b − A x‖₂ / ‖b‖₂ (‖A x‖₂ where b = 0); NaN where no solution is stored.
pub fn relative_residual(s: &LinearSystem) -> f64 {
    let Some(x) = &s.solution else {
        return f64::NAN;
    };
    let mut r = vec![0.0; s.n()];
    s.matrix.spmv(x, &mut r);
    vector::axpy(-1.0, &s.rhs, &mut r);
    let b = vector::norm2(&s.rhs);
    vector::norm2(&r) / if b > 0.0 { b } else { 1.0 }
}

/// Entries of all samples together: what a file with own patterns must reserve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Σ n.
    pub rows: usize,
    /// Σ nnz.
    pub nnz: usize,
    /// Σ entries, per field.
    pub fields: Vec<usize>,
    /// Σ entries, per label.
    pub labels: Vec<usize>,
}

impl Totals {
    /// Adds one sample.
    pub fn add(&mut self, s: &LinearSystem) {
        self.rows += s.n();
        self.nnz += s.matrix.nnz();
        let lengths = |fields: &[Field]| -> Vec<usize> { fields.iter().map(|f| f.values.len()).collect() };
        add_all(&mut self.fields, &lengths(&s.fields));
        add_all(&mut self.labels, &lengths(&s.labels));
    }

    /// Adds the totals of another file.
    pub fn join(&mut self, other: &Totals) {
        self.rows += other.rows;
        self.nnz += other.nnz;
        add_all(&mut self.fields, &other.fields);
        add_all(&mut self.labels, &other.labels);
    }
}

fn add_all(totals: &mut Vec<usize>, more: &[usize]) {
    totals.resize(more.len(), 0);
    totals.iter_mut().zip(more).for_each(|(t, m)| *t += m);
}
