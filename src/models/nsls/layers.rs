//! The layers of the network.

use super::{NAME, NslsConfig};
use crate::models::network::Description;
use crate::nn::ops::{Ops, Weights};
use crate::nn::{GraphConv, GraphNorm, Layout, Linear, Mlp};

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
}
