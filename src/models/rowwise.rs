//! Models of one perceptron that is applied to every row of a system's features: settings, features, loss and
//! prediction are theirs; batches, weights, training and checkpoints are made of them here.

use std::path::Path;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::fit::{self, Trainer, Training};
use super::network::{self, Description, Network};
use super::{Checkpoint, Model, ModelConfig, PredictOptions, TrainingSet};
use crate::error::Result;
use crate::nn::dense::{DenseOps, Table};
use crate::nn::ops::Engine;
use crate::nn::{Backend, Device, Layout, Loss, Mlp, Params, Trained};
use crate::solve::Acceleration;
use crate::solver::Need;
use crate::system::{LinearSystem, Parts};

/// What the perceptron put out for a batch.
pub struct Output<'a, D: Backend> {
    /// What a loss is made with.
    pub ops: DenseOps<D>,
    /// (rows of all systems, outputs).
    pub out: Table<f32, D>,
    /// The systems, with what is given of them: matrix, right-hand side, fields.
    pub systems: &'a [Arc<LinearSystem>],
    /// For the random vectors of the step.
    pub rng: &'a mut ChaCha8Rng,
}

/// The settings of a model of one perceptron; each is a [`ModelConfig`].
pub trait Rowwise: Serialize + Clone + Send + Sync + 'static {
    /// The model's name as recipes have it.
    const NAME: &'static str;

    /// Numbers in a row of features, widths of the hidden layers, numbers put out for a row.
    fn widths(&self) -> (usize, &[usize], usize);

    /// See [`ModelConfig::needs`].
    fn needs(&self) -> Need {
        Need::Nothing
    }

    /// The features of a system, row by row.
    fn features(&self, system: &LinearSystem) -> Vec<f32>;

    /// The loss of a batch.
    ///
    /// # Errors
    /// If the systems do not fit the model.
    fn loss<D: Backend>(&self, batch: Output<D>) -> Result<Loss<D>>;

    /// What the outputs for a system's rows mean.
    ///
    /// # Errors
    /// If the system does not fit the model, or there is an option that it cannot honour.
    fn predict(&self, out: Vec<f32>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration>;
}

impl<M: Rowwise> ModelConfig for M {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        let network = Arc::new(RowNetwork::new(self.clone()));
        let weights = network.about.initial(seed);
        fit::trainer(RowTraining(network), set, device, &weights)
    }

    fn needs(&self) -> Need {
        Rowwise::needs(self)
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        network::load(RowNetwork::new(self.clone()), checkpoint, file, on)
    }
}

struct RowNetwork<M> {
    model: M,
    perceptron: Mlp,
    about: Description,
}

impl<M: Rowwise> RowNetwork<M> {
    /// With small initial weights in the last layer: its outputs start near zero.
    fn new(model: M) -> Self {
        let mut layout = Layout::default();
        let (inputs, hidden, outputs) = model.widths();
        RowNetwork {
            perceptron: Mlp::new(&mut layout, M::NAME, inputs, hidden, outputs, 0.01),
            about: Description::new(M::NAME, &model, layout),
            model,
        }
    }
}

impl<M: Rowwise, D: Backend> Network<D> for RowNetwork<M> {
    fn about(&self) -> &Description {
        &self.about
    }

    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        let out = weights.evaluate_dense(|ops, w| {
            let x = ops.table(self.model.features(system), self.model.widths().0);
            self.perceptron.forward(ops, w, &x)
        });
        self.model.predict(out, system, options)
    }
}

struct RowTraining<M>(Arc<RowNetwork<M>>);

impl<M: Rowwise, D: Backend> Training<D> for RowTraining<M> {
    type Network = RowNetwork<M>;
    type Item = LinearSystem;
    type Batch = (Vec<f32>, Vec<Arc<LinearSystem>>);

    fn network(&self) -> &Arc<RowNetwork<M>> {
        &self.0
    }

    fn parts(&self) -> Parts {
        Parts::given()
    }

    fn item(&self, sample: &LinearSystem) -> Result<LinearSystem> {
        Ok(sample.clone())
    }

    fn bytes(system: &LinearSystem) -> usize {
        system.bytes()
    }

    fn batch(&self, systems: &[Arc<LinearSystem>]) -> Result<Self::Batch> {
        let rows = systems.iter().flat_map(|s| self.0.model.features(s));
        Ok((rows.collect(), systems.to_vec()))
    }

    fn loss(&self, params: &Params<f32, D>, (features, systems): Self::Batch, rng: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let RowNetwork { model, perceptron, .. } = &*self.0;
        let mut ops = DenseOps::<D>::new(params.device().clone());
        let x = ops.table(features, model.widths().0);
        let out = perceptron.forward(&mut ops, params, &x);
        let systems = &systems[..];
        model.loss(Output { ops, out, systems, rng })
    }
}
