//! Random polynomials, and positive ones with a set contrast.

use rand_chacha::ChaCha8Rng;

use super::bernstein::{Bounds, Powers};
use crate::rng::normals;

/// Boxes whose coordinates are up to this size are taken as they are,
const LARGEST: f64 = 2.0;
/// unless a side is shorter than this.
const SHORTEST: f64 = 0.1;
/// How near to its true range that of a polynomial is bounded, relative to it.
const NEAR: f64 = 1e-3;
/// Points whose monomials are made at a time where there is no table.
const BLOCK: usize = 1024;
/// Halvings of a box before a polynomial that may be positive there counts as one that is not.
const HALVINGS: usize = 16;

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

    fn local(&self, x: [f64; D]) -> [f64; D] {
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

    /// out ← the polynomial at all points, as [`Table::evaluate`] has it to the last bit, without a table.
    ///
    /// # Panics
    /// If `out` has not one entry a point.
    pub fn evaluate(&self, coefficients: &[f64], points: &[[f64; D]], out: &mut [f64]) {
        assert_eq!(out.len(), points.len(), "polynomial at its points");
        let mut table = Table { values: Vec::new(), points: 0 };
        for (points, out) in points.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            self.at(points, &mut table.values);
            table.points = points.len();
            table.evaluate(coefficients, out);
        }
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

/// Where polynomials have to be positive: the bounding boxes of the cells of a mesh.
#[derive(Debug, Clone)]
pub struct Domain<const D: usize> {
    /// Around all.
    whole: Bounds<D>,
    cells: Vec<Bounds<D>>,
}

impl<const D: usize> Domain<D> {
    /// Of cells with so many corners each, numbers of points.
    ///
    /// # Panics
    /// If a number is out of range.
    pub fn new(monomials: &Monomials<D>, points: &[[f64; D]], cells: &[u32], corners: usize) -> Self {
        let around = |points: &mut dyn Iterator<Item = [f64; D]>| {
            points.fold([[f64::INFINITY; D], [f64::NEG_INFINITY; D]], |[low, high], x| {
                let x = monomials.local(x);
                [std::array::from_fn(|d| low[d].min(x[d])), std::array::from_fn(|d| high[d].max(x[d]))]
            })
        };
        Domain {
            whole: around(&mut points.iter().copied()),
            cells: cells.chunks_exact(corners).map(|c| around(&mut c.iter().map(|&v| points[v as usize]))).collect(),
        }
    }
}

impl<const D: usize> Monomials<D> {
    /// Makes sure that a polynomial that [`make_positive`] has made is positive between its points too.
    ///
    /// Where bounds by Bernstein coefficients, on boxes halved as often as needed, do not say so, with l and h bounds
    /// of p over the domain, p ← 1 + (contrast − 1) (p − l)/(h − l): then 1 ≤ p ≤ contrast everywhere, and the ends
    /// are met up to 1 ‰. `values`, p at the points, are changed likewise. Returns whether p was changed.
    pub fn keep_positive(&self, domain: &Domain<D>, p: &mut [f64], values: &mut [f64], contrast: f64) -> bool {
        let powers = self.by_powers(p);
        if powers.positive(&[domain.whole], HALVINGS) || powers.positive(&domain.cells, HALVINGS) {
            return false;
        }
        let [low, high] = powers.range(&domain.cells, NEAR);
        if !(low.is_finite() && high > low) {
            return false;
        }
        let scale = (contrast - 1.0) / (high - low);
        p.iter_mut().for_each(|c| *c *= scale);
        if let Some(constant) = p.first_mut() {
            *constant += 1.0 - scale * low;
        }
        values.iter_mut().for_each(|v| *v = 1.0 + scale * (*v - low));
        true
    }

    /// As a product of powers of each coordinate.
    fn by_powers(&self, coefficients: &[f64]) -> Powers<D> {
        let size = self.degree as usize + 1;
        let mut out = vec![0.0; size.pow(D as u32)];
        for (p, c) in self.powers.iter().zip(coefficients) {
            out[p.iter().fold(0, |k, &power| k * size + power as usize)] += c;
        }
        Powers { size, coefficients: out }
    }
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
    fn with_and_without_a_table() {
        let m = Monomials::<3>::new(3);
        let mut rng = stream(2, Purpose::Sample, 0);
        let c = m.draw(&mut rng);
        let points: Vec<[f64; 3]> =
            normals(&mut rng, 3 * (BLOCK + 7)).chunks_exact(3).map(|x: &[f64]| [x[0], x[1], x[2]]).collect();
        let (mut with, mut without) = (vec![0.0; points.len()], vec![0.0; points.len()]);
        m.table(&points).evaluate(&c, &mut with);
        m.evaluate(&c, &points, &mut without);
        assert_eq!(with, without);
        assert!(points.iter().zip(&with).all(|(x, v)| (m.value(&c, *x) - v).abs() < 1e-10 * (1.0 + v.abs())));
    }

    #[test]
    fn what_is_positive_at_points_becomes_positive_everywhere() {
        // The centres of 8 × 8 squares, where the corners of the domain are far from any.
        let m = Monomials::<2>::new(3);
        let point = |k: usize| [((k % 8) as f64 + 0.5) / 8.0, ((k / 8) as f64 + 0.5) / 8.0];
        let points: Vec<[f64; 2]> = (0..64).map(point).collect();
        let corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        let domain = Domain::new(&m, &corners, &[0, 1, 2, 3], 4);
        let fine: Vec<[f64; 2]> = (0..2601).map(|k| [(k % 51) as f64 / 50.0, (k / 51) as f64 / 50.0]).collect();
        let (table, all) = (m.table(&points), m.table(&fine));
        let (mut changed, mut were_negative) = (0, 0);
        for index in 0..200 {
            let mut c = m.draw(&mut stream(4, Purpose::Sample, index));
            let (mut values, mut dense) = (vec![0.0; 64], vec![0.0; 2601]);
            table.evaluate(&c, &mut values);
            make_positive(&mut c, &mut values, 1000.0);
            all.evaluate(&c, &mut dense);
            let negative = dense.iter().any(|&v| v <= 0.0);
            let before = c.clone();
            let now = m.keep_positive(&domain, &mut c, &mut values, 1000.0);
            assert!(now || c == before);
            assert!(now || !negative, "{index}");
            (changed, were_negative) = (changed + usize::from(now), were_negative + usize::from(negative));
            all.evaluate(&c, &mut dense);
            let [low, high] = [f64::min, f64::max].map(|f| dense.iter().copied().reduce(f).unwrap());
            assert!(low > 0.0, "{index}: {low}");
            if now {
                assert!(
                    (1.0 - 1e-9..6.0).contains(&low) && high <= 1000.0 + 1e-6 && high > 990.0,
                    "{index} {low} {high}"
                );
            }
            for (x, v) in points.iter().zip(&values) {
                assert!((m.value(&c, *x) - v).abs() < 1e-9 * 1000.0);
            }
        }
        assert!(were_negative > 50 && changed < were_negative + 10, "{changed} {were_negative}");
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
            m.table(&points).evaluate(&c, &mut values);
            for ((x, unit), v) in points.iter().zip(at([0.0, 0.0], 1.0)).zip(&values) {
                assert!((plain.value(&c, unit) - v).abs() < 1e-8 && (m.value(&c, *x) - v).abs() < 1e-12);
                for (d, g) in m.gradient(&c, *x).into_iter().enumerate() {
                    assert!((g * size - plain.gradient(&c, unit)[d]).abs() < 1e-7);
                    assert!((m.value(&m.derivative(&c, d), *x) - g).abs() < 1e-9 * g.abs().max(1.0 / size));
                }
            }
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
