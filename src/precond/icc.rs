//! Incomplete Cholesky by level of fill.

use std::any::Any;

use serde::{Deserialize, Serialize};

use super::shift::{self, Pivots, Shift, Shifting};
use super::triangular::{StrictTriangle, TriangularSolve};
use super::{Built, Preconditioner, Reuse, check_symmetric, level_of_fill};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::linalg::op::Halves;
use crate::linalg::{Csr, LinOp, Props};

/// `icc`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "Meijerink & van der Vorst (1977), doi:10.1090/S0025-5718-1977-0438681-4",
    needs: "A symmetric",
    positional: &["levels"],
    ..Entry::of::<Config>("icc", "incomplete Cholesky by level of fill")
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Of fill.
    levels: usize,
    shift: Shifting,
    storage: Storage,
}

impl Default for Config {
    fn default() -> Self {
        Config { levels: 0, shift: Shifting::Best, storage: Storage::Double }
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        let icc = Icc::with_shift(a, self.levels, self.shift)?;
        let note = icc.shift().note();
        Ok(self.storage.built(icc)?.noted(note))
    }
    fn props(&self) -> Props {
        if self.shift.definite() { Props::SPD } else { Props::SYMMETRIC }
    }
}

/// Precision of stored entries; vectors and sums are in double precision either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Storage {
    /// Double.
    #[default]
    #[serde(rename = "f64")]
    Double,
    /// Single: two thirds of the bytes, for factors that memory is too slow for.
    #[serde(rename = "f32")]
    Single,
}

impl Storage {
    /// The factor stored so.
    ///
    /// # Errors
    /// As [`Icc::rounded`].
    pub(super) fn built(self, icc: Icc) -> Result<Built> {
        Ok(match self {
            Storage::Double => Built::new(icc),
            Storage::Single => Built::new(icc.rounded()?),
        })
    }
}

/// L D Lᵀ ≈ A + shift I with unit lower L on the level-k pattern of A.
///
/// Where a pivot is not positive, A + α I is factorised instead, see [`Shifting`]; [`Icc::shift`] reports α.
/// Reference: Meijerink & van der Vorst (1977), doi:10.1090/S0025-5718-1977-0438681-4; Manteuffel (1980),
/// doi:10.1090/S0025-5718-1980-0559197-0. `T` is how the entries of L are stored.
#[derive(Debug, Clone)]
pub struct Icc<T = f64> {
    lower: TriangularSolve<T>,
    upper: TriangularSolve<T>,
    inverse_d: Vec<f64>,
    shift: Shift,
    /// D > 0.
    definite: bool,
}

impl Icc {
    /// With [`Shifting::Best`].
    ///
    /// # Errors
    /// As [`Icc::with_shift`].
    pub fn new(a: &Csr, levels: usize) -> Result<Self> {
        Icc::with_shift(a, levels, Shifting::Best)
    }

    /// With this level of fill and this shift.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] unless A is square; [`crate::Error::Numeric`] unless it is symmetric and finite, or if
    /// no shift helps.
    pub fn with_shift(a: &Csr, levels: usize, shifting: Shifting) -> Result<Self> {
        check_symmetric("icc", a)?;
        let mut lower = match levels {
            0 => StrictTriangle::lower_of(a),
            _ => {
                let ((indptr, indices), _) = level_of_fill::pattern(a, levels);
                StrictTriangle::zeros(true, &indptr, &indices)
            }
        };
        let mut d = vec![0.0; a.nrows()];
        Icc::shifted("icc", a, shifting, |pivots| {
            factorize(a, pivots, &mut lower, &mut d).then(|| {
                let inverse_d = d.iter().map(|d| 1.0 / d).collect();
                (lower.clone(), lower.transposed(), inverse_d)
            })
        })
    }

    /// From the L, Lᵀ and D⁻¹ that `factorize` makes with a shift that does.
    pub(super) fn shifted(
        method: &str,
        a: &Csr,
        shifting: Shifting,
        mut factorize: impl FnMut(&Pivots) -> Option<(StrictTriangle, StrictTriangle, Vec<f64>)>,
    ) -> Result<Self> {
        let (mut icc, shift) = shift::built(method, a, shifting, |pivots| {
            let (lower, upper, inverse_d) = factorize(pivots)?;
            Some(Icc::from_parts(lower, upper, inverse_d, Shift::NONE))
        })?;
        icc.shift = shift;
        Ok(icc)
    }

    /// From L, Lᵀ and D⁻¹.
    pub(super) fn from_parts(lower: StrictTriangle, upper: StrictTriangle, inverse_d: Vec<f64>, shift: Shift) -> Self {
        Icc {
            definite: inverse_d.iter().all(|&d| d > 0.0),
            lower: TriangularSolve::new(lower),
            upper: TriangularSolve::new(upper),
            inverse_d,
            shift,
        }
    }

    /// The strictly lower part of the unit factor and D⁻¹.
    pub(super) fn parts(&self) -> (&StrictTriangle, &[f64]) {
        (self.lower.triangle(), &self.inverse_d)
    }

    /// With the entries of L stored in single precision; D stays as it is, and so does the precision of vectors.
    ///
    /// # Errors
    /// [`Error::Numeric`] if an entry is too large.
    pub fn rounded(self) -> Result<Icc<f32>> {
        let Icc { lower, upper, inverse_d, shift, definite } = self;
        let round = |t: TriangularSolve| {
            t.rounded().ok_or_else(|| Error::Numeric("a factor: an entry is too large for single precision".into()))
        };
        Ok(Icc { lower: round(lower)?, upper: round(upper)?, inverse_d, shift, definite })
    }

    /// The shift that was needed.
    pub fn shift(&self) -> Shift {
        self.shift
    }
}

/// Row by row: l_ij d_j = a_ij − Σ_{k<j} l_ik d_k l_jk, d_i = a_ii + shift − Σ_k l_ik² d_k. False at a bad pivot.
fn factorize(a: &Csr, pivots: &Pivots, l: &mut StrictTriangle, d: &mut [f64]) -> bool {
    // Row i of L D as it grows, zero outside the pattern of row i.
    let mut w = vec![0.0; a.nrows()];
    for i in 0..a.nrows() {
        let (mut pivot, mut magnitude) = (pivots.shift, 0.0);
        let (cols, vals) = a.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            magnitude += v.abs();
            match (j as usize).cmp(&i) {
                std::cmp::Ordering::Less => w[j as usize] = v,
                std::cmp::Ordering::Equal => pivot += v,
                std::cmp::Ordering::Greater => {}
            }
        }
        // l_ij d_j, from the columns before.
        let entry = |j: usize, l: &StrictTriangle, w: &[f64]| {
            let far = l.far(j);
            let known = l.values[far.clone()].iter().zip(&l.indices[far]);
            let sum = known.fold(w[j], |sum, (v, &m)| sum - v * w[m as usize]);
            sum - l.near[j] * w[j.saturating_sub(1)]
        };
        for k in l.far(i) {
            let j = l.indices[k] as usize;
            w[j] = entry(j, l, &w);
            l.values[k] = w[j] / d[j];
            pivot -= w[j] * l.values[k];
        }
        if l.adjacent[i] {
            let j = i - 1;
            w[j] = entry(j, l, &w);
            l.near[i] = w[j] / d[j];
            pivot -= w[j] * l.near[i];
            w[j] = 0.0;
        }
        for &j in &l.indices[l.far(i)] {
            w[j as usize] = 0.0;
        }
        match pivots.accept(pivot, magnitude) {
            Some(pivot) => d[i] = pivot,
            None => return false,
        }
    }
    true
}

impl<T: Copy + Into<f64> + Sync + 'static> LinOp for Icc<T> {
    fn shape(&self) -> (usize, usize) {
        (self.inverse_d.len(), self.inverse_d.len())
    }
    fn props(&self) -> Props {
        if self.definite { Props::SPD } else { Props::SYMMETRIC }
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.lower.substitute(y, |i, _| x[i]);
        self.upper.substitute(y, |i, y| self.inverse_d[i] * y);
    }
    fn nnz(&self) -> usize {
        self.lower.triangle().nnz() + self.inverse_d.len()
    }
    fn halves(&self) -> Option<&dyn Halves> {
        self.definite.then_some(self)
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// F = D^−½ L⁻¹.
impl<T: Copy + Into<f64> + Sync + 'static> Halves for Icc<T> {
    fn left(&self, x: &[f64], y: &mut [f64]) {
        self.lower.substitute(y, |i, _| x[i]);
        for (y, d) in y.iter_mut().zip(&self.inverse_d) {
            *y *= d.sqrt();
        }
    }
    fn right(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
        self.upper.substitute(y, |i, y| self.inverse_d[i].sqrt() * y);
    }
}
