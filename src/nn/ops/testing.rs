//! What every operation is tested by: derivatives against finite differences, one way to compute against the other.

use std::sync::Arc;

use dfdx::prelude::{Backward, Cpu, NoneTape, TensorFromVec};
use rand::RngExt;

use super::{FusedOps, Ops, Taped};
use crate::linalg::Csr;
use crate::nn::graph::Graphs;
use crate::nn::params::Matrix;
use crate::rng::{Purpose, stream};

pub use crate::nn::testing::{composed, fused};

/// Fused operations for values alone.
pub fn untaped() -> FusedOps<f64, NoneTape> {
    FusedOps::default()
}

/// Nodes of [`graphs`].
pub const NODES: usize = 7;

/// Edges of [`graphs`].
pub fn edges() -> usize {
    graphs().edges()
}

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
        &[(0, 0, 2.0), (0, 1, -1.0), (1, 0, 0.5), (1, 3, 0.7), (2, 2, 1.0), (3, 1, -0.2), (3, 3, 1.5)],
    );
    let b = Csr::from_triplets(3, 3, &[(0, 0, 1.0), (0, 2, 3.0), (1, 1, -1.0), (2, 0, 0.4), (2, 1, 0.3)]);
    let parts = [Graphs::of(&a.unwrap()).unwrap(), Graphs::of(&b.unwrap()).unwrap()];
    Graphs::join(&[&parts[0], &parts[1]]).unwrap()
}

/// A parameter with these numbers.
pub fn parameter(data: &[f64], shape: (usize, usize)) -> Matrix<f64, Cpu> {
    Cpu::default().tensor_from_vec(data.to_vec(), shape)
}

/// A table of nodes or edges that takes a gradient: a parameter times one.
pub fn table<O: Ops<Real = f64, Device = Cpu>>(ops: &mut O, p: &Matrix<f64, Cpu>) -> O::Value {
    // x W with x the identity: the parameter itself.
    let rows = dfdx::prelude::HasShape::shape(p).0;
    let identity = (0..rows * rows).map(|k| f64::from(u8::from(k % (rows + 1) == 0))).collect();
    let x = ops.table(identity, rows);
    let cols = dfdx::prelude::HasShape::shape(p).1;
    let zero = Cpu::default().tensor_from_vec(vec![0.0; cols], (1, cols));
    ops.linear(&x, (p, &zero), None)
}

/// Data and shapes of parameters.
pub type Data = [(Vec<f64>, (usize, usize))];

/// Random parameters.
pub fn random(shapes: &[(usize, usize)]) -> Vec<(Vec<f64>, (usize, usize))> {
    let numbers = |(&s, k): (&(usize, usize), u64)| (numbers(s.0 * s.1, k), s);
    shapes.iter().zip(100..).map(numbers).collect()
}

/// A number made of the table that a network ends in, every entry weighing differently, and its derivatives by the
/// entries of all parameters.
pub fn run<O: Taped<Real = f64, Device = Cpu>>(
    mut ops: O,
    data: &Data,
    network: impl Fn(&mut O, &O::Batch, &[Matrix<f64, Cpu>]) -> O::Value,
) -> Vec<f64> {
    let params: Vec<_> = data.iter().map(|(d, s)| parameter(d, *s)).collect();
    let batch = ops.batch(&graphs());
    let y = network(&mut ops, &batch, &params);
    let (rows, cols) = ops.shape(&y);
    let value = if rows * cols == 1 {
        y
    } else {
        let c = ops.table(numbers(rows * cols, 200), cols);
        let y = ops.multiply(&y, &c);
        // The cosine with a fixed vector is a function of every entry.
        ops.cosine_loss(&[0, rows], &y, &Arc::new(numbers(rows * cols, 201)))
    };
    let scalar = ops.finish(&value);
    let mut all = scalar.as_vec();
    let grads = scalar.backward();
    all.extend(params.iter().flat_map(|p| grads.get(p).as_vec()));
    all
}

/// Compares the fused form with the composed one, and its derivatives with central differences of `value`.
pub fn compare(fused: &[f64], composed: &[f64], data: &Data, value: impl Fn(&Data) -> f64) {
    assert_eq!(fused.len(), composed.len());
    assert!(fused.iter().skip(1).any(|&g| g != 0.0));
    for (k, (a, b)) in fused.iter().zip(composed).enumerate() {
        assert!((a - b).abs() < 1e-11 * (1.0 + a.abs()), "{k}: {a} fused, {b} composed");
    }
    let mut gradients = fused[1..].iter();
    for (k, (numbers, _)) in data.iter().enumerate() {
        for i in 0..numbers.len() {
            let at = |d: f64| {
                let mut moved = data.to_vec();
                moved[k].0[i] += d;
                value(&moved)
            };
            let (d, g) = ((at(1e-6) - at(-1e-6)) / 2e-6, gradients.next().expect("one an entry"));
            assert!((d - g).abs() < 1e-6 * (1.0 + d.abs()), "parameter {k}[{i}]: {d} by differences, {g}");
        }
    }
}

/// A test of an operation: `body` makes a table of parameters `$p` of the given shapes, on the graphs `$at`.
macro_rules! check {
    ($name:ident, $shapes:expr, |$ops:ident, $at:ident, $p:ident| $body:expr) => {
        #[test]
        fn $name() {
            use crate::nn::ops::testing::{compare, composed, fused, random, run};
            let data = random(&$shapes);
            let by_hand = run(fused(), &data, |$ops, $at, $p| $body);
            let by_dfdx = run(composed(), &data, |$ops, $at, $p| $body);
            compare(&by_hand, &by_dfdx, &data, |data| run(fused(), data, |$ops, $at, $p| $body)[0]);
        }
    };
}
pub(in crate::nn) use check;
