//! Incomplete LU by level of fill.

use super::icc::Shift;
use super::strict::Strict;
use super::{check_square_finite, fill};
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Props};

/// A pivot at most this fraction of its row's sum of magnitudes counts as zero (PETSc's `zeropivot`).
const ZERO_PIVOT: f64 = 100.0 * f64::EPSILON;
/// Shifts tried: 10⁻¹² max|A|, then ten times more each time.
const MAX_SHIFTS: i32 = 12;

/// L U ≈ A + shift I with unit lower L, on the level-k pattern of A.
///
/// A pivot that vanishes makes it factorise A + α I instead, α growing from 10⁻¹² max|A| until none does; [`Ilu::shift`]
/// reports it. Reference: Saad (2003), section 10.3.
#[derive(Debug, Clone)]
pub struct Ilu {
    lower: Strict,
    /// Rows scaled by 1 / u_ii.
    upper: Strict,
    inverse_d: Vec<f64>,
    shift: Shift,
}

impl Ilu {
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Numeric`] if an entry is not finite or no shift helps.
    pub fn new(a: &Csr, levels: usize) -> Result<Self> {
        check_square_finite(a)?;
        let (lower, upper) = fill::levels(a, levels);
        let mut factor = Factor {
            values_l: vec![0.0; lower.1.len()],
            values_u: vec![0.0; upper.1.len()],
            inverse_d: vec![0.0; a.nrows()],
        };
        let shift = shifted("ilu", a, |amount| factor.compute(a, amount, &lower, &upper))?;
        Ok(Ilu::from_rows(
            (&lower.0, &lower.1, &factor.values_l),
            (&upper.0, &upper.1, &factor.values_u),
            factor.inverse_d,
            shift,
        ))
    }

    /// From the rows (pointers, columns, values) of strict L and strict U, and the inverse of U's diagonal.
    pub(super) fn from_rows(
        lower: (&[u32], &[u32], &[f64]),
        upper: (&[u32], &[u32], &[f64]),
        inverse_d: Vec<f64>,
        shift: Shift,
    ) -> Self {
        let mut upper = Strict::from_rows(false, upper.0, upper.1, upper.2);
        upper.scale_rows(|i| inverse_d[i]);
        Ilu {
            lower: Strict::from_rows(true, lower.0, lower.1, lower.2),
            upper,
            inverse_d,
            shift,
        }
    }

    /// The shift that was needed.
    pub fn shift(&self) -> Shift {
        self.shift
    }
}

/// Factorises, with a growing multiple of the identity added where a pivot vanishes.
///
/// # Errors
/// [`Error::Numeric`] if no shift helps.
pub(super) fn shifted(method: &str, a: &Csr, mut factorize: impl FnMut(f64) -> bool) -> Result<Shift> {
    let size = a.max_abs();
    for attempt in 0..=MAX_SHIFTS {
        let amount = match attempt {
            0 => 0.0,
            k => size * 10f64.powi(k - 13),
        };
        if factorize(amount) {
            return Ok(Shift {
                amount,
                attempts: attempt as usize + 1,
            });
        }
    }
    Err(Error::Numeric(format!(
        "{method}: a zero pivot that no shift removes"
    )))
}

struct Factor {
    values_l: Vec<f64>,
    values_u: Vec<f64>,
    inverse_d: Vec<f64>,
}

impl Factor {
    /// Row by row (IKJ); false at a zero pivot.
    fn compute(&mut self, a: &Csr, shift: f64, lower: &fill::Triangle, upper: &fill::Triangle) -> bool {
        let n = a.nrows();
        let mut w = vec![0.0; n];
        // Whether a column belongs to the row at hand: its number plus one.
        let mut member = vec![0u32; n];
        for i in 0..n {
            let l = lower.0[i] as usize..lower.0[i + 1] as usize;
            let u = upper.0[i] as usize..upper.0[i + 1] as usize;
            let row = i as u32;
            for &j in lower.1[l.clone()].iter().chain(&upper.1[u.clone()]).chain([&row]) {
                w[j as usize] = 0.0;
                member[j as usize] = row + 1;
            }
            let (cols, vals) = a.row(i);
            let mut magnitude = 0.0;
            for (&j, &v) in cols.iter().zip(vals) {
                w[j as usize] = v;
                magnitude += v.abs();
            }
            w[i] += shift;
            for k in l {
                let m = lower.1[k] as usize;
                let multiplier = w[m] * self.inverse_d[m];
                self.values_l[k] = multiplier;
                for e in upper.0[m] as usize..upper.0[m + 1] as usize {
                    let j = upper.1[e] as usize;
                    if member[j] == row + 1 {
                        w[j] -= multiplier * self.values_u[e];
                    }
                }
            }
            if w[i].is_nan() || w[i].abs() <= ZERO_PIVOT * magnitude {
                return false;
            }
            self.inverse_d[i] = 1.0 / w[i];
            for k in u {
                self.values_u[k] = w[upper.1[k] as usize];
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
        y.copy_from_slice(x);
        self.lower.substitute(y, |_, y| y);
        self.upper.substitute(y, |i, y| self.inverse_d[i] * y);
    }
    fn nnz(&self) -> usize {
        self.lower.nnz() + self.upper.nnz() + self.inverse_d.len()
    }
}
