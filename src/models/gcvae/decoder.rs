//! From z and what the encoder made of A to the entries of R, on the graph of the mask.

use std::sync::Arc;

use super::features::Masks;
use super::{GcvaeConfig, Mask};
use crate::nn::ops::{Ops, Weights};
use crate::nn::{Layout, Linear, Real};

/// Writes each entry from its two ends.
pub struct GraphDecoder {
    /// z, an entry, its ends, a hidden layer, the entry of R.
    layers: [Linear; 6],
    /// With a learned mask: which entries are worth keeping.
    score: Option<Linear>,
}

impl GraphDecoder {
    /// The decoder of these settings; it starts at zero.
    pub fn new(layout: &mut Layout, config: &GcvaeConfig) -> Self {
        let (w, k) = (config.width, config.latent);
        let mut layer = |name: &str, from, to, gain| Linear::new(layout, &format!("decoder.{name}"), from, to, gain);
        let layers = [
            layer("latent", k, w, 0.5),
            layer("entry", config.entry_features(), w, 0.8),
            layer("target", w, w, 0.6),
            layer("source", w, w, 0.6),
            layer("hidden", w, w, 1.4),
            layer("out", w, 1, 0.0),
        ];
        let score = (config.mask == Mask::Learned).then(|| layer("score", w, 1, 1.0));
        GraphDecoder { layers, score }
    }

    /// x: nodes × width, z: graphs × latent, entries: entries × [`GcvaeConfig::entry_features`] → entries × 1.
    pub fn forward<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        masks: &Masks,
        [x, z, entries]: [&O::Value; 3],
    ) -> O::Value {
        let [latent, entry, target, source, hidden, out] = &self.layers;
        let z = latent.forward(ops, w, z, None);
        let z = ops.hand_out(at, &z);
        let x = ops.add(x, &z);
        let target = target.forward(ops, w, &x, None);
        let source = source.forward(ops, w, &x, None);
        let h = entry.forward(ops, w, entries, None);
        // A slope of one below zero: no activation.
        let h = ops.combine(at, &h, Some(&target), &source, 1.0);
        let h = ops.gelu(&h);
        let h = hidden.forward(ops, w, &h, None);
        let h = ops.gelu(&h);
        let change = out.forward(ops, w, &h, None);
        let Some(score) = &self.score else { return change };
        let score = score.forward(ops, w, &h, None);
        let scores: Vec<f64> = ops.to_host(&score).iter().map(|s| s.wide()).collect();
        ops.gate(&change, &score, &Arc::new(masks.kept(&scores)))
    }
}
