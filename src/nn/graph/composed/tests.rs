//! Every operation, and its derivative, as the fused one has it.

use std::sync::Arc;

use dfdx::prelude::{Backward, Cpu, TensorFromVec};

use super::*;
use crate::nn::graph::FusedOps;
use crate::nn::graph::testing::{graphs, numbers};
use crate::nn::params::Matrix;

/// Parameters: data and shape.
type Shapes = [(usize, usize)];

/// Value and gradients of the parameters of a network that ends in one number.
fn run<O: Taped<Real = f64, Device = Cpu>>(
    mut ops: O,
    shapes: &Shapes,
    network: impl Fn(&mut O, &O::Batch, &[Matrix<f64, Cpu>]) -> O::Value,
) -> Vec<f64> {
    let device = Cpu::default();
    let params: Vec<_> = shapes
        .iter()
        .zip(0..)
        .map(|(&s, k)| device.tensor_from_vec(numbers(s.0 * s.1, 100 + k), s))
        .collect();
    let batch = ops.batch(&graphs());
    let value = network(&mut ops, &batch, &params);
    let scalar = ops.finish(&value);
    let mut all = scalar.as_vec();
    let grads = scalar.backward();
    for p in &params {
        all.extend(grads.get(p).as_vec());
    }
    all
}

/// Runs the same network on both and compares; the last parameters of each are what the operation under test sees.
macro_rules! same {
    ($shapes:expr, |$ops:ident, $at:ident, $p:ident| $body:expr) => {{
        let fused = run(
            FusedOps::<f64, OwnedTape<f64, Cpu>>::default(),
            &$shapes,
            |$ops, $at, $p| $body,
        );
        let composed = run(
            DfdxOps::<f64, Cpu>::new(Cpu::default()),
            &$shapes,
            |$ops, $at, $p| $body,
        );
        assert_eq!(fused.len(), composed.len());
        assert!(fused.iter().skip(1).any(|&g| g != 0.0));
        for (k, (a, b)) in fused.iter().zip(&composed).enumerate() {
            assert!(
                (a - b).abs() < 1e-11 * (1.0 + a.abs()),
                "{k}: {a} fused, {b} composed"
            );
        }
    }};
}

/// A table of nodes or edges that takes a gradient: a parameter times one.
fn table<O: Ops<Real = f64, Device = Cpu>>(ops: &mut O, p: &Matrix<f64, Cpu>) -> O::Value {
    // x W with x the identity: the parameter itself.
    let rows = dfdx::prelude::HasShape::shape(p).0;
    let identity = (0..rows * rows)
        .map(|k| f64::from(u8::from(k % (rows + 1) == 0)))
        .collect();
    let x = ops.table(identity, rows);
    let cols = dfdx::prelude::HasShape::shape(p).1;
    let zero = Cpu::default().tensor_from_vec(vec![0.0; cols], (1, cols));
    ops.linear(&x, (p, &zero), None)
}

/// One number out of a table, every entry weighing differently.
fn weigh<O: Ops<Real = f64, Device = Cpu>>(ops: &mut O, y: &O::Value, len: usize, cols: usize) -> O::Value {
    let c = ops.table(numbers(len, 200), cols);
    let y = ops.multiply(y, &c);
    // The cosine with a fixed vector is a function of every entry.
    let target = Arc::new(numbers(len, 201));
    ops.cosine_loss(&[0, len / cols], &y, &target)
}

const NODES: usize = 7;

fn edges() -> usize {
    graphs().edges()
}

#[test]
fn layers() {
    for slope in [None, Some(0.1), Some(0.0)] {
        same!([(NODES, 3), (3, 2), (1, 2)], |o, _at, p| {
            let x = table(o, &p[0]);
            let y = o.linear(&x, (&p[1], &p[2]), slope);
            weigh(o, &y, NODES * 2, 2)
        });
        same!([(NODES, 3), (3, 2), (3, 2), (1, 2)], |o, at, p| {
            let x = table(o, &p[0]);
            let y = o.graph_conv(at, &x, [&p[1], &p[2], &p[3]], slope);
            weigh(o, &y, NODES * 2, 2)
        });
    }
    same!([(NODES, 3), (1, 3), (1, 3), (1, 3), (1, 1)], |o, at, p| {
        let x = table(o, &p[0]);
        let y = o.graph_norm(at, &x, [&p[1], &p[2], &p[3]]);
        let z = o.propagate(at, &y);
        let z = o.scale(&z, &p[4]);
        let y = o.add(&y, &z);
        weigh(o, &y, NODES * 3, 3)
    });
}

#[test]
fn nodes_and_edges() {
    let e = edges();
    for (into, reduce) in [
        (true, Reduce::Mean),
        (false, Reduce::Mean),
        (true, Reduce::Sum),
        (false, Reduce::Sum),
    ] {
        same!([(e, 2), (NODES, 2), (NODES, 2)], |o, at, p| {
            let [h, x, z] = [0, 1, 2].map(|k| table(o, &p[k]));
            let h = o.combine(at, &h, Some(&x), &z, 0.2);
            let h = o.combine(at, &h, None, &x, 0.0);
            let y = o.aggregate(at, &h, into, reduce);
            weigh(o, &y, NODES * 2, 2)
        });
    }
    let index = Arc::new(vec![4, 0, 3]);
    same!([(NODES, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        let y = o.select(&x, &index);
        weigh(o, &y, 6, 2)
    });
}

#[test]
fn attention() {
    let e = edges();
    same!([(NODES, 2), (NODES, 2), (NODES, 2), (e, 2)], |o, at, p| {
        let [q, k, v, h] = [0, 1, 2, 3].map(|k| table(o, &p[k]));
        let s = o.scores(at, &q, &k, &h);
        let w = o.segment_softmax(at, &s);
        let y = o.weighted_sum(at, &w, &v, Some(&h));
        let z = o.weighted_sum(at, &w, &v, None);
        let y = o.multiply(&y, &z);
        weigh(o, &y, NODES * 2, 2)
    });
    same!([(e, 2)], |o, at, p| {
        let h = table(o, &p[0]);
        let y = o.segment_softmax(at, &h);
        weigh(o, &y, e * 2, 2)
    });
    same!([(NODES, 3), (NODES, 3), (NODES, 3)], |o, at, p| {
        let [q, k, v] = [0, 1, 2].map(|k| table(o, &p[k]));
        let y = o.global_attention(at, [&q, &k, &v]);
        weigh(o, &y, NODES * 3, 3)
    });
}

#[test]
fn losses() {
    let offsets = graphs().offsets().to_vec();
    let target = Arc::new(numbers(NODES * 2, 90));
    same!([(NODES, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.cosine_loss(&offsets, &x, &target)
    });
    let (x, b) = (numbers(NODES, 91), numbers(NODES, 92));
    same!([(edges(), 1)], |o, at, p| {
        let l = table(o, &p[0]);
        o.factor_loss(&offsets, at, &l, &x, &b)
    });
}
