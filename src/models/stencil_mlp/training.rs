//! Training of `stencil-mlp`: a few steps of the two-level iteration on random vectors, batch by batch.

use std::sync::{Arc, Mutex, PoisonError};

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::network::{StencilMlp, smoother_pattern};
use super::normalization::{Grid, Normalization};
use super::{NAME, StencilConfig, cpu_only};
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Pattern};
use crate::models::TrainingSet;
use crate::models::fit::{self, Trainer, Training};
use crate::nn::dense::{Probes, Table, Vectors};
use crate::nn::ops::{DfdxOps, Engine};
use crate::nn::sparse::Structure;
use crate::nn::{Cpu, Device, Loss, Params};
use crate::precond::FastPoisson;
use crate::system::LinearSystem;

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

/// A trainer with fresh weights.
///
/// # Errors
/// If the settings are out of range, a sample lives on no square grid, or the device is not the CPU (the sparse
/// products of this model have no CUDA kernels).
pub fn trainer(config: &StencilConfig, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
    config.check()?;
    cpu_only(device)?;
    let network = StencilMlp::new(Normalization::of_samples(config, set)?);
    let weights = network.about.initial(seed);
    let training = StencilTraining { network: Arc::new(network), layout: Mutex::default() };
    fit::trainer_on_cpu(training, set, &weights)
}

struct StencilTraining {
    network: Arc<StencilMlp>,
    /// Of the grid seen last.
    layout: Mutex<Option<Arc<Layout>>>,
}

impl StencilTraining {
    /// The layout of the matrices' grid, made once per size.
    fn layout(&self, matrices: &[Arc<Csr>]) -> Result<Arc<Layout>> {
        let grid = Grid::of(&matrices[0])?;
        let n = matrices[0].nrows();
        if let Some(other) = matrices.iter().find(|a| a.nrows() != n) {
            return Err(Error::shape("unknowns within a batch", n, other.nrows()));
        }
        let mut known = self.layout.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layout) = known.as_ref().filter(|l| l.grid == grid) {
            return Ok(layout.clone());
        }
        let layout = Arc::new(Layout::new(grid, &self.network.norm.config)?);
        *known = Some(layout.clone());
        Ok(layout)
    }
}

/// Samples ready for the network.
struct Batch {
    layout: Arc<Layout>,
    count: usize,
    /// Features of the grid points.
    patches: Vec<f32>,
    /// What the network's outputs are multiplied by, and what is added then.
    factor: Vec<f32>,
    base: Vec<f32>,
    /// One pattern, and the values of each matrix.
    pattern: Arc<Pattern>,
    values: Vec<f32>,
}

impl Training<Cpu> for StencilTraining {
    type Network = StencilMlp;
    type Item = Csr;
    type Batch = Batch;

    fn network(&self) -> &Arc<StencilMlp> {
        &self.network
    }

    fn item(&self, sample: &LinearSystem) -> Result<Csr> {
        Ok(sample.matrix.clone())
    }

    fn bytes(matrix: &Csr) -> usize {
        matrix.bytes()
    }

    fn batch(&self, matrices: &[Arc<Csr>]) -> Result<Batch> {
        let layout = self.layout(matrices)?;
        let pattern = matrices[0].pattern().clone();
        if matrices.iter().any(|a| **a.pattern() != *pattern) {
            return Err(Error::Argument(format!("{NAME}: the matrices of a batch must share one pattern")));
        }
        let (factor, base): (Vec<_>, Vec<_>) = matrices.iter().map(|a| self.network.norm.units(a, layout.grid)).unzip();
        Ok(Batch {
            count: matrices.len(),
            patches: matrices.par_iter().flat_map_iter(|a| self.network.norm.features(a, layout.grid)).collect(),
            factor: factor.concat(),
            base: base.concat(),
            values: matrices.iter().flat_map(|a| a.values().iter().map(|&v| v as f32)).collect(),
            pattern,
            layout,
        })
    }

    fn loss(&self, params: &Params<f32, Cpu>, batch: Batch, rng: &mut ChaCha8Rng) -> Result<Loss<Cpu>> {
        let config = &self.network.norm.config;
        let layout = &*batch.layout;
        let (b, n) = (batch.count, batch.pattern.nrows());
        let mut ops = DfdxOps::<f32, Cpu>::new(params.device().clone());
        let x = ops.table(batch.patches, config.inputs());
        let out = self.network.perceptron.forward(&mut ops, params, &x); // (batch n, outputs)
        let values = ops.scale_and_shift(out, b, batch.factor, batch.base); // (batch, n outputs)
        let matrices = Matrices {
            values: ops.table(batch.values, batch.pattern.nnz()),
            structure: Arc::new(Structure::plain(batch.pattern)),
        };
        let probes = Probes::draw(b, config.probes, n, rng);
        let mut e = ops.probes(&probes, config.probes, n);
        for _ in 0..config.steps {
            e = iterate(&mut ops, layout, &matrices, &values, e)?;
        }
        Ok(ops.mean_rate(e, &probes, config.steps))
    }
}

/// The system matrices of a batch; symmetric, so that one structure serves both directions.
struct Matrices {
    structure: Arc<Structure>,
    values: Table<f32, Cpu>,
}

impl Matrices {
    fn apply(&self, ops: &mut DfdxOps<f32, Cpu>, x: &Vectors<f32, Cpu>) -> Result<Vectors<f32, Cpu>> {
        ops.product_fixed(&self.structure, &self.structure, &self.values, x)
    }
}

/// e ← (I − Wᵀ A)(I − S B S A)(I − W A) e; e: (batch, probes, n).
fn iterate(
    ops: &mut DfdxOps<f32, Cpu>,
    layout: &Layout,
    a: &Matrices,
    values: &Table<f32, Cpu>,
    e: Vectors<f32, Cpu>,
) -> Result<Vectors<f32, Cpu>> {
    let (w, wt, s) = (&layout.smoother, &layout.smoother_t, &layout.scale);
    let ae = a.apply(ops, &e)?;
    let c = ops.product(w, wt, values, &ae)?;
    let e = ops.subtract(e, c);
    let ae = a.apply(ops, &e)?;
    let c = ops.product(s, s, values, &ae)?;
    let c = ops.symmetric_operator(&layout.coarse, &c)?;
    let c = ops.product(s, s, values, &c)?;
    let e = ops.subtract(e, c);
    let ae = a.apply(ops, &e)?;
    let c = ops.product(wt, w, values, &ae)?;
    Ok(ops.subtract(e, c))
}
