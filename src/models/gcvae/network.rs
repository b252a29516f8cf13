//! The network: encoder, latent vector, decoder, and the inverse it makes.

use rand_distr::{Distribution, StandardNormal};

use super::features::{EDGE_FEATURES, ENTRY_FEATURES, NODE_FEATURES, Seen};
use super::{GcvaeConfig, NAME};
use crate::error::Result;
use crate::linalg::{Csr, LinOp};
use crate::models::PredictOptions;
use crate::models::factored_inverse::FactoredInverse;
use crate::models::network::{Description, Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, Ops, Weights};
use crate::nn::{Backend, LayerNorm, Layout, Linear, Trained};
use crate::rng::{Purpose, stream};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

/// Random vectors by which the best of several draws is chosen.
const TRIALS: usize = 4;

/// x ← x + out(gelu(attention)): GATv2 (Brody, Alon, Yahav 2022, arXiv:2105.14491) on normalised features, with â_ij.
struct Attention {
    norm: LayerNorm,
    target: Linear,
    source: Linear,
    edge: Linear,
    score: Linear,
    out: Linear,
}

impl Attention {
    fn new(layout: &mut Layout, name: &str, w: usize) -> Self {
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

    fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, at: &O::Batch, x: &O::Value, e: &O::Value) -> O::Value {
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

/// Encoder of A, encoder of (A, A⁻¹) to mean and variance of z, decoder to the entries of R.
pub struct Gcvae {
    pub(super) config: GcvaeConfig,
    pub(super) about: Description,
    nodes: Linear,
    attention: Vec<Attention>,
    /// Of the posterior: node features, probes of A⁻¹, a hidden layer, mean, logarithm of the variance.
    posterior: [Linear; 5],
    /// Of the decoder: z, an entry, its ends, a hidden layer, the entry of R.
    decoder: [Linear; 6],
}

impl Gcvae {
    /// The network of these settings.
    pub fn new(config: GcvaeConfig) -> Self {
        let (w, k) = (config.width, config.latent);
        let mut layout = Layout::default();
        let nodes = Linear::new(&mut layout, "encoder.node", NODE_FEATURES, w, 1.0);
        let attention = (0..config.layers).map(|l| Attention::new(&mut layout, &format!("encoder.{l}"), w)).collect();
        let mut layer = |name: &str, from: usize, to: usize, gain: f32| Linear::new(&mut layout, name, from, to, gain);
        let posterior = [
            layer("posterior.node", w, w, 0.7),
            layer("posterior.inverse", 2 * config.inverse_probes, w, 0.7),
            layer("posterior.hidden", w, w, 1.4),
            layer("posterior.mean", w, k, 0.5),
            // At first the variance is that of N(0, I).
            layer("posterior.log_variance", w, k, 0.0),
        ];
        let decoder = [
            layer("decoder.latent", k, w, 0.5),
            layer("decoder.entry", ENTRY_FEATURES, w, 0.8),
            layer("decoder.target", w, w, 0.6),
            layer("decoder.source", w, w, 0.6),
            layer("decoder.hidden", w, w, 1.4),
            layer("decoder.out", w, 1, 0.0),
        ];
        Gcvae { about: Description::new(NAME, &config, layout), config, nodes, attention, posterior, decoder }
    }

    /// Node features (nodes × width) of A.
    pub fn encode<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        nodes: &O::Value,
        edges: &O::Value,
    ) -> O::Value {
        let x = self.nodes.forward(ops, w, nodes, None);
        self.attention.iter().fold(x, |x, layer| layer.forward(ops, w, at, &x, edges))
    }

    /// Mean and logarithm of the variance of z (graphs × latent) given A and probes of A⁻¹.
    pub fn posterior<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        x: &O::Value,
        probes: &O::Value,
    ) -> [O::Value; 2] {
        let [node, inverse, hidden, mean, log_variance] = &self.posterior;
        let a = node.forward(ops, w, x, None);
        let b = inverse.forward(ops, w, probes, None);
        let h = ops.add(&a, &b);
        let h = ops.gelu(&h);
        let h = ops.pool(at, &h);
        let h = hidden.forward(ops, w, &h, None);
        let h = ops.gelu(&h);
        [mean.forward(ops, w, &h, None), log_variance.forward(ops, w, &h, None)]
    }

    /// The entries of R on the mask: base + what the decoder says. `z` (graphs × latent), `entries` and `base` as in
    /// [`Seen`].
    pub fn decode<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        mask: &O::Batch,
        [x, z, entries, base]: [&O::Value; 4],
    ) -> O::Value {
        let [latent, entry, target, source, hidden, out] = &self.decoder;
        let z = latent.forward(ops, w, z, None);
        let z = ops.hand_out(mask, &z);
        let x = ops.add(x, &z);
        let target = target.forward(ops, w, &x, None);
        let source = source.forward(ops, w, &x, None);
        let h = entry.forward(ops, w, entries, None);
        // A slope of one below zero: no activation.
        let h = ops.combine(mask, &h, Some(&target), &source, 1.0);
        let h = ops.gelu(&h);
        let h = hidden.forward(ops, w, &h, None);
        let h = ops.gelu(&h);
        let change = out.forward(ops, w, &h, None);
        ops.add(base, &change)
    }

    /// R on the mask, for one z.
    fn factor<D: Backend>(
        &self,
        weights: &Trained<D>,
        seen: &Seen,
        graphs: &[Graphs<f32>; 2],
        z: &[f32],
    ) -> Result<Csr> {
        let values = weights.evaluate(|ops, w| {
            let [at, mask] = [ops.batch(&graphs[0]), ops.batch(&graphs[1])];
            let nodes = ops.table(seen.nodes.clone(), NODE_FEATURES);
            let edges = ops.table(seen.edges.clone(), EDGE_FEATURES);
            let entries = ops.table(seen.entries.clone(), ENTRY_FEATURES);
            let base = ops.table(seen.base.clone(), 1);
            let z = ops.table(z.to_vec(), self.config.latent);
            let x = self.encode(ops, w, &at, &nodes, &edges);
            self.decode(ops, w, &mask, [&x, &z, &entries, &base])
        });
        Csr::new(seen.masked.pattern().clone(), values.iter().map(|&v| f64::from(v)).collect())
    }

    /// M ≈ A⁻¹: by z = 0 for no draws, by one draw from N(0, I), or by the best of several. Draws belong to `sample`.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if the diagonal of A is not positive.
    pub fn inverse<D: Backend>(
        &self,
        weights: &Trained<D>,
        a: &Csr,
        draws: usize,
        sample: u64,
    ) -> Result<FactoredInverse> {
        let seen = Seen::new(&self.config, a)?;
        let graphs = [Graphs::of(&seen.matrix)?, Graphs::of(&seen.masked)?];
        let mut rng = stream(0, Purpose::Measure, sample);
        let mut best: Option<(f64, Csr)> = None;
        let trials: Vec<f64> = (0..TRIALS * a.nrows()).map(|_| StandardNormal.sample(&mut rng)).collect();
        for _ in 0..draws.max(1) {
            let z: Vec<f32> = match draws {
                0 => vec![0.0; self.config.latent],
                _ => (0..self.config.latent).map(|_| StandardNormal.sample(&mut rng)).collect(),
            };
            let r = self.factor(weights, &seen, &graphs, &z)?;
            let distance = if draws < 2 { 0.0 } else { distance(&seen.matrix, &r, &trials) };
            // A distance that is no number is never the least.
            if best.as_ref().is_none_or(|b| distance < b.0 || b.0.is_nan()) {
                best = Some((distance, r));
            }
        }
        let factor = best.map_or_else(|| Csr::identity(a.nrows()), |b| b.1);
        FactoredInverse::new(factor, self.config.shift, Some(seen.scale))
    }
}

/// Σ ‖(Rᵀ A R − I) w‖² over the vectors w.
fn distance(a: &Csr, r: &Csr, vectors: &[f64]) -> f64 {
    let n = a.nrows();
    let transpose = r.transpose();
    let (mut u, mut v) = (vec![0.0; n], vec![0.0; n]);
    let mut sum = 0.0;
    for w in vectors.chunks_exact(n.max(1)) {
        r.apply(w, &mut u);
        a.apply(&u, &mut v);
        transpose.apply(&v, &mut u);
        sum += u.iter().zip(w).map(|(u, w)| (u - w).powi(2)).sum::<f64>();
    }
    sum
}

impl<D: Backend> Network<D> for Gcvae {
    fn about(&self) -> &Description {
        &self.about
    }

    fn draws(&self) -> bool {
        true
    }

    /// Symmetric as it is.
    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        let m = self.inverse(weights, &system.matrix, options.draws, system.index)?;
        Ok(Acceleration::preconditioner(m))
    }
}
