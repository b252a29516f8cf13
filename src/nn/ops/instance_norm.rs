//! Instance normalisation: features normalised within each image (Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022).

use dfdx::prelude::{Axis, BroadcastTo, Cpu, Device, HasShape, ReshapeTo, SumTo, Tape};
use rayon::prelude::*;

use super::dfdx::{DfdxOps, Table};
use super::engine::Engine;
use super::fused::{FusedOps, Value};
use crate::nn::Real;

/// Added to the variance.
const EPSILON: f64 = 1e-5;

/// Normalisation within images.
pub trait InstanceNormOp: Engine {
    /// Per image and column: y = (x − mean x) / √(var x + ε), without weights; images of equally many rows.
    fn instance_norm(&mut self, x: &Self::Value, images: usize) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> InstanceNormOp for FusedOps<E, T> {
    fn instance_norm(&mut self, x: &Value<E>, images: usize) -> Value<E> {
        let width = x.cols();
        let rows = x.rows() / images.max(1);
        let mut y = x.data().to_vec();
        let roots: Vec<Vec<f64>> = y.par_chunks_mut(rows * width).map(|image| normalise(image, width)).collect();
        let out = Value::new(y, width);
        let (sx, so, y) = (x.slot(), out.slot(), out.data().clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(mut g) = so.take(grads) {
                let images = g.par_chunks_mut(rows * width).zip(y.par_chunks(rows * width)).zip(&roots);
                images.for_each(|((g, y), roots)| pull_back(g, y, roots));
                sx.add(grads, g);
            }
            Ok(())
        });
        out
    }
}

/// Σ over rows of a function of (x, y), column by column.
fn sums<E: Real>(x: &[E], y: &[E], width: usize, of: impl Fn(usize, f64, f64) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact(width)) {
        for (k, sum) in sums.iter_mut().enumerate() {
            *sum += of(k, x[k].wide(), y[k].wide());
        }
    }
    sums
}

/// Normalises an image; returns 1/√(variance + ε) of its columns.
fn normalise<E: Real>(x: &mut [E], width: usize) -> Vec<f64> {
    let share = width as f64 / x.len() as f64;
    let mean: Vec<f64> = sums(x, x, width, |_, x, _| x).iter().map(|s| s * share).collect();
    let squares = sums(x, x, width, |k, x, _| (x - mean[k]).powi(2));
    let roots: Vec<f64> = squares.iter().map(|s| 1.0 / (s * share + EPSILON).sqrt()).collect();
    for row in x.chunks_exact_mut(width) {
        for (k, v) in row.iter_mut().enumerate() {
            *v = E::narrow((v.wide() - mean[k]) * roots[k]);
        }
    }
    roots
}

/// g ← the gradient of x: s (g − mean g − y mean(g y)).
fn pull_back<E: Real>(g: &mut [E], y: &[E], roots: &[f64]) {
    let width = roots.len();
    let share = width as f64 / g.len() as f64;
    let one = sums(g, y, width, |_, g, _| g);
    let own = sums(g, y, width, |_, g, y| g * y);
    for (g, y) in g.chunks_exact_mut(width).zip(y.chunks_exact(width)) {
        for (k, g) in g.iter_mut().enumerate() {
            *g = E::narrow(roots[k] * (g.wide() - share * (one[k] + y[k].wide() * own[k])));
        }
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> InstanceNormOp for DfdxOps<E, D, T> {
    fn instance_norm(&mut self, x: &Table<E, D>, images: usize) -> Table<E, D> {
        let (rows, cols) = *x.shape();
        let pixels = rows / images.max(1);
        let (cube, share) = ((images, pixels, cols), E::narrow(1.0 / pixels.max(1) as f64));
        let x = self.on(x, |x| x.reshape_like(&cube));
        let mean = self.on(&x, |x| (x.sum::<_, Axis<1>>() * -share).broadcast_like::<_, Axis<1>>(&cube));
        let centred = self.plus(&x, &mean);
        let root = self.on(&centred, |c| {
            let variance = c.square().sum::<_, Axis<1>>() * share;
            (variance + E::narrow(EPSILON)).sqrt().recip().broadcast_like::<_, Axis<1>>(&cube)
        });
        let y = self.times(&centred, &root);
        self.on(&y, |y| y.reshape_like(&(rows, cols)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{check, numbers, table, untaped};

    check!(derivatives, [(8, 3)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.instance_norm(&x, 2)
    });

    #[test]
    fn columns_of_an_image_have_mean_0_and_variance_1() {
        let x = Value::new(numbers(40, 3).iter().map(|v| 3.0 + 100.0 * v).collect(), 2);
        let y = untaped().instance_norm(&x, 2);
        for image in y.data().chunks_exact(20) {
            for k in 0..2 {
                let column: Vec<f64> = image.iter().skip(k).step_by(2).copied().collect();
                let mean = column.iter().sum::<f64>() / 10.0;
                let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 10.0;
                assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-7);
            }
        }
    }
}
