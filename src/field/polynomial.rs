//! Random polynomials.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::bernstein::Powers;
use crate::rng::normals;

/// Boxes whose coordinates are up to this size are taken as they are,
const LARGEST: f64 = 2.0;
/// unless a side is shorter than this.
const SHORTEST: f64 = 0.1;
/// Points at which a thread evaluates at a time.
const BLOCK: usize = 1024;
/// Values at points up to which one thread evaluates them all.
const SHARED: usize = 1 << 20;

/// All monomials up to a total degree in D variables ξ = (x − origin) · scale; ξ = x unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Monomials<const D: usize> {
    powers: Vec<[u32; D]>,
    degree: u32,
    origin: [f64; D],
    scale: [f64; D],
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
        Monomials { powers, degree, origin: [0.0; D], scale: [1.0; D] }
    }

    /// For points of any units: where their coordinates are far from those of the unit square (beyond ±2, or within
    /// 0.1 of each other) ξ runs from 0 to 1 over their bounding box, as powers of large numbers are all parallel and
    /// overflow.
    pub fn over(degree: u32, points: &[[f64; D]]) -> Self {
        let along = |d: usize| points.iter().map(move |p| p[d]);
        let low: [f64; D] = std::array::from_fn(|d| along(d).fold(f64::INFINITY, f64::min));
        let high: [f64; D] = std::array::from_fn(|d| along(d).fold(f64::NEG_INFINITY, f64::max));
        let usual = |d: usize| low[d] >= -LARGEST && high[d] <= LARGEST && high[d] - low[d] >= SHORTEST;
        let plain = Self::new(degree);
        if points.is_empty() || (0..D).all(usual) {
            return plain;
        }
        let scale = std::array::from_fn(|d| if high[d] > low[d] { 1.0 / (high[d] - low[d]) } else { 1.0 });
        Monomials { origin: low, scale, ..plain }
    }

    /// ξ in words, where it is not x.
    pub fn coordinates(&self) -> Option<String> {
        let same = self.origin == [0.0; D] && self.scale == [1.0; D];
        (!same).then(|| format!("(x - origin) * scale, origin = {:?}, scale = {:?}", self.origin, self.scale))
    }

    pub(super) fn local(&self, x: [f64; D]) -> [f64; D] {
        std::array::from_fn(|d| (x[d] - self.origin[d]) * self.scale[d])
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
        let x = self.local(x);
        let term = |(p, c): (&[u32; D], &f64)| c * (0..D).map(|d| x[d].powi(p[d] as i32)).product::<f64>();
        self.powers.iter().zip(coefficients).map(term).sum()
    }

    /// The gradient.
    pub fn gradient(&self, coefficients: &[f64], x: [f64; D]) -> [f64; D] {
        let mut out = [0.0; D];
        let x = self.local(x);
        for (p, c) in self.powers.iter().zip(coefficients) {
            for (e, o) in out.iter_mut().enumerate().filter(|(e, _)| p[*e] > 0) {
                let factor = |d: usize| match d == e {
                    true => f64::from(p[d]) * x[d].powi(p[d] as i32 - 1),
                    false => x[d].powi(p[d] as i32),
                };
                *o += self.scale[e] * c * (0..D).map(factor).product::<f64>();
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
                out[k] += self.scale[d] * f64::from(p[d]) * c;
            }
        }
        out
    }

    /// The monomials at fixed points, to evaluate many polynomials there: `len` numbers a point.
    pub fn table(&self, points: &[[f64; D]]) -> Table {
        let mut values = Vec::new();
        self.at(points, &mut values);
        Table { values, points: points.len() }
    }

    /// out ← W polynomials at all points, as [`Table::evaluate`] has them to the last bit, without a table.
    ///
    /// # Panics
    /// If `out` has not one entry a point.
    pub fn evaluate<const W: usize>(&self, coefficients: &[[f64; W]], points: &[[f64; D]], out: &mut [[f64; W]]) {
        assert_eq!(out.len(), points.len(), "polynomials at their points");
        let pieces = points.par_chunks(BLOCK).zip(out.par_chunks_mut(BLOCK));
        pieces.for_each_init(Vec::new, |values, (points, out)| {
            self.at(points, values);
            evaluate_columns(values, points.len(), 0, coefficients, out);
        });
    }

    /// values ← the monomials one after the other, each at all points.
    pub fn at(&self, points: &[[f64; D]], values: &mut Vec<f64>) {
        values.clear();
        values.reserve_exact(points.len() * self.len());
        // x_d^0 … x_d^degree, point by point.
        let size = self.degree as usize + 1;
        let mut powers = Vec::with_capacity(points.len() * D * size);
        for &x in points {
            for x in self.local(x) {
                powers.extend((0..size).map(|power| x.powi(power as i32)));
            }
        }
        for p in &self.powers {
            let value = |of: &[f64]| (0..D).map(|d| of[d * size + p[d] as usize]).product::<f64>();
            values.extend(powers.chunks_exact(D * size).map(value));
        }
    }

    /// As a product of powers of each coordinate.
    pub(super) fn by_powers(&self, coefficients: &[f64]) -> Powers<D> {
        let size = self.degree as usize + 1;
        let mut out = vec![0.0; size.pow(D as u32)];
        for (p, c) in self.powers.iter().zip(coefficients) {
            out[p.iter().fold(0, |k, &power| k * size + power as usize)] += c;
        }
        Powers { size, coefficients: out }
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
    /// out ← W polynomials side by side at all points: of each term one coefficient a polynomial.
    ///
    /// # Panics
    /// If `out` has not one entry a point.
    pub fn evaluate<const W: usize>(&self, coefficients: &[[f64; W]], out: &mut [[f64; W]]) {
        assert_eq!(out.len(), self.points, "polynomials at their points");
        if out.len() * W <= SHARED {
            return evaluate_columns(&self.values, self.points, 0, coefficients, out);
        }
        let pieces = out.par_chunks_mut(BLOCK).enumerate();
        pieces.for_each(|(k, out)| evaluate_columns(&self.values, self.points, k * BLOCK, coefficients, out));
    }
}

/// out ← W polynomials at some points, from `first` on of those of a table of columns, a monomial each.
fn evaluate_columns<const W: usize>(
    values: &[f64],
    points: usize,
    first: usize,
    coefficients: &[[f64; W]],
    out: &mut [[f64; W]],
) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            if W == 1 {
                let out = out.as_flattened_mut();
                out.fill(0.0);
                for (column, c) in values.chunks_exact(points).zip(coefficients.as_flattened()) {
                    out.iter_mut().zip(&column[first..]).for_each(|(o, v)| *o += c * v);
                }
                return;
            }
            for (p, out) in out.iter_mut().enumerate() {
                let mut sum = [0.0; W];
                for (column, c) in values.chunks_exact(points).zip(coefficients) {
                    let v = column[first + p];
                    for w in 0..W {
                        sum[w] += c[w] * v;
                    }
                }
                *out = sum;
            }
        },
    );
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
    fn side_by_side_has_the_bits_of_one_by_one() {
        let m = Monomials::<2>::new(4);
        let points: Vec<[f64; 2]> = (0..100).map(|k| [(0.1 * f64::from(k)).sin(), 0.01 * f64::from(k)]).collect();
        let table = m.table(&points);
        let all: Vec<Vec<f64>> = (0..4).map(|k| m.draw(&mut stream(6, Purpose::Sample, k))).collect();
        let coefficients: Vec<[f64; 4]> = (0..m.len()).map(|k| std::array::from_fn(|w| all[w][k])).collect();
        let mut together = vec![[0.0; 4]; points.len()];
        table.evaluate(&coefficients, &mut together);
        for (w, c) in all.iter().enumerate() {
            let mut alone = vec![0.0; points.len()];
            table.evaluate(c.as_chunks::<1>().0, alone.as_chunks_mut::<1>().0);
            assert!(alone.iter().zip(&together).all(|(a, all)| a.to_bits() == all[w].to_bits()));
        }
    }

    #[test]
    fn with_and_without_a_table() {
        let m = Monomials::<3>::new(3);
        let mut rng = stream(2, Purpose::Sample, 0);
        let c = m.draw(&mut rng);
        let points: Vec<[f64; 3]> =
            normals(&mut rng, 3 * (BLOCK + 7)).chunks_exact(3).map(|x: &[f64]| [x[0], x[1], x[2]]).collect();
        let (mut with, mut without) = (vec![0.0; points.len()], vec![0.0; points.len()]);
        let terms = c.as_chunks::<1>().0;
        m.table(&points).evaluate(terms, with.as_chunks_mut::<1>().0);
        m.evaluate(terms, &points, without.as_chunks_mut::<1>().0);
        assert_eq!(with, without);
        assert!(points.iter().zip(&with).all(|(x, v)| (m.value(&c, *x) - v).abs() < 1e-10 * (1.0 + v.abs())));
    }

    #[test]
    fn coordinates_far_from_the_unit_square_are_mapped_onto_it() {
        let at = |origin: [f64; 2], size: f64| -> Vec<[f64; 2]> {
            let unit = [[0.0, 0.0], [1.0, 0.0], [0.25, 0.5], [1.0, 1.0]];
            unit.iter().map(|p| [origin[0] + size * p[0], origin[1] + size * p[1]]).collect()
        };
        let plain = Monomials::<2>::new(3);
        for (origin, size) in [([0.0, 0.0], 1.0), ([-1.0, -1.0], 2.0), ([0.5, -2.0], 0.5)] {
            assert_eq!(Monomials::over(3, &at(origin, size)), plain);
        }
        let c = plain.draw(&mut stream(1, Purpose::Sample, 3));
        for (origin, size) in [([4.5e5, 5.4e6], 1e3), ([0.0, 0.0], 1e-6), ([3.0, 0.0], 1.0)] {
            let m = Monomials::over(3, &at(origin, size));
            assert!(m.coordinates().is_some());
            let points = at(origin, size);
            let mut values = vec![0.0; 4];
            m.table(&points).evaluate(c.as_chunks::<1>().0, values.as_chunks_mut::<1>().0);
            for ((x, unit), v) in points.iter().zip(at([0.0, 0.0], 1.0)).zip(&values) {
                assert!((plain.value(&c, unit) - v).abs() < 1e-8 && (m.value(&c, *x) - v).abs() < 1e-12);
                for (d, g) in m.gradient(&c, *x).into_iter().enumerate() {
                    assert!((g * size - plain.gradient(&c, unit)[d]).abs() < 1e-7);
                    assert!((m.value(&m.derivative(&c, d), *x) - g).abs() < 1e-9 * g.abs().max(1.0 / size));
                }
            }
        }
    }
}
