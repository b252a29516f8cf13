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
    if t.is_nan() {
        return "#bbbbbb".into();
    }
    let at = t.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let k = (at as usize).min(STOPS.len() - 2);
    let mix = |c: usize| (STOPS[k][c] + (at - k as f64) * (STOPS[k + 1][c] - STOPS[k][c])).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

/// A range of values as colours.
pub struct Scale {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
}

impl Scale {
    /// From the smallest to the largest finite value.
    pub fn over(values: &[f64]) -> Self {
        let finite = values.iter().copied().filter(|v| v.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Scale { low: 0.0, high: 1.0 };
        }
        Scale { low, high }
    }

    /// Where a value lies in [0, 1]; a range of one value is all middle.
    pub fn place(&self, value: f64) -> f64 {
        let span = self.high - self.low;
        if span > 0.0 { (value - self.low) / span } else { 0.5 }
    }

    /// The colour of a value, as SVG has it; that of no number where it is not finite.
    pub fn colour(&self, value: f64) -> String {
        viridis(if value.is_finite() { self.place(value) } else { f64::NAN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_middle_and_what_is_no_number() {
        let scale = Scale::over(&[2.0, f64::NAN, 4.0]);
        let colours = [2.0, 3.0, 4.0, f64::NAN].map(|v| scale.colour(v));
        assert_eq!(colours, ["#440154", "#21908d", "#fde725", "#bbbbbb"]);
        assert_eq!(Scale::over(&[7.0]).colour(7.0), "#21908d");
    }
}
