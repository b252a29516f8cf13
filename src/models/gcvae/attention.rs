//! Attention over the neighbours of a node.

use super::features::EDGE_FEATURES;
use crate::nn::ops::{Ops, Weights};
use crate::nn::{LayerNorm, Layout, Linear};

/// x ← x + out(gelu(attention)): GATv2 (Brody, Alon, Yahav 2022, arXiv:2105.14491) on normalised features, with â_ij.
pub struct Attention {
    norm: LayerNorm,
    target: Linear,
    source: Linear,
    edge: Linear,
    score: Linear,
    out: Linear,
}

impl Attention {
    /// A layer of `w` features.
    pub fn new(layout: &mut Layout, name: &str, w: usize) -> Self {
        let norm = LayerNorm::new(layout, &format!("{name}.norm"), w);
        let mut layer =
            |part: &str, [from, to]: [usize; 2], gain| Linear::new(layout, &format!("{name}.{part}"), from, to, gain);
        Attention {
            norm,
            target: layer("target", [w, w], 0.8),
            source: layer("source", [w, w], 0.8),
            edge: layer("edge", [EDGE_FEATURES, w], 0.8),
            score: layer("score", [w, 1], 1.0),
            out: layer("out", [w, w], 0.7),
        }
    }

    /// x: nodes × w, e: edges × [`EDGE_FEATURES`] → nodes × w.
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, at: &O::Batch, x: &O::Value, e: &O::Value) -> O::Value {
        let xn = self.norm.forward(ops, w, x);
        let target = self.target.forward(ops, w, &xn, None);
        let source = self.source.forward(ops, w, &xn, None);
        let edge = self.edge.forward(ops, w, e, None);
        let seen = ops.combine(at, &edge, Some(&target), &source, 0.2);
        let score = self.score.forward(ops, w, &seen, None);
        let weight = ops.segment_softmax(at, &score);
        let sum = ops.weighted_sum(at, &weight, &source, None);
        let hidden = ops.gelu(&sum);
        let change = self.out.forward(ops, w, &hidden, None);
        ops.add(x, &change)
    }
}
