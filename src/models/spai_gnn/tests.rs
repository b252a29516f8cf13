//! Derivatives of the network, where it starts, what it writes.

use super::features::Seen;
use super::*;
use crate::linalg::{Csr, LinOp};
use crate::models::testing::{assert_jacobi, assert_spd, differences};
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, SparseInverseLossOp, Trial};
use crate::nn::{Cpu, Trained, testing};
use crate::rng::{Purpose, stream};

#[test]
fn derivatives_match_finite_differences() {
    for (scaling, block) in [(UnitScale::Jacobi, 1), (UnitScale::Mean, 1), (UnitScale::Jacobi, 2)] {
        let config = SpaiGnnConfig { width: 4, rounds: 2, vectors: 1, scaling, block, ..Default::default() };
        let seen = Seen::new(&config, &differences(4, 3)).unwrap();
        let [blocks, entries] = [&seen.blocks, &seen.matrix].map(|m| Graphs::<f64>::of(m).unwrap());
        let places = std::sync::Arc::new(seen.places.clone());
        let wide = |v: &[f32]| -> Vec<f64> { v.iter().map(|&v| f64::from(v)).collect() };
        let network = SpaiGnn::new(config.clone());
        let mut weights = network.about.layout.initial(&mut stream(5, Purpose::Weights, 0));
        // The decoder starts at zero, where nothing before it has a derivative.
        for w in weights.iter_mut().filter(|w| w.name == "decoder.out.weight") {
            w.data.iter_mut().enumerate().for_each(|(k, v)| *v = 0.1 + 0.05 * k as f32);
        }
        let trial = Trial {
            offsets: vec![0, 12],
            matrix: std::sync::Arc::new(seen.matrix.values().to_vec()),
            vectors: std::sync::Arc::new((0..12).map(|i| (1.7 * f64::from(i)).sin()).collect()),
            shift: config.shift,
        };
        let bounds = [1.0 / 4096.0, 5e-4, 0.1];
        let (checked, moving) = testing::match_differences(testing::fused, &weights, bounds, |ops, params| {
            let nodes = ops.table(wide(&seen.nodes), config.node_features());
            let edges = ops.table(wide(&seen.edges), config.edge_features());
            let base = ops.table(wide(&seen.base), block * block);
            let g = network.forward(ops, params, &blocks, &places, [&nodes, &edges, &base]);
            ops.sparse_inverse_loss(&entries, &g, &trial)
        });
        assert!(moving * 2 > checked, "{moving} of {checked} move");
    }
}

/// A network with random weights, also in its last layer.
fn network(config: &SpaiGnnConfig, seed: u64) -> (SpaiGnn, Trained<Cpu>) {
    let network = SpaiGnn::new(config.clone());
    let mut weights = network.about.initial(seed);
    for w in weights.iter_mut().filter(|w| w.name == "decoder.out.weight") {
        w.data.iter_mut().enumerate().for_each(|(k, v)| *v = ((k as u64 + seed) as f32).sin());
    }
    let params = network.about.layout.load(&Cpu::default(), &weights).unwrap();
    (network, Trained::new(params))
}

#[test]
fn untrained_it_is_the_diagonal() {
    for scaling in [UnitScale::Jacobi, UnitScale::Mean] {
        let config = SpaiGnnConfig { scaling, shift: 0.0, ..Default::default() };
        let network = SpaiGnn::new(config);
        let params = network.about.layout.load(&Cpu::default(), &network.about.initial(1)).unwrap();
        let a = differences(5, 4);
        let m = network.inverse(&Trained::new(params), &a).unwrap();
        assert_jacobi(&m, &a);
    }
}

#[test]
fn any_weights_at_any_size_make_a_positive_definite_inverse_on_the_pattern() {
    for (seed, (nx, ny)) in [(1, (3, 3)), (2, (6, 5)), (3, (9, 4))] {
        let (network, weights) = network(&SpaiGnnConfig::default(), seed);
        let a = differences(nx, ny);
        let m = network.inverse(&weights, &a).unwrap();
        assert_eq!(m.factor().pattern(), a.pattern());
        assert!(m.factor().values().iter().filter(|v| **v != 0.0).count() > a.nrows());
        assert_spd(&m);
    }
    let (blocks, weights) = network(&SpaiGnnConfig { block: 3, ..Default::default() }, 4);
    let m = blocks.inverse(&weights, &differences(6, 5)).unwrap();
    assert_eq!(m.factor().nnz() % 9, 0);
    assert_spd(&m);
}

#[test]
fn the_unit_of_a_changes_nothing() {
    for scaling in [UnitScale::Jacobi, UnitScale::Mean] {
        let (network, weights) = network(&SpaiGnnConfig { scaling, ..Default::default() }, 4);
        let a = differences(4, 4);
        let larger = Csr::new(a.pattern().clone(), a.values().iter().map(|v| 1024.0 * v).collect()).unwrap();
        let (x, mut y, mut z) = (vec![1.0; 16], vec![0.0; 16], vec![0.0; 16]);
        network.inverse(&weights, &a).unwrap().apply(&x, &mut y);
        network.inverse(&weights, &larger).unwrap().apply(&x, &mut z);
        for (y, z) in y.iter().zip(&z) {
            assert!((y - 1024.0 * z).abs() < 1e-9 * y.abs().max(1.0), "{y} {z}");
        }
    }
}

#[test]
fn settings_out_of_range_are_named() {
    for (change, key) in
        [("width = 0", "width"), ("shift = -1.0", "shift"), ("vectors = 0", "vectors"), ("block = 0", "block")]
    {
        let table: toml::Table = change.parse().unwrap();
        let error = ENTRY.parse(&table, "r.toml").err().unwrap().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn inference_row_by_row_is_the_network() {
    // More rows than a chunk, and one that is no multiple of a block.
    let a = differences(27, 41);
    for (width, rounds) in [(8, 1), (16, 2), (24, 4)] {
        let config = SpaiGnnConfig { width, rounds, ..Default::default() };
        let (network, weights) = network(&config, 7);
        let seen = Seen::new(&config, &a).unwrap();
        let graphs = Graphs::of(&seen.blocks).unwrap();
        let places = std::sync::Arc::new(seen.places.clone());
        let slow = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let nodes = ops.table(seen.nodes.clone(), config.node_features());
            let edges = ops.table(seen.edges.clone(), config.edge_features());
            let base = ops.table(seen.base.clone(), 1);
            network.forward(ops, w, &at, &places, [&nodes, &edges, &base])
        });
        let fast = weights.read(|params| inference::entries(&network, params, &seen)).unwrap();
        let size = slow.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let apart = slow.iter().zip(&fast).fold(0.0f32, |m, (s, f)| m.max((s - f).abs()));
        assert!(fast.len() == a.nnz() && apart < 2e-5 * size, "width {width}: {apart:e} of {size:e}");
        // The same bits on one thread.
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let again = alone.install(|| weights.read(|params| inference::entries(&network, params, &seen))).unwrap();
        assert_eq!(again, fast);
    }
    let wide = SpaiGnnConfig { width: 20, ..Default::default() };
    let (network, weights) = network(&wide, 7);
    let seen = Seen::new(&wide, &a).unwrap();
    assert!(weights.read(|params| inference::entries(&network, params, &seen)).is_none());
}
