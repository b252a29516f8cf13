//! Training of `stencil-mlp`: a few steps of the two-level iteration on random vectors, batch by batch.

use std::sync::Arc;

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
