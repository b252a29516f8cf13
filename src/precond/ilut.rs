//! Incomplete LU by threshold.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ilu::Ilu;
use super::shift::{Pivots, Shift, Shifting, shifted};
use super::{Built, Preconditioner, Reuse, check_square_finite};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{Csr, vector};

/// `ilut`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "ilut",
    help: "incomplete LU by threshold",
    source: "Saad (1994), doi:10.1002/nla.1680010405",
    needs: "",
    positional: &["droptol", "fill"],
    defaults: defaults::<IlutParams>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, IlutParams::check)?)),
};

/// Parameters of [`Ilu::threshold`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IlutParams {
    /// Entries below droptol · ‖row of A‖₂ are dropped, those of L before their division by the pivot: in the units of
    /// A, so that the factors do not depend on them.
    pub droptol: f64,
    /// Entries kept in each row of L and of U at most, the largest; 0 keeps all.
    pub fill: usize,
}

impl Default for IlutParams {
    fn default() -> Self {
        IlutParams { droptol: 1e-3, fill: 0 }
    }
}

impl Preconditioner for IlutParams {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        let ilut = Ilu::threshold(a, *self)?;
        let note = ilut.shift().note();
        Ok(Built::new(ilut).noted(note))
    }
}

impl IlutParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] for a drop tolerance that is negative or not finite.
    pub fn check(&self) -> Result<()> {
        if self.droptol >= 0.0 && self.droptol.is_finite() {
            return Ok(());
        }
        Err(Error::Argument(format!("ilut: droptol = {} must be finite and not negative", self.droptol)))
    }
}

impl Ilu {
    /// ILUT: L U ≈ A + shift I with small entries dropped as the rows are made; shifts as [`Ilu::new`] does.
    ///
    /// Reference: Saad (1994), doi:10.1002/nla.1680010405.
    ///
    /// # Errors
    /// [`Error::Argument`] for a bad drop tolerance; else as [`Ilu::new`].
    pub fn threshold(a: &Csr, params: IlutParams) -> Result<Self> {
        params.check()?;
        check_square_finite(a)?;
        let mut rows = Rows::default();
        let shift: Shift = shifted("ilut", a, Shifting::Nonzero, |pivots| rows.factorize(a, pivots, params))?;
        Ok(Ilu::from_rows(
            (&rows.lower.0, &rows.lower.1, &rows.lower.2),
            (&rows.upper.0, &rows.upper.1, &rows.upper.2),
            rows.inverse_d,
            shift,
        ))
    }
}

/// Row pointers, columns, values.
type Triangle = (Vec<u32>, Vec<u32>, Vec<f64>);

#[derive(Default)]
struct Rows {
    lower: Triangle,
    upper: Triangle,
    inverse_d: Vec<f64>,
}

impl Rows {
    /// Row by row (IKJ); false at a zero pivot.
    fn factorize(&mut self, a: &Csr, pivots: &Pivots, params: IlutParams) -> bool {
        let n = a.nrows();
        *self = Rows::default();
        self.lower.0.push(0);
        self.upper.0.push(0);
        let mut w = vec![0.0; n];
        // Columns of the row at hand, rising, fill included.
        let mut members: BTreeSet<u32> = BTreeSet::new();
        for i in 0..n {
            let (cols, vals) = a.row(i);
            let norm = vector::norm2(vals);
            let bound = params.droptol * norm;
            members.extend(cols);
            members.insert(i as u32);
            cols.iter().zip(vals).for_each(|(&j, &v)| w[j as usize] = v);
            w[i] += pivots.shift;
            let mut at = members.first().copied();
            while let Some(m) = at.filter(|&m| (m as usize) < i) {
                let k = m as usize;
                let entry = std::mem::take(&mut w[k]);
                if entry.abs() >= bound && entry != 0.0 {
                    let multiplier = entry * self.inverse_d[k];
                    w[k] = multiplier;
                    for e in self.upper.0[k] as usize..self.upper.0[k + 1] as usize {
                        let j = self.upper.1[e];
                        members.insert(j);
                        w[j as usize] -= multiplier * self.upper.2[e];
                    }
                }
                at = members.range(m + 1..).next().copied();
            }
            let Some(pivot) = pivots.accept(w[i], norm) else {
                return false;
            };
            self.inverse_d.push(1.0 / pivot);
            // Multipliers have been judged already; what is left in U is judged now.
            let row = i as u32;
            push(&mut self.lower, members.range(..row), &w, 0.0, params.fill);
            push(&mut self.upper, members.range(row + 1..), &w, bound, params.fill);
            members.iter().for_each(|&j| w[j as usize] = 0.0);
            members.clear();
        }
        true
    }
}

/// Adds a row: entries of at least `bound`, the `fill` largest (0: all), columns rising.
fn push<'a>(to: &mut Triangle, cols: impl Iterator<Item = &'a u32>, w: &[f64], bound: f64, fill: usize) {
    let size = |j: u32| w[j as usize].abs();
    let mut kept: Vec<u32> = cols.copied().filter(|&j| size(j) >= bound && size(j) > 0.0).collect();
    if fill > 0 && kept.len() > fill {
        kept.sort_by(|&i, &j| size(j).total_cmp(&size(i)).then(i.cmp(&j)));
        kept.truncate(fill);
        kept.sort_unstable();
    }
    to.2.extend(kept.iter().map(|&j| w[j as usize]));
    to.1.extend_from_slice(&kept);
    to.0.push(to.1.len() as u32);
}
