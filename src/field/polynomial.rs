//! Random polynomials, and positive ones with a set contrast.

use rand_chacha::ChaCha8Rng;

use crate::rng::normals;

/// All monomials up to a total degree in D variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monomials<const D: usize> {
    powers: Vec<[u32; D]>,
}

impl<const D: usize> Monomials<D> {
    /// By rising degree; within one, powers of the first variable fall.
    pub fn new(degree: u32) -> Self {
        let mut powers = Vec::new();
        for total in 0..=degree {
            let mut of_degree = Vec::new();
            fill(total, 0, &mut [0; D], &mut of_degree);
            powers.extend(of_degree);
        }
        Monomials { powers }
    }

    /// How many there are: (degree + D choose D).
    pub fn len(&self) -> usize {
        self.powers.len()
    }

    /// Never: the constant is always there.
    pub fn is_empty(&self) -> bool {
        self.powers.is_empty()
    }

    /// Exponents, in the order of the coefficients.
    pub fn powers(&self) -> &[[u32; D]] {
        &self.powers
    }

    /// Σ c_k x^{p_k}.
    pub fn value(&self, coefficients: &[f64], x: [f64; D]) -> f64 {
        let term = |(p, c): (&[u32; D], &f64)| c * (0..D).map(|d| x[d].powi(p[d] as i32)).product::<f64>();
        self.powers.iter().zip(coefficients).map(term).sum()
    }

    /// The gradient.
    pub fn gradient(&self, coefficients: &[f64], x: [f64; D]) -> [f64; D] {
        let mut out = [0.0; D];
        for (p, c) in self.powers.iter().zip(coefficients) {
            for (e, o) in out.iter_mut().enumerate().filter(|(e, _)| p[*e] > 0) {
                let factor = |d: usize| match d == e {
                    true => f64::from(p[d]) * x[d].powi(p[d] as i32 - 1),
                    false => x[d].powi(p[d] as i32),
                };
                *o += c * (0..D).map(factor).product::<f64>();
            }
        }
        out
    }

    /// Coefficients of ∂p/∂x_d, on the same monomials.
    pub fn derivative(&self, coefficients: &[f64], d: usize) -> Vec<f64> {
        let mut out = vec![0.0; self.len()];
        for (p, c) in self.powers.iter().zip(coefficients).filter(|(p, _)| p[d] > 0) {
            let mut lower = *p;
            lower[d] -= 1;
            if let Some(k) = self.powers.iter().position(|q| *q == lower) {
                out[k] += f64::from(p[d]) * c;
            }
        }
        out
    }

    /// The monomials at fixed points, to evaluate many polynomials there.
    pub fn table(&self, points: &[[f64; D]]) -> Table {
        let mut values = Vec::with_capacity(points.len() * self.len());
        for p in &self.powers {
            let value = |x: &[f64; D]| (0..D).map(|d| x[d].powi(p[d] as i32)).product::<f64>();
            values.extend(points.iter().map(value));
        }
        Table { values, points: points.len() }
    }

    /// Standard normal coefficients.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        normals(rng, self.len())
    }
}

fn fill<const D: usize>(left: u32, d: usize, now: &mut [u32; D], out: &mut Vec<[u32; D]>) {
    if d + 1 == D {
        now[d] = left;
        out.push(*now);
        return;
    }
    for power in (0..=left).rev() {
        now[d] = power;
        fill(left - power, d + 1, now, out);
    }
}

/// Monomials at fixed points.
#[derive(Debug, Clone)]
pub struct Table {
    /// Monomial by monomial.
    values: Vec<f64>,
    points: usize,
}

impl Table {
    /// out ← the polynomial at all points.
    ///
    /// # Panics
    /// If `out` has not one entry a point.
    pub fn evaluate(&self, coefficients: &[f64], out: &mut [f64]) {
        assert_eq!(out.len(), self.points, "polynomial at its points");
        out.fill(0.0);
        for (column, c) in self.values.chunks_exact(self.points).zip(coefficients) {
            out.iter_mut().zip(column).for_each(|(o, v)| *o += c * v);
        }
    }
}

/// Makes a polynomial positive: p ← 1 + (contrast − 1)(p − min p)/(max p − min p), minimum and maximum over `values`,
/// which are those of p at the points that count, and which are changed likewise: they then run from 1 to `contrast`.
/// Constants become 1.
pub fn make_positive(coefficients: &mut [f64], values: &mut [f64], contrast: f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scale = match high > low {
        true => (contrast - 1.0) / (high - low),
        false => 0.0,
    };
    coefficients.iter_mut().for_each(|c| *c *= scale);
    if let Some(constant) = coefficients.first_mut() {
        *constant += 1.0 - scale * low;
    }
    values.iter_mut().for_each(|v| *v = 1.0 + scale * (*v - low));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    #[test]
    fn counts_and_derivatives() {
        assert_eq!(Monomials::<2>::new(3).len(), 10);
        assert_eq!(Monomials::<3>::new(2).len(), 10);
        assert_eq!(Monomials::<2>::new(1).powers(), [[0, 0], [1, 0], [0, 1]]);
        let m = Monomials::<3>::new(4);
        let c = m.draw(&mut stream(1, Purpose::Sample, 0));
        let x = [0.3, 0.7, 0.2];
        for (d, g) in m.gradient(&c, x).into_iter().enumerate() {
            let at = |h: f64| {
                let mut y = x;
                y[d] += h;
                m.value(&c, y)
            };
            assert!((g - (at(1e-6) - at(-1e-6)) / 2e-6).abs() < 1e-8);
            assert!((m.value(&m.derivative(&c, d), x) - g).abs() < 1e-12);
        }
    }

    #[test]
    fn contrast_is_met_at_the_points() {
        let m = Monomials::<2>::new(3);
        let points: Vec<[f64; 2]> = (0..400).map(|k| [(k % 20) as f64 / 19.0, (k / 20) as f64 / 19.0]).collect();
        let table = m.table(&points);
        let mut c = m.draw(&mut stream(2, Purpose::Sample, 5));
        let mut values = vec![0.0; points.len()];
        table.evaluate(&c, &mut values);
        make_positive(&mut c, &mut values, 50.0);
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        assert!((low - 1.0).abs() < 1e-12 && (high - 50.0).abs() < 1e-10);
        for (x, v) in points.iter().zip(&values) {
            assert!((m.value(&c, *x) - v).abs() < 1e-10);
        }
        let (mut flat, mut ones) = (vec![3.0], vec![3.0; 4]);
        make_positive(&mut flat, &mut ones, 9.0);
        assert_eq!((flat, ones), (vec![1.0], vec![1.0; 4]));
    }
}
