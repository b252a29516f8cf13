//! Derivatives against finite differences, in f64.

use dfdx::prelude::{Backward, Cpu, OwnedTape, Tensor, TensorFromVec};
use rand::RngExt;

use super::{Graphs, Value, finish};
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
    Graphs::new(&[&a.unwrap(), &b.unwrap()], &[2.0, 3.0]).unwrap()
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
    let first = Graphs::new(&[&a], &[1.0]).unwrap();
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
    let at = super::Incidence::new(&g);
    let h = numbers(at.edges() * 2, 40);
    // p and q come out of x, so that their derivatives are checked through it.
    let weights: Vec<_> = (0..4).map(|k| (numbers(4, 41 + k), (2, 2))).collect();
    let bias = (numbers(2, 50), (1, 2));
    let parameters = [weights[0].clone(), weights[1].clone(), bias];
    let x = numbers(7 * 2, 51);
    check(&x, 2, &parameters, |tape, x, p| {
        let a = super::linear(tape, x, (&p[0], &p[2]), None);
        let b = super::linear(tape, x, (&p[1], &p[2]), None);
        super::combine(tape, &at, &Value::new(h.clone(), 2), &a, &b, 0.1)
    });
    check(&h, 2, &[], |tape, h, _| {
        let nodes = Value::new(numbers(7 * 2, 52), 2);
        let y = super::combine(tape, &at, h, &nodes, &nodes, 0.0);
        super::aggregate(tape, &at, &y, true)
    });
    check(&h, 2, &[], |tape, h, _| super::aggregate(tape, &at, h, false));
    let alpha = (vec![0.7], (1, 1));
    check(&h, 2, &[alpha], |tape, h, p| {
        super::correct(tape, &numbers(at.edges() * 2, 53), h, &p[0])
    });
}

#[test]
fn loss_of_a_factor() {
    let g = graphs();
    let at = super::Incidence::new(&g);
    let (l, x, b) = (numbers(at.edges(), 60), numbers(7, 61), numbers(7, 62));
    check(&l, 1, &[], |tape, l, _| {
        super::factor_loss(tape, g.offsets(), &at, l, &x, &b)
    });
}
