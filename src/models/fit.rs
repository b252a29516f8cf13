//! What training needs of a model: one optimiser step on a batch, the current predictor, the state to save.
//!
//! [`Trainer`] is the door that [`crate::train`] sees; [`Fit`] implements it for any [`Network`] on any device.

use std::sync::Arc;

use dfdx::prelude::{Backward, Cpu, OwnedTape, Tensor};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Checkpoint, Model};
use crate::error::{Error, Result};
pub use crate::nn::adam::AdamConfig;
use crate::nn::{Adam, Backend, NamedArray, Params};
use crate::system::LinearSystem;

/// Where to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    #[default]
    Cpu,
    Cuda,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    pub loss: f64,
    /// 2-norm of the gradient before clipping; not finite means that nothing was changed.
    pub grad_norm: f64,
}

/// A network under training.
pub trait Trainer {
    /// One optimiser step on a batch; `rng` gives the random probe vectors of this step. The batch of the step after is
    /// made ready on another thread meanwhile; `next` may be empty.
    ///
    /// # Errors
    /// If a sample is not of the network's size.
    fn step(
        &mut self,
        batch: &[&LinearSystem],
        next: &[&LinearSystem],
        rng: &mut ChaCha8Rng,
        adam: &AdamConfig,
    ) -> Result<StepReport>;

    /// The loss of a batch, nothing changed.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    fn loss(&mut self, batch: &[&LinearSystem], rng: &mut ChaCha8Rng) -> Result<f64>;

    /// The model with the current weights.
    fn model(&self) -> Box<dyn Model>;

    /// Model, config, weights, buffers and (if asked for) the optimiser; the caller adds the rest.
    fn checkpoint(&self, with_optimiser: bool) -> Checkpoint;

    /// Goes on from a checkpoint written by [`Trainer::checkpoint`].
    ///
    /// # Errors
    /// If it belongs to a network of another size or lacks the optimiser.
    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()>;

    /// How many numbers are trained.
    fn parameters(&self) -> usize;

    /// "cpu" or "cuda".
    fn device(&self) -> Device;
}

/// A scalar with the operations that led to it.
pub type Loss<D> = Tensor<(), f32, D, OwnedTape<f32, D>>;

/// The part of a trainer that differs between models.
pub trait Network<D: Backend>: Send + Sync {
    /// Samples ready for the network, on the host.
    type Batch: Send;

    /// Makes a batch ready.
    ///
    /// # Errors
    /// If a sample is not of the network's size.
    fn batch(&self, samples: &[&LinearSystem]) -> Result<Self::Batch>;

    /// The loss of a batch.
    ///
    /// # Errors
    /// If the parameters are not the network's.
    fn loss(
        &self,
        device: &D,
        params: &Params<f32, D>,
        batch: Self::Batch,
        rng: &mut ChaCha8Rng,
    ) -> Result<Loss<D>>;

    /// The model with the given weights.
    fn predictor(&self, params: Params<f32, Cpu>) -> Box<dyn Model>;

    /// (model name, config as TOML, fixed arrays).
    fn describe(&self) -> (&'static str, String, Vec<NamedArray>);
}

/// A network, its weights and its optimiser on a device.
pub struct Fit<N: Network<D>, D: Backend> {
    network: Arc<N>,
    /// A batch made ahead, with the indices of its samples.
    ready: Option<(Vec<u64>, N::Batch)>,
    device: D,
    kind: Device,
    params: Params<f32, D>,
    adam: Adam<D>,
}

impl<N: Network<D>, D: Backend> Fit<N, D> {
    /// A network with these initial weights.
    pub fn new(network: N, device: D, kind: Device, weights: &[NamedArray]) -> Self {
        let params = Params::from_arrays(&device, weights);
        let adam = Adam::new(&device, &params);
        Fit {
            network: Arc::new(network),
            ready: None,
            device,
            kind,
            params,
            adam,
        }
    }
}

impl<N: Network<D>, D: Backend> Fit<N, D> {
    fn work(&mut self, batch: N::Batch, rng: &mut ChaCha8Rng, adam: &AdamConfig) -> Result<StepReport> {
        let loss = self.network.loss(&self.device, &self.params, batch, rng)?;
        let value = scalar(&loss);
        if !value.is_finite() {
            return Ok(StepReport {
                loss: value,
                grad_norm: f64::NAN,
            });
        }
        let mut grads = loss
            .try_backward()
            .map_err(|e| Error::Numeric(format!("backward pass failed: {e:?}")))?;
        let grad_norm = self.adam.update(adam, &mut self.params, &mut grads)?;
        Ok(StepReport {
            loss: value,
            grad_norm,
        })
    }
}

fn indices(samples: &[&LinearSystem]) -> Vec<u64> {
    samples.iter().map(|s| s.index).collect()
}

impl<N: Network<D>, D: Backend> Trainer for Fit<N, D> {
    fn step(
        &mut self,
        batch: &[&LinearSystem],
        next: &[&LinearSystem],
        rng: &mut ChaCha8Rng,
        adam: &AdamConfig,
    ) -> Result<StepReport> {
        let ready = match self.ready.take() {
            Some((samples, ready)) if samples == indices(batch) => ready,
            _ => self.network.batch(batch)?,
        };
        if next.is_empty() {
            return self.work(ready, rng, adam);
        }
        let network = self.network.clone();
        let (report, ahead) = std::thread::scope(|scope| {
            let ahead = scope.spawn(move || network.batch(next));
            let report = self.work(ready, rng, adam);
            // A batch that cannot be made says why at its own step.
            (report, ahead.join().ok().and_then(Result::ok))
        });
        self.ready = ahead.map(|b| (indices(next), b));
        report
    }

    fn loss(&mut self, batch: &[&LinearSystem], rng: &mut ChaCha8Rng) -> Result<f64> {
        let batch = self.network.batch(batch)?;
        let loss = self.network.loss(&self.device, &self.params, batch, rng)?;
        Ok(scalar(&loss))
    }

    fn model(&self) -> Box<dyn Model> {
        let host = Params::from_arrays(&Cpu::default(), &self.params.to_arrays());
        self.network.predictor(host)
    }

    fn checkpoint(&self, with_optimiser: bool) -> Checkpoint {
        let (model, config, buffers) = self.network.describe();
        Checkpoint {
            model: model.into(),
            config,
            version: env!("CARGO_PKG_VERSION").into(),
            weights: self.params.to_arrays(),
            buffers,
            adam: with_optimiser.then(|| self.adam.state(&self.params)),
            ..Default::default()
        }
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let mut fixed = self.network.describe().2;
        fixed.sort_by(|a, b| a.name.cmp(&b.name));
        if checkpoint.buffers != fixed {
            return Err(Error::Argument(
                "the training data is not what this run was started with (its feature scales differ)".into(),
            ));
        }
        let mut arrays = Vec::new();
        for (i, name) in self.params.names().iter().enumerate() {
            let shape = self.params.shape(i);
            let saved = checkpoint.weights.iter().find(|a| a.name == *name);
            match saved {
                Some(a) if a.shape == shape => arrays.push(a.clone()),
                Some(a) => {
                    return Err(Error::shape(
                        "weights in the checkpoint",
                        format!("{name} {}×{}", shape.0, shape.1),
                        format!("{}×{}", a.shape.0, a.shape.1),
                    ));
                }
                None => {
                    return Err(Error::shape(
                        "weights in the checkpoint",
                        name,
                        "none of that name",
                    ));
                }
            }
        }
        let state = checkpoint.adam.as_ref().ok_or_else(|| {
            Error::Argument("checkpoint holds no optimiser: resume from last.safetensors".into())
        })?;
        self.params = Params::from_arrays(&self.device, &arrays);
        self.adam = Adam::restore(&self.device, &self.params, state)?;
        Ok(())
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }

    fn device(&self) -> Device {
        self.kind
    }
}

/// A trainer on the CPU or, in builds that have it, on the CUDA device.
///
/// # Errors
/// If the device is not at hand.
#[cfg(feature = "cuda")]
pub fn trainer<N>(network: N, device: Device, weights: &[NamedArray]) -> Result<Box<dyn Trainer>>
where
    N: Network<Cpu> + Network<dfdx::prelude::Cuda> + 'static,
{
    match device {
        Device::Cpu => Ok(Box::new(Fit::new(network, Cpu::default(), device, weights))),
        Device::Cuda => {
            let cuda = crate::nn::backend::cuda_device()?;
            Ok(Box::new(Fit::new(network, cuda, device, weights)))
        }
    }
}

/// A trainer on the CPU or, in builds that have it, on the CUDA device.
///
/// # Errors
/// If the device is not at hand.
#[cfg(not(feature = "cuda"))]
pub fn trainer<N: Network<Cpu> + 'static>(
    network: N,
    device: Device,
    weights: &[NamedArray],
) -> Result<Box<dyn Trainer>> {
    match device {
        Device::Cpu => Ok(Box::new(Fit::new(network, Cpu::default(), device, weights))),
        Device::Cuda => Err(crate::nn::backend::no_cuda()),
    }
}

fn scalar<D: Backend>(loss: &Loss<D>) -> f64 {
    loss.as_vec().first().map_or(f64::NAN, |&v| f64::from(v))
}
