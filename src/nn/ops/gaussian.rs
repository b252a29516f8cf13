//! Diagonal normal distributions, by mean and logarithm of the variance: draws, and their divergence from N(0, I).

use dfdx::prelude::{Cpu, Device, HasShape, Tape};

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use crate::nn::Real;

/// Draws from diagonal normal distributions, one a row (Kingma & Welling 2013, arXiv:1312.6114, section 2.4 and
/// appendix B).
pub trait GaussianOp: Engine {
    /// z = μ + exp(λ/2) n with λ the logarithm of the variance and n the noise, entry by entry.
    fn draw(&mut self, mean: &Self::Value, log_variance: &Self::Value, noise: &[f64]) -> Self::Value;

    /// `weight` times the mean over rows of KL(N(μ, exp λ) ‖ N(0, I)) = Σ (μ² + exp λ − λ − 1) / 2.
    fn divergence(&mut self, mean: &Self::Value, log_variance: &Self::Value, weight: f64) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> GaussianOp for FusedOps<E, T> {
    fn draw(&mut self, mean: &Value<E>, log_variance: &Value<E>, noise: &[f64]) -> Value<E> {
        let spread: Vec<f64> = log_variance.data().iter().zip(noise).map(|(l, n)| (0.5 * l.wide()).exp() * n).collect();
        let z = mean.data().iter().zip(&spread).map(|(m, s)| E::narrow(m.wide() + s));
        let out = Value::new(z.collect(), mean.cols());
        let (sm, sl, so) = (mean.slot(), log_variance.slot(), out.slot());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                sl.add(grads, g.iter().zip(&spread).map(|(g, s)| E::narrow(0.5 * g.wide() * s)).collect());
                sm.add(grads, g);
            }
            Ok(())
        });
        out
    }

    fn divergence(&mut self, mean: &Value<E>, log_variance: &Value<E>, weight: f64) -> Value<E> {
        let weight = weight / mean.rows().max(1) as f64;
        let parts = mean.data().iter().zip(log_variance.data().iter());
        let sum: f64 = parts
            .map(|(m, l)| {
                let (m, l) = (m.wide(), l.wide());
                0.5 * (m * m + l.exp() - l - 1.0)
            })
            .sum();
        let out = Value::new(vec![E::narrow(weight * sum)], 1);
        let (sm, sl, so) = (mean.slot(), log_variance.slot(), out.slot());
        let (m, l) = (mean.data().clone(), log_variance.data().clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(g) = so.take(grads) {
                let g = weight * g[0].wide();
                sm.add(grads, m.iter().map(|m| E::narrow(g * m.wide())).collect());
                sl.add(grads, l.iter().map(|l| E::narrow(0.5 * g * (l.wide().exp() - 1.0))).collect());
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> GaussianOp for DfdxOps<E, D, T> {
    fn draw(&mut self, mean: &Table<E, D>, log_variance: &Table<E, D>, noise: &[f64]) -> Table<E, D> {
        let noise = self.constant(noise.iter().map(|&n| E::narrow(n)).collect(), mean.shape().1);
        let deviation = self.on(log_variance, |l| (l * E::narrow(0.5)).exp());
        let spread = self.times(&deviation, &noise);
        self.add(mean, &spread)
    }

    fn divergence(&mut self, mean: &Table<E, D>, log_variance: &Table<E, D>, weight: f64) -> Table<E, D> {
        let (rows, cols) = *mean.shape();
        let squares = self.on(mean, |m| m.square());
        let variance = self.on(log_variance, |l| l.exp());
        let minus = self.on(log_variance, |l| l.negate());
        let sum = self.add(&squares, &variance);
        let sum = self.add(&sum, &minus);
        let sum = self.across(&sum);
        let sum = self.total(&sum);
        let factor = 0.5 * weight / rows.max(1) as f64;
        self.on(&sum, |s| s * E::narrow(factor) - E::narrow(factor * (rows * cols) as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{check, numbers, table, untaped};

    check!(draws, [(2, 3), (2, 3)], |o, _at, p| {
        let [m, l] = [0, 1].map(|k| table(o, &p[k]));
        o.draw(&m, &l, &numbers(6, 97))
    });

    check!(divergences, [(2, 3), (2, 3)], |o, _at, p| {
        let [m, l] = [0, 1].map(|k| table(o, &p[k]));
        o.divergence(&m, &l, 0.7)
    });

    /// The mean of log q − log p over draws is the divergence; mean and variance of draws are those asked for.
    #[test]
    fn agrees_with_draws() {
        use crate::rng::{Purpose, stream};
        use rand_distr::{Distribution, StandardNormal};
        let (mean, log_variance) = (0.8, -0.6f64);
        let (m, l) = (Value::new(vec![mean], 1), Value::new(vec![log_variance], 1));
        let exact = untaped().divergence(&m, &l, 1.0).data()[0];
        assert!((exact - 0.5 * (0.64 + (-0.6f64).exp() + 0.6 - 1.0)).abs() < 1e-12);
        let standard = untaped().divergence(&Value::new(vec![0.0; 4], 2), &Value::new(vec![0.0; 4], 2), 1.0);
        assert_eq!(standard.data()[0], 0.0);
        let mut rng = stream(9, Purpose::Probes, 0);
        let (mut sum, mut squares, mut ratio) = (0.0, 0.0, 0.0);
        let count = 40_000;
        for _ in 0..count {
            let n: f64 = StandardNormal.sample(&mut rng);
            let z = untaped().draw(&m, &l, &[n]).data()[0];
            sum += z;
            squares += z * z;
            // log q(z) − log p(z)
            ratio += -0.5 * log_variance - 0.5 * n * n + 0.5 * z * z;
        }
        let n = f64::from(count);
        assert!((sum / n - mean).abs() < 0.015);
        assert!((squares / n - mean * mean - log_variance.exp()).abs() < 0.03);
        assert!((ratio / n - exact).abs() < 0.03, "{} by draws, {exact}", ratio / n);
    }
}
