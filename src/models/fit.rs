//! What training needs of a model: one optimiser step on a batch, the current predictor, the state to save.
//!
//! [`Trainer`] is what [`crate::train`] sees; [`trainer`] makes one of any [`Training`] on any device.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::network::{Network, TrainedNetwork};
use super::{Checkpoint, Model};
use crate::error::{Error, Result};
use crate::nn::{Backend, Cpu, Learner, Loss, NamedArray, Params, Trained, device, learner};
use crate::system::LinearSystem;

pub use crate::nn::{AdamConfig, Device, StepReport};

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
    ///
    /// # Errors
    /// If the device fails.
    fn checkpoint(&self, with_optimiser: bool) -> Result<Checkpoint>;

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

/// What a [`Network`] is trained by: batches and a loss.
pub trait Training<D: Backend>: Send + Sync + 'static {
    /// The network under training.
    type Network: Network<D>;
    /// Samples ready for the network, on the host.
    type Batch: Send;

    /// The network under training.
    fn network(&self) -> &Arc<Self::Network>;

    /// Makes a batch ready.
    ///
    /// # Errors
    /// If a sample is not of the network's size.
    fn batch(&self, samples: &[&LinearSystem]) -> Result<Self::Batch>;

    /// The loss of a batch.
    ///
    /// # Errors
    /// If the batch does not fit the network.
    fn loss(&self, params: &Params<f32, D>, batch: Self::Batch, rng: &mut ChaCha8Rng) -> Result<Loss<D>>;
}

/// A network under training on a device.
struct Fit<T: Training<D>, D: Backend> {
    training: Arc<T>,
    /// A batch made ahead, with the indices of its samples.
    ready: Option<(Vec<u64>, T::Batch)>,
    learner: Learner<D>,
}

impl<T: Training<D>, D: Backend> Fit<T, D> {
    /// A network with these initial weights.
    fn new(training: T, device: &D, weights: &[NamedArray]) -> Result<Self> {
        let layout = training.network().layout().clone();
        Ok(Fit {
            training: Arc::new(training),
            ready: None,
            learner: Learner::new(device, layout, weights)?,
        })
    }

    fn work(&mut self, batch: T::Batch, rng: &mut ChaCha8Rng, adam: &AdamConfig) -> Result<StepReport> {
        let loss = self.training.loss(self.learner.params(), batch, rng)?;
        self.learner.step(loss, adam)
    }
}

fn indices(samples: &[&LinearSystem]) -> Vec<u64> {
    samples.iter().map(|s| s.index).collect()
}

impl<T: Training<D>, D: Backend> Trainer for Fit<T, D> {
    fn step(
        &mut self,
        batch: &[&LinearSystem],
        next: &[&LinearSystem],
        rng: &mut ChaCha8Rng,
        adam: &AdamConfig,
    ) -> Result<StepReport> {
        let ready = match self.ready.take() {
            Some((samples, ready)) if samples == indices(batch) => ready,
            _ => self.training.batch(batch)?,
        };
        if next.is_empty() {
            return self.work(ready, rng, adam);
        }
        let training = self.training.clone();
        let (report, ahead) = std::thread::scope(|scope| {
            let ahead = scope.spawn(move || training.batch(next));
            let report = self.work(ready, rng, adam);
            // A batch that cannot be made says why at its own step.
            (report, ahead.join().ok().and_then(Result::ok))
        });
        self.ready = ahead.map(|b| (indices(next), b));
        report
    }

    fn loss(&mut self, batch: &[&LinearSystem], rng: &mut ChaCha8Rng) -> Result<f64> {
        let batch = self.training.batch(batch)?;
        let loss = self.training.loss(self.learner.params(), batch, rng)?;
        Ok(learner::value_of(&loss))
    }

    fn model(&self) -> Box<dyn Model> {
        let weights = Trained::new(self.learner.params().clone());
        Box::new(TrainedNetwork::new(self.training.network().clone(), weights))
    }

    fn checkpoint(&self, with_optimiser: bool) -> Result<Checkpoint> {
        let network = self.training.network();
        Ok(Checkpoint {
            model: network.name().into(),
            config: network.config(),
            version: env!("CARGO_PKG_VERSION").into(),
            weights: self.learner.params().to_arrays(),
            buffers: network.buffers(),
            adam: with_optimiser.then(|| self.learner.adam()).transpose()?,
            ..Default::default()
        })
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let mut fixed = self.training.network().buffers();
        fixed.sort_by(|a, b| a.name.cmp(&b.name));
        if checkpoint.buffers != fixed {
            return Err(Error::Argument(
                "the training data is not what this run was started with (its feature scales differ)".into(),
            ));
        }
        let state = checkpoint.adam.as_ref().ok_or_else(|| {
            Error::Argument("checkpoint holds no optimiser: resume from last.safetensors".into())
        })?;
        self.learner.restore(&checkpoint.weights, state)
    }

    fn parameters(&self) -> usize {
        self.learner.params().count()
    }

    fn device(&self) -> Device {
        D::KIND
    }
}

/// A trainer on a device.
///
/// # Errors
/// [`Error::Argument`] if the device is not at hand.
pub fn trainer<T>(training: T, on: Device, weights: &[NamedArray]) -> Result<Box<dyn Trainer>>
where
    T: Training<Cpu> + Training<device::Cuda>,
{
    match on {
        Device::Cpu => trainer_on_cpu(training, weights),
        Device::Cuda => Ok(Box::new(Fit::new(training, &device::cuda()?, weights)?)),
    }
}

/// A trainer of a network that runs on the CPU alone.
///
/// # Errors
/// [`Error::Shape`] if the weights are not those of its layout.
pub fn trainer_on_cpu<T: Training<Cpu>>(training: T, weights: &[NamedArray]) -> Result<Box<dyn Trainer>> {
    Ok(Box::new(Fit::new(training, &Cpu::default(), weights)?))
}
