//! `mlp`: a multilayer perceptron that writes out an approximate inverse, entry by entry.
//!
//! Input: the stored diagonals of A (or all of it); three hidden layers of ReLU; output: the n² entries of
//! M ≈ A⁻¹, used in a Richardson iteration x ← x + ω M (b − A x). After Ruelmann, Geveler and Turek, "On the
//! prospects of using machine learning for the numerical simulation of PDEs: training neural networks to assemble
//! approximate inverses" (2018).
//!
//! Their loss is ‖M − A⁻¹‖² ([`LossKind::L2`]). What a preconditioner is for is a small I − M A, so two losses
//! need no A⁻¹ at all: [`LossKind::Inverse`], ‖(I − M A) w‖²/‖w‖² on random w, and [`LossKind::Rate`], the
//! logarithm of the mean convergence rate of a few Richardson steps, which weighs the slow modes as the solver does.

use std::collections::HashMap;
use std::path::Path;

use dfdx::prelude::{
    Axes2, Cpu, Dtype, HasShape, MeanTo, Merge, NoneTape, PutTape, ReshapeTo, SplitTape, SumTo, Tape, Tensor,
    TensorFromVec, Trace, TryMatMul, add, mul, sub,
};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::features::{self, Input};
use super::fit::{Device, Fit, Loss, Network, Trainer};
use super::operator::ExplicitInverse;
use super::{Checkpoint, Model, PredictOptions, Prediction};
use crate::error::{Error, Result};
use crate::linalg::{Csr, dense};
use crate::nn::{Backend, NamedArray, Params, layers};
use crate::rng::{Purpose, stream};
use crate::system::LinearSystem;

/// The model's name in recipes.
pub const NAME: &str = "mlp";

/// Samples whose inverses are averaged for the initial output bias.
const MEAN_INVERSE_SAMPLES: usize = 256;

/// Bytes of inverses kept between epochs; beyond that they are computed again.
const TARGET_CACHE_BYTES: usize = 2 << 30;

/// What to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Mean squared error against A⁻¹ over its mean square: the paper's loss, made free of units.
    L2,
    /// Mean of ‖(I − ω M A) w‖² / ‖w‖² over random normal w.
    Inverse,
    /// Mean of ln(‖(I − ω M A)^s w‖ / ‖w‖) / s: the logarithm of the convergence rate over s Richardson steps.
    #[default]
    Rate,
}

/// What the network puts out before it has learned anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// The mean of A⁻¹ over training samples: the best constant, from which the network learns the difference.
    #[default]
    MeanInverse,
    /// Nothing known.
    Random,
}

/// Settings of the model: the `[mlp]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    pub input: Input,
    pub loss: LossKind,
    pub init: Init,
    /// Random vectors per sample and step (losses `inverse` and `rate`).
    pub probes: usize,
    /// Richardson steps s of the loss `rate`.
    pub steps: usize,
    /// Damping ω of the losses `inverse` and `rate`.
    pub omega: f64,
    /// Entries |m_ij| below this are dropped from the prediction.
    pub filter: f64,
}

impl Default for MlpConfig {
    fn default() -> Self {
        MlpConfig {
            hidden: vec![128; 3],
            input: Input::Diagonals,
            loss: LossKind::Rate,
            init: Init::MeanInverse,
            probes: 8,
            steps: 4,
            omega: 1.0,
            filter: 0.0,
        }
    }
}

impl MlpConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, what: &str| Err(Error::Argument(format!("mlp.{key}: {what}")));
        if self.hidden.contains(&0) {
            return bad("hidden", "layer widths must be at least 1");
        }
        if self.probes == 0 {
            return bad("probes", "must be at least 1");
        }
        if self.steps == 0 {
            return bad("steps", "must be at least 1");
        }
        if !(self.omega > 0.0 && self.omega.is_finite()) {
            return bad("omega", "must be positive");
        }
        if !(self.filter >= 0.0 && self.filter.is_finite()) {
            return bad("filter", "must be 0 or positive");
        }
        Ok(())
    }
}

/// What the network knows besides its weights: sizes and feature scales.
#[derive(Debug, Clone)]
struct Frame {
    config: MlpConfig,
    n: usize,
    offsets: Vec<usize>,
    /// Per feature: mean, and 1/deviation (0 where a feature never varies).
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl Frame {
    fn from_samples(config: &MlpConfig, train: &[LinearSystem]) -> Result<Self> {
        let first = train
            .first()
            .ok_or_else(|| Error::Argument("mlp needs at least one training sample".into()))?;
        let n = first.n();
        if let Some(other) = train.iter().find(|s| s.n() != n) {
            return Err(Error::shape(
                "unknowns of a training sample for mlp",
                n,
                other.n(),
            ));
        }
        let offsets = features::upper_offsets(&first.matrix);
        let rows = train
            .par_iter()
            .map(|s| features::read(config.input, &s.matrix, &offsets))
            .collect::<Result<Vec<_>>>()?;
        let width = rows[0].len();
        let count = rows.len() as f64;
        let (mut mean, mut scale) = (vec![0.0f32; width], vec![0.0f32; width]);
        for f in 0..width {
            let m = rows.iter().map(|r| f64::from(r[f])).sum::<f64>() / count;
            let var = rows.iter().map(|r| (f64::from(r[f]) - m).powi(2)).sum::<f64>() / count;
            mean[f] = m as f32;
            scale[f] = if var > 1e-12 {
                (1.0 / var.sqrt()) as f32
            } else {
                0.0
            };
        }
        Ok(Frame {
            config: config.clone(),
            n,
            offsets,
            mean,
            scale,
        })
    }

    /// Standardised features of one matrix.
    fn features(&self, a: &Csr) -> Result<Vec<f32>> {
        if a.nrows() != self.n {
            return Err(Error::shape(
                "unknowns of the system (the network was trained for one size)",
                self.n,
                a.nrows(),
            ));
        }
        let mut x = features::read(self.config.input, a, &self.offsets)?;
        for ((x, m), s) in x.iter_mut().zip(&self.mean).zip(&self.scale) {
            *x = (*x - m) * s;
        }
        Ok(x)
    }

    fn buffers(&self) -> Vec<NamedArray> {
        let row = |name: &str, data: Vec<f32>| NamedArray {
            name: name.into(),
            shape: (1, data.len()),
            data,
        };
        vec![
            row("input.mean", self.mean.clone()),
            row("input.offsets", self.offsets.iter().map(|&d| d as f32).collect()),
            row("input.scale", self.scale.clone()),
            row("n", vec![self.n as f32]),
        ]
    }
}

/// The trained network.
pub struct Mlp {
    frame: Frame,
    params: Params<f32, Cpu>,
}

impl Mlp {
    /// The network of a checkpoint read from `file`.
    ///
    /// # Errors
    /// [`Error::File`] if the checkpoint is not one of this model.
    pub fn from_checkpoint(checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let config: MlpConfig = toml::from_str(&checkpoint.config)
            .map_err(|e| Error::file(file, format!("settings of the model: {}", e.message())))?;
        let integers = |name: &str| -> Result<Vec<usize>> {
            Ok(checkpoint
                .buffer(name, file)?
                .data
                .iter()
                .map(|&v| v as usize)
                .collect())
        };
        let n = integers("n")?.first().copied().unwrap_or(0);
        let frame = Frame {
            config,
            n,
            offsets: integers("input.offsets")?,
            mean: checkpoint.buffer("input.mean", file)?.data.clone(),
            scale: checkpoint.buffer("input.scale", file)?.data.clone(),
        };
        let params = Params::from_arrays(&Cpu::default(), &checkpoint.weights);
        let out = params.get("mlp.out.bias").map(|b| b.shape().1).unwrap_or(0);
        if out != n * n || frame.mean.len() != frame.scale.len() {
            return Err(Error::file(
                file,
                format!("weights do not fit a network for n = {n}"),
            ));
        }
        Ok(Mlp { frame, params })
    }

    /// The n² entries of M, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] for a system of another size.
    pub fn inverse(&self, a: &Csr) -> Result<Vec<f32>> {
        let device = Cpu::default();
        let x = self.frame.features(a)?;
        let width = x.len();
        let x = device.tensor_from_vec(x, (1, width));
        let y = layers::mlp(&self.params, NAME, self.frame.config.hidden.len(), x)?;
        Ok(y.as_vec())
    }
}

impl Model for Mlp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }

    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Prediction> {
        let filter = if options.filter > 0.0 {
            options.filter
        } else {
            self.frame.config.filter
        };
        let entries = self.inverse(&system.matrix)?;
        let op = ExplicitInverse::new(self.frame.n, entries, filter, options.symmetrize)?;
        Ok(Prediction::Preconditioner(Box::new(op)))
    }
}

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
    let gain = if config.init == Init::MeanInverse {
        0.1
    } else {
        1.0
    };
    let gain = gain * mean_entry(&train[0].matrix)?;
    let mut weights = layers::init_mlp(NAME, frame.mean.len(), &config.hidden, n2, gain, &mut rng);
    if config.init == Init::MeanInverse
        && let Some(bias) = weights.last_mut()
    {
        bias.data = mean_inverse(&train[..train.len().min(MEAN_INVERSE_SAMPLES)])?;
    }
    let network = MlpNetwork {
        target_scale: 0.0,
        targets: HashMap::new(),
        frame,
    };
    match device {
        Device::Cpu => Ok(Box::new(Fit::new(network, Cpu::default(), device, &weights))),
        Device::Cuda => cuda_trainer(network, &weights),
    }
}

#[cfg(feature = "cuda")]
fn cuda_trainer(network: MlpNetwork, weights: &[NamedArray]) -> Result<Box<dyn Trainer>> {
    let device = crate::nn::backend::cuda_device()?;
    Ok(Box::new(Fit::new(network, device, Device::Cuda, weights)))
}

#[cfg(not(feature = "cuda"))]
fn cuda_trainer(_: MlpNetwork, _: &[NamedArray]) -> Result<Box<dyn Trainer>> {
    Err(crate::nn::backend::no_cuda())
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

/// The entrywise mean of A⁻¹ over samples.
///
/// # Errors
/// [`Error::Numeric`] if a matrix is not positive definite.
pub fn mean_inverse(samples: &[LinearSystem]) -> Result<Vec<f32>> {
    let n = samples.first().map_or(0, LinearSystem::n);
    let mut sum = vec![0.0f64; n * n];
    for group in samples.chunks(8) {
        let inverses = group
            .par_iter()
            .map(|s| inverse_entries(&s.matrix))
            .collect::<Result<Vec<_>>>()?;
        for inverse in inverses {
            for (s, v) in sum.iter_mut().zip(inverse) {
                *s += f64::from(v);
            }
        }
    }
    let count = samples.len() as f64;
    Ok(sum.into_iter().map(|s| (s / count) as f32).collect())
}

struct MlpNetwork {
    frame: Frame,
    /// Mean square entry of the first target: makes the loss `l2` free of units.
    target_scale: f32,
    targets: HashMap<u64, Vec<f32>>,
}

impl MlpNetwork {
    /// A⁻¹ of each sample, one after the other.
    fn targets(&mut self, batch: &[&LinearSystem]) -> Result<Vec<f32>> {
        let n2 = self.frame.n * self.frame.n;
        let missing: Vec<_> = batch
            .iter()
            .filter(|s| !self.targets.contains_key(&s.index))
            .collect();
        let made = missing
            .par_iter()
            .map(|s| Ok((s.index, inverse_entries(&s.matrix)?)))
            .collect::<Result<HashMap<u64, Vec<f32>>>>()?;
        let mut out = Vec::with_capacity(batch.len() * n2);
        for s in batch {
            if let Some(t) = self.targets.get(&s.index).or_else(|| made.get(&s.index)) {
                out.extend_from_slice(t);
            }
        }
        if (self.targets.len() + made.len()) * n2 * size_of::<f32>() <= TARGET_CACHE_BYTES {
            self.targets.extend(made);
        }
        Ok(out)
    }
}

impl<D: Backend> Network<D> for MlpNetwork {
    fn loss(
        &mut self,
        device: &D,
        params: &Params<f32, D>,
        batch: &[&LinearSystem],
        rng: &mut ChaCha8Rng,
    ) -> Result<Loss<D>> {
        let (b, n) = (batch.len(), self.frame.n);
        let rows = batch
            .par_iter()
            .map(|s| self.frame.features(&s.matrix))
            .collect::<Result<Vec<_>>>()?;
        let x = device.tensor_from_vec(rows.concat(), (b, self.frame.mean.len()));
        let out = layers::mlp(params, NAME, self.frame.config.hidden.len(), x.leaky_traced())?; // (b, n²)
        match self.frame.config.loss {
            LossKind::L2 => {
                let target = self.targets(batch)?;
                if self.target_scale == 0.0 {
                    let sum: f64 = target.iter().map(|&v| f64::from(v).powi(2)).sum();
                    self.target_scale = (target.len() as f64 / sum) as f32;
                }
                let target = device.tensor_from_vec(target, (b, n * n));
                Ok(sub(out, target).square().mean() * self.target_scale)
            }
            kind => {
                let probes = self.frame.config.probes;
                let noise: Vec<f32> = (0..b * n * probes)
                    .map(|_| StandardNormal.sample(&mut *rng))
                    .collect();
                let start = inverse_norms(&noise, b);
                let e = device.tensor_from_vec(noise, (b, n, probes));
                let mut a = Vec::with_capacity(b * n * n);
                for s in batch {
                    append_dense(&s.matrix, &mut a);
                }
                let a = device.tensor_from_vec(a, (b, n, n));
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
pub(super) fn inverse_norms(noise: &[f32], b: usize) -> Vec<f32> {
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
