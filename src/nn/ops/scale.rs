//! t x with a trained number t.

use dfdx::prelude::{Axes2, BroadcastTo, Cpu, Device, HasShape, ReshapeTo, Tape};

use super::dfdx::{DfdxOps, Table};
use super::engine::{Engine, Param};
use super::fused::{FusedOps, Slot, Value};
use crate::nn::Real;

/// Multiples.
pub trait ScaleOp: Engine {
    /// t x with a trained t (1 × 1).
    fn scale(&mut self, x: &Self::Value, t: &Param<Self>) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> ScaleOp for FusedOps<E, T> {
    fn scale(&mut self, x: &Value<E>, t: &Param<Self>) -> Value<E> {
        let factor = t.as_vec()[0];
        let out = Value::new(x.data.iter().map(|&v| factor * v).collect(), x.cols);
        let (sx, st, so, x) = (x.slot(), Slot::of(t), out.slot(), x.data.clone());
        self.tape.add_backward_op(move |grads| {
            if let Some(mut g) = so.take(grads) {
                let d: f64 = g.iter().zip(&**x).map(|(&g, &x)| g.wide() * x.wide()).sum();
                st.add(grads, vec![E::narrow(d)]);
                g.iter_mut().for_each(|g| *g *= factor);
                sx.add(grads, g);
            }
            Ok(())
        });
        out
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> ScaleOp for DfdxOps<E, D, T> {
    fn scale(&mut self, x: &Table<E, D>, t: &Param<Self>) -> Table<E, D> {
        let shape = *x.shape();
        let t = self.on(t, |t| t.reshape_like(&()).broadcast_like::<_, Axes2<0, 1>>(&shape));
        self.times(x, &t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::AddOp;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(derivatives, [(NODES, 3), (1, 1), (NODES, 3)], |o, _at, p| {
        let x = table(o, &p[0]);
        let y = o.scale(&x, &p[1]);
        // Some direction that is not that of x.
        let z = table(o, &p[2]);
        o.add(&y, &z)
    });
}
