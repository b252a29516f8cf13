//! How far directions are from those wanted.

use std::sync::Arc;

use dfdx::prelude::{Cpu, Tape};

use super::{Real, Value};

/// The mean over graphs of 1 − cos(x_g, t_g), x_g being the rows of graph g (`offsets` as in
/// [`super::Graphs::offsets`]); a graph where x or t is zero counts 1, with no gradient.
pub fn cosine_loss<E: Real, T: Tape<E, Cpu>>(
    tape: &mut T,
    offsets: &[usize],
    x: &Value<E>,
    target: &Arc<Vec<E>>,
) -> Value<E> {
    let width = x.cols();
    let graphs = (offsets.len() - 1) as f64;
    let parts: Vec<Part> = offsets
        .windows(2)
        .map(|w| {
            let range = w[0] * width..w[1] * width;
            Part::new(&x.data()[range.clone()], &target[range])
        })
        .collect();
    let loss: f64 = parts.iter().map(|p| 1.0 - p.cosine).sum::<f64>() / graphs;
    let out = Value::new(vec![E::narrow(loss)], 1);
    let (sx, so) = (x.slot(), out.slot());
    let (x, t, offsets) = (x.data().clone(), target.clone(), offsets.to_vec());
    tape.add_backward_op(move |grads| {
        let Some(g) = so.take(grads) else {
            return Ok(());
        };
        let scale = -g[0].wide() / graphs;
        let mut dx = vec![E::default(); x.len()];
        for (w, p) in offsets.windows(2).zip(&parts) {
            for k in w[0] * width..w[1] * width {
                // ∂cos/∂x = (t/‖t‖ − cos x/‖x‖) / ‖x‖
                let d = p.inverse_x * (t[k].wide() * p.inverse_t - p.cosine * x[k].wide() * p.inverse_x);
                dx[k] = E::narrow(scale * d);
            }
        }
        sx.add(grads, dx);
        Ok(())
    });
    out
}

/// cos(x, t), 1/‖x‖, 1/‖t‖; all 0 where it is not defined.
struct Part {
    cosine: f64,
    inverse_x: f64,
    inverse_t: f64,
}

impl Part {
    fn new<E: Real>(x: &[E], t: &[E]) -> Self {
        let (mut xt, mut xx, mut tt) = (0.0, 0.0, 0.0);
        for (&x, &t) in x.iter().zip(t) {
            let (x, t) = (x.wide(), t.wide());
            xt += x * t;
            xx += x * x;
            tt += t * t;
        }
        if xx > 0.0 && tt > 0.0 {
            let (inverse_x, inverse_t) = (1.0 / xx.sqrt(), 1.0 / tt.sqrt());
            Part {
                cosine: xt * inverse_x * inverse_t,
                inverse_x,
                inverse_t,
            }
        } else {
            // Not NaN: a loss that is no number is told by the values themselves.
            let cosine = if xx.is_nan() { f64::NAN } else { 0.0 };
            Part {
                cosine,
                inverse_x: 0.0,
                inverse_t: 0.0,
            }
        }
    }
}
