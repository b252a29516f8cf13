//! Matrices as images: convolutions that read the dense A⁻¹ and write R, as Li, Wang and Jimack (2024) have it.

use super::GcvaeConfig;
use super::features::Masks;
use crate::nn::image::{Conv, Patches, halved, reshape};
use crate::nn::ops::{Ops, Weights};
use crate::nn::{Layout, Linear};

/// The sides of the images between convolutions: n, then each the half of the one before.
fn sides(config: &GcvaeConfig) -> Vec<usize> {
    halves(config.nodes).take(config.convolutions + 1).collect()
}

fn halves(n: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(n), |&side| Some(halved(side)))
}

/// The side of the smallest image that so many convolutions make of n × n.
pub fn smallest(n: usize, convolutions: usize) -> usize {
    halves(n).nth(convolutions).unwrap_or(1)
}

/// Convolutions of stride 2, then one linear layer on all pixels.
pub struct ImageEncoder {
    convolutions: Vec<Conv>,
    out: Linear,
    sides: Vec<usize>,
    channels: usize,
}

impl ImageEncoder {
    /// To `width` features.
    pub fn new(layout: &mut Layout, config: &GcvaeConfig) -> Self {
        let (c, sides) = (config.channels, sides(config));
        let name = |l: usize| format!("posterior.image.{l}");
        let convolutions =
            (0..config.convolutions).map(|l| Conv::new(layout, &name(l), if l == 0 { 1 } else { c }, c, 1.4)).collect();
        let last = sides[sides.len() - 1];
        let out = Linear::new(layout, "posterior.inverse", last * last * c, config.width, 0.7);
        ImageEncoder { convolutions, out, sides, channels: c }
    }

    /// Images (pixels × 1) → (images × width).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, images: &O::Value) -> O::Value {
        let count = ops.shape(images).0 / (self.sides[0] * self.sides[0]).max(1);
        let mut x = images.clone();
        for (conv, &side) in self.convolutions.iter().zip(&self.sides) {
            x = conv.forward(ops, w, &x, &Patches::stride(count, side));
            x = ops.gelu(&x);
        }
        let last = self.sides[self.sides.len() - 1];
        let x = reshape(ops, &x, last * last * self.channels);
        self.out.forward(ops, w, &x, None)
    }
}

/// Linear layers to a small image, then convolutions that double its side; the last one works on the mask alone.
pub struct ImageDecoder {
    seen: Linear,
    latent: Linear,
    image: Linear,
    convolutions: Vec<Conv>,
    sides: Vec<usize>,
    channels: usize,
}

impl ImageDecoder {
    /// The decoder of these settings; it starts at zero.
    pub fn new(layout: &mut Layout, config: &GcvaeConfig) -> Self {
        let (w, c, sides) = (config.width, config.channels, sides(config));
        let last = sides[sides.len() - 1];
        let seen = Linear::new(layout, "decoder.seen", w, w, 1.0);
        let latent = Linear::new(layout, "decoder.latent", config.latent, w, 1.0);
        let image = Linear::new(layout, "decoder.image", w, last * last * c, 1.4);
        let mut conv = |l: usize| {
            let (to, gain) = if l == 0 { (1, 0.0) } else { (c, 1.4) };
            Conv::new(layout, &format!("decoder.image.{l}"), c, to, gain)
        };
        let convolutions = (0..config.convolutions).rev().map(&mut conv).collect();
        ImageDecoder { seen, latent, image, convolutions, sides, channels: c }
    }

    /// x: graphs × width, z: graphs × latent → entries of the masks × 1.
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, masks: &Masks, [x, z]: [&O::Value; 2]) -> O::Value {
        let count = ops.shape(x).0;
        let (x, z) = (self.seen.forward(ops, w, x, None), self.latent.forward(ops, w, z, None));
        let h = ops.add(&x, &z);
        let h = ops.gelu(&h);
        let h = self.image.forward(ops, w, &h, None);
        let mut x = reshape(ops, &h, self.channels);
        for (conv, l) in self.convolutions.iter().zip((0..self.convolutions.len()).rev()) {
            x = ops.gelu(&x);
            let patches = match l {
                0 => Patches::doubled_at(masks.places(), self.sides[0]),
                _ => Patches::doubled(count, self.sides[l]),
            };
            x = conv.forward(ops, w, &x, &patches);
        }
        x
    }
}
