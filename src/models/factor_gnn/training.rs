//! Training of `factor-gnn`: the cosine with the target.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::FactorConfig;
use super::features::{EDGE_FEATURES, NODE_FEATURES, Seen};
use super::layers::FactorGnn;
use crate::error::Result;
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::models::graph;
use crate::nn::graph::Graphs;
use crate::nn::ops::{CosineLossOp, Engine, GatherOp, Taped};
use crate::nn::{Backend, Device, Loss, Params};
use crate::system::{LinearSystem, Parts};

/// A trainer with fresh weights.
///
/// # Errors
/// If the settings are out of range, or the device is not at hand.
pub fn trainer(config: &FactorConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    config.check()?;
    // A target that is not there is told before the run directory is made.
    config.target.entries(&*set.first(&parts(config))?)?;
    let network = Arc::new(FactorGnn::new(config.clone()));
    let weights = network.about.initial(seed);
    let training = FactorTraining { network };
    fit::trainer(training, set, device, &weights)
}

/// A and the target; b as well, which the better of two targets is measured on.
pub(super) fn parts(config: &FactorConfig) -> Parts {
    Parts { rhs: true, labels: config.target.labels(), ..Parts::matrix() }
}

/// A sample ready for the network, made once.
struct Item {
    seen: Seen,
    target: Vec<f32>,
}

/// Samples one after the other.
struct Batch {
    graphs: Graphs<f32>,
    nodes: Vec<f32>,
    edges: Vec<f32>,
    /// The edges of the lower triangles, where those of each graph start, and their targets.
    lower: Arc<Vec<u32>>,
    offsets: Vec<usize>,
    target: Arc<Vec<f32>>,
}

struct FactorTraining {
    network: Arc<FactorGnn>,
}

impl<D: Backend> Training<D> for FactorTraining {
    type Network = FactorGnn;
    type Item = Item;
    type Batch = Batch;

    fn network(&self) -> &Arc<FactorGnn> {
        &self.network
    }

    fn parts(&self) -> Parts {
        parts(&self.network.config)
    }

    fn item(&self, sample: &LinearSystem) -> Result<Item> {
        let config = &self.network.config;
        let seen = Seen::new(config, &sample.matrix)?;
        Ok(Item { target: seen.target(config.target, sample)?, seen })
    }

    fn bytes(item: &Item) -> usize {
        item.seen.bytes() + size_of_val(&*item.target)
    }

    fn batch(&self, items: &[Arc<Item>]) -> Result<Batch> {
        let (mut lower, mut offsets, mut first) = (Vec::new(), vec![0], 0);
        for item in items {
            lower.extend(item.seen.lower.iter().map(|e| e + first));
            first += item.seen.graph.edges() as u32;
            offsets.push(lower.len());
        }
        Ok(Batch {
            graphs: graph::join(items, |i| &i.seen.graph, true)?,
            nodes: graph::concat(items, |i| &i.seen.nodes),
            edges: graph::concat(items, |i| &i.seen.edges),
            lower: Arc::new(lower),
            offsets,
            target: Arc::new(graph::concat(items, |i| &i.target)),
        })
    }

    fn loss(&self, params: &Params<f32, D>, batch: Batch, _: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let mut ops = params.device().taped();
        let at = ops.batch(&batch.graphs);
        let nodes = ops.table(batch.nodes, NODE_FEATURES);
        let edges = ops.table(batch.edges, EDGE_FEATURES);
        let all = self.network.forward(&mut ops, params, &at, &nodes, &edges);
        let l = ops.select(&all, &batch.lower);
        let loss = ops.cosine_loss(&batch.offsets, &l, &batch.target);
        Ok(ops.finish(&loss))
    }
}
