//! Adam over a set of [`Params`], with gradient clipping and a state that can be saved bit for bit.

use dfdx::prelude::Gradients;

use super::backend::{Backend, Data};
use super::params::{NamedArray, Params};
use crate::error::{Error, Result};

/// Adam's constants for one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first and second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay (AdamW).
    pub weight_decay: f64,
    /// Gradients of a larger 2-norm are scaled down to this; 0 switches clipping off.
    pub clip: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        AdamConfig {
            lr: 1e-3,
            betas: [0.9, 0.999],
            eps: 1e-8,
            weight_decay: 0.0,
            clip: 0.0,
        }
    }
}

/// Saved moments: arrays named after their parameter with ".m" and ".v", and the number of steps taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdamState {
    /// Steps taken.
    pub step: u64,
    /// First and second moments.
    pub moments: Vec<NamedArray>,
}

/// The optimiser of one set of parameters.
pub struct Adam<D: Backend> {
    step: u64,
    slots: Vec<D::Slot>,
}

impl<D: Backend> Adam<D> {
    /// An optimiser at step 0.
    pub fn new(device: &D, params: &Params<f32, D>) -> Self {
        Adam {
            step: 0,
            slots: params.tensors().iter().map(|p| device.slot(p)).collect(),
        }
    }

    /// Takes one step along `grads`; returns the 2-norm of the gradient before clipping.
    ///
    /// A gradient that is not finite changes nothing: the caller sees the norm and decides.
    pub fn update(
        &mut self,
        cfg: &AdamConfig,
        params: &mut Params<f32, D>,
        grads: &mut Gradients<f32, D>,
    ) -> Result<f64> {
        let mut total = 0.0;
        for p in params.tensors() {
            total += D::sum_of_squares(gradient(grads, p)?);
        }
        let norm = total.sqrt();
        if !norm.is_finite() {
            return Ok(norm);
        }
        let scale = if cfg.clip > 0.0 && norm > cfg.clip {
            (cfg.clip / norm) as f32
        } else {
            1.0
        };
        self.step += 1;
        for (p, slot) in params.tensors_mut().iter_mut().zip(&mut self.slots) {
            let g = gradient(grads, p)?;
            D::adam(cfg, self.step, scale, p, slot, g);
        }
        Ok(norm)
    }

    /// The state to save.
    pub fn state(&self, params: &Params<f32, D>) -> AdamState {
        let mut moments = Vec::new();
        for (i, slot) in self.slots.iter().enumerate() {
            let (m, v) = D::slot_to_host(slot);
            let shape = params.shape(i);
            for (suffix, data) in [("m", m), ("v", v)] {
                moments.push(NamedArray {
                    name: format!("{}.{suffix}", params.names()[i]),
                    shape,
                    data,
                });
            }
        }
        AdamState {
            step: self.step,
            moments,
        }
    }

    /// An optimiser that goes on from a saved state; `params` must be restored already.
    ///
    /// # Errors
    /// [`Error::Shape`] if the state belongs to other parameters.
    pub fn restore(device: &D, params: &Params<f32, D>, state: &AdamState) -> Result<Self> {
        let find = |name: String, shape: (usize, usize)| {
            state
                .moments
                .iter()
                .find(|a| a.name == name && a.shape == shape)
                .ok_or_else(|| Error::shape("optimiser state", format!("{name} {shape:?}"), "none"))
        };
        let mut slots = Vec::new();
        for (i, p) in params.tensors().iter().enumerate() {
            let name = &params.names()[i];
            let m = find(format!("{name}.m"), params.shape(i))?;
            let v = find(format!("{name}.v"), params.shape(i))?;
            slots.push(device.slot_from_host(p, &m.data, &v.data));
        }
        Ok(Adam {
            step: state.step,
            slots,
        })
    }
}

fn gradient<'a, D: Backend>(
    grads: &'a mut Gradients<f32, D>,
    p: &super::params::Matrix<f32, D>,
) -> Result<&'a Data<D>> {
    grads
        .get_or_alloc_mut(p)
        .map(|g| &*g)
        .map_err(|e| Error::Numeric(format!("no memory for a gradient: {e:?}")))
}
