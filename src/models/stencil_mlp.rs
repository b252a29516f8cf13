//! `stencil-mlp`: one small perceptron, shared by all nodes of a grid, that writes the stencil of a smoother.
//!
//! Where [`super::mlp`] puts out all n² entries of an inverse and knows one size, this network reads the entries of A
//! in a (2r+1)² neighbourhood of a node and puts out that node's row of a sparse W, and one scale s. They make the
//! symmetric two-level method
//!
//! I − M A = (I − Wᵀ A)(I − S B S A)(I − W A),   B = A₀⁻¹ of the unperturbed grid ([`FastPoisson`]),
//!
//! so that the network has only local work left: what B gets wrong is where triangles are distorted. A few thousand
//! weights serve every level, and M costs O(n) plus the fast solver. The loss is the mean convergence rate of a few
//! steps of the very iteration, ln(‖(I − M A)^s w‖ / ‖w‖) / s on random w; no A⁻¹ is ever needed.

use std::path::Path;
use std::sync::Arc;

use dfdx::prelude::{
    Axes2, Cpu, MeanTo, PutTape, ReshapeTo, SplitTape, SumTo, Tape, Tensor, TensorFromVec, Trace, add, mul,
    sub,
};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::fit::{Device, Fit, Loss, Network, Trainer};
use super::mlp::inverse_norms;
use super::two_level::TwoLevel;
use super::{Checkpoint, Model, PredictOptions, Prediction};
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Pattern};
use crate::nn::operator::symmetric_operator;
use crate::nn::sparse::{Structure, Vectors, product, product_fixed};
use crate::nn::{NamedArray, Params, layers};
use crate::precond::FastPoisson;
use crate::rng::{Purpose, stream};
use crate::system::LinearSystem;

/// The model's name in recipes.
pub const NAME: &str = "stencil-mlp";

/// The stored diagonals of a node's row, as steps (right, up) to the neighbour: self, east, north, north-east.
const CHANNELS: [(i64, i64); 4] = [(0, 0), (1, 0), (0, 1), (1, 1)];

/// Settings of the model: the `[stencil-mlp]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StencilConfig {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// The network sees the (2r+1)² nodes around its own.
    pub input_radius: usize,
    /// W couples a node with the (2r+1)² nodes around it.
    pub output_radius: usize,
    /// Random vectors per sample and step.
    pub probes: usize,
    /// Steps of the iteration in the loss.
    pub steps: usize,
    /// Damping of the Jacobi smoother that training starts from.
    pub damping: f64,
}

impl Default for StencilConfig {
    fn default() -> Self {
        StencilConfig {
            hidden: vec![64; 3],
            input_radius: 2,
            output_radius: 1,
            probes: 4,
            steps: 4,
            damping: 0.7,
        }
    }
}

impl StencilConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        let bad = |key: &str, what: &str| Err(Error::Argument(format!("stencil-mlp.{key}: {what}")));
        if self.hidden.contains(&0) {
            return bad("hidden", "layer widths must be at least 1");
        }
        if !(1..=8).contains(&self.input_radius) {
            return bad("input_radius", "must be between 1 and 8");
        }
        if self.output_radius > 4 {
            return bad("output_radius", "must be at most 4");
        }
        if self.probes == 0 || self.steps == 0 {
            return bad("probes", "probes and steps must be at least 1");
        }
        if !(self.damping > 0.0 && self.damping < 2.0) {
            return bad("damping", "must be between 0 and 2");
        }
        Ok(())
    }

    /// Numbers a node puts out: its row of W, then s.
    fn outputs(&self) -> usize {
        (2 * self.output_radius + 1).pow(2) + 1
    }

    /// Numbers a node sees: four entries and a mark for "inside" per node of the patch.
    fn inputs(&self) -> usize {
        (2 * self.input_radius + 1).pow(2) * (CHANNELS.len() + 1)
    }
}

/// The steps (right, up) within a radius, row by row.
fn window(radius: usize) -> Vec<(i64, i64)> {
    let r = radius as i64;
    (-r..=r).flat_map(|dy| (-r..=r).map(move |dx| (dx, dy))).collect()
}

/// An m×m grid of inner nodes in row-wise order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grid {
    m: usize,
}

impl Grid {
    fn of(a: &Csr) -> Result<Self> {
        let n = a.nrows();
        let m = n.isqrt();
        if m < 2 || m * m != n {
            return Err(Error::Argument(format!(
                "{NAME} needs a system on the inner nodes of a square grid, n = m²; this one has n = {n}"
            )));
        }
        let on_stencil = (0..n).all(|i| {
            a.row(i).0.iter().all(|&j| {
                let (dx, dy) = (
                    j as i64 % m as i64 - (i % m) as i64,
                    j as i64 / m as i64 - (i / m) as i64,
                );
                dx.abs() <= 1 && dy.abs() <= 1
            })
        });
        if !on_stencil {
            return Err(Error::Argument(format!(
                "{NAME} needs row-wise node order (order = \"natural\"): the matrix couples nodes that are no neighbours"
            )));
        }
        Ok(Grid { m })
    }

    /// The node `step` away from node i, if it is inside.
    fn at(self, i: usize, step: (i64, i64)) -> Option<usize> {
        let (x, y) = ((i % self.m) as i64 + step.0, (i / self.m) as i64 + step.1);
        let inside = 0..self.m as i64;
        (inside.contains(&x) && inside.contains(&y)).then(|| y as usize * self.m + x as usize)
    }
}

/// What the network knows besides its weights.
#[derive(Debug, Clone)]
struct Frame {
    config: StencilConfig,
    /// Mean and 1/deviation of each channel.
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl Frame {
    fn from_samples(config: &StencilConfig, train: &[LinearSystem]) -> Result<Self> {
        let mut sums = [[0.0f64; 3]; CHANNELS.len()];
        for s in train {
            let grid = Grid::of(&s.matrix)?;
            for i in 0..s.n() {
                for (c, &step) in CHANNELS.iter().enumerate() {
                    if let Some(j) = grid.at(i, step) {
                        let v = s.matrix.get(i, j);
                        sums[c][0] += 1.0;
                        sums[c][1] += v;
                        sums[c][2] += v * v;
                    }
                }
            }
        }
        let mean: Vec<f64> = sums.iter().map(|s| s[1] / s[0].max(1.0)).collect();
        let dev = |c: usize| {
            (sums[c][2] / sums[c][0].max(1.0) - mean[c] * mean[c])
                .max(1e-12)
                .sqrt()
        };
        Ok(Frame {
            config: config.clone(),
            scale: (0..CHANNELS.len()).map(|c| (1.0 / dev(c)) as f32).collect(),
            mean: mean.iter().map(|&m| m as f32).collect(),
        })
    }

    /// The patches of all nodes: n × inputs.
    fn features(&self, a: &Csr, grid: Grid) -> Vec<f32> {
        let n = a.nrows();
        let width = CHANNELS.len() + 1;
        let mut node = vec![0.0f32; n * width];
        for i in 0..n {
            for (c, &step) in CHANNELS.iter().enumerate() {
                if let Some(j) = grid.at(i, step) {
                    node[i * width + c] = (a.get(i, j) as f32 - self.mean[c]) * self.scale[c];
                }
            }
            node[i * width + CHANNELS.len()] = 1.0;
        }
        let steps = window(self.config.input_radius);
        let mut out = Vec::with_capacity(n * self.config.inputs());
        for i in 0..n {
            for &step in &steps {
                match grid.at(i, step) {
                    Some(j) => out.extend_from_slice(&node[j * width..(j + 1) * width]),
                    None => out.extend([0.0; CHANNELS.len() + 1]),
                }
            }
        }
        out
    }

    /// What the network's numbers are multiplied by and added to, n × outputs each: W starts as damped Jacobi and is
    /// measured in units of (a_ii a_jj)^(−1/2), S starts as the identity.
    fn units(&self, a: &Csr, grid: Grid) -> (Vec<f32>, Vec<f32>) {
        let d = a.diagonal();
        let outputs = self.config.outputs();
        let steps = window(self.config.output_radius);
        let mut factor = vec![0.0f32; d.len() * outputs];
        let mut base = factor.clone();
        for i in 0..d.len() {
            for (o, &step) in steps.iter().enumerate() {
                if let Some(j) = grid.at(i, step) {
                    factor[i * outputs + o] = (1.0 / (d[i] * d[j]).sqrt()) as f32;
                }
                if step == (0, 0) {
                    base[i * outputs + o] = (self.config.damping / d[i]) as f32;
                }
            }
            factor[i * outputs + outputs - 1] = 1.0;
            base[i * outputs + outputs - 1] = 1.0;
        }
        (factor, base)
    }

    fn buffers(&self) -> Vec<NamedArray> {
        let row = |name: &str, data: &[f32]| NamedArray {
            name: name.into(),
            shape: (1, data.len()),
            data: data.to_vec(),
        };
        vec![row("channel.mean", &self.mean), row("channel.scale", &self.scale)]
    }
}

/// The structures of one grid size.
struct Layout {
    grid: Grid,
    smoother: Arc<Structure>,
    smoother_t: Arc<Structure>,
    scale: Arc<Structure>,
    coarse: Arc<dyn LinOp + Send + Sync>,
}

impl Layout {
    fn new(grid: Grid, config: &StencilConfig) -> Result<Self> {
        let n = grid.m * grid.m;
        let outputs = config.outputs();
        let (pattern, slots) = smoother_pattern(grid, config)?;
        let diagonal: Vec<_> = (0..n as u32).map(|i| (i, i)).collect();
        let last = |i: usize| (i * outputs + outputs - 1) as u32;
        let smoother = Structure::new(pattern, slots, n * outputs)?;
        Ok(Layout {
            grid,
            smoother_t: Arc::new(smoother.transposed()),
            smoother: Arc::new(smoother),
            scale: Arc::new(Structure::new(
                Arc::new(Pattern::from_pairs(n, n, &diagonal)?),
                (0..n).map(last).collect(),
                n * outputs,
            )?),
            coarse: Arc::new(FastPoisson::new(n)?),
        })
    }
}

/// The pattern of W, and for each entry its place among the network's n × outputs numbers.
fn smoother_pattern(grid: Grid, config: &StencilConfig) -> Result<(Arc<Pattern>, Vec<u32>)> {
    let n = grid.m * grid.m;
    let outputs = config.outputs();
    let (mut indptr, mut indices, mut slots) = (vec![0u32], Vec::new(), Vec::new());
    let steps = window(config.output_radius);
    for i in 0..n {
        // Row-wise windows come in rising node order.
        for (o, &step) in steps.iter().enumerate() {
            if let Some(j) = grid.at(i, step) {
                indices.push(j as u32);
                slots.push((i * outputs + o) as u32);
            }
        }
        indptr.push(indices.len() as u32);
    }
    Ok((Arc::new(Pattern::new(n, n, indptr, indices)?), slots))
}

/// The trained network.
pub struct StencilMlp {
    frame: Frame,
    params: Params<f32, Cpu>,
}

impl StencilMlp {
    /// The network of a checkpoint read from `file`.
    ///
    /// # Errors
    /// [`Error::File`] if the checkpoint is not one of this model.
    pub fn from_checkpoint(checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let config: StencilConfig = toml::from_str(&checkpoint.config)
            .map_err(|e| Error::file(file, format!("settings of the model: {}", e.message())))?;
        let frame = Frame {
            config,
            mean: checkpoint.buffer("channel.mean", file)?.data.clone(),
            scale: checkpoint.buffer("channel.scale", file)?.data.clone(),
        };
        let params = Params::from_arrays(&Cpu::default(), &checkpoint.weights);
        let good = params
            .get(&format!("{NAME}.out.bias"))
            .is_ok_and(|b| b.as_vec().len() == frame.config.outputs());
        if !good || frame.mean.len() != CHANNELS.len() || frame.scale.len() != CHANNELS.len() {
            return Err(Error::file(file, "weights do not fit the settings of the model"));
        }
        Ok(StencilMlp { frame, params })
    }

    /// W and the diagonal of S for one matrix.
    ///
    /// # Errors
    /// [`Error::Argument`] unless A lives on a square grid in row-wise order.
    pub fn smoother(&self, a: &Csr) -> Result<(Csr, Vec<f64>)> {
        let grid = Grid::of(a)?;
        let config = &self.frame.config;
        let x = self.frame.features(a, grid);
        let x = Cpu::default().tensor_from_vec(x, (a.nrows(), config.inputs()));
        let out = layers::mlp(&self.params, NAME, config.hidden.len(), x)?.as_vec();
        let (factor, base) = self.frame.units(a, grid);
        let value = |k: usize| f64::from(out[k] * factor[k] + base[k]);
        let (pattern, slots) = smoother_pattern(grid, config)?;
        let w = Csr::new(pattern, slots.iter().map(|&k| value(k as usize)).collect())?;
        let outputs = config.outputs();
        let s = (0..a.nrows()).map(|i| value(i * outputs + outputs - 1)).collect();
        Ok((w, s))
    }
}

impl Model for StencilMlp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }

    /// Symmetric as it is; there are no entries to filter.
    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Prediction> {
        if options.filter > 0.0 {
            return Err(Error::Argument(format!(
                "{NAME} makes no explicit inverse: filter = {} has nothing to drop",
                options.filter
            )));
        }
        let (w, s) = self.smoother(&system.matrix)?;
        let coarse = FastPoisson::new(system.n())?;
        Ok(Prediction::Preconditioner(Box::new(TwoLevel::new(
            system.matrix.clone(),
            w,
            s,
            coarse,
        ))))
    }
}

/// A trainer with fresh weights.
///
/// # Errors
/// If the settings are out of range, a sample lives on no square grid, or the device is not the CPU (the sparse
/// products of this model have no CUDA kernels).
pub fn trainer(
    config: &StencilConfig,
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
    let frame = Frame::from_samples(config, train)?;
    let mut rng = stream(seed, Purpose::Weights, 0);
    let weights = layers::init_mlp(
        NAME,
        config.inputs(),
        &config.hidden,
        config.outputs(),
        0.01,
        &mut rng,
    );
    let network = StencilNetwork { frame, layout: None };
    Ok(Box::new(Fit::new(network, Cpu::default(), device, &weights)))
}

struct StencilNetwork {
    frame: Frame,
    layout: Option<Layout>,
}

impl StencilNetwork {
    /// The layout of the batch's grid, made once per size.
    fn layout(&mut self, batch: &[&LinearSystem]) -> Result<()> {
        let grid = Grid::of(&batch[0].matrix)?;
        if let Some(other) = batch.iter().find(|s| s.n() != batch[0].n()) {
            return Err(Error::shape("unknowns within a batch", batch[0].n(), other.n()));
        }
        if self.layout.as_ref().is_none_or(|l| l.grid != grid) {
            self.layout = Some(Layout::new(grid, &self.frame.config)?);
        }
        Ok(())
    }
}

impl Network<Cpu> for StencilNetwork {
    fn loss(
        &mut self,
        device: &Cpu,
        params: &Params<f32, Cpu>,
        batch: &[&LinearSystem],
        rng: &mut ChaCha8Rng,
    ) -> Result<Loss<Cpu>> {
        self.layout(batch)?;
        let Some(layout) = &self.layout else {
            return Err(Error::Argument("empty batch".into()));
        };
        let config = &self.frame.config;
        let (b, n) = (batch.len(), batch[0].n());
        let outputs = config.outputs();
        let patches: Vec<f32> = batch
            .par_iter()
            .flat_map_iter(|s| self.frame.features(&s.matrix, layout.grid))
            .collect();
        let (factor, base): (Vec<_>, Vec<_>) = batch
            .iter()
            .map(|s| self.frame.units(&s.matrix, layout.grid))
            .unzip();
        let x = device.tensor_from_vec(patches, (b * n, config.inputs()));
        let out = layers::mlp(params, NAME, config.hidden.len(), x.leaky_traced())? // (batch n, outputs)
            .reshape_like(&(b, n * outputs));
        let factor = device.tensor_from_vec(factor.concat(), (b, n * outputs));
        let base = device.tensor_from_vec(base.concat(), (b, n * outputs));
        let values = add(mul(out, factor), base); // (batch, n outputs)

        let noise: Vec<f32> = (0..b * config.probes * n)
            .map(|_| StandardNormal.sample(&mut *rng))
            .collect();
        let start = device.tensor_from_vec(inverse_norms(&noise, b), (b,));
        let (values, tape) = values.split_tape();
        let mut e = device
            .tensor_from_vec(noise, (b, config.probes, n))
            .put_tape(tape);
        let matrices = Matrices::new(device, batch)?;
        for _ in 0..config.steps {
            e = iterate(layout, &matrices, &values, e)?;
        }
        let left = mul(e.square().sum::<(usize,), Axes2<1, 2>>(), start); // (batch,)
        Ok(left.ln().mean() * (0.5 / config.steps as f32))
    }

    fn predictor(&self, params: Params<f32, Cpu>) -> Box<dyn Model> {
        Box::new(StencilMlp {
            frame: self.frame.clone(),
            params,
        })
    }

    fn describe(&self) -> (&'static str, String, Vec<NamedArray>) {
        let config = toml::to_string(&self.frame.config).unwrap_or_default();
        (NAME, config, self.frame.buffers())
    }
}

/// The system matrices of a batch; symmetric, so that one structure serves both directions.
struct Matrices {
    structure: Arc<Structure>,
    values: Tensor<(usize, usize), f32, Cpu>,
}

impl Matrices {
    fn new(device: &Cpu, batch: &[&LinearSystem]) -> Result<Self> {
        let pattern = batch[0].matrix.pattern().clone();
        if batch.iter().any(|s| **s.matrix.pattern() != *pattern) {
            return Err(Error::Argument(format!(
                "{NAME}: the matrices of a batch must share one pattern"
            )));
        }
        let nnz = pattern.nnz();
        let values = batch
            .iter()
            .flat_map(|s| s.matrix.values().iter().map(|&v| v as f32))
            .collect();
        Ok(Matrices {
            structure: Arc::new(Structure::plain(pattern)),
            values: device.tensor_from_vec(values, (batch.len(), nnz)),
        })
    }

    fn apply<T: Tape<f32, Cpu>>(&self, x: Vectors<f32, T>) -> Result<Vectors<f32, T>> {
        product_fixed(&self.structure, &self.structure, &self.values, x)
    }
}

/// e ← (I − Wᵀ A)(I − S B S A)(I − W A) e; e: (batch, probes, n).
fn iterate<T>(
    layout: &Layout,
    a: &Matrices,
    values: &Tensor<(usize, usize), f32, Cpu>,
    e: Vectors<f32, T>,
) -> Result<Vectors<f32, T>>
where
    T: Tape<f32, Cpu> + dfdx::prelude::Merge<dfdx::prelude::NoneTape>,
{
    let (w, wt, s) = (&layout.smoother, &layout.smoother_t, &layout.scale);
    // e − op(A e), the tape going through the correction.
    let (e, tape) = e.split_tape();
    let c = product(w, wt, values.clone(), a.apply(e.clone().put_tape(tape))?)?;
    let e = subtract(e, c);
    let (e, tape) = e.split_tape();
    let c = product(s, s, values.clone(), a.apply(e.clone().put_tape(tape))?)?;
    let c = product(s, s, values.clone(), symmetric_operator(&layout.coarse, c)?)?;
    let e = subtract(e, c);
    let (e, tape) = e.split_tape();
    let c = product(wt, w, values.clone(), a.apply(e.clone().put_tape(tape))?)?;
    Ok(subtract(e, c))
}

/// e − c with the tape of c.
fn subtract<T>(e: Vectors<f32, dfdx::prelude::NoneTape>, c: Vectors<f32, T>) -> Vectors<f32, T>
where
    T: Tape<f32, Cpu> + dfdx::prelude::Merge<dfdx::prelude::NoneTape>,
{
    sub(c, e).negate()
}
