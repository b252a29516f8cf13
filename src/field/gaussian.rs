//! Gaussian random fields on a regular grid in d = 2 or 3 dimensions by FFT, of period 1 in grid points: the N^d values
//! stand at (i, j)/N or (i, j, k)/N.
//!
//! The covariance operator is σ² (−Δ + τ²)^(−α) on functions of mean zero, with σ = τ^(α−d/2): with z_k independent
//! standard complex normals (E |z_k|² = 1),
//!
//! ```text
//! g(x) = Re Σ_{k≠0} √2 σ (4π²|k|² + τ²)^(−α/2) z_k exp(2πi k·x),   k ∈ {−⌊N/2⌋ … ⌈N/2⌉ − 1}^d
//! ```
//!
//! so that E g = 0 and E g(x) g(y) = Σ_{k≠0} σ² (4π²|k|² + τ²)^(−α) cos 2πk·(x − y). These are the fields of Li et al.
//! (2021, arXiv:2010.08895), which NeurKItt draws its coefficients from.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};

use crate::error::{Error, Result};

/// Which field: its smoothness and its inverse length scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrum {
    /// α > d/2 (the variance is finite): a larger one makes smoother fields.
    pub alpha: f64,
    /// τ > 0: features are about 1/τ wide.
    pub tau: f64,
}

impl Spectrum {
    /// √2 σ (4π²|k|² + τ²)^(−α/2), the amplitude of wave number k (d).
    pub fn amplitude(&self, k: &[f64]) -> f64 {
        let sigma = self.tau.powf(self.alpha - 0.5 * k.len() as f64);
        let square = 4.0 * PI * PI * k.iter().map(|k| k * k).sum::<f64>() + self.tau * self.tau;
        SQRT_2 * sigma * square.powf(-0.5 * self.alpha)
    }
}

/// Draws fields on one grid: amplitudes and FFT plan, made once and shared.
#[derive(Clone)]
pub struct Gaussian {
    n: usize,
    dim: usize,
    /// Row-major by (kz, ky, kx), as the FFT orders wave numbers; the zero mode has 0.
    amplitudes: Vec<f64>,
    inverse: Arc<dyn Fft<f64>>,
}

impl std::fmt::Debug for Gaussian {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Gaussian").field("n", &self.n).field("dim", &self.dim).finish()
    }
}

/// Scratch memory of one draw, kept from sample to sample.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    modes: Vec<Complex<f64>>,
    turned: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Gaussian {
    /// Fields on n^dim points (any n ≥ 2), `dim` being 2 or 3.
    ///
    /// # Errors
    /// [`Error::Argument`] unless n ≥ 2, α > dim/2 and τ > 0.
    pub fn new(n: usize, dim: usize, spectrum: Spectrum) -> Result<Self> {
        let Spectrum { alpha, tau } = spectrum;
        let least = 0.5 * dim as f64;
        if n < 2 || !(alpha > least && alpha.is_finite() && tau > 0.0 && tau.is_finite()) {
            return Err(Error::Argument(format!(
                "a Gaussian random field needs 2 points a side, alpha > {least} and tau > 0, not {n}, {alpha} and {tau}"
            )));
        }
        let waves: Vec<f64> = (0..n).map(|i| wave_number(i, n)).collect();
        let wave = |k: usize| (0..dim as u32).map(|axis| waves[k / n.pow(axis) % n]).collect::<Vec<_>>();
        let mut amplitudes: Vec<f64> = (0..n.pow(dim as u32)).map(|k| spectrum.amplitude(&wave(k))).collect();
        amplitudes[0] = 0.0;
        // The planner without vector units: the same bits on every processor.
        let inverse = FftPlannerScalar::new().plan_fft_inverse(n);
        Ok(Gaussian { n, dim, amplitudes, inverse })
    }

    /// Points a side.
    pub fn side(&self) -> usize {
        self.n
    }

    /// field ← a draw, row-major, x fastest (n^dim): normals are taken mode by mode, real part first.
    pub fn draw(&self, rng: &mut ChaCha8Rng, ws: &mut Workspace, field: &mut Vec<f64>) {
        ws.modes.clear();
        ws.modes.extend(self.amplitudes.iter().map(|_| {
            let (re, im): (f64, f64) = (StandardNormal.sample(rng), StandardNormal.sample(rng));
            Complex::new(FRAC_1_SQRT_2 * re, FRAC_1_SQRT_2 * im)
        }));
        self.synthesise(ws, field);
    }

    /// field ← the field of the given standard complex normals z_k, row-major by (kz, ky, kx) (n^dim).
    ///
    /// # Panics
    /// If there is not one normal a mode.
    pub fn of_normals(&self, normals: &[Complex<f64>], ws: &mut Workspace, field: &mut Vec<f64>) {
        assert_eq!(normals.len(), self.amplitudes.len(), "normals of a field");
        ws.modes.clear();
        ws.modes.extend_from_slice(normals);
        self.synthesise(ws, field);
    }

    /// The real part of the inverse transform (without its 1/N^d, which the amplitudes do not have either).
    fn synthesise(&self, ws: &mut Workspace, field: &mut Vec<f64>) {
        let n = self.n;
        for (z, a) in ws.modes.iter_mut().zip(&self.amplitudes) {
            *z *= a;
        }
        let zero = Complex::new(0.0, 0.0);
        ws.turned.resize(ws.modes.len(), zero);
        ws.scratch.resize(self.inverse.get_inplace_scratch_len(), zero);
        // Along the fastest axis, which then becomes the slowest; after all of them the axes stand as before.
        for _ in 0..self.dim {
            self.inverse.process_with_scratch(&mut ws.modes, &mut ws.scratch);
            let lines = ws.modes.len() / n;
            for (line, row) in ws.modes.chunks_exact(n).enumerate() {
                for (x, z) in row.iter().enumerate() {
                    ws.turned[x * lines + line] = *z;
                }
            }
            std::mem::swap(&mut ws.modes, &mut ws.turned);
        }
        field.clear();
        field.extend(ws.modes.iter().map(|z| z.re));
    }
}

/// The wave number at place i of an n-point transform.
fn wave_number(i: usize, n: usize) -> f64 {
    if 2 * i < n { i as f64 } else { i as f64 - n as f64 }
}

/// The periodic n×n field (values at (i, j)/n) at a point: bilinear between the four grid points around it.
///
/// # Panics
/// If the field has not n² values.
pub fn bilinear(field: &[f64], n: usize, [x, y]: [f64; 2]) -> f64 {
    assert_eq!(field.len(), n * n, "values of a field");
    let place = |t: f64| {
        let s = (t - t.floor()) * n as f64;
        let i = (s as usize).min(n - 1);
        (i, (i + 1) % n, s - i as f64)
    };
    let ((i, i1, s), (j, j1, t)) = (place(x), place(y));
    let at = |i: usize, j: usize| field[j * n + i];
    (1.0 - t) * ((1.0 - s) * at(i, j) + s * at(i1, j)) + t * ((1.0 - s) * at(i, j1) + s * at(i1, j1))
}

/// g ← exp(g).
pub fn exponential(field: &mut [f64]) {
    for v in field {
        *v = v.exp();
    }
}

/// g ← exp(a g + b), with a > 0 and b so that the largest value is √contrast and the smallest 1/√contrast.
///
/// A constant field becomes 1.
pub fn exponential_with_contrast(field: &mut [f64], contrast: f64) {
    let (low, high) = range(field);
    let a = if high > low { contrast.ln() / (high - low) } else { 0.0 };
    let middle = 0.5 * (low + high);
    for v in field {
        *v = (a * (*v - middle)).exp();
    }
}

/// (smallest, largest) value.
pub fn range(field: &[f64]) -> (f64, f64) {
    field.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    fn draws(n: usize, alpha: f64, tau: f64, count: u64) -> Vec<Vec<f64>> {
        let g = Gaussian::new(n, 2, Spectrum { alpha, tau }).unwrap();
        let (mut ws, mut field) = (Workspace::default(), Vec::new());
        (0..count)
            .map(|i| {
                g.draw(&mut stream(3, Purpose::Sample, i), &mut ws, &mut field);
                field.clone()
            })
            .collect()
    }

    #[test]
    fn agrees_with_the_sum_of_waves() {
        for n in [2, 5, 6, 9] {
            let spectrum = Spectrum { alpha: 2.5, tau: 7.0 };
            let g = Gaussian::new(n, 2, spectrum).unwrap();
            let normals: Vec<_> = (0..n * n).map(|k| Complex::new((k as f64).sin(), (3.0 * k as f64).cos())).collect();
            let (mut ws, mut field) = (Workspace::default(), Vec::new());
            g.of_normals(&normals, &mut ws, &mut field);
            let half = (n / 2) as i32;
            for y in 0..n {
                for x in 0..n {
                    let mut sum = 0.0;
                    for ky in -half..n as i32 - half {
                        for kx in -half..n as i32 - half {
                            if (kx, ky) == (0, 0) {
                                continue;
                            }
                            let at = |k: i32| k.rem_euclid(n as i32) as usize;
                            let z = normals[at(ky) * n + at(kx)];
                            let (kx, ky) = (f64::from(kx), f64::from(ky));
                            let phase = 2.0 * PI * (kx * x as f64 + ky * y as f64) / n as f64;
                            sum += spectrum.amplitude(&[kx, ky]) * (z.re * phase.cos() - z.im * phase.sin());
                        }
                    }
                    assert!((field[y * n + x] - sum).abs() < 1e-13, "n = {n}, ({x}, {y})");
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_sum_of_waves_in_three_dimensions() {
        let spectrum = Spectrum { alpha: 2.5, tau: 5.0 };
        for n in [3usize, 4] {
            let g = Gaussian::new(n, 3, spectrum).unwrap();
            let count = n * n * n;
            let normals: Vec<_> = (0..count).map(|k| Complex::new((k as f64).sin(), (3.0 * k as f64).cos())).collect();
            let (mut ws, mut field) = (Workspace::default(), Vec::new());
            g.of_normals(&normals, &mut ws, &mut field);
            let place = |k: usize| [k % n, k / n % n, k / (n * n)];
            for (at, value) in field.iter().enumerate() {
                let mut sum = 0.0;
                for (k, z) in normals.iter().enumerate().skip(1) {
                    let wave = place(k).map(|i| wave_number(i, n));
                    let phase: f64 = wave.iter().zip(place(at)).map(|(k, x)| 2.0 * PI * k * x as f64 / n as f64).sum();
                    sum += spectrum.amplitude(&wave) * (z.re * phase.cos() - z.im * phase.sin());
                }
                assert!((value - sum).abs() < 1e-13, "n = {n}, point {at}");
            }
        }
    }

    #[test]
    fn mean_zero_and_the_covariance_of_the_spectrum() {
        let (n, alpha, tau, count) = (12, 2.0, 3.0, 4000u64);
        let spectrum = Spectrum { alpha, tau };
        let covariance = |dx: f64, dy: f64| {
            let mut sum = 0.0;
            for ky in -6..6 {
                for kx in -6..6 {
                    if (kx, ky) != (0, 0) {
                        let (kx, ky) = (f64::from(kx), f64::from(ky));
                        let phase = 2.0 * PI * (kx * dx + ky * dy) / 12.0;
                        sum += 0.5 * spectrum.amplitude(&[kx, ky]).powi(2) * phase.cos();
                    }
                }
            }
            sum
        };
        let fields = draws(n, alpha, tau, count);
        let variance = covariance(0.0, 0.0);
        for field in &fields {
            // The zero mode is 0: every field has mean zero itself.
            assert!(field.iter().sum::<f64>().abs() < 1e-11);
        }
        for (dx, dy) in [(0, 0), (1, 0), (0, 3), (2, 1), (6, 6)] {
            let mut sum = 0.0;
            for field in &fields {
                for y in 0..n {
                    for x in 0..n {
                        sum += field[y * n + x] * field[(y + dy) % n * n + (x + dx) % n];
                    }
                }
            }
            let found = sum / (count as f64 * (n * n) as f64);
            let exact = covariance(dx as f64, dy as f64);
            assert!((found - exact).abs() < 0.03 * variance, "({dx}, {dy}): {found} against {exact}");
        }
    }

    #[test]
    fn bilinear_is_periodic_exact_at_grid_points_and_for_planes() {
        let n = 4;
        let field: Vec<f64> = (0..16).map(|k| (k % 4) as f64 + 10.0 * (k / 4) as f64).collect();
        for k in 0..16 {
            let p = [(k % 4) as f64 / 4.0, (k / 4) as f64 / 4.0];
            assert_eq!(bilinear(&field, n, p), field[k]);
            assert_eq!(bilinear(&field, n, [p[0] + 1.0, p[1] - 2.0]), field[k]);
        }
        assert!((bilinear(&field, n, [0.3, 0.55]) - (1.2 + 22.0)).abs() < 1e-12);
        // Between the last column and the first one again.
        assert!((bilinear(&field, n, [0.875, 0.0]) - 1.5).abs() < 1e-12);
        assert!(bilinear(&field, n, [-1e-18, 0.0]).is_finite());
    }

    #[test]
    fn contrast_is_what_was_asked_for() {
        let mut field = draws(9, 2.0, 3.0, 1).remove(0);
        let order = |f: &[f64]| {
            let mut by: Vec<usize> = (0..f.len()).collect();
            by.sort_by(|&a, &b| f[a].total_cmp(&f[b]));
            by
        };
        let before = order(&field);
        exponential_with_contrast(&mut field, 1e4);
        let (low, high) = range(&field);
        assert!((high / 100.0 - 1.0).abs() < 1e-12 && (low * 100.0 - 1.0).abs() < 1e-12);
        assert_eq!(order(&field), before);
        let mut flat = vec![3.0; 4];
        exponential_with_contrast(&mut flat, 10.0);
        assert_eq!(flat, [1.0; 4]);
    }

    #[test]
    fn bad_parameters_are_refused() {
        let refused = |n, alpha, tau| Gaussian::new(n, 2, Spectrum { alpha, tau }).is_err();
        assert!(refused(1, 2.0, 3.0) && refused(4, 1.0, 3.0) && refused(4, 2.0, 0.0));
        assert!(refused(4, f64::NAN, 3.0) && refused(4, 2.0, f64::INFINITY));
        let cube = |alpha| Gaussian::new(4, 3, Spectrum { alpha, tau: 3.0 });
        assert!(cube(1.5).is_err() && cube(1.6).is_ok());
    }
}
