//! Medians and quartiles.

use serde::Serialize;

/// Five numbers and a mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quartiles {
    pub mean: f64,
    pub min: f64,
    pub q1: f64,
    pub median: f64,
    pub q3: f64,
    pub max: f64,
}

impl Quartiles {
    /// Of the given numbers; None if there are none. Quantiles interpolate linearly between order statistics
    /// (Hyndman & Fan's type 7, the default of NumPy and R).
    pub fn of(values: &[f64]) -> Option<Self> {
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
        })
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
        assert!(Quartiles::of(&[]).is_none());
    }
}
