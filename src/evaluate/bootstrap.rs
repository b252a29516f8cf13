//! 95 % intervals: of medians by the percentile bootstrap, of shares by Wilson's formula.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, StandardNormal};
use serde::Serialize;

use crate::rng::{Purpose, stream};

/// Resamples of an interval.
pub const RESAMPLES: usize = 1000;

/// The quantile of the standard normal distribution at 0.975.
const Z: f64 = 1.959_963_984_540_054;

/// Where a number lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// The 2.5 % and 97.5 % quantiles of what resampling gave; None of nothing.
    pub fn of(mut resampled: Vec<f64>) -> Option<Self> {
        resampled.sort_by(f64::total_cmp);
        let last = resampled.len().checked_sub(1)?;
        let at = |p: f64| resampled[(p * last as f64).round() as usize];
        Some(Interval { low: at(0.025), high: at(0.975) })
    }

    /// Of the median of rising numbers; None of none. Infinite ones may be among them.
    pub fn of_median(rising: &[f64]) -> Option<Self> {
        Self::of_median_with(rising, |median, _| median)
    }

    /// The same with what a resample, by its number, makes of its median: the noise of the machine.
    pub fn of_median_with(rising: &[f64], then: impl Fn(f64, usize) -> f64) -> Option<Self> {
        let mut resample = Resample::new();
        let mut medians = || (0..RESAMPLES).map(|k| then(resample.median(rising), k)).collect();
        (!rising.is_empty()).then(&mut medians).and_then(Self::of)
    }

    /// Of another quantile of rising numbers, by linear interpolation between two of them; else as
    /// [`Interval::of_median_with`].
    pub fn of_quantile_with(rising: &[f64], p: f64, then: impl Fn(f64, usize) -> f64) -> Option<Self> {
        let mut resample = Resample::new();
        let mut quantiles = || (0..RESAMPLES).map(|k| then(resample.quantile(rising, p), k)).collect();
        (!rising.is_empty()).then(&mut quantiles).and_then(Self::of)
    }

    /// Of a share of `of` independent trials: Wilson (1927), doi:10.1080/01621459.1927.10502953. None without a trial.
    pub fn of_share(share: f64, of: usize) -> Option<Self> {
        (of > 0).then(|| Interval { low: wilson(share, of, -Z), high: wilson(share, of, Z) })
    }

    /// Of a share that is another one in each resample, of `of` trials each time: Wilson's ends at deviations drawn
    /// from the standard normal distribution, so that for one share they are those of [`Interval::of_share`].
    pub fn of_shares(shares: impl Iterator<Item = f64>, of: usize) -> Option<Self> {
        let mut rng = stream(0, Purpose::Measure, 1);
        let mut one = |share| wilson(share, of, StandardNormal.sample(&mut rng));
        (of > 0).then(|| shares.map(&mut one).collect()).and_then(Self::of)
    }

    /// Whether a number lies in it.
    pub fn contains(&self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }
}

/// The true share from which one that was seen in `of` trials lies so many standard deviations below.
fn wilson(share: f64, of: usize, z: f64) -> f64 {
    let n = of as f64;
    let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let off = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    (middle + off).clamp(0.0, 1.0)
}

/// Medians of resamples, always the same ones.
pub struct Resample(ChaCha8Rng);

impl Resample {
    /// From the start of the stream.
    pub fn new() -> Self {
        Resample(stream(0, Purpose::Measure, 0))
    }

    /// The median of as many numbers drawn with replacement from rising ones, at least one.
    ///
    /// The k-th smallest of n uniform numbers is distributed as Beta(k, n + 1 − k), the next one above it as the
    /// smallest of the n − k that are left; those of rising numbers stand at n times that place. So a resample costs
    /// two random numbers, whatever n.
    pub fn median(&mut self, rising: &[f64]) -> f64 {
        let n = rising.len();
        let k = n.div_ceil(2);
        let at = |u: f64| rising[((u * n as f64) as usize).min(n - 1)];
        // Both are positive.
        let u = Beta::new(k as f64, (n + 1 - k) as f64).map_or(0.5, |beta| beta.sample(&mut self.0));
        if n % 2 == 1 {
            return at(u);
        }
        let v: f64 = self.0.random();
        middle(at(u), at(1.0 - (1.0 - u) * v.powf(1.0 / (n - k) as f64)))
    }

    /// The p-quantile of as many numbers drawn with replacement from rising ones, at least one, in the same way.
    fn quantile(&mut self, rising: &[f64], p: f64) -> f64 {
        let n = rising.len();
        let place = p * (n - 1) as f64;
        let (k, share) = (place as usize + 1, place.fract());
        let at = |u: f64| rising[((u * n as f64) as usize).min(n - 1)];
        let u = Beta::new(k as f64, (n + 1 - k) as f64).map_or(p, |beta| beta.sample(&mut self.0));
        if share == 0.0 || k == n {
            return at(u);
        }
        let v: f64 = self.0.random();
        let [low, high] = [at(u), at(1.0 - (1.0 - u) * v.powf(1.0 / (n - k) as f64))];
        if low == high { low } else { low + share * (high - low) }
    }
}

/// The mean of two numbers, of which both may be infinite.
pub fn middle(a: f64, b: f64) -> f64 {
    if a == b { a } else { 0.5 * (a + b) }
}

/// The median of rising numbers; None of none.
pub fn median(rising: &[f64]) -> Option<f64> {
    let n = rising.len();
    (n > 0).then(|| middle(rising[(n - 1) / 2], rising[n / 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_resamples_are_distributed_as_those_of_plain_resampling() {
        const TIMES: usize = 20_000;
        let mut rng = stream(3, Purpose::Measure, 1);
        for n in [1, 2, 9, 10, 31] {
            let values: Vec<f64> = (0..n).map(f64::from).collect();
            let plain = |_| {
                let mut drawn: Vec<f64> = (0..n).map(|_| values[rng.random_range(0..n as usize)]).collect();
                drawn.sort_by(f64::total_cmp);
                median(&drawn).unwrap()
            };
            let plain: Vec<f64> = (0..TIMES).map(plain).collect();
            let mut resample = Resample::new();
            let ours: Vec<f64> = (0..TIMES).map(|_| resample.median(&values)).collect();
            for half in 0..2 * n {
                let below =
                    |all: &[f64]| all.iter().filter(|&&m| m <= 0.5 * f64::from(half)).count() as f64 / TIMES as f64;
                assert!((below(&ours) - below(&plain)).abs() < 0.02, "{n}, {half}");
            }
            assert_eq!(Interval::of_median(&values), Interval::of_median(&values), "the same each time");
        }
    }

    #[test]
    fn quantiles_of_resamples_are_distributed_as_those_of_plain_resampling() {
        const TIMES: usize = 20_000;
        let mut rng = stream(3, Purpose::Measure, 1);
        for (n, p) in [(1, 0.25), (2, 0.25), (9, 0.75), (10, 0.25), (31, 0.75)] {
            let values: Vec<f64> = (0..n).map(f64::from).collect();
            let plain = |_| {
                let mut drawn: Vec<f64> = (0..n).map(|_| values[rng.random_range(0..n as usize)]).collect();
                drawn.sort_by(f64::total_cmp);
                let place = p * f64::from(n - 1);
                let (low, high) = (place as usize, (place as usize + 1).min(n as usize - 1));
                drawn[low] + place.fract() * (drawn[high] - drawn[low])
            };
            let plain: Vec<f64> = (0..TIMES).map(plain).collect();
            let mut resample = Resample::new();
            let ours: Vec<f64> = (0..TIMES).map(|_| resample.quantile(&values, p)).collect();
            for quarter in 0..4 * n {
                let limit = 0.25 * f64::from(quarter);
                let below = |all: &[f64]| all.iter().filter(|&&q| q <= limit).count() as f64 / TIMES as f64;
                assert!((below(&ours) - below(&plain)).abs() < 0.02, "{n}, {p}, {limit}");
            }
        }
        let inf = f64::INFINITY;
        let of = |values: &[f64]| Interval::of_quantile_with(values, 0.75, |q, _| q).map(|i| (i.low, i.high));
        assert_eq!((of(&[]), of(&[inf, inf]), of(&[2.0; 9])), (None, Some((inf, inf)), Some((2.0, 2.0))));
    }

    #[test]
    fn few_equal_and_infinite_numbers() {
        let of = |values: &[f64]| Interval::of_median(values).map(|i| (i.low, i.high));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[4.0]), Some((4.0, 4.0)));
        assert_eq!(of(&[2.0; 30]), Some((2.0, 2.0)));
        let inf = f64::INFINITY;
        assert_eq!(of(&[1.0, inf, inf, inf]).unwrap().1, inf);
        assert_eq!(median(&[inf, inf]), Some(inf));
    }

    #[test]
    fn shares_as_statsmodels_has_them() {
        // statsmodels.stats.proportion.proportion_confint(8, 10, method='wilson')
        let i = Interval::of_share(0.8, 10).unwrap();
        assert!((i.low - 0.490_162_47).abs() < 1e-7 && (i.high - 0.943_317_85).abs() < 1e-7, "{i:?}");
        let all = Interval::of_share(1.0, 20).unwrap();
        assert!(all.high == 1.0 && (all.low - 0.838_874_84).abs() < 1e-6, "{all:?}");
        assert_eq!(Interval::of_share(0.0, 0), None);
        let drawn = Interval::of_shares((0..RESAMPLES).map(|_| 0.8), 10).unwrap();
        let i = Interval::of_share(0.8, 10).unwrap();
        assert!((drawn.low - i.low).abs() < 0.03 && (drawn.high - i.high).abs() < 0.03, "{drawn:?}");
    }
}
