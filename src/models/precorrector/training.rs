//! Training of `precorrector`: random right-hand sides, their solutions, ‖L Lᵀ x − b‖².

use std::collections::HashMap;
use std::sync::Arc;

use dfdx::prelude::{Cpu, OwnedTape};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::{NAME, Precorrector, PrecorrectorConfig, Seen, network};
use crate::error::{Error, Result};
use crate::linalg::Cholesky;
use crate::models::Model;
use crate::models::fit::{Device, Fit, Loss, Network, Trainer};
use crate::nn::graph::{Graphs, Incidence, Value, factor_loss, finish};
use crate::nn::{NamedArray, Params};
use crate::rng::{Purpose, stream};
use crate::system::LinearSystem;

/// A trainer with fresh weights for systems like `train`.
///
/// # Errors
/// If the settings are out of range, samples lack the solutions that `pairs = 0` asks for, or the device is not the CPU.
pub fn trainer(
    config: &PrecorrectorConfig,
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
    if config.pairs == 0 && train.iter().any(|s| s.solution.is_none()) {
        return Err(Error::Argument(format!(
            "{NAME}.pairs = 0 trains on the dataset's solutions, and it holds none: generate it with solutions"
        )));
    }
    let weights = config.weights(&mut stream(seed, Purpose::Weights, 0));
    let network = PrecorrectorNetwork {
        config: config.clone(),
        seed,
        items: HashMap::new(),
    };
    Ok(Box::new(Fit::new(network, Cpu::default(), device, &weights)))
}

/// A sample ready for the network, made once.
struct Item {
    factor: crate::linalg::Csr,
    nodes: Vec<f32>,
    /// Right-hand sides and solutions of the equilibrated system.
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Item {
    fn new(config: &PrecorrectorConfig, seed: u64, s: &LinearSystem) -> Result<Self> {
        let seen = Seen::new(config, &s.matrix)?;
        let pairs = match (config.pairs, &s.solution) {
            (0, Some(x)) => {
                let b = s.rhs.iter().zip(&seen.root).map(|(b, r)| b / r).collect();
                vec![(b, x.iter().zip(&seen.root).map(|(x, r)| x * r).collect())]
            }
            (count, _) => {
                let cholesky = Cholesky::new(&seen.matrix)?;
                let mut rng = stream(seed, Purpose::Probes, s.index);
                let mut pair = || {
                    let b: Vec<f64> = (0..s.n()).map(|_| StandardNormal.sample(&mut rng)).collect();
                    let mut x = b.clone();
                    cholesky.solve_in_place(&mut x);
                    (b, x)
                };
                (0..count.max(1)).map(|_| pair()).collect()
            }
        };
        Ok(Item {
            nodes: seen.nodes(),
            factor: seen.factor,
            pairs,
        })
    }
}

struct PrecorrectorNetwork {
    config: PrecorrectorConfig,
    seed: u64,
    items: HashMap<u64, Arc<Item>>,
}

impl Network<Cpu> for PrecorrectorNetwork {
    fn loss(
        &mut self,
        _: &Cpu,
        params: &Params<f32, Cpu>,
        batch: &[&LinearSystem],
        rng: &mut ChaCha8Rng,
    ) -> Result<Loss<Cpu>> {
        use rand::RngExt;
        let missing: Vec<_> = batch
            .iter()
            .filter(|s| !self.items.contains_key(&s.index))
            .collect();
        let made = missing
            .par_iter()
            .map(|s| Ok((s.index, Arc::new(Item::new(&self.config, self.seed, s)?))))
            .collect::<Result<Vec<_>>>()?;
        self.items.extend(made);
        let items: Vec<_> = batch.iter().filter_map(|s| self.items.get(&s.index)).collect();
        let factors: Vec<_> = items.iter().map(|i| &i.factor).collect();
        let graphs = Graphs::<f32>::new(&factors, &vec![1.0; items.len()])?;
        let at = Incidence::new(&graphs);
        let nodes = Value::new(items.iter().flat_map(|i| i.nodes.iter().copied()).collect(), 2);
        let entries = factors
            .iter()
            .flat_map(|l| l.values().iter().map(|&v| v as f32))
            .collect();
        let mut tape = OwnedTape::default();
        let l = network(
            &self.config,
            params,
            &mut tape,
            &at,
            &nodes,
            &Value::new(entries, 1),
        )?;
        let (mut b, mut x) = (Vec::new(), Vec::new());
        for item in &items {
            let (bi, xi) = &item.pairs[rng.random_range(0..item.pairs.len())];
            b.extend_from_slice(bi);
            x.extend_from_slice(xi);
        }
        let loss = factor_loss(&mut tape, graphs.offsets(), &at, &l, &x, &b);
        Ok(finish(tape, &loss))
    }

    fn predictor(&self, params: Params<f32, Cpu>) -> Box<dyn Model> {
        Box::new(Precorrector {
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
