//! Performance profiles: Dolan & Moré (2002), doi:10.1007/s101070100263.

use serde::Serialize;

use super::cells::Cells;
use super::quantity::Quantity;
use super::reference::{Role, role};
use crate::evaluate::recipe::Target;

/// Points of a line that are kept.
const KEPT: usize = 120;

/// ρ(τ) of each row: the share of systems that it solves within τ times what the best row takes there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// What is compared.
    pub quantity: Quantity,
    /// What was to be reached.
    #[serde(flatten)]
    pub target: Target,
    /// Numbers of its datasets: those that the same rows were measured on.
    pub datasets: Vec<usize>,
    /// Systems, of these datasets together, that every row tried.
    pub systems: usize,
    /// One a row that competes: oracles do not, direct rows in time alone.
    pub lines: Vec<ProfileLine>,
}

/// The line of one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileLine {
    /// Its number in the recipe.
    pub row: usize,
    /// Share of systems on which it is the best, alone or with others: ρ(1).
    pub best: f64,
    /// Share of systems that it solves at all: ρ(∞).
    pub solved: f64,
    /// (τ, ρ(τ)) at its steps, of many every k-th.
    pub points: Vec<(f64, f64)>,
}

/// Those of the tightest target: for all datasets together, or for each group of them that has rows of its own.
pub fn profiles(cells: &Cells) -> Vec<Profile> {
    let Some(target) = cells.tightest() else { return Vec::new() };
    let rows = |d: usize| -> Vec<usize> { cells.rows().filter(|&r| !cells.get(d, r, target).is_empty()).collect() };
    let mut groups: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for d in cells.datasets() {
        let here = rows(d);
        match groups.iter_mut().find(|(of, _)| *of == here) {
            Some((_, datasets)) => datasets.push(d),
            None => groups.push((here, vec![d])),
        }
    }
    let all = groups.iter().flat_map(|group| Quantity::ALL.iter().map(move |&quantity| (group, quantity)));
    all.filter_map(|((rows, datasets), quantity)| profile(cells, rows, datasets, target, quantity)).collect()
}

fn profile(cells: &Cells, rows: &[usize], datasets: &[usize], target: usize, quantity: Quantity) -> Option<Profile> {
    let competes = |r: &usize| match role(cells.results, datasets[0], *r) {
        Role::Oracle => false,
        Role::Direct => quantity == Quantity::Seconds,
        _ => true,
    };
    let rows: Vec<usize> = rows.iter().copied().filter(competes).collect();
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    for &d in datasets {
        let of_rows: Vec<_> = rows.iter().map(|&r| cells.get(d, r, target)).collect();
        let systems = of_rows.iter().map(|solves| solves.len()).min().unwrap_or(0);
        for i in 0..systems {
            let costs: Vec<f64> = of_rows.iter().map(|solves| quantity.cost(&solves[i])).collect();
            let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
            for (ratios, cost) in ratios.iter_mut().zip(costs) {
                // Where nobody solves it, and where it takes nothing, all are equal.
                let ratio = if cost == least && cost.is_finite() { 1.0 } else { cost / least.max(f64::MIN_POSITIVE) };
                ratios.push(if ratio.is_nan() { f64::INFINITY } else { ratio });
            }
        }
    }
    let systems = ratios.first().map_or(0, Vec::len);
    let lines = rows.iter().zip(ratios).map(|(&row, ratios)| line(row, ratios)).collect();
    let target = cells.targets()[target];
    (systems > 0).then(|| Profile { quantity, target, datasets: datasets.to_vec(), systems, lines })
}

fn line(row: usize, mut ratios: Vec<f64>) -> ProfileLine {
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len();
    let within = |tau: f64| ratios.partition_point(|&r| r <= tau) as f64 / n as f64;
    let solved = ratios.partition_point(|r| r.is_finite());
    let step = solved.div_ceil(KEPT).max(1);
    let mut points: Vec<(f64, f64)> = vec![(1.0, within(1.0))];
    for i in (0..solved).filter(|i| i % step == 0 || i + 1 == solved) {
        let tau = ratios[i];
        if points.last().is_some_and(|p| tau > p.0) {
            points.push((tau, within(tau)));
        }
    }
    ProfileLine { row, best: within(1.0), solved: solved as f64 / n as f64, points }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::sample::results;

    #[test]
    fn shares_within_multiples_of_the_best() {
        // cg + none: 10, 20, failed; cg + icc: 4, 5, 6. Cholesky has no iterations to compare.
        let results = results();
        let all = profiles(&Cells::new(&results));
        let lines = |k: usize| all[k].lines.iter().map(|l| (l.row, l.best, l.points.clone())).collect::<Vec<_>>();
        let third = 1.0 / 3.0;
        assert_eq!(
            lines(0),
            [(0, 0.0, vec![(1.0, 0.0), (2.5, third), (4.0, 2.0 * third)]), (1, 1.0, vec![(1.0, 1.0)])]
        );
        assert_eq!((all[0].systems, all[0].lines[0].solved), (3, 2.0 * third));
        // In time cholesky is the best with 1 ms, where the others take 3 and 5.
        assert_eq!(all[1].lines.len(), 3);
        assert_eq!(all[1].lines[2].points, [(1.0, 1.0)]);
        assert!((all[1].lines[1].points[1].0 - 5.0).abs() < 1e-12);
    }

    #[test]
    fn a_long_line_keeps_its_ends() {
        let ratios: Vec<f64> = (0..1000).map(|i| 1.0 + f64::from(i)).collect();
        let line = line(0, ratios);
        assert!(line.points.len() <= KEPT + 2);
        assert_eq!((line.points[0], *line.points.last().unwrap()), ((1.0, 0.001), (1000.0, 1.0)));
    }
}
