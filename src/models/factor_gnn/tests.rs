//! Derivatives of every node model, and what a trained factor is good for.

use dfdx::prelude::{Backward, Cpu};

use super::*;
use crate::linalg::op::Props;
use crate::nn::NamedArray;
use crate::nn::graph::{Graphs, Taped};
use crate::rng::{Purpose, stream};

/// 5-point differences on 4 × 3 points with varying coefficients.
fn matrix() -> Csr {
    let (nx, n) = (4, 12);
    let mut entries = Vec::new();
    for i in 0..n {
        entries.push((i, i, 4.0 + 0.3 * i as f64));
        let (right, up) = (
            (i % nx != nx - 1).then_some(i + 1),
            (i + nx < n).then_some(i + nx),
        );
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
    for node in NodeModel::ALL {
        let config = FactorConfig {
            node,
            width: 6,
            rounds: 2,
            target: TargetKind::Icc,
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
        let weights = config.layout().initial(&mut stream(5, Purpose::Weights, 0));
        let loss = |weights: &[NamedArray]| {
            let params: Params<f64, Cpu> = Params::from_arrays(&Cpu::default(), weights);
            let mut ops = Fused::taped();
            let nodes = ops.table(nodes.clone(), NODE_FEATURES);
            let edges = ops.table(edges.clone(), EDGE_FEATURES);
            let all = network(&config, &params, &mut ops, &graphs, &nodes, &edges).unwrap();
            let l = ops.select(&all, &lower);
            let loss = ops.cosine_loss(&offsets, &l, &target);
            let value = loss.data()[0];
            (value, ops.finish(&loss), params)
        };
        let (value, scalar, params) = loss(&weights);
        assert!((0.0..2.0).contains(&value));
        let grads = scalar.backward();
        // Weights are kept in f32: the step must survive rounding there.
        let h = 1.0 / 4096.0;
        let (mut checked, mut moving) = (0, 0);
        for (k, t) in params.tensors().iter().enumerate() {
            for (i, g) in grads.get(t).as_vec().into_iter().enumerate() {
                let at = |d: f32| {
                    let mut moved = weights.clone();
                    moved[k].data[i] += d;
                    (loss(&moved).0, f64::from(moved[k].data[i]))
                };
                let ((up, wu), (down, wd)) = (at(h), at(-h));
                let difference = (up - down) / (wu - wd);
                assert!(
                    (difference - g).abs() < 5e-4 * (0.1 + difference.abs()),
                    "{node:?} {}[{i}]: {difference} by differences, {g}",
                    params.names()[k]
                );
                checked += 1;
                moving += usize::from(g != 0.0);
            }
        }
        assert!(moving * 4 > checked, "{node:?}: {moving} of {checked} move");
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
fn any_network_makes_a_preconditioner() {
    for scaling in [Scaling::Max, Scaling::Jacobi] {
        let config = FactorConfig {
            scaling,
            target: TargetKind::Icc,
            ..Default::default()
        };
        let weights = config.layout().initial(&mut stream(9, Purpose::Weights, 0));
        let model = FactorGnn {
            params: Params::from_arrays(&Cpu::default(), &weights),
            config,
        };
        let l = model.factor(&matrix()).unwrap();
        assert!(l.diagonal().iter().all(|&d| d > 0.0));
        let cosine = model.agreement(&system()).unwrap().unwrap();
        assert!(cosine.abs() <= 1.0 + 1e-12);
        assert!(model.predict(&system(), &PredictOptions::default()).is_ok());
    }
}

#[test]
fn without_order_a_renumbered_matrix_has_the_renumbered_entries() {
    let config = FactorConfig {
        order: false,
        ..Default::default()
    };
    let weights = config.layout().initial(&mut stream(9, Purpose::Weights, 1));
    let model = FactorGnn {
        params: Params::from_arrays(&Cpu::default(), &weights),
        config,
    };
    // All entries as said, each for both of its places.
    let said = |a: &Csr| {
        let seen = Seen::new(&model.config, a).unwrap();
        let mut ops = Fused::forward();
        let nodes = ops.table(seen.nodes.clone(), NODE_FEATURES);
        let edges = ops.table(seen.edges.clone(), EDGE_FEATURES);
        let all = network(
            &model.config,
            &model.params,
            &mut ops,
            &seen.graph,
            &nodes,
            &edges,
        )
        .unwrap();
        let values = all.data().iter().map(|&v| f64::from(v)).collect();
        Csr::new(a.pattern().clone(), values).unwrap()
    };
    let a = matrix();
    let order: Vec<u32> = (0..12).map(|i| (i * 5 + 2) % 12).collect();
    let (expected, found) = (
        said(&a).permuted(&order).unwrap(),
        said(&a.permuted(&order).unwrap()),
    );
    assert!(expected.max_abs() > 0.0);
    for (x, y) in expected.values().iter().zip(found.values()) {
        assert!((x - y).abs() < 1e-5 * expected.max_abs(), "{x} against {y}");
    }
}
