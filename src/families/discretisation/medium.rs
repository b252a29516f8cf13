//! The keys of a random coefficient on a grid, and what they mean.

use serde::{Deserialize, Serialize};

use super::scheme::Scheme;
use crate::error::{Error, Result};
use crate::families::keys;
use crate::fem::difference::Faces;
use crate::field::coefficient::{Coefficient, Shape};
use crate::field::gaussian::{Gaussian, Spectrum};
use crate::field::two_phase::{self, PHASES};

/// The kinds of coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Medium {
    /// w = exp(Gaussian field).
    Exponential,
    /// w one of two values by the sign of a Gaussian field.
    TwoPhase,
}

/// The keys of a coefficient w as they stand in a family's table.
#[derive(Debug, Clone, Copy)]
pub struct MediumKeys {
    /// What becomes of the Gaussian field.
    pub medium: Medium,
    /// α of the Gaussian field's spectrum (4π²|k|² + τ²)^−α.
    pub alpha: f64,
    /// τ of that spectrum.
    pub tau: f64,
    /// max w / min w; without it w = exp(g) as drawn.
    pub contrast: Option<f64>,
    /// The two values of a two-phase w.
    pub phases: Option<[f64; 2]>,
    /// The share of the second.
    pub fraction: Option<f64>,
}

impl MediumKeys {
    /// The field on side^dim points.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key (of the table `family`) that is out of range or without effect.
    pub fn coefficient(&self, side: usize, dim: usize, family: &str, origin: &str) -> Result<Coefficient> {
        let useless = |key: &str, why: &str| Err(Error::recipe(origin, format!("{family}.{key}: {why}")));
        let shape = match (self.medium, self.contrast, self.phases) {
            (Medium::Exponential, _, Some(_)) => {
                return useless("phases", "only for medium = \"two-phase\"");
            }
            (Medium::TwoPhase, Some(_), _) => {
                return useless("contrast", "only for medium = \"exponential\"; set phases instead");
            }
            (Medium::Exponential, ..) if self.fraction.is_some() => {
                return useless("fraction", "only for medium = \"two-phase\"");
            }
            (Medium::Exponential, None, _) => Shape::Exponential,
            (Medium::Exponential, Some(c), _) => {
                keys::within(c, 1.0..=1e12, &format!("{family}.contrast"), origin)?;
                Shape::Contrast(c)
            }
            (Medium::TwoPhase, _, phases) => {
                let phases = phases.unwrap_or(PHASES);
                for p in phases {
                    keys::within(p, 1e-12..=1e12, &format!("{family}.phases"), origin)?;
                }
                match self.fraction {
                    None => Shape::TwoPhase(phases),
                    Some(fraction) => {
                        keys::within(fraction, 0.0..=1.0, &format!("{family}.fraction"), origin)?;
                        Shape::Fraction(phases, fraction)
                    }
                }
            }
        };
        Ok(Coefficient { gaussian: gaussian(side, dim, self.alpha, self.tau, family, origin)?, shape })
    }

    /// The coefficient in words.
    pub fn in_words(&self) -> String {
        let Self { alpha, tau, .. } = self;
        let g = format!("g a Gaussian random field (alpha = {alpha}, tau = {tau})");
        match (self.medium, self.contrast) {
            (Medium::TwoPhase, _) => {
                let [low, high] = self.phases.unwrap_or(PHASES);
                match self.fraction {
                    None => format!("w = {low} where g < 0, {high} elsewhere, {g}"),
                    Some(share) => format!(
                        "w = {high} at the share {share} of the points where g is largest, {low} elsewhere, {g}"
                    ),
                }
            }
            (_, None) => format!("w = exp(g), {g}"),
            (_, Some(c)) => {
                format!("w = exp(a g + b), {g}, a > 0 and b such that max w = 1/min w = sqrt({c})")
            }
        }
    }
}

/// The key, with its value, that makes the values of a coefficient at so many points the same in all samples; None if
/// they differ.
pub fn constant(shape: Shape, points: usize, family: &str) -> Option<String> {
    match shape {
        Shape::Contrast(1.0) => Some(format!("{family}.contrast = 1")),
        Shape::TwoPhase([a, b]) | Shape::Fraction([a, b], _) if a == b => Some(format!("{family}.phases = [{a}, {b}]")),
        Shape::Fraction(_, fraction) => {
            let second = two_phase::in_second(points, fraction);
            (second == 0 || second == points).then(|| format!("{family}.fraction = {fraction}"))
        }
        _ => None,
    }
}

/// A Gaussian field on side^dim points, its parameters checked.
///
/// # Errors
/// [`Error::Recipe`] naming the key that is out of range.
pub fn gaussian(side: usize, dim: usize, alpha: f64, tau: f64, family: &str, origin: &str) -> Result<Gaussian> {
    keys::within(alpha, 0.5 * dim as f64 + 0.05..=20.0, &format!("{family}.alpha"), origin)?;
    keys::within(tau, 0.01..=1000.0, &format!("{family}.tau"), origin)?;
    Gaussian::new(side, dim, Spectrum { alpha, tau })
}

/// The key `faces`, which only differences have.
///
/// # Errors
/// [`Error::Recipe`] if it is set for another discretisation.
pub fn faces(faces: Option<Faces>, scheme: Scheme, family: &str, origin: &str) -> Result<Faces> {
    if faces.is_some() && scheme != Scheme::Fd {
        return Err(Error::recipe(origin, format!("{family}.faces: only for discretisation = \"fd\"")));
    }
    Ok(faces.unwrap_or_default())
}
