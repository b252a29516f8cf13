//! The family `heat`: orders, the θ-scheme, trajectories whatever the order of sampling, the steady problem.

use fempipe::families::Family;
use fempipe::system::LinearSystem;

use crate::common::{self, param};

fn family(keys: &str) -> Box<dyn Family> {
    common::family("heat", keys)
}

fn sample(keys: &str, index: u64) -> LinearSystem {
    common::sample("heat", keys, index)
}

#[test]
fn what_it_claims_is_measured() {
    let report = fempipe::families::measure("heat").unwrap();
    assert!(report.holds(), "{report:#?}");
}

#[test]
fn sizes_residuals_and_symmetry() {
    for scheme in ["p1", "q1", "fd"] {
        for rest in ["theta = 1.0", "theta = 0.5\ndt = 0.5", "steady = true"] {
            let keys = format!("cells = 13\ndiscretisation = '{scheme}'\n{rest}");
            let s = sample(&keys, 3);
            assert_eq!((s.n(), s.matrix.nrows(), s.index), (144, 144, 3));
            assert!(s.matrix.is_symmetric(1e-15), "{keys}");
            assert!(common::residual(&s) < 1e-12, "{keys}");
        }
    }
}

#[test]
fn three_dimensions() {
    for scheme in ["p1", "fd"] {
        for rest in ["contrast = 1e4", "steady = true", "solution = 'cg-amg'", "solution = 'cg-amg'\nsteady = true"] {
            let keys = format!("dim = 3\ncells = 7\ndiscretisation = '{scheme}'\n{rest}");
            let s = sample(&keys, 3);
            assert_eq!((s.n(), s.field("w").unwrap().values.len()), (216, 512));
            assert!(s.matrix.is_symmetric(1e-15) && common::residual(&s) < 1e-11, "{keys}");
        }
    }
    common::depends_on_seed_and_index_alone(&*family("dim = 3\ncells = 5\nsteps = 3\nsolution = 'cg-amg'"));
    common::refused("heat", &[("dim = 3\ndiscretisation = 'q1'", "heat.discretisation"), ("dim = 4", "heat.dim")]);
}

#[test]
fn a_step_is_the_same_whatever_was_computed_before() {
    for keep in ["step", "trajectory"] {
        let f = family(&format!("cells = 9\nsteps = 4\nkeep = '{keep}'"));
        common::depends_on_seed_and_index_alone(&*f);
    }
}

#[test]
fn steps_hang_together_and_a_whole_trajectory_is_all_of_them() {
    let whole = sample("cells = 9\nsteps = 5\nkeep = 'trajectory'", 1);
    let states = whole.field("trajectory").unwrap();
    assert_eq!(states.components, 6);
    let column = |j: usize| states.values.iter().skip(j).step_by(6).copied().collect::<Vec<_>>();
    let f = family("cells = 9\nsteps = 5");
    let mut sampler = f.sampler().unwrap();
    let mut last: Option<LinearSystem> = None;
    for step in 0..5 {
        let s = sampler.sample(1, 5 + step).unwrap();
        let found = ["trajectory", "step", "time"].map(|p| param(&s, p));
        assert_eq!(found, [1.0, step as f64, 0.01 * step as f64]);
        assert_eq!(s.field("state").unwrap().values, column(step as usize));
        assert_eq!(s.solution.as_ref().unwrap(), &column(step as usize + 1));
        if let Some(before) = last {
            assert_eq!(before.solution.unwrap(), s.field("state").unwrap().values);
            assert_eq!(before.matrix.values(), s.matrix.values());
        }
        last = Some(s);
    }
    // Another trajectory has another coefficient.
    assert_ne!(sampler.sample(1, 10).unwrap().field("w"), whole.field("w"));
}

/// The published steady matrix: the 5-point one of `darcy` and p² on the diagonal.
#[test]
fn the_steady_problem_is_the_published_one() {
    let s = sample("cells = 6\ndiscretisation = 'fd'\nsteady = true", 4);
    let (w, p) = (&s.field("w").unwrap().values, &s.field("p").unwrap().values);
    assert!(p.iter().all(|p| (-1.0..1.0).contains(p)) && p.iter().any(|&p| p < 0.0));
    for i in 0..25usize {
        let at = (i / 5 + 1) * 7 + i % 5 + 1;
        let around = w[at - 1] + w[at + 1] + w[at - 7] + w[at + 7];
        let expected = 18.0 * (around + 4.0 * w[at]) + p[at] * p[at];
        assert!((s.matrix.get(i, i) - expected).abs() < 1e-11);
    }
    assert!(s.rhs.iter().all(|&b| b == 1.0));
}

#[test]
fn wrong_keys_are_named_with_what_would_be_right() {
    common::refused(
        "heat",
        &[
            ("cells = 1", "heat.cells = 1: must be from 2"),
            ("theta = 0.4", "heat.theta = 0.4: must be from 0.5 to 1"),
            ("dt = 0.0", "heat.dt = 0: must be from"),
            ("steps = 0", "heat.steps = 0: must be from 1"),
            ("steady = true\ntheta = 1.0", "heat.theta: only for steady = false"),
            ("steady = true\nkeep = 'step'", "heat.keep: only for steady = false"),
            ("faces = 'harmonic'", "heat.faces: only for"),
            ("keep = 'all'", "heat] keep = \"all\": must be `step` or"),
        ],
    );
}
