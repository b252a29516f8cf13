//! Two levels: any preconditioner, and an exact solve on a coarse space.

use std::f64::consts::PI;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{CoarseFactor, CoarseSpace, Columns, LinOp, Props, Space};

/// How the solve on the coarse space joins M.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// z = Pᵀ M P r + W E⁻¹ Wᵀ r with P = I − A W E⁻¹ Wᵀ, E = Wᵀ A W: the error loses its part in span W exactly. With
    /// M = I and W the k lowest eigenvectors, the spectrum of the preconditioned matrix is λ_{k+1} … λ_n and k ones.
    /// BNN of the reference.
    Balancing,
    /// z = M r + W E⁻¹ Wᵀ r: half the work of a step; eigenvalues that were small become 1 and what M gave them. AD of
    /// the reference.
    Additive,
}

/// M and a coarse space in one, symmetric positive definite where A and M are. Reference: Tang, Nabben, Vuik & Erlangga
/// (2009), doi:10.1007/s10915-009-9272-6.
pub struct TwoLevel<M> {
    one: M,
    joined: Joined,
    space: CoarseSpace,
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
    pub fn new(a: &dyn LinOp, one: M, space: &Space, joined: Joined) -> Result<Self> {
        if a.props() != Props::SPD {
            return Err(Error::Argument(
                "a two-level preconditioner needs A promised symmetric positive definite".into(),
            ));
        }
        let n = a.shape().0;
        if one.shape() != (n, n) {
            return Err(Error::shape("rows of the one-level preconditioner", n, one.shape().0));
        }
        let space = CoarseSpace::new(a, space, Columns::Unit, CoarseFactor::Cholesky)?;
        let scratch =
            Mutex::new(Scratch { projected: vec![0.0; n], c: vec![0.0; space.dim()], d: vec![0.0; space.dim()] });
        Ok(TwoLevel { one, joined, space, scratch })
    }
}

impl<M: LinOp> LinOp for TwoLevel<M> {
    fn shape(&self) -> (usize, usize) {
        self.one.shape()
    }
    fn props(&self) -> Props {
        self.one.props()
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        // The scratch holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut guard = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let Scratch { projected, c, d } = &mut *guard;
        self.space.restrict(x, c);
        if self.joined == Joined::Additive {
            self.one.apply(x, y);
            self.space.prolong(1.0, c, y);
            return;
        }
        projected.copy_from_slice(x);
        self.space.subtract_image(c, projected);
        self.one.apply(projected, y);
        self.space.project(y, d);
        for (c, d) in c.iter_mut().zip(d) {
            *c -= *d;
        }
        self.space.prolong(1.0, c, y);
    }
    fn nnz(&self) -> usize {
        self.one.nnz() + self.space.nnz()
    }
}

/// The `count` sine modes sin(pπx) sin(qπy) of lowest p² + q² on the side×side inner nodes of the unit square, row by
/// row: the lowest eigenvectors of −Δ there, and nearly those of anything like it. Columns of the result
/// (side²×count).
///
/// # Errors
/// [`Error::Argument`] if there are fewer modes than asked for.
pub fn sine_modes(side: usize, count: usize) -> Result<Dense> {
    if count > side * side {
        return Err(Error::Argument(format!("{count} sine modes of a {side}×{side} grid, which has {}", side * side)));
    }
    let pairs = pairs(side);
    let h = PI / (side as f64 + 1.0);
    Ok(Dense::from_fn(side * side, count, |i, j| {
        let (p, q) = pairs[j];
        let (x, y) = ((i % side + 1) as f64, (i / side + 1) as f64);
        (p as f64 * x * h).sin() * (q as f64 * y * h).sin()
    }))
}

/// (p, q) of the modes sin(pπx) sin(qπy) with p, q ≤ `most`, by rising p² + q², then p.
fn pairs(most: usize) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = (1..=most).flat_map(|p| (1..=most).map(move |q| (p, q))).collect();
    pairs.sort_by_key(|&(p, q)| (p * p + q * q, p));
    pairs
}

/// (p, q) of the `count` lowest modes sin(pπx) sin(qπy) of the unit square, by rising p² + q², then p.
pub fn sine_pairs(count: usize) -> Vec<(usize, usize)> {
    // A mode with p > count comes after the count modes (1, 1) … (count, 1).
    let mut pairs = pairs(count);
    pairs.truncate(count);
    pairs
}
