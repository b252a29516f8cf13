//! A fixed symmetric operator as a differentiable operation: its own derivative.

use std::sync::Arc;

use dfdx::prelude::{Cpu, HasShape, Tape, TensorFromVec};
use rayon::prelude::*;

use super::Real;
use super::ops::DfdxOps;
use super::ops::dfdx::Cube;
use crate::error::{Error, Result};
use crate::linalg::LinOp;

impl<E: Real, T: Tape<E, Cpu>> DfdxOps<E, Cpu, T> {
    /// `y[b,k,:] = M x[b,k,:]` with M = Mᵀ; computed in f64. x, y: (batch, k, n).
    ///
    /// # Errors
    /// [`Error::Shape`] if M has another size; [`Error::Argument`] if it does not promise symmetry.
    pub fn symmetric_operator(&mut self, op: &Arc<dyn LinOp + Send + Sync>, x: &Cube<E, Cpu>) -> Result<Cube<E, Cpu>> {
        let n = x.shape().2;
        if op.shape() != (n, n) {
            return Err(Error::shape("operator on vectors", n, op.shape().0));
        }
        if !op.props().symmetric {
            return Err(Error::Argument("a fixed operator in a network must be symmetric".into()));
        }
        let mut y = vec![E::default(); x.shape().0 * x.shape().1 * n];
        apply(&**op, n, &x.as_vec(), &mut y);
        let out = self.device.tensor_from_vec(y, *x.shape());
        let (xg, og, op) = (x.ghost(), out.ghost(), op.clone());
        self.tape.add_backward_op(move |grads| {
            grads.try_alloc_for(&xg)?;
            let g = grads.get_or_alloc_mut(&og)?.clone();
            apply(&*op, n, &g, grads.get_or_alloc_mut(&xg)?);
            Ok(())
        });
        Ok(out)
    }
}

/// y ← y + M x, vector by vector.
fn apply<E: Real>(op: &dyn LinOp, n: usize, x: &[E], y: &mut [E]) {
    y.par_chunks_mut(n).zip(x.par_chunks(n)).for_each(|(y, x)| {
        let wide: Vec<f64> = x.iter().map(|v| v.wide()).collect();
        let mut out = vec![0.0; n];
        op.apply(&wide, &mut out);
        for (y, o) in y.iter_mut().zip(out) {
            *y += E::narrow(o);
        }
    });
}
