//! Spectral convolution: products in Fourier space on the low modes of images (Li et al. 2021, arXiv:2010.08895,
//! section 4), as truncated real transforms: two thin matrix products a direction, on images of any size.

use std::f64::consts::TAU;

use dfdx::prelude::{Axes3, Cpu, Device, HasShape, PermuteTo, ReshapeTo, Tape, TryMatMul};
use pulp::Arch;
use rayon::prelude::*;

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table, narrow};
use super::engine::{Engine, Param};
use super::fused::{FusedOps, Slot, Value};
use super::gemm::{Rows, gemm};
use crate::nn::Real;

/// Images of one size in a table: one row a pixel, image after image, row after row, x fastest; and the modes kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Images {
    /// How many.
    pub count: usize,
    /// Pixels a side.
    pub side: usize,
    /// Frequencies k of each direction: |k_y| ≤ modes (without +modes), 0 ≤ k_x < modes; at most side / 2.
    pub modes: usize,
}

impl Images {
    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.side * self.side
    }

    /// Complex weights a pair of channels.
    pub fn weights(modes: usize) -> usize {
        2 * modes * modes
    }

    /// k_y of each kept row of the spectrum: 0, 1, …, modes − 1, −modes, …, −1.
    fn rows(&self) -> impl Iterator<Item = f64> {
        let m = self.modes as i32;
        (0..m).chain(-m..0).map(f64::from)
    }

    /// Weight of a mode in the inverse transform: those of k_x > 0 stand for their conjugates too.
    fn weight(&self, mode: usize) -> f64 {
        let twice = if mode.is_multiple_of(self.modes) { 1.0 } else { 2.0 };
        twice / self.pixels() as f64
    }
}

/// Spectral convolutions.
pub trait SpectralOp: Engine {
    /// y = F⁻¹(R · F x) with F the discrete Fourier transform in both directions, R a complex (in × out) matrix for
    /// each of the modes kept and 0 for the others: x (pixels × in) → (pixels × out); real and imaginary part of R each
    /// (2 modes² · in × out), mode by mode.
    fn spectral(&mut self, x: &Self::Value, weights: [&Param<Self>; 2], images: Images) -> Self::Value;
}

/// The transform of images of one size, and its transpose.
struct Transform<E> {
    images: Images,
    /// Rows cos(2π k x / side) of all k_x, then −sin: 2 modes × side.
    along: Vec<E>,
    /// cos(2π k y / side): 2 modes × side.
    cosines: Vec<E>,
    /// sin(2π k y / side): 2 modes × side.
    sines: Vec<E>,
}

impl<E: Real> Transform<E> {
    fn new(images: Images) -> Self {
        let side = images.side;
        let table = |rows: Vec<f64>, f: fn(f64) -> f64| -> Vec<E> {
            let angle = |k: f64, x: usize| TAU * ((k * x as f64).rem_euclid(side as f64)) / side as f64;
            rows.iter().flat_map(|&k| (0..side).map(move |x| E::narrow(f(angle(k, x))))).collect()
        };
        let low = || (0..images.modes).map(|k| k as f64).collect::<Vec<_>>();
        let mut along = table(low(), f64::cos);
        along.extend(table(low(), |t| -t.sin()));
        let rows = || images.rows().collect::<Vec<_>>();
        Transform { images, along, cosines: table(rows(), f64::cos), sines: table(rows(), f64::sin) }
    }

    /// The modes of an image (pixels × c): real parts (2 modes² × c), then imaginary ones.
    fn forward(&self, x: &[E], c: usize) -> [Vec<E>; 2] {
        let (m, side) = (self.images.modes, self.images.side);
        let half = m * c;
        let mut lines = vec![E::default(); side * 2 * half];
        for (line, x) in lines.chunks_exact_mut(2 * half).zip(x.chunks_exact(side * c)) {
            gemm(line, false, Rows::new(&self.along, side), Rows::new(x, c));
        }
        let lines = Rows::new(&lines, 2 * half);
        let [mut u, mut v] = [0; 2].map(|_| vec![E::default(); 2 * m * 2 * half]);
        gemm(&mut u, false, Rows::new(&self.cosines, side), lines);
        gemm(&mut v, false, Rows::new(&self.sines, side), lines);
        // e^{−iθ} (a + i b) = (cos a + sin b) + i (cos b − sin a).
        let [mut re, mut im] = [0; 2].map(|_| Vec::with_capacity(2 * m * half));
        for (u, v) in u.chunks_exact(2 * half).zip(v.chunks_exact(2 * half)) {
            re.extend(u[..half].iter().zip(&v[half..]).map(|(&u, &v)| u + v));
            im.extend(u[half..].iter().zip(&v[..half]).map(|(&u, &v)| u - v));
        }
        [re, im]
    }

    /// The transpose of [`Transform::forward`].
    fn transposed(&self, [re, im]: [&[E]; 2], c: usize, out: &mut [E]) {
        let (m, side) = (self.images.modes, self.images.side);
        let half = m * c;
        // Lines: real part Cᵀ re − Sᵀ im, imaginary part Cᵀ im + Sᵀ re.
        let rows = || re.chunks_exact(half).zip(im.chunks_exact(half));
        let by_cosines: Vec<E> = rows().flat_map(|(re, im)| re.iter().chain(im).copied()).collect();
        let minus = E::narrow(-1.0);
        let by_sines: Vec<E> =
            rows().flat_map(|(re, im)| im.iter().map(move |&im| minus * im).chain(re.iter().copied())).collect();
        let mut lines = vec![E::default(); side * 2 * half];
        gemm(&mut lines, false, Rows::new(&self.cosines, side).t(), Rows::new(&by_cosines, 2 * half));
        gemm(&mut lines, true, Rows::new(&self.sines, side).t(), Rows::new(&by_sines, 2 * half));
        for (line, out) in lines.chunks_exact(2 * half).zip(out.chunks_exact_mut(side * c)) {
            gemm(out, false, Rows::new(&self.along, side).t(), Rows::new(line, c));
        }
    }

    /// Every mode times its weight in the inverse transform.
    fn weigh(&self, parts: &mut [Vec<E>; 2], c: usize) {
        for part in parts {
            for (mode, row) in part.chunks_exact_mut(c).enumerate() {
                let weight = E::narrow(self.images.weight(mode));
                row.iter_mut().for_each(|v| *v *= weight);
            }
        }
    }
}

/// Complex numbers: real parts, then imaginary ones.
type Parts<'a, E> = [&'a [E]; 2];

/// y ← y + x R over modes: x (modes × p), R (modes · p × q), y (modes × q), all complex.
#[inline(always)]
fn mix<E: Real>([yr, yi]: [&mut [E]; 2], [xr, xi]: Parts<E>, [rr, ri]: Parts<E>, [p, q]: [usize; 2]) {
    let made = yr.chunks_exact_mut(q).zip(yi.chunks_exact_mut(q));
    let seen = xr.chunks_exact(p).zip(xi.chunks_exact(p));
    let weights = rr.chunks_exact(p * q).zip(ri.chunks_exact(p * q));
    for (((yr, yi), (xr, xi)), (rr, ri)) in made.zip(seen).zip(weights) {
        let rows = rr.chunks_exact(q).zip(ri.chunks_exact(q));
        for ((&a, &b), (rr, ri)) in xr.iter().zip(xi).zip(rows) {
            for (((yr, yi), &rr), &ri) in yr.iter_mut().zip(&mut *yi).zip(rr).zip(ri) {
                *yr += a * rr - b * ri;
                *yi += a * ri + b * rr;
            }
        }
    }
}

/// R ← R + conj(x)ᵀ y over modes.
#[inline(always)]
fn outer<E: Real>([rr, ri]: [&mut [E]; 2], [xr, xi]: Parts<E>, [yr, yi]: Parts<E>, [p, q]: [usize; 2]) {
    let made = yr.chunks_exact(q).zip(yi.chunks_exact(q));
    let seen = xr.chunks_exact(p).zip(xi.chunks_exact(p));
    let weights = rr.chunks_exact_mut(p * q).zip(ri.chunks_exact_mut(p * q));
    for (((yr, yi), (xr, xi)), (rr, ri)) in made.zip(seen).zip(weights) {
        let rows = rr.chunks_exact_mut(q).zip(ri.chunks_exact_mut(q));
        for ((&a, &b), (rr, ri)) in xr.iter().zip(xi).zip(rows) {
            for (((rr, ri), &yr), &yi) in rr.iter_mut().zip(ri).zip(yr).zip(yi) {
                *rr += a * yr + b * yi;
                *ri += a * yi - b * yr;
            }
        }
    }
}

/// The conjugate transpose of R (modes · p × q): modes · q × p.
fn adjoint<E: Real>([rr, ri]: Parts<E>, [p, q]: [usize; 2]) -> [Vec<E>; 2] {
    let of = |part: &[E], sign: E| -> Vec<E> {
        let mode = |r: &[E]| (0..p * q).map(|at| sign * r[at % p * q + at / p]).collect::<Vec<_>>();
        part.chunks_exact(p * q).flat_map(mode).collect()
    };
    [of(rr, E::narrow(1.0)), of(ri, E::narrow(-1.0))]
}

impl<E: Real, T: Tape<E, Cpu>> SpectralOp for FusedOps<E, T> {
    fn spectral(&mut self, x: &Value<E>, [re, im]: [&Param<Self>; 2], images: Images) -> Value<E> {
        let (p, q) = (x.cols(), re.shape().1);
        let (modes, arch) = (Images::weights(images.modes), Arch::new());
        let transform = Transform::new(images);
        let (r, i) = (re.as_vec(), im.as_vec());
        let mut y = vec![E::default(); images.count * images.pixels() * q];
        let spectra: Vec<[Vec<E>; 2]> = y
            .par_chunks_mut(images.pixels() * q)
            .zip(x.data().par_chunks(images.pixels() * p))
            .map(|(y, x)| {
                let seen = transform.forward(x, p);
                let mut made = [0; 2].map(|_| vec![E::default(); modes * q]);
                let [re, im] = &mut made;
                arch.dispatch(|| mix([re, im], [&seen[0], &seen[1]], [&r, &i], [p, q]));
                transform.weigh(&mut made, q);
                transform.transposed([&made[0], &made[1]], q, y);
                seen
            })
            .collect();
        let out = Value::new(y, q);
        let (sx, so, slots) = (x.slot(), out.slot(), [Slot::of(re), Slot::of(im)]);
        self.tape.add_backward_op(move |grads| {
            let Some(g) = so.take(grads) else {
                return Ok(());
            };
            let adjoint = adjoint([&r, &i], [p, q]);
            let mut dx = vec![E::default(); images.count * images.pixels() * p];
            let parts: Vec<[Vec<E>; 2]> = dx
                .par_chunks_mut(images.pixels() * p)
                .zip(g.par_chunks(images.pixels() * q))
                .zip(&spectra)
                .map(|((dx, g), seen)| {
                    let mut made = transform.forward(g, q);
                    transform.weigh(&mut made, q);
                    let mut back = [0; 2].map(|_| vec![E::default(); modes * p]);
                    let mut weights = [0; 2].map(|_| vec![E::default(); modes * p * q]);
                    let ([re, im], [wr, wi]) = (&mut back, &mut weights);
                    arch.dispatch(|| {
                        mix([re, im], [&made[0], &made[1]], [&adjoint[0], &adjoint[1]], [q, p]);
                        outer([wr, wi], [&seen[0], &seen[1]], [&made[0], &made[1]], [p, q]);
                    });
                    transform.transposed([&back[0], &back[1]], p, dx);
                    weights
                })
                .collect();
            sx.add(grads, dx);
            for (k, slot) in slots.iter().enumerate() {
                let mut total = vec![E::default(); modes * p * q];
                for part in &parts {
                    total.iter_mut().zip(&part[k]).for_each(|(t, &v)| *t += v);
                }
                slot.add(grads, total);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> SpectralOp for DfdxOps<E, D, T> {
    /// By the dense basis of the modes kept (modes × pixels).
    fn spectral(&mut self, x: &Table<E, D>, [re, im]: [&Param<Self>; 2], images: Images) -> Table<E, D> {
        let (p, q, n, pixels) = (x.shape().1, re.shape().1, images.count, images.pixels());
        let modes = Images::weights(images.modes);
        let (side, kept) = (images.side, images.modes);
        let basis = |f: fn(f64) -> f64| -> Vec<f64> {
            let frequencies = images.rows().flat_map(|ky| (0..kept).map(move |kx| (ky, kx as f64)));
            let angle = |(ky, kx): (f64, f64), at: usize| {
                let turns = ky * (at / side) as f64 + kx * (at % side) as f64;
                TAU * turns.rem_euclid(side as f64) / side as f64
            };
            frequencies.flat_map(|k| (0..pixels).map(move |at| f(angle(k, at)))).collect()
        };
        let [cosines, sines] = [basis(f64::cos), basis(f64::sin)];
        // Pixels as rows, images and channels as columns.
        let x = self.on(x, |x| x.reshape_like(&(n, pixels, p)).permute::<(usize, usize, usize), Axes3<1, 0, 2>>());
        let x = self.on(&x, |x| x.reshape_like(&(pixels, n * p)));
        let parts = [(&cosines, 1.0), (&sines, -1.0)].map(|(basis, sign)| {
            let basis = self.constant(narrow(basis.iter().map(|b| sign * b)), pixels);
            let y = self.on(&basis, |b| b.matmul(x.clone()));
            self.on(&y, |y| y.reshape_like(&(modes, n, p)))
        });
        let weights = [re, im].map(|w| self.on(w, |w| w.reshape_like(&(modes, p, q))));
        let mut product = |s: usize, w: usize, sign: f64| {
            let y = self.on(&parts[s], |x| x.matmul(weights[w].clone()));
            self.on(&y, |y| y.reshape_like(&(modes, n * q)) * E::narrow(sign))
        };
        let made = [[product(0, 0, 1.0), product(1, 1, -1.0)], [product(0, 1, 1.0), product(1, 0, 1.0)]];
        let mut sum: Option<Table<E, D>> = None;
        for ([a, b], (basis, sign)) in made.iter().zip([(&cosines, 1.0), (&sines, -1.0)]) {
            let spectrum = self.add(a, b);
            // Pixels × modes, weighed.
            let at = |at: usize, mode: usize| sign * images.weight(mode) * basis[mode * pixels + at];
            let back = (0..pixels).flat_map(|pixel| (0..modes).map(move |mode| (pixel, mode)));
            let back = self.constant(narrow(back.map(|(pixel, mode)| at(pixel, mode))), modes);
            let y = self.on(&back, |b| b.matmul(spectrum));
            sum = Some(match sum {
                None => y,
                Some(sum) => self.add(&sum, &y),
            });
        }
        let y = sum.unwrap_or_else(|| self.constant(Vec::new(), n * q));
        let y = self.on(&y, |y| y.reshape_like(&(pixels, n, q)).permute::<(usize, usize, usize), Axes3<1, 0, 2>>());
        self.on(&y, |y| y.reshape_like(&(n * pixels, q)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{check, numbers, parameter, table, untaped};
    use rustfft::num_complex::Complex;

    const IMAGES: Images = Images { count: 2, side: 5, modes: 2 };

    check!(derivatives, [(50, 2), (16, 3), (16, 3)], |o, _at, p| {
        let x = table(o, &p[0]);
        o.spectral(&x, [&p[1], &p[2]], IMAGES)
    });

    /// Both directions of a square, in place.
    fn fft(values: &mut [Complex<f64>], side: usize, inverse: bool) {
        let mut planner = rustfft::FftPlanner::new();
        let plan = if inverse { planner.plan_fft_inverse(side) } else { planner.plan_fft_forward(side) };
        for _ in 0..2 {
            values.chunks_exact_mut(side).for_each(|row| plan.process(row));
            let turned: Vec<_> = (0..side * side).map(|k| values[k % side * side + k / side]).collect();
            values.copy_from_slice(&turned);
        }
    }

    #[test]
    fn is_the_layer_by_fast_transforms() {
        let (side, modes, p, q) = (12, 4, 2, 3);
        let images = Images { count: 1, side, modes };
        let kept = Images::weights(modes);
        let x = numbers(side * side * p, 1);
        let weights = [numbers(kept * p * q, 2), numbers(kept * p * q, 3)];
        let params = [0, 1].map(|k| parameter(&weights[k], (kept * p, q)));
        let y = untaped().spectral(&Value::new(x.clone(), p), [&params[0], &params[1]], images);
        let spectra: Vec<Vec<Complex<f64>>> = (0..p)
            .map(|c| {
                let mut image: Vec<_> = (0..side * side).map(|k| Complex::new(x[k * p + c], 0.0)).collect();
                fft(&mut image, side, false);
                image
            })
            .collect();
        for o in 0..q {
            let mut made = vec![Complex::new(0.0, 0.0); side * side];
            for (row, ky) in images.rows().enumerate() {
                let ky = ky.rem_euclid(side as f64) as usize;
                for kx in 0..modes {
                    let sum: Complex<f64> = (0..p)
                        .map(|c| {
                            let k = ((row * modes + kx) * p + c) * q + o;
                            spectra[c][ky * side + kx] * Complex::new(weights[0][k], weights[1][k])
                        })
                        .sum();
                    // The real part of twice the modes of k_x > 0 is what they and their conjugates give.
                    made[ky * side + kx] = if kx == 0 { sum } else { 2.0 * sum };
                }
            }
            fft(&mut made, side, true);
            for (k, made) in made.iter().enumerate() {
                let exact = made.re / (side * side) as f64;
                assert!((y.data()[k * q + o] - exact).abs() < 1e-12, "{} for {exact}", y.data()[k * q + o]);
            }
        }
    }

    #[test]
    fn a_wave_gives_the_same_on_any_grid() {
        let weights = [numbers(32, 5), numbers(32, 6)];
        let at_origin = |side: usize| {
            let images = Images { count: 1, side, modes: 4 };
            let wave = |k: usize| (TAU * (2 * (k % side) + k / side) as f64 / side as f64).sin() + 0.5;
            let params = [0, 1].map(|k| parameter(&weights[k], (32, 1)));
            let x = Value::new((0..side * side).map(wave).collect(), 1);
            untaped().spectral(&x, [&params[0], &params[1]], images).data()[0]
        };
        assert!((at_origin(8) - at_origin(19)).abs() < 1e-12);
    }
}
