//! Made-up evaluations for the tests of tables, files and reports: a small one, and one as large as is asked for.

use rand::RngExt;

use super::data_info::DataInfo;
use super::machine::Machine;
use super::measure::Solve;
use super::reached;
use super::recipe::{EvalRecipe, Measure, Target};
use super::row::Row;
use super::sweep::Results;
use super::trained::Trained;
use crate::rng::{Purpose, stream};
use crate::solver::Method;

/// Sample `sample` by row `row`: the iterations it took, or a failure. Setup r + 1, solve r + 2 milliseconds, but half
/// a millisecond each for the direct row 2.
pub fn solve(row: usize, sample: u64, iterations: Option<usize>) -> Solve {
    let (setup_seconds, solve_seconds) = match row {
        2 => (0.5e-3, 0.5e-3),
        r => (1e-3 * (r + 1) as f64, 1e-3 * (r + 2) as f64),
    };
    Solve {
        dataset: 0,
        row,
        target: Target { rtol: 1.5e-5, measure: Measure::Residual },
        sample,
        n: 9,
        converged: iterations.is_some(),
        reason: if iterations.is_some() { "CONVERGED_RTOL".into() } else { "DIVERGED_ITS".into() },
        iterations: iterations.unwrap_or(50),
        setup_iterations: 0,
        inference_seconds: 0.0,
        setup_seconds,
        solve_seconds,
        rounds: Vec::new(),
        spread: None,
        relative_residual: 1e-6,
        relative_error: None,
        guess_error: None,
        guess_mean_error: None,
        label_cosine: None,
        pc_nnz: 20,
        note: Some("shifted by 0.1, then once more".into()),
        fell_back: true,
        direct: row == 2,
        history: Vec::new(),
        history_every: 1,
        reached: reached::levels(&[1.0, 1e-2, 1e-6], iterations.unwrap_or(50).div_ceil(2), 0),
        error: Vec::new(),
    }
}

/// One dataset, one tolerance, three rows, three systems; one solve of row 0 failed.
pub fn results() -> Results {
    let its = [[Some(10), Some(20), None], [Some(4), Some(5), Some(6)], [Some(1); 3]];
    Results {
        recipe: EvalRecipe {
            title: "a & b".into(),
            rtol: vec![1.5e-5],
            ..EvalRecipe::new(
                vec!["p.h5".into()],
                ["none", "icc", "cholesky"].map(|pc| Row::classical(Method::cg(), pc)).to_vec(),
            )
        },
        identity: 0xabc,
        datasets: vec![DataInfo {
            name: "p".into(),
            family: "poisson".into(),
            equation: "-div grad u = f".into(),
            systems: 3,
            n: 9,
            least_n: 9,
            nnz: 40,
            kappa: Vec::new(),
            kappa_after: vec![Vec::new(); 3],
            seen_in_training: vec![0; 3],
            ..DataInfo::default()
        }],
        solves: (0..3).flat_map(|r| (0..3).map(move |s| solve(r, s as u64, its[r][s]))).collect(),
        interrupted: false,
        kept: 0,
        machine: Machine::here(),
    }
}

/// Five datasets of one family, ten rows of which the last two are a network untrained and trained, two tolerances, and
/// so many systems each: iterations grow with the square root of n, times with n, both spread by a factor of two.
pub fn many(systems: usize) -> Results {
    let mut rng = stream(7, Purpose::Measure, 0);
    let pcs = ["none", "jacobi", "ssor", "icc", "ict(0.01)", "fsai", "amg", "cholesky"];
    let mut rows: Vec<Row> = pcs.map(|pc| Row::classical(Method::cg(), pc)).to_vec();
    for label in ["network untrained", "network"] {
        rows.push(Row { label: label.into(), ..Row::learned(Method::cg(), "run".into()) });
    }
    let recipe = EvalRecipe { rtol: vec![1e-4, 1e-8], ..EvalRecipe::new(vec!["p.h5".into()], rows) };
    let trained = |steps| {
        Some(Trained {
            model: "network".into(),
            steps,
            training_seconds: 60.0,
            data: "p0".into(),
            ..Trained::default()
        })
    };
    let dataset = |d: usize| DataInfo {
        name: format!("p{d}"),
        n: 225 * 4usize.pow(d as u32),
        least_n: 225 * 4usize.pow(d as u32),
        systems,
        trained: [vec![None; pcs.len()], vec![trained(0), trained(9)]].concat(),
        seen_in_training: vec![0; 10],
        kappa_after: vec![Vec::new(); 10],
        ..results().datasets[0].clone()
    };
    let datasets: Vec<DataInfo> = (0..5).map(dataset).collect();
    let cells = (0..5).flat_map(|d| (0..10).flat_map(move |r| [0, 1].map(|t| (d, r, t))));
    let cells: Vec<(usize, usize, usize)> = cells.collect();
    let mut solves = Vec::new();
    for (dataset, row, t) in cells {
        let n = datasets[dataset].n as f64;
        let depth = [4.0, 8.0][t];
        for sample in 0..systems {
            let spread = 1.0 + rng.random::<f64>();
            let iterations = (n.sqrt() * depth * spread / (row + 2) as f64).ceil() as usize;
            // Of the first row every hundredth solve fails.
            let fails = row == 0 && sample % 100 == 7;
            let reached = (1..=4 * depth as usize).map(|k| (iterations * k / (4 * depth as usize)) as u32);
            solves.push(Solve {
                dataset,
                target: recipe.targets()[t],
                n: n as usize,
                setup_seconds: 1e-7 * n * spread,
                solve_seconds: 2e-8 * n * iterations as f64,
                reached: if fails { Vec::new() } else { reached.collect() },
                note: None,
                fell_back: false,
                ..solve(row, sample as u64, (!fails).then_some(iterations))
            });
        }
    }
    Results { recipe, datasets, solves, ..results() }
}
