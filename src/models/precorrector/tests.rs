//! Inference equals the operations that training goes through; the guard.

use super::network::{Precorrector, Seen};
use super::{Base, PrecorrectorConfig, inference};
use crate::families;
use crate::models::{PredictOptions, guard, network::Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::Engine;
use crate::nn::{Cpu, NamedArray, Trained};
use crate::precond::Icc;
use crate::solve::{Acceleration, Problem};
use crate::solver::{Method, Stop};
use crate::system::LinearSystem;

fn sample(family: &str, table: &str) -> LinearSystem {
    families::build(family, &table.parse().unwrap(), "test").unwrap().sampler().unwrap().sample(1, 0).unwrap()
}

/// A network of random weights, α = `alpha`.
fn network(config: PrecorrectorConfig, alpha: f32) -> (Precorrector, Trained<Cpu>) {
    let network = Precorrector::new(config);
    let set = |w: NamedArray| if w.name == "alpha" { NamedArray { data: vec![alpha], ..w } } else { w };
    let weights: Vec<_> = network.about.initial(3).into_iter().map(set).collect();
    let params = network.about.layout.load(&Cpu::default(), &weights).unwrap();
    (network, Trained::new(params))
}

#[test]
fn inference_equals_the_operations_of_training() {
    let plane = sample("darcy", "cells = 40\ncontrast = 1e3");
    // Enough rows for several threads.
    let cube = sample("darcy", "dim = 3\ncells = 24\nsolution = false");
    let (icc, ict) = (Base::default(), Base::Ict { droptol: 0.05, fill: 0 });
    for (system, width, rounds, base) in
        [(&plane, 4, 3, icc), (&plane, 16, 2, ict), (&plane, 8, 1, icc), (&cube, 8, 3, icc), (&cube, 4, 2, ict)]
    {
        let (network, weights) = network(PrecorrectorConfig { width, rounds, pairs: 1, base }, 0.7);
        let seen = Seen::new(&network.config, &system.matrix).unwrap();
        let entries = seen.entries();
        let fast =
            |p: &_| inference::corrections(&network, p, seen.factor.pattern(), &seen.nodes, &entries).unwrap();
        let changes = weights.read(fast);
        let graphs = Graphs::of(&seen.factor).unwrap();
        let corrected = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let (nodes, entries) = (ops.table(seen.nodes.clone(), 2), ops.table(entries.clone(), 1));
            network.forward(ops, w, &at, &nodes, &entries)
        });
        let size = changes.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        assert!(size > 1e-3, "the network says something: {size}");
        for ((c, l), e) in changes.iter().zip(&corrected).zip(&entries) {
            assert!((c - (l - e)).abs() < 1e-5 * (size + e.abs()), "width {width}, {rounds} rounds: {c}, {}", l - e);
        }
        // The same bits on any number of threads.
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(alone.install(|| weights.read(fast)), changes);
    }
    let (wide, weights) = network(PrecorrectorConfig { width: 12, ..Default::default() }, 0.7);
    let seen = Seen::new(&wide.config, &plane.matrix).unwrap();
    let none = weights.read(|p| inference::corrections(&wide, p, seen.factor.pattern(), &seen.nodes, &seen.entries()));
    assert!(none.is_none());
}

#[test]
fn the_factor_of_the_equilibrated_matrix_is_that_of_the_matrix_scaled() {
    let system = sample("darcy", "cells = 20\ncontrast = 1e4");
    let seen = Seen::new(&PrecorrectorConfig::default(), &system.matrix).unwrap();
    let (matrix, root) = system.matrix.equilibrated().unwrap();
    let factor = Icc::new(&matrix, 0).unwrap().factor().unwrap();
    assert_eq!(seen.root, root);
    assert_eq!(seen.factor.pattern().indices(), factor.pattern().indices());
    assert!(seen.factor.values().iter().zip(factor.values()).all(|(a, b)| (a - b).abs() < 1e-13));
    for (i, nodes) in seen.nodes.chunks_exact(2).enumerate() {
        let sum: f64 = matrix.row(i).1.iter().map(|v| v.abs()).sum();
        assert_eq!(nodes[0], factor.get(i, i) as f32);
        assert!((f64::from(nodes[1]) - 1.0 / sum).abs() < 1e-6);
    }
}

#[test]
fn a_factor_that_is_worse_than_its_start_is_not_used() {
    let system = sample("darcy", "cells = 40\ncontrast = 1e3");
    let iterations = |with: Acceleration| {
        Problem::new(&system, Method::cg(), Stop::rtol(1e-6)).solve_once(with).unwrap().outcome.iterations
    };
    let start = iterations(Acceleration::preconditioner(Icc::new(&system.matrix, 0).unwrap()));
    // Random weights do harm.
    let (random, weights) = network(PrecorrectorConfig::default(), 0.3);
    let unguarded = PredictOptions { unguarded: true, ..Default::default() };
    let harmful = random.predict(&weights, &system, &unguarded).unwrap();
    assert!(!harmful.fell_back && iterations(harmful) > 2 * start);
    let guarded = random.predict(&weights, &system, &PredictOptions::default()).unwrap();
    assert!(guarded.fell_back && guarded.note.as_deref() == Some(guard::NOTE));
    assert!(iterations(guarded).abs_diff(start) <= 1);
    // No change is no harm, a better factor is taken, and one that no solver can use is not.
    let (same, weights) = network(PrecorrectorConfig::default(), 0.0);
    assert!(!same.predict(&weights, &system, &PredictOptions::default()).unwrap().fell_back);
    let seen = Seen::new(&same.config, &system.matrix).unwrap();
    let better = Icc::new(&system.matrix, 3).unwrap().factor().unwrap();
    assert!(!guard::better(&system.matrix, &better, &seen.start()).unwrap().1);
    let mut broken = seen.start();
    let last = broken.nnz() - 1;
    broken.values_mut()[last] = 0.0;
    assert!(guard::better(&system.matrix, &broken, &seen.start()).unwrap().1);
}
