//! The coarsest level: a sparse factor, or where that is singular the pseudo-inverse.

use rand::RngExt;

use crate::error::{Error, Result};
use crate::linalg::dense::{self, Dense};
use crate::linalg::{Cholesky, Csr, LinOp, PseudoInverse, vector};
use crate::precond::Lu;
use crate::rng::{Purpose, stream};

/// A condition number from which on a level counts as singular: Galerkin products of singular matrices are so up to
/// rounding.
const SINGULAR: f64 = 1e13;
/// Unknowns up to which a pseudo-inverse is made: n³ operations.
const MOST: usize = 2000;

/// A⁻¹ of the coarsest level, A⁺ where it is singular; it promises definite where that is so.
///
/// # Errors
/// [`Error::Numeric`] if the level is singular and too large for a pseudo-inverse.
pub(super) fn solver(a: &Csr, symmetric: bool) -> Result<Box<dyn LinOp + Send>> {
    if symmetric && let Ok(factor) = Cholesky::new(a) {
        if !nearly_singular(a, &factor) {
            return Ok(Box::new(factor));
        }
        return Ok(match pseudo_inverse(a, true)? {
            // The factor is that of a regular matrix after all.
            inverse if inverse.rank() == a.nrows() => Box::new(factor),
            inverse => Box::new(inverse),
        });
    }
    // With a negative eigenvalue, or not symmetric.
    if let Ok(factor) = Lu::new(a)
        && !nearly_singular(a, &factor)
    {
        return Ok(Box::new(factor));
    }
    Ok(Box::new(pseudo_inverse(a, symmetric)?))
}

/// Whether inverse iteration, a step of it, shows a condition number beyond [`SINGULAR`].
fn nearly_singular(a: &Csr, inverse: &dyn LinOp) -> bool {
    let n = a.nrows();
    let mut rng = stream(0, Purpose::Measure, n as u64);
    let mut x: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut y = vec![0.0; n];
    for _ in 0..2 {
        let size = vector::norm2(&x);
        if size == 0.0 {
            return false;
        }
        vector::scale(1.0 / size, &mut x);
        inverse.apply(&x, &mut y);
        std::mem::swap(&mut x, &mut y);
    }
    let condition = vector::norm2(&x) * a.max_abs();
    condition.is_nan() || condition > SINGULAR
}

fn pseudo_inverse(a: &Csr, symmetric: bool) -> Result<PseudoInverse> {
    let n = a.nrows();
    if n > MOST {
        return Err(Error::Numeric(format!(
            "amg: its coarsest level of {n} unknowns is singular, and a pseudo-inverse is made of {MOST} at most: name \
             the unknowns of a node (block), or take a smaller theta"
        )));
    }
    let whole: Dense = dense::from_csr(a);
    match symmetric {
        true => PseudoInverse::of_symmetric(&whole, 1.0 / SINGULAR),
        false => PseudoInverse::new(&whole, 1.0 / SINGULAR),
    }
}
