//! Incomplete Cholesky by threshold.

use serde::{Deserialize, Serialize};

use super::icc::{Icc, Storage};
use super::mic::relaxed;
use super::shift::{Pivots, Shift, Shifting};
use super::triangular::StrictTriangle;
use super::{Built, Preconditioner, Reuse, check_symmetric};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Props};

/// `ict`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "ict",
    help: "incomplete Cholesky by threshold",
    source: "Lin & Moré (1999), doi:10.1137/S1064827597327334",
    needs: "A symmetric",
    positional: &["droptol", "fill"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, |c: &Config| c.params().check())?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// As of [`IctParams`].
    droptol: f64,
    /// As of [`IctParams`].
    fill: usize,
    storage: Storage,
}

impl Default for Config {
    fn default() -> Self {
        let IctParams { droptol, fill } = IctParams::default();
        Config { droptol, fill, storage: Storage::Double }
    }
}

impl Config {
    fn params(&self) -> IctParams {
        IctParams { droptol: self.droptol, fill: self.fill }
    }
}

/// Parameters of [`Icc::threshold`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IctParams {
    /// Entries of L with |l_ij| < droptol · ‖L(j:n, j)‖₂ are dropped, as ilupp does; unlike MATLAB's rule, which
    /// takes the norm of A's column, it does not depend on the scale of A.
    pub droptol: f64,
    /// Entries below the diagonal kept in each column at most, the largest; 0 keeps all.
    pub fill: usize,
}

impl Default for IctParams {
    fn default() -> Self {
        IctParams { droptol: 1e-3, fill: 0 }
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        let ict = Icc::threshold(a, self.params())?;
        let note = ict.shift().note();
        Ok(self.storage.built(ict)?.noted(note))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
}

impl IctParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] for a drop tolerance that is negative or not finite.
    pub fn check(&self) -> Result<()> {
        self.check_as("ict")
    }

    /// The same in the name of another preconditioner.
    pub(super) fn check_as(&self, name: &str) -> Result<()> {
        if self.droptol >= 0.0 && self.droptol.is_finite() {
            return Ok(());
        }
        Err(Error::Argument(format!("{name}: droptol = {} must be finite and not negative", self.droptol)))
    }
}

impl Icc {
    /// L Lᵀ ≈ A + shift I with small entries dropped as the columns are made; shifts as [`Icc::new`] does.
    ///
    /// Reference: Lin & Moré (1999), doi:10.1137/S1064827597327334 (without their fill rule where `fill` is 0).
    ///
    /// # Errors
    /// [`Error::Argument`] for a bad drop tolerance; else as [`Icc::new`].
    pub fn threshold(a: &Csr, params: IctParams) -> Result<Self> {
        params.check()?;
        check_symmetric("ict", a)?;
        let mut columns = Columns::default();
        Icc::shifted("ict", a, Shifting::Best, |pivots| {
            columns.factorize(a, pivots, params, 0.0).then(|| columns.triangles())
        })
    }

    /// L Lᵀ ≈ A with small entries dropped as the columns are made and `relaxation` times each of them added to both
    /// diagonal entries of its row and column, so that the row sums of A are kept where the relaxation is 1 (and the
    /// signs allow it: those of an M-matrix's entries are negative). Where a pivot is not positive, as
    /// [`Icc::modified`]; the relaxation that was taken is returned too.
    ///
    /// Reference: Munksgaard (1980), doi:10.1145/355887.355893.
    ///
    /// # Errors
    /// As [`Icc::threshold`].
    pub fn modified_threshold(a: &Csr, params: IctParams, relaxation: f64) -> Result<(Self, f64)> {
        params.check()?;
        check_symmetric("mict", a)?;
        let mut columns = Columns::default();
        let modified = relaxed(relaxation, |relaxation| {
            columns.factorize(a, &Pivots::POSITIVE, params, relaxation).then(|| {
                let (lower, upper, inverse_d) = columns.triangles();
                Icc::from_parts(lower, upper, inverse_d, Shift::NONE)
            })
        });
        modified.map_or_else(|| Ok((Icc::threshold(a, params)?, 0.0)), Ok)
    }
}

/// Columns of L below the diagonal, divided by the diagonal, and the diagonal.
#[derive(Default)]
struct Columns {
    indptr: Vec<u32>,
    rows: Vec<u32>,
    values: Vec<f64>,
    diagonal: Vec<f64>,
}

const NONE: u32 = u32::MAX;

impl Columns {
    /// L, Lᵀ and D⁻¹ of L D Lᵀ.
    fn triangles(&self) -> (StrictTriangle, StrictTriangle, Vec<f64>) {
        let upper = StrictTriangle::from_rows(false, &self.indptr, &self.rows, &self.values);
        let inverse_d = self.diagonal.iter().map(|d| 1.0 / (d * d)).collect();
        (upper.transposed(), upper, inverse_d)
    }

    /// Column by column, each updated by the columns left of it that reach its row; `relaxation` times what is dropped
    /// goes to the diagonal. False at a bad pivot.
    fn factorize(&mut self, a: &Csr, pivots: &Pivots, params: IctParams, relaxation: f64) -> bool {
        let n = a.nrows();
        for v in [&mut self.indptr, &mut self.rows] {
            v.clear();
        }
        self.values.clear();
        self.diagonal.clear();
        self.indptr.push(0);
        let mut w = vec![0.0; n];
        // What columns before have dropped in a row, relaxed.
        let mut dropped = vec![0.0; n];
        let mut touched: Vec<u32> = Vec::new();
        // Columns whose next row is k form a list from head[k]; next[j] is where in its column j stands.
        let (mut head, mut link, mut next) = (vec![NONE; n], vec![NONE; n], vec![0usize; n]);
        for k in 0..n {
            touched.clear();
            let (mut pivot, mut norm) = (pivots.shift + dropped[k], 0.0);
            let (cols, vals) = a.row(k);
            for (&i, &v) in cols.iter().zip(vals).filter(|e| *e.0 as usize >= k) {
                norm += v.abs();
                if i as usize == k {
                    pivot += v;
                } else {
                    w[i as usize] = v;
                    touched.push(i);
                }
            }
            let mut j = head[k];
            while j != NONE {
                let (column, after) = (j as usize, link[j as usize]);
                let at = next[column];
                let end = self.indptr[column + 1] as usize;
                let scale = self.values[at] * self.diagonal[column] * self.diagonal[column];
                pivot -= scale * self.values[at];
                for e in at + 1..end {
                    let i = self.rows[e];
                    if w[i as usize] == 0.0 {
                        touched.push(i);
                    }
                    w[i as usize] -= scale * self.values[e];
                }
                advance(column, at + 1, &self.rows[..end], &mut head, &mut link, &mut next);
                j = after;
            }
            touched.sort_unstable();
            // An entry that cancelled to zero and came back is listed twice.
            touched.dedup();
            // The column before its division by √pivot, against its own length.
            let square: f64 = touched.iter().map(|&i| w[i as usize].powi(2)).sum();
            let bound = params.droptol * (square + pivot * pivot).sqrt();
            let mut kept: Vec<u32> =
                touched.iter().copied().filter(|&i| w[i as usize] != 0.0 && w[i as usize].abs() >= bound).collect();
            if params.fill > 0 && kept.len() > params.fill {
                kept.sort_by(|&i, &j| w[j as usize].abs().total_cmp(&w[i as usize].abs()).then(i.cmp(&j)));
                kept.truncate(params.fill);
                kept.sort_unstable();
            }
            if relaxation > 0.0 && kept.len() < touched.len() {
                let mut staying = kept.iter().copied().peekable();
                for &i in &touched {
                    if staying.next_if_eq(&i).is_none() {
                        let part = relaxation * w[i as usize];
                        pivot += part;
                        dropped[i as usize] += part;
                    }
                }
            }
            let Some(pivot) = pivots.accept(pivot, norm) else {
                return false;
            };
            self.diagonal.push(pivot.sqrt());
            let start = self.rows.len();
            self.values.extend(kept.iter().map(|&i| w[i as usize] / pivot));
            self.rows.extend_from_slice(&kept);
            self.indptr.push(self.rows.len() as u32);
            advance(k, start, &self.rows, &mut head, &mut link, &mut next);
            touched.iter().for_each(|&i| w[i as usize] = 0.0);
        }
        true
    }
}

/// Puts the column on the list of the row it stands at, if it has one left.
fn advance(column: usize, at: usize, rows: &[u32], head: &mut [u32], link: &mut [u32], next: &mut [usize]) {
    next[column] = at;
    if let Some(&row) = rows.get(at) {
        link[column] = head[row as usize];
        head[row as usize] = column as u32;
    }
}
