//! How iterations and seconds grow with the number of unknowns.

use serde::Serialize;

use super::cells::Cells;
use super::quantity::Quantity;
use crate::evaluate::bootstrap::{Interval, Resample, median};
use crate::evaluate::noise::Noise;
use crate::evaluate::recipe::Target;
use crate::evaluate::rounds;

/// Resamples of an exponent's interval.
const RESAMPLES: usize = 400;

/// c nᵖ through the medians of a row over the datasets of one family, by least squares of the logarithms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// The family.
    pub family: String,
    /// Number of the row.
    pub row: usize,
    /// What was to be reached.
    #[serde(flatten)]
    pub target: Target,
    /// What grows.
    pub quantity: Quantity,
    /// Unknowns of the datasets, rising.
    pub sizes: Vec<usize>,
    /// p.
    pub exponent: f64,
    /// Its 95 % interval: systems resampled in each dataset, rounds for the noise of the machine. It says nothing of
    /// whether it is a power.
    pub interval: Interval,
}

/// Of every row on the datasets where it solved every system, if these have two sizes at least.
pub fn fits(cells: &Cells) -> Vec<Fit> {
    let mut families: Vec<&str> = cells.results.datasets.iter().map(|d| d.family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    let mut out = Vec::new();
    for (family, t) in families.into_iter().flat_map(|f| (0..cells.targets().len()).map(move |t| (f, t))) {
        for row in cells.rows() {
            out.extend(Quantity::ALL.iter().filter_map(|&quantity| fit(cells, family, t, row, quantity)));
        }
    }
    out
}

fn fit(cells: &Cells, family: &str, target: usize, row: usize, quantity: Quantity) -> Option<Fit> {
    let datasets = &cells.results.datasets;
    let mut samples: Vec<(usize, Vec<f64>, Noise)> = Vec::new();
    for d in cells.datasets().filter(|&d| datasets[d].family == family) {
        let solves = cells.get(d, row, target);
        if solves.len() < datasets[d].systems || solves.iter().any(|s| !s.converged) {
            continue;
        }
        let mut taken: Vec<f64> = solves.iter().map(|s| quantity.taken(s)).collect();
        taken.sort_by(f64::total_cmp);
        let in_round = |k: usize| solves.iter().map(|s| quantity.cost_in(s, k)).collect();
        let in_rounds: Vec<Vec<f64>> = (0..rounds::of_all(solves.iter())).map(in_round).collect();
        // Datasets are measured one after the other, each in its rounds.
        samples.push((datasets[d].n, taken, Noise::of_factor(&in_rounds, d as u64)));
    }
    samples.sort_by_key(|s| s.0);
    let sizes: Vec<usize> = samples.iter().map(|s| s.0).collect();
    let x: Vec<f64> = sizes.iter().map(|&n| (n as f64).ln()).collect();
    let slope_of = |y: Vec<f64>| slope(&x, &y.iter().map(|v| v.ln()).collect::<Vec<f64>>());
    let exponent = slope_of(samples.iter().map(|s| median(&s.1)).collect::<Option<_>>()?)?;
    let mut resample = Resample::new();
    let mut one = |k: usize| samples.iter().map(|s| resample.median(&s.1) * s.2.factor(k)).collect();
    let resampled = (0..RESAMPLES).filter_map(|k| slope_of(one(k)));
    let interval = Interval::of(resampled.collect())?;
    Some(Fit { family: family.into(), row, target: cells.targets()[target], quantity, sizes, exponent, interval })
}

/// That of the line of least squares; None where there is none.
fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xy, mut xx) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        xy += (x - mx) * (y - my);
        xx += (x - mx) * (x - mx);
    }
    Some(xy / xx).filter(|p| p.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::data_info::DataInfo;
    use crate::evaluate::sample::results;

    #[test]
    fn a_power_is_found_and_failures_have_none() {
        let mut results = results();
        let first = results.datasets[0].clone();
        results.datasets.push(DataInfo { n: 36, ..first.clone() });
        results.datasets.push(DataInfo { n: 900, family: "other".into(), ..first });
        let more: Vec<_> = results
            .solves
            .iter()
            .cloned()
            .map(|mut s| {
                (s.dataset, s.iterations) = (1, 2 * s.iterations);
                (s.setup_seconds, s.solve_seconds) = (4.0 * s.setup_seconds, 4.0 * s.solve_seconds);
                s
            })
            .collect();
        results.solves.extend(more);
        let all = fits(&Cells::new(&results));
        // Row 0 has a failure; one family has one size alone.
        assert!(all.iter().all(|f| f.row > 0 && f.family == "poisson" && f.sizes == [9, 36]), "{all:?}");
        let of = |quantity| all.iter().find(|f| (f.row, f.quantity) == (1, quantity)).unwrap();
        let (its, seconds) = (of(Quantity::Iterations), of(Quantity::Seconds));
        assert!((its.exponent - 0.5).abs() < 1e-12 && (seconds.exponent - 1.0).abs() < 1e-12);
        assert!(its.interval.low < 0.5 && its.interval.high > 0.5 && seconds.interval.high - 1.0 < 1e-12);
    }
}
