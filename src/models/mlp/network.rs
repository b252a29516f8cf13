//! The network, what it sees of a matrix, and the inverse it writes out.

use std::path::Path;

use rayon::prelude::*;

use super::{MlpConfig, NAME};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::explicit_inverse::ExplicitInverse;
use crate::models::network::{Description, Network};
use crate::models::{Checkpoint, PredictOptions, TrainingSet, features};
use crate::nn::ops::Engine;
use crate::nn::{self, Backend, Layout, NamedArray, Trained};
use crate::solve::Acceleration;
use crate::system::{LinearSystem, Parts};

/// What the network knows besides its weights: sizes and feature scales.
#[derive(Debug, Clone)]
pub(super) struct Normalization {
    pub(super) config: MlpConfig,
    pub(super) n: usize,
    offsets: Vec<usize>,
    /// Per feature: mean, and 1/deviation (0 where a feature never varies).
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl Normalization {
    /// Of the training samples, in two passes over them.
    pub(super) fn of_samples(config: &MlpConfig, set: &TrainingSet) -> Result<Self> {
        let first = set.first(&Parts::matrix())?;
        let n = first.n();
        for &id in &set.ids {
            let other = set.source.size(id)?.0;
            if other != n {
                return Err(Error::shape("unknowns of a training sample for mlp", n, other));
            }
        }
        let offsets = features::upper_offsets(&first.matrix);
        let count = set.ids.len() as f64;
        // Per feature the mean over the samples of a term, summed in their order.
        let means = |term: &dyn Fn(usize, f64) -> f64| -> Result<Vec<f64>> {
            let mut sums = vec![-0.0; features::width(config.input, n, &offsets)];
            set.for_each_chunk(&Parts::matrix(), |samples| {
                let rows = samples
                    .par_iter()
                    .map(|s| features::read(config.input, &s.matrix, &offsets))
                    .collect::<Result<Vec<_>>>()?;
                for row in rows {
                    let entries = sums.iter_mut().zip(row).enumerate();
                    entries.for_each(|(f, (sum, v))| *sum += term(f, f64::from(v)));
                }
                Ok(())
            })?;
            Ok(sums.into_iter().map(|sum| sum / count).collect())
        };
        let mean = means(&|_, v| v)?;
        let variance = means(&|f, v| (v - mean[f]).powi(2))?;
        let scale = |var: &f64| {
            if *var > 1e-12 { (1.0 / var.sqrt()) as f32 } else { 0.0 }
        };
        let scale = variance.iter().map(scale).collect();
        let mean = mean.iter().map(|&m| m as f32).collect();
        Ok(Normalization { config: config.clone(), n, offsets, mean, scale })
    }

    /// Standardised features of one matrix.
    pub(super) fn features(&self, a: &Csr) -> Result<Vec<f32>> {
        if a.nrows() != self.n {
            return Err(Error::shape(
                "unknowns of the system (the network was trained for one size)",
                self.n,
                a.nrows(),
            ));
        }
        let mut x = features::read(self.config.input, a, &self.offsets)?;
        for ((x, m), s) in x.iter_mut().zip(&self.mean).zip(&self.scale) {
            *x = (*x - m) * s;
        }
        Ok(x)
    }

    /// The normalization of a checkpoint read from `file`.
    fn load(config: &MlpConfig, checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let array = |name: &str| Ok(checkpoint.buffer(name, file)?.data.clone());
        let integers =
            |name: &str| -> Result<Vec<usize>> { Ok(array(name)?.iter().map(|&v: &f32| v as usize).collect()) };
        let n = integers("n")?.first().copied().unwrap_or(0);
        let norm = Normalization {
            n,
            offsets: integers("input.offsets")?,
            mean: array("input.mean")?,
            scale: array("input.scale")?,
            config: config.clone(),
        };
        let width = features::width(norm.config.input, n, &norm.offsets);
        if n == 0 || norm.mean.len() != width || norm.scale.len() != width {
            return Err(Error::file(file, format!("feature scales do not fit a network for n = {n}")));
        }
        Ok(norm)
    }

    fn buffers(&self) -> Vec<NamedArray> {
        let offsets = self.offsets.iter().map(|&d| d as f32).collect();
        vec![
            NamedArray::row("input.mean", self.mean.clone()),
            NamedArray::row("input.offsets", offsets),
            NamedArray::row("input.scale", self.scale.clone()),
            NamedArray::row("n", vec![self.n as f32]),
        ]
    }
}

/// A multilayer perceptron from the features of a matrix to the n² entries of M.
pub struct Mlp {
    pub(super) norm: Normalization,
    pub(super) perceptron: nn::Mlp,
    pub(super) about: Description,
}

impl Mlp {
    /// With initial weights of the last layer up to `gain` √(3/in).
    pub(super) fn new(norm: Normalization, gain: f32) -> Self {
        let mut layout = Layout::default();
        let (input, hidden) = (norm.mean.len(), &norm.config.hidden);
        let perceptron = nn::Mlp::new(&mut layout, NAME, input, hidden, norm.n * norm.n, gain);
        Mlp {
            about: Description { buffers: norm.buffers(), ..Description::new(NAME, &norm.config, layout) },
            norm,
            perceptron,
        }
    }

    /// The network of a checkpoint read from `file`.
    pub(super) fn load(config: &MlpConfig, checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        Ok(Self::new(Normalization::load(config, checkpoint, file)?, 1.0))
    }

    /// The n² entries of M, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] for a system of another size.
    pub fn inverse<D: Backend>(&self, weights: &Trained<D>, a: &Csr) -> Result<Vec<f32>> {
        let x = self.norm.features(a)?;
        let width = x.len();
        Ok(weights.evaluate_dense(|ops, w| {
            let x = ops.table(x, width);
            self.perceptron.forward(ops, w, &x)
        }))
    }
}

impl<D: Backend> Network<D> for Mlp {
    fn about(&self) -> &Description {
        &self.about
    }

    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        let filter = if options.filter > 0.0 { options.filter } else { self.norm.config.filter };
        let entries = self.inverse(weights, &system.matrix)?;
        let op = ExplicitInverse::new(self.norm.n, entries, filter, options.symmetrize)?;
        Ok(Acceleration::preconditioner(op))
    }
}
