//! Training of `precorrector`: random right-hand sides, their solutions, ‖L Lᵀ x − b‖².

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::base::BaseFactor;
use super::layers::Precorrector;
use super::{NAME, PrecorrectorConfig};
use crate::error::{Error, Result};
use crate::linalg::Cholesky;
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::models::graph;
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, FactorLossOp, Taped};
use crate::nn::{Backend, Device, Loss, Params};
use crate::rng::{Purpose, normals, stream};
use crate::system::{LinearSystem, Parts};

/// A trainer with fresh weights for systems like those of `set`.
///
/// # Errors
/// If the settings are out of range, samples lack the solutions that `pairs = 0` asks for, or the device is not at
/// hand.
pub fn trainer(config: &PrecorrectorConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    config.check()?;
    if config.pairs == 0 && !set.source.has_solutions() {
        return Err(Error::Argument(format!(
            "{NAME}.pairs = 0 trains on the dataset's solutions, and it holds none: generate it with solutions"
        )));
    }
    let network = Arc::new(Precorrector::new(config.clone()));
    let weights = network.about.initial(seed);
    let training = PrecorrectorTraining { network, seed };
    fit::trainer(training, set, device, &weights)
}

/// A sample ready for the network, made once.
struct Item {
    graph: Graphs<f32>,
    /// Of the factor.
    entries: Vec<f32>,
    nodes: Vec<f32>,
    /// Right-hand sides and solutions of the equilibrated system.
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Item {
    fn new(config: &PrecorrectorConfig, seed: u64, s: &LinearSystem) -> Result<Self> {
        let start = BaseFactor::new(config.base, &s.matrix)?;
        let seen = start.seen(&s.matrix)?;
        let pairs = match (config.pairs, &s.solution) {
            (0, Some(x)) => {
                let b = s.rhs.iter().zip(&seen.root).map(|(b, r)| b / r).collect();
                vec![(b, x.iter().zip(&seen.root).map(|(x, r)| x * r).collect())]
            }
            (count, _) => {
                let cholesky = Cholesky::new(&s.matrix.equilibrated()?.0)?;
                let mut rng = stream(seed, Purpose::Probes, s.index);
                let mut pair = || {
                    let b: Vec<f64> = normals(&mut rng, s.n());
                    let mut x = b.clone();
                    cholesky.solve_in_place(&mut x);
                    (b, x)
                };
                (0..count.max(1)).map(|_| pair()).collect()
            }
        };
        Ok(Item { graph: Graphs::of(&seen.factor)?, entries: seen.entries(), nodes: seen.nodes, pairs })
    }
}

/// Samples one after the other.
struct Batch {
    items: Vec<Arc<Item>>,
    graphs: Graphs<f32>,
    entries: Vec<f32>,
    nodes: Vec<f32>,
}

struct PrecorrectorTraining {
    network: Arc<Precorrector>,
    seed: u64,
}

impl<D: Backend> Training<D> for PrecorrectorTraining {
    type Network = Precorrector;
    type Item = Item;
    type Batch = Batch;

    fn network(&self) -> &Arc<Precorrector> {
        &self.network
    }

    fn parts(&self) -> Parts {
        let own_pairs = self.network.config.pairs == 0;
        Parts { rhs: own_pairs, solution: own_pairs, ..Parts::matrix() }
    }

    fn item(&self, sample: &LinearSystem) -> Result<Item> {
        Item::new(&self.network.config, self.seed, sample)
    }

    fn bytes(item: &Item) -> usize {
        let pairs = item.pairs.iter().map(|(b, x)| size_of_val(&**b) + size_of_val(&**x));
        item.graph.bytes() + size_of_val(&*item.entries) + size_of_val(&*item.nodes) + pairs.sum::<usize>()
    }

    fn batch(&self, items: &[Arc<Item>]) -> Result<Batch> {
        Ok(Batch {
            entries: graph::concat(items, |i| &i.entries),
            nodes: graph::concat(items, |i| &i.nodes),
            graphs: graph::join(items, |i| &i.graph, true)?,
            items: items.to_vec(),
        })
    }

    fn loss(&self, params: &Params<f32, D>, batch: Batch, rng: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let mut ops = params.device().taped();
        let at = ops.batch(&batch.graphs);
        let nodes = ops.table(batch.nodes, 2);
        let entries = ops.table(batch.entries, 1);
        let l = self.network.forward(&mut ops, params, &at, &nodes, &entries);
        let (mut b, mut x) = (Vec::new(), Vec::new());
        for item in &batch.items {
            let (bi, xi) = &item.pairs[rng.random_range(0..item.pairs.len())];
            b.extend_from_slice(bi);
            x.extend_from_slice(xi);
        }
        let loss = ops.factor_loss(batch.graphs.offsets(), &at, &l, &x, &b);
        Ok(ops.finish(&loss))
    }
}
