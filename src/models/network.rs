//! Networks and their weights, as models: on the device where the weights are.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::{Checkpoint, Model, ModelConfig, PredictOptions};
use crate::error::{Error, Result};
use crate::nn::{Backend, Cpu, Device, Layout, NamedArray, Trained, device};
use crate::rng::{Purpose, stream};
use crate::solve::Acceleration;
use crate::solver::Need;
use crate::system::{LinearSystem, Names};

/// What a network is, apart from its weights and its layers.
pub struct Description {
    /// The model's name as recipes have it.
    pub name: &'static str,
    /// Its settings as TOML.
    pub config: String,
    /// What A has to be promised.
    pub needs: Need,
    /// Its parameters.
    pub layout: Layout,
    /// Fixed arrays that belong to it, such as feature scales.
    pub buffers: Vec<NamedArray>,
}

impl Description {
    /// Of a network without fixed arrays.
    pub fn new<C: Serialize + ModelConfig>(name: &'static str, config: &C, layout: Layout) -> Self {
        Description {
            name,
            needs: config.needs(),
            // A configuration is a struct of plain values, which TOML can always hold.
            config: toml::to_string(config).unwrap_or_default(),
            layout,
            buffers: Vec::new(),
        }
    }

    /// Refuses a system that the network is not for, whether it is trained on or predicted for.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] naming the model, what it needs of A, and what is promised.
    pub fn check(&self, system: &LinearSystem) -> Result<()> {
        self.needs.check_matrix(self.name, system.props)
    }

    /// Fresh weights.
    pub fn initial(&self, seed: u64) -> Vec<NamedArray> {
        self.layout.initial(&mut stream(seed, Purpose::Weights, 0))
    }
}

/// A network without its weights: its layers, and what it predicts with some.
pub trait Network<D: Backend>: Send + Sync + 'static {
    /// What it is.
    fn about(&self) -> &Description;

    /// Whether its predictions can be drawn from a distribution ([`PredictOptions::draws`]).
    fn draws(&self) -> bool {
        false
    }

    /// See [`Model::predicts_space`].
    fn predicts_space(&self) -> bool {
        false
    }

    /// See [`Model::predict`].
    ///
    /// # Errors
    /// As there.
    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration>;

    /// See [`Model::labels`].
    fn labels(&self) -> Names {
        Names::None
    }

    /// See [`Model::agreement`].
    ///
    /// # Errors
    /// As there.
    fn agreement(&self, _weights: &Trained<D>, _system: &LinearSystem) -> Result<Option<f64>> {
        Ok(None)
    }
}

/// A network with trained weights.
pub struct TrainedNetwork<N, D: Backend> {
    network: Arc<N>,
    weights: Trained<D>,
}

impl<N: Network<D>, D: Backend> TrainedNetwork<N, D> {
    /// Of a network and weights of its layout.
    pub fn new(network: Arc<N>, weights: Trained<D>) -> Self {
        TrainedNetwork { network, weights }
    }

    fn load(network: N, device: &D, checkpoint: &Checkpoint) -> Result<Box<dyn Model>> {
        let params = network.about().layout.load(device, &checkpoint.weights)?;
        Ok(Box::new(Self::new(Arc::new(network), Trained::new(params))))
    }
}

impl<N: Network<D>, D: Backend> Model for TrainedNetwork<N, D> {
    fn name(&self) -> &'static str {
        self.network.about().name
    }

    fn parameters(&self) -> usize {
        self.weights.count()
    }

    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        if options.draws > 0 && !self.network.draws() {
            return Err(Error::Argument(format!(
                "{} is no generative model: draws = {} has no meaning",
                self.name(),
                options.draws
            )));
        }
        self.network.about().check(system)?;
        self.network.predict(&self.weights, system, options)
    }

    fn predicts_space(&self) -> bool {
        self.network.predicts_space()
    }

    fn labels(&self) -> Names {
        self.network.labels()
    }

    fn agreement(&self, system: &LinearSystem) -> Result<Option<f64>> {
        self.network.agreement(&self.weights, system)
    }
}

/// A network with the weights of a checkpoint read from `file`, on a device.
///
/// # Errors
/// [`Error::File`] if they are not those of the network, [`Error::Argument`] if the device is not at hand.
pub fn load<N>(network: N, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>>
where
    N: Network<Cpu> + Network<device::Cuda>,
{
    match on {
        Device::Cpu => load_on_cpu(network, checkpoint, file),
        Device::Cuda => {
            TrainedNetwork::load(network, &device::cuda()?, checkpoint).map_err(|e| Error::file(file, e.to_string()))
        }
    }
}

/// The same for a network that runs on the CPU alone.
///
/// # Errors
/// [`Error::File`] if the weights are not those of the network.
pub fn load_on_cpu<N: Network<Cpu>>(network: N, checkpoint: &Checkpoint, file: &Path) -> Result<Box<dyn Model>> {
    TrainedNetwork::load(network, &Cpu::default(), checkpoint).map_err(|e| Error::file(file, e.to_string()))
}
