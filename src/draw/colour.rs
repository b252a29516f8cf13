//! Viridis: equal steps look equal, in grey and to the colour-blind too (Smith & van der Walt 2015, CC0).

/// Every eighth of the map.
const STOPS: [[f64; 3]; 9] = [
    [68.0, 1.0, 84.0],
    [71.0, 44.0, 122.0],
    [59.0, 81.0, 139.0],
    [44.0, 113.0, 142.0],
    [33.0, 144.0, 141.0],
    [39.0, 173.0, 129.0],
    [92.0, 200.0, 99.0],
    [170.0, 220.0, 50.0],
    [253.0, 231.0, 37.0],
];

/// The colour of t in [0, 1] (outside: the nearest end) as "#rrggbb"; grey for what is no number.
pub fn viridis(t: f64) -> String {
    let [r, g, b] = rgb(t);
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The same as red, green and blue.
pub fn rgb(t: f64) -> [u8; 3] {
    if t.is_nan() {
        return [0xbb; 3];
    }
    let at = t.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let k = (at as usize).min(STOPS.len() - 2);
    let mix = |c: usize| (STOPS[k][c] + (at - k as f64) * (STOPS[k + 1][c] - STOPS[k][c])).round() as u8;
    [mix(0), mix(1), mix(2)]
}

/// From here on a range of positive values is shown by its logarithms.
const WIDE: f64 = 1e3;

/// Below this share of the largest all errors look alike.
const LEAST_ERROR: f64 = 1e-5;

/// A range of values as colours.
pub struct Scale {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    /// Equal steps of colour for equal ratios.
    pub log: bool,
}

impl Scale {
    /// From the smallest to the largest finite value; logarithmic where all are positive and span three decades.
    pub fn over(values: &[f64]) -> Self {
        let finite = values.iter().copied().filter(|v| v.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Scale { low: 0.0, high: 1.0, log: false };
        }
        Scale { low, high, log: low > 0.0 && high / low >= WIDE }
    }

    /// For moduli of errors, zeros among them: logarithmic, five decades down from the largest at most.
    pub fn over_errors(values: &[f64]) -> Self {
        let all = Scale::over(values);
        let positive = Scale::over(&values.iter().copied().filter(|v| *v > 0.0).collect::<Vec<f64>>());
        if all.high <= 0.0 || positive.low >= positive.high {
            return all;
        }
        Scale { low: positive.low.max(LEAST_ERROR * positive.high), high: positive.high, log: true }
    }

    /// The value at a place in [0, 1].
    pub fn value(&self, t: f64) -> f64 {
        match self.log {
            true => self.low * (self.high / self.low).powf(t),
            false => self.low + t * (self.high - self.low),
        }
    }

    /// Where a value lies in [0, 1]; a range of one value is all middle.
    pub fn place(&self, value: f64) -> f64 {
        if self.log {
            return (value.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        }
        let span = self.high - self.low;
        if span > 0.0 { (value - self.low) / span } else { 0.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_middle_and_what_is_no_number() {
        let scale = Scale::over(&[2.0, f64::NAN, 4.0]);
        let colours = [2.0, 3.0, 4.0, f64::NAN].map(|v| viridis(scale.place(v)));
        assert_eq!(colours, ["#440154", "#21908d", "#fde725", "#bbbbbb"]);
        assert_eq!(viridis(Scale::over(&[7.0]).place(7.0)), "#21908d");
    }

    #[test]
    fn wide_ranges_and_errors_are_logarithmic() {
        let scale = Scale::over(&[1e-2, 1e4]);
        assert!(scale.log && (scale.place(10.0) - 0.5).abs() < 1e-12 && (scale.value(0.5) - 10.0).abs() < 1e-9);
        assert!(!Scale::over(&[0.0, 1e4]).log && !Scale::over(&[1.0, 900.0]).log);
        let errors = Scale::over_errors(&[0.0, 1e-9, 1.0]);
        assert!(errors.log && errors.place(0.0) == 0.0 && (errors.low - 1e-5).abs() < 1e-18);
        assert!(!Scale::over_errors(&[0.0, 0.0]).log);
    }
}
