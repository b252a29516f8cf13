//! What the network promises whatever its weights: equivariance, invariance, the right derivative.

use super::features::Seen;
use super::*;
use crate::linalg::Csr;
use crate::linalg::vector::dot;
use crate::nn::graph::Graphs;
use crate::nn::ops::{CosineLossOp, Engine, Taped};
use crate::nn::{Cpu, Params, Trained, testing};
use crate::rng::{Purpose, stream};

/// A random symmetric positive definite matrix with about 5 entries a row, badly scaled, and a right-hand side.
fn system(n: usize, index: u64) -> (Csr, Vec<f64>) {
    use rand::RngExt;
    let mut rng = stream(3, Purpose::Probes, index);
    let size: Vec<f64> = (0..n).map(|_| 10f64.powf(rng.random_range(-2.0..2.0))).collect();
    let mut entries = Vec::new();
    for i in 0..n {
        entries.push((i, i, size[i] * size[i] * 5.0));
        for _ in 0..2 {
            let j = rng.random_range(0..n);
            let v = rng.random_range(-1.0..1.0) * size[i] * size[j];
            if j != i && !entries.iter().any(|&(a, b, _)| (a, b) == (i, j)) {
                entries.extend([(i, j, v), (j, i, v)]);
            }
        }
    }
    let b = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
    (Csr::from_triplets(n, n, &entries).unwrap(), b)
}

/// A network with fresh weights.
fn untrained(config: NslsConfig) -> (Nsls, Trained<Cpu>) {
    let network = Nsls::new(config);
    let weights = network.about.layout.initial(&mut stream(1, Purpose::Weights, 0));
    let trained = Trained::new(network.about.layout.load(&Cpu::default(), &weights).unwrap());
    (network, trained)
}

fn model(scaling: Scaling, features: Iterates) -> (Nsls, Trained<Cpu>) {
    untrained(NslsConfig { width: 8, blocks: 2, iterates: 5, scaling, features, ..Default::default() })
}

fn guess((network, weights): &(Nsls, Trained<Cpu>), a: &Csr, b: &[f64]) -> Vec<f64> {
    network.guess(weights, a, b).unwrap().0
}

/// The settings of a model whose network says directions.
fn corrected(features: Iterates) -> NslsConfig {
    let (scaling, loss, directions) = (Scaling::Jacobi, LossKind::Energy, 3);
    NslsConfig { width: 8, blocks: 2, iterates: 5, scaling, features, loss, directions, ..Default::default() }
}

fn close(x: &[f64], y: &[f64], tolerance: f64) {
    let size = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (x, y) in x.iter().zip(y) {
        assert!((x - y).abs() <= tolerance * size, "{x} against {y} of {size}");
    }
}

const ALL: [(Scaling, Iterates); 4] = [
    (Scaling::Max, Iterates::Cg),
    (Scaling::Jacobi, Iterates::Jacobi),
    (Scaling::Jacobi, Iterates::Arnoldi),
    (Scaling::Max, Iterates::None),
];

#[test]
fn renumbered_unknowns_give_the_renumbered_guess() {
    let (a, b) = system(30, 0);
    let order: Vec<u32> = (0..30).map(|i| (i * 7 + 3) % 30).collect();
    let permuted = a.permuted(&order).unwrap();
    let pick = |v: &[f64]| -> Vec<f64> { order.iter().map(|&i| v[i as usize]).collect() };
    for (scaling, features) in ALL {
        let model = model(scaling, features);
        let x = guess(&model, &a, &b);
        assert!(x.iter().all(|v| v.is_finite()) && x.iter().any(|&v| v != 0.0));
        close(&guess(&model, &permuted, &pick(&b)), &pick(&x), 2e-4);
    }
}

#[test]
fn with_a_skip_an_untrained_network_says_the_last_iterate() {
    let (a, b) = system(25, 5);
    for features in [Iterates::Cg, Iterates::Icc] {
        let (network, weights) = untrained(NslsConfig { skip: true, ..model(Scaling::Jacobi, features).0.config });
        let seen = Seen::new(&network.config, &a, &b).unwrap();
        let last: Vec<f64> = seen.last(network.config.inputs()).iter().map(|&v| f64::from(v)).collect();
        let said = network.say(&weights, &seen).unwrap();
        close(&seen.to_solution(&said), &seen.to_solution(&last), 0.1);
        assert_eq!(network.guess(&weights, &a, &b).unwrap().1, 6);
    }
}

#[test]
fn units_of_the_system_are_those_of_the_guess() {
    let (a, b) = system(25, 1);
    let (c, d) = (3.7e8, 1.9e-5);
    let ca = Csr::new(a.pattern().clone(), a.values().iter().map(|v| c * v).collect()).unwrap();
    let db: Vec<f64> = b.iter().map(|v| d * v).collect();
    for (scaling, features) in ALL {
        let model = model(scaling, features);
        let x: Vec<f64> = guess(&model, &a, &b).iter().map(|v| v * d / c).collect();
        close(&guess(&model, &ca, &db), &x, 2e-4);
    }
}

#[test]
fn directions_bring_the_last_iterate_nearer_whatever_the_weights() {
    let (a, _) = system(40, 6);
    let exact: Vec<f64> = (0..40).map(|i| (0.7 * i as f64).cos()).collect();
    let times = |x: &[f64]| {
        let mut b = vec![0.0; 40];
        a.spmv(x, &mut b);
        b
    };
    let b = times(&exact);
    let energy = |x: &[f64]| {
        let e: Vec<f64> = x.iter().zip(&exact).map(|(x, e)| x - e).collect();
        dot(&e, &times(&e)).sqrt()
    };
    for (features, shown) in [(Iterates::Cg, 5), (Iterates::Icc, 5), (Iterates::Jacobi, 5), (Iterates::None, 0)] {
        let (network, weights) = untrained(corrected(features));
        let seen = Seen::new(&network.config, &a, &b).unwrap();
        let (x, products) = network.guess(&weights, &a, &b).unwrap();
        let (after, before) = (energy(&x), energy(&seen.to_solution(&seen.ran.x)));
        assert!(after < before, "{features:?}: {after} from {before}");
        assert_eq!(products, shown + 3);
    }
    let alone = corrected(Iterates::Cg);
    for wrong in [
        NslsConfig { loss: LossKind::Both, ..alone.clone() },
        NslsConfig { directions: 0, ..alone.clone() },
        NslsConfig { directions: 65, ..alone.clone() },
        NslsConfig { skip: true, ..alone },
    ] {
        assert!(wrong.check().unwrap_err().to_string().contains("directions"));
    }
}

#[test]
fn derivatives_of_the_whole_network_match_finite_differences() {
    let config = NslsConfig { width: 3, blocks: 2, iterates: 2, ..Default::default() };
    let (a, b) = system(7, 2);
    let seen = Seen::new(&config, &a, &b).unwrap();
    let graphs = Graphs::<f64>::of(&seen.matrix).unwrap();
    let features: Vec<f64> = seen.features.iter().map(|&v| f64::from(v)).collect();
    let target = std::sync::Arc::new(b.clone());
    let network = Nsls::new(config);
    let weights = network.about.layout.initial(&mut stream(2, Purpose::Weights, 0));
    let bounds = [1.0 / 4096.0, 2e-4, 1.0];
    testing::match_differences(testing::fused, &weights, bounds, |ops, params| {
        let x = ops.table(features.clone(), network.config.inputs());
        let out = network.forward(ops, params, &graphs, &x, &x);
        ops.cosine_loss(graphs.offsets(), &out, &target)
    });
}

#[test]
fn composed_of_dfdx_kernels_it_is_the_same_network() {
    let config = NslsConfig { width: 4, blocks: 2, iterates: 3, ..Default::default() };
    let parts = [system(9, 3), system(14, 4)].map(|(a, b)| {
        let seen = Seen::new(&config, &a, &b).unwrap();
        (Graphs::<f64>::of(&seen.matrix).unwrap(), seen.features, b)
    });
    let graphs = Graphs::join(&[&parts[0].0, &parts[1].0]).unwrap();
    let features: Vec<f64> = parts.iter().flat_map(|p| p.1.iter().map(|&v| f64::from(v))).collect();
    let target = std::sync::Arc::new([&parts[0].2[..], &parts[1].2].concat());
    let network = Nsls::new(config);
    let weights = network.about.layout.initial(&mut stream(2, Purpose::Weights, 3));
    fn loss<O: Taped<Real = f64, Device = Cpu>>(
        ops: &mut O,
        network: &Nsls,
        params: &Params<f64, Cpu>,
        (graphs, features, target): (&Graphs<f64>, &[f64], &std::sync::Arc<Vec<f64>>),
    ) -> O::Value {
        let at = ops.batch(graphs);
        let x = ops.table(features.to_vec(), network.config.inputs());
        let out = network.forward(ops, params, &at, &x, &x);
        let image = ops.propagate(&at, &out);
        ops.cosine_loss(graphs.offsets(), &image, target)
    }
    let batch = (&graphs, &features[..], &target);
    let run = |ops: &mut _, p: &_| loss(ops, &network, p, batch);
    let fused = testing::value_and_gradient(testing::fused(), &weights, run);
    let run = |ops: &mut _, p: &_| loss(ops, &network, p, batch);
    let composed = testing::value_and_gradient(testing::composed(), &weights, run);
    assert_eq!(fused.len(), composed.len());
    for (a, b) in fused.iter().zip(&composed) {
        assert!((a - b).abs() < 1e-10 * (1.0 + a.abs()), "{a} fused, {b} composed");
    }
}

#[test]
fn inference_row_by_row_is_the_network() {
    // More rows than a chunk, and one that is no multiple of a block.
    let a = crate::models::testing::differences(27, 41);
    let b: Vec<f64> = (0..a.nrows()).map(|i| (0.3 * i as f64).sin()).collect();
    for (width, blocks, directions, skip) in [(8, 1, 0, false), (16, 2, 4, false), (32, 3, 0, true)] {
        let (network, weights) = untrained(NslsConfig { width, blocks, directions, skip, ..Default::default() });
        let seen = Seen::new(&network.config, &a, &b).unwrap();
        let (graphs, columns) = (Graphs::of(&seen.matrix).unwrap(), network.config.inputs());
        let slow = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let (x, last) = (ops.table(seen.features.clone(), columns), ops.table(seen.last(columns), 1));
            network.forward(ops, w, &at, &x, &last)
        });
        let fast = |p: &_| inference::outputs(&network, p, &seen.matrix, &seen.features);
        let said = weights.read(fast).unwrap();
        let size = slow.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let apart = slow.iter().zip(&said).fold(0.0f32, |m, (s, f)| m.max((s - f).abs()));
        assert!(said.len() == slow.len() && apart < 5e-5 * size, "width {width}: {apart:e} of {size:e}");
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(alone.install(|| weights.read(fast)).unwrap(), said);
    }
    let (network, weights) = untrained(NslsConfig { width: 12, ..Default::default() });
    let seen = Seen::new(&network.config, &a, &b).unwrap();
    assert!(weights.read(|p| inference::outputs(&network, p, &seen.matrix, &seen.features)).is_none());
}
