//! The small least-squares problem of Arnoldi methods: min ‖β e₁ − H̄ y‖ by Givens rotations, column by column.

/// H̄ turned triangular as its columns arrive, and the rotated right-hand side.
#[derive(Debug, Clone, Default)]
pub(super) struct Hessenberg {
    /// Column k at k (restart + 1).
    r: Vec<f64>,
    rotations: Vec<(f64, f64)>,
    g: Vec<f64>,
    restart: usize,
    columns: usize,
}

impl Hessenberg {
    /// An empty problem of `restart` columns at most and right-hand side β e₁.
    pub(super) fn begin(&mut self, restart: usize, beta: f64) {
        self.r.resize(restart * (restart + 1), 0.0);
        self.rotations.resize(restart, (1.0, 0.0));
        self.g.clear();
        self.g.resize(restart + 1, 0.0);
        self.g[0] = beta;
        (self.restart, self.columns) = (restart, 0);
    }

    /// The column under construction: restart + 1 entries, of which [`Hessenberg::columns`] + 2 count.
    pub(super) fn column(&mut self) -> &mut [f64] {
        let stride = self.restart + 1;
        &mut self.r[self.columns * stride..][..stride]
    }

    /// Columns accepted.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Rotates the column under construction; accepts it and returns the new residual norm, or drops it and returns
    /// `None` where its diagonal is at most `zero`: the operator is singular on this space.
    pub(super) fn accept(&mut self, zero: f64) -> Option<f64> {
        let k = self.columns;
        let column = &mut self.r[k * (self.restart + 1)..][..k + 2];
        for (i, &(c, s)) in self.rotations[..k].iter().enumerate() {
            let (upper, lower) = (column[i], column[i + 1]);
            column[i] = c * upper + s * lower;
            column[i + 1] = c * lower - s * upper;
        }
        let r = column[k].hypot(column[k + 1]);
        if r <= zero {
            return None;
        }
        let (c, s) = (column[k] / r, column[k + 1] / r);
        (column[k], column[k + 1]) = (r, 0.0);
        self.rotations[k] = (c, s);
        self.g[k + 1] = -s * self.g[k];
        self.g[k] *= c;
        self.columns += 1;
        Some(self.g[k + 1].abs())
    }

    /// The residual norm with the columns accepted so far.
    pub(super) fn residual(&self) -> f64 {
        self.g[self.columns].abs()
    }

    /// Solves for y, one entry per accepted column; the problem is used up.
    pub(super) fn solve(&mut self) -> &[f64] {
        let stride = self.restart + 1;
        for k in (0..self.columns).rev() {
            let mut sum = self.g[k];
            for j in k + 1..self.columns {
                sum -= self.r[j * stride + k] * self.g[j];
            }
            self.g[k] = sum / self.r[k * stride + k];
        }
        &self.g[..self.columns]
    }
}
