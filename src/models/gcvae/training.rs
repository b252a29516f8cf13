//! Training of `gcvae`: ‖I − Rᵀ Â R‖_F² / n on draws of z, and the divergence of z from N(0, I).

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::features::{EDGE_FEATURES, Masks, NODE_FEATURES, Seen};
use super::network::Gcvae;
use super::{GcvaeConfig, Norm};
use crate::error::Result;
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::models::graph;
use crate::nn::graph::Graphs;
use crate::nn::ops::{AddOp, Engine, FactoredInverseLossOp, GaussianOp, Taped, Trial};
use crate::nn::{Backend, Device, Loss, Params};
use crate::rng::normals;
use crate::system::{LinearSystem, Parts};

/// A trainer with fresh weights for systems like those of `set`.
///
/// # Errors
/// If the settings are out of range or the device is not at hand.
pub fn trainer(config: &GcvaeConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    let mut config = config.clone();
    if config.images() && config.nodes == 0 {
        config.nodes = set.first(&Parts::matrix())?.n();
    }
    config.check()?;
    let network = Arc::new(Gcvae::new(config));
    let weights = network.about.initial(seed);
    fit::trainer(GcvaeTraining { network, seed }, set, device, &weights)
}

/// A sample ready for the network, made once; or the samples of a batch, one after the other.
struct Tables {
    graph: Graphs<f32>,
    masks: Masks,
    nodes: Vec<f32>,
    edges: Vec<f32>,
    entries: Vec<f32>,
    base: Vec<f32>,
    inverse: Vec<f32>,
    matrix: Vec<f64>,
}

struct GcvaeTraining {
    network: Arc<Gcvae>,
    seed: u64,
}

impl<D: Backend> Training<D> for GcvaeTraining {
    type Network = Gcvae;
    type Item = Tables;
    type Batch = Tables;

    fn network(&self) -> &Arc<Gcvae> {
        &self.network
    }

    fn item(&self, sample: &LinearSystem) -> Result<Tables> {
        let config = &self.network.config;
        self.network.fits(sample.n())?;
        let seen = Seen::new(config, &sample.matrix)?;
        Ok(Tables {
            inverse: seen.inverse(config, self.seed, sample.index)?,
            graph: Graphs::of(&seen.matrix)?,
            masks: Masks { graphs: Graphs::of(&seen.masked)?, beyond: seen.beyond, keep: vec![seen.keep] },
            matrix: seen.masked.values().to_vec(),
            nodes: seen.nodes,
            edges: seen.edges,
            entries: seen.entries,
            base: seen.base,
        })
    }

    fn bytes(item: &Tables) -> usize {
        let tables = [&item.nodes, &item.edges, &item.entries, &item.base, &item.inverse];
        let tables: usize = tables.iter().map(|t| size_of_val(&***t)).sum();
        item.graph.bytes() + item.masks.graphs.bytes() + item.masks.beyond.len() + tables + size_of_val(&*item.matrix)
    }

    fn batch(&self, items: &[Arc<Tables>]) -> Result<Tables> {
        Ok(Tables {
            graph: graph::join(items, |i| &i.graph, true)?,
            masks: Masks {
                graphs: graph::join(items, |i| &i.masks.graphs, true)?,
                beyond: items.iter().flat_map(|i| i.masks.beyond.iter().copied()).collect(),
                keep: items.iter().flat_map(|i| i.masks.keep.iter().copied()).collect(),
            },
            nodes: graph::concat(items, |i| &i.nodes),
            edges: graph::concat(items, |i| &i.edges),
            entries: graph::concat(items, |i| &i.entries),
            base: graph::concat(items, |i| &i.base),
            inverse: graph::concat(items, |i| &i.inverse),
            matrix: items.iter().flat_map(|i| i.matrix.iter().copied()).collect(),
        })
    }

    fn loss(&self, params: &Params<f32, D>, batch: Tables, rng: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let config = &self.network.config;
        let mut ops = params.device().taped();
        let [at, mask] = [ops.batch(&batch.graph), ops.batch(&batch.masks.graphs)];
        let offsets = batch.graph.offsets().to_vec();
        let nodes = ops.table(batch.nodes, NODE_FEATURES);
        let edges = ops.table(batch.edges, EDGE_FEATURES);
        let entries = ops.table(batch.entries, config.entry_features());
        let base = ops.table(batch.base, 1);
        let inverse = self.network.inverse_table(&mut ops, batch.inverse);
        let x = self.network.encode(&mut ops, params, &at, &nodes, &edges);
        let [mean, log_variance] = self.network.posterior(&mut ops, params, &at, &x, &inverse);
        let graphs = offsets.len() - 1;
        let noise: Vec<f64> = normals(rng, graphs * config.latent);
        let z = ops.draw(&mean, &log_variance, &noise);
        let r = self.network.decode(&mut ops, params, &mask, &batch.masks, [&x, &z, &entries, &base]);
        let vectors = match config.norm {
            Norm::Probes => {
                let count = config.vectors * offsets.last().copied().unwrap_or(0);
                normals(rng, count)
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
