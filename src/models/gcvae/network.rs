//! The network: encoder, latent vector, decoder, and the inverse it makes.

use std::sync::Arc;

use super::attention::Attention;
use super::decoder::GraphDecoder;
use super::features::{EDGE_FEATURES, Masks, NODE_FEATURES, Seen};
use super::image::{ImageDecoder, ImageEncoder};
use super::{Decoder, GcvaeConfig, Inverse, NAME};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::linalg::Csr;
use crate::models::PredictOptions;
use crate::models::network::{Description, Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, FactoredInverseLossOp, Ops, Trial, Weights};
use crate::nn::{Backend, Layout, Linear, Trained};
use crate::precond::FactoredInverse;
use crate::rng::{Purpose, normals, stream};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

/// Random vectors by which the best of several draws is chosen.
const TRIALS: usize = 4;

/// What the posterior sees of A⁻¹.
enum SeenInverse {
    Probes(Linear),
    Dense(ImageEncoder),
}

/// What writes the entries of R.
enum Writer {
    Graph(GraphDecoder),
    Image(ImageDecoder),
}

/// Encoder of A, encoder of (A, A⁻¹) to mean and variance of z, decoder to the entries of R.
pub struct Gcvae {
    pub(super) config: GcvaeConfig,
    pub(super) about: Description,
    nodes: Linear,
    attention: Vec<Attention>,
    /// Of the posterior: node features, what is seen of A⁻¹, then a hidden layer, mean, logarithm of the variance.
    node: Linear,
    inverse: SeenInverse,
    posterior: [Linear; 3],
    decoder: Writer,
}

impl Gcvae {
    /// The network of these settings.
    pub fn new(config: GcvaeConfig) -> Self {
        let (w, k) = (config.width, config.latent);
        let mut layout = Layout::default();
        let nodes = Linear::new(&mut layout, "encoder.node", NODE_FEATURES, w, 1.0);
        let attention = (0..config.layers).map(|l| Attention::new(&mut layout, &format!("encoder.{l}"), w)).collect();
        let node = Linear::new(&mut layout, "posterior.node", w, w, 0.7);
        let inverse = match config.inverse {
            Inverse::Probes => {
                SeenInverse::Probes(Linear::new(&mut layout, "posterior.inverse", 2 * config.inverse_probes, w, 0.7))
            }
            Inverse::Dense => SeenInverse::Dense(ImageEncoder::new(&mut layout, &config)),
        };
        let posterior = [
            Linear::new(&mut layout, "posterior.hidden", w, w, 1.4),
            Linear::new(&mut layout, "posterior.mean", w, k, 0.5),
            // At first the variance is that of N(0, I).
            Linear::new(&mut layout, "posterior.log_variance", w, k, 0.0),
        ];
        let decoder = match config.decoder {
            Decoder::Graph => Writer::Graph(GraphDecoder::new(&mut layout, &config)),
            Decoder::Image => Writer::Image(ImageDecoder::new(&mut layout, &config)),
        };
        let about = Description::new(NAME, &config, layout);
        Gcvae { about, config, nodes, attention, node, inverse, posterior, decoder }
    }

    /// # Errors
    /// [`Error::Shape`] if the network reads or writes images of another size.
    pub fn fits(&self, n: usize) -> Result<()> {
        match self.config.images() && n != self.config.nodes {
            true => Err(Error::shape("unknowns of a system for gcvae with images", self.config.nodes, n)),
            false => Ok(()),
        }
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

    /// The table of what [`Seen::inverse`] gives.
    pub fn inverse_table<O: Ops>(&self, ops: &mut O, data: Vec<O::Real>) -> O::Value {
        let cols = match self.inverse {
            SeenInverse::Probes(_) => 2 * self.config.inverse_probes,
            SeenInverse::Dense(_) => 1,
        };
        ops.table(data, cols)
    }

    /// Mean and logarithm of the variance of z (graphs × latent) given A and what is seen of A⁻¹.
    pub fn posterior<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        x: &O::Value,
        inverse: &O::Value,
    ) -> [O::Value; 2] {
        let a = self.node.forward(ops, w, x, None);
        let h = match &self.inverse {
            SeenInverse::Probes(layer) => {
                let b = layer.forward(ops, w, inverse, None);
                let h = ops.add(&a, &b);
                let h = ops.gelu(&h);
                ops.pool(at, &h)
            }
            SeenInverse::Dense(encoder) => {
                let h = ops.gelu(&a);
                let h = ops.pool(at, &h);
                let b = encoder.forward(ops, w, inverse);
                let h = ops.add(&h, &b);
                ops.gelu(&h)
            }
        };
        let [hidden, mean, log_variance] = &self.posterior;
        let h = hidden.forward(ops, w, &h, None);
        let h = ops.gelu(&h);
        [mean.forward(ops, w, &h, None), log_variance.forward(ops, w, &h, None)]
    }

    /// The entries of R on the mask: base + what the decoder says. `z` (graphs × latent), `entries` and `base` as in
    /// [`Seen`]; `at` is the batch of the masks.
    pub fn decode<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        masks: &Masks,
        [x, z, entries, base]: [&O::Value; 4],
    ) -> O::Value {
        let change = match &self.decoder {
            Writer::Graph(decoder) => decoder.forward(ops, w, at, masks, [x, z, entries]),
            Writer::Image(decoder) => {
                let x = ops.pool(at, x);
                decoder.forward(ops, w, masks, [&x, z])
            }
        };
        ops.add(base, &change)
    }

    /// M ≈ A⁻¹: by z = 0 for no draws, by one draw from N(0, I), or by the best of several. Draws belong to `sample`.
    ///
    /// # Errors
    /// [`Error::Numeric`] if the diagonal of A is not positive.
    pub fn inverse<D: Backend>(
        &self,
        weights: &Trained<D>,
        a: &Csr,
        draws: usize,
        sample: u64,
    ) -> Result<FactoredInverse> {
        self.fits(a.nrows())?;
        let seen = Seen::new(&self.config, a)?;
        let Seen { matrix, scale, nodes, edges, masked, entries, base, beyond, keep } = seen;
        let graph = Graphs::of(&matrix)?;
        let masks = Masks { graphs: Graphs::of(&masked)?, beyond, keep: vec![keep] };
        // What z is decoded with is the same for all of them.
        let x = weights.evaluate(|ops, w| {
            let at = ops.batch(&graph);
            let [nodes, edges] = [ops.table(nodes, NODE_FEATURES), ops.table(edges, EDGE_FEATURES)];
            self.encode(ops, w, &at, &nodes, &edges)
        });
        masks.graphs.incidence();
        let decode = |z: Vec<f32>| {
            weights.evaluate(|ops, w| {
                let at = ops.batch(&masks.graphs);
                let [x, z] = [ops.table(x.clone(), self.config.width), ops.table(z, self.config.latent)];
                let [entries, base] =
                    [ops.table(entries.clone(), self.config.entry_features()), ops.table(base.clone(), 1)];
                self.decode(ops, w, &at, &masks, [&x, &z, &entries, &base])
            })
        };
        let mut rng = stream(0, Purpose::Measure, sample);
        let trial = Trial {
            offsets: vec![0, a.nrows()],
            matrix: Arc::new(masked.values().to_vec()),
            vectors: Arc::new(normals(&mut rng, TRIALS * a.nrows())),
            shift: 0.0,
        };
        let distance = |r: &[f32]| {
            let loss = weights.evaluate(|ops, _| {
                let at = ops.batch(&masks.graphs);
                let r = ops.table(r.to_vec(), 1);
                ops.factored_inverse_loss(&at, &r, &trial)
            });
            loss[0]
        };
        let mut draw = || decode(normals(&mut rng, self.config.latent));
        let mut best = match draws {
            0 => decode(vec![0.0; self.config.latent]),
            _ => draw(),
        };
        if draws > 1 {
            let mut least = distance(&best);
            for _ in 1..draws {
                if interrupt::requested() {
                    break;
                }
                let r = draw();
                let distance = distance(&r);
                // A distance that is no number is never the least.
                if distance < least || least.is_nan() {
                    (least, best) = (distance, r);
                }
            }
        }
        let mut factor = Csr::new(masked.pattern().clone(), best.iter().map(|&v| f64::from(v)).collect())?;
        if !masks.beyond.is_empty() {
            factor = without_zeros(&factor, &masks.beyond)?;
        }
        FactoredInverse::new(factor, self.config.shift, Some(scale))
    }
}

/// R without the entries that were not kept.
fn without_zeros(r: &Csr, beyond: &[bool]) -> Result<Csr> {
    let mut entries = Vec::with_capacity(r.nnz());
    for i in 0..r.nrows() {
        let at = r.pattern().range(i).zip(r.pattern().row(i));
        let at = at.filter(|(e, _)| r.values()[*e] != 0.0 || !beyond[*e]);
        entries.extend(at.map(|(e, &j)| (i, j as usize, r.values()[e])));
    }
    Csr::from_triplets(r.nrows(), r.ncols(), &entries)
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
