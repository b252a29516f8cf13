//! Derivatives of the network, where it starts, what it writes.

use std::sync::Arc;

use super::features::{EDGE_FEATURES, Masks, NODE_FEATURES, Seen};
use super::*;
use crate::linalg::LinOp;
use crate::models::testing::{assert_jacobi, assert_spd, differences};
use crate::nn::graph::Graphs;
use crate::nn::ops::{Taped, Trial};
use crate::nn::{Cpu, Params, Trained, testing};
use crate::precond::{FactoredInverse, fsai_pattern};
use crate::rng::{Purpose, stream};

/// Fills the last layers, which start at zero.
fn fill(weights: &mut [crate::nn::NamedArray], seed: u64) {
    let last = ["decoder.out.weight", "decoder.image.0.weight", "posterior.log_variance.weight"];
    for w in weights.iter_mut().filter(|w| last.contains(&w.name.as_str())) {
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

/// The settings that have networks of their own.
fn variants() -> [GcvaeConfig; 4] {
    let small = GcvaeConfig { width: 4, layers: 2, latent: 2, inverse_probes: 1, ..Default::default() };
    let image = GcvaeConfig { nodes: 12, convolutions: 2, channels: 2, ..small.clone() };
    [
        small.clone(),
        GcvaeConfig { mask: Mask::Learned, ..small.clone() },
        GcvaeConfig { base: Base::Fsai, extra: 0.5, ..small },
        GcvaeConfig { inverse: Inverse::Dense, decoder: Decoder::Image, ..image },
    ]
}

/// The loss of a network on one system, with fixed noise and one vector.
fn loss<O: Taped<Real = f64, Device = Cpu>>(ops: &mut O, w: &Params<f64, Cpu>, network: &Gcvae) -> O::Value {
    let config = &network.config;
    let seen = Seen::new(config, &differences(4, 3)).unwrap();
    let wide = |v: &[f32]| -> Vec<f64> { v.iter().map(|&v| f64::from(v)).collect() };
    let [at, mask] = [&seen.matrix, &seen.masked].map(|m| ops.batch(&Graphs::of(m).unwrap()));
    let masks = Masks { graphs: Graphs::of(&seen.masked).unwrap(), beyond: seen.beyond.clone(), keep: vec![seen.keep] };
    let trial = Trial {
        offsets: vec![0, 12],
        matrix: Arc::new(seen.masked.values().to_vec()),
        vectors: Arc::new((0..12).map(|i| (1.7 * f64::from(i)).sin()).collect()),
        shift: 0.0,
    };
    let nodes = ops.table(wide(&seen.nodes), NODE_FEATURES);
    let edges = ops.table(wide(&seen.edges), EDGE_FEATURES);
    let entries = ops.table(wide(&seen.entries), config.entry_features());
    let base = ops.table(wide(&seen.base), 1);
    let inverse = network.inverse_table(ops, wide(&seen.inverse(config, 3, 0).unwrap()));
    let x = network.encode(ops, w, &at, &nodes, &edges);
    let [mean, log_variance] = network.posterior(ops, w, &at, &x, &inverse);
    let z = ops.draw(&mean, &log_variance, &[0.4, -0.9]);
    let r = network.decode(ops, w, &mask, &masks, [&x, &z, &entries, &base]);
    let loss = ops.factored_inverse_loss(&mask, &r, &trial);
    let divergence = ops.divergence(&mean, &log_variance, 0.1);
    ops.add(&loss, &divergence)
}

#[test]
fn derivatives_match_finite_differences() {
    for config in variants() {
        let network = Gcvae::new(config.clone());
        let mut weights = network.about.layout.initial(&mut stream(5, Purpose::Weights, 0));
        fill(&mut weights, 1);
        let by_hand = testing::value_and_gradient(testing::fused(), &weights, |ops, w| loss(ops, w, &network));
        let by_dfdx = testing::value_and_gradient(testing::composed(), &weights, |ops, w| loss(ops, w, &network));
        for (k, (a, b)) in by_hand.iter().zip(&by_dfdx).enumerate() {
            assert!((a - b).abs() < 1e-10 * (1.0 + a.abs()), "{k}: {a} fused, {b} composed");
        }
        assert!(by_hand.iter().filter(|d| **d != 0.0).count() * 2 > by_hand.len());
        // What stands for the derivative of a choice is none that differences see.
        if config.mask != Mask::Learned {
            let bounds = [1.0 / 4096.0, 5e-4, 0.1];
            testing::match_differences(testing::fused, &weights, bounds, |ops, w| loss(ops, w, &network));
        }
    }
}

#[test]
fn untrained_it_is_its_base() {
    for config in variants() {
        let base = config.base;
        let network = Gcvae::new(GcvaeConfig { shift: 0.0, ..config });
        let params = network.about.layout.load(&Cpu::default(), &network.about.initial(1)).unwrap();
        let a = differences(4, 3);
        let m = network.inverse(&Trained::new(params), &a, 0, 0).unwrap();
        match base {
            Base::Identity => assert_jacobi(&m, &a),
            Base::Fsai => {
                let pattern = fsai_pattern(&a, 1, 0.5).unwrap();
                let fsai = FactoredInverse::fsai(&a, &pattern).unwrap();
                let (x, mut y, mut z) = (vec![1.0; 12], vec![0.0; 12], vec![0.0; 12]);
                m.apply(&x, &mut y);
                fsai.apply(&x, &mut z);
                assert!(y.iter().zip(&z).all(|(y, z)| (y - z).abs() < 1e-6 * z.abs()), "{y:?} {z:?}");
            }
        }
    }
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
        assert_eq!(**mask, fsai_pattern(&a, 1, 0.5).unwrap());
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
fn a_learned_mask_keeps_a_and_so_many_entries_of_its_square() {
    let config = GcvaeConfig { extra: 0.3, mask: Mask::Learned, ..Default::default() };
    let (network, weights) = network(config, 3);
    let a = differences(6, 5);
    let square = a.matmul(&a).unwrap();
    let m = network.inverse(&weights, &a, 0, 0).unwrap();
    assert_spd(&m);
    let mask = m.factor().pattern();
    assert_eq!(mask.nnz(), a.nnz() + (0.3 * a.nnz() as f64) as usize);
    for i in 0..a.nrows() {
        assert!(a.pattern().row(i).iter().all(|&j| mask.find(i, j as usize).is_some()));
        assert!(mask.row(i).iter().all(|&j| square.pattern().find(i, j as usize).is_some()));
    }
}

#[test]
fn images_take_one_size_of_systems() {
    let [.., image] = variants();
    let (network, weights) = network(image, 3);
    assert_spd(&network.inverse(&weights, &differences(4, 3), 1, 0).unwrap());
    let error = network.inverse(&weights, &differences(4, 4), 0, 0).err().unwrap().to_string();
    assert!(error.contains("12") && error.contains("16"), "{error}");
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
    for (change, key) in [
        ("latent = 0", "latent"),
        ("extra = -0.1", "extra"),
        ("norm = \"trace\"", "trace"),
        ("nodes = 100000", "nodes"),
    ] {
        let table: toml::Table = change.parse().unwrap();
        let error = ENTRY.parse(&table, "r.toml").err().unwrap().to_string();
        assert!(error.contains(key), "{error}");
    }
}
