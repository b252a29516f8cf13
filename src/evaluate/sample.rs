//! A small made-up evaluation for the tests of tables and files.

use super::machine::Machine;
use super::measure::Solve;
use super::reached;
use super::recipe::{EvalRecipe, Measure, Target};
use super::row::Row;
use super::sweep::{DataInfo, Results};
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
        relative_residual: 1e-6,
        relative_error: None,
        guess_error: None,
        guess_mean_error: None,
        label_cosine: None,
        pc_nnz: 20,
        note: Some("shifted by 0.1, then once more".into()),
        fell_back: true,
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
