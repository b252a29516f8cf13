//! Derivatives of every node model, and what a trained factor is good for.

use super::features::{EDGE_FEATURES, NODE_FEATURES, Seen};
use super::*;
use crate::linalg::op::Props;
use crate::models::PredictOptions;
use crate::models::network::TrainedNetwork;
use crate::nn::graph::Graphs;
use crate::nn::ops::{CosineLossOp, Engine, GatherOp};
use crate::nn::{Cpu, Trained, testing};
use crate::rng::{Purpose, stream};
use crate::system::{Field, LinearSystem, Location, SampleSource};

/// 5-point differences on 4 × 3 points with varying coefficients.
fn matrix() -> Csr {
    let (nx, n) = (4, 12);
    let mut entries = Vec::new();
    for i in 0..n {
        entries.push((i, i, 4.0 + 0.3 * i as f64));
        let (right, up) = ((i % nx != nx - 1).then_some(i + 1), (i + nx < n).then_some(i + nx));
        for j in [right, up].into_iter().flatten() {
            let v = -1.0 - 0.05 * (i + j) as f64;
            entries.extend([(i, j, v), (j, i, v)]);
        }
    }
    Csr::from_triplets(n, n, &entries).unwrap()
}

fn system() -> LinearSystem {
    let rhs = (0..12).map(|i| (i as f64).sin() + 0.5).collect();
    LinearSystem::plain(matrix(), rhs, Props::SPD)
}

#[test]
fn derivatives_of_every_node_model_match_finite_differences() {
    for (node, sees) in NodeModel::ALL.into_iter().flat_map(|node| [(node, true), (node, false)]) {
        let config = FactorConfig {
            node,
            width: 6,
            rounds: 2,
            target: TargetKind::Icc,
            edge_features: sees,
            ..Default::default()
        };
        let s = system();
        let seen = Seen::new(&config, &s.matrix).unwrap();
        let wide = |v: &[f32]| -> Vec<f64> { v.iter().map(|&v| f64::from(v)).collect() };
        let (nodes, edges) = (wide(&seen.nodes), wide(&seen.edges));
        let target = std::sync::Arc::new(wide(&seen.target(config.target, &s).unwrap()));
        let largest = s.matrix.max_abs();
        let scaled = s.matrix.values().iter().map(|v| v / largest).collect();
        let scaled = Csr::new(s.matrix.pattern().clone(), scaled).unwrap();
        let graphs = Graphs::<f64>::of(&scaled).unwrap();
        let lower = std::sync::Arc::new(seen.lower.clone());
        let offsets = [0, lower.len()];
        let network = FactorGnn::new(config);
        let weights = network.about.layout.initial(&mut stream(5, Purpose::Weights, 0));
        // A cosine of small entries turns within short steps.
        let bounds = [1.0 / 65_536.0, 5e-4, 0.1];
        let (checked, moving) = testing::match_differences(testing::fused, &weights, bounds, |ops, params| {
            let nodes = ops.table(nodes.clone(), NODE_FEATURES);
            let edges = ops.table(edges.clone(), EDGE_FEATURES);
            let all = network.forward(ops, params, &graphs, &nodes, &edges);
            let l = ops.select(&all, &lower);
            ops.cosine_loss(&offsets, &l, &target)
        });
        assert!(moving * 4 > checked, "{node:?}: {moving} of {checked} move");
    }
}

#[test]
fn without_edge_features_and_degrees_there_is_less_to_learn_from() {
    for node in NodeModel::ALL {
        let count = |edge_features| {
            let network = FactorGnn::new(FactorConfig { node, edge_features, ..Default::default() });
            let weights = network.about.layout.initial(&mut stream(9, Purpose::Weights, 0));
            weights.iter().map(|w| w.data.len()).sum::<usize>()
        };
        let blind = [NodeModel::Gat, NodeModel::Gen, NodeModel::FastGraphTransformer].contains(&node);
        assert_eq!(count(false) < count(true), blind, "{node:?}");
    }
    let seen = |degrees| Seen::new(&FactorConfig { degrees, ..Default::default() }, &matrix()).unwrap().nodes;
    for (with, without) in seen(true).chunks(NODE_FEATURES).zip(seen(false).chunks(NODE_FEATURES)) {
        assert_eq!((without[..5].to_vec(), &without[5..]), (vec![0.0; 5], &with[5..]));
        assert!(with[..4].iter().all(|&v| v > 0.0));
    }
}

#[test]
fn targets_are_factors_on_the_lower_triangle() {
    let s = system();
    let icc = lower(&s.matrix, TargetKind::Icc.entries(&s).unwrap().into_iter()).unwrap();
    let product = icc.matmul(&icc.transpose()).unwrap();
    for i in 0..12 {
        let (cols, vals) = s.matrix.row(i);
        for (&j, v) in cols.iter().zip(vals) {
            assert!((product.get(i, j as usize) - v).abs() < 1e-12);
        }
    }
    let better = TargetKind::Better.entries(&s).unwrap();
    let koptimal = TargetKind::Koptimal.entries(&s).unwrap();
    assert!(better == koptimal || better == TargetKind::Icc.entries(&s).unwrap());
    let error = TargetKind::Cholesky.entries(&s).unwrap_err().to_string();
    assert!(error.contains("tridiagonal"), "{error}");
}

#[test]
fn targets_are_taken_from_the_labels() {
    let mut s = system();
    // Twice a factor takes as many iterations, and is seen to be the label.
    let label = |kind: TargetKind, name: &str| Field {
        name: name.into(),
        location: Location::Lower,
        components: 1,
        values: kind.entries(&s).unwrap().iter().map(|v| 2.0 * v).collect(),
    };
    s.labels = vec![
        label(TargetKind::Icc, "icc"),
        label(TargetKind::Koptimal, "koptimal"),
        Field { name: "inverse".into(), ..label(TargetKind::Icc, "icc") },
    ];
    let source = vec![s];
    for target in [TargetKind::Icc, TargetKind::Koptimal, TargetKind::Better] {
        let config = FactorConfig { target, ..Default::default() };
        let loaded = source.load(&[0], &training::parts(&config)).unwrap().remove(0);
        assert!(loaded.label("inverse").is_none());
        let entries = target.entries(&loaded).unwrap();
        assert!(loaded.labels.iter().any(|l| l.values == entries), "{target:?}");
    }
}

/// A network with fresh weights.
fn untrained(config: FactorConfig, index: u64) -> (FactorGnn, Trained<Cpu>) {
    let network = FactorGnn::new(config);
    let weights = network.about.layout.initial(&mut stream(9, Purpose::Weights, index));
    let params = network.about.layout.load(&Cpu::default(), &weights).unwrap();
    (network, Trained::new(params))
}

#[test]
fn any_network_makes_a_preconditioner() {
    for scaling in [Scaling::Max, Scaling::Jacobi] {
        let config = FactorConfig { scaling, target: TargetKind::Icc, ..Default::default() };
        let (network, weights) = untrained(config, 0);
        let l = network.factor(&weights, &matrix()).unwrap();
        assert!(l.diagonal().iter().all(|&d| d > 0.0));
        let model = TrainedNetwork::new(std::sync::Arc::new(network), weights);
        let cosine = model.agreement(&system()).unwrap().unwrap();
        assert!(cosine.abs() <= 1.0 + 1e-12);
        assert!(model.predict(&system(), &PredictOptions::default()).is_ok());
    }
}

#[test]
fn without_order_a_renumbered_matrix_has_the_renumbered_entries() {
    let config = FactorConfig { order: false, ..Default::default() };
    let (network, weights) = untrained(config, 1);
    // All entries as predicted, each for both of its places.
    let said = |a: &Csr| {
        let seen = Seen::new(&network.config, a).unwrap();
        let all = network.all(&weights, &seen);
        let values = all.iter().map(|&v| f64::from(v)).collect();
        Csr::new(a.pattern().clone(), values).unwrap()
    };
    let a = matrix();
    let order: Vec<u32> = (0..12).map(|i| (i * 5 + 2) % 12).collect();
    let (expected, found) = (said(&a).permuted(&order).unwrap(), said(&a.permuted(&order).unwrap()));
    assert!(expected.max_abs() > 0.0);
    for (x, y) in expected.values().iter().zip(found.values()) {
        assert!((x - y).abs() < 1e-5 * expected.max_abs(), "{x} against {y}");
    }
}

#[test]
fn inference_row_by_row_is_the_network() {
    // More rows than a chunk, and one that is no multiple of a block.
    let a = crate::models::testing::differences(27, 41);
    for (node, width, rounds) in
        [(NodeModel::Mpnn, 16, 3), (NodeModel::Mpnn, 8, 1), (NodeModel::Mlp, 8, 2), (NodeModel::Mlp, 16, 1)]
    {
        let (network, weights) = untrained(FactorConfig { node, width, rounds, ..Default::default() }, 2);
        let seen = Seen::new(&network.config, &a).unwrap();
        let all = network.all(&weights, &seen);
        let slow: Vec<f32> = seen.lower.iter().map(|&e| all[e as usize]).collect();
        let fast = |p: &_| inference::entries(&network, p, a.pattern(), &seen);
        let entries = weights.read(fast).unwrap();
        let size = slow.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let apart = slow.iter().zip(&entries).fold(0.0f32, |m, (s, f)| m.max((s - f).abs()));
        assert!(entries.len() == slow.len() && apart < 2e-5 * size, "{node:?}, {width}: {apart:e} of {size:e}");
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(alone.install(|| weights.read(fast)).unwrap(), entries);
    }
    for (node, width) in [(NodeModel::Gat, 16), (NodeModel::Mpnn, 12)] {
        let (network, weights) = untrained(FactorConfig { node, width, ..Default::default() }, 2);
        let seen = Seen::new(&network.config, &a).unwrap();
        assert!(weights.read(|p| inference::entries(&network, p, a.pattern(), &seen)).is_none());
    }
}
