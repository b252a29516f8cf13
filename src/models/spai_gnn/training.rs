//! Training of `spai-gnn`: ‖(Ā M − I) w‖² / ‖w‖² on fresh normal vectors.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::SpaiGnnConfig;
use super::features::Seen;
use super::layers::SpaiGnn;
use crate::error::Result;
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::models::graph;
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, SparseInverseLossOp, Taped, Trial};
use crate::nn::{Backend, Device, Loss, Params};
use crate::rng::normals;
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

/// A sample ready for the network, made once; or the samples of a batch, one after the other.
struct Tables {
    /// Of the blocks.
    graph: Graphs<f32>,
    /// Of the entries, where blocks hold more than one.
    entries: Option<Graphs<f32>>,
    places: Arc<Vec<u32>>,
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
    type Item = Tables;
    type Batch = Tables;

    fn network(&self) -> &Arc<SpaiGnn> {
        &self.network
    }

    fn item(&self, sample: &LinearSystem) -> Result<Tables> {
        let config = &self.network.config;
        let Seen { matrix, blocks, nodes, edges, base, places, .. } = Seen::new(config, &sample.matrix)?;
        let entries = (config.block > 1).then(|| Graphs::of(&matrix)).transpose()?;
        let places = Arc::new(if entries.is_some() { places } else { Vec::new() });
        let matrix = matrix.values().to_vec();
        Ok(Tables { graph: Graphs::of(&blocks)?, entries, places, nodes, edges, base, matrix })
    }

    fn bytes(item: &Tables) -> usize {
        let tables = [&item.nodes, &item.edges, &item.base].map(|t| size_of_val(&**t));
        let entries = item.entries.as_ref().map_or(0, Graphs::bytes) + size_of_val(&**item.places);
        item.graph.bytes() + entries + tables.iter().sum::<usize>() + size_of_val(&*item.matrix)
    }

    fn batch(&self, items: &[Arc<Tables>]) -> Result<Tables> {
        let entries: Vec<_> = items.iter().filter_map(|i| i.entries.as_ref()).collect();
        let entries = (!entries.is_empty()).then(|| Graphs::join(&entries)).transpose()?;
        let (mut places, mut first) = (Vec::new(), 0);
        for item in items {
            places.extend(item.places.iter().map(|p| p + first));
            first += item.places.len() as u32;
        }
        Ok(Tables {
            entries,
            places: Arc::new(places),
            nodes: graph::concat(items, |i| &i.nodes),
            edges: graph::concat(items, |i| &i.edges),
            base: graph::concat(items, |i| &i.base),
            matrix: items.iter().flat_map(|i| i.matrix.iter().copied()).collect(),
            graph: graph::join(items, |i| &i.graph, true)?,
        })
    }

    fn loss(&self, params: &Params<f32, D>, batch: Tables, rng: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let mut ops = params.device().taped();
        let at = ops.batch(&batch.graph);
        let config = &self.network.config;
        let nodes = ops.table(batch.nodes, config.node_features());
        let edges = ops.table(batch.edges, config.edge_features());
        let base = ops.table(batch.base, config.block * config.block);
        let g = self.network.forward(&mut ops, params, &at, &batch.places, [&nodes, &edges, &base]);
        // The loss is about entries, not blocks.
        let entries = batch.entries.as_ref().map(|graphs| ops.batch(graphs));
        let offsets = batch.entries.as_ref().unwrap_or(&batch.graph).offsets().to_vec();
        let count = config.vectors * offsets.last().copied().unwrap_or(0);
        let trial = Trial {
            offsets,
            matrix: Arc::new(batch.matrix),
            vectors: Arc::new(normals(rng, count)),
            shift: config.shift,
        };
        let loss = ops.sparse_inverse_loss(entries.as_ref().unwrap_or(&at), &g, &trial);
        Ok(ops.finish(&loss))
    }
}
