//! Training of `mlp`: fresh weights, targets, losses.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::network::{Mlp, Normalization};
use super::{Init, LossKind, MlpConfig};
use crate::error::Result;
use crate::linalg::Csr;
use crate::models::TrainingSet;
use crate::models::constants::mean_inverse::{SAMPLES, inverse_entries, mean_inverse};
use crate::models::fit::{self, Trainer, Training};
use crate::nn::dense::Probes;
use crate::nn::ops::{DfdxOps, Engine};
use crate::nn::{Backend, Device, Loss, Params};
use crate::system::{LinearSystem, Parts};

/// A trainer with fresh weights for systems like those of `set`.
///
/// # Errors
/// If the settings are out of range, the samples are of several sizes, or the device is not built in.
pub fn trainer(config: &MlpConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    config.check()?;
    let norm = Normalization::of_samples(config, set)?;
    let rms = mean_entry(&set.first(&Parts::matrix())?.matrix)?;
    let gain = rms * if config.init == Init::MeanInverse { 0.1 } else { 1.0 };
    let network = Mlp::new(norm, gain);
    let mut weights = network.about.initial(seed);
    if config.init == Init::MeanInverse
        && let Some(bias) = weights.last_mut()
    {
        bias.data = mean_inverse(&*set.source, &set.ids[..set.ids.len().min(SAMPLES)])?;
    }
    let training = MlpTraining { target_scale: 1.0 / (rms * rms), network: Arc::new(network) };
    fit::trainer(training, set, device, &weights)
}

/// Root mean square entry of A⁻¹: the scale of what the network puts out.
fn mean_entry(a: &Csr) -> Result<f32> {
    let inverse = inverse_entries(a)?;
    let sum: f64 = inverse.iter().map(|&v| f64::from(v).powi(2)).sum();
    Ok((sum / inverse.len() as f64).sqrt() as f32)
}

struct MlpTraining {
    network: Arc<Mlp>,
    /// 1 over the mean square entry of the first sample's A⁻¹: makes the loss `l2` free of units.
    target_scale: f32,
}

/// What is kept of a sample.
struct Item {
    matrix: Csr,
    /// The entries of A⁻¹ for the loss `l2`.
    inverse: Vec<f32>,
}

/// Samples ready for the network.
struct Batch {
    count: usize,
    features: Vec<f32>,
    /// The entries of A⁻¹ for the loss `l2`, of A for the others, one sample after the other.
    dense: Vec<f32>,
}

impl<D: Backend> Training<D> for MlpTraining {
    type Network = Mlp;
    type Item = Item;
    type Batch = Batch;

    fn network(&self) -> &Arc<Mlp> {
        &self.network
    }

    fn item(&self, sample: &LinearSystem) -> Result<Item> {
        let matrix = sample.matrix.clone();
        let inverse = match self.network.norm.config.loss {
            LossKind::L2 => inverse_entries(&matrix)?,
            _ => Vec::new(),
        };
        Ok(Item { matrix, inverse })
    }

    fn bytes(item: &Item) -> usize {
        item.matrix.bytes() + size_of_val(&*item.inverse)
    }

    fn batch(&self, items: &[Arc<Item>]) -> Result<Batch> {
        let norm = &self.network.norm;
        let rows = items.par_iter().map(|i| norm.features(&i.matrix)).collect::<Result<Vec<_>>>()?;
        let mut dense = Vec::with_capacity(items.len() * norm.n * norm.n);
        for item in items {
            match norm.config.loss {
                LossKind::L2 => dense.extend_from_slice(&item.inverse),
                _ => append_dense(&item.matrix, &mut dense),
            }
        }
        Ok(Batch { count: items.len(), features: rows.concat(), dense })
    }

    fn loss(&self, params: &Params<f32, D>, batch: Batch, rng: &mut ChaCha8Rng) -> Result<Loss<D>> {
        let norm = &self.network.norm;
        let mut ops = DfdxOps::<f32, D>::new(params.device().clone());
        let width = batch.features.len() / batch.count.max(1);
        let x = ops.table(batch.features, width);
        let m = self.network.perceptron.forward(&mut ops, params, &x); // (batch, n²)
        let steps = match norm.config.loss {
            LossKind::L2 => return Ok(ops.squared_error(m, batch.dense, self.target_scale)),
            LossKind::Inverse => 1,
            LossKind::Rate => norm.config.steps,
        };
        let (n, count, omega) = (norm.n, norm.config.probes, norm.config.omega as f32);
        let probes = Probes::draw(batch.count, count, n, rng);
        let start = ops.probes(&probes, n, count);
        let e = ops.richardson_error(m, batch.dense, start, steps, omega);
        Ok(match norm.config.loss {
            LossKind::Rate => ops.mean_rate(e, &probes, steps),
            _ => ops.mean_reduction(e, &probes),
        })
    }
}

/// Appends A's n² entries, row by row.
fn append_dense(a: &Csr, out: &mut Vec<f32>) {
    let start = out.len();
    let n = a.ncols();
    out.resize(start + a.nrows() * n, 0.0);
    for i in 0..a.nrows() {
        let (cols, vals) = a.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            out[start + i * n + j as usize] = v as f32;
        }
    }
}
