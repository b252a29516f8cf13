//! Training of `nsls`: batches of graphs as one, cosine losses.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::features::Seen;
use super::network::Nsls;
use super::{LossKind, NAME, NslsConfig};
use crate::error::{Error, Result};
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::models::graph;
use crate::nn::graph::Graphs;
use crate::nn::ops::{AddOp, CosineLossOp, Engine, PropagateOp, Taped};
use crate::nn::{Backend, Device, Loss, Params};
use crate::system::{LinearSystem, Parts};

/// A trainer with fresh weights for systems like those of `set`.
///
/// # Errors
/// If the settings are out of range, a loss needs solutions that are not there, or the device is not at hand.
pub fn trainer(config: &NslsConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    config.check()?;
    if config.loss != LossKind::Residual && !set.source.has_solutions() {
        return Err(Error::Argument(format!(
            "{NAME}: this loss needs solutions, which the dataset does not hold: generate it with solutions, or set \
             loss = \"residual\""
        )));
    }
    let network = Arc::new(Nsls::new(config.clone()));
    let weights = network.about.initial(seed);
    let training = NslsTraining { network };
    fit::trainer(training, set, device, &weights)
}

/// A sample ready for the network, made once.
struct Item {
    graph: Graphs<f32>,
    features: Vec<f32>,
    /// Their last column.
    last: Vec<f32>,
    /// The scaled right-hand side and solution, as directions; the solution is empty where no loss asks for it.
    rhs: Vec<f32>,
    solution: Vec<f32>,
}

impl Item {
    fn new(config: &NslsConfig, s: &LinearSystem) -> Result<Self> {
        let seen = Seen::new(config, &s.matrix, &s.rhs)?;
        let x = s.solution.as_ref().filter(|_| config.loss != LossKind::Residual);
        Ok(Item {
            graph: Graphs::of(&seen.matrix)?,
            rhs: direction(&seen.rhs),
            solution: x.map_or_else(Vec::new, |x| direction(&seen.from_solution(x))),
            last: seen.last(config.inputs()),
            features: seen.features,
        })
    }
}

/// Samples one after the other.
struct Batch {
    graphs: Graphs<f32>,
    features: Vec<f32>,
    last: Vec<f32>,
    rhs: Arc<Vec<f32>>,
    solution: Arc<Vec<f32>>,
}

struct NslsTraining {
    network: Arc<Nsls>,
}

/// v/‖v‖∞ in single precision, where its size could not be held.
fn direction(v: &[f64]) -> Vec<f32> {
    let largest = v.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let scale = if largest > 0.0 { 1.0 / largest } else { 1.0 };
    v.iter().map(|x| (x * scale) as f32).collect()
}

impl<D: Backend> Training<D> for NslsTraining {
    type Network = Nsls;
    type Item = Item;
    type Batch = Batch;

    fn network(&self) -> &Arc<Nsls> {
        &self.network
    }

    fn parts(&self) -> Parts {
        Parts { rhs: true, solution: self.network.config.loss != LossKind::Residual, ..Parts::matrix() }
    }

    fn item(&self, sample: &LinearSystem) -> Result<Item> {
        Item::new(&self.network.config, sample)
    }

    fn bytes(item: &Item) -> usize {
        let tables = [&item.features, &item.last, &item.rhs, &item.solution];
        item.graph.bytes() + tables.iter().map(|t| size_of_val(&***t)).sum::<usize>()
    }

    fn batch(&self, items: &[Arc<Item>]) -> Result<Batch> {
        Ok(Batch {
            graphs: graph::join(items, |i| &i.graph, false)?,
            features: graph::concat(items, |i| &i.features),
            last: graph::concat(items, |i| &i.last),
            rhs: Arc::new(graph::concat(items, |i| &i.rhs)),
            solution: Arc::new(graph::concat(items, |i| &i.solution)),
        })
    }

    fn loss(&self, params: &Params<f32, D>, batch: Batch, _: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let config = &self.network.config;
        let mut ops = params.device().taped();
        let at = ops.batch(&batch.graphs);
        let offsets = batch.graphs.offsets();
        let x = ops.table(batch.features, config.inputs());
        let last = ops.table(batch.last, 1);
        let out = self.network.forward(&mut ops, params, &at, &x, &last);
        let solution = |ops: &mut D::Taped| ops.cosine_loss(offsets, &out, &batch.solution);
        let residual = |ops: &mut D::Taped| {
            let image = ops.propagate(&at, &out);
            ops.cosine_loss(offsets, &image, &batch.rhs)
        };
        let loss = match config.loss {
            LossKind::Solution => solution(&mut ops),
            LossKind::Residual => residual(&mut ops),
            LossKind::Both => {
                let (a, b) = (solution(&mut ops), residual(&mut ops));
                ops.add(&a, &b)
            }
        };
        Ok(ops.finish(&loss))
    }
}
