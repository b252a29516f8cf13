//! Training of `spai-gnn`: ‖(Ā M − I) w‖² / ‖w‖² on fresh normal vectors.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::SpaiGnnConfig;
use super::network::{EDGE_FEATURES, NODE_FEATURES, Seen, SpaiGnn};
use crate::error::Result;
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::models::graph;
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, SparseInverseLossOp, Taped, Trial};
use crate::nn::{Backend, Device, Loss, Params};
use crate::system::LinearSystem;

/// A trainer with fresh weights for systems like those of `set`.
///
/// # Errors
/// If the settings are out of range or the device is not at hand.
pub fn trainer(config: &SpaiGnnConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    config.check()?;
    let network = Arc::new(SpaiGnn::new(config.clone()));
    let weights = network.about.initial(seed);
    fit::trainer(SpaiGnnTraining { network }, set, device, &weights)
}

/// A sample ready for the network, made once.
struct Item {
    graph: Graphs<f32>,
    nodes: Vec<f32>,
    edges: Vec<f32>,
    base: Vec<f32>,
    matrix: Vec<f64>,
}

/// Samples one after the other.
struct Batch {
    graphs: Graphs<f32>,
    nodes: Vec<f32>,
    edges: Vec<f32>,
    base: Vec<f32>,
    matrix: Vec<f64>,
}

struct SpaiGnnTraining {
    network: Arc<SpaiGnn>,
}

impl<D: Backend> Training<D> for SpaiGnnTraining {
    type Network = SpaiGnn;
    type Item = Item;
    type Batch = Batch;

    fn network(&self) -> &Arc<SpaiGnn> {
        &self.network
    }

    fn item(&self, sample: &LinearSystem) -> Result<Item> {
        let Seen { matrix, nodes, edges, base, .. } = Seen::new(&self.network.config, &sample.matrix)?;
        Ok(Item { graph: Graphs::of(&matrix)?, nodes, edges, base, matrix: matrix.values().to_vec() })
    }

    fn bytes(item: &Item) -> usize {
        let tables = [&item.nodes, &item.edges, &item.base].map(|t| size_of_val(&**t));
        item.graph.bytes() + tables.iter().sum::<usize>() + size_of_val(&*item.matrix)
    }

    fn batch(&self, items: &[Arc<Item>]) -> Result<Batch> {
        Ok(Batch {
            nodes: graph::concat(items, |i| &i.nodes),
            edges: graph::concat(items, |i| &i.edges),
            base: graph::concat(items, |i| &i.base),
            matrix: items.iter().flat_map(|i| i.matrix.iter().copied()).collect(),
            graphs: graph::join(items, |i| &i.graph, true)?,
        })
    }

    fn loss(&self, params: &Params<f32, D>, batch: Batch, rng: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let mut ops = params.device().taped();
        let at = ops.batch(&batch.graphs);
        let nodes = ops.table(batch.nodes, NODE_FEATURES);
        let edges = ops.table(batch.edges, EDGE_FEATURES);
        let base = ops.table(batch.base, 1);
        let g = self.network.forward(&mut ops, params, &at, [&nodes, &edges, &base]);
        let offsets = batch.graphs.offsets().to_vec();
        let count = self.network.config.vectors * offsets.last().copied().unwrap_or(0);
        let vectors: Vec<f64> = (0..count).map(|_| StandardNormal.sample(rng)).collect();
        let trial = Trial {
            offsets,
            matrix: Arc::new(batch.matrix),
            vectors: Arc::new(vectors),
            shift: self.network.config.shift,
        };
        let loss = ops.sparse_inverse_loss(&at, &g, &trial);
        Ok(ops.finish(&loss))
    }
}
