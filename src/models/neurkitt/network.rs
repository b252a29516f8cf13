//! The network, and the space it predicts.

use std::sync::Arc;

use super::features::{CORNERS, Seen};
use super::{Base, NAME, NeurkittConfig};
use crate::error::{Error, Result};
use crate::linalg::Space;
use crate::linalg::dense::{self, Dense};
use crate::models::PredictOptions;
use crate::models::eigenvector_labels::{LABEL, eigenvectors};
use crate::models::network::{Description, Network};
use crate::nn::fourier::{FourierLayer, Pointwise};
use crate::nn::ops::{Images, Ops, Weights};
use crate::nn::{Backend, Layout, Real, Trained};
use crate::solve::Acceleration;
use crate::system::{LinearSystem, Names};

/// A lift, Fourier layers, a head.
pub struct Neurkitt {
    pub(super) config: NeurkittConfig,
    pub(super) about: Description,
    lift: Pointwise,
    layers: Vec<FourierLayer>,
    head: Pointwise,
}

/// Samples of one grid, one after the other, as the network takes them.
pub struct Tables<E> {
    /// Of how many samples.
    pub count: usize,
    /// Points a side of their grids.
    pub side: usize,
    /// As [`Seen::inputs`].
    pub inputs: Vec<E>,
    /// As [`Seen::corners`], counted over all grids.
    pub corners: Arc<Vec<u32>>,
    /// As [`Seen::shares`].
    pub shares: Vec<E>,
    /// As [`Seen::base`].
    pub base: Vec<E>,
}

impl<E: Real> Tables<E> {
    /// # Errors
    /// [`Error::Argument`] if the grids differ, or the unknowns of some alone are points of it.
    pub fn join(samples: &[&Seen]) -> Result<Self> {
        let first = samples.first().ok_or_else(|| Error::Argument("a batch needs at least one sample".into()))?;
        let side = first.side;
        if samples.iter().any(|s| s.side != side || s.shares.is_empty() != first.shares.is_empty()) {
            return Err(Error::Argument(format!("{NAME}: the samples of a batch are not on one grid")));
        }
        let all = |part: fn(&Seen) -> &Vec<f32>| -> Vec<E> {
            samples.iter().flat_map(|s| part(s).iter().map(|&v| E::narrow(f64::from(v)))).collect()
        };
        let pixels = (side * side) as u32;
        let shifted = samples.iter().zip(0u32..).flat_map(|(s, g)| s.corners.iter().map(move |c| g * pixels + c));
        Ok(Tables {
            count: samples.len(),
            side,
            inputs: all(|s| &s.inputs),
            corners: Arc::new(shifted.collect()),
            shares: all(|s| &s.shares),
            base: all(|s| &s.base),
        })
    }
}

impl Neurkitt {
    /// The network of these settings.
    pub fn new(config: NeurkittConfig) -> Self {
        let (mut layout, w) = (Layout::default(), config.width);
        let modes = config.spectral.then_some(config.modes);
        let lift = Pointwise::new(&mut layout, "lift", [config.inputs(), w, w], 1.0);
        let layers = (0..config.layers).map(|k| FourierLayer::new(&mut layout, &format!("layer.{k}"), w, modes));
        let layers = layers.collect();
        let gain = if config.base == Base::None { 1.0 } else { 0.0 };
        let head = Pointwise::new(&mut layout, "head", [w, config.head, config.dim], gain);
        Neurkitt { about: Description::new(NAME, &config, layout), config, lift, layers, head }
    }

    /// W: (unknowns, dim).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, tables: &Tables<O::Real>) -> O::Value {
        let images = Images { count: tables.count, side: tables.side, modes: self.config.modes };
        let inputs = ops.table(tables.inputs.clone(), self.config.inputs());
        let mut x = self.lift.forward(ops, w, &inputs);
        for (k, layer) in self.layers.iter().enumerate() {
            x = layer.forward(ops, w, &x, images);
            if k + 1 < self.layers.len() {
                x = ops.gelu(&x);
            }
        }
        let x = self.head.forward(ops, w, &x);
        let x = self.read_off(ops, &x, tables);
        match self.config.base {
            Base::None => x,
            Base::Sine => {
                let base = ops.table(tables.base.clone(), self.config.dim);
                ops.add(&base, &x)
            }
        }
    }
    /// The values of x (points of the grids × dim) at the unknowns.
    fn read_off<O: Ops>(&self, ops: &mut O, x: &O::Value, tables: &Tables<O::Real>) -> O::Value {
        if tables.shares.is_empty() {
            return ops.select(x, &tables.corners);
        }
        let part = |ops: &mut O, c: usize| {
            let index = tables.corners.iter().skip(c).step_by(CORNERS).copied().collect();
            let shares = tables.shares.iter().skip(c).step_by(CORNERS);
            let shares = shares.flat_map(|&s| std::iter::repeat_n(s, self.config.dim)).collect();
            let corner = ops.select(x, &Arc::new(index));
            let shares = ops.table(shares, self.config.dim);
            ops.multiply(&corner, &shares)
        };
        let first = part(ops, 0);
        (1..CORNERS).fold(first, |sum, c| {
            let more = part(ops, c);
            ops.add(&sum, &more)
        })
    }

    /// W, n×dim or cut to patches.
    ///
    /// # Errors
    /// As [`Seen::new`].
    pub fn space<D: Backend>(&self, weights: &Trained<D>, system: &LinearSystem) -> Result<Space> {
        let seen = Seen::new(&self.config, system)?;
        let tables = Tables::join(&[&seen])?;
        let entries = weights.evaluate(|ops, w| self.forward(ops, w, &tables));
        let k = self.config.dim;
        let columns = Dense::from_fn(entries.len() / k, k, |i, j| f64::from(entries[i * k + j]));
        match &seen.partition {
            Some(partition) => partition.times(&columns),
            None => Ok(columns.into()),
        }
    }
}

impl<D: Backend> Network<D> for Neurkitt {
    fn about(&self) -> &Description {
        &self.about
    }

    fn predicts_space(&self) -> bool {
        true
    }

    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        Ok(Acceleration::space(self.space(weights, system)?))
    }

    fn labels(&self) -> Names {
        Names::Only(vec![LABEL.into()])
    }

    /// The cosine of the largest principal angle between the space and the eigenvectors.
    fn agreement(&self, weights: &Trained<D>, system: &LinearSystem) -> Result<Option<f64>> {
        if system.label(LABEL).is_none() {
            return Ok(None);
        }
        let vectors = eigenvectors(system, self.config.targets())?;
        dense::largest_angle(&self.space(weights, system)?.to_dense(), &vectors).map(Some)
    }
}
