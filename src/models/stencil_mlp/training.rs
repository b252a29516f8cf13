//! Training of `stencil-mlp`: a few steps of the two-level iteration on random vectors, batch by batch.

use std::sync::{Arc, Mutex, PoisonError};

use dfdx::prelude::{
    Axes2, Cpu, MeanTo, PutTape, ReshapeTo, SplitTape, SumTo, Tape, Tensor, TensorFromVec, Trace, add, mul,
    sub,
};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::frame::{Frame, Grid};
use super::{NAME, StencilConfig, StencilMlp, smoother_pattern};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, Pattern};
use crate::models::Model;
use crate::models::fit::{Device, Fit, Loss, Network, Trainer};
use crate::models::mlp::inverse_norms;
use crate::nn::operator::symmetric_operator;
use crate::nn::sparse::{Structure, Vectors, product, product_fixed};
use crate::nn::{NamedArray, Params, layers};
use crate::precond::FastPoisson;
use crate::rng::{Purpose, stream};
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
    let network = StencilNetwork {
        frame,
        layout: Mutex::default(),
    };
    Ok(Box::new(Fit::new(network, Cpu::default(), device, &weights)))
}

struct StencilNetwork {
    frame: Frame,
    /// Of the grid seen last.
    layout: Mutex<Option<Arc<Layout>>>,
}

impl StencilNetwork {
    /// The layout of the samples' grid, made once per size.
    fn layout(&self, samples: &[&LinearSystem]) -> Result<Arc<Layout>> {
        let grid = Grid::of(&samples[0].matrix)?;
        if let Some(other) = samples.iter().find(|s| s.n() != samples[0].n()) {
            return Err(Error::shape("unknowns within a batch", samples[0].n(), other.n()));
        }
        let mut known = self.layout.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layout) = known.as_ref().filter(|l| l.grid == grid) {
            return Ok(layout.clone());
        }
        let layout = Arc::new(Layout::new(grid, &self.frame.config)?);
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

impl Network<Cpu> for StencilNetwork {
    type Batch = Batch;

    fn batch(&self, samples: &[&LinearSystem]) -> Result<Batch> {
        let layout = self.layout(samples)?;
        let pattern = samples[0].matrix.pattern().clone();
        if samples.iter().any(|s| **s.matrix.pattern() != *pattern) {
            return Err(Error::Argument(format!(
                "{NAME}: the matrices of a batch must share one pattern"
            )));
        }
        let (factor, base): (Vec<_>, Vec<_>) = samples
            .iter()
            .map(|s| self.frame.units(&s.matrix, layout.grid))
            .unzip();
        let values =
            |s: &&LinearSystem| -> Vec<f32> { s.matrix.values().iter().map(|&v| v as f32).collect() };
        Ok(Batch {
            count: samples.len(),
            patches: samples
                .par_iter()
                .flat_map_iter(|s| self.frame.features(&s.matrix, layout.grid))
                .collect(),
            factor: factor.concat(),
            base: base.concat(),
            values: samples.iter().flat_map(values).collect(),
            pattern,
            layout,
        })
    }

    fn loss(
        &self,
        device: &Cpu,
        params: &Params<f32, Cpu>,
        batch: Batch,
        rng: &mut ChaCha8Rng,
    ) -> Result<Loss<Cpu>> {
        let config = &self.frame.config;
        let layout = &*batch.layout;
        let (b, n) = (batch.count, batch.pattern.nrows());
        let outputs = config.outputs();
        let x = device.tensor_from_vec(batch.patches, (b * n, config.inputs()));
        let out = layers::mlp(params, NAME, config.hidden.len(), x.leaky_traced())? // (batch n, outputs)
            .reshape_like(&(b, n * outputs));
        let factor = device.tensor_from_vec(batch.factor, (b, n * outputs));
        let base = device.tensor_from_vec(batch.base, (b, n * outputs));
        let values = add(mul(out, factor), base); // (batch, n outputs)

        let noise: Vec<f32> = (0..b * config.probes * n)
            .map(|_| StandardNormal.sample(&mut *rng))
            .collect();
        let start = device.tensor_from_vec(inverse_norms(&noise, b), (b,));
        let (values, tape) = values.split_tape();
        let mut e = device
            .tensor_from_vec(noise, (b, config.probes, n))
            .put_tape(tape);
        let matrices = Matrices {
            values: device.tensor_from_vec(batch.values, (b, batch.pattern.nnz())),
            structure: Arc::new(Structure::plain(batch.pattern)),
        };
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
