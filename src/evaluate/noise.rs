//! How far the machine moves a median over systems, as rounds of timed solves tell it.
//!
//! Rounds are few, and drawing R of them with replacement has (R − 1)/R of their variance: too little by a third at
//! R = 3 (Davison & Hinkley, Bootstrap Methods and their Application, 1997, section 3.8 on hierarchical data). So only
//! systems are drawn. The rounds enter as Student's t has them: the estimate is the median of R rounds, whose distance
//! from the truth, in standard deviations of these rounds, has a distribution that depends on R alone where logarithms
//! of seconds are normal. One offset from it moves all systems of a draw together. Of a pair of rows it is the ratio
//! within each round that varies, so that what slows both cancels.

use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

use super::bootstrap::{RESAMPLES, median};
use crate::rng::{Purpose, stream};

/// Draws of the distance for each that is kept.
const FINER: usize = 4;

/// Offsets of a median, one a resample; none where a single round was timed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Noise(Vec<f64>);

impl Noise {
    /// Of a median over systems that had this value in each round; in different `place`s offsets are drawn apart.
    pub fn of(rounds: &[f64], place: u64) -> Self {
        let n = rounds.len() as f64;
        let mean = rounds.iter().sum::<f64>() / n;
        let deviation = (rounds.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        // One round has none; a median that is infinite, since half of the solves failed, is so in each.
        if !(deviation > 0.0 && deviation.is_finite()) {
            return Noise::default();
        }
        Noise(distances(rounds.len(), place).into_iter().map(|t| t * deviation).collect())
    }

    /// The same of medians that the machine multiplies: offsets of their logarithms.
    pub fn of_factor(rounds: &[f64], place: u64) -> Self {
        Noise::of(&rounds.iter().map(|v| v.ln()).collect::<Vec<_>>(), place)
    }

    /// What is added in a resample.
    pub fn offset(&self, resample: usize) -> f64 {
        self.0.get(resample).copied().unwrap_or(0.0)
    }

    /// What is multiplied with in a resample, where the offsets are logarithms.
    pub fn factor(&self, resample: usize) -> f64 {
        // Of two rounds there may be any offset.
        self.offset(resample).clamp(-500.0, 500.0).exp()
    }

    /// Whether no round says anything of the machine.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

/// What the intervals of seconds hold, of so many rounds, in a sentence.
pub fn in_words(rounds: usize) -> String {
    match rounds {
        0 | 1 => "Seconds were measured once: their intervals hold how systems differ, not the noise of the machine \
                  (repeats = 3 or more)."
            .into(),
        rounds => format!("Intervals of seconds hold the noise of the machine too, as {rounds} rounds tell it."),
    }
}

/// Distances of the median of so many standard normal numbers from 0, in standard deviations (n − 1) of these numbers:
/// as many below as above, spaced as a larger sample of them.
fn distances(rounds: usize, place: u64) -> Vec<f64> {
    let mut rng = stream(1, Purpose::Measure, place);
    let mut distance = || {
        let mut z: Vec<f64> = (0..rounds).map(|_| StandardNormal.sample(&mut rng)).collect();
        z.sort_by(f64::total_cmp);
        let mean = z.iter().sum::<f64>() / rounds as f64;
        let deviation = (z.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (rounds as f64 - 1.0)).sqrt();
        median(&z).unwrap_or(0.0).abs() / deviation
    };
    let mut above: Vec<f64> = (0..FINER * RESAMPLES / 2).map(|_| distance()).collect();
    above.sort_by(f64::total_cmp);
    let mut kept: Vec<f64> = above.chunks(FINER).flat_map(|c| [c[c.len() / 2], -c[c.len() / 2]]).collect();
    kept.shuffle(&mut rng);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_rounds_it_is_student_s_t_and_of_one_nothing() {
        assert!(Noise::of(&[3.0], 0).is_none() && Noise::of(&[], 0).is_none());
        assert!(Noise::of(&[2.0, 2.0], 0).is_none() && Noise::of(&[f64::INFINITY; 3], 0).is_none());
        assert_eq!(Noise::default().factor(7), 1.0);
        // The median of two is their mean: t with one degree of freedom over sqrt(2), 12.706 at 97.5 %.
        let mut two = distances(2, 0);
        two.sort_by(f64::total_cmp);
        let upper = two[975] * 2f64.sqrt();
        assert!((upper / 12.706 - 1.0).abs() < 0.1, "{upper}");
        let mut three = distances(3, 0);
        three.sort_by(f64::total_cmp);
        // Wider than the mean's 4.303 / sqrt(3).
        assert!(three[975] > 4.303 / 3f64.sqrt() && three[975] < two[975], "{}", three[975]);
        assert_eq!(Noise::of(&[1.0, 2.0, 4.0], 5), Noise::of(&[1.0, 2.0, 4.0], 5));
        assert_ne!(Noise::of(&[1.0, 2.0, 4.0], 5), Noise::of(&[1.0, 2.0, 4.0], 6));
    }
}
