//! Polynomials that are made positive, with a set contrast; several side by side.

use rayon::prelude::*;

use super::bernstein::Bounds;
use super::polynomial::Monomials;

/// How near to its true range that of a polynomial is bounded, relative to it.
const NEAR: f64 = 1e-3;
/// Halvings of a box before a polynomial that may be positive there counts as one that is not.
const HALVINGS: usize = 16;

/// Points whose values one thread takes at least.
const PIECE: usize = 1 << 16;

/// p ← 1 + scale (p − low).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rescaled {
    low: f64,
    scale: f64,
}

impl Rescaled {
    /// So that p, from `low` to `high`, runs from 1 to `contrast`; constants become 1.
    fn new(low: f64, high: f64, contrast: f64) -> Self {
        let scale = match high > low {
            true => (contrast - 1.0) / (high - low),
            false => 0.0,
        };
        Rescaled { low, scale }
    }

    fn value(self, v: f64) -> f64 {
        1.0 + self.scale * (v - self.low)
    }

    fn coefficients(self, p: &mut [f64]) {
        p.iter_mut().for_each(|c| *c *= self.scale);
        if let Some(constant) = p.first_mut() {
            *constant += 1.0 - self.scale * self.low;
        }
    }
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

/// Makes polynomials positive: p ← 1 + (contrast − 1)(p − min p)/(max p − min p), minimum and maximum over `values`,
/// those of each p at the points that count, which are changed likewise: they then run from 1 to `contrast`. Constants
/// become 1.
///
/// Where p may not be positive between these points, with l and h bounds of p over the domain in place of its minimum
/// and maximum: then 1 ≤ p ≤ contrast everywhere, and the ends are met up to 1 ‰.
///
/// `polynomials` has the coefficients of at most W, `values` a number of each at every point.
///
/// # Panics
/// If there are more than W.
pub fn make_positive<const W: usize, const D: usize>(
    (monomials, domain): (&Monomials<D>, &Domain<D>),
    polynomials: &mut [Vec<f64>],
    values: &mut [[f64; W]],
    contrast: f64,
) {
    positive_at_points(polynomials, values, contrast);
    for (w, p) in polynomials.iter_mut().enumerate() {
        if let Some(rescaled) = keep_positive(monomials, domain, p, contrast) {
            values.iter_mut().for_each(|all| all[w] = rescaled.value(all[w]));
        }
    }
}

fn positive_at_points<const W: usize>(polynomials: &mut [Vec<f64>], values: &mut [[f64; W]], contrast: f64) {
    assert!(polynomials.len() <= W, "polynomials side by side");
    let start = [[f64::INFINITY; W], [f64::NEG_INFINITY; W]];
    let wider = |[a, b]: [[f64; W]; 2], [c, d]: [[f64; W]; 2]| {
        [std::array::from_fn(|w| a[w].min(c[w])), std::array::from_fn(|w| b[w].max(d[w]))]
    };
    // Minima and maxima are the same in any order.
    let [low, high] = values.par_chunks(PIECE).map(range).reduce(|| start, wider);
    let rescaled: [Rescaled; W] = std::array::from_fn(|w| Rescaled::new(low[w], high[w], contrast));
    polynomials.iter_mut().zip(&rescaled).for_each(|(p, rescaled)| rescaled.coefficients(p));
    values.par_chunks_mut(PIECE).for_each(|values| rescale(&rescaled, values));
}

/// The smallest and the largest values.
fn range<const W: usize>(values: &[[f64; W]]) -> [[f64; W]; 2] {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let (mut low, mut high) = ([f64::INFINITY; W], [f64::NEG_INFINITY; W]);
            for all in values {
                for w in 0..W {
                    low[w] = if all[w] < low[w] { all[w] } else { low[w] };
                    high[w] = if all[w] > high[w] { all[w] } else { high[w] };
                }
            }
            [low, high]
        },
    )
}

fn rescale<const W: usize>(rescaled: &[Rescaled; W], values: &mut [[f64; W]]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for all in values {
                for w in 0..W {
                    all[w] = rescaled[w].value(all[w]);
                }
            }
        },
    );
}

/// Changes a polynomial that is positive at points where bounds by Bernstein coefficients, on boxes halved as often as
/// needed, do not say that it is positive between them.
fn keep_positive<const D: usize>(
    monomials: &Monomials<D>,
    domain: &Domain<D>,
    p: &mut [f64],
    contrast: f64,
) -> Option<Rescaled> {
    let powers = monomials.by_powers(p);
    if powers.positive(&[domain.whole], HALVINGS) || powers.positive(&domain.cells, HALVINGS) {
        return None;
    }
    let [low, high] = powers.range(&domain.cells, NEAR);
    if !(low.is_finite() && high > low) {
        return None;
    }
    let rescaled = Rescaled::new(low, high, contrast);
    rescaled.coefficients(p);
    Some(rescaled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

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
            table.evaluate(c.as_chunks::<1>().0, values.as_chunks_mut::<1>().0);
            positive_at_points(std::slice::from_mut(&mut c), values.as_chunks_mut::<1>().0, 1000.0);
            all.evaluate(c.as_chunks::<1>().0, dense.as_chunks_mut::<1>().0);
            let negative = dense.iter().any(|&v| v <= 0.0);
            let before = c.clone();
            let rescaled = keep_positive(&m, &domain, &mut c, 1000.0);
            let now = rescaled.is_some();
            if let Some(rescaled) = rescaled {
                values.iter_mut().for_each(|v| *v = rescaled.value(*v));
            }
            assert!(now || c == before);
            assert!(now || !negative, "{index}");
            (changed, were_negative) = (changed + usize::from(now), were_negative + usize::from(negative));
            all.evaluate(c.as_chunks::<1>().0, dense.as_chunks_mut::<1>().0);
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
    fn contrast_is_met_at_the_points() {
        let m = Monomials::<2>::new(3);
        let points: Vec<[f64; 2]> = (0..400).map(|k| [(k % 20) as f64 / 19.0, (k / 20) as f64 / 19.0]).collect();
        let table = m.table(&points);
        let mut c = m.draw(&mut stream(2, Purpose::Sample, 5));
        let mut values = vec![0.0; points.len()];
        table.evaluate(c.as_chunks::<1>().0, values.as_chunks_mut::<1>().0);
        positive_at_points(std::slice::from_mut(&mut c), values.as_chunks_mut::<1>().0, 50.0);
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        assert!((low - 1.0).abs() < 1e-12 && (high - 50.0).abs() < 1e-10);
        for (x, v) in points.iter().zip(&values) {
            assert!((m.value(&c, *x) - v).abs() < 1e-10);
        }
        let (mut flat, mut ones) = (vec![3.0], vec![3.0; 4]);
        positive_at_points(std::slice::from_mut(&mut flat), ones.as_chunks_mut::<1>().0, 9.0);
        assert_eq!((flat, ones), (vec![1.0], vec![1.0; 4]));
    }
}
