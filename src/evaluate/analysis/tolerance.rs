//! Iterations and seconds to each tolerance: the bands of residual histories, seen from the side.

use serde::Serialize;

use super::cells::Cells;
use crate::evaluate::measure::Solve;
use crate::evaluate::reached::level;
use crate::evaluate::recipe::{Measure, Target};

/// How a row comes down on a dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Number of the dataset in the recipe.
    pub dataset: usize,
    /// Number of the row.
    pub row: usize,
    /// What was to be reached.
    #[serde(flatten)]
    pub target: Target,
    /// As long as half of the systems come so far.
    pub levels: Vec<Level>,
}

/// A relative residual on the way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Level {
    /// The relative residual.
    pub tolerance: f64,
    /// Share of systems that come to it.
    pub share: f64,
    /// Quartiles of the iterations until it is first reached; where it is not, that is infinite.
    pub iterations: [f64; 3],
    /// Quartiles of the seconds until then: setup, and of the solve the share of its iterations.
    pub seconds: [f64; 3],
}

/// Of every row on every dataset at the tightest target.
pub fn curves(cells: &Cells) -> Vec<Curve> {
    let Some(target) = cells.tightest() else { return Vec::new() };
    let pairs = cells.datasets().flat_map(|d| cells.rows().map(move |r| (d, r)));
    let curve = |(dataset, row)| {
        let levels = levels(cells.get(dataset, row, target), cells.targets()[target]);
        (!levels.is_empty()).then(|| Curve { dataset, row, target: cells.targets()[target], levels })
    };
    pairs.filter_map(curve).collect()
}

fn levels(solves: &[Solve], target: Target) -> Vec<Level> {
    // What lies below the target was not asked for.
    let above = |k: &usize| target.measure != Measure::Residual || level(*k) >= target.rtol * (1.0 - 1e-9);
    let deepest = solves.iter().map(|s| s.reached.len()).max().unwrap_or(0);
    let all = (0..deepest).take_while(above).map(|k| {
        let its: Vec<f64> =
            solves.iter().map(|s| s.reached.get(k).map_or(f64::INFINITY, |&it| f64::from(it))).collect();
        let seconds = solves.iter().zip(&its).map(|(s, &it)| until(s, it)).collect();
        let reached = its.iter().filter(|it| it.is_finite()).count();
        Level {
            tolerance: level(k),
            share: reached as f64 / solves.len() as f64,
            iterations: quartiles(its),
            seconds: quartiles(seconds),
        }
    });
    all.take_while(|l| l.share >= 0.5).collect()
}

/// Seconds until an iteration: the method's iterations take equally long.
fn until(s: &Solve, it: f64) -> f64 {
    let method = s.iterations.saturating_sub(s.setup_iterations).max(1) as f64;
    s.setup_seconds + s.solve_seconds * (it - s.setup_iterations as f64).max(0.0) / method
}

/// Order statistics next to the quartiles, since infinite numbers cannot be interpolated.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    [0.25, 0.5, 0.75].map(|p| values[(p * last).round() as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::sample::results;

    #[test]
    fn half_of_the_systems_have_to_come_so_far() {
        let mut results = results();
        // Row 1 takes 4, 5 and 6 iterations in 3 ms after a setup of 2 ms.
        for s in results.solves.iter_mut().filter(|s| s.row == 1) {
            let deep = s.sample < 2;
            s.reached = if deep { vec![1, s.iterations as u32] } else { vec![3] };
        }
        let curves = curves(&Cells::new(&results));
        let curve = curves.iter().find(|c| c.row == 1).unwrap();
        assert_eq!(curve.levels.len(), 2);
        assert_eq!(curve.levels[0].iterations, [1.0, 1.0, 3.0]);
        assert_eq!(curve.levels[1].iterations, [5.0, 5.0, f64::INFINITY]);
        assert!((curve.levels[1].share - 2.0 / 3.0).abs() < 1e-15);
        assert!((curve.levels[1].seconds[1] - 5e-3).abs() < 1e-15);
        assert!((curve.levels[0].seconds[1] - (2e-3 + 3e-3 / 4.0)).abs() < 1e-15);
    }
}
