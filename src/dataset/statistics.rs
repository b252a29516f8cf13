//! What the numbers in a dataset look like: range, mean and spread of everything a sample has.

use super::reader::{BLOCK_BYTES, Dataset};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::system::{LinearSystem, Parts, for_each_chunk};

/// Range, mean and standard deviation of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    mean: f64,
    /// Σ (v − mean)².
    squares: f64,
}

impl Default for Summary {
    fn default() -> Self {
        Summary { count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, mean: 0.0, squares: 0.0 }
    }
}

impl Summary {
    /// Takes in more numbers (Chan, Golub & LeVeque (1983), doi:10.1080/00031305.1983.10483115).
    pub fn add(&mut self, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        let (na, nb) = (self.count as f64, values.len() as f64);
        let mean = values.iter().sum::<f64>() / nb;
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        let delta = mean - self.mean;
        self.mean += delta * nb / (na + nb);
        self.squares += squares + delta * delta * na * nb / (na + nb);
        self.count += values.len() as u64;
        self.min = values.iter().copied().fold(self.min, f64::min);
        self.max = values.iter().copied().fold(self.max, f64::max);
    }

    /// The mean; NaN of nothing.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.mean }
    }

    /// The standard deviation (of the numbers themselves, not an estimate from a sample).
    pub fn deviation(&self) -> f64 {
        (self.squares / self.count as f64).sqrt()
    }
}

/// A summary by name, in the order in which a table should have them.
pub type Statistics = Vec<(String, Summary)>;

/// Summaries of matrix entries, diagonal, right-hand side, solution, fields, parameters, residuals and seconds.
/// `progress` is told how many samples are done.
///
/// # Errors
/// [`Error::File`] if rows cannot be read or a sample was altered, [`Error::Interrupted`] on Ctrl-C.
pub fn statistics(data: &Dataset, progress: &dyn Fn(usize)) -> Result<Statistics> {
    let mut out = Statistics::new();
    let ids: Vec<u32> = (0..data.len() as u32).collect();
    let mut done = 0;
    // Labels have no summary, but without them no digest could be checked.
    for_each_chunk(data, &ids, &Parts::all(), BLOCK_BYTES, |systems| {
        if interrupt::requested() {
            return Err(Error::Interrupted(format!("{done} of {} samples read", data.len())));
        }
        systems.iter().for_each(|s| add_sample(&mut out, s));
        done += systems.len();
        progress(done);
        Ok(())
    })?;
    for name in &data.shape().params {
        add(&mut out, &format!("parameter {name}"), data.param(name).unwrap_or(&[]));
    }
    if data.shape().solution {
        add(&mut out, "relative residual", data.residuals());
    }
    add(&mut out, "seconds per sample", data.seconds());
    Ok(out)
}

fn add(out: &mut Statistics, name: &str, values: &[f64]) {
    let at = out.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
        out.push((name.to_string(), Summary::default()));
        out.len() - 1
    });
    out[at].1.add(values);
}

fn add_sample(out: &mut Statistics, s: &LinearSystem) {
    add(out, "matrix entries", s.matrix.values());
    add(out, "matrix diagonal", &s.matrix.diagonal());
    add(out, "right-hand side", &s.rhs);
    if let Some(x) = &s.solution {
        add(out, "solution", x);
    }
    for f in &s.fields {
        add(out, &format!("field {}", f.name), &f.values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up() {
        let values: Vec<f64> = (0..100).map(|i| 1e6 + (i as f64).sin()).collect();
        let (mut whole, mut pieces) = (Summary::default(), Summary::default());
        whole.add(&values);
        values.chunks(7).for_each(|c| pieces.add(c));
        assert_eq!((whole.count, whole.min, whole.max), (pieces.count, pieces.min, pieces.max));
        assert!((whole.mean() - pieces.mean()).abs() < 1e-8);
        assert!((whole.deviation() - pieces.deviation()).abs() < 1e-8);
        let mut two = Summary::default();
        two.add(&[1.0, 3.0]);
        assert_eq!((two.mean(), two.deviation()), (2.0, 1.0));
    }
}
