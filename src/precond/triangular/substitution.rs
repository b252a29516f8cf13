//! Substitution with a triangle. Every row is summed in the same order whatever the schedule: no bit changes.

use super::schedule::{Step, substitution_schedule};
use super::supernodes::Supernodes;
use super::triangle::StrictTriangle;

/// A strict triangle T made ready to solve (I + T) y = b, and the like.
#[derive(Debug, Clone)]
pub struct TriangularSolve<T = f64> {
    triangle: StrictTriangle<T>,
    /// Empty where there are supernodes.
    schedule: Vec<Step>,
    supernodes: Option<Supernodes<T>>,
}

impl TriangularSolve {
    /// The same with entries in single precision; none where one is too large for that.
    pub fn rounded(self) -> Option<TriangularSolve<f32>> {
        Some(TriangularSolve::new(self.triangle.rounded()?))
    }
}

impl<T: Copy + Into<f64>> TriangularSolve<T> {
    /// Finds how substitution runs fastest.
    pub fn new(triangle: StrictTriangle<T>) -> Self {
        let supernodes = Supernodes::of(&triangle);
        let schedule = match supernodes {
            Some(_) => Vec::new(),
            None => substitution_schedule(&triangle),
        };
        TriangularSolve { triangle, schedule, supernodes }
    }

    /// T.
    pub fn triangle(&self) -> &StrictTriangle<T> {
        &self.triangle
    }

    /// For rows in substitution order (rising for lower, falling for upper): yᵢ ← start(i, yᵢ) − Σⱼ tᵢⱼ yⱼ.
    ///
    /// # Panics
    /// If y has the wrong length.
    #[inline]
    pub fn substitute(&self, y: &mut [f64], start: impl Fn(usize, f64) -> f64) {
        assert_eq!(y.len(), self.triangle.n(), "substitution: length of y");
        if let Some(supernodes) = &self.supernodes {
            return supernodes.substitute(y, start);
        }
        for step in &self.schedule {
            match *step {
                Step::Plain { first, end } => {
                    self.run::<1>([first as usize], (end - first) as usize, &mut [0.0], y, &start)
                }
                Step::Side { first, len, width, lag } => {
                    let (first, len, lag) = (first as usize, len as usize, lag as usize);
                    match width {
                        2 => self.side::<2>(first, len, lag, y, &start),
                        3 => self.side::<3>(first, len, lag, y, &start),
                        _ => self.side::<4>(first, len, lag, y, &start),
                    }
                }
            }
        }
    }

    /// Whether rows are taken one by one, as [`TriangularSolve::substitute_beside`] does.
    pub fn by_rows(&self) -> bool {
        self.supernodes.is_none()
    }

    /// [`TriangularSolve::substitute`] and T u in one look at T: the start of row i is `start(i, (T u)ᵢ)`.
    ///
    /// # Panics
    /// If y or u has the wrong length, or rows are not taken one by one.
    #[inline]
    pub fn substitute_beside(&self, u: &[f64], y: &mut [f64], mut start: impl FnMut(usize, f64) -> f64) {
        let (t, n) = (&self.triangle, self.triangle.n());
        assert!(y.len() == n && u.len() == n && self.by_rows(), "substitution: lengths of y and u");
        // One chain: what does not wait for the row before is twice as much here, and hides it.
        let (mut before, mut u_before) = (0.0, 0.0);
        for place in 0..n {
            let i = if t.lower { place } else { n - 1 - place };
            // SAFETY: i < n == y.len() == u.len(); the pattern's columns and bounds as in `run`.
            unsafe {
                let near = (*t.near.get_unchecked(i)).into();
                let product = near * u_before - less_far(t, i, 0.0, u);
                let sum = less_far(t, i, start(i, product), y);
                before = sum - near * before;
                *y.get_unchecked_mut(i) = before;
                u_before = *u.get_unchecked(i);
            }
        }
    }

    /// W chains side by side: alone until all are under way, together, and alone to their ends.
    #[inline]
    fn side<const W: usize>(
        &self,
        first: usize,
        len: usize,
        lag: usize,
        y: &mut [f64],
        start: &impl Fn(usize, f64) -> f64,
    ) {
        let mut before = [0.0; W];
        let ahead: [usize; W] = std::array::from_fn(|k| (W - 1 - k) * lag);
        for k in 0..W {
            let mut one = [0.0];
            self.run::<1>([first + k * len], ahead[k], &mut one, y, start);
            before[k] = one[0];
        }
        let together = len - ahead[0];
        let places = std::array::from_fn(|k| first + k * len + ahead[k]);
        self.run::<W>(places, together, &mut before, y, start);
        for k in 1..W {
            let done = ahead[k] + together;
            self.run::<1>([first + k * len + done], len - done, &mut [before[k]], y, start);
        }
    }

    /// `count` rows of each of W chains in turn, from the given places; `before` holds the result of the row before
    /// each.
    #[inline]
    fn run<const W: usize>(
        &self,
        places: [usize; W],
        count: usize,
        before: &mut [f64; W],
        y: &mut [f64],
        start: &impl Fn(usize, f64) -> f64,
    ) {
        let n = y.len();
        let t = &self.triangle;
        assert!(n == t.near.len() && t.indptr.len() == n + 1);
        assert!(places.iter().all(|p| p + count <= n));
        for step in 0..count {
            for k in 0..W {
                let place = places[k] + step;
                let i = if t.lower { place } else { n - 1 - place };
                // SAFETY: i < n by the assertions above; far's columns are rows' numbers (constructors), below n ==
                // y.len(), and its bounds are row pointers, which end at the entries' number.
                unsafe {
                    let sum = less_far(t, i, start(i, *y.get_unchecked(i)), y);
                    before[k] = sum - (*t.near.get_unchecked(i)).into() * before[k];
                    *y.get_unchecked_mut(i) = before[k];
                }
            }
        }
    }
}

/// sum − Σⱼ tᵢⱼ yⱼ over row i but for the entry next to the diagonal: long rows begin in four lanes, the newest
/// entries come last.
///
/// # Safety
/// i < n, and y has n entries.
#[inline(always)]
unsafe fn less_far<T: Copy + Into<f64>>(t: &StrictTriangle<T>, i: usize, mut sum: f64, y: &[f64]) -> f64 {
    // SAFETY: the caller's promise.
    unsafe {
        let mut k = *t.indptr.get_unchecked(i) as usize;
        let end = *t.indptr.get_unchecked(i + 1) as usize;
        let term =
            |k: usize| (*t.values.get_unchecked(k)).into() * y.get_unchecked(*t.indices.get_unchecked(k) as usize);
        if end - k >= LONG {
            let mut lanes = [0.0; 4];
            while end - k >= LONG - 4 {
                for (l, lane) in lanes.iter_mut().enumerate() {
                    *lane += term(k + l);
                }
                k += 4;
            }
            sum -= (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
        }
        while k < end {
            sum -= term(k);
            k += 1;
        }
        sum
    }
}

/// Rows of this many entries begin in lanes.
const LONG: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Csr;

    /// Lines of `len` nodes, each coupled to those up to `reach` places off on the lines before and after, `block`
    /// unknowns a node.
    fn lines(count: usize, len: usize, reach: usize, block: usize) -> Csr {
        let mut entries = Vec::new();
        for node in 0..count * len {
            let (line, place) = (node / len, node % len);
            let near = place.saturating_sub(reach)..(place + reach + 1).min(len);
            let mut others: Vec<usize> = near
                .flat_map(|p| [line.wrapping_sub(1), line + 1].map(|l| l.wrapping_mul(len).wrapping_add(p)))
                .collect();
            others.extend([node]);
            others.extend((place > 0).then(|| node - 1));
            others.extend((place + 1 < len).then_some(node + 1));
            for other in others.into_iter().filter(|&o| o < count * len) {
                for (r, c) in (0..block).flat_map(|r| (0..block).map(move |c| (r, c))) {
                    let (i, j) = (node * block + r, other * block + c);
                    entries.push((i, j, ((i * 31 + j * 17) % 23) as f64 / 23.0 - 0.4));
                }
            }
        }
        let n = count * len * block;
        Csr::from_triplets(n, n, &entries).unwrap()
    }

    fn plainly(t: &StrictTriangle, b: &[f64]) -> Vec<f64> {
        let n = t.n();
        let mut y = vec![0.0; n];
        for p in 0..n {
            let i = if t.lower { p } else { n - 1 - p };
            y[i] = b[i] - t.row_dot(i, &y);
        }
        y
    }

    #[test]
    fn every_schedule_solves() {
        for (count, len, reach, block) in [
            (1, 40, 0, 1),
            (7, 30, 0, 1),
            (9, 24, 1, 1),
            (6, 30, 3, 1),
            (5, 13, 12, 1),
            (4, 12, 1, 3),
            (3, 2, 1, 6),
            (2, 3, 1, 7),
        ] {
            let a = lines(count, len, reach, block);
            let b: Vec<f64> = (0..a.nrows()).map(|i| (i as f64).cos()).collect();
            let (lower, upper) = StrictTriangle::split(&a, |_| 0.3);
            for t in [lower.transposed(), upper.transposed(), lower, upper] {
                let what = format!("{count} {len} {reach} {block} {}", t.lower);
                let solve = TriangularSolve::new(t.clone());
                let side = solve.schedule.iter().any(|s| matches!(s, Step::Side { .. }));
                assert_eq!(side, block == 1 && count > 1 && 4 * reach < len, "{what}: {:?}", solve.schedule);
                assert_eq!(solve.supernodes.is_some(), block > 1, "{what}");
                let mut y = b.clone();
                solve.substitute(&mut y, |_, y| y);
                let expected = plainly(&t, &b);
                let size = expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
                assert!(y.iter().zip(&expected).all(|(y, e)| (y - e).abs() <= 1e-13 * size), "{what}");
            }
        }
    }

    #[test]
    fn chains_side_by_side_change_no_bit() {
        for reach in [0, 1, 2] {
            let a = lines(11, 40, reach, 1);
            let b: Vec<f64> = (0..a.nrows()).map(|i| (i as f64).cos()).collect();
            let (lower, upper) = StrictTriangle::split(&a, |_| 0.3);
            for t in [lower, upper] {
                let one_by_one = TriangularSolve {
                    schedule: vec![Step::Plain { first: 0, end: t.n() as u32 }],
                    supernodes: None,
                    triangle: t.clone(),
                };
                let (mut y, mut z) = (b.clone(), b.clone());
                TriangularSolve::new(t).substitute(&mut y, |_, y| y);
                one_by_one.substitute(&mut z, |_, z| z);
                assert_eq!(y, z);
            }
        }
    }
}
