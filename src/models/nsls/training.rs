//! Training of `nsls`: batches of graphs as one, cosine losses.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::features::Seen;
use super::layers::Nsls;
use super::{LossKind, NAME, NslsConfig};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::models::graph;
use crate::nn::graph::Graphs;
use crate::nn::ops::{AddOp, CosineLossOp, Engine, PropagateOp, SubspaceLoss, SubspaceLossOp, Taped, Vectors};
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
    /// What the loss in the energy norm asks for.
    left: Option<Left>,
}

/// What the iterates leave to be done.
struct Left {
    /// The error of the last one, scaled (n).
    error: Arc<Vec<f64>>,
    /// The search directions, n × as many as there are.
    directions: Arc<Vec<f64>>,
    /// The scaled matrix.
    matrix: Arc<Csr>,
}

impl Left {
    fn new(seen: &Seen, x: &[f64]) -> Self {
        let x = seen.from_solution(x);
        let error = x.iter().zip(&seen.ran.x).map(|(x, known)| x - known).collect();
        let directions = (0..x.len()).flat_map(|i| seen.ran.directions.iter().map(move |d| d.0[i])).collect();
        Left { error: Arc::new(error), directions: Arc::new(directions), matrix: Arc::new(seen.matrix.clone()) }
    }

    fn bytes(&self) -> usize {
        let numbers = self.error.len() + self.directions.len() + self.matrix.nnz();
        numbers * size_of::<f64>() + self.matrix.nnz() * size_of::<u32>()
    }
}

impl Item {
    fn new(config: &NslsConfig, s: &LinearSystem) -> Result<Self> {
        let seen = Seen::new(config, &s.matrix, &s.rhs)?;
        let x = s.solution.as_ref();
        let (energy, cosine) = (config.loss == LossKind::Energy, config.loss != LossKind::Residual);
        let left = x.filter(|_| energy).map(|x| Left::new(&seen, x));
        let x = x.filter(|_| cosine && !energy);
        Ok(Item {
            graph: Graphs::of(&seen.matrix)?,
            rhs: direction(&seen.rhs),
            solution: x.map_or_else(Vec::new, |x| direction(&seen.from_solution(x))),
            last: seen.last(config.inputs()),
            features: seen.features,
            left,
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
    left: Vectors,
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
        let tables: usize = tables.iter().map(|t| size_of_val(&***t)).sum();
        item.graph.bytes() + tables + item.left.as_ref().map_or(0, Left::bytes)
    }

    fn batch(&self, items: &[Arc<Item>]) -> Result<Batch> {
        let left = || items.iter().filter_map(|i| i.left.as_ref());
        Ok(Batch {
            graphs: graph::join(items, |i| &i.graph, false)?,
            features: graph::concat(items, |i| &i.features),
            last: graph::concat(items, |i| &i.last),
            rhs: Arc::new(graph::concat(items, |i| &i.rhs)),
            solution: Arc::new(graph::concat(items, |i| &i.solution)),
            left: Vectors {
                samples: left().map(|l| l.error.clone()).collect(),
                count: 1,
                cut: Vec::new(),
                matrices: left().map(|l| l.matrix.clone()).collect(),
                beside: left().map(|l| l.directions.clone()).collect(),
            },
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
            LossKind::Energy => ops.subspace_loss(&out, &batch.left, SubspaceLoss::Energy),
            LossKind::Both => {
                let (a, b) = (solution(&mut ops), residual(&mut ops));
                ops.add(&a, &b)
            }
        };
        Ok(ops.finish(&loss))
    }
}
