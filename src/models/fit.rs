//! What training needs of a model: one optimiser step on a batch, the current predictor, the state to save.
//!
//! [`Trainer`] is what [`crate::train`] sees; [`trainer`] makes one of any [`Training`] on any device.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::network::{Network, TrainedNetwork};
use super::{Checkpoint, Model, TrainingSet};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::nn::{Backend, Cpu, Learner, Loss, NamedArray, Params, Trained, device, learner};
use crate::system::{Cache, LinearSystem, Parts, for_each_chunk};

pub use crate::nn::{AdamConfig, Device, StepReport};

/// A network under training.
pub trait Trainer {
    /// One optimiser step on the samples of these ids; `rng` gives the random probe vectors of this step. The batch of
    /// the step after is loaded and made ready on another thread meanwhile; `next` may be empty.
    ///
    /// # Errors
    /// If a sample cannot be loaded or is not of the network's size.
    fn step(&mut self, batch: &[u32], next: &[u32], rng: &mut ChaCha8Rng, adam: &AdamConfig) -> Result<StepReport>;

    /// The loss of a batch, nothing changed.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    fn loss(&mut self, batch: &[u32], rng: &mut ChaCha8Rng) -> Result<f64>;

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

    /// Takes the weights of another run; the optimiser starts anew.
    ///
    /// # Errors
    /// If they are those of a network of another size, naming the array.
    fn start_from(&mut self, weights: &[NamedArray]) -> Result<()>;

    /// How many numbers are trained.
    fn parameters(&self) -> usize;

    /// "cpu" or "cuda".
    fn device(&self) -> Device;
}

/// What a [`Network`] is trained by: batches and a loss.
pub trait Training<D: Backend>: Send + Sync + 'static {
    /// The network under training.
    type Network: Network<D>;
    /// What is made of one sample once and kept as far as memory goes: features, factors, graphs.
    type Item: Send + Sync;
    /// Samples ready for the network, on the host.
    type Batch: Send;

    /// The network under training.
    fn network(&self) -> &Arc<Self::Network>;

    /// The parts of a sample that [`Training::item`] reads.
    fn parts(&self) -> Parts {
        Parts::matrix()
    }

    /// What is made of a sample.
    ///
    /// # Errors
    /// If the sample does not fit the network.
    fn item(&self, sample: &LinearSystem) -> Result<Self::Item>;

    /// The bytes that an item takes.
    fn bytes(item: &Self::Item) -> usize;

    /// Makes a batch ready.
    ///
    /// # Errors
    /// If a sample is not of the network's size.
    fn batch(&self, items: &[Arc<Self::Item>]) -> Result<Self::Batch>;

    /// The loss of a batch.
    ///
    /// # Errors
    /// If the batch does not fit the network.
    fn loss(&self, params: &Params<f32, D>, batch: Self::Batch, rng: &mut ChaCha8Rng) -> Result<Loss<D>>;
}

/// Batches of samples out of a source.
struct Batches<T: Training<D>, D: Backend> {
    training: T,
    set: TrainingSet,
    items: Cache<T::Item>,
}

impl<T: Training<D>, D: Backend> Batches<T, D> {
    /// The batch of these samples; those not kept are loaded and made, on all cores.
    fn make(&self, ids: &[u32]) -> Result<T::Batch> {
        let make = |missing: &[u32]| {
            let (parts, bytes) = (self.training.parts(), self.set.chunk_bytes());
            let mut made = Vec::with_capacity(missing.len());
            for_each_chunk(&*self.set.source, missing, &parts, bytes, |samples| {
                let item = |s: &LinearSystem| {
                    // A target may take long.
                    interrupt::check("while targets were made")?;
                    self.training.network().about().check(s)?;
                    self.training.item(s)
                };
                let items = samples.par_iter().map(|s| match item(s) {
                    Ok(item) => Ok(Arc::new(item)),
                    Err(e) => Err(e.of_sample(s.index)),
                });
                made.extend(items.collect::<Result<Vec<_>>>()?);
                Ok(())
            })?;
            Ok(made)
        };
        self.training.batch(&self.items.get(ids, make, T::bytes)?)
    }
}

/// A network under training on a device.
struct Fit<T: Training<D>, D: Backend> {
    batches: Batches<T, D>,
    /// A batch made ahead, with the ids of its samples.
    ready: Option<(Vec<u32>, T::Batch)>,
    learner: Learner<D>,
}

impl<T: Training<D>, D: Backend> Fit<T, D> {
    /// A network with these initial weights.
    fn new(training: T, set: &TrainingSet, device: &D, weights: &[NamedArray]) -> Result<Self> {
        let layout = training.network().about().layout.clone();
        Ok(Fit {
            batches: Batches { training, items: Cache::new(set.cache_bytes), set: set.clone() },
            ready: None,
            learner: Learner::new(device, layout, weights)?,
        })
    }
}

impl<T: Training<D>, D: Backend> Trainer for Fit<T, D> {
    fn step(&mut self, batch: &[u32], next: &[u32], rng: &mut ChaCha8Rng, adam: &AdamConfig) -> Result<StepReport> {
        let (batches, learner) = (&self.batches, &mut self.learner);
        let ready = match self.ready.take() {
            Some((ids, ready)) if ids == batch => ready,
            _ => batches.make(batch)?,
        };
        let work = || {
            let loss = batches.training.loss(learner.params(), ready, rng)?;
            learner.step(loss, adam)
        };
        if next.is_empty() {
            return work();
        }
        let (report, ahead) = std::thread::scope(|scope| {
            let ahead = scope.spawn(|| batches.make(next));
            let report = work();
            // A batch that cannot be made says why at its own step.
            (report, ahead.join().ok().and_then(Result::ok))
        });
        self.ready = ahead.map(|b| (next.to_vec(), b));
        report
    }

    fn loss(&mut self, batch: &[u32], rng: &mut ChaCha8Rng) -> Result<f64> {
        let batch = self.batches.make(batch)?;
        let loss = self.batches.training.loss(self.learner.params(), batch, rng)?;
        Ok(learner::value_of(&loss))
    }

    fn model(&self) -> Box<dyn Model> {
        let weights = Trained::new(self.learner.params().clone());
        Box::new(TrainedNetwork::new(self.batches.training.network().clone(), weights))
    }

    fn checkpoint(&self, with_optimiser: bool) -> Result<Checkpoint> {
        let about = self.batches.training.network().about();
        Ok(Checkpoint {
            model: about.name.into(),
            config: about.config.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            weights: self.learner.params().to_arrays(),
            buffers: about.buffers.clone(),
            adam: with_optimiser.then(|| self.learner.adam()).transpose()?,
            ..Default::default()
        })
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let mut fixed = self.batches.training.network().about().buffers.clone();
        fixed.sort_by(|a, b| a.name.cmp(&b.name));
        if checkpoint.buffers != fixed {
            return Err(Error::Argument(
                "the training data is not what this run was started with (its feature scales differ)".into(),
            ));
        }
        let state = checkpoint
            .adam
            .as_ref()
            .ok_or_else(|| Error::Argument("checkpoint holds no optimiser: resume from last.safetensors".into()))?;
        self.learner.restore(&checkpoint.weights, state)
    }

    fn start_from(&mut self, weights: &[NamedArray]) -> Result<()> {
        self.learner.start_from(weights)
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
pub fn trainer<T>(training: T, set: &TrainingSet, on: Device, weights: &[NamedArray]) -> Result<Box<dyn Trainer>>
where
    T: Training<Cpu> + Training<device::Cuda>,
{
    match on {
        Device::Cpu => trainer_on_cpu(training, set, weights),
        Device::Cuda => Ok(Box::new(Fit::new(training, set, &device::cuda()?, weights)?)),
    }
}

/// A trainer of a network that runs on the CPU alone.
///
/// # Errors
/// [`Error::Shape`] if the weights are not those of its layout.
pub fn trainer_on_cpu<T: Training<Cpu>>(
    training: T,
    set: &TrainingSet,
    weights: &[NamedArray],
) -> Result<Box<dyn Trainer>> {
    Ok(Box::new(Fit::new(training, set, &Cpu::default(), weights)?))
}
