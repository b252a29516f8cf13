//! Entries that are kept or not by a score.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Device, Tape};

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use crate::nn::Real;

/// Entries that are kept or not.
pub trait GateOp: Engine {
    /// x where `keep` is true, else 0, entry by entry. Which to keep is decided by the score s and has no derivative;
    /// in its place stands that of x σ(s) with σ the logistic function: the straight-through estimator (Bengio,
    /// Léonard, Courville 2013, arXiv:1308.3432, section 4).
    fn gate(&mut self, x: &Self::Value, score: &Self::Value, keep: &Arc<Vec<bool>>) -> Self::Value;
}

/// σ'(s).
fn slope(s: f64) -> f64 {
    let e = (-s.abs()).exp();
    e / ((1.0 + e) * (1.0 + e))
}

impl<E: Real, T: Tape<E, Cpu>> GateOp for FusedOps<E, T> {
    fn gate(&mut self, x: &Value<E>, score: &Value<E>, keep: &Arc<Vec<bool>>) -> Value<E> {
        let kept = |(v, &keep): (&E, &bool)| if keep { *v } else { E::default() };
        let out = Value::new(x.data().iter().zip(&**keep).map(kept).collect(), x.cols());
        let (sx, ss, so) = (x.slot(), score.slot(), out.slot());
        let (x, score, keep) = (x.data().clone(), score.data().clone(), keep.clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                let by_score = g.iter().zip(x.iter().zip(score.iter()));
                let by_score = by_score.map(|(g, (x, s))| E::narrow(g.wide() * x.wide() * slope(s.wide())));
                ss.add(grads, by_score.collect());
                sx.add(grads, g.iter().zip(&*keep).map(kept).collect());
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> GateOp for DfdxOps<E, D, T> {
    fn gate(&mut self, x: &Table<E, D>, score: &Table<E, D>, keep: &Arc<Vec<bool>>) -> Table<E, D> {
        let cols = self.shape(x).1;
        let kept = self.constant(keep.iter().map(|&k| E::narrow(f64::from(u8::from(k)))).collect(), cols);
        let y = self.times(x, &kept);
        // x σ(s) − its value: zero, with the derivative by s alone.
        let fixed = self.constant(x.as_vec(), cols);
        let weight = self.on(score, |s| s.sigmoid());
        let soft = self.times(&weight, &fixed);
        let minus = self.constant(soft.as_vec().iter().map(|v| E::narrow(-v.wide())).collect(), cols);
        let zero = self.add(&soft, &minus);
        self.add(&y, &zero)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{composed, fused, numbers, random, run, table};

    #[test]
    fn both_ways_agree_and_unkept_entries_move_the_score() {
        let data = random(&[(3, 2), (3, 2)]);
        let keep = Arc::new(vec![true, false, true, true, false, false]);
        let both = |by_hand: bool| {
            if by_hand {
                run(fused(), &data, |o, _, p| {
                    let (x, s) = (table(o, &p[0]), table(o, &p[1]));
                    o.gate(&x, &s, &keep)
                })
            } else {
                run(composed(), &data, |o, _, p| {
                    let (x, s) = (table(o, &p[0]), table(o, &p[1]));
                    o.gate(&x, &s, &keep)
                })
            }
        };
        let (by_hand, by_dfdx) = (both(true), both(false));
        for (k, (a, b)) in by_hand.iter().zip(&by_dfdx).enumerate() {
            assert!((a - b).abs() < 1e-11, "{k}: {a} fused, {b} composed");
        }
        // The value, six derivatives by x, six by the score: those by x vanish where it is not kept, those by s do not.
        for (k, keep) in keep.iter().enumerate() {
            assert_eq!(by_hand[1 + k] != 0.0, *keep);
            assert!(by_hand[7 + k] != 0.0);
        }
    }

    #[test]
    fn the_derivative_by_the_score_is_that_of_the_logistic_function() {
        for (x, s) in numbers(4, 7).into_iter().zip([-30.0, -1.0, 0.5, 40.0]) {
            let data = [(vec![x], (1, 1)), (vec![s], (1, 1))];
            let all = run(fused(), &data, |o, _, p| {
                let (x, s) = (table(o, &p[0]), table(o, &p[1]));
                o.gate(&x, &s, &Arc::new(vec![false]))
            });
            let sigma = 1.0 / (1.0 + f64::exp(-s));
            assert_eq!(all[..2], [0.0, 0.0]);
            assert!((all[2] - x * sigma * (1.0 - sigma)).abs() < 1e-15);
        }
    }
}
