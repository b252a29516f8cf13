//! Training of `nsls`: batches of graphs as one, cosine losses.

use std::collections::HashMap;
use std::sync::Arc;

use dfdx::prelude::{Cpu, OwnedTape};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::features::Seen;
use super::{LossKind, NAME, Nsls, NslsConfig, network};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::models::fit::{Device, Fit, Loss, Network, Trainer};
use crate::nn::graph::{Graphs, Value, add, cosine_loss, finish, propagate};
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
    if device != Device::Cpu {
        return Err(Error::Argument(format!(
            "{NAME} trains on the CPU only: use --device cpu"
        )));
    }
    if config.loss != LossKind::Residual && train.iter().any(|s| s.solution.is_none()) {
        return Err(Error::Argument(format!(
            "{NAME}: this loss needs solutions, which the dataset does not hold: generate it with solutions, or set \
             loss = \"residual\""
        )));
    }
    let weights = config.weights(&mut stream(seed, Purpose::Weights, 0));
    let network = NslsNetwork {
        config: config.clone(),
        seen: HashMap::new(),
    };
    Ok(Box::new(Fit::new(network, Cpu::default(), device, &weights)))
}

/// A sample ready for the network, made once.
struct Item {
    seen: Seen,
    /// The scaled right-hand side and solution, as directions.
    rhs: Vec<f32>,
    solution: Vec<f32>,
}

struct NslsNetwork {
    config: NslsConfig,
    seen: HashMap<u64, Arc<Item>>,
}

impl NslsNetwork {
    fn item(config: &NslsConfig, s: &LinearSystem) -> Result<Item> {
        let seen = Seen::new(config, &s.matrix, &s.rhs)?;
        let x = s.solution.as_ref().map(|x| seen.from_solution(x));
        Ok(Item {
            rhs: direction(&seen.rhs),
            solution: x.map_or_else(Vec::new, |x| direction(&x)),
            seen,
        })
    }

    /// The samples of a batch, in order.
    fn items(&mut self, batch: &[&LinearSystem]) -> Result<Vec<Arc<Item>>> {
        let missing: Vec<_> = batch
            .iter()
            .filter(|s| !self.seen.contains_key(&s.index))
            .collect();
        let made = missing
            .par_iter()
            .map(|s| Ok((s.index, Arc::new(Self::item(&self.config, s)?))))
            .collect::<Result<Vec<_>>>()?;
        self.seen.extend(made);
        Ok(batch
            .iter()
            .filter_map(|s| self.seen.get(&s.index).cloned())
            .collect())
    }
}

/// v/‖v‖∞ in single precision, where its size could not be held.
fn direction(v: &[f64]) -> Vec<f32> {
    let largest = v.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let scale = if largest > 0.0 { 1.0 / largest } else { 1.0 };
    v.iter().map(|x| (x * scale) as f32).collect()
}

impl Network<Cpu> for NslsNetwork {
    fn loss(
        &mut self,
        _: &Cpu,
        params: &Params<f32, Cpu>,
        batch: &[&LinearSystem],
        _: &mut ChaCha8Rng,
    ) -> Result<Loss<Cpu>> {
        let items = self.items(batch)?;
        let matrices: Vec<_> = items.iter().map(|i| &i.seen.matrix).collect();
        let graphs = Graphs::<f32>::new(&matrices, &vec![1.0; items.len()])?;
        let join = |part: fn(&Item) -> &[f32]| -> Vec<f32> {
            items.iter().flat_map(|i| part(i).iter().copied()).collect()
        };
        let x = Value::new(join(|i| &i.seen.features), self.config.inputs());
        let mut tape = OwnedTape::default();
        let out = network(&self.config, params, &mut tape, &graphs, &x)?;
        let mut terms = Vec::new();
        if self.config.loss != LossKind::Residual {
            let target = Arc::new(join(|i| &i.solution));
            terms.push(cosine_loss(&mut tape, graphs.offsets(), &out, &target));
        }
        if self.config.loss != LossKind::Solution {
            let image = propagate(&mut tape, &graphs, &out);
            let target = Arc::new(join(|i| &i.rhs));
            terms.push(cosine_loss(&mut tape, graphs.offsets(), &image, &target));
        }
        let total = match &terms[..] {
            [one] => one.clone(),
            [a, b, ..] => add(&mut tape, a, b),
            [] => return Err(Error::Argument(format!("{NAME}: no loss"))),
        };
        Ok(finish(tape, &total))
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
