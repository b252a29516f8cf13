//! `gcvae`: a variational autoencoder that writes factored approximate inverses, M = R Rᵀ ≈ A⁻¹ (Li, Wang, Jimack 2024,
//! "Generative modeling of Sparse Approximate Inverse Preconditioners").
//!
//! Attention layers (GATv2) encode the graph of A; together with what A⁻¹ does they give mean and variance of a latent
//! vector z; a decoder writes the entries of R on a mask, the pattern of A and a share of further entries. The loss is
//! ‖I − Rᵀ A R‖_F² / n plus `kl` times the divergence of z from N(0, I). A prediction needs A alone: z = 0, or draws.
//!
//! As in the paper with `inverse = "dense"` and `decoder = "image"`: convolutions read the dense A⁻¹ and write R, for
//! systems of one size. Ours by default, on the limits that the authors name: A⁻¹ is seen through A⁻¹ w for a few
//! random w as node features, and the norm is estimated without bias on random vectors, so that memory grows with the
//! entries of A and not with n²; the decoder writes each entry from its two ends, so that one set of weights serves any
//! mesh and size. The mask beyond A holds the largest entries of A² there, or those that a learned score chooses. All
//! of it happens for D^{-1/2} A D^{-1/2}, D the diagonal of A, and training starts from R = I, which is Jacobi, or from
//! the FSAI factor on the mask. Not stated in the paper and chosen here: the latent size, widths, channels, optimiser,
//! the further entries, z = 0 for predictions.

mod attention;
mod decoder;
mod features;
mod image;
mod network;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dense_arrays::{DenseArrays, INVERSE, PARAMETER};
use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, Trainer, TrainingSet, network as models};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::solver::Need;
use network::Gcvae;

/// The model's name in recipes.
pub const NAME: &str = "gcvae";

/// Most unknowns of a system that is read or written as an image.
const MOST_NODES: usize = 8192;

/// How ‖I − Rᵀ A R‖_F² is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Estimated on random vectors, without bias.
    #[default]
    Probes,
    /// Column by column: n sparse products a system and step.
    Exact,
}

/// What the encoder sees of A⁻¹ in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Inverse {
    /// A⁻¹ w for a few random w, as features of nodes.
    #[default]
    Probes,
    /// All of A⁻¹ as an image, by convolutions (the paper's); systems of one size.
    Dense,
}

/// What writes the entries of R.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decoder {
    /// A network on the graph of the mask: each entry from its two ends.
    #[default]
    Graph,
    /// Convolutions that write an image, read on the mask (the paper's); systems of one size.
    Image,
}

/// How the entries beyond those of A are chosen, all of them in the pattern of A².
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mask {
    /// The largest entries of A².
    #[default]
    Power,
    /// Those of the highest score, which the decoder learns.
    Learned,
}

/// The factor that R is the sum of, with what the decoder writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// I: training starts from the inverse of the diagonal.
    #[default]
    Identity,
    /// The factorised sparse approximate inverse on the lower triangle of the mask: training starts from `fsai`.
    Fsai,
}

/// Settings of the model: the `[gcvae]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GcvaeConfig {
    /// Features of a node and of an entry.
    pub width: usize,
    /// Attention layers of the encoder.
    pub layers: usize,
    /// Entries of z.
    pub latent: usize,
    /// Entries of the mask beyond those of A, as a share of the entries of A.
    pub extra: f64,
    /// How they are chosen.
    pub mask: Mask,
    /// What R is the sum of, with what the decoder writes.
    pub base: Base,
    /// What the encoder sees of A⁻¹ in training.
    pub inverse: Inverse,
    /// Random w whose A⁻¹ w the encoder sees in training, with inverse = "probes".
    pub inverse_probes: usize,
    /// What writes the entries of R.
    pub decoder: Decoder,
    /// Convolutions that read or write an image; each halves or doubles its side.
    pub convolutions: usize,
    /// Channels of images in between.
    pub channels: usize,
    /// Unknowns of the systems, for images alone; 0: those of the training systems.
    pub nodes: usize,
    /// How the reconstruction loss is computed.
    pub norm: Norm,
    /// Random vectors a step and system, with norm = "probes".
    pub vectors: usize,
    /// Weight of the divergence beside the norm over n: the paper's weight, of the norm itself, over n.
    pub kl: f64,
    /// ε of M = R Rᵀ + ε I, for A of unit diagonal.
    pub shift: f64,
}

impl Default for GcvaeConfig {
    fn default() -> Self {
        GcvaeConfig {
            width: 16,
            layers: 3,
            latent: 8,
            extra: 0.2,
            mask: Mask::default(),
            base: Base::default(),
            inverse: Inverse::default(),
            inverse_probes: 4,
            decoder: Decoder::default(),
            convolutions: 3,
            channels: 4,
            nodes: 0,
            norm: Norm::default(),
            vectors: 4,
            kl: 0.1,
            shift: 1e-6,
        }
    }
}

/// `gcvae` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "a factored approximate inverse R Rᵀ on the pattern of A and more, by a variational autoencoder on its graph",
    source: "Li, Wang, Jimack 2024, Generative modeling of Sparse Approximate Inverse Preconditioners",
    needs: "A symmetric positive definite",
    positional: &[],
    defaults: entry::defaults::<GcvaeConfig>,
    schema: Some(entry::schema::<GcvaeConfig>),
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, GcvaeConfig::check)?)),
};

impl ModelConfig for GcvaeConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn dense_arrays(&self, set: &TrainingSet, batch: usize) -> Result<Option<DenseArrays>> {
        let n = set.largest()?.0;
        let square = (n as f64).powi(2);
        let images = square * batch.min(set.ids.len()) as f64;
        let (reads, writes) = (self.inverse == Inverse::Dense, self.decoder == Decoder::Image);
        let channels = self.channels as f64;
        let (mut parts, mut parameters) = (Vec::new(), 0.0);
        // Bytes a pixel as training takes them: what convolutions gather, its gradient and places, their channels; each
        // layer has a quarter of the pixels of the one before.
        let last = image::smallest(n, self.convolutions) as f64;
        if reads {
            let threads = rayon::current_num_threads().min(set.ids.len()) as f64;
            parts.push(("inverses", INVERSE * threads * square));
            parts.push(("images that are read", images * (39.0 + 8.0 * channels)));
            parameters += last * last * channels * self.width as f64;
        }
        if writes {
            parts.push(("images that are written", images * (6.0 + 24.0 * channels)));
            parameters += last * last * channels * self.width as f64;
        }
        parts.push(("the network and its optimiser", PARAMETER * parameters));
        let instead = match (reads, writes) {
            (true, true) => "set gcvae.inverse = \"probes\" and gcvae.decoder = \"graph\"",
            (true, false) => "set gcvae.inverse = \"probes\"",
            (false, true) => "set gcvae.decoder = \"graph\"",
            (false, false) => return Ok(None),
        };
        Ok(Some(DenseArrays { n, parts, instead }))
    }

    fn needs(&self) -> Need {
        Need::Spd
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        if self.images() && self.nodes == 0 {
            return Err(Error::file(file, format!("{NAME}.nodes = 0: the size of its systems is missing")));
        }
        models::load(Gcvae::new(self.clone()), checkpoint, file, on)
    }

    fn general_recipe(&self) -> Option<(&'static str, &'static str)> {
        Some(("training/any-gcvae.toml", include_str!("../../../training/any-gcvae.toml")))
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[
            BuiltIn {
                family: "biharmonic",
                path: "training/biharmonic-gcvae.toml",
                text: include_str!("../../../training/biharmonic-gcvae.toml"),
                dataset: include_str!("../../../datasets/biharmonic-small.toml"),
            },
            BuiltIn {
                family: "elliptic",
                path: "training/elliptic-gcvae.toml",
                text: include_str!("../../../training/elliptic-gcvae.toml"),
                dataset: include_str!("../../../datasets/elliptic-small.toml"),
            },
        ]
    }

    fn trivial(&self) -> Vec<String> {
        vec!["mean-fsai".into(), "mean-fsai(256, extra = 0.2)".into()]
    }
}

impl GcvaeConfig {
    /// Whether matrices are read or written as images.
    fn images(&self) -> bool {
        self.inverse == Inverse::Dense || self.decoder == Decoder::Image
    }

    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, most) in [
            ("width", self.width, 256),
            ("layers", self.layers, 16),
            ("latent", self.latent, 256),
            ("inverse_probes", self.inverse_probes, 64),
            ("vectors", self.vectors, 1024),
            ("convolutions", self.convolutions, 8),
            ("channels", self.channels, 64),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be from 1 to {most}")));
            }
        }
        if self.nodes > MOST_NODES {
            return Err(Error::Argument(format!(
                "{NAME}.nodes = {}: an image of A⁻¹ has n² pixels; at most {MOST_NODES}, or take inverse = \"probes\" \
                 and decoder = \"graph\"",
                self.nodes
            )));
        }
        if self.nodes > 0 && !self.images() {
            return Err(Error::Argument(format!(
                "{NAME}.nodes = {}: has no meaning without images, which inverse = \"dense\" and decoder = \"image\" \
                 have",
                self.nodes
            )));
        }
        if self.mask == Mask::Learned && self.decoder == Decoder::Image {
            let reason = format!("{NAME}.mask = \"learned\" needs decoder = \"graph\", which scores entries");
            return Err(Error::Argument(reason));
        }
        for (key, value, below) in [("extra", self.extra, 10.0), ("kl", self.kl, 1e6), ("shift", self.shift, 1.0)] {
            if !(0.0..below).contains(&value) {
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be at least 0 and below {below}")));
            }
        }
        Ok(())
    }
}
