//! Mean, median with its interval, quartiles, extremes.

use serde::Serialize;

use super::bootstrap::Interval;
use super::noise::Noise;

/// Five numbers, a mean, and how sure the quartiles are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quartiles {
    /// Arithmetic mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// 0.25-quantile.
    pub q1: f64,
    /// 0.5-quantile.
    pub median: f64,
    /// 0.75-quantile.
    pub q3: f64,
    /// The largest.
    pub max: f64,
    /// 95 % bootstrap interval of the median; of seconds with the noise of the machine, where several rounds tell it.
    pub median_interval: Interval,
    /// The same of the 0.25-quantile.
    pub q1_interval: Interval,
    /// The same of the 0.75-quantile.
    pub q3_interval: Interval,
}

impl Quartiles {
    /// Of the given numbers; None if there are none. Quantiles interpolate linearly between order statistics
    /// (Hyndman & Fan's type 7, the default of NumPy and R).
    pub fn of(values: &[f64]) -> Option<Self> {
        Self::timed(values, &Noise::default())
    }

    /// The same of numbers that the machine multiplies.
    pub fn timed(values: &[f64], noise: &Noise) -> Option<Self> {
        let mut v = values.to_vec();
        v.sort_by(f64::total_cmp);
        let (&min, &max) = (v.first()?, v.last()?);
        let quantile = |p: f64| {
            let at = p * (v.len() - 1) as f64;
            let (low, share) = (at.floor() as usize, at.fract());
            let high = (low + 1).min(v.len() - 1);
            v[low] + share * (v[high] - v[low])
        };
        Some(Quartiles {
            mean: v.iter().sum::<f64>() / v.len() as f64,
            min,
            q1: quantile(0.25),
            median: quantile(0.5),
            q3: quantile(0.75),
            max,
            median_interval: Interval::of_median_with(&v, |median, k| median * noise.factor(k))?,
            q1_interval: Interval::of_quantile_with(&v, 0.25, |q1, k| q1 * noise.factor(k))?,
            q3_interval: Interval::of_quantile_with(&v, 0.75, |q3, k| q3 * noise.factor(k))?,
        })
    }
}

/// Which of these numbers is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The value as it is; all six where they are quartiles.
    Whole,
    /// The mean.
    Mean,
    /// The first quartile.
    Q1,
    /// The median.
    Median,
    /// The third quartile.
    Q3,
    /// The smallest: the worst where more is better.
    Min,
    /// The largest: the worst where less is better.
    Max,
    /// First to third quartile.
    Range,
    /// Lower end of the median's interval.
    Low,
    /// Its upper end.
    High,
    /// The median and its interval.
    MedianInterval,
}

impl Statistic {
    /// The number; the median stands for what is no single one.
    pub fn of(self, q: &Quartiles) -> f64 {
        match self {
            Statistic::Mean => q.mean,
            Statistic::Q1 => q.q1,
            Statistic::Q3 => q.q3,
            Statistic::Min => q.min,
            Statistic::Max => q.max,
            Statistic::Low => q.median_interval.low,
            Statistic::High => q.median_interval.high,
            Statistic::Median | Statistic::Whole | Statistic::Range | Statistic::MedianInterval => q.median,
        }
    }

    /// What follows a column's name: "iterations_mean".
    pub fn suffix(self) -> &'static str {
        match self {
            Statistic::Whole => "",
            Statistic::Mean => "mean",
            Statistic::Q1 => "q1",
            Statistic::Median => "median",
            Statistic::Q3 => "q3",
            Statistic::Min | Statistic::Max => "worst",
            Statistic::Range => "range",
            Statistic::Low => "low",
            Statistic::High => "high",
            Statistic::MedianInterval => "median",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Quartiles;

    #[test]
    fn as_numpy_has_them() {
        // numpy.quantile([7, 1, 3, 10], [0.25, 0.5, 0.75]) = [2.5, 5, 7.75]
        let q = Quartiles::of(&[7.0, 1.0, 3.0, 10.0]).unwrap();
        assert_eq!((q.q1, q.median, q.q3), (2.5, 5.0, 7.75));
        assert_eq!((q.min, q.max, q.mean), (1.0, 10.0, 5.25));
        let one = Quartiles::of(&[4.0]).unwrap();
        assert_eq!((one.q1, one.median, one.q3), (4.0, 4.0, 4.0));
        for interval in [one.median_interval, one.q1_interval, one.q3_interval] {
            assert_eq!((interval.low, interval.high), (4.0, 4.0));
        }
        let [q1, q3] = [q.q1_interval, q.q3_interval];
        assert!(q1.contains(q.q1) && q3.contains(q.q3) && q1.low < q3.low, "{q:?}");
        assert!(Quartiles::of(&[]).is_none());
    }
}
