//! Training of `mlp`: fresh weights, targets, losses.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dfdx::prelude::{
    Axes2, Cpu, Dtype, MeanTo, Merge, NoneTape, PutTape, ReshapeTo, SplitTape, SumTo, Tape, Tensor, Trace,
    TryMatMul, add, mul, sub,
};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::{Frame, Init, LossKind, Mlp, MlpConfig, NAME};
use crate::error::Result;
use crate::linalg::{Csr, dense};
use crate::models::Model;
use crate::models::fit::{self, Device, Loss, Network, Trainer};
use crate::nn::{Backend, NamedArray, Params, layers};
use crate::rng::{Purpose, stream};
use crate::system::{LinearSystem, Parts, SampleSource};

/// Samples whose inverses are averaged for the initial output bias.
const MEAN_INVERSE_SAMPLES: usize = 256;

/// Bytes of inverses kept between epochs; beyond that they are computed again.
const TARGET_CACHE_BYTES: usize = 2 << 30;

/// A trainer with fresh weights for systems like `train`.
///
/// # Errors
/// If the settings are out of range, the samples are of several sizes, or the device is not built in.
pub fn trainer(
    config: &MlpConfig,
    train: &[LinearSystem],
    seed: u64,
    device: Device,
) -> Result<Box<dyn Trainer>> {
    config.check()?;
    let frame = Frame::from_samples(config, train)?;
    let n2 = frame.n * frame.n;
    let mut rng = stream(seed, Purpose::Weights, 0);
    let rms = mean_entry(&train[0].matrix)?;
    let gain = rms
        * if config.init == Init::MeanInverse {
            0.1
        } else {
            1.0
        };
    let mut weights = layers::init_mlp(NAME, frame.mean.len(), &config.hidden, n2, gain, &mut rng);
    if config.init == Init::MeanInverse
        && let Some(bias) = weights.last_mut()
    {
        bias.data = mean_inverse(
            &train.to_vec(),
            &Vec::from_iter(0..train.len().min(MEAN_INVERSE_SAMPLES) as u32),
        )?;
    }
    let network = MlpNetwork {
        target_scale: 1.0 / (rms * rms),
        targets: Mutex::default(),
        frame,
    };
    fit::trainer(network, device, &weights)
}

/// Root mean square entry of A⁻¹: the scale of what the network puts out.
fn mean_entry(a: &Csr) -> Result<f32> {
    let inverse = inverse_entries(a)?;
    let sum: f64 = inverse.iter().map(|&v| f64::from(v).powi(2)).sum();
    Ok((sum / inverse.len() as f64).sqrt() as f32)
}

fn inverse_entries(a: &Csr) -> Result<Vec<f32>> {
    let m = dense::inverse_spd(a)?;
    let n = a.nrows();
    // Symmetric: columns read as rows.
    Ok((0..n * n).map(|k| m[(k % n, k / n)] as f32).collect())
}

/// The entrywise mean of A⁻¹ over samples of one size.
///
/// # Errors
/// [`crate::Error::Numeric`] if a matrix is not positive definite; those of [`SampleSource::load`].
pub fn mean_inverse(source: &dyn SampleSource, ids: &[u32]) -> Result<Vec<f32>> {
    let n = ids
        .first()
        .map_or(Ok(0), |&id| source.size(id).map(|size| size.0))?;
    let mut sum = vec![0.0f64; n * n];
    for group in ids.chunks(8) {
        let inverses = source
            .load(group, &Parts::matrix())?
            .par_iter()
            .map(|s| inverse_entries(&s.matrix))
            .collect::<Result<Vec<_>>>()?;
        for inverse in inverses {
            for (s, v) in sum.iter_mut().zip(inverse) {
                *s += f64::from(v);
            }
        }
    }
    let count = ids.len() as f64;
    Ok(sum.into_iter().map(|s| (s / count) as f32).collect())
}

struct MlpNetwork {
    frame: Frame,
    /// 1 over the mean square entry of the first sample's A⁻¹: makes the loss `l2` free of units.
    target_scale: f32,
    targets: Mutex<HashMap<u64, Vec<f32>>>,
}

impl MlpNetwork {
    /// A⁻¹ of each sample, one after the other.
    fn targets(&self, batch: &[&LinearSystem]) -> Result<Vec<f32>> {
        let n2 = self.frame.n * self.frame.n;
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<_> = batch.iter().filter(|s| !targets.contains_key(&s.index)).collect();
        let made = missing
            .par_iter()
            .map(|s| Ok((s.index, inverse_entries(&s.matrix)?)))
            .collect::<Result<HashMap<u64, Vec<f32>>>>()?;
        let mut out = Vec::with_capacity(batch.len() * n2);
        for s in batch {
            if let Some(t) = targets.get(&s.index).or_else(|| made.get(&s.index)) {
                out.extend_from_slice(t);
            }
        }
        if (targets.len() + made.len()) * n2 * size_of::<f32>() <= TARGET_CACHE_BYTES {
            targets.extend(made);
        }
        Ok(out)
    }
}

/// Samples ready for the network.
struct Batch {
    count: usize,
    features: Vec<f32>,
    /// The entries of A⁻¹ for the loss `l2`, of A for the others, one sample after the other.
    dense: Vec<f32>,
}

impl<D: Backend> Network<D> for MlpNetwork {
    type Batch = Batch;

    fn batch(&self, samples: &[&LinearSystem]) -> Result<Batch> {
        let rows = samples
            .par_iter()
            .map(|s| self.frame.features(&s.matrix))
            .collect::<Result<Vec<_>>>()?;
        let dense = match self.frame.config.loss {
            LossKind::L2 => self.targets(samples)?,
            _ => {
                let mut a = Vec::with_capacity(samples.len() * self.frame.n * self.frame.n);
                samples.iter().for_each(|s| append_dense(&s.matrix, &mut a));
                a
            }
        };
        Ok(Batch {
            count: samples.len(),
            features: rows.concat(),
            dense,
        })
    }

    fn loss(
        &self,
        device: &D,
        params: &Params<f32, D>,
        batch: Batch,
        rng: &mut ChaCha8Rng,
    ) -> Result<Loss<D>> {
        let (b, n) = (batch.count, self.frame.n);
        let x = device.tensor_from_vec(batch.features, (b, self.frame.mean.len()));
        let out = layers::mlp(params, NAME, self.frame.config.hidden.len(), x.leaky_traced())?; // (b, n²)
        match self.frame.config.loss {
            LossKind::L2 => {
                let target = device.tensor_from_vec(batch.dense, (b, n * n));
                Ok(sub(out, target).square().mean() * self.target_scale)
            }
            kind => {
                let probes = self.frame.config.probes;
                let noise: Vec<f32> = (0..b * n * probes)
                    .map(|_| StandardNormal.sample(&mut *rng))
                    .collect();
                let start = inverse_norms(&noise, b);
                let e = device.tensor_from_vec(noise, (b, n, probes));
                let a = device.tensor_from_vec(batch.dense, (b, n, n));
                let m = out.reshape_like(&(b, n, n));
                let steps = if kind == LossKind::Rate {
                    self.frame.config.steps
                } else {
                    1
                };
                let omega = self.frame.config.omega as f32;
                let start = device.tensor_from_vec(start, (b,));
                let left = richardson_error(a, m, e, steps, omega)
                    .square()
                    .sum::<(usize,), Axes2<1, 2>>();
                let left = mul(left, start); // (batch,): ‖(I − ω M A)^s w‖² / ‖w‖² of each system
                Ok(match kind {
                    LossKind::Rate => left.ln().mean() * (0.5 / steps as f32),
                    _ => left.mean(),
                })
            }
        }
    }

    fn predictor(&self, params: Params<f32, Cpu>) -> Box<dyn Model> {
        Box::new(Mlp {
            frame: self.frame.clone(),
            params,
        })
    }

    fn describe(&self) -> (&'static str, String, Vec<NamedArray>) {
        let config = toml::to_string(&self.frame.config).unwrap_or_default();
        (NAME, config, self.frame.buffers())
    }
}

/// A batch of matrices or of stacked vectors.
type Cube<E, D, T> = Tensor<(usize, usize, usize), E, D, T>;

/// (I − ω M A)^steps e: a, m (batch, n, n), e (batch, n, probes).
fn richardson_error<E: Dtype, D: dfdx::prelude::Device<E>, T: Tape<E, D> + Merge<NoneTape>>(
    a: Cube<E, D, NoneTape>,
    m: Cube<E, D, T>,
    e: Cube<E, D, NoneTape>,
    steps: usize,
    omega: E,
) -> Cube<E, D, T> {
    let minus_omega = E::default() - omega;
    // The tape travels with whatever is the left factor.
    let (m, tape) = m.split_tape();
    let mut e = e.put_tape(tape);
    for _ in 0..steps {
        let (e0, tape) = e.split_tape();
        let r = a.clone().put_tape(tape).matmul(e0.clone()); // (batch, n, probes)
        let (r, tape) = r.split_tape();
        let z = m.clone().put_tape(tape).matmul(r); // (batch, n, probes)
        e = add(z * minus_omega, e0);
    }
    e
}

/// 1/‖w‖² of the random vectors of each of b systems.
pub(in crate::models) fn inverse_norms(noise: &[f32], b: usize) -> Vec<f32> {
    noise
        .chunks(noise.len() / b.max(1))
        .map(|w| (1.0 / w.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>()) as f32)
        .collect()
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
