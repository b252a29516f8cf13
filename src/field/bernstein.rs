//! Rigorous bounds of polynomials: on a box the value lies between the least and the largest Bernstein coefficient.
//!
//! Reference: Garloff (1993), doi:10.1007/978-94-015-8119-7; halving a box makes the bounds quadratically better.

use rayon::prelude::*;

/// A polynomial in powers of each of D coordinates, `size` = degree + 1 of them; the last runs fastest.
#[derive(Debug, Clone)]
pub(super) struct Powers<const D: usize> {
    pub(super) size: usize,
    pub(super) coefficients: Vec<f64>,
}

/// Two corners.
pub(super) type Bounds<const D: usize> = [[f64; D]; 2];

/// Boxes looked at in all before an answer is given up as it stands.
const MOST: usize = 200_000;

/// From so many boxes on threads share them, in pieces.
const MANY: usize = 1 << 15;
const PIECE: usize = 1 << 10;

impl<const D: usize> Powers<D> {
    /// On a box: bounds of the value, and the values at two opposite corners and the middle, which are attained.
    fn on(&self, [low, high]: &Bounds<D>) -> Patch {
        let n = self.size;
        let mut c = self.coefficients.clone();
        let mut line = vec![0.0; n];
        for d in 0..D {
            let stride = n.pow((D - 1 - d) as u32);
            let (start, width) = (low[d], high[d] - low[d]);
            for first in (0..c.len()).filter(|k| (k / stride).is_multiple_of(n)) {
                line.iter_mut().enumerate().for_each(|(k, v)| *v = c[first + k * stride]);
                shifted(&mut line, start, width);
                bernstein(&mut line);
                line.iter().enumerate().for_each(|(k, v)| c[first + k * stride] = *v);
            }
        }
        let size = c.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        // Rounding of the change of basis.
        let slack = 1e-13 * size * n as f64;
        let corners = [c.first(), c.last()].map(|v| v.copied().unwrap_or(0.0));
        Patch {
            low: c.iter().copied().fold(f64::INFINITY, f64::min) - slack,
            high: c.iter().copied().fold(f64::NEG_INFINITY, f64::max) + slack,
            attained: [corners[0].min(corners[1]), corners[0].max(corners[1])],
        }
    }

    /// Bounds of the value on all `boxes`, no further than `tolerance` times its range from values it takes.
    pub(super) fn range(&self, boxes: &[Bounds<D>], tolerance: f64) -> [f64; 2] {
        let mut open: Vec<(Bounds<D>, Patch)> = boxes.iter().map(|b| (*b, self.on(b))).collect();
        let mut seen = open.len();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut taken = [f64::INFINITY, f64::NEG_INFINITY];
        while !open.is_empty() {
            for (_, p) in &open {
                taken = [taken[0].min(p.attained[0]), taken[1].max(p.attained[1])];
            }
            let near = tolerance * (taken[1] - taken[0]);
            let mut next = Vec::new();
            for (bounds, patch) in open {
                let fine = patch.low >= taken[0] - near && patch.high <= taken[1] + near;
                if fine || seen > MOST {
                    (low, high) = (low.min(patch.low), high.max(patch.high));
                } else {
                    let halves = halves(&bounds);
                    seen += 2;
                    next.extend(halves.map(|b| (b, self.on(&b))));
                }
            }
            open = next;
        }
        [low, high]
    }

    /// Whether the value is above zero on all `boxes`; boxes are halved up to `depth` times before the answer is no.
    /// Threads share many boxes.
    pub(super) fn positive(&self, boxes: &[Bounds<D>], depth: usize) -> bool {
        let one = |b: &Bounds<D>| {
            let patch = self.on(b);
            patch.low > 0.0 || (depth > 0 && patch.attained[0] > 0.0 && self.positive(&halves(b), depth - 1))
        };
        match boxes.len() < MANY {
            true => boxes.iter().all(one),
            false => boxes.par_chunks(PIECE).all(|boxes| boxes.iter().all(one)),
        }
    }
}

struct Patch {
    low: f64,
    high: f64,
    attained: [f64; 2],
}

/// A box cut in two across its longest side.
fn halves<const D: usize>([low, high]: &Bounds<D>) -> [Bounds<D>; 2] {
    let longest = (0..D).max_by(|&a, &b| (high[a] - low[a]).total_cmp(&(high[b] - low[b]))).unwrap_or(0);
    let middle = 0.5 * (low[longest] + high[longest]);
    let (mut upper, mut lower) = ([*low, *high], [*low, *high]);
    lower[1][longest] = middle;
    upper[0][longest] = middle;
    [lower, upper]
}

/// Coefficients of p(start + width t) from those of p.
fn shifted(c: &mut [f64], start: f64, width: f64) {
    for lowest in 0..c.len() {
        for k in (lowest..c.len() - 1).rev() {
            c[k] += start * c[k + 1];
        }
    }
    let mut power = 1.0;
    for v in c {
        *v *= power;
        power *= width;
    }
}

/// Bernstein coefficients on [0, 1] from those of powers: b_i = Σ_{j ≤ i} (i over j)/(n over j) a_j.
fn bernstein(c: &mut [f64]) {
    let n = c.len() - 1;
    let over = |n: usize, k: usize| (0..k).fold(1.0, |v, i| v * (n - i) as f64 / (i + 1) as f64);
    for (j, v) in c.iter_mut().enumerate() {
        *v /= over(n, j);
    }
    // Differences undone one after the other.
    for step in 1..=n {
        for i in (step..=n).rev() {
            c[i] += c[i - 1];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_are_close() {
        // (x − 0.3)² (y − 0.6)² + 0.01 on the unit square: from 0.01 to 0.49 · 0.36 + 0.01.
        let (x, y) = ([0.09, -0.6, 1.0], [0.36, -1.2, 1.0]);
        let mut coefficients: Vec<f64> = x.iter().flat_map(|a| y.iter().map(move |b| a * b)).collect();
        coefficients[0] += 0.01;
        let p = Powers::<2> { size: 3, coefficients };
        let unit = [[0.0; 2], [1.0; 2]];
        let [low, high] = p.range(&[unit], 1e-3);
        assert!(low <= 0.01 && low > 0.01 - 2e-4, "{low}");
        assert!((0.1864..0.1866).contains(&high), "{high}");
        assert!(p.positive(&[unit], 20));
        let mut below = p.clone();
        below.coefficients[0] -= 0.0101;
        assert!(!below.positive(&[unit], 20));
        // On the part away from the zero that much is missing.
        assert!(below.positive(&[[[0.4, 0.0], [1.0, 0.4]]], 20));
        for i in 0..=20 {
            for j in 0..=20 {
                let (s, t) = (f64::from(i) / 20.0, f64::from(j) / 20.0);
                let value = (s - 0.3f64).powi(2) * (t - 0.6f64).powi(2) + 0.01;
                assert!(low <= value && value <= high);
            }
        }
    }
}
