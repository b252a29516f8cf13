//! How far directions are from those wanted.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Device, HasShape, Tape};

use super::dfdx::narrow;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use super::lists::Groups;
use crate::nn::Real;

/// How far directions are from those wanted.
pub trait CosineLossOp: Engine {
    /// The mean over graphs of 1 − cos(x_g, t_g), x_g being the rows of graph g (`offsets` as in
    /// [`crate::nn::graph::Graphs::offsets`]); a graph where x or t is zero counts 1, with no gradient.
    fn cosine_loss(&mut self, offsets: &[usize], x: &Self::Value, target: &Arc<Vec<Self::Real>>) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> CosineLossOp for FusedOps<E, T> {
    fn cosine_loss(&mut self, offsets: &[usize], x: &Value<E>, target: &Arc<Vec<E>>) -> Value<E> {
        let width = x.cols();
        let graphs = (offsets.len() - 1) as f64;
        let parts: Vec<Part> = offsets
            .windows(2)
            .map(|w| {
                let range = w[0] * width..w[1] * width;
                Part::new(&x.data()[range.clone()], &target[range])
            })
            .collect();
        let loss: f64 = parts.iter().map(|p| 1.0 - p.cosine).sum::<f64>() / graphs;
        let out = Value::new(vec![E::narrow(loss)], 1);
        let (sx, so) = (x.slot(), out.slot());
        let (x, t, offsets) = (x.data().clone(), target.clone(), offsets.to_vec());
        self.tape.add_backward_op(move |grads| {
            let Some(g) = so.take(grads) else {
                return Ok(());
            };
            let scale = -g[0].wide() / graphs;
            let mut dx = vec![E::default(); x.len()];
            for (w, p) in offsets.windows(2).zip(&parts) {
                for k in w[0] * width..w[1] * width {
                    // ∂cos/∂x = (t/‖t‖ − cos x/‖x‖) / ‖x‖
                    let d = p.inverse_x * (t[k].wide() * p.inverse_t - p.cosine * x[k].wide() * p.inverse_x);
                    dx[k] = E::narrow(scale * d);
                }
            }
            sx.add(grads, dx);
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> CosineLossOp for DfdxOps<E, D, T> {
    fn cosine_loss(&mut self, offsets: &[usize], x: &Table<E, D>, target: &Arc<Vec<E>>) -> Table<E, D> {
        let cols = x.shape().1;
        let groups = Groups::consecutive(&self.device, offsets);
        let norm = |w: &[usize]| -> f64 {
            let part = &target[w[0] * cols..w[1] * cols];
            part.iter().map(|t| t.wide().powi(2)).sum::<f64>().sqrt()
        };
        let inverse = offsets.windows(2).map(norm).map(|n| if n > 0.0 { 1.0 / n } else { 0.0 });
        let inverse = self.constant(narrow(inverse), 1);
        let t = self.constant(target.to_vec(), cols);
        let products = self.times(x, &t);
        let products = self.across(&products);
        let along = self.sums(&products, &groups);
        let along = self.times(&along, &inverse);
        let squares = self.on(x, |x| x.square());
        let squares = self.across(&squares);
        let squares = self.sums(&squares, &groups);
        let size = self.inverse_roots(&squares);
        let cosines = self.times(&along, &size);
        let sum = self.total(&cosines);
        let graphs = (offsets.len() - 1) as f64;
        self.on(&sum, |s| s * E::narrow(-1.0 / graphs) + E::narrow(1.0))
    }
}

/// cos(x, t), 1/‖x‖, 1/‖t‖; all 0 where it is not defined.
struct Part {
    cosine: f64,
    inverse_x: f64,
    inverse_t: f64,
}

impl Part {
    fn new<E: Real>(x: &[E], t: &[E]) -> Self {
        let (mut xt, mut xx, mut tt) = (0.0, 0.0, 0.0);
        for (&x, &t) in x.iter().zip(t) {
            let (x, t) = (x.wide(), t.wide());
            xt += x * t;
            xx += x * x;
            tt += t * t;
        }
        if xx > 0.0 && tt > 0.0 {
            let (inverse_x, inverse_t) = (1.0 / xx.sqrt(), 1.0 / tt.sqrt());
            Part { cosine: xt * inverse_x * inverse_t, inverse_x, inverse_t }
        } else {
            // Not NaN: a loss that is no number is told by the values themselves.
            let cosine = if xx.is_nan() { f64::NAN } else { 0.0 };
            Part { cosine, inverse_x: 0.0, inverse_t: 0.0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{self, NODES, check, graphs, numbers, table};
    use crate::nn::ops::{Param, Taped};

    check!(derivatives, [(NODES, 2)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.cosine_loss(graphs().offsets(), &x, &Arc::new(numbers(NODES * 2, 90)))
    });

    #[test]
    fn a_graph_of_zeros_counts_one_and_has_no_gradient() {
        let mut data = testing::random(&[(NODES, 2)]);
        data[0].0[..8].fill(0.0);
        fn network<O: Taped<Real = f64, Device = Cpu>>(o: &mut O, p: &Param<O>) -> O::Value {
            let x = table(o, p);
            o.cosine_loss(graphs().offsets(), &x, &Arc::new(numbers(NODES * 2, 93)))
        }
        let by_hand = testing::run(testing::fused(), &data, |o, _, p| network(o, &p[0]));
        let by_dfdx = testing::run(testing::composed(), &data, |o, _, p| network(o, &p[0]));
        assert_eq!(by_hand[1..9], [0.0; 8]);
        for (a, b) in by_hand.iter().zip(&by_dfdx) {
            assert!((a - b).abs() < 1e-11, "{a} fused, {b} composed");
        }
    }
}
