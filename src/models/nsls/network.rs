//! The network, and what it predicts.

use super::features::Seen;
use super::{NAME, NslsConfig, Scale};
use super::{inference, iterates};
use crate::error::Result;
use crate::linalg::Csr;
use crate::linalg::vector::dot;
use crate::models::PredictOptions;
use crate::models::network::{Description, Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, Ops, Weights};
use crate::nn::{Backend, Device, GraphConv, GraphNorm, Layout, Linear, Mlp, Trained};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

/// Slope of the activation below zero.
pub(super) const SLOPE: f64 = 0.1;

/// x ← x + conv(act(conv(norm(x)))).
pub(super) struct Block {
    pub(super) norm: GraphNorm,
    pub(super) convs: [GraphConv; 2],
}

/// An encoder, residual blocks, a decoder of two layers.
pub struct Nsls {
    pub(super) config: NslsConfig,
    pub(super) about: Description,
    pub(super) encoder: Linear,
    pub(super) blocks: Vec<Block>,
    pub(super) decoder: Mlp,
}

impl Nsls {
    /// The network of these settings.
    pub fn new(config: NslsConfig) -> Self {
        let w = config.width;
        let mut layout = Layout::default();
        let encoder = Linear::new(&mut layout, "encoder", config.inputs(), w, 1.0);
        // With a skip it is to start from the iterate, nearly.
        let gains = [1.0, if config.skip { 0.01 } else { 1.0 }];
        let decoder = Mlp::pair(&mut layout, "decoder", [w, w, config.outputs()], gains, SLOPE);
        let mut block = |b: usize| Block {
            norm: GraphNorm::new(&mut layout, &format!("block.{b}.norm"), w),
            convs: [0, 1].map(|c| GraphConv::new(&mut layout, &format!("block.{b}.conv.{c}"), w)),
        };
        let blocks = (0..config.blocks).map(&mut block).collect();
        Nsls { about: Description::new(NAME, &config, layout), config, encoder, blocks, decoder }
    }

    /// Node features (nodes × inputs) and their last column → one number a node, or `directions`.
    pub fn forward<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        x: &O::Value,
        last: &O::Value,
    ) -> O::Value {
        let mut h = self.encoder.forward(ops, w, x, None); // (nodes, width)
        for block in &self.blocks {
            let t = block.norm.forward(ops, w, at, &h);
            let t = block.convs[0].forward(ops, w, at, &t, Some(SLOPE));
            let t = block.convs[1].forward(ops, w, at, &t, None);
            h = ops.add(&h, &t);
        }
        let out = self.decoder.forward(ops, w, &h); // (nodes, outputs)
        match self.config.skip {
            true => ops.add(&out, last),
            false => out,
        }
    }

    /// What the network says of a system, nodes × outputs.
    pub(super) fn say<D: Backend>(&self, weights: &Trained<D>, seen: &Seen) -> Result<Vec<f64>> {
        if D::KIND == Device::Cpu {
            let fast = |params: &_| inference::outputs(self, params, &seen.matrix, &seen.features);
            if let Some(out) = weights.read(fast) {
                return Ok(out.into_iter().map(f64::from).collect());
            }
        }
        let graphs = Graphs::of(&seen.matrix)?;
        let columns = self.config.inputs();
        let out = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let last = ops.table(seen.last(columns), 1);
            let x = ops.table(seen.features.clone(), columns);
            self.forward(ops, w, &at, &x, &last)
        });
        Ok(out.into_iter().map(f64::from).collect())
    }

    /// x̂ for a system, and the products with A that it took.
    ///
    /// # Errors
    /// If A is not square, zero, or (with Jacobi scaling) has a diagonal entry that is not positive.
    pub fn guess<D: Backend>(&self, weights: &Trained<D>, a: &Csr, b: &[f64]) -> Result<(Vec<f64>, usize)> {
        let seen = Seen::new(&self.config, a, b)?;
        let said = self.say(weights, &seen)?;
        let k = self.config.directions;
        if k == 0 {
            // Its length is that of the system itself: one product.
            let x = scaled(self.config.scale, a, b, seen.to_solution(&said));
            return Ok((x, seen.ran.products + 1));
        }
        let column = |j: usize| said.iter().skip(j).step_by(k).copied().collect();
        let x = iterates::combined(&seen.ran, &seen.matrix, (0..k).map(column).collect());
        Ok((seen.to_solution(&x), seen.ran.products + k))
    }
}

/// μ x̃ (see [`Scale`]); x̃ itself where μ is not defined.
pub fn scaled(scale: Scale, a: &Csr, b: &[f64], mut x: Vec<f64>) -> Vec<f64> {
    let mut ax = vec![0.0; b.len()];
    a.spmv(&x, &mut ax);
    let (above, below) = match scale {
        Scale::Residual => (dot(&ax, b), dot(&ax, &ax)),
        Scale::Energy => (dot(&x, b), dot(&x, &ax)),
    };
    let mu = above / below;
    if mu.is_finite() {
        x.iter_mut().for_each(|v| *v *= mu);
    }
    x
}

impl<D: Backend> Network<D> for Nsls {
    fn about(&self) -> &Description {
        &self.about
    }

    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        // Nothing to symmetrize either, but a method that asks for it takes any guess.
        options.nothing_to_filter(NAME)?;
        let (a, b) = (&system.matrix, &system.rhs);
        let (x, setup_iterations) = self.guess(weights, a, b)?;
        Ok(Acceleration { setup_iterations, ..Acceleration::guess(x) })
    }
}
