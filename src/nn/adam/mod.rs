//! Adam over a set of [`Params`], with gradient clipping and a state that can be saved bit for bit.

mod step;

use dfdx::prelude::Gradients;

use super::params::{NamedArray, Params};
use crate::error::{Error, Result};

pub use step::{AdamConfig, AdamStep};

/// Saved moments: arrays named after their parameter with ".m" and ".v", and the number of steps taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdamState {
    /// Steps taken.
    pub step: u64,
    /// First and second moments.
    pub moments: Vec<NamedArray>,
}

/// The optimiser of one set of parameters.
pub struct Adam<D: AdamStep> {
    step: u64,
    moments: Vec<D::Moments>,
}

impl<D: AdamStep> Adam<D> {
    /// An optimiser at step 0.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device has no memory left.
    pub fn new(params: &Params<f32, D>) -> Result<Self> {
        let zeros = |p| params.device().moments(p);
        Ok(Adam { step: 0, moments: params.tensors().iter().map(zeros).collect::<Result<_>>()? })
    }

    /// Takes one step along `grads`; returns the 2-norm of the gradient before clipping.
    ///
    /// A gradient that is not finite changes nothing: the caller sees the norm and decides.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device fails.
    pub fn update(
        &mut self,
        cfg: &AdamConfig,
        params: &mut Params<f32, D>,
        grads: &mut Gradients<f32, D>,
    ) -> Result<f64> {
        let norm = D::gradient_norm(params.tensors(), grads)?;
        if !norm.is_finite() {
            return Ok(norm);
        }
        let scale = if cfg.clip > 0.0 && norm > cfg.clip { (cfg.clip / norm) as f32 } else { 1.0 };
        self.step += 1;
        for (p, moments) in params.tensors_mut().iter_mut().zip(&mut self.moments) {
            D::adam(cfg, self.step, scale, p, moments, grads)?;
        }
        Ok(norm)
    }

    /// The state to save.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device fails.
    pub fn state(&self, params: &Params<f32, D>) -> Result<AdamState> {
        let mut moments = Vec::new();
        for (i, on_device) in self.moments.iter().enumerate() {
            for (suffix, data) in ["m", "v"].into_iter().zip(D::moments_to_host(on_device)?) {
                moments.push(NamedArray {
                    name: format!("{}.{suffix}", params.names()[i]),
                    shape: params.shape(i),
                    data,
                });
            }
        }
        Ok(AdamState { step: self.step, moments })
    }

    /// An optimiser that goes on from a saved state; `params` must be restored already.
    ///
    /// # Errors
    /// [`Error::Shape`] if the state belongs to other parameters.
    pub fn restore(params: &Params<f32, D>, state: &AdamState) -> Result<Self> {
        let find = |name: String, shape: (usize, usize)| {
            state
                .moments
                .iter()
                .find(|a| a.name == name && a.shape == shape)
                .ok_or_else(|| Error::shape("optimiser state", format!("{name} {shape:?}"), "none"))
        };
        let mut moments = Vec::new();
        for (i, p) in params.tensors().iter().enumerate() {
            let name = &params.names()[i];
            let m = find(format!("{name}.m"), params.shape(i))?;
            let v = find(format!("{name}.v"), params.shape(i))?;
            moments.push(params.device().moments_from_host(p, [&m.data, &v.data])?);
        }
        Ok(Adam { step: state.step, moments })
    }
}
