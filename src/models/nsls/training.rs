//! Training of `nsls`: batches of graphs as one, cosine losses.

use std::sync::Arc;

use dfdx::prelude::Cpu;
use rand_chacha::ChaCha8Rng;

use super::features::Seen;
use super::{LossKind, NAME, Nsls, NslsConfig, network};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::models::cache::Cache;
use crate::models::fit::{self, Device, Loss, Network, Trainer};
use crate::nn::graph::{GraphBackend, Graphs, Ops, Taped};
use crate::nn::{NamedArray, Params};
use crate::rng::{Purpose, stream};
use crate::system::LinearSystem;

/// A trainer with fresh weights for systems like `train`.
///
/// # Errors
/// If the settings are out of range, a loss needs solutions that are not there, or the device is not the CPU.
pub fn trainer(
    config: &NslsConfig,
    train: &[LinearSystem],
    seed: u64,
    device: Device,
) -> Result<Box<dyn Trainer>> {
    config.check()?;
    if config.loss != LossKind::Residual && train.iter().any(|s| s.solution.is_none()) {
        return Err(Error::Argument(format!(
            "{NAME}: this loss needs solutions, which the dataset does not hold: generate it with solutions, or set \
             loss = \"residual\""
        )));
    }
    let weights = config.layout().initial(&mut stream(seed, Purpose::Weights, 0));
    let network = NslsNetwork {
        config: config.clone(),
        items: Cache::default(),
    };
    fit::trainer(network, device, &weights)
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

struct NslsNetwork {
    config: NslsConfig,
    items: Cache<Item>,
}

/// v/‖v‖∞ in single precision, where its size could not be held.
fn direction(v: &[f64]) -> Vec<f32> {
    let largest = v.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let scale = if largest > 0.0 { 1.0 / largest } else { 1.0 };
    v.iter().map(|x| (x * scale) as f32).collect()
}

impl<D: GraphBackend> Network<D> for NslsNetwork {
    type Batch = Batch;

    fn batch(&self, samples: &[&LinearSystem]) -> Result<Batch> {
        let items = self.items.get(samples, |s| Item::new(&self.config, s))?;
        let graphs: Vec<_> = items.iter().map(|i| &i.graph).collect();
        let join = |part: fn(&Item) -> &[f32]| -> Vec<f32> {
            items.iter().flat_map(|i| part(i).iter().copied()).collect()
        };
        Ok(Batch {
            graphs: Graphs::join(&graphs)?,
            features: join(|i| &i.features),
            last: join(|i| &i.last),
            rhs: Arc::new(join(|i| &i.rhs)),
            solution: Arc::new(join(|i| &i.solution)),
        })
    }

    fn loss(&self, device: &D, params: &Params<f32, D>, batch: Batch, _: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let mut ops = device.ops();
        let at = ops.batch(&batch.graphs);
        let offsets = batch.graphs.offsets();
        let x = ops.table(batch.features, self.config.inputs());
        let last = ops.table(batch.last, 1);
        let out = network(&self.config, params, &mut ops, &at, &x, &last)?;
        let mut terms = Vec::new();
        if self.config.loss != LossKind::Residual {
            terms.push(ops.cosine_loss(offsets, &out, &batch.solution));
        }
        if self.config.loss != LossKind::Solution {
            let image = ops.propagate(&at, &out);
            terms.push(ops.cosine_loss(offsets, &image, &batch.rhs));
        }
        let total = match &terms[..] {
            [one] => one.clone(),
            [a, b, ..] => ops.add(a, b),
            [] => return Err(Error::Argument(format!("{NAME}: no loss"))),
        };
        Ok(ops.finish(&total))
    }

    fn predictor(&self, params: Params<f32, Cpu>) -> Box<dyn Model> {
        Box::new(Nsls {
            config: self.config.clone(),
            params,
        })
    }

    fn describe(&self) -> (&'static str, String, Vec<NamedArray>) {
        (
            NAME,
            toml::to_string(&self.config).unwrap_or_default(),
            Vec::new(),
        )
    }
}
