//! Extreme eigenvalues of the tridiagonal matrix that conjugate gradients build on the way.

/// The Lanczos matrix Tₖ of M A, from the coefficients of k CG steps.
///
/// T_jj = 1/αⱼ + βⱼ₋₁/αⱼ₋₁, T_j,j+1 = √βⱼ/αⱼ. Reference: Saad (2003), section 6.7.3.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanczos {
    diagonal: Vec<f64>,
    /// Squares of the off-diagonal entries.
    off: Vec<f64>,
    /// βⱼ/αⱼ, waiting for the next step.
    carry: f64,
    closed: bool,
}

/// Steps kept; the extremes have long settled by then.
const STEPS: usize = 10_000;

impl Lanczos {
    pub(super) fn begin(&mut self, max_it: usize) {
        self.diagonal.clear();
        self.off.clear();
        let steps = max_it.min(STEPS);
        self.diagonal.reserve(steps);
        self.off.reserve(steps);
        (self.carry, self.closed) = (0.0, false);
    }

    /// Notes a step's α.
    pub(super) fn alpha(&mut self, alpha: f64) {
        if !self.closed && self.diagonal.len() < STEPS {
            self.diagonal.push(1.0 / alpha + self.carry);
            self.carry = 1.0 / alpha;
        } else {
            self.closed = true;
        }
    }

    /// Notes the β that leads to the next step.
    pub(super) fn beta(&mut self, beta: f64) {
        if !self.closed {
            self.off.push(beta * self.carry * self.carry);
            self.carry *= beta;
        }
    }

    /// No more steps: the recurrence starts again.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// The smallest and the largest eigenvalue of T, to about six digits; `None` before the first step.
    pub(super) fn extremes(&self) -> Option<(f64, f64)> {
        let k = self.diagonal.len();
        if k == 0 {
            return None;
        }
        let reach = |i: usize| {
            let left = if i > 0 { self.off[i - 1].sqrt() } else { 0.0 };
            let right = if i + 1 < k { self.off[i].sqrt() } else { 0.0 };
            left + right
        };
        let low = (0..k).map(|i| self.diagonal[i] - reach(i)).fold(f64::INFINITY, f64::min);
        let high = (0..k).map(|i| self.diagonal[i] + reach(i)).fold(0.0, f64::max);
        Some((self.bisect(1, low.max(0.0), high), self.bisect(k, low.max(0.0), high)))
    }

    /// The j-th smallest eigenvalue, in [low, high]: of a positive definite T, so that relative accuracy is what
    /// counts.
    fn bisect(&self, j: usize, mut low: f64, mut high: f64) -> f64 {
        for _ in 0..200 {
            if high - low <= 1e-7 * high {
                break;
            }
            let middle = if low > 0.0 && high > 4.0 * low {
                (low * high).sqrt()
            } else if low == 0.0 {
                high / 16.0
            } else {
                (low + high) / 2.0
            };
            if self.below(middle) >= j {
                high = middle;
            } else {
                low = middle;
            }
        }
        (low + high) / 2.0
    }

    /// How many eigenvalues are below x: negative pivots of T − x I (Sturm).
    fn below(&self, x: f64) -> usize {
        let mut count = 0;
        let mut pivot = 1.0;
        for (i, d) in self.diagonal.iter().enumerate() {
            let square = if i > 0 { self.off[i - 1] } else { 0.0 };
            pivot = d - x - square / pivot;
            if pivot == 0.0 {
                pivot = f64::MIN_POSITIVE;
            }
            count += usize::from(pivot < 0.0);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_of_a_known_tridiagonal_matrix() {
        // T = tridiag(−1, 2, −1) has eigenvalues 2 − 2 cos(jπ/(k+1)); αⱼ, βⱼ from its LDLᵀ pivots.
        let k = 40;
        let mut lanczos = Lanczos::default();
        lanczos.begin(k);
        let mut pivot = 2.0;
        for j in 0..k {
            lanczos.alpha(1.0 / pivot);
            let beta = 1.0 / (pivot * pivot);
            if j + 1 < k {
                lanczos.beta(beta);
            }
            pivot = 2.0 - 1.0 / pivot;
        }
        let (low, high) = lanczos.extremes().unwrap();
        let angle = std::f64::consts::PI / (k as f64 + 1.0);
        assert!((low / (2.0 - 2.0 * angle.cos()) - 1.0).abs() < 1e-6, "{low}");
        assert!((high / (2.0 + 2.0 * angle.cos()) - 1.0).abs() < 1e-6, "{high}");
    }

    #[test]
    fn nothing_is_known_before_the_first_step() {
        assert_eq!(Lanczos::default().extremes(), None);
    }
}
