//! Derivatives against finite differences, in f64.

use dfdx::prelude::{Backward, Cpu, OwnedTape, Tensor, TensorFromVec};
use rand::RngExt;

use super::{Graphs, Reduce, Value, finish};
use crate::linalg::Csr;
use crate::nn::params::Matrix;
use crate::rng::{Purpose, stream};

/// Random numbers in (−1, 1).
pub fn numbers(count: usize, index: u64) -> Vec<f64> {
    let mut rng = stream(11, Purpose::Probes, index);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Two graphs of 4 and 3 nodes, not symmetric.
pub fn graphs() -> Graphs<f64> {
    let a = Csr::from_triplets(
        4,
        4,
        &[
            (0, 0, 2.0),
            (0, 1, -1.0),
            (1, 0, 0.5),
            (1, 3, 0.7),
            (2, 2, 1.0),
            (3, 1, -0.2),
            (3, 3, 1.5),
        ],
    );
    let b = Csr::from_triplets(
        3,
        3,
        &[(0, 0, 1.0), (0, 2, 3.0), (1, 1, -1.0), (2, 0, 0.4), (2, 1, 0.3)],
    );
    let parts = [Graphs::of(&a.unwrap()).unwrap(), Graphs::of(&b.unwrap()).unwrap()];
    Graphs::join(&[&parts[0], &parts[1]]).unwrap()
}

/// A parameter with these numbers.
pub fn parameter(data: &[f64], shape: (usize, usize)) -> Matrix<f64, Cpu> {
    Cpu::default().tensor_from_vec(data.to_vec(), shape)
}

/// Σ_i c_i y_i² with c_i = 1, 2, …: a function whose derivative differs everywhere.
fn weigh(tape: &mut OwnedTape<f64, Cpu>, y: &Value<f64>) -> Value<f64> {
    use dfdx::prelude::Tape;
    let total = y
        .data()
        .iter()
        .enumerate()
        .map(|(i, v)| (i + 1) as f64 * v * v)
        .sum();
    let out = Value::new(vec![total], 1);
    let (sy, so, y) = (y.slot(), out.slot(), y.data().clone());
    tape.add_backward_op(move |grads| {
        let g = so.take(grads).unwrap()[0];
        let d = y.iter().enumerate().map(|(i, v)| 2.0 * (i + 1) as f64 * v * g);
        sy.add(grads, d.collect());
        Ok(())
    });
    out
}

/// Checks the derivatives of `network(x, parameters)` with respect to x (of `cols` columns) and every parameter.
pub fn check(
    x: &[f64],
    cols: usize,
    parameters: &[(Vec<f64>, (usize, usize))],
    network: impl Fn(&mut OwnedTape<f64, Cpu>, &Value<f64>, &[Matrix<f64, Cpu>]) -> Value<f64>,
) {
    let run = |x: &[f64], parameters: &[(Vec<f64>, (usize, usize))]| {
        let params: Vec<_> = parameters.iter().map(|(d, s)| parameter(d, *s)).collect();
        let mut tape = OwnedTape::default();
        let x = Value::new(x.to_vec(), cols);
        let y = network(&mut tape, &x, &params);
        let loss = weigh(&mut tape, &y);
        (finish(tape, &loss), x, params)
    };
    let value = |x: &[f64], p: &[(Vec<f64>, (usize, usize))]| -> f64 { as_number(&run(x, p).0) };
    let (loss, vx, params) = run(x, parameters);
    let mut grads = loss.backward();
    let h = 1e-6;
    let gx = vx.slot().take(&mut grads).expect("x is used");
    for i in 0..x.len() {
        let at = |d: f64| {
            let mut moved = x.to_vec();
            moved[i] += d;
            value(&moved, parameters)
        };
        close((at(h) - at(-h)) / (2.0 * h), gx[i], &format!("x[{i}]"));
    }
    for (k, p) in params.iter().enumerate() {
        let g = grads.get(p).as_vec();
        for (i, &gradient) in g.iter().enumerate() {
            let at = |d: f64| {
                let mut moved = parameters.to_vec();
                moved[k].0[i] += d;
                value(x, &moved)
            };
            close(
                (at(h) - at(-h)) / (2.0 * h),
                gradient,
                &format!("parameter {k}[{i}]"),
            );
        }
    }
}

fn as_number<T: dfdx::prelude::Tape<f64, Cpu>>(t: &Tensor<(), f64, Cpu, T>) -> f64 {
    t.as_vec()[0]
}

fn close(difference: f64, gradient: f64, what: &str) {
    let error = (difference - gradient).abs() / (1.0 + difference.abs());
    assert!(error < 1e-6, "{what}: {difference} by differences, {gradient}");
}

#[test]
fn layers() {
    let g = graphs();
    let x = numbers(7 * 3, 0);
    let shapes = [(3, 2), (3, 2), (1, 2)];
    let parameters: Vec<_> = shapes
        .iter()
        .zip(1..)
        .map(|(&s, k)| (numbers(s.0 * s.1, k), s))
        .collect();
    for slope in [None, Some(0.1)] {
        check(&x, 3, &parameters, |tape, x, p| {
            super::graph_conv(tape, &g, x, [&p[0], &p[1], &p[2]], slope)
        });
        check(
            &x,
            3,
            &[parameters[0].clone(), parameters[2].clone()],
            |tape, x, p| super::linear(tape, x, (&p[0], &p[1]), slope),
        );
    }
    check(&x, 3, &[], |tape, x, _| {
        let y = super::propagate(tape, &g, x);
        super::add(tape, &y, x)
    });
}

#[test]
fn norms_and_losses() {
    let g = graphs();
    let x = numbers(7 * 3, 5);
    let parameters: Vec<_> = (6..9).map(|k| (numbers(3, k), (1, 3))).collect();
    check(&x, 3, &parameters, |tape, x, p| {
        super::graph_norm(tape, &g, x, [&p[0], &p[1], &p[2]])
    });
    let target = std::sync::Arc::new(numbers(7 * 3, 9));
    check(&x, 3, &[], |tape, x, _| {
        super::cosine_loss(tape, g.offsets(), x, &target)
    });
}

#[test]
fn a_batch_is_its_graphs_one_by_one() {
    let g = graphs();
    let x = numbers(7 * 2, 20);
    let mut tape = dfdx::prelude::NoneTape;
    let p: Vec<_> = (0..3).map(|k| parameter(&numbers(2, 30 + k), (1, 2))).collect();
    let all = super::graph_norm(&mut tape, &g, &Value::new(x.clone(), 2), [&p[0], &p[1], &p[2]]);
    let a = Csr::from_triplets(4, 4, &[(0, 0, 1.0)]).unwrap();
    let first = Graphs::of(&a).unwrap();
    let one = super::graph_norm(
        &mut tape,
        &first,
        &Value::new(x[..8].to_vec(), 2),
        [&p[0], &p[1], &p[2]],
    );
    assert_eq!(all.data()[..8], one.data()[..]);
}

#[test]
fn edges_and_nodes() {
    let g = graphs();
    let at = g.incidence();
    let h = numbers(at.edges() * 2, 40);
    // p and q come out of x, so that their derivatives are checked through it.
    let weights: Vec<_> = (0..4).map(|k| (numbers(4, 41 + k), (2, 2))).collect();
    let bias = (numbers(2, 50), (1, 2));
    let parameters = [weights[0].clone(), weights[1].clone(), bias];
    let x = numbers(7 * 2, 51);
    check(&x, 2, &parameters, |tape, x, p| {
        let a = super::linear(tape, x, (&p[0], &p[2]), None);
        let b = super::linear(tape, x, (&p[1], &p[2]), None);
        super::combine(tape, at, &Value::new(h.clone(), 2), Some(&a), &b, 0.1)
    });
    check(&h, 2, &[], |tape, h, _| {
        let nodes = Value::new(numbers(7 * 2, 52), 2);
        let y = super::combine(tape, at, h, Some(&nodes), &nodes, 0.0);
        super::aggregate(tape, at, &y, true, Reduce::Mean)
    });
    for reduce in [Reduce::Mean, Reduce::Sum] {
        check(&h, 2, &[], |tape, h, _| {
            let nodes = Value::new(numbers(7 * 2, 54), 2);
            let y = super::combine(tape, at, h, None, &nodes, 0.3);
            super::aggregate(tape, at, &y, false, reduce)
        });
    }
}

#[test]
fn loss_of_a_factor() {
    let g = graphs();
    let at = g.incidence();
    let (l, x, b) = (numbers(at.edges(), 60), numbers(7, 61), numbers(7, 62));
    check(&l, 1, &[], |tape, l, _| {
        super::factor_loss(tape, g.offsets(), at, l, &x, &b)
    });
}

#[test]
fn attention_among_neighbours() {
    let g = graphs();
    let at = g.incidence();
    let (d, edges) = (3, at.edges());
    let h = numbers(edges * d, 70);
    let square: Vec<_> = (0..3).map(|k| (numbers(d * d, 71 + k), (d, d))).collect();
    let bias = (numbers(d, 75), (1, d));
    let parameters = [square[0].clone(), square[1].clone(), square[2].clone(), bias];
    // Queries, keys and values out of the nodes, edges as they are.
    check(&numbers(7 * d, 76), d, &parameters, |tape, x, p| {
        let [q, k, v] = [0, 1, 2].map(|i| super::linear(tape, x, (&p[i], &p[3]), None));
        let h = Value::new(h.clone(), d);
        let s = super::scores(tape, at, &q, &k, &h);
        let w = super::segment_softmax(tape, at, &s);
        super::weighted_sum(tape, at, &w, &v, Some(&h))
    });
    // The edges' part, and without it.
    let nodes = Value::new(numbers(7 * d, 77), d);
    check(&h, d, &[], |tape, h, _| {
        let s = super::scores(tape, at, &nodes, &nodes, h);
        let w = super::segment_softmax(tape, at, &s);
        super::weighted_sum(tape, at, &w, &nodes, Some(h))
    });
    check(&numbers(edges, 78), 1, &[], |tape, w, _| {
        super::weighted_sum(tape, at, w, &nodes, None)
    });
    check(&h, d, &[(vec![0.6], (1, 1))], |tape, h, p| {
        let t = super::scale(tape, h, &p[0]);
        let w = super::segment_softmax(tape, at, &t);
        let m = super::multiply(tape, &w, h);
        super::aggregate(tape, at, &m, true, Reduce::Sum)
    });
}

#[test]
fn weights_of_a_node_sum_to_one() {
    let g = graphs();
    let at = g.incidence();
    // Large enough to overflow an exponential.
    let x: Vec<f64> = numbers(at.edges() * 2, 79).iter().map(|v| 2000.0 * v).collect();
    let w = super::segment_softmax(&mut dfdx::prelude::NoneTape, at, &Value::new(x, 2));
    for i in (0..7).filter(|&i| at.degree(i, true) > 0) {
        for f in 0..2 {
            let sum: f64 = at.edges_into(i).map(|e| w.data()[e * 2 + f]).sum();
            assert!((sum - 1.0).abs() < 1e-14, "node {i}: {sum}");
        }
    }
}

#[test]
fn attention_of_all_to_all() {
    let g = graphs();
    let d = 2;
    let square: Vec<_> = (0..3).map(|k| (numbers(d * d, 80 + k), (d, d))).collect();
    let bias = (numbers(d, 85), (1, d));
    let parameters = [square[0].clone(), square[1].clone(), square[2].clone(), bias];
    let x = numbers(7 * d, 86);
    let network = |tape: &mut OwnedTape<f64, Cpu>, x: &Value<f64>, p: &[Matrix<f64, Cpu>]| {
        let [q, k, v] = [0, 1, 2].map(|i| super::linear(tape, x, (&p[i], &p[3]), None));
        super::global_attention(tape, g.offsets(), [&q, &k, &v])
    };
    check(&x, d, &parameters, network);
    // Against the formula written out with N × N weights, first graph.
    let table = |k: u64| Value::new(numbers(7 * d, k), d);
    let [q, k, v] = [table(87), table(88), table(89)];
    let z = super::global_attention(&mut dfdx::prelude::NoneTape, g.offsets(), [&q, &k, &v]);
    let norm = |t: &Value<f64>| t.data()[..4 * d].iter().map(|v| v * v).sum::<f64>().sqrt();
    for i in 0..4 {
        let weight = |j: usize| -> f64 {
            let products = (0..d).map(|f| q.data()[i * d + f] * k.data()[j * d + f]);
            products.sum::<f64>() / (norm(&q) * norm(&k)) / 4.0
        };
        let below = 1.0 + (0..4).map(weight).sum::<f64>();
        for f in 0..d {
            let sum: f64 = (0..4).map(|j| weight(j) * v.data()[j * d + f]).sum();
            let expected = (v.data()[i * d + f] + sum) / below;
            assert!((z.data()[i * d + f] - expected).abs() < 1e-13);
        }
    }
}

#[test]
fn some_rows_of_a_table() {
    let x = numbers(5 * 2, 90);
    let index = std::sync::Arc::new(vec![4, 0, 3]);
    check(&x, 2, &[], |tape, x, _| super::select(tape, x, &index));
}
