//! From data to the page.

use serde::ser::{SerializeSeq, Serializer};

use super::Scale;

/// An axis over a range of values, from one place of the page to another.
pub struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// Over the finite ones of some values.
    pub fn over(values: impl Iterator<Item = f64>, scale: Scale, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values {
            let v = if scale == Scale::Log { v.log10() } else { v };
            low = low.min(v);
            high = high.max(v);
        }
        if !(low.is_finite() && high.is_finite()) {
            (low, high) = (0.0, 1.0);
        }
        let pad = if scale == Scale::Log { 0.04 * (high - low) } else { 0.0 };
        if high - low < 1e-12 {
            (low, high) = (low - 0.5, high + 0.5);
        }
        Axis { scale, low: low - pad, high: high + pad, from, to }
    }

    /// Where a value lies.
    pub fn place(&self, v: f64) -> f64 {
        let v = if self.scale == Scale::Log { v.log10() } else { v };
        self.from + (v - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Values and their labels.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let span = self.high - self.low;
        match self.scale {
            Scale::Log if span >= 2.0 => {
                let every = (span / 8.0).ceil().max(1.0) as i32;
                (self.low.ceil() as i32..=self.high.floor() as i32)
                    .filter(|e| e.rem_euclid(every) == 0)
                    .map(|e| (10f64.powi(e), power(e)))
                    .collect()
            }
            Scale::Log => {
                let decades = self.low.floor() as i32..=self.high.ceil() as i32;
                let steps = if span > 1.0 { &[1.0, 2.0, 5.0][..] } else { &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0] };
                decades
                    .flat_map(|e| steps.iter().map(move |s| s * 10f64.powi(e)))
                    .filter(|v| (self.low..=self.high).contains(&v.log10()))
                    .map(|v| (v, tick(v)))
                    .collect()
            }
            Scale::Linear => {
                let raw = span / 6.0;
                let unit = 10f64.powf(raw.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0].iter().map(|k| k * unit).find(|&s| s >= raw).unwrap_or(10.0 * unit);
                let first = (self.low / step).ceil() as i64;
                let last = (self.high / step).floor() as i64;
                (first..=last).map(|k| (k as f64 * step, tick(k as f64 * step))).collect()
            }
        }
    }
}

fn power(e: i32) -> String {
    match e {
        -3..=3 => tick(10f64.powi(e)),
        _ => format!("10{}", e.to_string().chars().map(raised).collect::<String>()),
    }
}

/// A digit or minus as an exponent.
fn raised(c: char) -> char {
    match c.to_digit(10) {
        Some(k) => "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(k as usize).unwrap_or(c),
        None => '⁻',
    }
}

/// A number in a few digits.
pub fn tick(v: f64) -> String {
    let size = v.abs();
    if v == 0.0 {
        "0".into()
    } else if (0.001..1e5).contains(&size) {
        let text = format!("{v:.4}");
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        format!("{v:.1e}")
    }
}

/// Points as JSON with six digits, which no screen can tell from more; those that are not finite are left out.
pub fn short<S: Serializer>(points: &[(f64, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(None)?;
    let six = |v: f64| format!("{v:.5e}").parse::<f64>().unwrap_or(v);
    for &(x, y) in points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
        list.serialize_element(&(six(x), six(y)))?;
    }
    list.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_place_their_ends_at_the_ends() {
        let axis = Axis::over([2.0, 10.0].into_iter(), Scale::Linear, 100.0, 500.0);
        assert_eq!((axis.place(2.0), axis.place(10.0)), (100.0, 500.0));
        assert_eq!(axis.ticks()[0], (2.0, "2".into()));
    }
}
