//! Layers of Fourier neural operators (Li et al. 2021, arXiv:2010.08895).

use super::layers::Linear;
use super::layout::{Layout, Start};
use super::ops::{Images, Ops, Weights};
use super::params::Parameter;

/// A spectral convolution with weights `{name}.real` and `{name}.imaginary` (2 modes² · width × width); see
/// [`super::ops::SpectralOp`].
#[derive(Debug, Clone, Copy)]
pub struct SpectralConv([Parameter; 2]);

impl SpectralConv {
    /// Real and imaginary parts from U(−1/width, 1/width).
    pub fn new(layout: &mut Layout, name: &str, width: usize, modes: usize) -> Self {
        let shape = (Images::weights(modes) * width, width);
        let mut part = |part: &str| layout.add(format!("{name}.{part}"), shape, Start::Uniform(1.0 / width as f32));
        SpectralConv([part("real"), part("imaginary")])
    }

    /// x: (pixels, width) → (pixels, width).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, x: &O::Value, images: Images) -> O::Value {
        ops.spectral(x, self.0.map(|p| &w[p]), images)
    }
}

/// Two linear layers on each pixel with a GELU between: `{name}.0`, `{name}.1`.
#[derive(Debug, Clone, Copy)]
pub struct Pointwise([Linear; 2]);

impl Pointwise {
    /// Of those widths; the last layer's weights are scaled by `gain`.
    pub fn new(layout: &mut Layout, name: &str, widths: [usize; 3], gain: f32) -> Self {
        Pointwise([
            Linear::new(layout, &format!("{name}.0"), widths[0], widths[1], 1.0),
            Linear::new(layout, &format!("{name}.1"), widths[1], widths[2], gain),
        ])
    }

    /// x: (pixels, first width) → (pixels, last width).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, x: &O::Value) -> O::Value {
        let x = self.0[0].forward(ops, w, x, None);
        let x = ops.gelu(&x);
        self.0[1].forward(ops, w, &x, None)
    }
}

/// x ← MLP(norm(K norm(x))) + W x, K a spectral convolution, W and MLP pixel by pixel, norms within images.
#[derive(Debug, Clone, Copy)]
pub struct FourierLayer {
    spectral: Option<SpectralConv>,
    mlp: Pointwise,
    skip: Linear,
}

impl FourierLayer {
    /// `{name}.spectral`, `{name}.mlp`, `{name}.skip`; without modes K is left out, so that no pixel sees another.
    pub fn new(layout: &mut Layout, name: &str, width: usize, modes: Option<usize>) -> Self {
        FourierLayer {
            spectral: modes.map(|modes| SpectralConv::new(layout, &format!("{name}.spectral"), width, modes)),
            mlp: Pointwise::new(layout, &format!("{name}.mlp"), [width; 3], 1.0),
            skip: Linear::new(layout, &format!("{name}.skip"), width, width, 1.0),
        }
    }

    /// x: (pixels, width) → (pixels, width).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, x: &O::Value, images: Images) -> O::Value {
        let mut seen = ops.instance_norm(x, images.count);
        if let Some(spectral) = &self.spectral {
            seen = spectral.forward(ops, w, &seen, images);
            seen = ops.instance_norm(&seen, images.count);
        }
        let change = self.mlp.forward(ops, w, &seen);
        let own = self.skip.forward(ops, w, x, None);
        ops.add(&own, &change)
    }
}
