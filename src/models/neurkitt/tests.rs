//! Derivatives of the network, where it starts, what it predicts and refuses.

use std::sync::Arc;

use super::features::Seen;
use super::network::Tables;
use super::*;
use crate::families;
use crate::linalg::Space;
use crate::models::PredictOptions;
use crate::models::eigenvector_labels::{eigenvector_rows, eigenvectors};
use crate::models::fit::AdamConfig;
use crate::models::network::Network;
use crate::models::testing::labelled_by_eigenvectors;
use crate::nn::ops::{SubspaceLossOp, Vectors};
use crate::nn::{Cpu, Trained, testing};
use crate::precond::sine_modes;
use crate::rng::{Purpose, stream};
use crate::solve::Problem;
use crate::solver::Stop;
use crate::system::LinearSystem;

const PATCHES: (&str, &str) = ("patches = 500", "patches");
const LOSS: (&str, &str) = ("patches = 4\nloss = 'mean-square'", "loss must be");
const SMALL: &str = "width = 3\nlayers = 2\nmodes = 2\nhead = 4\ndim = 3\n";

fn config(more: &str) -> NeurkittConfig {
    let mut table: toml::Table = SMALL.parse().unwrap();
    table.extend(more.parse::<toml::Table>().unwrap());
    table.try_into().unwrap()
}

fn samples(family: &str, table: toml::Table, count: u64) -> Vec<LinearSystem> {
    let family = families::build(family, &table, "test").unwrap();
    let mut sampler = family.sampler().unwrap();
    let mut sample = |i| labelled_by_eigenvectors(sampler.sample(1, i).unwrap(), 4);
    (0..count).map(&mut sample).collect()
}

fn darcy(cells: i64) -> Vec<LinearSystem> {
    samples("darcy", toml::toml! { cells = cells discretisation = "fd" }, 2)
}

fn elliptic() -> Vec<LinearSystem> {
    samples("elliptic", toml::toml! { mesh = { area = 0.02 } }, 2)
}

#[test]
fn derivatives_match_finite_differences() {
    let cases = [
        ("", darcy(7)),
        ("base = 'sine'", darcy(7)),
        ("loss = 'projection-without-qr'", darcy(7)),
        ("loss = 'mean-square'", darcy(7)),
        ("patches = 2", darcy(7)),
        ("loss = 'energy'", darcy(7)),
        ("loss = 'energy'\npatches = 2", darcy(7)),
        ("fields = ['coefficient']\ngrid = 6", elliptic()),
    ];
    for (more, systems) in cases {
        let config = config(more);
        let loss = config.loss;
        let seen: Vec<_> = systems.iter().map(|s| Seen::new(&config, s).unwrap()).collect();
        let tables = Tables::<f64>::join(&seen.iter().collect::<Vec<_>>()).unwrap();
        let network = Neurkitt::new(config);
        let mut weights = network.about.initial(5);
        for w in weights.iter_mut().filter(|w| w.name == "head.1.weight") {
            w.data.iter_mut().enumerate().for_each(|(k, v)| *v = (k as f32 * k as f32 + 0.5).sin());
        }
        let samples = systems.iter().map(|s| Arc::new(eigenvector_rows(s, 2).unwrap())).collect();
        let cut = seen.iter().filter_map(|s| s.partition.clone()).collect();
        let matrices = match loss {
            SubspaceLoss::Energy => systems.iter().map(|s| Arc::new(s.matrix.clone())).collect(),
            _ => Vec::new(),
        };
        let vectors = Vectors { samples, count: 2, cut, matrices, beside: Vec::new() };
        let bounds = [1.0 / 16384.0, 2e-3, 0.1];
        let by_hand = testing::match_differences(testing::fused, &weights, bounds, |ops, w| {
            let space = network.forward(ops, w, &tables);
            ops.subspace_loss(&space, &vectors, loss)
        });
        let by_dfdx = testing::match_differences(testing::composed, &weights, bounds, |ops, w| {
            let space = network.forward(ops, w, &tables);
            ops.subspace_loss(&space, &vectors, loss)
        });
        assert_eq!(by_hand.0, by_dfdx.0);
        // What a norm takes out again has a derivative of 0 but for rounding, of which one way may have none.
        assert!(by_hand.1.abs_diff(by_dfdx.1) <= 2, "{by_hand:?} {by_dfdx:?}");
        assert!(by_hand.1 * 2 > by_hand.0, "{} of {} move", by_hand.1, by_hand.0);
    }
}

fn untrained(config: NeurkittConfig) -> (Neurkitt, Trained<Cpu>) {
    let network = Neurkitt::new(config);
    let weights = network.about.layout.initial(&mut stream(5, Purpose::Weights, 0));
    let params = network.about.layout.load(&Cpu::default(), &weights).unwrap();
    (network, Trained::new(params))
}

#[test]
fn on_sine_modes_it_starts_from_them_and_helps_cg_and_minres() {
    let system = &darcy(16)[0];
    let (network, weights) = untrained(NeurkittConfig { base: Base::Sine, ..Default::default() });
    let (space, sines) = (network.space(&weights, system).unwrap().to_dense(), sine_modes(15, 10).unwrap());
    for i in 0..225 {
        (0..10).for_each(|j| assert!((space[(i, j)] - sines[(i, j)]).abs() < 1e-6));
    }
    let cosine = network.agreement(&weights, system);
    assert!(cosine.is_err(), "10 vectors of 4");
    let (network, weights) = untrained(NeurkittConfig { base: Base::Sine, vectors: 4, ..Default::default() });
    let cosine = network.agreement(&weights, system).unwrap().unwrap();
    assert!((0.5..1.0).contains(&cosine), "{cosine}");
    for method in ["cg", "minres", "gcrodr(30, 12)"] {
        let problem = Problem::new(system, method.parse().unwrap(), Stop::rtol(1e-8));
        let plain = problem.solve_once(crate::solve::Acceleration::default()).unwrap().outcome;
        let predicted = network.predict(&weights, system, &PredictOptions::default()).unwrap();
        let helped = problem.solve_once(predicted).unwrap().outcome;
        assert!(helped.converged() && helped.iterations < plain.iterations, "{method}");
    }
}

#[test]
fn sixty_four_columns_are_trained_and_deflated() {
    let family = families::build("darcy", &toml::toml! { cells = 16 discretisation = "fd" }, "test").unwrap();
    let mut sampler = family.sampler().unwrap();
    let systems: Vec<_> = (0..2).map(|i| labelled_by_eigenvectors(sampler.sample(1, i).unwrap(), 64)).collect();
    let settings = NeurkittConfig { dim: 64, modes: 6, base: Base::Sine, ..Default::default() };
    settings.check().unwrap();
    let set = TrainingSet::in_memory(systems.clone());
    let mut trainer = settings.trainer(&set, 1, Device::Cpu).unwrap();
    let mut rng = stream(1, Purpose::Probes, 0);
    let first = trainer.loss(&[0, 1], &mut rng).unwrap();
    for _ in 0..10 {
        let report = trainer.step(&[0, 1], &[0, 1], &mut rng, &AdamConfig::default()).unwrap();
        assert!(report.loss.is_finite());
    }
    let last = trainer.loss(&[0, 1], &mut rng).unwrap();
    assert!(last < first && first < 64.0, "{last} after {first}");
    let model = trainer.model();
    assert!(model.agreement(&systems[0]).unwrap().unwrap() > 0.0);
    let problem = Problem::new(&systems[0], "cg".parse().unwrap(), Stop::rtol(1e-8));
    let solve = |given| problem.solve_once(given).unwrap().outcome;
    let plain = solve(crate::solve::Acceleration::default());
    let [ten, all] = [10, 64].map(|k| solve(crate::solve::Acceleration::space(sine_modes(15, k).unwrap())));
    let predicted = solve(model.predict(&systems[0], &PredictOptions::default()).unwrap());
    assert!(predicted.converged() && predicted.iterations < ten.iterations, "{plain:?}");
    assert!(predicted.iterations <= all.iterations + 3, "{} against {}", predicted.iterations, all.iterations);
}

#[test]
fn columns_cut_to_patches_hold_more_vectors_and_deflate_more() {
    let bare = darcy(16).into_iter().map(|s| LinearSystem { labels: Vec::new(), ..s });
    let systems: Vec<_> = bare.map(|s| labelled_by_eigenvectors(s, 12)).collect();
    let settings = config("modes = 4\ndim = 2\npatches = 4\nvectors = 12\nbase = 'sine'");
    settings.check().unwrap();
    let mut trainer = settings.trainer(&TrainingSet::in_memory(systems.clone()), 1, Device::Cpu).unwrap();
    let mut rng = stream(1, Purpose::Probes, 0);
    let first = trainer.loss(&[0, 1], &mut rng).unwrap();
    for _ in 0..20 {
        trainer.step(&[0, 1], &[0, 1], &mut rng, &AdamConfig::default()).unwrap();
    }
    let last = trainer.loss(&[0, 1], &mut rng).unwrap();
    // Of twelve vectors two sine modes hold two.
    assert!(last < first && first < 6.0, "{last} after {first}");
    let model = trainer.model();
    assert!(model.agreement(&systems[0]).unwrap().unwrap() > 0.5);
    let problem = Problem::new(&systems[0], "cg".parse().unwrap(), Stop::rtol(1e-8));
    let solve = |given| problem.solve_once(given).unwrap().outcome.iterations;
    let predicted = model.predict(&systems[0], &PredictOptions::default()).unwrap();
    assert!(matches!(predicted.space, Some(Space::Local(_))));
    let [two, ten] = [2, 10].map(|k| solve(crate::solve::Acceleration::space(sine_modes(15, k).unwrap())));
    let found = solve(predicted);
    assert!(found < ten && ten < two, "{found}, {ten}, {two}");
}

#[test]
fn another_grid_and_another_mesh_are_predicted_for() {
    let (network, weights) = untrained(config(""));
    for cells in [7, 12] {
        assert_eq!(network.space(&weights, &darcy(cells)[0]).unwrap().nrows(), (cells as usize - 1).pow(2));
    }
    let (network, weights) = untrained(config("fields = ['coefficient']\ngrid = 9"));
    let system = &elliptic()[0];
    assert_eq!(network.space(&weights, system).unwrap().nrows(), system.n());
}

#[test]
fn what_does_not_fit_is_named() {
    let refused = |more: &str, s: &LinearSystem| Seen::new(&config(more), s).err().unwrap().to_string();
    let system = &darcy(7)[0];
    assert!(refused("fields = ['k']", system).contains("no scalar field k, but w"));
    assert!(refused("modes = 5", system).contains("at most 4"));
    assert!(eigenvectors(system, 9).err().unwrap().to_string().contains("eigenpairs = 9"));
    let mut negative = system.clone();
    negative.fields[0].values[3] = -1.0;
    assert!(refused("", &negative).contains("transform"));
    negative.mesh = None;
    assert!(refused("", &negative).contains("mesh"));
    for (change, key) in [("dim = 0", "dim"), ("vectors = 11", "vectors"), ("fields = []", "fields"), PATCHES, LOSS] {
        let table: toml::Table = change.parse().unwrap();
        let error = ENTRY.parse(&table, "r.toml").err().unwrap().to_string();
        assert!(error.contains(key), "{error}");
    }
}
