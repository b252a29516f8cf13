//! Runs of one recipe that differ in the training seed: how far they lie apart, beside how far systems do.

use serde::Serialize;

use super::cells::Cells;
use super::quantity::Quantity;
use super::reference::{Role, role};
use crate::evaluate::recipe::Target;
use crate::evaluate::statistics::Quartiles;

/// Several runs of one recipe on one dataset at one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seeds {
    /// Number of the dataset.
    pub dataset: usize,
    /// What was to be reached.
    #[serde(flatten)]
    pub target: Target,
    /// What is told.
    pub quantity: Quantity,
    /// Their rows.
    pub rows: Vec<usize>,
    /// Their training seeds.
    pub seeds: Vec<i64>,
    /// The median of each over the systems.
    pub medians: Vec<f64>,
    /// Median of these.
    pub median: f64,
    /// Least and largest of them: the spread between runs.
    pub between_runs: (f64, f64),
    /// Their standard deviation (n − 1).
    pub deviation: f64,
    /// First and third quartile over the systems, each the median over the runs: the spread between systems.
    pub between_systems: (f64, f64),
    /// Solves that failed, of all runs.
    pub failures: usize,
}

/// One for each group of rows that are the same but for the seed of their run.
pub fn seeds(cells: &Cells) -> Vec<Seeds> {
    let mut out = Vec::new();
    for dataset in cells.datasets() {
        for rows in groups(cells, dataset) {
            let targets = 0..cells.targets().len();
            let pairs = targets.flat_map(|t| Quantity::ALL.map(move |quantity| (t, quantity)));
            out.extend(pairs.filter_map(|(t, quantity)| of_group(cells, (dataset, t), quantity, &rows)));
        }
    }
    out
}

/// The rows of each group, two seeds at least.
fn groups(cells: &Cells, dataset: usize) -> Vec<Vec<usize>> {
    let recipe = &cells.results.recipe;
    let trained = |r: usize| cells.results.datasets[dataset].trained.get(r).and_then(Option::as_ref);
    let alike = |a: usize, b: usize| {
        let runs = trained(a).zip(trained(b)).filter(|(a, b)| !a.recipe.is_empty() && a.recipe == b.recipe);
        runs.is_some() && recipe.rows[a].differs_in_model_alone(&recipe.rows[b])
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for r in cells.rows().filter(|&r| role(cells.results, dataset, r) == Role::Learned) {
        match groups.iter_mut().find(|group| alike(group[0], r)) {
            Some(group) => group.push(r),
            None => groups.push(vec![r]),
        }
    }
    let seed = |r: usize| trained(r).and_then(|t| t.seed);
    groups.retain(|group| group.iter().any(|&r| seed(r) != seed(group[0])));
    groups
}

fn of_group(cells: &Cells, (dataset, t): (usize, usize), quantity: Quantity, rows: &[usize]) -> Option<Seeds> {
    let trained = &cells.results.datasets[dataset].trained;
    let quartiles = rows.iter().map(|&r| {
        let solves = cells.get(dataset, r, t);
        Quartiles::of(&solves.iter().map(|s| quantity.counted(s, cells.results)).collect::<Vec<_>>())
    });
    let of_runs: Vec<Quartiles> = quartiles.collect::<Option<_>>()?;
    let over = |of: fn(&Quartiles) -> f64| Quartiles::of(&of_runs.iter().map(of).collect::<Vec<_>>());
    let medians: Vec<f64> = of_runs.iter().map(|q| q.median).collect();
    let all = over(|q| q.median)?;
    let squares: f64 = medians.iter().map(|m| (m - all.mean).powi(2)).sum();
    let solves = rows.iter().flat_map(|&r| cells.get(dataset, r, t));
    Some(Seeds {
        dataset,
        target: cells.targets()[t],
        quantity,
        seeds: rows.iter().map(|&r| trained[r].as_ref().and_then(|t| t.seed).unwrap_or_default()).collect(),
        rows: rows.to_vec(),
        median: all.median,
        between_runs: (all.min, all.max),
        deviation: (squares / (medians.len() as f64 - 1.0)).sqrt(),
        between_systems: (over(|q| q.q1)?.median, over(|q| q.q3)?.median),
        failures: solves.filter(|s| !s.converged).count(),
        medians,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::row::Row;
    use crate::evaluate::sample::{results, solve};
    use crate::evaluate::trained::Trained;
    use crate::solver::Method;

    #[test]
    fn runs_and_systems_spread_apart() {
        let mut results = results();
        let run = |seed, recipe: &str| {
            Some(Trained { steps: 5, seed: Some(seed), recipe: recipe.into(), ..Trained::default() })
        };
        for (r, name) in ["a", "b", "c"].into_iter().enumerate() {
            results.recipe.rows[r] = Row::learned(Method::cg(), name.into());
        }
        let its = [[10, 20, 30], [12, 22, 32], [1, 2, 3]];
        results.solves = (0..9).map(|k| solve(k / 3, k as u64 % 3, Some(its[k / 3][k % 3]))).collect();
        results.datasets[0].trained = vec![run(1, "r"), run(2, "r"), run(1, "other")];
        let found = seeds(&Cells::new(&results));
        assert_eq!(found.len(), 2, "iterations and seconds of one group");
        let s = &found[0];
        assert_eq!((&s.rows[..], &s.seeds[..], &s.medians[..]), (&[0, 1][..], &[1, 2][..], &[20.0, 22.0][..]));
        assert_eq!((s.median, s.between_runs, s.between_systems), (21.0, (20.0, 22.0), (16.0, 26.0)));
        assert!((s.deviation - 2f64.sqrt()).abs() < 1e-12 && s.failures == 0);
        // One seed twice is no axis of seeds.
        results.datasets[0].trained[1] = run(1, "r");
        assert!(seeds(&Cells::new(&results)).is_empty());
    }
}
