//! Incomplete LU by level of fill.

use serde::{Deserialize, Serialize};

use super::shift::{Pivots, Shift, Shifting, shifted};
use super::triangular::{StrictTriangle, TriangularSolve};
use super::{Built, Preconditioner, Reuse, Spec, check_square_finite, level_of_fill};
use crate::entry::Entry;
use crate::error::Result;
use crate::linalg::{Csr, LinOp, Props};

/// `ilu`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "Saad (2003), section 10.3, doi:10.1137/1.9780898718003",
    positional: &["levels"],
    ..Entry::of::<Config>("ilu", "incomplete LU by level of fill")
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Of fill.
    levels: usize,
    shift: Shifting,
}

impl Default for Config {
    fn default() -> Self {
        Config { levels: 0, shift: Shifting::Nonzero }
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        let ilu = Ilu::with_shift(a, self.levels, self.shift)?;
        let note = ilu.shift().note();
        Ok(Built::new(ilu).noted(note))
    }
}

/// `ilu(0)`.
pub(super) fn spec() -> Spec {
    Spec::new(&ENTRY, Box::new(Config::default()))
}

/// L U ≈ A + shift I with unit lower L, on the level-k pattern of A.
///
/// A pivot that vanishes makes it factorise A + α I instead, see [`Shifting`]; [`Ilu::shift`] reports α. Reference:
/// Saad (2003), section 10.3.
#[derive(Debug, Clone)]
pub struct Ilu {
    lower: TriangularSolve,
    /// Rows scaled by 1 / u_ii.
    upper: TriangularSolve,
    inverse_d: Vec<f64>,
    shift: Shift,
}

impl Ilu {
    /// With [`Shifting::Nonzero`].
    ///
    /// # Errors
    /// As [`Ilu::with_shift`].
    pub fn new(a: &Csr, levels: usize) -> Result<Self> {
        Ilu::with_shift(a, levels, Shifting::Nonzero)
    }

    /// With this level of fill and this shift.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] unless A is square; [`crate::Error::Numeric`] if an entry is not finite or no shift
    /// helps.
    pub fn with_shift(a: &Csr, levels: usize, shifting: Shifting) -> Result<Self> {
        check_square_finite(a)?;
        let (lower, upper) = match levels {
            0 => StrictTriangle::split(a, |_| 1.0),
            _ => {
                let (lower, upper) = level_of_fill::pattern(a, levels);
                let lower = StrictTriangle::zeros(true, &lower.0, &lower.1);
                (lower, StrictTriangle::zeros(false, &upper.0, &upper.1))
            }
        };
        let mut factor = Factor { lower, upper, inverse_d: vec![0.0; a.nrows()] };
        let shift = shifted("ilu", a, shifting, |pivots| factor.compute(a, pivots))?;
        Ok(Ilu::from_parts(factor.lower, factor.upper, factor.inverse_d, shift))
    }

    /// From unit L, U without its diagonal, and the inverse of that.
    fn from_parts(lower: StrictTriangle, mut upper: StrictTriangle, inverse_d: Vec<f64>, shift: Shift) -> Self {
        upper.scale_rows(|i| inverse_d[i]);
        Ilu { lower: TriangularSolve::new(lower), upper: TriangularSolve::new(upper), inverse_d, shift }
    }

    /// From the rows (pointers, columns, values) of strict L and strict U, and the inverse of U's diagonal.
    pub(super) fn from_rows(
        lower: (&[u32], &[u32], &[f64]),
        upper: (&[u32], &[u32], &[f64]),
        inverse_d: Vec<f64>,
        shift: Shift,
    ) -> Self {
        Ilu::from_parts(
            StrictTriangle::from_rows(true, lower.0, lower.1, lower.2),
            StrictTriangle::from_rows(false, upper.0, upper.1, upper.2),
            inverse_d,
            shift,
        )
    }

    /// The shift that was needed.
    pub fn shift(&self) -> Shift {
        self.shift
    }
}

struct Factor {
    lower: StrictTriangle,
    upper: StrictTriangle,
    inverse_d: Vec<f64>,
}

impl Factor {
    /// Row by row (IKJ); false at a zero pivot.
    fn compute(&mut self, a: &Csr, pivots: &Pivots) -> bool {
        let n = a.nrows();
        let Factor { lower, upper, inverse_d } = self;
        // The row at hand; `member` says which columns it has: its number plus one.
        let mut w = vec![0.0; n];
        let mut member = vec![0u32; n];
        for i in 0..n {
            let mark = i as u32 + 1;
            let mut has = |j: usize| {
                w[j] = 0.0;
                member[j] = mark;
            };
            has(i);
            for t in [&*lower, upper] {
                t.indices[t.far(i)].iter().for_each(|&j| has(j as usize));
            }
            if lower.adjacent[i] {
                has(i - 1);
            }
            if upper.adjacent[i] {
                has(i + 1);
            }
            let (cols, vals) = a.row(i);
            let mut magnitude = 0.0;
            for (&j, &v) in cols.iter().zip(vals) {
                w[j as usize] = v;
                magnitude += v.abs();
            }
            w[i] += pivots.shift;
            // Row i less l_im times row m of U, on the pattern.
            let mut eliminate = |m: usize| {
                let multiplier = w[m] * inverse_d[m];
                for e in upper.far(m) {
                    let j = upper.indices[e] as usize;
                    if member[j] == mark {
                        w[j] -= multiplier * upper.values[e];
                    }
                }
                if upper.adjacent[m] && member[m + 1] == mark {
                    w[m + 1] -= multiplier * upper.near[m];
                }
                multiplier
            };
            for k in lower.far(i) {
                lower.values[k] = eliminate(lower.indices[k] as usize);
            }
            if lower.adjacent[i] {
                lower.near[i] = eliminate(i - 1);
            }
            match pivots.accept(w[i], magnitude) {
                Some(pivot) => inverse_d[i] = 1.0 / pivot,
                None => return false,
            }
            for k in upper.far(i) {
                upper.values[k] = w[upper.indices[k] as usize];
            }
            if upper.adjacent[i] {
                upper.near[i] = w[i + 1];
            }
        }
        true
    }
}

impl LinOp for Ilu {
    fn shape(&self) -> (usize, usize) {
        (self.inverse_d.len(), self.inverse_d.len())
    }
    fn props(&self) -> Props {
        Props::GENERAL
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.lower.substitute(y, |i, _| x[i]);
        self.upper.substitute(y, |i, y| self.inverse_d[i] * y);
    }
    fn nnz(&self) -> usize {
        self.lower.triangle().nnz() + self.upper.triangle().nnz() + self.inverse_d.len()
    }
}
