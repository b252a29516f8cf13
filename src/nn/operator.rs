//! A fixed symmetric operator as a differentiable op: its own derivative.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Dtype, HasShape, PutTape, SplitTape, Tape, TensorFromVec};
use rayon::prelude::*;

use super::sparse::Vectors;
use crate::error::{Error, Result};
use crate::linalg::LinOp;

/// `y[b,k,:] = M x[b,k,:]` with M = Mᵀ; computed in f64. x, y: (batch, k, n).
///
/// # Errors
/// [`Error::Shape`] if M has another size; [`Error::Argument`] if it does not promise symmetry.
pub fn symmetric_operator<E: Dtype, T: Tape<E, Cpu>>(
    op: &Arc<dyn LinOp + Send + Sync>,
    x: Vectors<E, T>,
) -> Result<Vectors<E, T>> {
    let n = x.shape().2;
    if op.shape() != (n, n) {
        return Err(Error::shape("operator on vectors", n, op.shape().0));
    }
    if !op.props().symmetric {
        return Err(Error::Argument(
            "a fixed operator in a network must be symmetric".into(),
        ));
    }
    let (x, mut tape) = x.split_tape();
    let mut y = vec![E::default(); x.shape().0 * x.shape().1 * n];
    apply(&**op, n, &x.as_vec(), &mut y);
    let out = x.device().tensor_from_vec(y, *x.shape());
    let (xg, og, op) = (x.ghost(), out.ghost(), op.clone());
    tape.add_backward_op(move |grads| {
        grads.try_alloc_for(&xg)?;
        let g = grads.get_or_alloc_mut(&og)?.clone();
        apply(&*op, n, &g, grads.get_or_alloc_mut(&xg)?);
        Ok(())
    });
    Ok(out.put_tape(tape))
}

/// y ← y + M x, vector by vector.
fn apply<E: Dtype>(op: &dyn LinOp, n: usize, x: &[E], y: &mut [E]) {
    y.par_chunks_mut(n).zip(x.par_chunks(n)).for_each(|(y, x)| {
        let wide: Vec<f64> = x.iter().map(|v| v.to_f64().unwrap_or(f64::NAN)).collect();
        let mut out = vec![0.0; n];
        op.apply(&wide, &mut out);
        for (y, o) in y.iter_mut().zip(out) {
            *y += E::from_f64(o).unwrap_or_default();
        }
    });
}
