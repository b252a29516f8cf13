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

/// Offsets of a median over systems, one a resample; none where a single round was timed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Noise(Vec<f64>);

impl Noise {
    /// Of the numbers of all systems in each round; in different `place`s offsets are drawn apart.
    ///
    /// Rounds differ by their medians or by their means, whichever moves more: where the machine interrupts half of
    /// the solves, the median stays with the larger half until, on another day, it jumps.
    pub fn of(rounds: &[Vec<f64>], place: u64) -> Self {
        let medians = rounds.iter().map(|all| {
            let mut rising = all.clone();
            rising.sort_by(f64::total_cmp);
            median(&rising).unwrap_or(f64::NAN)
        });
        let means = rounds.iter().map(|all| {
            // What is infinite, since a solve failed, is so in each round.
            let finite: Vec<f64> = all.iter().copied().filter(|v| v.is_finite()).collect();
            mean(&finite)
        });
        let moves = [deviation(&medians.collect::<Vec<_>>()), deviation(&means.collect::<Vec<_>>())];
        let most = moves.into_iter().filter(|d| d.is_finite()).fold(0.0, f64::max);
        if most == 0.0 {
            return Noise::default();
        }
        Noise(distances(rounds.len(), place).into_iter().map(|t| t * most).collect())
    }

    /// The same of numbers that the machine multiplies: offsets of their logarithms.
    pub fn of_factor(rounds: &[Vec<f64>], place: u64) -> Self {
        let logarithms = |all: &Vec<f64>| all.iter().map(|v| v.ln()).collect();
        Noise::of(&rounds.iter().map(logarithms).collect::<Vec<_>>(), place)
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
        median(&z).unwrap_or(0.0).abs() / deviation(&z)
    };
    let mut above: Vec<f64> = (0..FINER * RESAMPLES / 2).map(|_| distance()).collect();
    above.sort_by(f64::total_cmp);
    let mut kept: Vec<f64> = above.chunks(FINER).flat_map(|c| [c[c.len() / 2], -c[c.len() / 2]]).collect();
    kept.shuffle(&mut rng);
    kept
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation (n − 1); no number of a single value. Of equal values it is 0, whatever rounding makes of their
/// mean.
fn deviation(values: &[f64]) -> f64 {
    if values.len() > 1 && values.iter().all(|v| *v == values[0]) {
        return 0.0;
    }
    let mean = mean(values);
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_rounds_it_is_student_s_t_and_of_one_nothing() {
        let of = |rounds: &[f64], place| Noise::of(&rounds.iter().map(|&v| vec![v]).collect::<Vec<_>>(), place);
        assert!(of(&[3.0], 0).is_none() && of(&[], 0).is_none());
        assert!(of(&[2.0, 2.0], 0).is_none() && of(&[f64::INFINITY; 3], 0).is_none());
        // Counts are the same in every round; the mean of three equal numbers need not be that number.
        let counts = (1..100).map(|k| f64::from(k) / 7.0);
        assert!(counts.clone().any(|v| (v + v + v) / 3.0 != v) && counts.clone().all(|v| of(&[v; 3], 0).is_none()));
        assert!(counts.clone().all(|v| of(&[v; 7], 0).is_none()));
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
        assert_eq!(of(&[1.0, 2.0, 4.0], 5), of(&[1.0, 2.0, 4.0], 5));
        assert_ne!(of(&[1.0, 2.0, 4.0], 5), of(&[1.0, 2.0, 4.0], 6));
        // Medians that stay, while the share of slow solves does not.
        let rounds = [vec![1.0, 3.0, 3.0], vec![3.0, 3.0, 3.0], vec![1.0, 3.0, f64::INFINITY]];
        assert!(!Noise::of(&rounds, 0).is_none());
    }
}
