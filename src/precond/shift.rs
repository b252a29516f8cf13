//! What incomplete factorisations do at a pivot that is no good.

use serde::{Deserialize, Serialize};

use super::trial::Trial;
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp};

/// A pivot at most this fraction of its row's sum of magnitudes is no good (PETSc's `zeropivot`).
const ZERO_PIVOT: f64 = 100.0 * f64::EPSILON;
/// Bisections of the shift, as in PETSc.
const BISECTIONS: usize = 5;
/// The least shift to bisect from, relative to max|A|: for matrices that are singular and weakly dominant.
const LEAST: f64 = 1e-8;
/// The factor between the shifts that [`Shifting::Best`] tries, how far down from the one that makes A diagonally
/// dominant, and up.
const STEP: f64 = 4.0;
const DESCENTS: i32 = 12;
const ASCENTS: i32 = 3;
/// Energies that differ by less, relatively, are equal.
const EQUAL: f64 = 1e-12;
/// Shifts tried by [`Shifting::Nonzero`]: 10⁻¹² max|A|, then ten times more each time.
const GROWTHS: i32 = 12;
/// What [`Shifting::InBlocks`] adds to a pivot, as in PETSc.
const PATCH: f64 = 100.0 * f64::EPSILON;

/// What had to be added to A.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The multiple of the identity, or what was added to single pivots; 0 where none was needed.
    pub amount: f64,
    /// Factorisations tried in all.
    pub attempts: usize,
}

impl Shift {
    /// The first attempt went well.
    pub(super) const NONE: Shift = Shift { amount: 0.0, attempts: 1 };

    /// In words, where one was needed.
    pub(super) fn note(self) -> Option<String> {
        (self.amount > 0.0).then(|| {
            let attempts = match self.attempts {
                1 => String::new(),
                n => format!(" after {n} attempts"),
            };
            format!("diagonal shifted by {:.3e}{attempts}", self.amount)
        })
    }
}

/// Which shift to take; PETSc's `-pc_factor_shift_type`, and one of our own.
///
/// Reference: Manteuffel (1980), doi:10.1090/S0025-5718-1980-0559197-0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shifting {
    /// Of the shift that makes A diagonally dominant, its fourths for as long as there is a factor, its multiples of
    /// four and what lies between the best of them and its neighbours, the one with which ten CG steps on noise
    /// reduce the error most: the default of `icc` and `ict`. For A that is not positive definite it is
    /// [`Shifting::Smallest`]. Every pivot is positive.
    #[serde(rename = "best")]
    Best,
    /// The smallest that five bisections find of the shift that makes A diagonally dominant. Every pivot is positive,
    /// some may be nearly zero, and M then far from A⁻¹.
    #[serde(rename = "smallest")]
    Smallest,
    /// PETSc's default for `icc`: 1/2 of that shift, else 3/4, 7/8 …; the first that works. Every pivot is positive.
    #[serde(rename = "positive_definite")]
    PositiveDefinite,
    /// 10⁻¹² max|A| and tenfold until no pivot vanishes, `ilu`'s default (PETSc doubles from 2·10⁻¹⁴). Pivots may be
    /// negative.
    #[serde(rename = "nonzero")]
    Nonzero,
    /// A pivot that vanishes, and it alone, gets 2·10⁻¹⁴: PETSc's default for `ilu`. Pivots may be negative.
    #[serde(rename = "inblocks")]
    InBlocks,
    /// None: a vanishing pivot is an error. Pivots may be negative.
    #[serde(rename = "none")]
    None,
}

impl Shifting {
    /// As recipes have it.
    pub fn name(self) -> &'static str {
        match self {
            Shifting::Best => "best",
            Shifting::Smallest => "smallest",
            Shifting::PositiveDefinite => "positive_definite",
            Shifting::Nonzero => "nonzero",
            Shifting::InBlocks => "inblocks",
            Shifting::None => "none",
        }
    }
}

/// What one attempt at a factorisation goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pivots {
    /// Added to every diagonal entry.
    pub(super) shift: f64,
    /// Whether pivots must be positive, not only other than zero.
    definite: bool,
    /// Added to a pivot that is no good.
    patch: Option<f64>,
}

impl Pivots {
    /// No shift, and every pivot is to be positive.
    pub(super) const POSITIVE: Pivots = Pivots { shift: 0.0, definite: true, patch: None };

    /// The pivot to divide by, if there is one; `magnitude` is the sum of the row's.
    pub(super) fn accept(&self, pivot: f64, magnitude: f64) -> Option<f64> {
        let size = if self.definite { pivot } else { pivot.abs() };
        if size > ZERO_PIVOT * magnitude {
            return Some(pivot);
        }
        self.patch.filter(|_| !pivot.is_nan() && magnitude > 0.0).map(|patch| pivot + patch).filter(|p| *p != 0.0)
    }
}

impl Shifting {
    /// Whether every pivot is to be positive.
    pub(super) fn definite(self) -> bool {
        matches!(self, Shifting::Best | Shifting::Smallest | Shifting::PositiveDefinite)
    }
}

/// The operator that `build` makes, shifting and trying again as `kind` says.
///
/// # Errors
/// [`Error::Numeric`] if that does not help.
pub(super) fn built<M: LinOp>(
    method: &str,
    a: &Csr,
    kind: Shifting,
    mut build: impl FnMut(&Pivots) -> Option<M>,
) -> Result<(M, Shift)> {
    let plain = Pivots { shift: 0.0, definite: kind.definite(), patch: None };
    if kind == Shifting::Best {
        if let Some(m) = build(&plain) {
            return Ok((m, Shift::NONE));
        }
        if let Some(found) = best(method, a, |shift| build(&Pivots { shift, ..plain }))? {
            return Ok(found);
        }
    }
    let mut last = None;
    let shift = shifted(method, a, kind, |pivots| {
        last = build(pivots);
        last.is_some()
    })?;
    last.map(|m| (m, shift)).ok_or_else(|| no_factor(method))
}

fn no_factor(method: &str) -> Error {
    Error::Numeric(format!("{method}: no positive pivots even with a shift that makes the matrix diagonally dominant"))
}

/// See [`Shifting::Best`]; `None` where A is not positive definite, so that there is nothing to go by.
fn best<M: LinOp>(method: &str, a: &Csr, mut build: impl FnMut(f64) -> Option<M>) -> Result<Option<(M, Shift)>> {
    let trial = Trial::new(a);
    let top = 1.1 * dominance_shift(a);
    let mut definite = true;
    let (mut found, mut attempts): (Option<(f64, M, f64)>, usize) = (None, 1);
    // Whether there is a factor with this shift, and whether it is the best so far; of equal ones the nearer to A is.
    let mut attempt = |amount: f64, found: &mut Option<(f64, M, f64)>| {
        attempts += 1;
        let Some(m) = build(amount) else {
            return (false, false);
        };
        let Some(energy) = trial.energy(&m) else {
            definite = false;
            return (false, false);
        };
        let better = found.as_ref().is_none_or(|(best, _, other)| match amount < *other {
            true => energy >= best * (1.0 - EQUAL),
            false => energy > best * (1.0 + EQUAL),
        });
        if better {
            *found = Some((energy, m, amount));
        }
        (true, better)
    };
    let mut down = (0..=DESCENTS).map(|k| top * STEP.powi(-k));
    while let Some(amount) = down.next()
        && attempt(amount, &mut found).0
    {}
    if found.as_ref().is_none_or(|f| f.2 == top) {
        let mut up = (1..=ASCENTS).map(|k| top * STEP.powi(k));
        while let Some(amount) = up.next()
            && attempt(amount, &mut found).1
        {}
    }
    if let Some(around) = found.as_ref().map(|f| f.2) {
        for factor in [STEP.sqrt(), STEP.sqrt().recip()] {
            attempt(factor * around, &mut found);
        }
    }
    if !definite {
        return Ok(None);
    }
    let (_, m, amount) = found.ok_or_else(|| no_factor(method))?;
    Ok(Some((m, Shift { amount, attempts })))
}

/// Factorises, shifting and trying again as `kind` says; [`Shifting::Best`] is for [`built`] and here the smallest.
///
/// # Errors
/// [`Error::Numeric`] if that does not help.
pub(super) fn shifted(
    method: &str,
    a: &Csr,
    kind: Shifting,
    mut factorize: impl FnMut(&Pivots) -> bool,
) -> Result<Shift> {
    let plain = Pivots { shift: 0.0, definite: kind.definite(), patch: None };
    if factorize(&plain) {
        return Ok(Shift::NONE);
    }
    let mut with = |shift: f64| factorize(&Pivots { shift, ..plain });
    let failed = |why: &str| Err(Error::Numeric(format!("{method}: {why}")));
    match kind {
        Shifting::None => failed("a pivot vanishes, and no shift is allowed"),
        Shifting::InBlocks => {
            let patched = Pivots { patch: Some(PATCH), ..plain };
            match factorize(&patched) {
                true => Ok(Shift { amount: PATCH, attempts: 2 }),
                false => failed("a pivot that vanishes and cannot be patched"),
            }
        }
        Shifting::Nonzero => {
            let size = a.max_abs();
            let amounts = (1..=GROWTHS).map(|k| size * 10f64.powi(k - 13));
            let found = amounts.enumerate().find(|&(_, amount)| with(amount));
            match found {
                Some((k, amount)) => Ok(Shift { amount, attempts: k + 2 }),
                None => failed("a zero pivot that no shift removes"),
            }
        }
        Shifting::PositiveDefinite | Shifting::Smallest | Shifting::Best => {
            let refine = kind != Shifting::PositiveDefinite;
            match bisected(1.1 * dominance_shift(a), refine, with) {
                Some(shift) => Ok(shift),
                None => Err(no_factor(method)),
            }
        }
    }
}

/// Half of `top`, then up or (to `refine`) down by bisection, five shifts in all; where the last one fails, the
/// smallest that worked, or the whole.
fn bisected(top: f64, refine: bool, mut factorize: impl FnMut(f64) -> bool) -> Option<Shift> {
    let (mut low, mut high, mut fraction) = (0.0, 1.0, 0.5);
    for shifts in 1..=BISECTIONS + 1 {
        let amount = fraction * top;
        let ok = factorize(amount);
        if ok && (shifts >= BISECTIONS || !refine) {
            let attempts = shifts + 1;
            return Some(Shift { amount, attempts });
        }
        if ok {
            high = fraction;
        } else {
            low = fraction;
        }
        fraction = if shifts >= BISECTIONS { high } else { (low + high) / 2.0 };
    }
    None
}

/// The smallest α for which A + α I is weakly diagonally dominant with positive diagonal, or [`LEAST`].
fn dominance_shift(a: &Csr) -> f64 {
    (0..a.nrows()).fold(LEAST * a.max_abs(), |top, i| {
        let (cols, vals) = a.row(i);
        let off: f64 = cols.iter().zip(vals).filter(|&(&j, _)| j as usize != i).map(|(_, v)| v.abs()).sum();
        top.max(off - a.get(i, i))
    })
}
