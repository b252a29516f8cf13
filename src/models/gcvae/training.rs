//! Training of `gcvae`: ‖I − Rᵀ Â R‖_F² / n on draws of z, and the divergence of z from N(0, I).

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::features::{EDGE_FEATURES, ENTRY_FEATURES, NODE_FEATURES, Seen};
use super::network::Gcvae;
use super::{GcvaeConfig, Norm};
use crate::error::Result;
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::models::graph;
use crate::nn::graph::Graphs;
use crate::nn::ops::{AddOp, Engine, FactoredInverseLossOp, GaussianOp, Taped, Trial};
use crate::nn::{Backend, Device, Loss, Params};
use crate::system::LinearSystem;

/// A trainer with fresh weights for systems like those of `set`.
///
/// # Errors
/// If the settings are out of range or the device is not at hand.
pub fn trainer(config: &GcvaeConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    config.check()?;
    let network = Arc::new(Gcvae::new(config.clone()));
    let weights = network.about.initial(seed);
    fit::trainer(GcvaeTraining { network, seed }, set, device, &weights)
}

/// A sample ready for the network, made once.
struct Item {
    graph: Graphs<f32>,
    mask: Graphs<f32>,
    nodes: Vec<f32>,
    edges: Vec<f32>,
    entries: Vec<f32>,
    base: Vec<f32>,
    probes: Vec<f32>,
    matrix: Vec<f64>,
}

/// Samples one after the other.
struct Batch {
    graph: Graphs<f32>,
    mask: Graphs<f32>,
    nodes: Vec<f32>,
    edges: Vec<f32>,
    entries: Vec<f32>,
    base: Vec<f32>,
    probes: Vec<f32>,
    matrix: Vec<f64>,
}

struct GcvaeTraining {
    network: Arc<Gcvae>,
    seed: u64,
}

impl<D: Backend> Training<D> for GcvaeTraining {
    type Network = Gcvae;
    type Item = Item;
    type Batch = Batch;

    fn network(&self) -> &Arc<Gcvae> {
        &self.network
    }

    fn item(&self, sample: &LinearSystem) -> Result<Item> {
        let config = &self.network.config;
        let seen = Seen::new(config, &sample.matrix)?;
        Ok(Item {
            probes: seen.inverse_probes(config.inverse_probes, self.seed, sample.index)?,
            graph: Graphs::of(&seen.matrix)?,
            mask: Graphs::of(&seen.masked)?,
            matrix: seen.masked.values().to_vec(),
            nodes: seen.nodes,
            edges: seen.edges,
            entries: seen.entries,
            base: seen.base,
        })
    }

    fn bytes(item: &Item) -> usize {
        let tables = [&item.nodes, &item.edges, &item.entries, &item.base, &item.probes];
        let tables: usize = tables.iter().map(|t| size_of_val(&***t)).sum();
        item.graph.bytes() + item.mask.bytes() + tables + size_of_val(&*item.matrix)
    }

    fn batch(&self, items: &[Arc<Item>]) -> Result<Batch> {
        Ok(Batch {
            graph: graph::join(items, |i| &i.graph, true)?,
            mask: graph::join(items, |i| &i.mask, true)?,
            nodes: graph::concat(items, |i| &i.nodes),
            edges: graph::concat(items, |i| &i.edges),
            entries: graph::concat(items, |i| &i.entries),
            base: graph::concat(items, |i| &i.base),
            probes: graph::concat(items, |i| &i.probes),
            matrix: items.iter().flat_map(|i| i.matrix.iter().copied()).collect(),
        })
    }

    fn loss(&self, params: &Params<f32, D>, batch: Batch, rng: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let config = &self.network.config;
        let mut ops = params.device().taped();
        let [at, mask] = [ops.batch(&batch.graph), ops.batch(&batch.mask)];
        let offsets = batch.graph.offsets().to_vec();
        let nodes = ops.table(batch.nodes, NODE_FEATURES);
        let edges = ops.table(batch.edges, EDGE_FEATURES);
        let entries = ops.table(batch.entries, ENTRY_FEATURES);
        let base = ops.table(batch.base, 1);
        let probes = ops.table(batch.probes, 2 * config.inverse_probes);
        let x = self.network.encode(&mut ops, params, &at, &nodes, &edges);
        let [mean, log_variance] = self.network.posterior(&mut ops, params, &at, &x, &probes);
        let graphs = offsets.len() - 1;
        let noise: Vec<f64> = (0..graphs * config.latent).map(|_| StandardNormal.sample(rng)).collect();
        let z = ops.draw(&mean, &log_variance, &noise);
        let r = self.network.decode(&mut ops, params, &mask, [&x, &z, &entries, &base]);
        let vectors = match config.norm {
            Norm::Probes => {
                let count = config.vectors * offsets.last().copied().unwrap_or(0);
                (0..count).map(|_| StandardNormal.sample(rng)).collect()
            }
            Norm::Exact => unit_vectors(&offsets),
        };
        let trial = Trial { offsets, matrix: Arc::new(batch.matrix), vectors: Arc::new(vectors), shift: 0.0 };
        let reconstruction = ops.factored_inverse_loss(&mask, &r, &trial);
        let divergence = ops.divergence(&mean, &log_variance, config.kl);
        let loss = ops.add(&reconstruction, &divergence);
        Ok(ops.finish(&loss))
    }
}

/// √v e_k in every graph for k below v, the most nodes of a graph: one after the other.
fn unit_vectors(offsets: &[usize]) -> Vec<f64> {
    let most = offsets.windows(2).map(|r| r[1] - r[0]).max().unwrap_or(0);
    let nodes = offsets.last().copied().unwrap_or(0);
    let mut out = vec![0.0; most * nodes];
    for r in offsets.windows(2) {
        for k in 0..r[1] - r[0] {
            out[k * nodes + r[0] + k] = (most as f64).sqrt();
        }
    }
    out
}
