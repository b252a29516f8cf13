//! Derivatives of the network, where it starts, what it writes.

use super::network::{EDGE_FEATURES, NODE_FEATURES, Seen};
use super::*;
use crate::linalg::{Csr, LinOp};
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, SparseInverseLossOp, Trial};
use crate::nn::{Cpu, Trained, testing};
use crate::rng::{Purpose, stream};

/// 5-point differences with varying coefficients on `nx` × `ny` points.
fn matrix(nx: usize, ny: usize) -> Csr {
    let n = nx * ny;
    let mut entries = Vec::new();
    for i in 0..n {
        entries.push((i, i, 4.5 + 0.3 * (i % 7) as f64));
        let (right, up) = ((i % nx != nx - 1).then_some(i + 1), (i + nx < n).then_some(i + nx));
        for j in [right, up].into_iter().flatten() {
            let v = -1.0 - 0.05 * ((i + j) % 5) as f64;
            entries.extend([(i, j, v), (j, i, v)]);
        }
    }
    Csr::from_triplets(n, n, &entries).unwrap()
}

#[test]
fn derivatives_match_finite_differences() {
    for scaling in [UnitScale::Jacobi, UnitScale::Mean] {
        let config = SpaiGnnConfig { width: 4, rounds: 2, vectors: 1, scaling, ..Default::default() };
        let seen = Seen::new(&config, &matrix(4, 3)).unwrap();
        let graphs =
            Graphs::<f64>::of(&Csr::new(seen.matrix.pattern().clone(), seen.matrix.values().to_vec()).unwrap());
        let graphs = graphs.unwrap();
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
            let nodes = ops.table(wide(&seen.nodes), NODE_FEATURES);
            let edges = ops.table(wide(&seen.edges), EDGE_FEATURES);
            let base = ops.table(wide(&seen.base), 1);
            let g = network.forward(ops, params, &graphs, [&nodes, &edges, &base]);
            ops.sparse_inverse_loss(&graphs, &g, &trial)
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
        let a = matrix(5, 4);
        let m = network.inverse(&Trained::new(params), &a).unwrap();
        let (x, mut y) = (vec![1.0; 20], vec![0.0; 20]);
        m.apply(&x, &mut y);
        for (y, d) in y.iter().zip(a.diagonal()) {
            assert!((y * d - 1.0).abs() < 1e-6, "{y} for {d}");
        }
    }
}

#[test]
fn any_weights_at_any_size_make_a_positive_definite_inverse_on_the_pattern() {
    for (seed, (nx, ny)) in [(1, (3, 3)), (2, (6, 5)), (3, (9, 4))] {
        let (network, weights) = network(&SpaiGnnConfig::default(), seed);
        let a = matrix(nx, ny);
        let m = network.inverse(&weights, &a).unwrap();
        assert_eq!(m.factor().pattern(), a.pattern());
        assert!(m.factor().values().iter().filter(|v| **v != 0.0).count() > a.nrows());
        let n = a.nrows();
        let mut dense = faer::Mat::<f64>::zeros(n, n);
        let mut column = vec![0.0; n];
        for j in 0..n {
            let mut unit = vec![0.0; n];
            unit[j] = 1.0;
            m.apply(&unit, &mut column);
            (0..n).for_each(|i| dense[(i, j)] = column[i]);
        }
        for i in 0..n {
            for j in 0..n {
                assert!((dense[(i, j)] - dense[(j, i)]).abs() < 1e-12);
            }
        }
        assert!(dense.llt(faer::Side::Lower).is_ok());
    }
}

#[test]
fn the_unit_of_a_changes_nothing() {
    for scaling in [UnitScale::Jacobi, UnitScale::Mean] {
        let (network, weights) = network(&SpaiGnnConfig { scaling, ..Default::default() }, 4);
        let a = matrix(4, 4);
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
    for (change, key) in [("width = 0", "width"), ("shift = -1.0", "shift"), ("vectors = 0", "vectors")] {
        let table: toml::Table = change.parse().unwrap();
        let error = ENTRY.parse(&table, "r.toml").err().unwrap().to_string();
        assert!(error.contains(key), "{error}");
    }
}
