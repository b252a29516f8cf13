//! Derivatives of the network, where it starts, what it writes.

use std::sync::Arc;

use super::features::{EDGE_FEATURES, ENTRY_FEATURES, NODE_FEATURES, Seen};
use super::*;
use crate::models::testing::{assert_jacobi, assert_spd, differences};
use crate::nn::graph::Graphs;
use crate::nn::ops::{AddOp, Engine, FactoredInverseLossOp, GaussianOp, Trial};
use crate::nn::{Cpu, Trained, testing};
use crate::rng::{Purpose, stream};

/// Fills the last layers, which start at zero.
fn fill(weights: &mut [crate::nn::NamedArray], seed: u64) {
    for w in weights.iter_mut().filter(|w| w.name == "decoder.out.weight" || w.name == "posterior.log_variance.weight")
    {
        w.data.iter_mut().enumerate().for_each(|(k, v)| *v = 0.3 * ((k as u64 + seed) as f32).sin());
    }
}

fn network(config: GcvaeConfig, seed: u64) -> (Gcvae, Trained<Cpu>) {
    let network = Gcvae::new(config);
    let mut weights = network.about.initial(seed);
    fill(&mut weights, seed);
    let params = network.about.layout.load(&Cpu::default(), &weights).unwrap();
    (network, Trained::new(params))
}

#[test]
fn derivatives_match_finite_differences() {
    let config = GcvaeConfig { width: 4, layers: 2, latent: 2, inverse_probes: 1, ..Default::default() };
    let seen = Seen::new(&config, &differences(4, 3)).unwrap();
    let wide = |v: &[f32]| -> Vec<f64> { v.iter().map(|&v| f64::from(v)).collect() };
    let probes = wide(&seen.inverse_probes(1, 3, 0).unwrap());
    let graphs = [&seen.matrix, &seen.masked].map(|m| Graphs::<f64>::of(m).unwrap());
    let network = Gcvae::new(config.clone());
    let mut weights = network.about.layout.initial(&mut stream(5, Purpose::Weights, 0));
    fill(&mut weights, 1);
    let trial = Trial {
        offsets: vec![0, 12],
        matrix: Arc::new(seen.masked.values().to_vec()),
        vectors: Arc::new((0..12).map(|i| (1.7 * f64::from(i)).sin()).collect()),
        shift: 0.0,
    };
    let bounds = [1.0 / 4096.0, 5e-4, 0.1];
    let (checked, moving) = testing::match_differences(testing::fused, &weights, bounds, |ops, params| {
        let nodes = ops.table(wide(&seen.nodes), NODE_FEATURES);
        let edges = ops.table(wide(&seen.edges), EDGE_FEATURES);
        let entries = ops.table(wide(&seen.entries), ENTRY_FEATURES);
        let base = ops.table(wide(&seen.base), 1);
        let probes = ops.table(probes.clone(), 2);
        let x = network.encode(ops, params, &graphs[0], &nodes, &edges);
        let [mean, log_variance] = network.posterior(ops, params, &graphs[0], &x, &probes);
        let z = ops.draw(&mean, &log_variance, &[0.4, -0.9]);
        let r = network.decode(ops, params, &graphs[1], [&x, &z, &entries, &base]);
        let loss = ops.factored_inverse_loss(&graphs[1], &r, &trial);
        let divergence = ops.divergence(&mean, &log_variance, 0.1);
        ops.add(&loss, &divergence)
    });
    assert!(moving * 2 > checked, "{moving} of {checked} move");
}

#[test]
fn untrained_it_is_the_diagonal() {
    let network = Gcvae::new(GcvaeConfig { shift: 0.0, ..Default::default() });
    let params = network.about.layout.load(&Cpu::default(), &network.about.initial(1)).unwrap();
    let a = differences(5, 4);
    let m = network.inverse(&Trained::new(params), &a, 0, 0).unwrap();
    assert_jacobi(&m, &a);
}

#[test]
fn every_draw_is_positive_definite_on_the_mask() {
    let config = GcvaeConfig { extra: 0.5, ..Default::default() };
    let (network, weights) = network(config.clone(), 2);
    for (nx, ny) in [(3, 3), (6, 5)] {
        let a = differences(nx, ny);
        let seen = Seen::new(&config, &a).unwrap();
        let mask = seen.masked.pattern();
        assert_eq!(mask.nnz(), a.nnz() + a.nnz() / 2);
        for i in 0..a.nrows() {
            assert!(a.pattern().row(i).iter().all(|&j| mask.find(i, j as usize).is_some()));
        }
        let mut seen = Vec::new();
        for (draws, sample) in [(0, 0), (1, 0), (1, 1), (3, 0)] {
            let m = network.inverse(&weights, &a, draws, sample).unwrap();
            assert_eq!(m.factor().pattern(), mask);
            assert_spd(&m);
            seen.push(m.factor().values().to_vec());
        }
        assert_ne!(seen[0], seen[1]);
        assert_ne!(seen[1], seen[2]);
    }
}

#[test]
fn the_best_of_several_draws_is_no_worse_than_the_first() {
    let (network, weights) = network(GcvaeConfig::default(), 7);
    let a = differences(6, 6);
    let (scaled, _) = a.equilibrated().unwrap();
    let distance = |draws: usize, sample: u64| {
        let r = network.inverse(&weights, &a, draws, sample).unwrap().factor().clone();
        let product = r.transpose().matmul(&scaled).unwrap().matmul(&r).unwrap();
        let all = (0..36).flat_map(|i| (0..36).map(move |j| (i, j)));
        all.map(|(i, j)| (product.get(i, j) - f64::from(u8::from(i == j))).powi(2)).sum::<f64>()
    };
    let mean = |draws: usize| (0..20).map(|s| distance(draws, s)).sum::<f64>() / 20.0;
    assert!(mean(8) < mean(1), "{} of eight, {} of one", mean(8), mean(1));
}

#[test]
fn settings_out_of_range_are_named() {
    for (change, key) in [("latent = 0", "latent"), ("extra = -0.1", "extra"), ("norm = \"trace\"", "trace")] {
        let table: toml::Table = change.parse().unwrap();
        let error = ENTRY.parse(&table, "r.toml").err().unwrap().to_string();
        assert!(error.contains(key), "{error}");
    }
}
