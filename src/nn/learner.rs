//! Parameters under training: a loss goes in, one step of the optimiser is taken.

use dfdx::prelude::Backward;

use super::adam::{Adam, AdamConfig, AdamState};
use super::device::{Backend, Loss};
use super::layout::Layout;
use super::params::{NamedArray, Params};
use crate::error::{Error, Result};

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// The loss before the step.
    pub loss: f64,
    /// 2-norm of the gradient before clipping; not finite means that nothing was changed.
    pub grad_norm: f64,
}

/// The parameters of a network and their optimiser.
pub struct Learner<D: Backend> {
    layout: Layout,
    params: Params<f32, D>,
    adam: Adam<D>,
}

impl<D: Backend> Learner<D> {
    /// With these initial values, which are those of the layout in its order.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device has no memory left.
    pub fn new(device: &D, layout: Layout, weights: &[NamedArray]) -> Result<Self> {
        let params = layout.load(device, weights)?;
        let adam = Adam::new(&params)?;
        Ok(Learner { layout, params, adam })
    }

    /// The parameters as they are.
    pub fn params(&self) -> &Params<f32, D> {
        &self.params
    }

    /// Goes back from the loss and takes one step; a loss that is no number changes nothing.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device fails.
    pub fn step(&mut self, loss: Loss<D>, adam: &AdamConfig) -> Result<StepReport> {
        let value = value_of(&loss);
        if !value.is_finite() {
            return Ok(StepReport { loss: value, grad_norm: f64::NAN });
        }
        let mut grads = loss.try_backward().map_err(|e| Error::Numeric(format!("backward pass failed: {e:?}")))?;
        Ok(StepReport { loss: value, grad_norm: self.adam.update(adam, &mut self.params, &mut grads)? })
    }

    /// The optimiser's state, to save.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the device fails.
    pub fn adam(&self) -> Result<AdamState> {
        self.adam.state(&self.params)
    }

    /// Takes these parameters; the optimiser starts anew.
    ///
    /// # Errors
    /// If they belong to another network.
    pub fn start_from(&mut self, weights: &[NamedArray]) -> Result<()> {
        self.params = self.layout.load(self.params.device(), weights)?;
        self.adam = Adam::new(&self.params)?;
        Ok(())
    }

    /// Goes on from saved parameters and the optimiser's state.
    ///
    /// # Errors
    /// If they belong to another network.
    pub fn restore(&mut self, weights: &[NamedArray], adam: &AdamState) -> Result<()> {
        let params = self.layout.load(self.params.device(), weights)?;
        self.adam = Adam::restore(&params, adam)?;
        self.params = params;
        Ok(())
    }
}

/// The number itself.
pub fn value_of<D: Backend>(loss: &Loss<D>) -> f64 {
    loss.as_vec().first().map_or(f64::NAN, |&v| f64::from(v))
}
