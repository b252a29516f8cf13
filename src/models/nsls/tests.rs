//! What the network promises whatever its weights: equivariance, invariance, the right derivative.

use dfdx::prelude::{Backward, Cpu};

use super::*;
use crate::nn::NamedArray;
use crate::nn::graph::Taped;
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

fn model(scaling: Scaling, features: Iterates) -> Nsls {
    let config = NslsConfig {
        width: 8,
        blocks: 2,
        iterates: 5,
        scaling,
        features,
        ..Default::default()
    };
    let weights = config.layout().initial(&mut stream(1, Purpose::Weights, 0));
    Nsls {
        params: Params::from_arrays(&Cpu::default(), &weights),
        config,
    }
}

fn guess(model: &Nsls, a: &Csr, b: &[f64]) -> Vec<f64> {
    let x = model.direction(a, b).unwrap();
    scaled(model.config.scale, a, b, x)
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
        let mut config = model(Scaling::Jacobi, features).config;
        config.skip = true;
        let weights = config.layout().initial(&mut stream(1, Purpose::Weights, 0));
        let model = Nsls {
            params: Params::from_arrays(&Cpu::default(), &weights),
            config,
        };
        let seen = Seen::new(&model.config, &a, &b).unwrap();
        let last: Vec<f64> = seen
            .last(model.config.inputs())
            .iter()
            .map(|&v| f64::from(v))
            .collect();
        close(&model.direction(&a, &b).unwrap(), &seen.to_solution(&last), 0.1);
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
fn derivatives_of_the_whole_network_match_finite_differences() {
    let config = NslsConfig {
        width: 3,
        blocks: 2,
        iterates: 2,
        ..Default::default()
    };
    let (a, b) = system(7, 2);
    let seen = Seen::new(&config, &a, &b).unwrap();
    let graphs = Graphs::<f64>::of(&seen.matrix).unwrap();
    let features: Vec<f64> = seen.features.iter().map(|&v| f64::from(v)).collect();
    let target = std::sync::Arc::new(b.clone());
    let weights = config.layout().initial(&mut stream(2, Purpose::Weights, 0));
    let loss = |weights: &[NamedArray]| {
        let params: Params<f64, Cpu> = Params::from_arrays(&Cpu::default(), weights);
        let mut ops = Fused::forward();
        let x = ops.table(features.clone(), config.inputs());
        let out = network(&config, &params, &mut ops, &graphs, &x, &x).unwrap();
        ops.cosine_loss(graphs.offsets(), &out, &target).data()[0]
    };
    let params: Params<f64, Cpu> = Params::from_arrays(&Cpu::default(), &weights);
    let mut ops = Fused::taped();
    let x = ops.table(features.clone(), config.inputs());
    let out = network(&config, &params, &mut ops, &graphs, &x, &x).unwrap();
    let value = ops.cosine_loss(graphs.offsets(), &out, &target);
    let grads = ops.finish(&value).backward();
    // Weights are kept in f32: the step must survive rounding there.
    let h = 1.0 / 4096.0;
    for (k, t) in params.tensors().iter().enumerate() {
        for (i, g) in grads.get(t).as_vec().into_iter().enumerate() {
            let at = |d: f32| {
                let mut moved = weights.clone();
                moved[k].data[i] += d;
                (loss(&moved), f64::from(moved[k].data[i]))
            };
            let ((up, wu), (down, wd)) = (at(h), at(-h));
            let difference = (up - down) / (wu - wd);
            assert!(
                (difference - g).abs() < 2e-4 * (1.0 + difference.abs()),
                "{}[{i}]: {difference} by differences, {g}",
                params.names()[k]
            );
        }
    }
}

#[test]
fn composed_of_dfdx_kernels_it_is_the_same_network() {
    use crate::nn::graph::Composed;
    let config = NslsConfig {
        width: 4,
        blocks: 2,
        iterates: 3,
        ..Default::default()
    };
    let parts = [system(9, 3), system(14, 4)].map(|(a, b)| {
        let seen = Seen::new(&config, &a, &b).unwrap();
        (Graphs::<f64>::of(&seen.matrix).unwrap(), seen.features, b)
    });
    let graphs = Graphs::join(&[&parts[0].0, &parts[1].0]).unwrap();
    let features: Vec<f64> = parts
        .iter()
        .flat_map(|p| p.1.iter().map(|&v| f64::from(v)))
        .collect();
    let target = std::sync::Arc::new([&parts[0].2[..], &parts[1].2].concat());
    let weights = config.layout().initial(&mut stream(2, Purpose::Weights, 3));
    let params: Params<f64, Cpu> = Params::from_arrays(&Cpu::default(), &weights);
    fn run<O: Taped<Real = f64, Device = Cpu>>(
        mut ops: O,
        config: &NslsConfig,
        params: &Params<f64, Cpu>,
        (graphs, features, target): (&Graphs<f64>, &[f64], &std::sync::Arc<Vec<f64>>),
    ) -> Vec<f64> {
        let at = ops.batch(graphs);
        let x = ops.table(features.to_vec(), config.inputs());
        let out = network(config, params, &mut ops, &at, &x, &x).unwrap();
        let image = ops.propagate(&at, &out);
        let loss = ops.cosine_loss(graphs.offsets(), &image, target);
        let scalar = ops.finish(&loss);
        let value = scalar.as_vec();
        let grads = scalar.backward();
        let all = params.tensors().iter().flat_map(|t| grads.get(t).as_vec());
        value.into_iter().chain(all).collect()
    }
    let batch = (&graphs, &features[..], &target);
    let fused = run(Fused::taped(), &config, &params, batch);
    let composed = run(Composed::new(Cpu::default()), &config, &params, batch);
    for (a, b) in fused.iter().zip(&composed) {
        assert!((a - b).abs() < 1e-10 * (1.0 + a.abs()), "{a} fused, {b} composed");
    }
}
