//! Instance normalisation: features normalised within each image (Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022).

use dfdx::prelude::{Axis, BroadcastTo, Cpu, Device, HasShape, ReshapeTo, SumTo, Tape};
use pulp::Arch;
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

/// Rows that loops take at once: entry by entry with what belongs to their columns, by the widest vector instructions
/// there are, which change no bit.
const ROWS: usize = 16;

/// What belongs to columns, for so many rows.
fn tiled(columns: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    std::iter::repeat_n(columns, ROWS).flatten().collect()
}

/// Σ over rows of two functions of (x, y, t), column by column, t being tiled.
fn sums<E: Real>(x: &[E], y: &[E], t: &[f64], of: impl Fn(f64, f64, f64) -> [f64; 2]) -> [Vec<f64>; 2] {
    let (mut a, mut b) = (vec![0.0; t.len()], vec![0.0; t.len()]);
    Arch::new().dispatch(|| {
        for (x, y) in x.chunks(t.len()).zip(y.chunks(t.len())) {
            for ((((a, b), x), y), t) in a.iter_mut().zip(&mut b).zip(x).zip(y).zip(t) {
                let [p, q] = of(x.wide(), y.wide(), *t);
                *a += p;
                *b += q;
            }
        }
    });
    let width = t.len() / ROWS;
    [a, b].map(|sums| (0..width).map(|k| sums.iter().skip(k).step_by(width).sum()).collect())
}

/// Normalises an image; returns 1/√(variance + ε) of its columns.
fn normalise<E: Real>(x: &mut [E], width: usize) -> Vec<f64> {
    let share = width as f64 / x.len() as f64;
    // About the first row, so that nothing cancels where the mean is large.
    let shift = x[..width].iter().map(|v| v.wide()).collect::<Vec<_>>();
    let about = tiled(shift.iter().copied());
    let [one, square] = sums(x, x, &about, |x, _, t| [x - t, (x - t) * (x - t)]);
    let variances = one.iter().zip(&square).map(|(a, b)| (b * share - (a * share) * (a * share)).max(0.0));
    let roots: Vec<f64> = variances.map(|v| 1.0 / (v + EPSILON).sqrt()).collect();
    let means = tiled(shift.iter().zip(&one).map(|(s, a)| s + a * share));
    let scales = tiled(roots.iter().copied());
    Arch::new().dispatch(|| {
        for x in x.chunks_mut(means.len()) {
            for ((x, m), s) in x.iter_mut().zip(&means).zip(&scales) {
                *x = E::narrow((x.wide() - m) * s);
            }
        }
    });
    roots
}

/// g ← the gradient of x: s (g − mean g − y mean(g y)).
fn pull_back<E: Real>(g: &mut [E], y: &[E], roots: &[f64]) {
    let share = roots.len() as f64 / g.len() as f64;
    let scales = tiled(roots.iter().copied());
    let [one, own] = sums(g, y, &scales, |g, y, _| [g, g * y]);
    let [one, own] = [one, own].map(|sums| tiled(sums.into_iter().map(|s| s * share).collect::<Vec<_>>().into_iter()));
    Arch::new().dispatch(|| {
        for (g, y) in g.chunks_mut(one.len()).zip(y.chunks(one.len())) {
            for ((((g, y), s), one), own) in g.iter_mut().zip(y).zip(&scales).zip(&one).zip(&own) {
                *g = E::narrow(s * (g.wide() - one - y.wide() * own));
            }
        }
    });
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

    #[test]
    fn a_large_mean_costs_no_digits() {
        // More rows than are taken at once, and a rest of them.
        let x: Vec<f64> = numbers(2 * 21 * 2, 1).iter().map(|v| 1e6 + v).collect();
        let y = untaped().instance_norm(&Value::new(x.clone(), 2), 2);
        for (image, x) in y.data().chunks_exact(42).zip(x.chunks_exact(42)) {
            for k in 0..2 {
                let column = |v: &[f64]| -> Vec<f64> { v.iter().skip(k).step_by(2).copied().collect() };
                let (x, y) = (column(x), column(image));
                let mean = x.iter().sum::<f64>() / 21.0;
                let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 21.0;
                for (x, y) in x.iter().zip(&y) {
                    assert!(((x - mean) / (variance + EPSILON).sqrt() - y).abs() < 1e-8);
                }
            }
        }
    }

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
