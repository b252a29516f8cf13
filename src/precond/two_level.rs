//! Two levels: any preconditioner, and an exact solve on a coarse space.

use std::f64::consts::PI;
use std::sync::{Mutex, PoisonError};

use faer::linalg::solvers::{Llt, SolveCore};
use faer::{MatMut, Side};

use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{LinOp, Props, vector};

/// Balancing: z = Pᵀ M P r + W E⁻¹ Wᵀ r with P = I − A W E⁻¹ Wᵀ, E = Wᵀ A W.
///
/// Symmetric positive definite where A and M are; the error loses its part in span W exactly. With M = I and W the k lowest
/// eigenvectors, the spectrum of the preconditioned matrix is λ_{k+1} … λ_n and k ones.
/// Reference: Tang, Nabben, Vuik & Erlangga (2009), doi:10.1007/s10915-009-9272-6 (their BNN).
pub struct TwoLevel<M> {
    one: M,
    n: usize,
    k: usize,
    /// Row-major n×k.
    w: Vec<f64>,
    aw: Vec<f64>,
    coarse: Llt<f64>,
    scratch: Mutex<Scratch>,
}

struct Scratch {
    projected: Vec<f64>,
    c: Vec<f64>,
    d: Vec<f64>,
}

impl<M: LinOp> TwoLevel<M> {
    /// # Errors
    /// [`Error::Shape`] unless A, M and the space have n rows; [`Error::Argument`] unless A is promised SPD;
    /// [`Error::Numeric`] if the columns are dependent or not finite.
    pub fn new(a: &dyn LinOp, one: M, space: &Dense) -> Result<Self> {
        let (n, k) = (a.shape().0, space.ncols());
        if a.props() != Props::SPD {
            return Err(Error::Argument(
                "two-level deflation needs A promised symmetric positive definite".into(),
            ));
        }
        if space.nrows() != n || one.shape() != (n, n) {
            return Err(Error::shape(
                "rows of the coarse space and the preconditioner",
                n,
                space.nrows(),
            ));
        }
        let (mut w, mut aw) = (vec![0.0; n * k], vec![0.0; n * k]);
        let (mut column, mut image) = (vec![0.0; n], vec![0.0; n]);
        for j in 0..k {
            column
                .iter_mut()
                .enumerate()
                .for_each(|(i, c)| *c = space[(i, j)]);
            // Of unit length, so that E is as well conditioned as the space allows.
            let size = vector::norm2(&column);
            vector::scale(1.0 / size, &mut column);
            a.apply(&column, &mut image);
            for i in 0..n {
                w[i * k + j] = column[i];
                aw[i * k + j] = image[i];
            }
        }
        let mut e = Dense::zeros(k, k);
        for (w, aw) in w.chunks_exact(k.max(1)).zip(aw.chunks_exact(k.max(1))) {
            for i in 0..k {
                for j in 0..k {
                    e[(i, j)] += w[i] * aw[j];
                }
            }
        }
        let coarse = e.llt(Side::Lower).map_err(|_| {
            Error::Numeric("the coarse matrix Wᵀ A W is not positive definite: dependent columns?".into())
        })?;
        let scratch = Mutex::new(Scratch {
            projected: vec![0.0; n],
            c: vec![0.0; k],
            d: vec![0.0; k],
        });
        Ok(TwoLevel {
            one,
            n,
            k,
            w,
            aw,
            coarse,
            scratch,
        })
    }

    /// c ← E⁻¹ Tᵀ v.
    fn coefficients(&self, t: &[f64], v: &[f64], c: &mut [f64]) {
        c.fill(0.0);
        for (row, &v) in t.chunks_exact(self.k).zip(v) {
            for (c, t) in c.iter_mut().zip(row) {
                *c += t * v;
            }
        }
        let k = self.k;
        self.coarse
            .solve_in_place_with_conj(faer::Conj::No, MatMut::from_column_major_slice_mut(c, k, 1));
    }
}

impl<M: LinOp> LinOp for TwoLevel<M> {
    fn shape(&self) -> (usize, usize) {
        (self.n, self.n)
    }
    fn props(&self) -> Props {
        self.one.props()
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        if self.k == 0 {
            return self.one.apply(x, y);
        }
        // The scratch holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut guard = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let Scratch { projected, c, d } = &mut *guard;
        self.coefficients(&self.w, x, c);
        for ((p, x), row) in projected.iter_mut().zip(x).zip(self.aw.chunks_exact(self.k)) {
            *p = x - vector::dot(row, c);
        }
        self.one.apply(projected, y);
        self.coefficients(&self.aw, y, d);
        for (c, d) in c.iter_mut().zip(d) {
            *c -= *d;
        }
        for (y, row) in y.iter_mut().zip(self.w.chunks_exact(self.k)) {
            *y += vector::dot(row, c);
        }
    }
    fn nnz(&self) -> usize {
        self.one.nnz() + self.w.len() + self.aw.len()
    }
}

/// The `count` sine modes sin(pπx) sin(qπy) of lowest p² + q² on the side×side inner nodes of the unit square, row by row:
/// the lowest eigenvectors of −Δ there, and nearly those of anything like it. Columns of the result (side²×count).
///
/// # Errors
/// [`Error::Argument`] if there are fewer modes than asked for.
pub fn sine_modes(side: usize, count: usize) -> Result<Dense> {
    if count > side * side {
        return Err(Error::Argument(format!(
            "{count} sine modes of a {side}×{side} grid, which has {}",
            side * side
        )));
    }
    let mut pairs: Vec<(usize, usize)> = (1..=side).flat_map(|p| (1..=side).map(move |q| (p, q))).collect();
    pairs.sort_by_key(|&(p, q)| (p * p + q * q, p));
    let h = PI / (side as f64 + 1.0);
    Ok(Dense::from_fn(side * side, count, |i, j| {
        let (p, q) = pairs[j];
        let (x, y) = ((i % side + 1) as f64, (i / side + 1) as f64);
        (p as f64 * x * h).sin() * (q as f64 * y * h).sin()
    }))
}
